"""The laws of translation, for any request, any answer and any oddity of an upstream."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.events import Event, Failed, Finished, PartOpened, PartSealed
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Extras, Part, Refusal, Request, ServerTool, Text, Thinking, ToolCall, Turn
from dragoman.dialects.base import Hearing
from dragoman.dialects.openai_responses import DIALECT
from tests.dialects.openai_responses.stage import (
    HEARING,
    ORIGIN,
    SCENES,
    TELLING,
    Json,
    checked,
    ending,
    events,
    gist,
    losses,
    refusals,
    scene,
    target,
    told,
    write,
)
from tests.laws import strategies
from tests.standin import responses_voice
from tests.standin.ask import Ask
from tests.standin.reply import Call, Signer
from tests.standin.reply import Reply as Said
from tests.standin.reply import Text as SaidText
from tests.standin.reply import Thinking as SaidThinking
from tests.standin.reply import Usage as SaidUsage
from tests.standin.shape import Shape, stream_bytes
from tests.standin.voice import Speech

STREAMS = sorted(f"streams/{path.name}" for path in (SCENES / "streams").iterdir())
SAID = st.text(min_size=1, max_size=12)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "type", "text", "name"]), inner)
    ),
    max_leaves=6,
)

# Answers


def without_beats(found: list[Event]) -> list[Event]:
    return [event for event in found if type(event).__name__ != "Beat"]


@st.composite
def cuts(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream and the same stream in slices."""
    stream = scene(draw(st.sampled_from(STREAMS)))
    return stream, draw(strategies.slices(stream))


@given(cuts())
@settings(max_examples=20)
def test_law_1_any_slices_give_the_same_events(cut: tuple[bytes, list[bytes]]) -> None:
    stream, slices = cut
    whole = without_beats(events(stream))
    assert without_beats(events(slices)) == whole
    assert without_beats(events(strategies.bytewise(stream))) == whole


@given(st.sampled_from(STREAMS), st.integers(0, 9000))
@settings(max_examples=80)
def test_law_2_a_cut_stream_has_one_ending_and_no_success_of_its_own(name: str, at: int) -> None:
    stream = scene(name)
    found = events(stream[:at])
    finished = isinstance(found[-1], Finished)
    assert sum(isinstance(event, Finished | Failed) for event in found) == 1
    assert finished <= (b"response.completed" in stream[:at] or b"response.incomplete" in stream[:at])
    if not finished:
        whole_items = stream[:at].count(b"event: response.output_item.done\n")
        calls = {e.index for e in found if isinstance(e, PartOpened) and isinstance(e.head, ToolCall)}
        assert len([e for e in found if isinstance(e, PartSealed) and e.index in calls]) <= whole_items


SHAPES = st.builds(
    Shape,
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
    comments=st.booleans(),
    blank_after_colon=st.booleans(),
    multiline_data=st.booleans(),
    last_blank_line=st.booleans(),
    pings=st.booleans(),
    text=st.sampled_from(["whole", "words", "fragments", "chars"]),
    arguments=st.sampled_from(["whole", "fragments", "chars"]),
    usage=st.sampled_from(["final", "none", "null"]),
    ending=st.sampled_from(["once", "twice", "foreign"]),
    calls=st.sampled_from(["in_order", "interleaved"]),
    unknown_events=st.booleans(),
    empty_finish=st.booleans(),
)
CALLS = st.builds(
    Call,
    st.sampled_from(["Read", "Write"]),
    st.dictionaries(st.sampled_from("abc"), SAID, min_size=1).map(json.dumps),
)
ANSWERS = st.builds(
    lambda thought, text, calls, usage: Said(
        parts=(*([SaidThinking(thought)] if thought else []), *([SaidText(text)] if text else []), *calls), usage=usage
    ),
    st.text("abc <>", max_size=12),
    st.text("xyz\n", min_size=1, max_size=12),
    st.lists(CALLS, max_size=3),
    st.builds(SaidUsage, st.integers(1, 99), st.integers(0, 9), st.just(0), st.integers(1, 99)),
)


@given(SHAPES, ANSWERS)
@settings(max_examples=80)
def test_every_oddity_of_an_upstream_is_read_as_what_was_meant(shape: Shape, said: Said) -> None:
    ask = Ask(dialect="openai_responses", model="m", stream=True)
    speech = Speech(ask, said, said.usage or SaidUsage(), shape, Signer(), "resp_1")
    reply = fold(events(b"".join(stream_bytes(responses_voice.frames(speech), shape))))
    parts = gist(reply.parts)
    assert "".join(part[1] for part in parts if part[0] == "thinking") == said.thinking
    assert "".join(part[1] for part in parts if part[0] == "text") == said.text
    assert [(part[2], json.loads(part[3])) for part in parts if part[0] == "call"] == [
        (call.name, json.loads(call.arguments)) for call in said.calls
    ]
    assert ending(reply) == ("tool_calls" if said.calls else "end")
    if shape.usage == "final" and said.usage:
        assert (reply.usage.prompt, reply.usage.output) == (said.usage.input + said.usage.cache_read, said.usage.output)


