"""One request for each thing that a client may ask, in neutral form, and what must be found again of it upstream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.canon.events import Finished
from dragoman.canon.reply import Reply
from dragoman.canon.request import (
    Audio,
    CacheMark,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Request,
    Sampling,
    Seal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tests.sdks.stage import DOT, PDF

SCHEMA = {
    "type": "object",
    "properties": {"command": {"type": "string", "description": "What to run."}},
    "required": ["command"],
}
WAVE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
"""A WAVE file without a sound in it."""


class Returned(Struct, frozen=True):
    """An answer that the client gives back, in the form in which it got it."""

    answer: Reply
    request: Request
    """The next request; the answer stands for its second turn."""


class Feature(Struct, frozen=True):
    """One thing that a client may ask."""

    name: str
    """As the page calls it."""
    sample: Request | Returned | Mapping[str, Mapping[str, Any]]
    """In neutral form, or for what has none, members of a body by dialect."""
    found: Callable[[Request], Any]
    """What makes it up: equal on both sides where nothing was lost, and nothing where it is absent."""


def raw(value: object) -> Raw:
    return Raw(json.dumps(value).encode())


def asked(*parts: Part) -> Turn:
    return Turn("user", parts or (Text("Begin."),))


def told(*parts: Part) -> Turn:
    return Turn("assistant", parts)


PLAIN = Request(dialect="", model="m", turns=(asked(),), max_output=8000)
SHELL = Tool("shell", "Runs a command.", raw(SCHEMA))
OTHER = replace(SHELL, name="ask")
CALL = ToolCall("call_1", "shell", '{"command": "ls"}')
RESULT = ToolResult("call_1", (Text("a.py"),), name="shell", as_string=True)


def plain(**changes: Any) -> Request:
    """The plain request with these fields."""
    return replace(PLAIN, **changes)


def with_tools(**changes: Any) -> Request:
    """A request that offers a tool."""
    return replace(PLAIN, tools=(SHELL,), **changes)


def after_result(result: ToolResult) -> Request:
    """A request in which a call was answered by this."""
    return with_tools(turns=(asked(), told(CALL), asked(result)))


def parts(request: Request) -> Iterator[Part]:
    """Every part of the conversation, those within results too."""
    for turn in request.turns:
        for part in turn.parts:
            yield part
            if isinstance(part, ToolResult):
                yield from part.parts


def words(request: Request) -> list[tuple[str, str]]:
    """Who said what."""
    return [(turn.role, part.text) for turn in request.turns for part in turn.parts if isinstance(part, Text)]


def system(request: Request) -> list[str]:
    """The system prompt, whether it stands apart or in front."""
    apart = [part.text for part in request.system if isinstance(part, Text)]
    return apart + [text for role, text in words(request) if role == "system"]


def tools(request: Request) -> list[Any]:
    """What is offered."""
    return [
        (tool.name, tool.description, json.loads(bytes(tool.schema)) if tool.schema else None)
        for tool in request.tools
        if isinstance(tool, Tool)
    ]


def calls(request: Request) -> list[Any]:
    """What was called, with arguments."""
    return [(part.name, json.loads(part.arguments)) for part in parts(request) if isinstance(part, ToolCall)]


def results(request: Request) -> list[Any]:
    """What the calls gave, in words."""
    return [
        [unpacked(inner.text) for inner in part.parts if isinstance(inner, Text)]
        for part in parts(request)
        if isinstance(part, ToolResult)
    ]


def unpacked(text: str) -> str:
    """A result's words, where a wire that wants results in JSON has them as the only member."""
    match json.loads(text) if text.startswith("{") else None:
        case {"result": str(words)}:
            return words
        case _:
            return text


def media(request: Request) -> list[Any]:
    """Pictures, sounds and documents, wherever they stand."""
    return [(type(part).__name__, part.source) for part in parts(request) if isinstance(part, Image | Audio | File)]


def media_in_results(request: Request) -> list[Any]:
    """Those within the results of tools."""
    found = [part for part in parts(request) if isinstance(part, ToolResult)]
    return [media(plain(turns=(Turn("user", result.parts),))) for result in found]


