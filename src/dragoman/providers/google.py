"""Google Cloud's tokens: how one is asked for, what the answer means, and how long it lasts.

Rules. A channel's secret is the text of a file of credentials, that of a service account or of a user who logged in
with `gcloud auth application-default login`; or the word `metadata` on a machine of Google's, whose own account is
then asked for by its metadata server; or else a ready access token. A service account signs what it asks for
(RFC 7523); a user's file holds all that is asked. Nothing here signs or performs a call: `net.signed` does.

Sources, read 2026-11-20: developers.google.com, OAuth 2.0 for server to server applications; google.aip.dev/auth/4110
(application default credentials); cloud.google.com/compute/docs/access/authenticate-workloads; google-auth 2.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.providers.tokens import Account, Signing, Token, TokenCall, TokenSource

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
METADATA = "metadata"
"""The secret that stands for the account of the machine itself."""
METADATA_URL = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
SIGNED_FOR_S = 3600
"""A signed request is good for an hour at most."""
_ANYTHING = msgspec.json.Decoder()


class File(Struct, frozen=True):
    """The members of a file of credentials that are needed."""

    type: str = ""
    token_uri: str = TOKEN_URL
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""


_FILE = msgspec.json.Decoder(File)


def ready_token(account: Account) -> Token | None:
    """The secret itself where it is a token; None where it is a file."""
    secret = account.secret.strip()
    return None if secret.startswith("{") or secret == METADATA else Token(secret.removeprefix("Bearer ").strip())


def exchange(account: Account, _: str, now_ms: int) -> TokenCall:
    """The call that gives a token for a file of credentials. Raises `Trouble` for a file that gives none."""
    if account.secret.strip() == METADATA:
        return TokenCall(METADATA_URL, {"metadata-flavor": "Google", "accept": "application/json"}, b"", method="GET")
    try:
        file = _FILE.decode(account.secret)
    except msgspec.DecodeError:
        raise _unfit("is no readable file of credentials") from None
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    match file.type:
        case "service_account":
            body = urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": ""})
            return TokenCall(file.token_uri, headers, body.encode(), Signing(_claims(file, now_ms), file.private_key))
        case "authorized_user":
            told = {name: getattr(file, name) for name in ("client_id", "client_secret", "refresh_token")}
            return TokenCall(file.token_uri, headers, urlencode({"grant_type": "refresh_token", **told}).encode())
    raise _unfit(f"is a file of the kind '{file.type}', which is not understood")


def _claims(file: File, now_ms: int) -> str:
    """The web token by which a service account asks for an access token, but for its signature."""
    now_s = now_ms // 1000
    head = {"alg": "RS256", "typ": "JWT", "kid": file.private_key_id}
    claims = {
        "iss": file.client_email,
        "scope": SCOPE,
        "aud": file.token_uri,
        "iat": now_s,
        "exp": now_s + SIGNED_FOR_S,
    }
    parts = (urlsafe_b64encode(msgspec.json.encode(each)).rstrip(b"=") for each in (head, claims))
    return b".".join(parts).decode()


def read_token(status: int, _: Mapping[str, str], body: bytes, now_ms: int) -> Token:
    """The token in an answer. Raises `Trouble`: a credential to be mended, a limit, or an endpoint that is down."""
    found = _decoded(body)
    if 200 <= status < 300:
        text, lasts_s = found.get("access_token"), found.get("expires_in")
        if isinstance(text, str) and text:
            return Token(text, now_ms + int(lasts_s * 1000) if isinstance(lasts_s, int | float) else None)
        raise _refused(Kind.GARBLED, "answered without a token", status, body)
    if status in (400, 401, 403):
        told = found.get("error_description") or found.get("error") or f"status {status}"
        raise _refused(Kind.UPSTREAM_CREDENTIAL, f'refused the channel\'s key: "{told}"', status, body)
    kinds = {429: Kind.RATE_LIMITED, 503: Kind.OVERLOADED}
    kind = kinds.get(status, Kind.REDIRECTED if 300 <= status < 400 else Kind.UPSTREAM_ERROR)
    raise _refused(kind, f"answered with status {status}", status, body)


def _unfit(told: str) -> Trouble:
    return Trouble(
        problem(Kind.UPSTREAM_CREDENTIAL, f"The channel's key was read to ask for a token, but it {told}. Correct it.")
    )


def _refused(kind: Kind, told: str, status: int, body: bytes) -> Trouble:
    evidence = "" if 200 <= status < 300 else body[:2048].decode("utf-8", "replace")
    words = f"The provider's token endpoint was asked and {told}."
    return Trouble(problem(kind, words, upstream_status=status, evidence=evidence))


def _decoded(body: bytes) -> Mapping[str, object]:
    try:
        found = _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


SOURCE = TokenSource(ready=ready_token, ask=exchange, read=read_token)
