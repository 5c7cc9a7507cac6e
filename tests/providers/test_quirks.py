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
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from dragoman.providers.catalog import catalog
from dragoman.providers.quirks import QUIRKS, fit
from dragoman.providers.wish import Wish

ROWS = catalog()
ASK = Request(dialect="anthropic", model="claude-opus-5-5", turns=(Turn("user", (Text("Hello"),)),))
TOOLS = (Tool("Bash"),)


def wish(model: str, /, **asked: Any) -> Wish:
    """A request for `model` that asks for this."""
    return Wish(request=replace(ASK, **asked), habits=Habits(), model=model, dialect="anthropic")


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
        ("GPT-5.6-terra", "reasoning_effort", ("none", "low", "medium", "high", "xhigh", "max")),
        ("gpt-7", "reasoning_effort", ("none", "low", "medium", "high", "xhigh", "max")),
        ("openai/gpt-oss-120b", "reasoning_effort", ("low", "medium", "high")),
        ("foo3", "", ()),
        ("production", "", ()),
    ],
)
def test_effort_is_told_in_the_words_of_the_generation(model: str, effort: str, efforts: tuple[str, ...]) -> None:
    habits = apply("effort_of_openai_models", model).habits
    assert (habits.effort, habits.efforts) == (effort, efforts)


@pytest.mark.parametrize(
    ("row", "model", "member"),
    [
        ("openai", "gpt-4o", "max_completion_tokens"),
        ("azure", "gpt-5", "max_completion_tokens"),
        ("azure", "production", "max_completion_tokens"),
        ("azure", "gpt-4o", "max_tokens"),
        ("azure", "my-gpt-4.1", "max_tokens"),
        ("azure", "gpt-35-turbo", "max_tokens"),
        ("azure", "DeepSeek-V3.1", "max_tokens"),
        ("openai-compatible", "o3-mini", "max_completion_tokens"),
        ("openai-compatible", "openai/gpt-5.5", "max_completion_tokens"),
        ("openai-compatible", "openai/gpt-oss-120b", ""),
        ("openai-compatible", "gpt-4o", ""),
        ("openai-compatible", "qwen3", ""),
        ("moonshot", "kimi-k3", "max_completion_tokens"),
        ("zai", "glm-4.7", "max_tokens"),
    ],
)
def test_pitfall_013_the_output_limit_has_the_name_the_model_knows(row: str, model: str, member: str) -> None:
    assert fit(ROWS[row], ASK, model).habits.max_output_member == member


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
    ("row", "model", "effort", "efforts"),
    [
        ("deepseek", "deepseek-v4-pro", "thinking", "minimal low medium high xhigh max"),
        ("deepseek", "deepseek-reasoner", "reasoning_effort", "minimal low medium high xhigh max"),
        ("deepseek", "deepseek-chat", "", ""),
        ("moonshot", "kimi-k2.6", "thinking", ""),
        ("moonshot", "kimi-k2.7-code", "", ""),
        ("moonshot", "kimi-k3.1-pro", "reasoning_effort", "low high max"),
        ("moonshot", "moonshot-v1-8k", "", ""),
        ("zai", "glm-4.7", "thinking", ""),
        ("zai", "glm-5.2", "thinking", "low high max"),
        ("zhipu", "glm-5.3", "reasoning_effort", "low high max"),
        ("qwen", "qwen-plus", "enable_thinking", ""),
        ("qwen", "qwen3-coder-plus", "", ""),
        ("qwen", "qwen3-235b-a22b-thinking-2507", "", ""),
        ("ollama", "gpt-oss:20b", "reasoning_effort", "none low medium high"),
        ("ollama", "llama3.3", "", ""),
        ("openrouter", "z-ai/glm-4.7", "reasoning", "none minimal low medium high xhigh"),
        ("openai-compatible", "any", "", ""),
    ],
)
def test_pitfall_031_thinking_is_told_as_the_vendor_takes_it(row: str, model: str, effort: str, efforts: str) -> None:
    habits = fit(ROWS[row], ASK, model).habits
    assert (habits.effort, habits.efforts) == (effort, tuple(efforts.split()))


@pytest.mark.parametrize(
    ("row", "model", "word"),
    [("zai", "glm-5.3", "low"), ("moonshot", "kimi-k3", "low"), ("openai", "o3", "low"), ("azure", "gpt-5", "minimal")],
)
def test_a_model_that_always_thinks_is_asked_to_think_least(row: str, model: str, word: str) -> None:
    fitted = fit(ROWS[row], replace(ASK, reasoning=Reasoning(mode="off")), model)
    assert fitted.request.reasoning == Reasoning(effort=word)
    assert [loss.what for loss in fitted.losses] == ["reasoning.mode"]


