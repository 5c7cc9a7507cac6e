"""docs/clients/: every snippet of Python runs against a gateway, and every setting is what `dragoman launch` makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.cli.agents import PLACEHOLDER, Outfit, Wanted, agents, outfit
from tests.clients.gateway import serving
from tests.conftest import CLIENTS
from tests.docs.pages import DOCS, ROOT, text

URL = "http://127.0.0.1:8090"
PAGES = {
    "claude": "claude-code",
    "codex": "codex",
    "gemini": "gemini-cli",
    "opencode": "opencode",
    "qwen": "qwen-code",
    "aider": "aider",
}
"""The page of each agent that can be launched."""
SDKS = ("anthropic-sdk", "openai-sdk", "google-sdk")
LANGCHAIN = CLIENTS / "langchain-1.7.3"
"""Where scripts/clients puts it, with all it needs."""
VERSION = re.compile(r"\d+(?:\.\d+)+")
EXPORT = re.compile(r"^export (\w+)=(\S+)", re.MULTILINE)


def page(name: str) -> str:
    """One client's page."""
    return text(f"clients/{name}.md")


def blocks(name: str, language: str) -> list[str]:
    """The snippets of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.DOTALL | re.MULTILINE)


def dressed(command: str, told: str) -> Outfit:
    """What `launch` would start an agent with, for the model that its page takes as an example."""
    model = next((model for model in ("deepseek-flash", "qwen3-max") if model in told), "")
    return outfit(agents()[command], Wanted(url=URL, model=model, models=(model,)), {})


def test_every_agent_that_can_be_launched_has_its_page() -> None:
    assert list(PAGES) == list(agents())
    for command, name in PAGES.items():
        assert f"dragoman launch {command}\n" in page(name)


@pytest.mark.parametrize("command", PAGES)
def test_the_variables_of_a_page_are_those_of_launch(command: str) -> None:
    told = page(PAGES[command])
    settings = {setting.name: setting.value for setting in dressed(command, told).settings}
    exported = dict(EXPORT.findall(told))

    assert exported.items() <= settings.items()
    if command != "claude" and not agents()[command].variable:
        assert exported == {name: value for name, value in settings.items() if value is not None}


@pytest.mark.parametrize("command", ["qwen", "aider"])
def test_the_arguments_of_a_page_are_those_of_launch(command: str) -> None:
    told = page(PAGES[command])

    assert " ".join([command, *dressed(command, told).arguments]) in told


def test_the_configuration_of_codex_is_that_of_launch() -> None:
    given = dressed("codex", page("codex")).arguments

    assert tomllib.loads(blocks("codex", "toml")[0]) == tomllib.loads("\n".join(given[1::2]))


def test_the_configuration_of_opencode_is_that_of_launch() -> None:
    settings = {setting.name: setting.value for setting in dressed("opencode", page("opencode")).settings}

    assert json.loads(blocks("opencode", "json")[0]) == json.loads(settings["OPENCODE_CONFIG_CONTENT"] or "")


def test_the_configuration_of_gemini_cli_is_that_of_launch() -> None:
    assert json.loads(blocks("gemini-cli", "json")[0]) == dressed("gemini", "").config


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that serves the demo model, which answers to every name."""
    with serving(tmp_path_factory.mktemp("gateway"), "--demo") as door:
        yield door.url


def run(snippet: str, url: str, path: Path | None = None) -> str:
    """What a snippet prints against this gateway."""
    assert URL in snippet
    assert f'"{PLACEHOLDER}"' in snippet
    done = subprocess.run(
        [sys.executable, "-c", snippet.replace(URL, url)],
        env={"PATH": "", "LANG": "C.UTF-8", **({"PYTHONPATH": str(path)} if path else {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SDKS)
def test_the_snippets_of_an_sdk_run(name: str, url: str) -> None:
    for snippet in blocks(name, "python"):
        assert len(run(snippet, url)) > 20


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_the_snippets_of_langchain_run(number: int, url: str) -> None:
    if not LANGCHAIN.exists():
        pytest.skip("langchain is not fetched (scripts/clients)")

    assert len(run(blocks("langchain", "python")[number], url, LANGCHAIN)) > 20


@pytest.mark.parametrize("file", sorted((DOCS / "clients").glob("*.md")), ids=lambda file: file.stem)
def test_every_page_says_what_works_what_does_not_and_how_it_is_known(file: Path) -> None:
    told = file.read_text(encoding="utf-8")

    assert "\n## Works\n" in told
    assert "\n## Does not\n" in told
    assert re.search(r"^(Tried|Checked|Set up) ", told, re.MULTILINE)
    assert len(told.splitlines()) < 110


def test_the_versions_on_the_pages_are_those_that_are_fetched() -> None:
    fetched = (ROOT / "scripts" / "clients").read_text(encoding="utf-8")
    told = [line for file in (DOCS / "clients").glob("*.md") for line in file.read_text().splitlines()]
    versions = [version for line in told if line.startswith("Tried with ") for version in VERSION.findall(line)]
    wanted = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert len(versions) > 10
    assert [version for version in versions if version not in fetched and version not in wanted] == []


def test_the_json_and_toml_of_the_pages_are_whole() -> None:
    for file in (DOCS / "clients").glob("*.md"):
        for snippet in blocks(file.stem, "json"):
            json.loads(snippet)
        for snippet in blocks(file.stem, "toml"):
            tomllib.loads(snippet)
