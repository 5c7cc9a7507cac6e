"""When the upstream refuses, each SDK raises its own typed exception, with the wait and the words it needs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import anthropic
import openai
import pytest

from tests.clients.gateway import Wire
from tests.sdks.refusals import MODES, REFUSALS
from tests.sdks.stage import WIRES, Stage, fault_model

HELLO: Any = [{"role": "user", "content": "hello"}]
EACH = pytest.mark.parametrize(("fault", "wire", "mode"), [*product(REFUSALS, WIRES, MODES)])


@EACH
def test_anthropics_sdk_raises_its_own_exception(
    scene: Stage, claude: anthropic.Anthropic, fault: str, wire: Wire, mode: str
) -> None:
    row, model = REFUSALS[fault], fault_model(fault, wire, "claude", mode)
    scene.fault(fault, model, row.wait)

    with pytest.raises(anthropic.APIStatusError) as caught:
        claude.messages.create(model=model, max_tokens=100, messages=HELLO, stream=mode == "stream")

    raised = caught.value
    assert (type(raised), raised.status_code) == (row.claude, row.status)
    assert raised.type == row.error_type
    claim(row.again, row.wait, row.words, raised.response.headers, raised.message)


@EACH
def test_openais_sdk_raises_its_own_exception(
    scene: Stage, chat: openai.OpenAI, fault: str, wire: Wire, mode: str
) -> None:
    row, model = REFUSALS[fault], fault_model(fault, wire, "chat", mode)
    scene.fault(fault, model, row.wait)

    with pytest.raises(openai.APIStatusError) as caught:
        chat.chat.completions.create(model=model, messages=HELLO, stream=mode == "stream")

    raised = caught.value
    overloaded = 503  # only Anthropic has a 529
    assert (type(raised), raised.status_code) == (row.chat, overloaded if row.status == 529 else row.status)
    claim(row.again, row.wait, row.words, raised.response.headers, raised.message)


def claim(again: bool, wait: str | None, words: str, headers: Mapping[str, str], message: str) -> None:
    """The headers say whether and when to try again; the message holds the words."""
    assert (headers.get("x-should-retry") != "false") == again
    if wait is not None:
        assert headers["retry-after"] == wait
    assert words in message
