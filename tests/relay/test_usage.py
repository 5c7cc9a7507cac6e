"""Usage that a provider told is what the client and the record get, however the answer was cut into reads."""

from __future__ import annotations

import msgspec
import pytest

from tests.relay.stage import ScriptedAnswer, Stage
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, hear

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


RESPONSES = b'{"model":"asked","input":"Hello","stream":true}'


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_a_client_is_told_an_estimated_prompt_and_never_a_prompt_of_nothing(kind: str) -> None:
    whole = b'{"choices":[{"index":0,"message":{"content":"Hello there"},"finish_reason":"stop"}]}'
    said = [OPENED, HELLO, DONE] if kind == "text/event-stream" else [whole]
    stage = Stage({"one": [ScriptedAnswer(said, content_type=kind)]})

    heard = hear(stage, RESPONSES, "openai_responses")

    last = msgspec.json.decode(heard.text.strip().rpartition("data: ")[2])
    usage = last["response"]["usage"]
    assert (usage["input_tokens"] > 0, usage["output_tokens"] > 0) == (True, True)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert stage.exchanges[0].usage.exact is False
