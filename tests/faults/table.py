"""What Dragoman makes of each misbehaviour of an upstream: one row per fault of the stand-in, one word per outcome.

An outcome says what a client is told where there is no other channel, how often the upstream was asked, and whether
a second channel would have been. The numbers are those of the fault catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from msgspec import Struct, field

from dragoman.canon.problem import Kind
from tests.faults.vendor import ANSWER, USED
from tests.standin import Call, Reply, Text
from tests.standin.faults import FAULTS
from tests.standin.faults_late import EVERY_KIND, MARK

Words = Literal["gateway", "vendor"]


class Refused(Struct, frozen=True, kw_only=True):
    """An error with a status of its own, since no content was shown."""

    kind: Kind
    status: int
    calls: int = 1
    """How often a lone upstream is asked."""
    retry_after: tuple[int, int] | None = None
    """Least and most seconds the client is told to wait; None: it is told none."""
    again: bool = True
    """Whether the client may ask again."""
    elsewhere: bool = True
    """Whether a second channel is asked."""
    words: str = ""
    """What the message holds at least; a same-dialect client gets it in the vendor's own body."""


class Broken(Struct, frozen=True, kw_only=True):
    """An error inside the stream after what was shown; a whole answer has shown nothing and is refused."""

    kind: Kind
    whole: Refused
    cut: str = ""
    """Kind of the part that was cut and must stay open; empty where none was."""


class Told(Struct, frozen=True, kw_only=True):
    """The truth, whole."""

    reply: Reply = ANSWER
    usage: Literal["exact", "estimated", "sane"] = "exact"
    """Whether the record has the vendor's own counts; `sane` only asks for counts that can be."""
    distinct: bool = True
    """Whether call ids must differ and not be empty, where the answer was translated."""


class Honest(Struct, frozen=True, kw_only=True):
    """Either the truth, or an error: what was shown is a beginning of what was meant."""

    reply: Reply = ANSWER


Outcome = Refused | Broken | Told | Honest

BAD_GATEWAY = {"status": 502, "calls": 2}


def garbled(kind: Kind = Kind.GARBLED) -> Refused:
    """What a lone upstream is asked twice for."""
    return Refused(kind=kind, status=502, calls=2)


GARBLED = garbled()
CUT = garbled(Kind.CUT_SHORT)
FAILED = garbled(Kind.UPSTREAM_ERROR)
SLOW = Refused(kind=Kind.TIMEOUT, status=504)
OVERLOADED = Refused(kind=Kind.OVERLOADED, status=529, retry_after=(5, 5))
LIMITED = Refused(kind=Kind.RATE_LIMITED, status=429, retry_after=(10, 10))
NO_KEY = Refused(kind=Kind.UPSTREAM_CREDENTIAL, status=502, again=False, words="refused the key of channel 'first'")
NO_MONEY = Refused(kind=Kind.UPSTREAM_QUOTA, status=502, again=False, words="is used up")
TOO_LONG = Refused(kind=Kind.PROMPT_TOO_LONG, status=400, again=False, elsewhere=False)
AFTER_CUT = Broken(kind=Kind.CUT_SHORT, whole=CUT)


def soon(retry_after: int) -> Refused:
    """A wait so short that it is waited for where nothing else is left."""
    return Refused(kind=Kind.RATE_LIMITED, status=429, calls=3, retry_after=(retry_after, retry_after))


def limited(retry_after: int) -> Refused:
    """A wait that is the client's."""
    return Refused(kind=Kind.RATE_LIMITED, status=429, retry_after=(retry_after, retry_after))


def about_the_request(kind: Kind, status: int, words: str) -> Refused:
    """A refusal that no other channel would mend."""
    return Refused(kind=kind, status=status, again=False, elsewhere=False, words=words)


def calling(arguments: str) -> Told:
    """The answer of a row that calls with these arguments, whatever they are worth."""
    return Told(reply=Reply((Text("I call it."), Call("Bash", arguments)), usage=USED), usage="sane")


REACH: dict[str, Outcome] = {
    "F06": SLOW,
    "F08": CUT,
}
"""Before any request was read."""

SILENCE: dict[str, Outcome] = {
    "F12": SLOW,
    "F13": SLOW,
    "F14": SLOW,
    "F15": CUT,
    "F15.done": CUT,
    "F15.comment": CUT,
    "F16": OVERLOADED,
    "F16.first": OVERLOADED,
    "F17": CUT,
    "F18": GARBLED,
    "F19": SLOW,
    "F19.huge": GARBLED,
    "F59": Told(),
}
"""Before the first content."""

