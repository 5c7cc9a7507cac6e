"""The table of what is kept between each door and each upstream, as a page of the documentation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256

from dragoman.dialects.base import Dialect
from tests.fidelity.answers import ANSWERS, BESIDE, carried, passed
from tests.fidelity.pairs import (
    BY_NAME,
    COUNTING,
    DOOR_NAMES,
    WRITTEN_ONLY,
    Cell,
    Outcome,
    Place,
    Verdict,
    cell,
    counting,
    places,
)
from tests.fidelity.samples import FEATURES

UPSTREAM_NAMES = tuple(name for name in BY_NAME if any(places(name)))
MOST_NAMED = 6
"""Places that a note names at most; beyond that it counts them."""
HEAD = """\
# What is kept

Made by asking the code; `python -m tests.fidelity` writes it anew, and a test compares.

For each door, what becomes of a thing on its way to each upstream's dialect, tried with every provider of the
[catalog](providers.md) that speaks it:

- **exact**: it arrives as it was meant, at every provider;
- **conditional**: it depends on the provider or the model, or it is said in another way; the note tells;
- **unsupported**: it is taken out, or the request is refused; the note tells;
- –: clients have no way to say it in this dialect.

What is lost of tools, and of calls with their results, is told in their rows, and not again in those of what comes with
them.

Nothing is lost in silence: what a note tells stands in `x-dragoman-losses` and in the log as well. Between equal
dialects the body goes through as it is, but for the edits that are noted. Where another vendor's dialect is spoken, a
provider's row may add [words for agents](providers.md) to the system prompt; that is noted as a loss, too, and left
out here.
"""
ANSWERS_HEAD = """
## Answers

What becomes of each thing in an answer, from each upstream's dialect to each door. Here – says that the upstream's
dialect has no words for it; what is unsupported is told as the nearest the door's dialect has, or as an error.

"""


def fidelity_page() -> str:
    """The whole page. Markdown."""
    notes: dict[str, str] = {}
    doors = [line for door in DOOR_NAMES for line in _door(door, notes)]
    footnotes = [f"[^{label}]: {text}" for text, label in notes.items()]
    return HEAD + "\n".join(doors) + "\n" + ANSWERS_HEAD + "\n".join([*_answers(), "", *footnotes]) + "\n"


def _door(name: str, notes: dict[str, str]) -> Iterator[str]:
    """The lines of one door's section."""
    yield from ("", f"## From the door `{name}`", "")
    yield from _head("request", UPSTREAM_NAMES)
    for feature in FEATURES:
        cells = [cell(BY_NAME[name], BY_NAME[upstream], feature) for upstream in UPSTREAM_NAMES]
        if any(each.outcomes for each in cells):
            yield _row(feature.name, (_told(each, notes) for each in cells))
    if name in COUNTING:
        counts = (counting(BY_NAME[name], BY_NAME[upstream]) for upstream in UPSTREAM_NAMES)
        yield _row("a count of tokens", (_told(each, notes) for each in counts))


def _answers() -> Iterator[str]:
    """The lines of the table of answers: a column for each upstream, in which doors that lose something are named."""
    upstreams = [upstream for upstream in UPSTREAM_NAMES if upstream not in WRITTEN_ONLY]
    yield from _head("answer", upstreams)
    for answer in ANSWERS:
        yield _row(answer.name, (_by_door(partial(passed, answer), each) for each in upstreams))
    for beside in BESIDE:
        yield _row(beside.name, (_by_door(partial(carried, beside), each) for each in upstreams))


def _by_door(judge: Callable[[Dialect, Dialect], Verdict], upstream: str) -> str:
    """What becomes of a thing in an upstream's answer, at all doors."""
    verdicts = {door: judge(BY_NAME[upstream], BY_NAME[door]) for door in DOOR_NAMES}
    if "never said" in verdicts.values():
        return "–"
    lost = [f"`{door}`" for door, verdict in verdicts.items() if verdict != "exact"]
    match len(lost):
        case 0:
            return "exact"
        case count if count == len(verdicts):
            return "unsupported"
        case _:
            return f"exact, but unsupported at {', '.join(lost)}"


def _head(what: str, columns: Iterable[str]) -> Iterator[str]:
    names = list(columns)
    yield _row(what, (f"`{name}`" for name in names))
    yield "|---|" + "---|" * len(names)


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def _told(found: Cell, notes: dict[str, str]) -> str:
    """One cell, with the label of its note."""
    match found.verdict:
        case "never said":
            return "–"
        case "exact":
            return "exact"
        case verdict:
            return f"{verdict}[^{notes.setdefault(note := _note(found), _label(note))}]"


def _label(note: str) -> str:
    """A name that stays with a note, so that a change elsewhere changes no other line; it is shown as a number."""
    return sha256(note.encode()).hexdigest()[:6]


def _note(found: Cell) -> str:
    """What the losses and refusals of a cell say, each with the places where they do."""
    where: dict[str, list[Place]] = {}
    for place, outcome in found.outcomes.items():
        for words in _words(outcome):
            where.setdefault(words, []).append(place)
    return " ".join(f"{words}{_where(at, found.outcomes)}" for words, at in where.items())


def _words(outcome: Outcome) -> list[str]:
    """The sentences of one outcome, each once."""
    if outcome.refusal:
        return [f"Refused: {outcome.refusal}"]
    return list(dict.fromkeys(loss.why for loss in outcome.losses))


def _where(at: list[Place], everywhere: Mapping[Place, Outcome]) -> str:
    """The places behind a sentence; nothing where it holds at all."""
    if len(at) == len(everywhere):
        return ""
    named = list(dict.fromkeys(_name(place, at, everywhere) for place in at))
    if len(named) <= MOST_NAMED:
        return f" ({', '.join(named)})"
    providers = {place.provider for place in everywhere}
    return f" ({len({place.provider for place in at})} of {len(providers)} providers, as {', '.join(named[:3])})"


def _name(place: Place, at: list[Place], everywhere: Mapping[Place, Outcome]) -> str:
    """A provider's id, with the model where it depends on that."""
    of_provider = {other for other in everywhere if other.provider == place.provider}
    return f"`{place.provider}`" if of_provider <= set(at) else f"`{place.provider}` with {place.model}"
