"""What has happened to other gateways does no harm here; docs/security.md says which test shows which."""

from __future__ import annotations

import ast
import asyncio
import json
import random
import re
from pathlib import Path

import msgspec
import pytest

from dragoman.providers.catalog import catalog
from dragoman.shapes.access import KeyTable
from dragoman.store import tables
from dragoman.store.keys import TOKEN, mint
from dragoman.store.ports import SYSTEM, NewToken
from dragoman.web.admin.building import declared
from dragoman.web.ring import Ring
from dragoman.web.setup import SetupToken
from tests.admin.stage import house
from tests.relay.stage import ScriptedAnswer, Stage, channel, play
from tests.rooms.house import read_house
from tests.web.test_guard import PEPPER, made

ROUTING = re.findall(
    r"\w+",
    """
    api_base api_base_url base_url baseUrl base url uri endpoint host hostname server proxy proxies http_proxy
    https_proxy api_key apiKey key token auth authorization credentials provider custom_llm_provider
    llm_provider vendor channel channel_id account deployment deployment_id region location project
    organization headers extra_headers default_headers forward_headers callback callbacks callback_url webhook
    webhook_url success_callback failure_callback metadata_url user_api_key master_key aws_access_key_id
    aws_secret_access_key vertex_credentials azure_ad_token litellm_params api_version router fallbacks
    mock_response config settings target x_target_url upstream
    """,
)
"""Names by which a client of another gateway could lead a request elsewhere."""
CANARY = "http://127.0.0.1:9/canary"


def hostile(count: int) -> list[str]:
    """Texts that are no key: statements, escapes, very long ones, and noise."""
    dice = random.Random(7)
    pieces = [
        "'",
        '"',
        ";",
        "--",
        " OR 1=1",
        "%",
        "_",
        "\\",
        "\x00",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "../",
        "\u202e",
        "dgt_",
    ]
    pieces += ["UNION SELECT", "a" * 50, "0" * 12, "dgm_", "<script>", "\ud7ff", "DROP TABLE users"]
    return ["".join(dice.choices(pieces, k=dice.randint(1, 9))) for _ in range(count)]


def answer() -> ScriptedAnswer:
    """A whole answer."""
    told = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}]}
    told["choices"][0]["finish_reason"] = "stop"  # type: ignore[index]
    return ScriptedAnswer([json.dumps(told).encode()], content_type="application/json")


