"""Codes of authenticators: TOTP (RFC 6238, read 2026-11-20), with SHA-1, six digits and steps of 30 s, which is what
every authenticator knows."""

from __future__ import annotations

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

STEP_MS = 30_000
DIGITS = 6
AROUND = 1
"""Steps before and after now whose codes are taken: clocks differ, and people type slowly (section 5.2)."""
SECRET_BYTES = 20
"""As many as SHA-1 gives (RFC 4226 section 4)."""
CODES, CODE_BYTES = 10, 10


def new_secret() -> bytes:
    """A secret to be shared with an authenticator."""
    return secrets.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """The secret as it is typed into an authenticator."""
    return base64.b32encode(secret).decode().rstrip("=")


def address_of(secret: bytes, login: str, issuer: str = "Dragoman") -> str:
    """The secret as an authenticator reads it from a picture (Key Uri Format of Google Authenticator's wiki)."""
    label = quote(f"{issuer}:{login}", safe="")
    said = urlencode({"secret": shown(secret), "issuer": issuer, "digits": DIGITS, "period": STEP_MS // 1000})
    return f"otpauth://totp/{label}?{said}"


def code_of(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of a step (RFC 4226 section 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of(secret: bytes, code: str, now_ms: int) -> int | None:
    """The step whose code this is; None if it is none of those around now. All are compared, whichever it is."""
    now = now_ms // STEP_MS
    right = [
        step
        for step in range(max(now - AROUND, 0), now + AROUND + 1)
        if hmac.compare_digest(code_of(secret, step).encode(), code.encode(errors="replace"))
    ]
    return right[-1] if right else None


def new_codes() -> tuple[str, ...]:
    """Recovery codes, each of 80 bits, for when the authenticator is lost."""
    return tuple(_grouped(base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().lower()) for _ in range(CODES))


def plain_code(text: str) -> str:
    """A code as it was made, however it was typed."""
    bare = "".join(text.split()).replace("-", "").lower()
    return bare if len(bare) == DIGITS else _grouped(bare)


def _grouped(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))
