"""The page that tells which faults are proved, by what, and which are open and why; it is made from the tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.faults.table import OUTCOMES, Broken, Honest, Outcome, Refused, Told
from tests.standin.faults import FAULTS

NUMBERS = [f"F{number:02}" for number in range(1, 109)]

BESIDE: dict[str, tuple[str, str]] = {
    "F01": ("the connection is refused", "test_reach"),
    "F02": ("the host's name is unknown", "test_reach"),
    "F03": ("the name service stalls", "test_reach"),
    "F05": ("the connection never comes about", "test_reach"),
    "F06": ("the TLS handshake stalls", "test_reach"),
    "F07": ("a certificate that is expired, of another name, or of nobody known", "test_reach"),
    "F09": ("a kept connection turns out to be dead", "test_reach"),
    "F11": ("the proxy on the way is down, or refuses", "test_reach"),
    "F12": ("silence for so long that the client is kept awake meanwhile", "test_silence"),
    "F54": ("the same, after content", "test_silence"),
    "F55": ("the upstream loses its power: the system is told to watch the line", "test_leaving"),
    "F58": ("an answer without end, by bytes and by the hour", "test_silence"),
    "F59": ("a good answer, late", "test_silence"),
    "F60": ("the client leaves before the first byte", "test_leaving"),
    "F61": ("the client leaves within the answer", "test_leaving"),
    "F62": ("the client reads slowly", "test_leaving"),
    "F63": ("the client never reads", "test_leaving"),
    "F64": ("the client's host vanishes: the system is told to watch the line", "test_leaving"),
    "F65": ("head or body come too slowly", "test_requests, and tests/web/test_edge"),
    "F66": ("a body over 32 MiB", "test_requests"),
    "F67": ("a length that lies, chunks that never end", "test_requests"),
    "F68": ("a compressed request", "test_requests"),
    "F69": ("nesting, huge numbers, NaN, members that come twice", "test_requests"),
    "F70": ("bad UTF-8, half surrogate pairs, NUL", "test_requests"),
    "F71": ("smuggling, and headers that are too many or none", "tests/web/test_edge"),
    "F72": ("the same request again and again", "test_requests"),
    "F73": ("an unknown model, an unknown member", "test_requests"),
    "F74": ("probes", "test_requests"),
    "F81": ("an exception in a dialect", "test_own_faults"),
    "F77": ("SIGTERM while answers run", "test_drain"),
}
"""Faults that are proved beside the table, or beyond it, and where."""

PARTLY: dict[str, str] = {
    "F20": "A channel has one key, so that rotating keys is going to the next channel.",
    "F23": "A client is told 429 with `billing_error` only for limits of the gateway's own, which come with budgets.",
    "F24": "The doors of OpenAI and Gemini say 503 for 529. Clients that do not read `x-should-retry`, as Gemini CLI "
    "and opencode, are told 424 in place of 502 where they must not ask again.",
    "F41": "In a verbatim answer the bytes that are not UTF-8 pass as they came.",
    "F42": "In a verbatim stream whose JSON spans several lines the model keeps the upstream's name.",
    "F44": "The size of what is unpacked is limited, its ratio is not.",
    "F55": "That the line is watched is proved; a peer without power cannot be had on loopback.",
    "F56": "A drip feed passes as it is; it is not yet flagged in the record.",
    "F59": "A whole answer is asked whole: its limit is the channel's first-content limit, below the client's own.",
    "F61": "The upstream is always cancelled; draining it for its usage comes with the ledger.",
    "F68": "Gzip and deflate are unpacked up to the limit of a body; other encodings are refused with a 415.",
    "F72": "Retry budgets per key come with limits.",
}
"""What is not proved, or not done, of faults that are covered."""

OPEN: dict[str, tuple[tuple[str, ...], str]] = {
    "the admin API, through which addresses, keys and profiles will be entered at run time": (
        ("F04", "F99", "F100"),
        "comes with it; addresses in a file are the operator's own word",
    ),
    "HTTP/2 to upstreams": (("F10",), "does not apply: upstreams are spoken to in HTTP/1.1"),
    "crashes and the machine's limits": (
        ("F75", "F76", "F78", "F79", "F80", "F82"),
        "need the journal, or admission by memory and file descriptors",
    ),
    "storage": (tuple(f"F{number}" for number in range(83, 91)), "comes with the store"),
    "Redis": (tuple(f"F{number}" for number in range(91, 97)), "comes with the board that replicas share"),
    "clocks and periods": (("F97", "F98"), "come with budgets, the first to count in periods"),
    "money": (("F101", "F106"), "comes with prices and budgets"),
    "credentials that expire": (("F102", "F103", "F104", "F105"), "come with providers that renew theirs"),
    "telemetry that blocks": (("F107",), "the log waits for nobody; exporters are still to come"),
}
"""Faults that are not covered, and why."""

HEAD = """# Faults

