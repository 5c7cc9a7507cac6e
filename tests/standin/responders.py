"""What the stand-in says when no script tells it: pure functions of the request, so that a retry is answered alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.standin.ask import Ask, Result
from tests.standin.reply import Call, Part, Reply, Text, Thinking, said

Responder = Callable[[Ask], Reply]

PROGRAM = """\
def fib(count):
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append(numbers[-1] + numbers[-2])
    return numbers


print("числа ✓", *fib(10))
"""

MOST_TURNS = 12
"""After so many turns with calls the run gives up, so that a broken chain ends."""

DIRECTORY = re.compile(r"[Ww]orking directory:?\s*`?(/[^\s`<]+)")


def echo(ask: Ask) -> Reply:
    """The last user text again; JSON when a schema asks for it."""
    if ask.schema is not None:
        return said(json.dumps(sample(ask.schema), ensure_ascii=False))
    return said(f"You said: {ask.last_user_text}")


def agent_run(cwd: str | None = None) -> Responder:
    """A coding task in five answers: write, run and read at once, edit, run again, report.

    Which answer comes is read from the tool results in the history: a step that failed is asked again. Without `cwd`
    the directory is the one that the prompt names.
    """

    def respond(ask: Ask) -> Reply:
        if "Write" not in ask.tools or ask.schema is not None:
            return echo(ask)
        step = agent_step(ask)
        done = [result for _, result in finished_calls(ask)]
        if step > len(STEPS):
            return Reply((Text(report(done)),))
        if sum(1 for turn in ask.turns if turn.calls) >= MOST_TURNS:
            return said("I give up: too many turns. " + report(done))
        return Reply(STEPS[step - 1](cwd or directory(ask)))

    return respond


def agent_step(ask: Ask) -> int:
    """Which of the agent run's answers is due: 1 to 4 are steps, 5 is the report."""
    good = {(name, changed) for (name, changed), result in finished_calls(ask) if not failed(result)}
    wanted = (
        {("Write", False)},
        {("Bash", False), ("Read", False)},
        {("Edit", False)},
        {("Bash", True)},
    )
    for place, names in enumerate(wanted, start=1):
        if not names <= good:
            return place
    return len(wanted) + 1


def finished_calls(ask: Ask) -> list[tuple[tuple[str, bool], Result]]:
    """Each call that has a result: its name, whether it came after a good edit, and the result."""
    results = {result.call_id: result for turn in ask.turns for result in turn.results}
    found: list[tuple[tuple[str, bool], Result]] = []
    changed = False
    for turn in ask.turns:
        for call_id, name, _ in turn.calls:
            if call_id in results:
                found.append(((name, changed and name == "Bash"), results[call_id]))
        edits = [results[call_id] for call_id, name, _ in turn.calls if name == "Edit" and call_id in results]
        changed = changed or any(not failed(result) for result in edits)
    return found


def failed(result: Result) -> bool:
    """Whether a tool reported an error, in the member or, where the dialect has none, in words."""
    return result.failed or "error" in result.text[:120].lower()


def directory(ask: Ask) -> str:
    """The working directory that the prompt names; the process' own (`.`) when it names none."""
    for text in (ask.system, *(turn.text for turn in ask.turns)):
        if found := DIRECTORY.search(text):
            return found.group(1)
    return "."


def report(results: list[Result]) -> str:
    """What the tools said, quoted, so that the chain's other end can be checked."""
    quotes = "\n".join(f"> {line}" for result in results for line in result.text.splitlines()[:3])
    return f"Done ✓. I wrote fib.py, ran it, changed it and ran it again. The tools said:\n{quotes}"


def _call(name: str, **arguments: str) -> Call:
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def _write(cwd: str) -> tuple[Part, ...]:
    return (
        Thinking("The task is small: a file, a run, a change, a second run. Первым делом — файл."),
        Text("I write fib.py first — то есть сейчас."),
        _call("Write", file_path=f"{cwd}/fib.py", content=PROGRAM),
    )


def _run_and_read(cwd: str) -> tuple[Part, ...]:
    return (
        Text("Now I run it and read it at the same time."),
        _call("Bash", command=f"cd '{cwd}' && python3 fib.py", description="Run fib.py"),
        _call("Read", file_path=f"{cwd}/fib.py"),
    )


def _edit(cwd: str) -> tuple[Part, ...]:
    return (
        Thinking("Ten numbers came out; twelve are wanted."),
        _call("Edit", file_path=f"{cwd}/fib.py", old_string="*fib(10)", new_string="*fib(12)"),
    )


def _run_again(cwd: str) -> tuple[Part, ...]:
    return (
        Text("And once more."),
        _call("Bash", command=f"cd '{cwd}' && python3 fib.py", description="Run the changed fib.py"),
    )


STEPS = (_write, _run_and_read, _edit, _run_again)


def sample(schema: dict[str, Any]) -> Any:
    """A value that the JSON schema accepts; the common words only."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return sample(schema[choice][0])
    kind = schema.get("type", "object")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: sample(properties[name]) for name in schema.get("required", properties)}
        case "array":
            return [sample(schema.get("items", {"type": "string"}))] * int(schema.get("minItems", 1))
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return "A short title"[: schema.get("maxLength", 100)]


RESPONDERS: dict[str, Callable[[str | None], Responder]] = {
    "echo": lambda _cwd: echo,
    "agent_run": agent_run,
}
