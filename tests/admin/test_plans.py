"""The dry run says where a request would go, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.admin.stage import house

FILE = """
[[channels]]
name = "a"
provider = "openai-compatible"
base_url = "http://127.0.0.1:9/v1"
models = ["m"]
[[profiles]]
name = "default"
[[profiles.rules]]
pattern = 'claude-(.*)'
when = { agents = ["background"] }
targets = [{ channel = "a", model = 'small-\\1', effort = "low" }]
"""


def test_a_question_is_answered_without_a_request(tmp_path: Path) -> None:
    async def scene() -> None:
        (tmp_path / "dragoman.toml").write_text(FILE)
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = (await admin.ask("POST", "/api/v1/plan", {"model": "claude-x", "agent": "background"})).json
            assert told["rule"] == "rule 1 of profile 'default' (pattern 'claude-(.*)', with its conditions)"
            step = told["attempts"][0]
            assert (step["channel"], step["model"], step["effort"]) == ("a", "small-x", "low")
            assert told["lines"][0].startswith("claude-x: rule 1")
            refused = (await admin.ask("POST", "/api/v1/plan", {"model": "claude-x"})).json
            assert "no rule of profile 'default' matches it" in refused["refused"]

    asyncio.run(scene())
