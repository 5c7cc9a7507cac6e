"""Files that GigaChat keeps: uploaded once for many turns, and once more where the vendor no longer has them."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from tests.faults.gateway import Served
from tests.sdks.house import ASKED, channel
from tests.sdks.stage import DOT
from tests.standin import StandIn

PICTURE: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
HISTORY: Any = [{"role": "user", "content": [PICTURE, {"type": "text", "text": "What is it?"}]}]


def test_a_file_that_the_vendor_has_deleted_is_uploaded_again() -> None:
    with (
        Served() as gateway,
        StandIn(dialects=("gigachat",)) as upstream,
        anthropic.Anthropic(base_url=gateway.url, api_key="key", max_retries=0) as client,
    ):
        gateway.stand(channel("gigachat", upstream.url))
        client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY)
        client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY)
        assert len(upstream.office.files) == 1
        upstream.office.files.clear()

        message = client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY)

        assert message.stop_reason == "end_turn"
        assert len(upstream.office.files) == 1
        assert [bool(seen.refused) for seen in upstream.requests] == [False, False, True, False]


def test_a_vendor_that_never_finds_its_files_is_asked_twice_and_no_more() -> None:
    with (
        Served() as gateway,
        StandIn(dialects=("gigachat",)) as upstream,
        anthropic.Anthropic(base_url=gateway.url, api_key="key", max_retries=0) as client,
    ):
        gateway.stand(channel("gigachat", upstream.url))
        client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY)
        upstream.fault("F30", times=None)

        with pytest.raises(anthropic.APIStatusError):
            client.messages.create(model=ASKED, max_tokens=100, messages=HISTORY)

        assert len(upstream.requests) <= 3
