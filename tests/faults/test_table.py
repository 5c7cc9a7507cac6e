"""Every fault of the table, alone: one upstream that misbehaves for ever, one client, one ending."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.faults.client import ask, body_for
from tests.faults.gateway import ASKED, HASTY, MODEL, PATIENT, Served, channel
from tests.faults.oracle import COMPACTS, claim, error_in
from tests.faults.table import CELLS, ELSEWHERE, OUTCOMES, SILENT, VAST, Broken, Cell, Refused, Told
from tests.faults.vendor import Vendor
from tests.standin.faults import FAULTS

QUICK = {"F12", "F16", "F20", "F25", "F28.401", "F31", "F32.openai", "F37", "F40.after", "F48.call", "F49.missing"}
QUICK |= {"F50", "F52.text", "F53.call", "F57", "length.text"}
"""Faults that are tried before every push; all others in the whole suite."""


CHANGED = {"mode.whole", "mode.stream", "F44.unasked"}
"""True answers in a form that was not asked for, which are put into the one that was."""


def cells(wanted: Callable[[Cell], bool] = lambda _: True) -> list[object]:
    """The table's cells for parametrizing, those of the whole suite marked as slow."""
    return [
        pytest.param(cell, id=str(cell), marks=[] if cell.key in QUICK else [pytest.mark.slow])
        for cell in CELLS
        if wanted(cell)
    ]


@pytest.mark.parametrize("cell", cells())
def test_a_fault_is_told_as_it_is(gateway: Served, calm: Served, cell: Cell) -> None:
    gateway = calm if cell.key in VAST else gateway
    with Vendor(paced=isinstance(cell.outcome, Broken)) as vendor:
        timeouts = HASTY if cell.key in SILENT else PATIENT
        gateway.stand(channel("first", cell.upstream, vendor.url, timeouts=timeouts))
        vendor.fault(cell.key, times=None, **cell.settings)
        told = ask(gateway.port, cell.door, stream=cell.stream, hears=vendor.heard.set)
        exchange = gateway.exchange()
        claim(cell, told, exchange)
        if FAULTS[cell.key].stage != "connect":
            assert vendor.calls == len(exchange.attempts)
            assert vendor.wait(lambda it: all(seen.over for seen in it.requests)), "the upstream was left running"
        assert [seen.refused for seen in vendor.requests] == [None] * vendor.calls
        assert not vendor.canary, "a redirect was followed"


@pytest.mark.parametrize("cell", cells(lambda cell: cell.key.startswith("F32.") and cell.door == "anthropic"))
def test_a_prompt_too_long_is_told_in_words_that_make_claude_code_compact(gateway: Served, cell: Cell) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("first", cell.upstream, vendor.url))
        vendor.fault(cell.key)
        told = ask(gateway.port, cell.door, stream=cell.stream)
        message = error_in(cell.door, told.body)["message"].lower()
        assert any(words in message for words in COMPACTS), message


@pytest.mark.parametrize("cell", cells(lambda cell: cell.verbatim and cell.key in ("F31", "F33", "F36.400")))
def test_a_refusal_of_the_same_dialect_is_passed_on_byte_for_byte(gateway: Served, cell: Cell) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("first", cell.upstream, vendor.url))
        vendor.fault(cell.key, times=2)
        through = ask(gateway.port, cell.door, stream=cell.stream)
        body = json.dumps(body_for(cell.door, stream=cell.stream, model=MODEL)).encode()
        direct = ask(int(vendor.url.rpartition(":")[2]), cell.door, stream=cell.stream, body=body)
        assert through.body == direct.body
        assert through.status == direct.status


def nameless(body: bytes) -> bytes:
    """An answer without what differs from one to the next: its number, and the name of the model."""
    return re.sub(rb"standin\d+", b"standin", body).replace(ASKED.encode(), MODEL.encode())


BEHIND_THE_END = frozenset({"F47.twice", "F47.foreign"})
"""Faults that say something behind the proper end of an answer."""


@pytest.mark.parametrize(
    "cell", cells(lambda cell: cell.verbatim and isinstance(cell.outcome, Told) and cell.key not in CHANGED)
)
def test_a_true_answer_of_the_same_dialect_is_passed_on_byte_for_byte(gateway: Served, cell: Cell) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("first", cell.upstream, vendor.url))
        vendor.fault(cell.key, times=2, **cell.settings)
        through = ask(gateway.port, cell.door, stream=cell.stream)
        body = json.dumps(body_for(cell.door, stream=cell.stream, model=MODEL)).encode()
        direct = ask(int(vendor.url.rpartition(":")[2]), cell.door, stream=cell.stream, body=body)
        told, meant = nameless(through.body), nameless(direct.body)
        if cell.key == "F42.no_blank":
            told, meant = told.replace(b"data: {", b"data:{"), meant  # the frame whose model is edited has its blank
        if cell.key in BEHIND_THE_END and meant.startswith(told):
            behind = meant.removeprefix(told)  # where it comes in a read of its own, nobody reads it any more
            assert behind in told or behind == b"data: [DONE]\n\n"
        else:
            assert told == meant


def test_every_misbehaviour_of_the_stand_in_has_an_outcome() -> None:
    assert FAULTS.keys() == OUTCOMES.keys() | ELSEWHERE


def test_an_outcome_is_told_by_a_client_s_next_step() -> None:
    for key, outcome in OUTCOMES.items():
        refused = outcome.whole if isinstance(outcome, Broken) else outcome
        if isinstance(refused, Refused):
            assert (refused.retry_after is not None) == (refused.status in (429, 529)), key
            assert refused.elsewhere or not refused.again, key
