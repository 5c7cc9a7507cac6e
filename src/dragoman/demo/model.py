"""What the demo model says: an agent's short run where it has the tools for it, else a friendly chat.

Rules: it decides from the history alone and keeps nothing, so any request may come at any time; it never claims what
the history does not show. The run: say what comes, write a file, run it, report what it printed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import msgspec

from dragoman.demo.wire import Answer, Ask, Call, Message, Tool

FILE_NAME = "hello_dragoman.py"
PROGRAM = '''"""Written by the demo model of Dragoman, to be looked at and deleted."""

print("Hello from Dragoman! Six times seven is", 6 * 7)
'''

WRITERS = ("write", "write_file")
SHELLS = ("bash", "shell", "run_shell_command")
"""Names of the tools that the run needs, in lower case, as coding agents call them."""
OUTPUTS = ("structuredoutput",)
"""Names of tools by which Claude Code has an answer in a shape; it asks for them in words only."""

FOLDER = re.compile(r"(?:working directory|\bcwd)\b[^:\n<>]{0,20}[:>]\s*[`'\"]?([^\n`'\"<>]+)", re.IGNORECASE)
"""Where agents tell the working folder, as `Primary working directory: /x` or `<cwd>/x</cwd>`."""
REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
TASK = re.compile(r"\b(write|run|create|again|program|file|demo|напиши|запусти|создай|файл)", re.IGNORECASE)
REFUSED = re.compile(r"denied|reject|permission|haven't granted|not allowed|doesn't want|refused", re.IGNORECASE)
THERE_ALREADY = re.compile(r"not been read|already exists|read it first", re.IGNORECASE)
PROMPT_LIMIT = 1000
"""Characters of a prompt that may start a run; longer ones are an agent's own, as for a summary."""


def answer(ask: Ask) -> Answer:
    """What the model says to this request."""
    shape = _wanted_shape(ask.response_format)
    if shape is not None:
        return Answer(msgspec.json.encode(fitting(shape, _topic(ask.messages))).decode())
    forced = _forced(ask)
    if forced:
        return Answer("", _call(forced, {}, ask))
    output = _tool(ask.tools, OUTPUTS)
    if output:
        done = output.function.name in _results(_current(ask.messages))
        return Answer("That is my answer.") if done else Answer("", _call(output, {}, ask))
    writer, shell = _tool(ask.tools, WRITERS), _tool(ask.tools, SHELLS)
    if writer and shell:
        run = _run(ask, writer, shell)
        if run:
            return run
    return Answer(_chat(ask.messages))


def _run(ask: Ask, writer: Tool, shell: Tool) -> Answer | None:
    """The next step of the run; None if there is none to make."""
    current = _current(ask.messages)
    results = _results(current)
    path = _path(ask.messages)
    if shell.function.name in results:
        return Answer(_report(results[shell.function.name], path))
    if writer.function.name in results:
        said = results[writer.function.name]
        if REFUSED.search(said):
            return Answer(f"I wanted to write `{FILE_NAME}`, but was told:\n\n> {_quoted(said)}\n\nSo I stop here.")
        there = "The file is there already" if THERE_ALREADY.search(said) else "The file is written"
        wish = {"command": f"python3 {shlex.quote(path)}", "description": "Run the demo program"}
        return Answer(f"{there}; now I run it.", _call(shell, wish, ask))
    prompt = _prompt(ask.messages)
    if len(prompt) > PROMPT_LIMIT or (len(current) < len(ask.messages) and not TASK.search(prompt)):
        return None
    words = f"This is Dragoman's demo model. I will write a small program, `{FILE_NAME}`, and run it for you."
    return Answer(words, _call(writer, {"path": path, "content": PROGRAM}, ask))


