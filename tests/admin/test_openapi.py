"""The API describes itself, truly and without anything from elsewhere, and where nothing is it says so."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from dragoman.web.admin.scopes import EVERY
from dragoman.web.admin.settings import MEANINGS
from tests.admin.openapi import MARK, PAGE, PEOPLE, SCOPES_MARK, TABLE, document, scopes, table
from tests.admin.stage import house
from tests.docs.pages import rows, section, text


def test_the_document_that_is_kept_is_the_applications() -> None:
    assert PAGE.read_text(encoding="utf-8") == document(), "run scripts/docs"


def test_the_page_of_routes_is_the_applications() -> None:
    assert TABLE.read_text(encoding="utf-8").partition(MARK)[2] == table(), "run scripts/docs"


def test_the_page_of_scopes_is_the_applications() -> None:
    assert PEOPLE.read_text(encoding="utf-8").partition(SCOPES_MARK)[2] == scopes(), "run scripts/docs"


def test_every_setting_is_explained_on_the_page() -> None:
    shown = {row[0].strip("`"): row[1] for row in rows(section(text("admin-api.md"), "Settings"))}
    assert shown == dict(MEANINGS)


def test_the_document_says_who_may_and_what_is_read() -> None:
    told = json.loads(document())
    assert told["openapi"].startswith("3.1")
    names = set(told["components"]["schemas"])
    operations = [one for methods in told["paths"].values() for one in methods.values()]
    assert len({one["operationId"] for one in operations}) == len(operations)
    for one in operations:
        assert one["x-needs"] in {*EVERY, "anyone", "signed_in"}
        assert one["x-where"] in ("", "everywhere", "project", "own")
        assert one["summary"]
    assert set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(told))) <= names


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    expected = json.loads(document())

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            page = await admin.ask("GET", "/api/v1/docs")
            assert page.headers["content-type"].startswith("text/html")
            assert b"<script" not in page.body
            assert b"http://" not in page.body
            assert b"https://" not in page.body
            assert "default-src 'none'" in page.headers["content-security-policy"]
            assert b"/api/v1/channels/{id}/test" in page.body
            kept = await admin.ask("GET", "/api/v1/openapi.json")
            assert kept.json == expected
            assert (await place.visitor().ask("GET", "/api/v1/docs")).status == 401

    asyncio.run(scene())


def test_where_nothing_is_the_answer_is_a_problem(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for method, path, status, code in (
                ("GET", "/api/v1/nowhere", 404, "no_route"),
                ("GET", "/api/v1/channels/", 404, "no_route"),
                ("GET", "/api/v1/..%2f..%2fetc/passwd", 404, "no_route"),
                ("PUT", "/api/v1/channels", 405, "no_method"),
                ("TRACE", "/api/v1/session", 405, "no_method"),
            ):
                told = await admin.ask(method, path)
                assert (told.status, told.json["code"]) == (status, code), path
                assert told.headers["content-type"] == "application/problem+json"
                assert told.headers["x-content-type-options"] == "nosniff"
            assert "allow" in (await admin.ask("PUT", "/api/v1/channels")).headers

    asyncio.run(scene())
