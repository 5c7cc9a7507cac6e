"""Vendors' Python SDKs at several releases, each driving a small agent in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from tests.clients import sdk_program
from tests.clients.agents import Ended, Json, Told, Wish, followed, surroundings
from tests.standin import Dialect


class Sdk(Struct, frozen=True):
    """One SDK at one release."""

    program: str
    """Its name in sdk_program."""
    door: Dialect
    package: str = ""
    """What scripts/clients calls it; empty: the one that the tests themselves are installed with."""
    version: str = ""
    drives_claude: bool = False


CLAUDE = ("claude-code", "2.1.328", "claude")
"""What the agent SDK drives."""

SDKS = {
    "anthropic": Sdk("anthropic", "anthropic"),
    "anthropic-1": Sdk("anthropic", "anthropic", "anthropic", "1.17.0"),
    "anthropic-0": Sdk("anthropic", "anthropic", "anthropic", "0.125.0"),
    "chat": Sdk("openai-chat", "openai_chat"),
    "chat-2": Sdk("openai-chat", "openai_chat", "openai", "2.54.0"),
    "chat-1": Sdk("openai-chat", "openai_chat", "openai", "1.109.1"),
    "responses": Sdk("openai-responses", "openai_responses"),
    "responses-2": Sdk("openai-responses", "openai_responses", "openai", "2.54.0"),
    "responses-1": Sdk("openai-responses", "openai_responses", "openai", "1.109.1"),
    "genai": Sdk("google-genai", "gemini"),
    "genai-2": Sdk("google-genai", "gemini", "google-genai", "2.34.0"),
    "genai-1": Sdk("google-genai", "gemini", "google-genai", "1.75.0"),
    "agent-sdk": Sdk("claude-agent-sdk", "anthropic", "claude-agent-sdk", "0.2.184", drives_claude=True),
}


def run(sdk: Sdk, wish: Wish, packages: Path | None, claude: Path | None) -> Ended:
    """Starts the program with the SDK that lies in `packages`, or with the tests' own."""
    home, temporary = wish.place / "home", wish.place / "tmp"
    for folder in (home, temporary):
        folder.mkdir(parents=True, exist_ok=True)
    environment = surroundings(home, temporary) | {"PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"PYTHONPATH": str(packages)} if packages else {}
    environment |= {"CLAUDE": str(claude)} if claude else {}
    command = [sys.executable, "-P", sdk_program.__file__, sdk.program, wish.url, wish.model, wish.prompt]
    return followed(command, environment, wish, read)


def read(lines: Sequence[Json]) -> Told:
    """The program's one line; where it failed there is none."""
    said: Json = lines[-1] if lines else {"text": "", "calls": []}
    return Told(said["text"], not lines, tuple(said["calls"]))
