"""Signs requests for tokens where a vendor wants that, as Google of service accounts."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.providers.tokens import TokenCall


def body_of(call: TokenCall) -> bytes:
    """The body of a request for a token, signed where it must be. Raises `Trouble` for a key that cannot sign."""
    if call.signing is None:
        return call.body
    words = call.signing.words.encode()
    return call.body + words + b"." + urlsafe_b64encode(_signature(call.signing.key, words)).rstrip(b"=")


def _signature(key: str, words: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # heavy, and seldom needed
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        raise _unfit("Copy the file of the account from the vendor's console again.") from None
    if not isinstance(found, RSAPrivateKey):
        raise _unfit("It must be of the kind RSA.")
    return found.sign(words, PKCS1v15(), SHA256())


def _unfit(remedy: str) -> Trouble:
    return refuse(Kind.UPSTREAM_CREDENTIAL, f"The private key of the channel's account cannot sign. {remedy}")
