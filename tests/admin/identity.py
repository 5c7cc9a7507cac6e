"""A stand-in identity provider: it signs real tokens, and lies, dawdles and mixes things up when it is told to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT, SECRET = "dragoman", "the client's secret"


def text64(content: bytes) -> str:
    """Bytes as tokens hold them."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def number64(number: int) -> str:
    """A number as keys hold it."""
    return text64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


class Signer:
    """A key of a provider's, and the way it signs."""

    def __init__(self, alg: str = "RS256", kid: str | None = "one", *, bits: int = 2048) -> None:
        self.alg, self.kid = alg, kid
        self._key: Any = {
            "RS256": lambda: rsa.generate_private_key(65537, bits),
            "PS256": lambda: rsa.generate_private_key(65537, bits),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
        }[alg]()

    @property
    def pem(self) -> bytes:
        """The public key, as whoever confuses algorithms takes it for a secret."""
        public = self._key.public_key()
        return bytes(public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))

    @property
    def public(self) -> dict[str, str]:
        """The key as the provider shows it."""
        named = {"kid": self.kid} if self.kid else {}
        public = self._key.public_key()
        match self.alg:
            case "ES256":
                numbers = public.public_numbers()
                x, y = (text64(one.to_bytes(32, "big")) for one in (numbers.x, numbers.y))
                return {**named, "kty": "EC", "crv": "P-256", "x": x, "y": y}
            case "EdDSA":
                return {**named, "kty": "OKP", "crv": "Ed25519", "x": text64(public.public_bytes_raw())}
        numbers = public.public_numbers()
        return {**named, "kty": "RSA", "use": "sig", "n": number64(numbers.n), "e": number64(numbers.e)}

    def sign(self, signed: bytes) -> bytes:
        """The signature."""
        match self.alg:
            case "ES256":
                halves = decode_dss_signature(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))
                return b"".join(half.to_bytes(32, "big") for half in halves)
            case "EdDSA":
                return bytes(self._key.sign(signed))
            case "PS256":
                return bytes(self._key.sign(signed, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))
        return bytes(self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))

    def token(self, claims: Mapping[str, Any], **head: Any) -> str:
        """A token that says this; `head` is for lies."""
        said = {"alg": self.alg, **({"kid": self.kid} if self.kid else {}), **head}
        signed = f"{text64(json.dumps(said).encode())}.{text64(json.dumps(claims).encode())}"
        match said["alg"]:
            case "none":
                return f"{signed}."
            case "HS256":
                return f"{signed}.{text64(hmac.digest(self.pem, signed.encode(), 'sha256'))}"
        return f"{signed}.{text64(self.sign(signed.encode()))}"


class Provider:
    """A running identity provider. Mutable: tests tell it how to behave."""

    def __init__(self, signer: Signer) -> None:
        self.signer = signer
        self.issuer = ""
        self.claims: dict[str, Any] = {"sub": "7", "email": "anna@example.org", "email_verified": True}
        """Of whoever signs in next."""
        self.lies: dict[str, Any] = {}
        """Claims that go before what is true."""
        self.head: dict[str, Any] = {}
        """Members of the token's head that do."""
        self.metadata: dict[str, Any] = {}
        """Of what it tells of itself."""
        self.keys: list[dict[str, Any]] | None = None
        self.userinfo: dict[str, Any] | None = None
        self.raw_token: str | None = None
        self.waits_s = 0.0
        self.status = 200
        self.asked: list[str] = []
        """Paths, in their order."""
        self.headers: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, location: str, **claims: Any) -> dict[str, str]:
        """What somebody who signs in there brings back, given where they were led to."""
        query = dict(parse_qsl(urlsplit(location).query))
        code = f"code{len(self._codes)}"
        self._codes[code] = {**query, "claims": json.dumps({**self.claims, **claims})}
        return {"code": code, "state": query["state"], "redirect": query["redirect_uri"]}

    async def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """What it answers."""
        self.asked.append(path)
        self.headers.append(headers)
        await asyncio.sleep(self.waits_s)
        if self.status != 200:
            return self.status, b'{"error":"temporarily_unavailable"}'
        match path:
            case "/.well-known/openid-configuration":
                return 200, json.dumps(self._metadata()).encode()
            case "/keys":
                return 200, json.dumps({"keys": [self.signer.public] if self.keys is None else self.keys}).encode()
            case "/token":
                return self._token(headers, dict(parse_qsl(body.decode())))
            case "/userinfo" if self.userinfo is not None:
                return 200, json.dumps(self.userinfo).encode()
        return 404, b"{}"

    def _metadata(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            **({"userinfo_endpoint": f"{self.issuer}/userinfo"} if self.userinfo is not None else {}),
        }
        return {name: value for name, value in {**told, **self.metadata}.items() if value is not None}

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> tuple[int, bytes]:
        """A token for a code: once, and only for who has left with it (RFC 7636 section 4.6)."""
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None:
            return 400, b'{"error":"invalid_grant"}'
        basic = base64.b64decode(headers.get("authorization", "Basic ").partition(" ")[2]).decode()
        known = basic == "dragoman:the+client%27s+secret" or form.get("client_secret") == SECRET
        challenge = text64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if not known or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, b'{"error":"invalid_grant"}'
        now_s = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "exp": now_s + 300,
            "iat": now_s,
            "nonce": asked["nonce"],
            **json.loads(asked["claims"]),
            **self.lies,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.raw_token if self.raw_token is not None else self.signer.token(claims, **self.head)
        return 200, json.dumps({"id_token": token, "access_token": "access", "token_type": "Bearer"}).encode()


@asynccontextmanager
async def provider(signer: Signer) -> AsyncIterator[Provider]:
    """An identity provider on loopback, for as long as the context lasts."""
    made = Provider(signer)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            _, target, _ = head[0].split(" ")
            pairs = [line.partition(":") for line in head[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status, answer = await made.answer(urlsplit(target).path, headers, body)
            said = f"HTTP/1.1 {status} x\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
            writer.write(said.encode() + answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()


def asked_of(location: str) -> dict[str, str]:
    """What a browser was sent to a provider with."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
