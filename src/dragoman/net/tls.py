"""TLS contexts: the system's trust, and what single channels add to it or present."""

from __future__ import annotations

import ssl
from functools import lru_cache

from dragoman.canon.problem import Kind
from dragoman.net.call import PEM, Tls, named_bundle, trouble


def context_for(tls: Tls, upstream: str) -> ssl.SSLContext:
    """The TLS context of a channel, made once. Raises `Trouble` (tls) where a file cannot be used."""
    try:
        return _made(tls)
    except (OSError, ssl.SSLError) as found:
        files = " or ".join(filter(None, (named_bundle(tls.ca_bundle), tls.certificate, tls.key)))
        raise trouble(
            Kind.TLS, upstream, f"{files} cannot be used", "Check the file: it must be PEM.", str(found)
        ) from found


@lru_cache(maxsize=256)
def _made(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if tls.ca_bundle.startswith(PEM):
        context.load_verify_locations(cadata=tls.ca_bundle)
    elif tls.ca_bundle:
        context.load_verify_locations(tls.ca_bundle)
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None, tls.key_password or None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
