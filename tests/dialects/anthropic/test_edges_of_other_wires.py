"""What other wires allow and this one refuses."""

from __future__ import annotations

import pytest

from dragoman.canon.request import Image, Link, Request, Text, Turn
from tests.dialects.anthropic.stage import NATIVE, lost, wire_of, write


@pytest.mark.parametrize("turns", [(), (Turn("user", (Text(""),), as_string=True),), (Turn("user", (Text(" "),)),)])
def test_a_request_of_a_system_prompt_alone_has_a_user_who_speaks(turns: tuple[Turn, ...]) -> None:
    request = Request(dialect="foreign", model="m", max_output=9, system=(Text("Tell a joke."),), turns=turns)
    wire = wire_of(request)
    assert [message["role"] for message in wire["messages"]] == ["user"]
    assert wire["messages"][0]["content"]


def test_a_picture_in_an_address_without_base64_is_told_in_words() -> None:
    picture = Image(Link("data:image/svg+xml;utf8,<svg/>"))
    written = write(Request(dialect="foreign", model="m", max_output=9, turns=(Turn("user", (picture,)),)), NATIVE)
    assert b"data:" not in written.body
    assert lost(written.losses) == {"image"}