def marks(request: Request) -> int:
    """How many marks ask for a cache."""
    marked = [*request.system, *request.tools, *parts(request)]
    return sum(part.cache_mark is not None for part in marked)


def choice(request: Request) -> Any:
    """How far tools may be chosen."""
    chosen = request.tool_choice
    return (chosen.mode, chosen.name) if chosen else None


def shape(request: Request) -> Any:
    """The form that is asked of the answer."""
    wished = request.output_shape
    return wished and (wished.kind, json.loads(bytes(wished.schema)) if wished.schema else None)


def thoughts(request: Request) -> list[str]:
    """Earlier thinking."""
    return [part.text for part in parts(request) if isinstance(part, Thinking)]


def thinks_not(request: Request) -> bool:
    """Whether thinking is switched off, in either way to say it."""
    return request.reasoning.mode == "off" or request.reasoning.effort == "none"


def after_thinking(origin: str) -> Returned:
    """A request in which an account's sealed thinking comes back beside its call."""
    thought = Thinking("Hm.", seal=Seal(origin, "c2VhbA=="))
    answer = Reply(id="r_1", model="m", parts=(thought, CALL), finish=Finished("tool_calls"))
    return Returned(answer, after_result(RESULT))


def vendor_tools(request: Request) -> int:
    """How many tools of a vendor's own are offered."""
    return sum(isinstance(tool, ProviderTool) for tool in request.tools)


def left(*names: str) -> Callable[[Request], Any]:
    """What finds members that have no place in the neutral form, at the top or in the settings of an answer."""

    def found(request: Request) -> Any:
        members = request.extras.members if request.extras else {}
        inner = json.loads(bytes(members["generationConfig"])) if "generationConfig" in members else {}
        return sorted(name for name in names if name in members or name in inner)

    return found


def field(*path: str) -> Callable[[Request], Any]:
    """What finds one field."""

    def found(request: Request) -> Any:
        value: Any = request
        for name in path:
            value = getattr(value, name)
        return value

    return found


HOME = "home"
"""The account that is asked."""
PICTURE = Image(Inline("image/png", DOT))
DOCUMENT = File(Inline("application/pdf", PDF))
TWO_CALLS = (CALL, ToolCall("call_2", "shell", '{"command": "pwd"}'))
TWO_RESULTS = (RESULT, ToolResult("call_2", (Text("/tmp"),), name="shell", as_string=True))

TOOLS = Feature("tools", with_tools(), tools)
CALLS = Feature("calls and results", after_result(RESULT), lambda request: (calls(request), results(request)))
"""These two stand in most requests of agents; what is lost of them is told of them alone."""