def spoken(reply: Reply) -> list[tuple[str, ...]]:
    """What of a reply this wire can say, in its order: words, calls, and whether a thought is hidden."""
    found: list[tuple[str, ...]] = []
    for part in reply.parts:
        if isinstance(part, ServerTool):
            found += [("text", part.fallback)] if part.fallback else []
        elif isinstance(part, ToolCall) and part.form == "json":
            found.append(("call", part.id, part.name, part.arguments or "{}"))
        elif not (isinstance(part, Thinking) and not part.text):
            found += gist([part])
    return found


REASONS = ("end", "tool_calls", "max_output", "refusal")
EXTRA_PARTS = st.one_of(
    st.builds(Refusal, SAID),
    st.builds(ServerTool, st.just("tongue"), SAID, st.just(Raw(b"{}")), st.one_of(st.none(), SAID)),
)


@given(strategies.replies("claude", "gemini"), st.lists(EXTRA_PARTS, max_size=1))
@settings(max_examples=60)
def test_law_3_and_5_what_is_written_reads_as_what_was_meant(reply: Reply, more: list[Part]) -> None:
    reply = replace(reply, parts=(*reply.parts, *more))
    stream = DIALECT.writer(TELLING).write(unfold(reply))
    streamed = fold(events(stream))
    whole = fold(DIALECT.read_reply(DIALECT.write_reply(reply, TELLING), HEARING))
    checked(DIALECT.write_reply(reply, TELLING))
    assert spoken(streamed) == spoken(whole) == spoken(reply)
    assert (streamed.id, streamed.model) == (reply.id or "resp_x1", "asked")
    assert streamed == whole
    assert fold(unfold(streamed)) == streamed
    if reply.usage.output:
        assert (streamed.usage.prompt, streamed.usage.output) == (reply.usage.prompt, reply.usage.output)
    told(stream)


@given(strategies.streams("claude"))
@settings(max_examples=40)
def test_law_8_a_stream_ends_once_and_nothing_good_follows_a_failure(stream: list[Event]) -> None:
    said = told(DIALECT.writer(TELLING).write(stream))
    endings = [each["type"] for each in said if each["type"] in ("response.completed", "response.incomplete")]
    if isinstance(stream[-1], Failed):
        assert endings == []
        assert said[-1]["type"] == "response.failed"
        assert said[-2]["type"] == "error"
    else:
        assert len(endings) == 1
        assert said[-1]["type"] == endings[0]
    assert [each["type"] for each in said].count("response.created") == 1


@given(strategies.replies("claude", ORIGIN, "gemini"))
@settings(max_examples=40)
def test_a_client_that_keeps_what_it_got_gives_every_seal_back(reply: Reply) -> None:
    items = json.loads(DIALECT.write_reply(reply, TELLING))["output"]
    body = {"model": "m", "input": [{"role": "user", "content": "x"}, *items]}
    turns = DIALECT.read_request(json.dumps(body).encode()).turns
    parts = turns[1].parts if len(turns) > 1 else ()
    for kind in (Thinking, ToolCall, Text):
        given_back = [(part.seal, isinstance(part, Thinking) and part.redacted) for part in parts if type(part) is kind]
        assert given_back == [
            (part.seal, isinstance(part, Thinking) and part.redacted) for part in reply.parts if type(part) is kind
        ]


PIECES = [b"data: ", b"\n\n", b'{"type":"response.created","response":{}}', b"[DONE]", b"{}", b"event: error\n"]


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(PIECES))))
@settings(max_examples=80)
def test_a_reader_never_raises_for_what_an_upstream_did(pieces: list[bytes]) -> None:
    events(pieces)
    DIALECT.read_reply(b"".join(pieces), HEARING)
    DIALECT.read_problem(400, {}, b"".join(pieces))


