"""Names of a channel's models: exact, in any case, with or without their vendor, and which of them are listed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.match import resolve
from dragoman.routing.names import names_of
from dragoman.routing.plan import Plan, Refused
from dragoman.routing.snapshot import with_keys, with_models
from tests.routing.house import ASK, channel, names, rule, snapshot

NAMES = st.text("abAB/x", min_size=1, max_size=5)


@given(st.lists(NAMES), st.dictionaries(NAMES, NAMES), st.lists(st.sampled_from(["a", "B", "a/b"])), st.booleans())
def test_an_exact_name_is_never_another_model(
    models: list[str], aliases: dict[str, str], trim: list[str], any_case: bool
) -> None:
    found = names_of(models, aliases, trim, any_case=any_case)

    assert all(found.model(model) == model for model in models)
    assert all(found.model(name) == model for name, model in aliases.items() if name not in models)
    assert set(found.exact.values()) <= {*models, *aliases.values()}


def test_a_name_in_another_case_is_told_to_the_upstream_as_it_is_written() -> None:
    loose = replace(channel("a", "Qwen3-Coder"), any_case=True, aliases={"Fast": "qwen-mini"})

    for asked, model in (("qwen3-CODER", "Qwen3-Coder"), ("FAST", "qwen-mini"), ("a/QWEN3-coder", "Qwen3-Coder")):
        found = resolve(snapshot(loose), replace(ASK, asked=asked))
        assert not isinstance(found, Refused)
        assert [one.model for one in found.candidates] == [model]


def test_case_counts_where_nothing_else_is_said() -> None:
    assert isinstance(resolve(snapshot(channel("a", "Big")), replace(ASK, asked="big")), Refused)


def test_the_exact_case_goes_first() -> None:
    loose = replace(channel("a", "gpt", "GPT"), any_case=True)

    assert [loose.names.model(name) for name in ("GPT", "gpt", "Gpt")] == ["GPT", "gpt", "gpt"]
    strict = channel("b", "Gpt")
    found = resolve(snapshot(loose, strict), replace(ASK, asked="Gpt"))
    assert not isinstance(found, Refused)
    assert found.asked == "Gpt"


def test_a_rule_that_refuses_a_name_refuses_it_in_any_case() -> None:
    loose = replace(channel("a", "secret"), any_case=True)
    configured = snapshot(loose, rules=(rule("secret", message="Not for you."),))

    for asked in ("secret", "SECRET", "Secret[1m]", "claude-via-SECRET"):
        found = resolve(configured, replace(ASK, asked=asked))
        assert isinstance(found, Refused)
        assert found.problem.message == "Not for you."


def test_a_vendor_may_be_left_out() -> None:
    trimmed = replace(channel("a", "acme/x", "other/x", "acme/deep/y", "acme/"), trim=("acme", "acme/deep"))

    told = {name: trimmed.names.model(name) for name in ("x", "acme/x", "deep/y", "y", "other/x", "")}
    assert told == {
        "x": "acme/x", "acme/x": "acme/x", "deep/y": "acme/deep/y", "y": "acme/deep/y", "other/x": "other/x", "": ""
    }  # fmt: skip


def test_an_own_name_goes_before_one_whose_vendor_was_taken_off() -> None:
    trimmed = replace(channel("a", "acme/x", "x"), trim=("acme",))

    assert trimmed.names.model("x") == "x"


def test_a_target_may_name_a_model_by_any_of_its_names() -> None:
    trimmed = replace(channel("a", "acme/X"), trim=("acme",), any_case=True)
    found = resolve(snapshot(trimmed, rules=(rule("sonnet", "a/x"),)), ASK)

    assert not isinstance(found, Refused)
    assert found.candidates[0].model == "acme/X"


def test_the_plan_tells_the_true_name() -> None:
    trimmed = replace(channel("a", "acme/X"), trim=("acme",), any_case=True)
    plan = decide(snapshot(trimmed), Health(), replace(ASK, asked="x"), 0, 0.0)

    assert isinstance(plan, Plan)
    assert plan.lines()[0] == "X: listed by its name, asked for as 'x'"
    assert plan.lines()[1].startswith("1. acme/X on a: knows the name")


def test_names_follow_models_that_were_synced_for_each_key() -> None:
    from dragoman.shapes.secret import Secret

    two = with_keys(replace(channel("a"), any_case=True), [Secret("k1"), Secret("k2")])
    synced = with_models(two, ["New-Model"])

    plan = decide(snapshot(synced), Health(), replace(ASK, asked="new-model"), 0, 0.0)
    assert names(plan) == ["a", "a"]


def test_a_name_that_is_not_listed_is_not_given_away_by_a_refusal() -> None:
    hidden = replace(channel("a", "secret-1"), listed="none")
    found = resolve(snapshot(hidden, channel("b", "secure-1")), replace(ASK, asked="secret"))

    assert isinstance(found, Refused)
    assert "secure-1" in found.problem.message
    assert "secret-1" not in found.problem.message


def test_a_rule_that_names_a_model_in_another_case_is_heeded() -> None:
    loose = replace(channel("a", "X", "Y"), any_case=True)
    configured = snapshot(loose, rules=(rule("x", "a/Y"), rule("/z|y", "a/X"), rule("X", message="no")))

    told = {}
    for asked in ("x", "X", "y", "Y"):
        found = resolve(configured, replace(ASK, asked=asked))
        told[asked] = "" if isinstance(found, Refused) else found.candidates[0].model
    assert told == {"x": "Y", "X": "", "y": "X", "Y": "Y"}