NO: dict[str, Outcome] = {
    "F20": soon(1),
    "F21": limited(120),
    "F22": LIMITED,
    "F23.429": NO_MONEY,
    "F23.402": NO_MONEY,
    "F24": OVERLOADED,
    "F25": FAILED,
    "F26.502": FAILED,
    "F26.503": OVERLOADED,
    "F26.504": Refused(kind=Kind.TIMEOUT, status=504, calls=2),
    "F27": Refused(kind=Kind.OVERLOADED, status=529, retry_after=(1, 1)),
    "F28.401": NO_KEY,
    "F28.403": NO_KEY,
    "F29": NO_MONEY,
    "F30": Refused(kind=Kind.MODEL_NOT_FOUND, status=404, again=False, words="no-such-model"),
    "F31": about_the_request(Kind.INVALID_REQUEST, 400, "nvalid"),
    "F33": about_the_request(Kind.TOO_LARGE, 413, "equest"),
    "F34.408": Refused(kind=Kind.TIMEOUT, status=504, calls=2),
    "F34.409": FAILED,
    "F34.425": FAILED,
    "F36.400": about_the_request(Kind.REFUSED, 400, "content"),
    "F36.finish": Told(reply=Reply((Text("I cannot help with that."),), stop="refusal", usage=USED), usage="sane"),
    **{key: TOO_LONG for key in FAULTS if key.startswith("F32.")},
    **{key: Refused(kind=Kind.REDIRECTED, status=502, again=False) for key in FAULTS if key.startswith("F35.")},
    "F108.negative": soon(1),
    "F108.nan": LIMITED,
    "F108.huge": limited(3600),
    "F108.fraction": soon(1),
    "F108.words": LIMITED,
    "F108.empty": LIMITED,
    "F108.infinite": limited(3600),
    "F108.past_date": LIMITED,
    "F108.far_date": LIMITED,
    "F108.odd_date": LIMITED,
    "F108.ms": soon(1),
}
"""The upstream says no."""

GARBAGE: dict[str, Outcome] = {
    "F37": GARBLED,
    "F38": LIMITED,
    "F39": GARBLED,
    "F39.kind": GARBLED,
    "F40.before": GARBLED,
    "F40.after": Broken(kind=Kind.GARBLED, whole=GARBLED, cut="text"),
    "F41.split": Told(),
    "F41.text": Told(reply=Reply((Text(f"before {MARK} after".replace(MARK, "\ufffd")),)), usage="sane"),
    "F41.json": Broken(kind=Kind.GARBLED, whole=GARBLED, cut="text"),
    **{key: Told() for key in FAULTS if key.startswith("F42.")},
    "F43.before": GARBLED,
    "F43.after": Broken(kind=Kind.GARBLED, whole=GARBLED, cut="text"),
    "F44.bomb": GARBLED,
    "F44.wrong": GARBLED,
    "F44.unasked": Told(),
    "F45.event": Told(),
    "F45.stop": Honest(),
}
"""What comes is not, or not quite, the vendor's wire."""

ODD: dict[str, Outcome] = {
    **{key: Honest() for key in FAULTS if key.startswith("F46.")},
    "F46.braided": Told(),
    **{key: Told() for key in FAULTS if key.startswith("F47.")},
    "F48.start": CUT,
    "F48.text": Broken(kind=Kind.CUT_SHORT, whole=CUT, cut="text"),
    "F48.call": Broken(kind=Kind.CUT_SHORT, whole=CUT, cut="call"),
    "F48.finish": AFTER_CUT,
    "F49.missing": Told(usage="estimated"),
    "F49.null": Told(usage="estimated"),
    "F49.zero": Told(usage="estimated"),
    "F49.negative": Told(usage="estimated"),
    "F49.shrinking": Told(usage="sane"),
    "F49.string": Told(usage="estimated"),
    "F50": calling('{"command": "ls'),
    "F50.array": calling('["ls"]'),
    "F50.empty": calling(""),
    **{key: Told() for key in FAULTS if key.startswith("F51.")},
    "mode.whole": Told(),
    "mode.stream": Told(),
    "empty": Honest(reply=Reply((), stop="stop")),
    "length.text": Told(reply=Reply(EVERY_KIND.parts[:1], stop="length"), usage="sane"),
    "length.call": Told(reply=Reply(EVERY_KIND.parts[:2], stop="length"), usage="sane"),
}
"""Orderly HTTP, odd answers."""

