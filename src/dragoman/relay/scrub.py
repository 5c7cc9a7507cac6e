"""Takes a channel's key out of what its upstream said of a failure: upstreams quote the keys they were sent."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from dragoman.canon.problem import Problem

KEY_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
SHORTEST = 8
"""Characters of a secret at least: shorter ones, as the `none` of local servers, are words that mean something."""
STARS = "***"


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The keys among the headers of a call."""
    values = [headers.get(name, "").rpartition(" ")[2] for name in KEY_HEADERS]
    return tuple(value for value in values if len(value) >= SHORTEST)


def scrubbed(found: Problem, secrets: tuple[str, ...]) -> Problem:
    """The problem without these secrets; the very same one where it holds none."""
    for secret in secrets:
        body = found.original.body if found.original else b""
        if secret in found.message or secret in found.evidence or secret.encode() in body:
            found = replace(
                found,
                message=found.message.replace(secret, STARS),
                evidence=found.evidence.replace(secret, STARS),
                original=found.original and replace(found.original, body=scrubbed_bytes(body, (secret,))),
            )
    return found


def scrubbed_bytes(text: bytes, secrets: tuple[str, ...]) -> bytes:
    """The text without these secrets."""
    for secret in secrets:
        text = text.replace(secret.encode(), STARS.encode())
    return text