What Dragoman makes of each fault that an upstream, a client or the machine may show. The numbers are stable. This page
is made from the tests' own tables by `python -m tests.faults`, and a test holds it to them.

Each row of the first table is tried through the doors of Messages and Chat Completions, from upstreams of both, and
through those of Responses (also from its own) and Gemini from one of them in turn, streamed and whole, with one judge
for all: what the client is told (status, headers, the error in its dialect, nothing after it), that all that was shown
is a beginning of the truth, what is recorded, and how often the upstream was asked. Then the same once more with a
second channel behind it, where the client must hear one good answer, or, for a refusal of the request itself, that
refusal. What a fault means for the next request is tried as well.
"""


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *_table(), "", *_beside(), "", *_partly(), "", *_open(), ""])


def _table() -> Iterator[str]:
    yield "## An upstream that misbehaves"
    yield ""
    yield "| fault | what happens | what the client is told | asked | another channel |"
    yield "|---|---|---|---|---|"
    for key, outcome in OUTCOMES.items():
        refused = outcome.whole if isinstance(outcome, Broken) else outcome
        asked = str(refused.calls) if isinstance(refused, Refused) and not isinstance(outcome, Broken) else "1"
        what = re.sub(r" \((?:value|wait_s)\b.*\)", "", FAULTS[key].what)
        yield f"| {key} | {what} | {told(outcome)} | {asked} | {_elsewhere(outcome)} |"


def told(outcome: Outcome) -> str:
    """An outcome in words."""
    match outcome:
        case Refused(status=status, retry_after=wait, again=again):
            waits = "" if wait is None else f", wait {wait[0]} s"
            return f"{status}{waits}" + ("" if again else ", do not retry")
        case Broken(whole=whole):
            return f"what was shown, then an error (as {whole.status}); whole: {told(whole)}"
        case Told(usage=usage):
            return "the truth" + (", its usage marked as an estimate" if usage == "estimated" else "")
        case Honest():
            return "the truth, or an error"


def _elsewhere(outcome: Outcome) -> str:
    match outcome:
        case Refused(elsewhere=elsewhere):
            return "is asked" if elsewhere else "is not asked"
        case Broken():
            return "is not asked"
        case _:
            return ""


def _beside() -> Iterator[str]:
    yield "## Reaching an upstream, clients, and the end of the process"
    yield ""
    yield "| fault | what happens | proved in |"
    yield "|---|---|---|"
    for number, (what, where) in BESIDE.items():
        yield f"| {number} | {what} | {where} |"


def _partly() -> Iterator[str]:
    yield "## Covered, but not in all"
    yield ""
    for number, what in PARTLY.items():
        yield f"- {number}: {what}"


def _open() -> Iterator[str]:
    yield "## Open"
    yield ""
    for what, (numbers, why) in OPEN.items():
        yield f"- {', '.join(numbers)}: {what}; {why}."


def covered() -> set[str]:
    """The numbers of all faults that are proved somewhere."""
    return {key.partition(".")[0] for key in OUTCOMES if key.startswith("F")} | BESIDE.keys()
