"""Usage that a provider told is what the client and the record get, however the answer was cut into reads."""

from __future__ import annotations

import pytest

from tests.relay.stage import ScriptedAnswer, Stage
from tests.relay.test_relay import DONE, OPENED, ask, hear

USED = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}\n\n'
FRAMES = [OPENED, USED, DONE]


@pytest.mark.parametrize("cut", range(len(FRAMES)))
def test_usage_told_before_any_content_is_not_estimated_again(cut: int) -> None:
    reads = [b"".join(FRAMES[:cut]), b"".join(FRAMES[cut:])]
    stage = Stage({"one": [ScriptedAnswer([read for read in reads if read], content_type="text/event-stream")]})

    heard = hear(stage, ask())

    assert '"output_tokens":7' in heard.text.replace(" ", "")
    usage = stage.exchanges[0].usage
    assert (usage.output, usage.exact) == (7, True)