def _current(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages since an answer that called nothing, which ended an earlier run or chat."""
    ends = [at for at, message in enumerate(messages) if message.role == "assistant" and not message.tool_calls]
    return messages[ends[-1] + 1 :] if ends else messages


def _results(messages: Sequence[Message]) -> dict[str, str]:
    """What came back of each tool, by its name, for calls that were answered."""
    names = {call.id: call.function.name for message in messages for call in message.tool_calls or []}
    return {
        names[message.tool_call_id]: message.text
        for message in messages
        if message.role == "tool" and message.tool_call_id in names
    }


def _report(printed: str, path: str) -> str:
    """The end of the run, in the words of what the program printed."""
    if "Hello from Dragoman" not in printed:
        return f"I ran `{path}`, but it did not go as planned. What came back:\n\n> {_quoted(printed)}"
    return (
        f"Done. I wrote `{path}` and ran it. It printed:\n\n> {_quoted(printed)}\n\n"
        "All of this went through Dragoman: your agent spoke its own dialect, I spoke another. "
        "Configure a channel to put a real model in my place."
    )


def _chat(messages: Sequence[Message]) -> str:
    """A friendly answer that says what this is."""
    return (
        "Hello! I am the demo model that comes with Dragoman. I run on this machine, need no key and know very "
        f"little, but I did hear you. You said:\n\n> {_quoted(_prompt(messages))}\n\n"
        "Use me from a coding agent such as Claude Code and I will write a small program and run it. "
        "To talk to a real model, configure a channel and start without `--demo`."
    )


def _quoted(text: str) -> str:
    """The beginning of a text as a quotation."""
    short = text.strip()[:600] or "(nothing)"
    return short.replace("\n", "\n> ")


def _prompt(messages: Sequence[Message]) -> str:
    """What the user said last, without what an agent put around it."""
    for message in reversed(messages):
        if message.role == "user":
            parts = message.content if isinstance(message.content, list) else [{"text": message.text}]
            said = [REMINDER.sub("", str(part.get("text") or "")).strip() for part in parts]
            spoken = [text for text in said if text]
            if spoken:
                return spoken[-1]
    return ""


def _topic(messages: Sequence[Message]) -> str:
    """A few words that name the conversation."""
    words = re.sub(r"<[^>]*>", " ", _prompt(messages)).split()
    return " ".join(words[:6])[:60] or "Dragoman demo"


def _path(messages: Sequence[Message]) -> str:
    """Where the program is to be written: in the folder the agent works in, else just its name."""
    for message in messages:
        told = FOLDER.search(message.text)
        if told:
            folder = told[1].strip().rstrip(".,;")
            windows = bool(re.match(r"[A-Za-z]:", folder))
            return str(PureWindowsPath(folder, FILE_NAME) if windows else PurePosixPath(folder, FILE_NAME))
    return FILE_NAME


def _tool(tools: Sequence[Tool] | None, names: Sequence[str]) -> Tool | None:
    return next((tool for tool in tools or () if tool.function.name.lower() in names), None)


def _forced(ask: Ask) -> Tool | None:
    """The tool that the client insists on, if it names one."""
    choice = ask.tool_choice
    if not isinstance(choice, dict):
        return None
    name = str((choice.get("function") or {}).get("name") or "")
    return next((tool for tool in ask.tools or () if tool.function.name == name), None)


def _call(tool: Tool, wishes: Mapping[str, str], ask: Ask) -> Call:
    """A call of a tool. A wish goes to the parameter with its word in the name; what else is required is made up."""
    properties: Mapping[str, Any] = tool.function.parameters.get("properties") or {}
    required = tool.function.parameters.get("required") or ()
    arguments: dict[str, Any] = {}
    for name, schema in properties.items():
        wish = next((value for word, value in wishes.items() if word in name.lower()), None)
        if wish is not None:
            is_list = schema.get("type") == "array"
            arguments[name] = ["bash", "-lc", wish] if is_list else wish
        elif name in required:
            arguments[name] = fitting(schema, _topic(ask.messages))
    made = sum(len(message.tool_calls or ()) for message in ask.messages)
    return Call(f"call_demo_{made + 1}", tool.function.name, msgspec.json.encode(arguments).decode())


def _wanted_shape(response_format: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema that the answer must fit; None where plain text will do."""
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case {"type": "json_object" | "json_schema"}:
            return {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        case _:
            return None


def fitting(schema: Any, words: str) -> Any:
    """A small value that a JSON Schema allows, in its usual forms; texts are these words."""
    match schema:
        case {"const": value} | {"enum": [value, *_]} | {"default": value}:
            return value
        case {"anyOf": [first, *_]} | {"oneOf": [first, *_]}:
            return fitting(first, words)
        case {"type": [first, *_]}:
            return fitting({**schema, "type": first}, words)
        case {"properties": dict(properties)}:
            required = schema.get("required", list(properties))
            return {name: fitting(inner, words) for name, inner in properties.items() if name in required}
        case {"type": "array"}:
            return [fitting(schema.get("items"), words)] * int(schema.get("minItems", 0))
        case {"type": "integer" | "number"}:
            return schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        case {"type": kind} if kind in ("boolean", "null", "object"):
            return {"boolean": True, "null": None, "object": {}}[kind]
        case {"maxLength": int(limit)}:
            return words[:limit]
        case _:
            return words
