"""What is wrong with a server's certificate, and who signed it: what users cannot see of a refused connection.

Nothing is sent to the server; what it shows is looked at and trusted in nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from urllib.parse import urlsplit

from dragoman.canon.problem import Trouble
from dragoman.cli.findings import Finding
from dragoman.net.call import Tls
from dragoman.net.tls import context_for

PATIENCE_S = 5.0
COMMON_NAME = b"\x06\x03\x55\x04\x03"
"""OID 2.5.4.3 in DER (X.520); in a certificate the issuer's stands before the subject's (RFC 5280)."""


async def of_certificate(about: str, url: str, tls: Tls, remedy: str) -> Finding | None:
    """Why a channel does not accept the certificate at an address; None where it does, or nothing answers there."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    host, port = parts.hostname, parts.port or 443
    try:
        await _shown(host, port, context_for(tls, about))
    except ssl.SSLCertVerificationError as found:
        signer = await _signer(host, port)
        what = f"The certificate of {host}:{port} is not accepted: {found.verify_message or found.reason}."
        signed = f" It is signed by '{signer}'." if signer else ""
        is_expired = "expired" in what or "not yet valid" in what
        cure = "Set this machine's clock, or have the server's certificate renewed." if is_expired else remedy
        return Finding(about, "error", what + signed, "Check the address." if "mismatch" in what else cure)
    except (OSError, TimeoutError, Trouble):
        return None
    return None


async def _signer(host: str, port: int) -> str:
    """The name of who signed the certificate that is shown; empty where it has none."""
    try:
        return _name_in(await _shown(host, port, context_for(Tls(verify=False), host)))
    except (OSError, TimeoutError):
        return ""


async def _shown(host: str, port: int, context: ssl.SSLContext) -> bytes:
    """The certificate that a server shows, in DER. Raises `OSError` and `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    shown = writer.get_extra_info("ssl_object")
    writer.transport.abort()
    return shown.getpeercert(binary_form=True) or b""


def _name_in(certificate: bytes) -> str:
    """The first common name in a certificate."""
    _, found, rest = certificate.partition(COMMON_NAME)
    length = rest[1] if found and len(rest) > 1 else 0
    return rest[2 : 2 + length].decode("utf-8", "replace") if length < 128 else ""
