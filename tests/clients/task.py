"""One task that any agent can do with its own tools: write a program, run it and read it at once, tell what it printed.

What the model says depends on the request alone: a call counts as made when the history holds it with a result, so
that a retry is answered alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from tests.standin import Ask, Call, Reply, Text, Thinking, said
from tests.standin.responders import Responder

PROMPT = "Write a program that prints a number, run it, read it and tell me what it printed."
PROGRAM = "print('числа ✓', 6 * 7)\n"
PRINTED = "числа ✓ 42"
FILE = "answer.py"
ANSWERS = 3
"""Answers of the model in the task, where one may hold two calls."""


class Kit(Struct, frozen=True):
    """How the tools of one agent are called; `$path`, `$content` and `$command` stand for what is meant."""

    write: tuple[str, Mapping[str, str]]
    run: tuple[str, Mapping[str, str]]
    read: tuple[str, Mapping[str, str]]

    def call(self, tool: tuple[str, Mapping[str, str]], folder: Path) -> Call:
        """One call, its arguments filled in."""
        name, arguments = tool
        path = str(folder / FILE)
        filled = {
            key: value.replace("$path", path).replace("$content", PROGRAM).replace("$command", f"python3 '{path}'")
            for key, value in arguments.items()
        }
        return Call(name, json.dumps(filled, ensure_ascii=False))

    def steps(self, folder: Path) -> tuple[Reply, ...]:
        """The answers before the last."""
        written, ran, read = (self.call(tool, folder) for tool in (self.write, self.run, self.read))
        return (
            Reply((Thinking("Первым делом — файл."), Text("I write it first ✓."), written)),
            Reply((Thinking("Now a run."), Text("Now I run it and read it."), ran, read)),
        )


KITS = {
    "Write": Kit(
        ("Write", {"file_path": "$path", "content": "$content"}),
        ("Bash", {"command": "$command", "description": "Run it"}),
        ("Read", {"file_path": "$path"}),
    ),
    "exec_command": Kit(
        ("exec_command", {"cmd": "cat > '$path' <<'END'\n$contentEND"}),
        ("exec_command", {"cmd": "$command"}),
        ("exec_command", {"cmd": "cat '$path'"}),
    ),
    "write_file": Kit(
        ("write_file", {"file_path": "$path", "content": "$content"}),
        ("run_shell_command", {"command": "$command", "description": "Run it"}),
        ("read_file", {"file_path": "$path"}),
    ),
    "write": Kit(
        ("write", {"filePath": "$path", "content": "$content"}),
        ("bash", {"command": "$command", "description": "Run it"}),
        ("read", {"filePath": "$path"}),
    ),
    "put_file": Kit(
        ("put_file", {"path": "$path", "content": "$content"}),
        ("run_command", {"command": "$command"}),
        ("get_file", {"path": "$path"}),
    ),
}
"""By a tool that only agents with this kit offer: Claude Code, Codex, Gemini CLI, opencode, and programs of our own."""


def task(folder: Path) -> Responder:
    """The model of the task, for an agent that works in `folder`; without tools it makes up a title."""

    def respond(ask: Ask) -> Reply:
        kit = next((kit for tool, kit in KITS.items() if tool in ask.tools), None)
        if kit is None:
            return said("A short title")
        steps = kit.steps(folder)
        place = answer_due(ask, steps)
        return steps[place] if place < len(steps) else said(f"Done ✓. It printed: {told(ask)}")

    return respond


def answer_due(ask: Ask, steps: tuple[Reply, ...]) -> int:
    """The place of the first answer with a call that has no result yet; behind the last, all are done."""
    for place, step in enumerate(steps):
        if any(not is_made(ask, call) for call in step.calls):
            return place
    return len(steps)


def is_made(ask: Ask, wanted: Call) -> bool:
    """Whether the history holds this call with its result; agents add to the arguments what they assume."""
    with_results = {result.call_id for turn in ask.turns for result in turn.results}
    arguments = json.loads(wanted.arguments)
    return any(
        name == wanted.name and call_id in with_results and arguments.items() <= made.items()
        for turn in ask.turns
        for call_id, name, made in turn.calls
    )


def told(ask: Ask) -> str:
    """The line that the program printed, as a tool reported it."""
    lines = [line for turn in ask.turns for result in turn.results for line in result.text.splitlines()]
    return next((PRINTED for line in lines if PRINTED in line), f"nothing: {lines}")