KINDS = [
    *("response.created", "response.output_item.added", "response.output_item.done", "response.content_part.added"),
    *("response.content_part.done", "response.output_text.delta", "response.output_text.done", "response.completed"),
    *("response.reasoning_summary_text.delta", "response.reasoning_text.delta", "response.refusal.done", "error"),
    *("response.function_call_arguments.delta", "response.incomplete", "response.failed", "response.novel"),
    *("response.output_text.annotation.added", "response.custom_tool_call_input.delta"),
]
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["message", "reasoning", "function_call", "web_search_call", "compaction", "novel", 3]),
        "id": JSON,
        "name": JSON,
        "call_id": JSON,
        "arguments": JSON,
        "content": JSON,
        "summary": JSON,
        "encrypted_content": JSON,
        "phase": JSON,
    },
)
ODD = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "item": st.one_of(ITEMS, JSON),
        "part": JSON,
        "delta": JSON,
        "text": JSON,
        "refusal": JSON,
        "annotation": JSON,
        "output_index": st.sampled_from([0, 1, "x", None]),
        "content_index": st.sampled_from([0, 1, None]),
        "response": st.fixed_dictionaries(
            {}, optional={"output": st.one_of(JSON, st.lists(ITEMS)), "status": JSON, "usage": JSON, "error": JSON}
        ),
        "error": JSON,
    },
)


@given(st.lists(ODD, max_size=6))
@settings(max_examples=100)
def test_a_reader_never_raises_for_any_json(said: list[Json]) -> None:
    events(b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in said))
    for each in said:
        DIALECT.read_reply(json.dumps(each.get("response")).encode(), HEARING)


# Requests


def refused_kind(request: Request, **habits: Any) -> Kind | None:
    """The kind of problem that a request is refused with; None where a strict server takes what was written."""
    try:
        body, _ = write(request, **habits)
    except Trouble as found:
        return found.problem.kind
    shape = body.get("text", {}).get("format", {})
    shape.pop("strict", None)  # whether a schema is fit for it is the client's affair
    assert refusals(body | {"model": "m"}) == []
    return None


@given(strategies.requests("tongue", ORIGIN, "else", ""))
@settings(max_examples=40)
def test_a_strict_server_takes_what_any_dialect_asks(request: Request) -> None:
    request = without_own_seals(request)
    assert refused_kind(request, effort="reasoning", tool_strict=False) in (None, Kind.UNSUPPORTED)


def without_own_seals(request: Request) -> Request:
    """The request without seals that its upstream issued, for the stand-in knows only real ones."""

    def plain(part: Part) -> Part:
        return replace(part, seal=None) if part.seal and part.seal.origin == ORIGIN else part

    turns = tuple(replace(turn, parts=tuple(plain(part) for part in turn.parts)) for turn in request.turns)
    return replace(request, turns=turns)


FOREIGN = Extras("tongue", {"novel": Raw(b"1")})


@given(strategies.requests("tongue", "else"))
@settings(max_examples=30)
def test_law_6_what_is_foreign_is_lost_by_name(request: Request) -> None:
    turns = tuple(replace(turn, extras=FOREIGN) for turn in request.turns)
    try:
        body, written = write(replace(request, extras=FOREIGN, turns=turns))
    except Trouble:
        return
    lost = set(losses(written))
    assert "novel" not in json.dumps(body)
    assert "novel" in lost
    sampling = request.sampling
    for name in ("top_k", "seed", "frequency_penalty", "presence_penalty"):
        assert (getattr(sampling, name) is not None) <= (name in lost)
    if request.service_tier:
        assert "service_tier" in lost
    if turns:
        assert "turn.novel" in lost
    parts = [part for turn in turns for part in turn.parts]
    if any(isinstance(part, Thinking) for part in parts):
        assert "thinking" in lost
    assert written.local_stops == tuple(dict.fromkeys(request.stop))


@given(strategies.requests("tongue", ORIGIN))
@settings(max_examples=10)
def test_writing_is_deterministic(request: Request) -> None:
    try:
        first = DIALECT.write_request(request, target())
    except Trouble:
        return
    assert DIALECT.write_request(request, target()) == first


# One dialect, there and back

