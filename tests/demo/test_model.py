"""What the demo model says, asked as a function."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import msgspec
import pytest

from dragoman.demo.model import FILE_NAME, answer, fitting
from dragoman.demo.wire import Answer, Ask, Called, CalledFunction, Function, Message, Tool

WRITE = Tool(Function("Write", {"properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}}))
BASH = Tool(Function("Bash", {"properties": {"command": {"type": "string"}, "timeout": {"type": "number"}}}))
SYSTEM = Message("system", "You are an agent.\nPrimary working directory: /home/dev/project\nIs a git repository: true")
PROMPT = Message("user", "Please show me something.")


def turn(messages: list[Message], tools: list[Tool] | None = None) -> Answer:
    """The model's next answer."""
    return answer(Ask(messages=messages, tools=[WRITE, BASH] if tools is None else tools))


def told(said: Answer) -> Message:
    """An answer as it comes back in the history."""
    calls = [Called(said.call.id, CalledFunction(said.call.name, said.call.arguments))] if said.call else None
    return Message("assistant", said.text or None, calls)


def result(said: Answer, text: str) -> Message:
    """The result of an answer's call."""
    assert said.call
    return Message("tool", text, tool_call_id=said.call.id)


def arguments(said: Answer) -> dict[str, str]:
    """What an answer's call asks for."""
    assert said.call
    return msgspec.json.decode(said.call.arguments, type=dict[str, str])


def test_a_run_writes_runs_and_reports() -> None:
    history = [SYSTEM, PROMPT]

    writing = turn(history)
    assert writing.text
    assert arguments(writing)["file_path"] == f"/home/dev/project/{FILE_NAME}"
    history += [told(writing), result(writing, "File created successfully at: /home/dev/project/hello_dragoman.py")]
    running = turn(history)
    assert arguments(running) == {"command": f"python3 /home/dev/project/{FILE_NAME}"}
    history += [told(running), result(running, "Hello from Dragoman! Six times seven is 42")]
    report = turn(history)

    assert "> Hello from Dragoman! Six times seven is 42" in report.text
    assert report.finish_reason == "stop"


def test_what_it_writes_is_a_program_that_prints(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(arguments(turn([SYSTEM, PROMPT]))["content"], FILE_NAME, "exec"), {})

    assert capsys.readouterr().out == "Hello from Dragoman! Six times seven is 42\n"


def test_ids_of_calls_differ_within_a_conversation() -> None:
    first = turn([SYSTEM, PROMPT])
    second = turn([SYSTEM, PROMPT, told(first), result(first, "File created")])

    assert first.call
    assert second.call
    assert first.call.id != second.call.id


def test_text_between_calls_does_not_break_the_run() -> None:
    first = turn([SYSTEM, PROMPT])
    reminder = Message("user", "<system-reminder>\nwrite a file\n</system-reminder>")

    second = turn([SYSTEM, PROMPT, told(first), result(first, "File created"), reminder])

    assert second.call
    assert second.call.name == "Bash"


def test_a_refused_write_ends_the_run_and_is_quoted() -> None:
    first = turn([SYSTEM, PROMPT])

    said = turn([SYSTEM, PROMPT, told(first), result(first, "Permission to use Write has been denied.")])

    assert said.call is None
    assert "> Permission to use Write has been denied." in said.text


def test_a_file_that_is_there_is_run() -> None:
    first = turn([SYSTEM, PROMPT])

    said = turn([SYSTEM, PROMPT, told(first), result(first, "File has not been read yet. Read it first.")])

    assert said.call
    assert said.call.name == "Bash"


def test_a_failed_command_is_not_told_as_success() -> None:
    first = turn([SYSTEM, PROMPT])
    history = [SYSTEM, PROMPT, told(first), result(first, "File created")]
    second = turn(history)

    said = turn([*history, told(second), result(second, "python3: command not found")])

    assert "did not go as planned" in said.text
    assert "> python3: command not found" in said.text


def finished() -> list[Message]:
    """A conversation whose run is over."""
    return [SYSTEM, PROMPT, Message("assistant", "Done.")]


def test_after_the_run_a_question_is_answered_in_words() -> None:
    said = turn([*finished(), Message("user", "How are you?")])

    assert said.call is None
    assert "> How are you?" in said.text


def test_after_the_run_a_wish_starts_another() -> None:
    said = turn([*finished(), Message("user", "Do it again!")])

    assert said.call
    assert said.call.name == "Write"


def test_a_long_prompt_of_the_agent_s_own_starts_no_run() -> None:
    said = turn([*finished(), Message("user", "Write a summary of everything, the program too. " * 50)])

    assert said.call is None