@pytest.mark.parametrize("door", ["openai_chat", "anthropic"])
def test_p01_no_member_of_a_body_leads_a_request_elsewhere(door: str) -> None:
    assert len(ROUTING) >= 60
    plain = {"model": "asked", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    stage = Stage({"one": [answer() for _ in range(len(ROUTING) + 1)]}, channel("one"))

    async def scene() -> None:
        await stage.ask(json.dumps(plain).encode(), door)
        for name in ROUTING:
            await stage.ask(json.dumps({**plain, name: CANARY}).encode(), door)

    play(scene())
    first, *others = stage.transport.calls
    assert len(others) > len(ROUTING) // 2, "most are not even refused"
    for call in others:
        assert (call.url, call.method, call.proxy, call.tls) == (first.url, first.method, first.proxy, first.tls)
        assert call.headers == first.headers


def test_p02_five_thousand_hostile_tokens_open_nothing() -> None:
    _, key = made()
    ring = Ring([key], PEPPER)
    assert [text for text in hostile(5000) if ring.find(text)] == []


def test_p02_hostile_words_reach_the_database_as_values_only(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for text in hostile(60):
                safe = "".join(character for character in text if 31 < ord(character) < 127)
                assert (await place.visitor(safe).ask("GET", "/api/v1/channels")).status == 401
                assert (await admin.ask("GET", "/api/v1/channels/" + safe.replace("/", "%2F"))).status in (404, 405)
                found = await admin.ask("GET", "/api/v1/exchanges", query=f"model={safe.replace('%', '%25')}")
                assert (found.status, found.json["exchanges"]) == (200, [])
            assert len(await place.store.people.users()) == 1

    asyncio.run(scene())


def test_p05_no_column_can_be_set_by_the_way(tmp_path: Path) -> None:
    columns = {column.name for table in tables.metadata.tables.values() for column in table.columns}
    columns |= {"is_admin", "owner", "permissions", "scopes", "__proto__", "constructor", "sealed", "_id"}

    async def scene() -> None:
        async with house(tmp_path) as place:
            shapes = {one.reads for one in declared(place.gateway.live, SetupToken()).declared if one.reads}
            assert len(shapes) > 12
            for shape in shapes:
                known = {field.encode_name for field in msgspec.structs.fields(shape)}
                for name in columns - known:
                    with pytest.raises(msgspec.ValidationError, match="unknown field"):
                        msgspec.json.decode(json.dumps({name: 1}), type=shape)

    asyncio.run(scene())


def test_p05_nobody_gives_himself_a_role(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            await place.admin()
            user = (await place.store.people.users())[0]
            viewer = msgspec.structs.replace(user, login="viewer", role="viewer")
            added = await place.store.people.add(SYSTEM, viewer)
            text, _ = await place.store.people.add_token(SYSTEM, added.id, NewToken(name="script"))
            mine = place.visitor(text)
            path = f"/api/v1/users/{added.id}"
            assert (await mine.ask("PATCH", path, {"revision": 1, "role": "admin"})).status == 403
            body = {"current": "", "password": "long enough to pass", "role": "admin"}
            assert (await mine.ask("PUT", path + "/password", body)).status == 422
            assert (await mine.ask("POST", "/api/v1/tokens", {"name": "up", "role": "admin"})).status == 403
            assert (await place.store.people.user(added.id)).role == "viewer"

    asyncio.run(scene())


def test_p06_nothing_that_is_stored_is_run() -> None:
    banned = {"eval", "exec", "compile", "__import__"}
    calls = [
        f"{module.path}:{node.lineno}"
        for module in read_house().modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in banned
    ]
    imports = {item.top for module in read_house().modules for item in _imports(module.tree)}
    assert calls == []
    assert imports.isdisjoint({"pickle", "marshal", "shelve", "jinja2", "mako", "code", "runpy"})


class _Import(msgspec.Struct):
    top: str


def _imports(tree: ast.Module) -> list[_Import]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return [_Import(name.partition(".")[0]) for name in names]


def test_p07_a_token_that_is_almost_right_opens_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            await place.admin()
            user = (await place.store.people.users())[0]
            text, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
            assert (await place.visitor(text).ask("GET", "/api/v1/session")).status == 200
            other = mint(TOKEN).text
            near = [text[:-1], text + "x", text.swapcase(), text[:16] + other[16:], text[:20], text + " " + text]
            for one in near:
                assert (await place.visitor(one).ask("GET", "/api/v1/session")).status == 401

    asyncio.run(scene())


def test_p12_a_key_never_stands_in_an_address() -> None:
    answers = {row: [answer()] for row in ("openai", "gemini", "anthropic", "deepseek")}
    for row in answers:
        stage = Stage({"one": [answer()]}, channel("one", row))
        play(stage.ask(b'{"model":"asked","messages":[{"role":"user","content":"hi"}]}', "openai_chat"))
        for call in stage.transport.calls:
            assert "key-of-one" not in call.url
            assert "key-of-one" in str(call.headers)
    assert {row.auth for row in catalog().values()} <= {"bearer", "x-api-key", "api-key", "x-goog-api-key", "none"}


def test_p13_a_refusal_tells_nothing_of_a_key_but_its_name(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            made = await place.store.configuration.keys.add(SYSTEM, KeyTable(name="agent", models=("none",)))
            version = await place.store.configuration.version()
            while place.gateway.live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.01)
            body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
            for text in (made.text, made.text[:-1], made.text[:20] + mint(TOKEN).text[20:]):
                told = await place.visitor().ask("POST", "/v1/messages", body, {"x-api-key": text})
                assert told.status in (401, 403, 404)
                for secret in (text, made.text[16:], made.key.digest.hex(), made.key.digest.hex()[:16]):
                    assert secret not in told.body.decode() + str(told.headers)

    asyncio.run(scene())


def test_p15_nothing_is_searched_by_a_pattern_of_the_clients() -> None:
    searching = {"like", "ilike", "contains", "startswith", "endswith", "regexp_match", "op"}
    found = [
        f"{module.path}:{node.lineno} {node.func.attr}"
        for module in read_house().modules
        if module.path.as_posix() in ("store/ledger.py", "store/log.py", "store/people.py", "store/shelves.py")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in searching
        if "autoescape" not in {keyword.arg for keyword in node.keywords}
    ]
    assert found == []


def test_p20_no_key_or_token_is_stored_as_it_is(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        async with house(tmp_path) as place:
            await place.admin()
            user = (await place.store.people.users())[0]
            token, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
            key = await place.store.configuration.keys.add(SYSTEM, KeyTable(name="agent"))
            return [token, key.text]

    texts = asyncio.run(scene())
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    for text in texts:
        assert text.encode() not in stored
        assert text[16:].encode() not in stored