@pytest.mark.parametrize(("row", "model"), [("openai", "gpt-5.1"), ("deepseek", "deepseek-v4-pro"), ("zai", "glm-4.7")])
def test_thinking_that_can_be_off_is_off(row: str, model: str) -> None:
    asked = replace(ASK, reasoning=Reasoning(mode="off"))
    assert fit(ROWS[row], asked, model).request is asked


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
        ("glm-4v-plus", True),
        ("glm-5-preview", False),
        ("qwen3-coder-plus", False),
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
    {
        "context_management": Raw(b"{}"),
        "safeguards": Raw(b"[]"),
        "metadata": Raw(b"{}"),
        "mcp_servers": Raw(b"[]"),
        "new_in_2027": Raw(b"1"),
    },
)


def test_pitfall_028_members_of_the_native_vendor_are_left_out_elsewhere() -> None:
    fitted = apply("anthropic_subset", "deepseek-v4-pro", extras=EXTRAS)
    assert fitted.request.extras is not None
    assert fitted.request.extras.members.keys() == {"metadata", "mcp_servers"}
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


def said(*words: str) -> tuple[Text, ...]:
    """These texts."""
    return tuple(Text(each) for each in words)


def test_pitfall_001_a_system_message_midway_becomes_a_reminder() -> None:
    result = ToolResult("c1", (Text("done"),))
    turns = (
        Turn("user", said("a")),
        Turn("system", said("Mind this.")),
        Turn("assistant", (ToolCall("c1", "Bash", "{}"),)),
        Turn("system", said("And this.")),
        Turn("user", (result, Text("b"))),
        Turn("assistant", said("c")),
        Turn("system", ()),
        Turn("user", said("d")),
    )
    fitted = apply("system_first_only", "deepseek-v4-pro", turns=turns)
    assert fitted.request.turns == (
        Turn("user", said("a", "<system-reminder>\nMind this.\n</system-reminder>")),
        turns[2],
        Turn("user", (result, *said("<system-reminder>\nAnd this.\n</system-reminder>", "b"))),
        turns[5],
        turns[7],
    )
    assert [loss.what for loss in fitted.losses] == ["turns.system"]


def test_what_is_no_text_in_a_system_message_stays_as_it_is() -> None:
    picture = Image(Link("https://h/x.png"))
    fitted = apply("system_first_only", "m", turns=(Turn("system", (picture,)), Turn("assistant", said("a"))))
    assert fitted.request.turns == (Turn("user", (picture,)), Turn("assistant", said("a")))


def test_a_conversation_of_empty_system_messages_has_no_turns_left() -> None:
    assert apply("system_first_only", "m", turns=(Turn("system", ()),)).request.turns == ()


CLAUDE = Wish(
    request=replace(ASK, dialect="openai_chat", model="best"), habits=Habits(), model="m", dialect="anthropic"
)


def ask_claude(quirk: str, model: str, /, **asked: Any) -> Wish:
    """A wish from another dialect for a Claude model after one quirk."""
    return QUIRKS[quirk](replace(CLAUDE, model=model, request=replace(CLAUDE.request, **asked)))


HIGH, OFF = Reasoning(effort="high"), Reasoning(mode="off")