FOLDERS = {
    "Working directory: /w": "/w/hello_dragoman.py",
    " - Primary working directory: /a b/c": "/a b/c/hello_dragoman.py",
    "<cwd>/w</cwd>": "/w/hello_dragoman.py",
    "Working directory: `C:\\Users\\dev`": "C:\\Users\\dev\\hello_dragoman.py",
    "nothing of the kind": "hello_dragoman.py",
}


@pytest.mark.parametrize("line", FOLDERS)
def test_the_file_goes_to_the_folder_of(line: str) -> None:
    said = turn([Message("system", f"First.\n{line}\nLast."), PROMPT])

    assert arguments(said)["file_path"] == FOLDERS[line]


def test_the_folder_is_found_in_a_later_message_too() -> None:
    said = turn([Message("system", "An agent."), PROMPT, Message("system", "Working directory: /late")])

    assert arguments(said)["file_path"] == "/late/hello_dragoman.py"


def test_a_path_with_a_quote_is_quoted_for_the_shell() -> None:
    history = [Message("system", "Working directory: /it is"), PROMPT]
    first = turn(history)

    said = turn([*history, told(first), result(first, "File created")])

    assert arguments(said)["command"] == "python3 '/it is/hello_dragoman.py'"


def test_other_agents_tools_are_filled_by_their_own_parameters() -> None:
    shell = Tool(
        Function(
            "shell",
            {
                "properties": {"command": {"type": "array"}, "why": {"type": "string"}, "spare": {}},
                "required": ["why"],
            },
        )
    )
    write = Tool(Function("write", {"properties": {"filePath": {}, "content": {}}}))
    first = turn([SYSTEM, PROMPT], [write, shell])

    said = turn([SYSTEM, PROMPT, told(first), result(first, "ok")], [write, shell])

    assert set(arguments(first)) == {"filePath", "content"}
    assert said.call
    assert msgspec.json.decode(said.call.arguments) == {
        "command": ["bash", "-lc", "python3 /home/dev/project/hello_dragoman.py"],
        "why": "Please show me something.",
    }


def test_without_the_tools_it_chats_and_quotes_the_question() -> None:
    said = turn([SYSTEM, Message("user", [{"type": "text", "text": "What is\nthis?"}])], [WRITE])

    assert "demo model that comes with Dragoman" in said.text
    assert "> What is\n> this?" in said.text


def test_reminders_are_not_taken_for_the_question() -> None:
    parts: list[dict[str, Any]] = [
        {"type": "text", "text": "<system-reminder>x</system-reminder>"},
        {"type": "text", "text": "Hello"},
        {"type": "image_url", "image_url": {"url": "data:"}},
    ]

    assert "> Hello\n" in turn([Message("user", parts)], []).text


def test_a_title_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": False,
    }
    shape = {"type": "json_schema", "json_schema": {"name": "t", "schema": schema}}

    said = answer(Ask(messages=[Message("user", "one two three four five six seven")], response_format=shape))

    assert msgspec.json.decode(said.text) == {"title": "one two three four five six"}


def test_a_json_object_is_one() -> None:
    said = answer(Ask(messages=[PROMPT], response_format={"type": "json_object"}))

    assert msgspec.json.decode(said.text) == {"answer": "Please show me something."}


def test_a_demanded_tool_is_called() -> None:
    tool = Tool(Function("Output", {"properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}))
    choice = {"type": "function", "function": {"name": "Output"}}

    said = answer(Ask(messages=[PROMPT], tools=[tool, WRITE, BASH], tool_choice=choice))

    assert said.call
    assert (said.call.name, said.call.arguments) == ("Output", '{"ok":true}')


SCHEMAS = [
    {"type": "string", "maxLength": 3},
    {"type": ["null", "string"]},
    {"enum": ["a", "b"]},
    {"const": 5},
    {"anyOf": [{"type": "integer", "minimum": 7}, {"type": "string"}]},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "integer"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {"type": "object"},
    {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "null"}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"type": "array"}}},
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_made_up_values_fit(schema: dict[str, object]) -> None:
    assert jsonschema_rs.is_valid(schema, fitting(schema, "some words"))


def test_claude_code_s_output_tool_is_called_once() -> None:
    tool = Tool(Function("StructuredOutput", {"properties": {"n": {"type": "integer"}}, "required": ["n"]}))
    tools = [WRITE, BASH, tool]
    first = turn([SYSTEM, PROMPT], tools)

    second = turn([SYSTEM, PROMPT, told(first), result(first, "Structured output provided")], tools)

    assert first.call
    assert (first.call.name, first.call.arguments) == ("StructuredOutput", '{"n":0}')
    assert second.call is None