FEATURES = (
    Feature("system prompt", plain(system=(Text("Be brief."),), system_as_string=True), system),
    Feature(
        "system message midway",
        plain(turns=(asked(), told(Text("Yes?")), Turn("system", (Text("It is late."),)), asked(Text("Go on.")))),
        lambda request: [(role, text) for role, text in words(request) if role == "system"],
    ),
    Feature("conversation", plain(turns=(asked(), told(Text("Yes?")), asked(Text("Go on.")))), words),
    Feature("answer begun by the client", plain(turns=(asked(), told(Text("The answer is")))), words),
    TOOLS,
    CALLS,
    Feature(
        "parallel calls",
        with_tools(turns=(asked(), told(*TWO_CALLS), asked(*TWO_RESULTS))),
        lambda request: (calls(request), results(request)),
    ),
    Feature(
        "a result marked as an error",
        after_result(replace(RESULT, is_error=True)),
        lambda request: [part.is_error for part in parts(request) if isinstance(part, ToolResult)],
    ),
    Feature("some tool demanded", plain(tools=(SHELL, OTHER), tool_choice=ToolChoice("any")), choice),
    Feature("one tool demanded", with_tools(tool_choice=ToolChoice("one", "shell")), choice),
    Feature("no tool allowed", with_tools(tool_choice=ToolChoice("none")), choice),
    Feature(
        "one call at a time", with_tools(parallel_tools=False, tool_choice=ToolChoice("auto")), field("parallel_tools")
    ),
    Feature(
        "strict tools",
        plain(tools=(replace(SHELL, schema=raw({**SCHEMA, "additionalProperties": False}), strict=True),)),
        lambda request: [tool.strict for tool in request.tools if isinstance(tool, Tool)],
    ),
    Feature(
        "tools that take free text",
        plain(tools=(Tool("patch", "Applies a patch.", form="text"),)),
        lambda request: [(tool.name, tool.form) for tool in request.tools if isinstance(tool, Tool)],
    ),
    Feature("pictures", plain(turns=(asked(Text("See:"), PICTURE),)), media),
    Feature("pictures by link", plain(turns=(asked(Text("See:"), Image(Link("https://a.example/b.png"))),)), media),
    Feature("pictures in results", after_result(replace(RESULT, parts=(PICTURE,), as_string=False)), media_in_results),
    Feature("documents (PDF)", plain(turns=(asked(Text("See:"), DOCUMENT),)), media),
    Feature(
        "documents in results", after_result(replace(RESULT, parts=(DOCUMENT,), as_string=False)), media_in_results
    ),
    Feature("sound", plain(turns=(asked(Text("Hear:"), Audio(Inline("audio/wav", WAVE))),)), media),
    Feature("effort", plain(reasoning=Reasoning(effort="high")), field("reasoning", "effort")),
    Feature("budget of thinking", plain(reasoning=Reasoning(mode="on", budget=2000)), field("reasoning", "budget")),
    Feature("no thinking", plain(reasoning=Reasoning(mode="off")), thinks_not),
    Feature("thinking returned to its model", after_thinking(HOME), thoughts),
    Feature("thinking of another model", after_thinking("elsewhere"), thoughts),
    Feature(
        "answer by a JSON schema",
        plain(output_shape=OutputShape("json_schema", raw({**SCHEMA, "additionalProperties": False}), name="answer")),
        shape,
    ),
    Feature("answer in JSON", plain(output_shape=OutputShape("json_object")), shape),
    Feature("marks for the cache", plain(system=(Text("Be brief.", cache_mark=CacheMark()),)), marks),
    Feature("most tokens", plain(max_output=1000), field("max_output")),
    Feature("stop sequences", plain(stop=("END",)), field("stop")),
    Feature("temperature", plain(sampling=Sampling(temperature=0.5)), field("sampling", "temperature")),
    Feature("top_p", plain(sampling=Sampling(top_p=0.5)), field("sampling", "top_p")),
    Feature("top_k", plain(sampling=Sampling(top_k=20)), field("sampling", "top_k")),
    Feature("seed", plain(sampling=Sampling(seed=7)), field("sampling", "seed")),
    Feature(
        "penalties",
        plain(sampling=Sampling(frequency_penalty=0.5, presence_penalty=0.5)),
        lambda request: (request.sampling.frequency_penalty, request.sampling.presence_penalty),
    ),
    Feature("who the user is", plain(user="user-1"), field("user")),
    Feature("a tier of service", plain(service_tier="default"), lambda request: bool(request.service_tier)),
    Feature(
        "the vendor's search of the web",
        {
            "anthropic": {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            "openai_chat": {"web_search_options": {}},
            "openai_responses": {"tools": [{"type": "web_search"}]},
            "gemini": {"tools": [{"google_search": {}}]},
        },
        lambda request: vendor_tools(request) or left("web_search_options")(request),
    ),
    Feature(
        "the vendor's running of code",
        {
            "anthropic": {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
            "openai_responses": {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
            "gemini": {"tools": [{"code_execution": {}}]},
        },
        vendor_tools,
    ),
    Feature(
        "log probabilities",
        {
            "openai_chat": {"logprobs": True, "top_logprobs": 2},
            "openai_responses": {"top_logprobs": 2, "include": ["message.output_text.logprobs"]},
            "gemini": {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
        },
        left("logprobs", "top_logprobs", "responseLogprobs"),
    ),
    Feature(
        "several answers at once",
        {"openai_chat": {"n": 2}, "gemini": {"generationConfig": {"candidateCount": 2}}},
        left("n", "candidateCount"),
    ),
)
