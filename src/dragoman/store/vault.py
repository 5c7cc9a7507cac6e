"""How secrets and contents rest: sealed so that the database alone gives nothing of them away.

Theory: AES-256-GCM under a data key. Data keys lie in the database, each wrapped by the master key, which does not; so
a new master key means wrapping a few rows anew, while running gateways go on with what they have unwrapped. Each
message has a key of its own, derived from the data key and 12 random bytes, so that the bound of 2**32 messages under
one key and random nonces (NIST SP 800-38D section 8.3, read 2026-11-20) is met by no data key.

A sealed text is a version byte, four bytes of the data key's id, 12 that derive the key, 12 of nonce, and what
AES-GCM made, bound to the place it belongs to: moved to another row, or under another key id, it does not open.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from dragoman.store.ports import StoreTrouble

FORM = b"\x01"
ID_BYTES, SALT_BYTES, NONCE_BYTES, KEY_BYTES = 4, 12, 12, 32
HEAD = len(FORM) + ID_BYTES + SALT_BYTES + NONCE_BYTES
LEAST_MASTER = 32
"""Characters of a master key. A short one could be guessed by whoever has the database."""


class MasterKey:
    """What wraps data keys; printing it shows its id only."""

    __slots__ = ("_key", "id")

    def __init__(self, text: str) -> None:
        """Trouble: locked_out, where the text is too short to protect anything."""
        if len(text) < LEAST_MASTER:
            raise StoreTrouble(
                "locked_out",
                f"The master key has {len(text)} characters; at least {LEAST_MASTER} are needed. Make one by "
                "'openssl rand -base64 32'.",
            )
        self._key = hmac.digest(b"dragoman master key", text.encode(), "sha256")
        self.id = hashlib.sha256(b"dragoman master key id" + self._key).hexdigest()[:12]

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    def wrap(self, key_id: int, data_key: bytes) -> bytes:
        """A data key as it may lie in the database."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, data_key, self._bound(key_id))

    def unwrap(self, key_id: int, wrapped: bytes) -> bytes:
        """The data key. Trouble: damaged, where the row is not as it was written."""
        try:
            return AESGCM(self._key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], self._bound(key_id))
        except (InvalidTag, ValueError):
            raise StoreTrouble("damaged", f"Data key {key_id} does not open, though its master key is right.") from None

    def _bound(self, key_id: int) -> bytes:
        return f"data_keys/{key_id}/{self.id}".encode()


class Place(Struct, frozen=True):
    """Where a sealed text belongs."""

    table: str
    row: str
    column: str

    def bound(self, head: bytes) -> bytes:
        """What a sealed text is bound to: its place, and the data key's id within its head."""
        return "\x1f".join((self.table, self.row, self.column)).encode(errors="replace") + b"\x1f" + head


class Vault:
    """Seals and opens with the data keys it is given; the newest seals."""

    def __init__(self, data_keys: Mapping[int, bytes]) -> None:
        self._keys = dict(data_keys)
        self._newest = max(self._keys)

    def seal(self, place: Place, content: bytes) -> bytes:
        """The content as it may be stored at that place and nowhere else."""
        head = FORM + self._newest.to_bytes(ID_BYTES, "big")
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._derived(self._newest, salt)).encrypt(nonce, content, place.bound(head))
        return head + salt + nonce + sealed

    def open(self, place: Place, sealed: bytes) -> bytes:
        """What was sealed. Trouble: damaged, where it is not as it was written, or lies in another place."""
        head, salt = sealed[: len(FORM) + ID_BYTES], sealed[len(FORM) + ID_BYTES : HEAD - NONCE_BYTES]
        key_id = int.from_bytes(head[len(FORM) :], "big")
        if not head.startswith(FORM) or key_id not in self._keys:
            raise StoreTrouble("damaged", f"A secret in {place.table} names data key {key_id}, not known here.")
        try:
            cipher = AESGCM(self._derived(key_id, salt))
            return cipher.decrypt(sealed[HEAD - NONCE_BYTES : HEAD], sealed[HEAD:], place.bound(head))
        except (InvalidTag, ValueError):
            raise StoreTrouble("damaged", f"A secret in {place.table} is not as it was written.") from None

    def _derived(self, key_id: int, salt: bytes) -> bytes:
        return hmac.digest(self._keys[key_id], salt, "sha256")