CONTENT = st.one_of(
    st.builds(lambda text: {"type": "input_text", "text": text}, SAID),
    st.just({"type": "input_image", "detail": "low", "image_url": "data:image/png;base64,aGk="}),
    st.just({"type": "input_image", "image_url": "https://a.b/c.png"}),
    st.just({"type": "input_image", "detail": "auto", "file_id": "file_1"}),
    st.just({"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}),
    st.just({"type": "input_file", "file_url": "https://a.b/c.pdf"}),
    st.just({"type": "input_file", "file_id": "f", "filename": "a"}),
    st.just({"type": "input_text", "text": "x", "prompt_cache_breakpoint": {"mode": "explicit"}}),
    st.just({"type": "input_novel", "novel": 1}),
)
OUTPUTS = st.one_of(SAID, st.lists(CONTENT, min_size=1, max_size=2))
SUMMARY = {"type": "summary_text", "text": "s"}
WORDS = {"type": "output_text", "text": "Hello", "annotations": []}


def words(*content: Json, **members: Any) -> Json:
    """A message of the model."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
    return {**head, "content": list(content), **members}


def user_message(content: Any, more: Json) -> list[Json]:
    return [{"type": "message", "role": "user", "content": content, **more}]


def calls(output: Any, more: Json) -> list[Json]:
    """Two calls and their results."""
    return [
        {"type": "function_call", "call_id": "a", "name": "Read", "arguments": "{}", **more},
        {"id": "ctc_1", "type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "*"},
        {"type": "function_call_output", "call_id": "a", "output": output, **more},
        {"type": "custom_tool_call_output", "call_id": "b", "output": output},
    ]


BUILT_IN: list[Json] = [
    {"id": "tsc_1", "type": "tool_search_call", "call_id": "s", "execution": "client", "arguments": {"query": "x"}},
    {
        "type": "tool_search_output",
        "call_id": "s",
        "execution": "client",
        "tools": [{"type": "function", "name": "found", "parameters": {}, "strict": False}],
    },
    {"type": "local_shell_call", "call_id": "l", "action": {"type": "exec", "command": ["ls"], "env": {}}},
    {"id": "l", "type": "local_shell_call_output", "output": "a"},
    {"type": "shell_call", "call_id": "h", "action": {"commands": ["ls"]}},
    {
        "type": "shell_call_output",
        "call_id": "h",
        "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
    },
    {"type": "apply_patch_call", "call_id": "p", "operation": {"type": "delete_file", "path": "a"}},
    {"type": "apply_patch_call_output", "call_id": "p", "status": "failed", "output": "no such file"},
]
BUILT_IN = [{"status": "completed", **item} if item["type"].endswith("_call") else item for item in BUILT_IN]
REASONING = [
    {"id": "rs_1", "type": "reasoning", "summary": [SUMMARY, SUMMARY], "encrypted_content": "sealed"},
    {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "sealed"},
    {"id": "rs_3", "type": "reasoning", "summary": [SUMMARY], "content": [{"type": "reasoning_text", "text": "r"}]},
    {"id": "cmp_1", "type": "compaction", "encrypted_content": "sealed"},
]
CARRIED = [
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"id": "mcp_1", "type": "mcp_call", "arguments": "{}", "name": "n", "server_label": "s"},
    {"id": "nov_1", "type": "novel", "novel": 1},
    {"id": "ref_1", "type": "item_reference"},
]


def numbered(items: list[Json]) -> list[Json]:
    """The items, each with an id of its own; that of a local shell's result is its call's."""
    return [
        {**item, "id": f"{item['id']}_{at}"} if item.get("id") not in (None, "l") else item
        for at, item in enumerate(items)
    ]


TALK = st.lists(
    st.one_of(
        st.builds(
            user_message,
            st.one_of(st.text(max_size=9), st.lists(CONTENT, min_size=1, max_size=3)),
            st.sampled_from([{}, {"id": "msg_9"}, {"novel": 1}]),
        ),
        st.just([words(WORDS)]),
        st.just([words(WORDS, {"type": "refusal", "refusal": "no"}, phase="commentary")]),
        st.just([words({**WORDS, "annotations": [{"type": "file_path", "file_id": "f", "index": 0}]})]),
        st.just([{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "d"}]}]),
        st.builds(calls, OUTPUTS, st.sampled_from([{}, {"id": "fc_1"}, {"novel": 1}])),
        st.just(BUILT_IN),
        st.sampled_from(REASONING).map(lambda item: [item, words(WORDS)]),
        st.sampled_from(CARRIED).map(lambda item: [item]),
        st.just([{"id": "x", "type": "mcp_approval_response", "approval_request_id": "y", "approve": True}]),
    ),
    min_size=1,
    max_size=4,
).map(lambda groups: numbered([item for group in groups for item in group]))
TOOLS = [
    {"type": "function", "name": "Read", "parameters": {"type": "object"}, "strict": False},
    {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "a"}},
    {"type": "custom", "name": "free", "format": {"type": "text"}},
    {
        "type": "namespace",
        "name": "box",
        "description": "d",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "defer_loading": True}],
    },
    {"type": "tool_search", "execution": "client", "description": "d", "parameters": {}},
    {"type": "local_shell"},
    {"type": "shell", "environment": {"type": "local"}},
    {"type": "apply_patch"},
    {"type": "web_search", "external_web_access": True},
    {"type": "mcp", "server_label": "s", "server_url": "https://a.b"},
]
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "instructions": SAID,
        "temperature": st.just(0.5),
        "top_p": st.just(0.5),
        "max_output_tokens": st.just(9),
        "user": st.just("me"),
        "service_tier": st.just("flex"),
        "reasoning": st.sampled_from([{"effort": "low"}, {"summary": "auto"}, {"effort": "xhigh", "context": "auto"}]),
        "text": st.sampled_from(
            [
                {"verbosity": "low"},
                {"format": {"type": "json_object"}},
                {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
            ]
        ),
        "metadata": st.just({"a": "b"}),
        "include": st.just(["reasoning.encrypted_content"]),
        "store": st.booleans(),
        "previous_response_id": st.just("resp_1"),
        "parallel_tool_calls": st.booleans(),
        "novel": JSON.filter(lambda value: value is not None),
        "tool_choice": st.sampled_from(
            [
                "auto",
                "required",
                {"type": "function", "name": "Read"},
                {"type": "custom", "name": "patch"},
                {"type": "tool_search"},
                {"type": "web_search_preview"},
                {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "Read"}]},
            ]
        ),
        "tools": st.just(TOOLS),
    },
)


@given(TALK, SETTINGS)
@settings(max_examples=100)
def test_law_4_a_body_read_and_written_again_is_the_same(talk: list[Json], members: Json) -> None:
    if isinstance(members.get("tool_choice"), dict):
        members = {**members, "tools": TOOLS}
    body = {"model": "model-x", "input": talk, **members}
    request = DIALECT.read_request(json.dumps(body).encode())
    written = DIALECT.write_request(request, target(native=True, stream=False, system_role="developer"))
    assert json.loads(written.body) == body
    assert losses(written) == []


def fault_found_in(body: bytes) -> Kind | None:
    """The kind of problem that a body is refused with; None if it is read."""
    try:
        DIALECT.read_request(body)
    except Trouble as found:
        return found.problem.kind
    return None


@given(st.binary(max_size=60))
def test_a_body_is_read_or_refused_as_the_client_s_fault(body: bytes) -> None:
    assert fault_found_in(body) in (None, Kind.INVALID_REQUEST)


TYPES = [
    *("message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "tool_search_output"),
    *("local_shell_call", "shell_call_output", "compaction", "item_reference", "web_search_call", "input_image"),
    *("input_file", "namespace", "tool_search", "function", "input_audio", "allowed_tools"),
]
ITEM = st.dictionaries(
    st.sampled_from(
        [
            *("role", "content", "output", "summary", "encrypted_content", "call_id", "name", "tools", "action"),
            *("format", "environment", "namespace", "status", "id", "image_url", "file_data", "input_audio"),
        ]
    ),
    JSON,
    max_size=4,
)
MEMBERS = ["model", "input", "tools", "tool_choice", "reasoning", "text", "instructions", "background", "user"]


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=3), ITEM, st.sampled_from(TYPES), JSON)
@settings(max_examples=120)
def test_any_json_is_read_or_refused_as_the_client_s_fault(members: Json, item: Json, kind: str, other: Any) -> None:
    typed = {"type": kind, **item}
    for more in (
        {"input": [typed]},
        {"input": [{"role": "user", "content": [typed]}]},
        {"tools": [typed], "tool_choice": typed},
        {"input": other},
        {"text": {"format": typed}, "reasoning": item},
    ):
        body = json.dumps({"model": "m", "input": "x", **members, **more}).encode()
        assert fault_found_in(body) in (None, Kind.INVALID_REQUEST)


@given(strategies.requests("tongue", "else"))
@settings(max_examples=8)
def test_a_token_count_is_asked_with_the_members_it_takes(request: Request) -> None:
    assert DIALECT.write_count is not None
    try:
        body = json.loads(DIALECT.write_count(request, target()).body)
    except Trouble:
        return
    assert {"model", "input"} <= body.keys()
    assert not {"stream", "store", "include", "max_output_tokens"} & body.keys()


@given(st.sampled_from(STREAMS))
@settings(max_examples=20)
def test_what_was_heard_can_be_told_again(name: str) -> None:
    found = without_beats(events(scene(name)))
    again = fold(events(DIALECT.writer(TELLING).write(found), Hearing(origin=ORIGIN)))
    first = fold(found)
    assert gist(again.parts) == gist(first.parts)
    assert ending(again) == ending(first)
    assert all(isinstance(turn, Turn) for turn in DIALECT.read_request(scene("from_codex/write_run.json")).turns)
