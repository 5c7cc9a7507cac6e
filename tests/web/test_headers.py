"""A client's headers as the gateway knows them."""

from __future__ import annotations

from dragoman.web.asgi import headers_of


def test_lines_of_one_header_are_one_list() -> None:
    scope = {"headers": [(b"anthropic-beta", b"one-1"), (b"host", b"here"), (b"anthropic-beta", b"two-2, three-3")]}
    assert headers_of(scope) == {"anthropic-beta": "one-1, two-2, three-3", "host": "here"}


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    scope = {"headers": [(b"x-api-key", b"stale"), (b"x-api-key", b"fresh")]}
    assert headers_of(scope) == {"x-api-key": "fresh"}
