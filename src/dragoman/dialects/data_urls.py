"""Media in addresses: OpenAI's wires show what they hold inline as a `data:` address with base64."""

from __future__ import annotations

from dragoman.canon.request import Inline, Link, Source


def source_of(url: str) -> Source:
    """Media of an address: the bytes of a `data:` address with base64, else the address."""
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:") and head.endswith(";base64"):
        return Inline(head[len("data:") : -len(";base64")], data)
    return Link(url)
