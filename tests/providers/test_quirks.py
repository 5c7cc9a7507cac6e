"""Each quirk does what its vendor needs, for the models that need it, and tells what it took."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.request import (
    Extras,
    Image,
    Link,
    Reasoning,
    Request,
    Sampling,
    Text,
    Tool,
    ToolChoice,
    Turn,
)
from dragoman.providers.catalog import catalog
from dragoman.providers.quirks import QUIRKS, fit
from dragoman.providers.wish import Wish

ROWS = catalog()
ASK = Request(dialect="anthropic", model="claude-opus-5-5", turns=(Turn("user", (Text("Hello"),)),))
TOOLS = (Tool("Bash"),)


def wish(model: str, /, *, extra_body: dict[str, object] | None = None, **asked: Any) -> Wish:
    """A request for `model` that asks for this."""
    habits = Habits(extra_body=extra_body or {})
    return Wish(request=replace(ASK, **asked), habits=habits, model=model, dialect="anthropic")


def apply(quirk: str, model: str, /, **asked: Any) -> Wish:
    """The wish after one quirk."""
    return QUIRKS[quirk](wish(model, **asked))


@pytest.mark.parametrize("quirk", QUIRKS.values(), ids=QUIRKS.keys())
def test_every_quirk_tells_its_vendor_and_source(quirk: object) -> None:
    assert "https://" in (inspect.getdoc(quirk) or "")


def test_every_quirk_is_needed_by_a_row() -> None:
    named = {name for row in ROWS.values() for name in row.quirks}
    assert named == QUIRKS.keys() - {"clamp_output"}


@pytest.mark.parametrize(
    ("model", "effort", "efforts"),
    [
        ("gpt-4o", "", ()),
        ("gpt-4.1-mini", "", ()),
        ("gpt-4o1", "", ()),
        ("chatgpt-4o-latest", "", ()),
        ("gpt-5-chat-latest", "", ()),
        ("gpt-5.2-chat-latest", "", ()),
        ("o3", "reasoning_effort", ("low", "medium", "high")),
        ("o4-mini-2025-04-16", "reasoning_effort", ("low", "medium", "high")),
        ("gpt-5", "reasoning_effort", ("minimal", "low", "medium", "high")),
        ("gpt-5-mini-2025-08-07", "reasoning_effort", ("minimal", "low", "medium", "high")),
        ("prod-gpt5", "reasoning_effort", ("minimal", "low", "medium", "high")),
        ("gpt-5-pro", "reasoning_effort", ("high",)),
        ("gpt-5.1", "reasoning_effort", ("none", "low", "medium", "high")),
        ("gpt-5.1-codex-max", "reasoning_effort", ("low", "medium", "high", "xhigh")),
        ("gpt-5.4-mini", "reasoning_effort", ("none", "low", "medium", "high", "xhigh")),
        ("GPT-5.6-terra", "reasoning_effort", ("none", "low", "medium", "high", "xhigh")),
        ("gpt-7", "reasoning_effort", ("none", "low", "medium", "high", "xhigh")),
        ("openai/gpt-oss-120b", "reasoning_effort", ("low", "medium", "high")),
        ("foo3", "", ()),
        ("production", "", ()),
    ],
)
def test_effort_is_told_in_the_words_of_the_generation(model: str, effort: str, efforts: tuple[str, ...]) -> None:
    habits = apply("effort_of_openai_models", model).habits
    assert (habits.effort, habits.efforts) == (effort, efforts)


@pytest.mark.parametrize(
    ("model", "member"),
    [
        ("gpt-5", "max_completion_tokens"),
        ("o3-mini", "max_completion_tokens"),
        ("production", "max_completion_tokens"),
        ("gpt-4o", ""),
        ("my-gpt-4.1", ""),
        ("gpt-35-turbo", ""),
        ("DeepSeek-V3.1", ""),
        ("Llama-3.3-70B-Instruct", ""),
    ],
)
def test_pitfall_013_the_output_limit_has_the_name_the_family_knows(model: str, member: str) -> None:
    assert apply("max_completion_tokens", model).habits.max_output_member == member


HOT = Sampling(temperature=0.7, top_p=0.9, top_k=40, seed=7, presence_penalty=0.1)


def test_pitfall_015_reasoning_models_get_no_sampling() -> None:
    fitted = apply("sampling_refused_by_reasoning_models", "o3", sampling=HOT)
    assert fitted.request.sampling == Sampling(top_k=40, seed=7)
    assert [(loss.what, loss.how) for loss in fitted.losses] == [
        ("temperature", "dropped"),
        ("top_p", "dropped"),
        ("presence_penalty", "dropped"),
    ]


@pytest.mark.parametrize(
    ("model", "reasoning", "kept"),
    [
        ("gpt-4o", Reasoning(), True),
        ("gpt-5", Reasoning(mode="off"), False),
        ("gpt-5.1", Reasoning(mode="off"), True),
        ("gpt-5.4", Reasoning(effort="none"), True),
        ("gpt-5.4", Reasoning(effort="low"), False),
        ("gpt-5.5", Reasoning(), False),
    ],
)
def test_sampling_stays_where_nothing_is_reasoned(model: str, reasoning: Reasoning, kept: bool) -> None:
    fitted = apply("sampling_refused_by_reasoning_models", model, sampling=HOT, reasoning=reasoning)
    assert (fitted.request.sampling == HOT) is kept


@pytest.mark.parametrize(("model", "limit"), [("o3", 0), ("gpt-5.5", 0), ("gpt-4o", 4)])
def test_pitfall_011_stops_that_are_refused_are_left_to_us(model: str, limit: int) -> None:
    fitted = apply("stop_refused_by_reasoning_models", model, stop=("END",))
    assert fitted.habits.stop_limit == limit
    assert fitted.request.stop == ("END",)


@pytest.mark.parametrize("model", ["gpt-5.4", "gpt-5.4-mini", "gpt-5.5", "gpt-5.6-terra", "gpt-5.10", "gpt-6"])
@pytest.mark.parametrize("asked", [Reasoning(), Reasoning(mode="adaptive", effort="high")])
def test_pitfall_087_tools_are_kept_and_thinking_given_up(model: str, asked: Reasoning) -> None:
    fitted = apply("no_effort_beside_tools", model, tools=TOOLS, reasoning=asked)
    assert fitted.request.reasoning == Reasoning(mode="off", effort="none")
    assert fitted.request.tools == TOOLS
    assert [loss.what for loss in fitted.losses] == ["reasoning"]


@pytest.mark.parametrize(
    ("model", "tools", "effort"),
    [("gpt-5.1", TOOLS, "high"), ("gpt-5", TOOLS, "high"), ("gpt-5.6", (), "high"), ("gpt-5.6", TOOLS, "none")],
)
def test_effort_stays_where_tools_do_not_forbid_it(model: str, tools: tuple[Tool, ...], effort: str) -> None:
    asked = wish(model, tools=tools, reasoning=Reasoning(effort=effort))
    assert QUIRKS["no_effort_beside_tools"](asked) is asked


@pytest.mark.parametrize(
    ("model", "reasoning", "members"),
    [
        ("deepseek-v4-pro", Reasoning(mode="adaptive"), {"thinking": {"type": "enabled"}}),
        ("deepseek-v4-pro", Reasoning(mode="on", budget=4096), {"thinking": {"type": "enabled"}}),
        ("deepseek-v4-pro", Reasoning(effort="high"), {"thinking": {"type": "enabled"}}),
        ("deepseek-v4-pro", Reasoning(mode="off"), {"thinking": {"type": "disabled"}}),
        ("deepseek-v4-pro", Reasoning(effort="none"), {"thinking": {"type": "disabled"}}),
        ("deepseek-v4-pro", Reasoning(), {}),
        ("kimi-k2.6", Reasoning(mode="off"), {"thinking": {"type": "disabled"}}),
        ("kimi-k2.7-code", Reasoning(mode="off"), {}),
        ("kimi-k3", Reasoning(mode="on"), {}),
        ("moonshot-v1-8k", Reasoning(mode="on"), {}),
        ("glm-4.7", Reasoning(mode="on"), {"thinking": {"type": "enabled"}}),
        ("glm-5.3", Reasoning(mode="off"), {}),
    ],
)
def test_pitfall_031_thinking_is_switched_where_there_is_a_switch(
    model: str, reasoning: Reasoning, members: dict[str, object]
) -> None:
    assert apply("thinking_switch", model, reasoning=reasoning).habits.extra_body == members


def test_a_switch_that_is_off_leaves_no_effort_beside_it() -> None:
    asked = wish("deepseek-v4-pro", reasoning=Reasoning(mode="off", effort="high"))
    assert QUIRKS["thinking_switch"](asked.with_habits(effort="reasoning_effort")).habits.effort == ""


@pytest.mark.parametrize(
    ("model", "reasoning", "members"),
    [
        ("qwen-plus", Reasoning(mode="on", budget=2000), {"enable_thinking": True, "thinking_budget": 2000}),
        ("qwen-plus", Reasoning(mode="adaptive"), {"enable_thinking": True}),
        ("qwen-plus", Reasoning(mode="off"), {"enable_thinking": False}),
        ("qwen-plus", Reasoning(), {}),
        ("qwen3-coder-plus", Reasoning(mode="on"), {}),
        ("qwen3-235b-a22b-thinking-2507", Reasoning(mode="off"), {}),
    ],
)
def test_qwen_is_told_to_think_in_its_own_members(model: str, reasoning: Reasoning, members: dict[str, object]) -> None:
    assert apply("enable_thinking_switch", model, reasoning=reasoning).habits.extra_body == members


@pytest.mark.parametrize(
    ("quirk", "model", "efforts"),
    [
        ("effort_of_kimi", "kimi-k3", ("low", "high", "max")),
        ("effort_of_kimi", "kimi-k2.6", ()),
        ("effort_of_glm", "glm-5.3", ("low", "high", "max")),
        ("effort_of_glm", "glm-4.7", ()),
        ("effort_known_to_ollama", "gpt-oss:20b", ("none", "low", "medium", "high")),
        ("effort_known_to_ollama", "llama3.3", ()),
    ],
)
def test_effort_is_told_only_to_models_that_take_it(quirk: str, model: str, efforts: tuple[str, ...]) -> None:
    habits = apply(quirk, model).habits
    assert habits.efforts == efforts
    assert habits.effort == ("reasoning_effort" if efforts else "")


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (Reasoning(mode="off", effort="high"), None),
        (Reasoning(mode="on", effort="high"), "high"),
        (Reasoning(effort="high"), "high"),
    ],
)
def test_pitfall_032_no_effort_stands_beside_thinking_that_is_off(reasoning: Reasoning, effort: str | None) -> None:
    fitted = apply("no_effort_when_thinking_off", "deepseek-v4-pro", reasoning=reasoning)
    assert fitted.request.reasoning == replace(reasoning, effort=effort)
    assert len(fitted.losses) == (effort is None)


DEMAND = ToolChoice("one", "Bash")


@pytest.mark.parametrize("choice", [DEMAND, ToolChoice("any")])
def test_pitfall_027_a_demanded_call_switches_thinking_off(choice: ToolChoice) -> None:
    fitted = apply("no_forced_tool_while_thinking", "deepseek-v4-pro", tools=TOOLS, tool_choice=choice)
    assert fitted.request.tool_choice == choice
    assert fitted.request.reasoning.mode == "off"
    assert [loss.what for loss in fitted.losses] == ["reasoning"]


def test_a_model_that_always_thinks_is_asked_instead_of_told() -> None:
    fitted = apply("no_forced_tool_while_thinking", "kimi-k2.7-code", tools=TOOLS, tool_choice=DEMAND)
    assert fitted.request.tool_choice == ToolChoice("auto")
    assert [loss.what for loss in fitted.losses] == ["tool_choice"]


@pytest.mark.parametrize(
    ("model", "choice", "reasoning"),
    [
        ("deepseek-v4-pro", None, Reasoning()),
        ("deepseek-v4-pro", ToolChoice("auto"), Reasoning()),
        ("deepseek-v4-pro", ToolChoice("none"), Reasoning()),
        ("deepseek-v4-pro", DEMAND, Reasoning(mode="off")),
        ("deepseek-chat", DEMAND, Reasoning()),
        ("moonshot-v1-8k", DEMAND, Reasoning()),
    ],
)
def test_a_choice_that_is_no_trouble_stays(model: str, choice: ToolChoice | None, reasoning: Reasoning) -> None:
    asked = wish(model, tools=TOOLS, tool_choice=choice, reasoning=reasoning)
    assert QUIRKS["no_forced_tool_while_thinking"](asked) is asked


def test_pitfall_044_a_vendor_that_knows_only_auto_gets_only_auto() -> None:
    demanded = apply("only_auto_tool_choice", "glm-4.7", tools=TOOLS, tool_choice=DEMAND)
    assert (demanded.request.tool_choice, demanded.request.tools) == (ToolChoice("auto"), TOOLS)
    banned = apply("only_auto_tool_choice", "glm-4.7", tools=TOOLS, tool_choice=ToolChoice("none"))
    assert (banned.request.tool_choice, banned.request.tools) == (None, ())
    assert len(demanded.losses) == len(banned.losses) == 1


@pytest.mark.parametrize(
    ("model", "reasoning", "echo"),
    [
        ("deepseek-v4-pro", Reasoning(), "reasoning_content"),
        ("deepseek-reasoner", Reasoning(mode="off"), "reasoning_content"),
        ("deepseek-chat", Reasoning(), ""),
        ("deepseek-v4-pro", Reasoning(mode="off"), ""),
        ("kimi-k3", Reasoning(), "reasoning_content"),
        ("kimi-k2.6", Reasoning(mode="on"), "reasoning_content"),
        ("moonshot-v1-128k", Reasoning(), ""),
    ],
)
def test_pitfalls_082_and_083_thinking_is_echoed_to_models_that_think(
    model: str, reasoning: Reasoning, echo: str
) -> None:
    assert apply("reasoning_echo_required", model, reasoning=reasoning).habits.reasoning_echo == echo


@pytest.mark.parametrize(("model", "kept"), [("kimi-k2.6", False), ("kimi-k3.1-pro", False), ("moonshot-v1-8k", True)])
def test_kimi_fixes_the_sampling_of_its_newer_models(model: str, kept: bool) -> None:
    fitted = apply("sampling_refused_by_kimi", model, sampling=Sampling(temperature=0.2))
    assert (fitted.request.sampling.temperature is not None) is kept


@pytest.mark.parametrize(
    ("model", "sees"),
    [
        ("deepseek-v4-pro", False),
        ("deepseek-flash", True),
        ("glm-4.7", False),
        ("glm-4.5v", True),
        ("moonshot-v1-8k", False),
        ("moonshot-v1-8k-vision-preview", True),
        ("kimi-k2.6", True),
        ("qwen3-vl-plus", True),
    ],
)
def test_pitfall_092_models_that_cannot_see_are_shown_no_images(model: str, sees: bool) -> None:
    assert apply("text_only_models", model).habits.images is sees


@pytest.mark.parametrize(
    ("model", "marked"),
    [("anthropic/claude-opus-5.5", True), ("google/gemini-3-pro", True), ("openai/gpt-5.5", False), ("x", False)],
)
def test_pitfall_007_cache_marks_go_to_models_that_know_them(model: str, marked: bool) -> None:
    assert apply("cache_marks_for_some", model).habits.cache_marks is marked


EXTRAS = Extras(
    "anthropic",
    {"context_management": Raw(b"{}"), "safeguards": Raw(b"[]"), "metadata": Raw(b"{}"), "new_in_2027": Raw(b"1")},
)


def test_pitfall_028_members_of_the_native_vendor_are_left_out_elsewhere() -> None:
    fitted = apply("anthropic_subset", "deepseek-v4-pro", extras=EXTRAS)
    assert fitted.habits.drop_members == ("context_management", "new_in_2027", "safeguards")
    assert [loss.what for loss in fitted.losses] == ["context_management", "new_in_2027", "safeguards"]


def test_members_of_another_dialect_are_no_loss_here() -> None:
    asked = wish("deepseek-v4-pro", extras=replace(EXTRAS, dialect="openai_chat"))
    assert QUIRKS["anthropic_subset"](asked) is asked


@pytest.mark.parametrize(
    ("max_output", "reasoning"),
    [
        (32000, Reasoning(mode="on", budget=16000)),
        (None, Reasoning(mode="on", budget=16000)),
        (1500, Reasoning(mode="on", budget=1024)),
        (1024, Reasoning(mode="off")),
    ],
)
def test_pitfall_031_adaptive_thinking_becomes_thinking(max_output: int | None, reasoning: Reasoning) -> None:
    asked = Reasoning(mode="adaptive", display="updates")
    fitted = apply("adaptive_thinking_unknown", "deepseek-v4-pro", reasoning=asked, max_output=max_output)
    assert fitted.request.reasoning == reasoning
    assert [loss.what for loss in fitted.losses] == ["reasoning.mode"]


def test_pitfall_001_a_system_message_midway_becomes_a_reminder() -> None:
    picture = Image(Link("https://h/x.png"))
    turns = (
        Turn("user", (Text("a"),)),
        Turn("system", (Text("Mind this."), picture)),
        Turn("assistant", (Text("b"),)),
        Turn("system", ()),
        Turn("user", (Text("c"),)),
    )
    fitted = apply("system_first_only", "deepseek-v4-pro", turns=turns)
    reminder = Turn("user", (Text("<system-reminder>\nMind this.\n</system-reminder>"), picture))
    assert fitted.request.turns == (turns[0], reminder, turns[2], turns[4])
    assert [loss.what for loss in fitted.losses] == ["turns.system"]


@pytest.mark.parametrize(
    ("limit", "asked", "budget", "sent", "left"),
    [
        (8192, 32000, None, 8192, None),
        (8192, 32000, 31999, 8192, 4096),
        (8192, 32000, 2048, 8192, 2048),
        (8192, 8192, 4000, 8192, 4000),
        (8192, None, None, None, None),
        (None, 128000, None, 128000, None),
    ],
)
def test_pitfall_014_a_wish_for_too_much_output_is_clamped(
    limit: int | None, asked: int | None, budget: int | None, sent: int | None, left: int | None
) -> None:
    asking = replace(ASK, max_output=asked, reasoning=Reasoning(mode="on", budget=budget))
    fitted = fit(ROWS["openai-compatible"], asking, "m", max_output=limit)
    assert (fitted.request.max_output, fitted.request.reasoning.budget) == (sent, left)
    assert bool(fitted.losses) is (sent != asked or left != budget)


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.id)
def test_a_plain_request_passes_every_row_untouched(row: Any) -> None:
    for model in ("gpt-4o", "claude-opus-5-5", "deepseek-v4-pro", "kimi-k2.6", "glm-4.7", "qwen-plus", "llama3.3"):
        fitted = fit(row, ASK, model)
        assert fitted.request is ASK
        assert fitted.losses == ()


REASONINGS = some.builds(
    Reasoning,
    mode=some.sampled_from([None, "off", "on", "adaptive"]),
    budget=some.none() | some.integers(1024, 64000),
    effort=some.sampled_from([None, "none", "low", "high", "max"]),
)
REQUESTS = some.builds(
    replace,
    some.just(ASK),
    reasoning=REASONINGS,
    tools=some.sampled_from([(), TOOLS]),
    tool_choice=some.sampled_from([None, ToolChoice("auto"), ToolChoice("any"), ToolChoice("none"), DEMAND]),
    sampling=some.sampled_from([Sampling(), HOT]),
    max_output=some.none() | some.integers(1, 128000),
    extras=some.sampled_from([None, EXTRAS]),
    turns=some.sampled_from([ASK.turns, (*ASK.turns, Turn("system", (Text("Mind this."),)))]),
)
MODELS = some.sampled_from(
    ["gpt-4o", "o3", "gpt-5.6", "deepseek-v4-pro", "deepseek-reasoner", "kimi-k2.6", "kimi-k3", "glm-5.3", "qwen-plus"]
)


@given(row=some.sampled_from(list(ROWS.values())), request=REQUESTS, model=MODELS)
def test_what_a_quirk_takes_from_the_wish_is_recorded(row: Any, request: Request, model: str) -> None:
    fitted = fit(row, request, model)
    if fitted.request is not request:
        assert fitted.request != request
        assert fitted.losses
    assert all(loss.why.endswith(".") for loss in fitted.losses)


@given(row=some.sampled_from(list(ROWS.values())), request=REQUESTS, model=MODELS)
def test_fitting_what_fits_changes_nothing_more(row: Any, request: Request, model: str) -> None:
    once = fit(row, request, model)
    again = fit(row, once.request, model)
    assert again.request is once.request
    assert again.habits == once.habits
