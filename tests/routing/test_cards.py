"""What is known of models: who is believed, and what routing makes of it."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.routing.cards import Known, ModelCard, merged
from dragoman.routing.decide import decide
from dragoman.routing.health import Health
from dragoman.routing.plan import Plan, Refused
from dragoman.routing.snapshot import with_described
from tests.routing.house import ASK, channel, names, snapshot


def test_each_member_is_believed_of_the_first_that_says_it() -> None:
    known = Known(
        (ModelCard(name="x", context=1),),
        (ModelCard(name="*", context=2, max_output=3, takes=("text",)),),
        (ModelCard(name="x", max_output=4, tools=False, title="X"),),
    )

    found = known.of("x")
    assert (found.name, found.context, found.max_output, found.takes, found.tools, found.title) == (
        "x", 1, 3, ("text",), False, "X"
    )  # fmt: skip


def test_an_exact_name_goes_before_a_pattern_and_case_does_not_count() -> None:
    known = Known((ModelCard(name="deep*", context=1), ModelCard(name="deep-2", context=2)))

    assert [known.of(name).context for name in ("DEEP-2", "Deep-3", "other")] == [2, 1, None]


def test_a_narrow_card_without_members_keeps_a_wide_one_of_its_list_silent() -> None:
    known = Known((ModelCard(name="gemini-*image*"), ModelCard(name="gemini-*", context=1)))

    assert known.of("gemini-2-image").context is None


def test_only_so_many_are_kept_at_hand() -> None:
    known = Known((ModelCard(name="*", context=1),))

    assert all(known.of(f"m{number}").context == 1 for number in range(2500))


def test_nothing_is_known_of_a_name_that_is_none() -> None:
    assert Known((ModelCard(name="*", context=1),)).of("x" * 301).context is None


def test_what_is_said_is_never_taken_back() -> None:
    assert merged(ModelCard(name="a", tools=False), ModelCard(name="b", tools=True)).tools is False


def test_the_gateways_word_stands_between_the_channels_and_the_providers() -> None:
    own = replace(
        channel("a", "m"), cards=(ModelCard(name="m", context=10),), documented=(ModelCard(name="m", max_output=9),)
    )
    told = with_described(own, (ModelCard(name="m", context=20, max_output=8, tools=True),))

    found = told.known.of("m")
    assert (found.context, found.max_output, found.tools) == (10, 8, True)


def test_a_model_that_sees_nothing_is_passed_over_while_another_can_look() -> None:
    blind = with_described(channel("a", "m"), (ModelCard(name="m", takes=("text",)),))
    seeing = channel("b", "m", priority=1)

    plan = decide(snapshot(blind, seeing), Health(), replace(ASK, asked="m", has_images=True), 0, 0.0)
    assert names(plan) == ["b"]
    assert isinstance(plan, Plan)
    assert "it takes no images" in str(plan.passed_over)
    assert names(decide(snapshot(blind), Health(), replace(ASK, asked="m", has_images=True), 0, 0.0)) == ["a"]


def test_a_model_without_tools_or_documents_is_passed_over_too() -> None:
    lame = with_described(channel("a", "m"), (ModelCard(name="m", takes=("text", "image"), tools=False),))
    able = channel("b", "m", priority=1)

    for ask in (replace(ASK, asked="m", has_tools=True), replace(ASK, asked="m", has_documents=True)):
        assert names(decide(snapshot(lame, able), Health(), ask, 0, 0.0)) == ["b"]


def test_a_prompt_that_a_described_model_cannot_hold_is_refused_before_it_is_sent() -> None:
    small = with_described(channel("a", "m"), (ModelCard(name="M", context=1000),))

    found = decide(snapshot(small), Health(), replace(ASK, asked="m", prompt_tokens=5000), 0, 0.0)
    assert isinstance(found, Refused)
    assert found.problem.message == "prompt is too long: 5000 tokens > 1000 maximum"