@pytest.mark.parametrize(
    ("model", "asked", "sent"),
    [
        ("claude-opus-5-5", HIGH, Reasoning(mode="adaptive", effort="high")),
        ("claude-opus-5-5", OFF, Reasoning(effort="low")),
        ("claude-sonnet-5", OFF, OFF),
        ("claude-sonnet-5", Reasoning(effort="none"), OFF),
        ("claude-fable-5", OFF, Reasoning(effort="low")),
        ("claude-opus-4-7", Reasoning(mode="on", budget=4000), Reasoning(mode="adaptive", effort="low")),
        ("claude-opus-4-7", Reasoning(mode="on", budget=9000), Reasoning(mode="adaptive", effort="medium")),
        ("claude-opus-4-7", Reasoning(mode="on", budget=31999), Reasoning(mode="adaptive", effort="high")),
        ("claude-opus-4-7", Reasoning(effort="xhigh"), Reasoning(mode="adaptive", effort="xhigh")),
        ("claude-opus-4-6", Reasoning(effort="xhigh"), Reasoning(mode="adaptive", effort="high")),
        ("claude-opus-4-6", Reasoning(effort="minimal"), Reasoning(mode="adaptive", effort="low")),
        ("claude-opus-4-6", OFF, Reasoning()),
        ("claude-haiku-4-5-20251001", Reasoning(effort="low"), Reasoning(mode="on", budget=4096)),
        ("claude-haiku-4-5-20251001", HIGH, Reasoning(mode="on", budget=16000)),
        ("claude-opus-4-20250514", Reasoning(mode="adaptive"), Reasoning(mode="on", budget=16000)),
        ("claude-opus-4-20250514", Reasoning(mode="on", budget=64000), Reasoning(mode="on", budget=16000)),
        ("claude-haiku-4-5", Reasoning(), Reasoning()),
        ("my-alias", HIGH, HIGH),
    ],
)
def test_claude_is_asked_to_think_in_the_form_of_its_generation(model: str, asked: Reasoning, sent: Reasoning) -> None:
    fitted = ask_claude("thinking_of_claude", model, reasoning=asked, max_output=32000)
    assert fitted.request.reasoning == sent
    assert bool(fitted.losses) is (asked != sent)


def test_an_answer_too_short_for_thinking_has_none() -> None:
    fitted = ask_claude("thinking_of_claude", "claude-haiku-4-5", reasoning=HIGH, max_output=512)
    assert fitted.request.reasoning == Reasoning()


@pytest.mark.parametrize(
    ("model", "reasoning", "choice", "left"),
    [
        ("claude-opus-5-5", Reasoning(), ToolChoice("auto"), Reasoning()),
        ("claude-opus-5", Reasoning(), DEMAND, OFF),
        ("claude-opus-5", OFF, DEMAND, OFF),
        ("claude-haiku-4-5", HIGH, DEMAND, OFF),
        ("claude-haiku-4-5", Reasoning(), DEMAND, Reasoning()),
    ],
)
def test_pitfall_027_claude_is_made_to_call_only_while_it_does_not_think(
    model: str, reasoning: Reasoning, choice: ToolChoice, left: Reasoning
) -> None:
    fitted = ask_claude("no_forced_tool_while_claude_thinks", model, reasoning=reasoning, tool_choice=DEMAND)
    assert (fitted.request.tool_choice, fitted.request.reasoning) == (choice, left)


@pytest.mark.parametrize(
    ("model", "reasoning", "left"),
    [
        ("claude-opus-4-7", Reasoning(), Sampling(seed=7, presence_penalty=0.1)),
        ("claude-haiku-4-5", HIGH, Sampling(top_p=0.9, seed=7, presence_penalty=0.1)),
        ("claude-haiku-4-5", Reasoning(), HOT),
        ("my-alias", HIGH, HOT),
    ],
)
def test_pitfall_015_claude_gets_the_sampling_its_generation_takes(
    model: str, reasoning: Reasoning, left: Sampling
) -> None:
    fitted = ask_claude("sampling_refused_by_claude", model, reasoning=reasoning, sampling=HOT)
    assert fitted.request.sampling == left


@pytest.mark.parametrize("quirk", ROWS["anthropic"].quirks)
def test_what_a_client_asks_of_the_very_model_it_gets_is_its_own(quirk: str) -> None:
    asked = replace(
        CLAUDE,
        model="claude-opus-5-5",
        request=replace(ASK, reasoning=OFF, sampling=HOT, tools=TOOLS, tool_choice=DEMAND),
    )
    assert QUIRKS[quirk](asked) is asked


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
NAMES = """
gpt-4o o3 gpt-5.6 deepseek-v4-pro deepseek-reasoner kimi-k2.6 kimi-k3 glm-5.3 qwen-plus claude-opus-5
claude-haiku-4-5
"""
MODELS = some.sampled_from(NAMES.split())


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


@pytest.mark.parametrize(
    ("model", "effort"),
    [
        ("GigaChat-3-Ultra", "reasoning_effort"),
        ("GigaChat-3-Pro-preview", "reasoning_effort"),
        ("GigaChat-2-Reasoning", "reasoning_effort"),
        ("GigaChat-2-Max", ""),
        ("GigaChat", ""),
    ],
)
def test_gigachat_is_told_effort_where_it_thinks(model: str, effort: str) -> None:
    assert fit(ROWS["gigachat"], ASK, model).habits.effort == effort
