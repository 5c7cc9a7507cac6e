"""Reading an ID token: who it says has signed in, if it was made by this provider, for us, now, and for this visit.

Rules. The algorithm is the key's business and not the token's: each kind of key knows one way to be used, so that
neither `none` nor a public key taken for a shared secret ever verifies anything. Whatever is not as it must be ends in
`Unfit`, whose words are for an admin.

Source: OpenID Connect Core 1.0 section 3.1.3.7, RFC 7515 to 7518, RFC 8725, read 2026-11-20.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from msgspec import Raw, Struct

TOKEN_LIMIT = 64 * 1024
"""Characters of a token."""
KEYS_TRIED = 10
"""Keys that a token which names none is tried with."""
SKEW_S = 60
"""How far clocks may differ."""
OLDEST_S = 600
"""How long ago a token may have been made."""
LEAST_RSA_BITS = 2048

Claims = Mapping[str, Any]


class Unfit(Exception):  # noqa: N818 - a finding
    """A token proves nothing; the message says why."""


class Expected(Struct, frozen=True, kw_only=True):
    """What a token must say."""

    issuer: str
    client_id: str
    nonce: str
    now_s: int


class Head(Struct, frozen=True):
    """The beginning of a token."""

    alg: str
    kid: str | None = None
    crit: Raw | None = None


class WebKey(Struct, frozen=True):
    """One key of a provider's set (RFC 7517); what is for other purposes is left out."""

    kty: str
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    crv: str = ""
    n: str = ""
    e: str = ""
    x: str = ""
    y: str = ""


def keys_of(document: bytes) -> tuple[WebKey, ...]:
    """The keys of a set that can be understood. Raises `Unfit`."""
    try:
        told = msgspec.json.decode(document, type=dict[str, Raw])
        raw = msgspec.json.decode(told["keys"], type=list[Raw])
    except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
        raise Unfit("What was sent is no set of keys.") from None
    return tuple(key for key in map(_key, raw) if key is not None)


def verified(token: str, keys: Iterable[WebKey], expected: Expected) -> Claims:
    """What a token says. Raises `Unfit`."""
    head, signed, signature, content = _parts(token)
    _check_signature(head, signed, signature, keys)
    claims: Claims = _decoded(content, dict[str, Any])
    _check_claims(claims, expected)
    return claims


def has_key_for(token: str, keys: Iterable[WebKey]) -> bool:
    """Whether the key that a token names is there; if not, the provider may have changed its keys. Raises `Unfit`."""
    head = _parts(token)[0]
    return bool(_candidates(head, keys))


def _parts(token: str) -> tuple[Head, bytes, bytes, bytes]:
    if len(token) > TOKEN_LIMIT:
        raise Unfit(f"The token has more than {TOKEN_LIMIT} characters.")
    pieces = token.split(".")
    if len(pieces) != 3 or not token.isascii():
        raise Unfit("It is no signed token.")
    head, content, signature = map(_bytes_of, pieces)
    told: Head = _decoded(head, Head)
    return told, f"{pieces[0]}.{pieces[1]}".encode(), signature, content


def _check_signature(head: Head, signed: bytes, signature: bytes, keys: Iterable[WebKey]) -> None:
    if head.crit is not None:
        raise Unfit("The token has critical extensions, of which none is known here.")
    if head.alg not in ALGORITHMS:
        raise Unfit(f"The token is signed by '{head.alg[:20]}', which is not accepted. Use {', '.join(ALGORITHMS)}.")
    for key in _candidates(head, keys):
        try:
            ALGORITHMS[head.alg](key, signed, signature)
        except (InvalidSignature, ValueError, UnsupportedAlgorithm, Unfit):
            continue
        return
    raise Unfit("No key of the provider has made the token's signature.")


def _candidates(head: Head, keys: Iterable[WebKey]) -> list[WebKey]:
    """The keys that may have signed: of the right kind, and the one that is named if one is."""
    kind = KINDS.get(head.alg)
    right = [key for key in keys if key.kty == kind and key.use in (None, "sig") and key.alg in (None, head.alg)]
    return [key for key in right if head.kid is None or key.kid == head.kid][:KEYS_TRIED]


def _check_claims(claims: Claims, expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    moments = {name: claims.get(name) for name in ("exp", "iat", "nbf")}
    if any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in moments.values()):
        raise Unfit("A moment of the token is no number.")
    if claims.get("iss") != expected.issuer:
        raise Unfit(f"The token was made by '{str(claims.get('iss'))[:200]}', not by '{expected.issuer}'.")
    if expected.client_id not in audiences:
        raise Unfit("The token was made for another client.")
    if party not in (None, expected.client_id) or (len(audiences) > 1 and party is None):
        raise Unfit("The token was made for another client as well, and handed to it.")
    if moments["exp"] is None or moments["exp"] <= expected.now_s - SKEW_S:
        raise Unfit("The token has expired. Look at the clocks of both machines.")
    if moments["iat"] is None or moments["iat"] > expected.now_s + SKEW_S:
        raise Unfit("The token was made in the future. Look at the clocks of both machines.")
    if moments["iat"] < expected.now_s - OLDEST_S - SKEW_S:
        raise Unfit("The token was made too long ago.")
    if moments["nbf"] is not None and moments["nbf"] > expected.now_s + SKEW_S:
        raise Unfit("The token is not valid yet. Look at the clocks of both machines.")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(errors="replace"), expected.nonce.encode()):
        raise Unfit("The token was made for another visit.")
    if not isinstance(claims.get("sub"), str) or not claims["sub"]:
        raise Unfit("The token does not say who it is about.")


def _rsa(key: WebKey) -> rsa.RSAPublicKey:
    made = rsa.RSAPublicNumbers(_number_of(key.e), _number_of(key.n)).public_key()
    if made.key_size < LEAST_RSA_BITS:
        raise ValueError("short key")
    return made


def _by_pkcs1(key: WebKey, signed: bytes, signature: bytes) -> None:
    _rsa(key).verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def _by_pss(key: WebKey, signed: bytes, signature: bytes) -> None:
    _rsa(key).verify(signature, signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def _by_ec(key: WebKey, signed: bytes, signature: bytes) -> None:
    if key.crv != "P-256" or len(signature) != 64:
        raise ValueError("another curve")
    made = ec.EllipticCurvePublicNumbers(_number_of(key.x), _number_of(key.y), ec.SECP256R1()).public_key()
    halves = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    made.verify(encode_dss_signature(*halves), signed, ec.ECDSA(hashes.SHA256()))


def _by_ed(key: WebKey, signed: bytes, signature: bytes) -> None:
    if key.crv != "Ed25519":
        raise ValueError("another curve")
    ed25519.Ed25519PublicKey.from_public_bytes(_bytes_of(key.x)).verify(signature, signed)


ALGORITHMS: Mapping[str, Callable[[WebKey, bytes, bytes], None]] = {
    "RS256": _by_pkcs1,
    "PS256": _by_pss,
    "ES256": _by_ec,
    "EdDSA": _by_ed,
}
"""What may sign; nothing that shares a secret, and never `none`."""
KINDS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def _key(raw: Raw) -> WebKey | None:
    try:
        return msgspec.json.decode(raw, type=WebKey)
    except msgspec.MsgspecError:
        return None


def _decoded(text: bytes, shape: Any) -> Any:
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Unfit("The token holds what is no JSON, or not as it should be.") from None


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Unfit("It is no signed token.") from None


def _number_of(text: str) -> int:
    return int.from_bytes(_bytes_of(text), "big")
