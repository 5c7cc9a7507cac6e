"""Every fault of the table again, with a second channel behind: the client hears one good answer, or the one refusal
that no channel would mend; after content nobody else speaks."""

from __future__ import annotations

import pytest

from dragoman.canon.usage import NOTHING_SAID
from tests.faults.client import ask
from tests.faults.gateway import ASKED, HASTY, PATIENT, Served, channel
from tests.faults.heard import hear, meant
from tests.faults.oracle import alike, claim_broken, claim_refused, client_usage
from tests.faults.table import CELLS, SILENT, VAST, Broken, Cell, Refused
from tests.faults.vendor import ANSWER, USED, Vendor
from tests.standin.faults import FAULTS

OTHER = {"anthropic": "openai_chat", "openai_chat": "anthropic", "openai_responses": "anthropic"}
QUICK = {"F08", "F15", "F16", "F17", "F20", "F24", "F28.401", "F31", "F37", "F52.text"}
FAILING = [
    pytest.param(cell, id=str(cell), marks=[] if cell.key in QUICK else [pytest.mark.slow])
    for cell in CELLS
    if isinstance(cell.outcome, Refused | Broken) and cell.key not in ("F43.after", "F44.bomb")
]
"""All that fail, but for two whose volume says nothing more here."""


BEGUN = {"F16", "F48.start"}
"""Those that come after a vendor of Anthropic's wire has told, at its stream's start, what the prompt costs."""


@pytest.mark.parametrize("cell", FAILING)
def test_what_another_channel_can_mend_the_client_never_hears_of(gateway: Served, calm: Served, cell: Cell) -> None:
    gateway = calm if cell.key in VAST else gateway
    outcome = cell.outcome
    with Vendor(paced=isinstance(outcome, Broken)) as ill, Vendor() as well:
        timeouts = HASTY if cell.key in SILENT else PATIENT
        gateway.stand(
            channel("first", cell.upstream, ill.url, timeouts=timeouts),
            channel("second", OTHER[cell.upstream], well.url),
        )
        ill.fault(cell.key, times=None, **cell.settings)
        told = ask(gateway.port, cell.door, stream=cell.stream, hears=ill.heard.set)
        exchange = gateway.exchange()
        if FAULTS[cell.key].stage != "connect":
            assert ill.calls == 1, "the ill channel was asked again although another was there"
            assert ill.wait(lambda it: it.requests[0].over)
        assert well.calls == (1 if isinstance(outcome, Refused) and outcome.elsewhere else 0)
        if isinstance(outcome, Broken):
            claim_broken(cell, outcome, told)
            return
        assert isinstance(outcome, Refused)
        if not outcome.elsewhere:
            claim_refused(cell, outcome, told)
            return
        assert (told.status, told.proper) == (200, True), told
        heard = hear(cell.door, told.body, stream=cell.stream)
        assert (heard.error, heard.odd, heard.pings) == (None, [], 0)
        assert (heard.said, heard.stop, heard.ended, heard.model) == (meant(ANSWER), "calls", True, ASKED)
        assert heard.usage is not None
        assert client_usage(cell.door, heard.usage) == (USED.input, USED.cache_read, USED.output)
        assert told.headers["x-dragoman-attempts"] == "2"
        assert told.headers["x-dragoman-channel"] == "second"
        first, second = exchange.attempts
        assert first.problem in alike(outcome.kind)
        begun = (cell.key in BEGUN) and cell.stream and cell.upstream == "anthropic"
        assert (first.usage == NOTHING_SAID) is not begun, "a lost attempt has the tokens that its vendor told"
        assert not begun or (first.usage.input, first.usage.cache_read) == (USED.input, USED.cache_read)
        assert (second.problem, exchange.problem, exchange.status) == (None, None, 200)
        assert exchange.usage == second.usage
