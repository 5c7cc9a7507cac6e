"""A secret in a snapshot never shows itself."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.shapes.secret import Secret
from tests.routing.house import channel


def test_a_secret_prints_as_stars() -> None:
    secret = Secret("sk-123")
    shown = [str(secret), repr(secret), f"{secret}", str(replace(channel("a"), api_key=secret))]
    assert not any("sk-123" in text for text in shown)
    assert secret.reveal() == "sk-123"


def test_secrets_compare_by_what_they_hold() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a")
    assert not Secret("")
