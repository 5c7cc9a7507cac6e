"""Where a gateway may listen: off loopback only with what keeps strangers out, or where that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from msgspec import Struct

from dragoman.cli.serve import unguarded
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.settings.server import is_loopback
from dragoman.shapes.access import KeyTable
from dragoman.store.opening import open_store
from dragoman.store.ports import SYSTEM, User
from dragoman.store.unlock import KEY_FILE
from tests.cli.command import run

Holds: TypeAlias = Literal["key", "old key", "off key", "admin", "off admin", "operator", "service"]
"""What a database holds."""
MASTER = "m" * 44
NOW_MS = 1_700_000_000_000


class Start(Struct, frozen=True, kw_only=True):
    """One way to start, and what comes of it."""

    host: str = "0.0.0.0"
    flags: Mapping[str, object] = {}
    environ: Mapping[str, str] = {}
    dotenv: str = ""
    holds: tuple[Holds, ...] = ()
    no_key_file: bool = False
    listens: Literal["there", "on loopback", "not"]


ALL: tuple[Holds, ...] = ("key", "admin")
STARTS = {
    "loopback, nothing": Start(host="127.0.0.1", listens="on loopback"),
    "loopback of IPv6": Start(host="::1", listens="on loopback"),
    "localhost": Start(host="localhost", listens="on loopback"),
    "loopback, with all": Start(host="127.0.0.1", holds=ALL, listens="on loopback"),
    "everywhere, nothing": Start(listens="not"),
    "everywhere of IPv6, nothing": Start(host="::", listens="not"),
    "a private address, nothing": Start(host="192.168.1.7", listens="not"),
    "a name, nothing": Start(host="gate.example.org", listens="not"),
    "a key of the environment": Start(environ={"DRAGOMAN_API_KEYS": "k"}, listens="there"),
    "an empty key of the environment": Start(environ={"DRAGOMAN_API_KEYS": ""}, listens="not"),
    "open, as was said": Start(flags={"open": True}, listens="there"),
    "open, with all": Start(flags={"open": True}, holds=ALL, listens="there"),
    "a foreign name, nothing": Start(host="", dotenv="OPENAI_API_KEY=o\nHOST=0.0.0.0\n", listens="on loopback"),
    "a foreign name, with all": Start(
        host="", dotenv="OPENAI_API_KEY=o\nHOST=0.0.0.0\n", holds=ALL, listens="on loopback"
    ),
    "key and admin": Start(holds=ALL, listens="there"),
    "key and admin, master key configured": Start(holds=ALL, environ={"DRAGOMAN_MASTER_KEY": MASTER}, listens="there"),
    "key and admin, no master key": Start(holds=ALL, no_key_file=True, listens="not"),
    "key alone": Start(holds=("key",), listens="not"),
    "admin alone": Start(holds=("admin",), listens="not"),
    "key switched off": Start(holds=("off key", "admin"), listens="not"),
    "key that has expired": Start(holds=("old key", "admin"), listens="not"),
    "admin switched off": Start(holds=("key", "off admin"), listens="not"),
    "operator for an admin": Start(holds=("key", "operator"), listens="not"),
    "service account for an admin": Start(holds=("key", "service"), listens="not"),
}


async def fill(folder: Path, start: Start) -> None:
    """Makes the database that a case is about."""
    master = start.environ.get("DRAGOMAN_MASTER_KEY")
    async with open_store(folder=folder, master_key=master) as store:
        keys = store.configuration.keys
        for held in start.holds:
            match held:
                case "key" | "old key" | "off key":
                    made = await keys.add(SYSTEM, KeyTable(name=held), expires_ms=NOW_MS if held == "old key" else None)
                    if held == "off key":
                        await keys.change(SYSTEM, made.key.id, 1, state="disabled")
                case _:
                    user = User(
                        id="",
                        login=held,
                        role="operator" if held == "operator" else "admin",
                        kind="service" if held == "service" else "person",
                        state="disabled" if held == "off admin" else "enabled",
                        revision=0,
                        created_ms=0,
                        updated_ms=0,
                    )
                    await store.people.add(SYSTEM, user)


@pytest.mark.parametrize("case", STARTS)
def test_it_listens_to_strangers_only_where_something_keeps_them_out(case: str, tmp_path: Path) -> None:
    start = STARTS[case]
    data = tmp_path / "data"
    if start.holds:
        asyncio.run(fill(data, start))
    if start.no_key_file:
        (data / KEY_FILE).unlink()
    (tmp_path / ".env").write_text(start.dotenv)
    environ = {"DRAGOMAN_DATA": str(data), **start.environ}
    flags = Flags(host=start.host or None, **start.flags)  # type: ignore[arg-type]  # members of Flags, by name
    settings = load(flags, environ, tmp_path, tmp_path)
    refused = unguarded(settings)
    found = "not" if refused else "on loopback" if is_loopback(settings.server.host) else "there"
    assert found == start.listens, refused
    assert start.holds or not data.exists(), "asking has made something"


def test_what_lacks_is_named(tmp_path: Path) -> None:
    refused = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.code != 0
    assert "strangers could use your accounts" in refused.err
    assert "no API key that is in force and no admin and no master key" in refused.err
    assert "--open" in refused.err


def test_a_database_that_cannot_be_asked_keeps_it_from_listening(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dragoman.db").write_bytes(b"no database at all" * 100)
    flags, environ = Flags(host="192.168.1.7"), {"DRAGOMAN_DATA": str(data)}
    assert "could not be asked" in unguarded(load(flags, environ, tmp_path, tmp_path))