LATE: dict[str, Outcome] = {
    "F54": Broken(kind=Kind.TIMEOUT, whole=SLOW, cut="text"),
    "F56": Told(),
    "F57": Broken(kind=Kind.OVERLOADED, whole=OVERLOADED, cut="text"),
    "F57.call": Broken(kind=Kind.OVERLOADED, whole=OVERLOADED, cut="call"),
    "F57.choice": Broken(kind=Kind.UPSTREAM_ERROR, whole=FAILED, cut="text"),
    "F57.failed": Broken(kind=Kind.UPSTREAM_ERROR, whole=FAILED, cut="text"),
    "F57.flat": Broken(kind=Kind.UPSTREAM_ERROR, whole=FAILED, cut="text"),
    "F57.words": Broken(kind=Kind.UPSTREAM_ERROR, whole=FAILED, cut="text"),
    **{
        f"{number}.{cut}": Broken(kind=Kind.CUT_SHORT, whole=CUT, cut=cut)
        for number in ("F52", "F53")
        for cut in ("text", "thinking", "call")
    },
}
"""After content."""

OUTCOMES: dict[str, Outcome] = {**REACH, **SILENCE, **NO, **GARBAGE, **ODD, **LATE}

ELSEWHERE = frozenset({"F09", "F09.reuse", "F58"})
"""Rows of the stand-in that need more than one request, or a client that does not hear to the end: see the other
files of this folder."""

SETTINGS: dict[str, dict[str, Any]] = {
    "F14": {"wait_s": 0.002},
    "F19": {"wait_s": 0.01},
    "F43.before": {"value": "9"},
    "F43.after": {"value": "9"},
    "F44.bomb": {"value": "72"},
    "F56": {"wait_s": 0.002},
    "F59": {"wait_s": 0.1},
}
"""Settings of single faults. The pings of F14 are more than are held back."""

BUSY_ELSEWHERE = frozenset({"F16", "F16.first", "F57", "F57.call"})
"""Error events of 529, a status that only Anthropic has a word for: Chat's is that of 503."""

AT_ANTHROPIC = frozenset(
    {"anthropic", "anthropic_sum", "bedrock", "deepseek", "moonshot", "zhipu", "qwen", "openrouter"}
)
"""Vendors that serve Anthropic's dialect, by their name in the rows of F32; the others' words are Chat's alone."""


def settings_for(key: str, upstream: str) -> dict[str, Any]:
    """The settings of a fault at this upstream."""
    return {"value": "503"} if upstream == "openai_chat" and key in BUSY_ELSEWHERE else SETTINGS.get(key, {})


def is_spoken(key: str, upstream: str) -> bool:
    """Whether a vendor with this fault speaks the dialect."""
    return not key.startswith("F32.") or upstream == "openai_chat" or key.removeprefix("F32.") in AT_ANTHROPIC


VAST = frozenset({"F43.before", "F43.after", "F44.bomb"})
"""Faults of such volume that only a calm gateway can be asked for its patience."""
SILENT = frozenset({"F06", "F12", "F13", "F14", "F19", "F54"})
"""Faults that only a limit ends: their channel is a hasty one."""


class Cell(Struct, frozen=True):
    """One fault, through one door, from one upstream dialect, in one mode."""

    key: str
    door: str
    upstream: str
    mode: Literal["stream", "whole"]
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.key}-{self.door}-{self.upstream}-{self.mode}"

    @property
    def stream(self) -> bool:
        """Whether the client asks for a stream."""
        return self.mode == "stream"

    @property
    def verbatim(self) -> bool:
        """Whether the answer passes untouched."""
        return self.door == self.upstream

    @property
    def outcome(self) -> Outcome:
        """What is to come of it; what breaks a stream after content comes before it in a whole answer."""
        found = OUTCOMES[self.key]
        return found.whole if isinstance(found, Broken) and not self.stream else found


DIALECTS = ("anthropic", "openai_chat")
"""Doors that are tried on every wire."""
LATER = ("openai_responses", "gemini")
"""Doors that are tried on one wire for each fault and mode, all wires in turn: what they do with a fault is decided
behind the door, so that each needs to be met by each wire, but not every fault by every pair."""


OWN_WIRE = {
    "openai_responses": frozenset({"F16", "F16.first", "F57", "F57.call", "F57.choice", "F47.foreign"}),
}
"""Of the later doors, those that are tried on their own wire too, with the faults that only other wires have words
for."""


def cells_of(key: str, door: str, place: int) -> Iterator[Cell]:
    """The cells of one fault through one door."""
    row = FAULTS[key]
    spoken = [upstream for upstream in row.dialects if is_spoken(key, upstream)]
    for turn, mode in enumerate(row.modes):
        wires = spoken if door in DIALECTS else [spoken[(place + turn + LATER.index(door)) % len(spoken)]]
        if key not in OWN_WIRE.get(door, (key,)) and len(spoken) > 1:
            wires = [*wires, door]
        for upstream in wires:
            yield Cell(key, door, upstream, mode, settings_for(key, upstream))  # type: ignore[arg-type]  # the two modes


CELLS = [
    cell
    for place, key in enumerate(key for key in FAULTS if key in OUTCOMES)
    for door in (*DIALECTS, *LATER)
    for cell in cells_of(key, door, place)
]
