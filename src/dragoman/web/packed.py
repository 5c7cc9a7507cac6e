"""Bodies that come compressed: unpacked within a limit, or refused (fault F68)."""

from __future__ import annotations

import zlib

from msgspec.structs import replace

from dragoman.canon.problem import Kind, Trouble, problem, refuse

UNSUPPORTED_MEDIA_TYPE = 415
_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""What each encoding is to zlib (RFC 9110 section 8.4.1, read 2026-11-20)."""


def check_packing(encoding: str) -> str:
    """The encoding, empty where there is none. Raises `Trouble` (unsupported, status 415) for one that is unknown."""
    found = encoding.strip().lower()
    if found in ("", "identity") or found in _WINDOWS:
        return "" if found == "identity" else found
    unknown = problem(
        Kind.UNSUPPORTED,
        f"The request came with content-encoding '{encoding[:20]}', which this gateway does not unpack. Send it "
        "uncompressed, or as gzip or deflate.",
    )
    raise Trouble(replace(unknown, status=UNSUPPORTED_MEDIA_TYPE))


def unpacked(body: bytes, encoding: str, limit: int) -> bytes | None:
    """The body as it was before it was packed; None past the limit, at which unpacking stops.

    Raises `Trouble` (invalid_request) for what is not packed so, or is cut short.
    """
    unpacker = zlib.decompressobj(_WINDOWS[encoding])
    try:
        found = unpacker.decompress(body, limit + 1)
    except zlib.error:
        found, unpacker = b"", zlib.decompressobj()
    if len(found) > limit:
        return None
    if not unpacker.eof:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The request was unpacked as {encoding} but is not, or is cut short. Send it uncompressed.",
        )
    return found
