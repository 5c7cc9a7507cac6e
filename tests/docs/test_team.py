"""docs/team.md: its commands, run one after the other by a shell, lead to a team on one gateway, then on two."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.clients.gateway import serving
from tests.docs.pages import section, text
from tests.store.postgresql_server import postgresql
from tests.store.redis_server import redis_server

PAGE = text("team.md")
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
GREETED = re.compile(r"Dragoman \S+ answers at (http://127\.0\.0\.1:\d+)")
INVITED = re.compile(r"--setup-token (\S+)")
START_S = 60.0
PATIENCE_S = 30.0
ROW = re.compile(r'provider = "(?:deepseek|openrouter)"')
AT_HOME = ("1. Start it", "2. Channels", "3. A profile", "4. Projects, people and keys", "5. See what happens")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Server:
    """The machine that the page speaks of: a folder, an environment, and a shell. Mutable: variables are set."""

    def __init__(self, folder: Path, vendor: str) -> None:
        self._folder = folder
        self._vendor = vendor
        programs = folder / "bin"
        programs.mkdir(parents=True)
        command = programs / "dragoman"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m dragoman "$@"\n')
        command.chmod(0o755)
        self.environ = {
            "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "DRAGOMAN_PASSWORD": "correct horse battery",
            "DEEPSEEK_API_KEY": "sk-of-deepseek",
            "OPENROUTER_API_KEY": "sk-of-openrouter-1",
            "OPENROUTER_API_KEY_2": "sk-of-openrouter-2",
        }

    @property
    def master_key(self) -> Path:
        """Where the gateway keeps it."""
        return self._folder / ".local" / "share" / "dragoman" / "master.key"

    def run(self, block: str) -> str:
        """What a block of the page prints; the vendors' addresses are a stand-in's."""
        private = f'provider = "openai-compatible"\nbase_url = "{self._vendor}/v1"\nprivate = true'
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", ROW.sub(lambda _: private, block)],
            cwd=self._folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def gateway(self, name: str) -> Iterator[str]:
        """What a gateway greets with, until the context ends."""
        said, log = self._folder / f"{name}.out", self._folder / f"{name}.log"
        with said.open("wb") as out, log.open("wb") as errors:
            process = subprocess.Popen(
                ["dragoman", "--port", "0"],
                executable=str(self._folder / "bin" / "dragoman"),
                cwd=self._folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
            )
        try:
            greeting = eventually(lambda: found if GREETED.search(found := said.read_text()) else "", log)
            yield GREETED.findall(greeting)[0]
        finally:
            process.terminate()
            process.wait(30)

    def invitation(self, name: str) -> str:
        """The token that the gateway printed for its first user."""
        said = self._folder / f"{name}.out"
        return eventually(lambda: (INVITED.findall(said.read_text()) or [""])[0], said)


def eventually(look: Callable[[], str], log: Path) -> str:
    """What is found at last."""
    end_s = time.monotonic() + START_S
    while not (found := look()):
        assert time.monotonic() < end_s, log.read_text()
        time.sleep(0.05)
    return found


def blocks(heading: str) -> list[str]:
    """The blocks of commands of one section that a shell can run by itself."""
    found = BLOCK.findall(section(PAGE, heading))
    return [block for block in found if block != "dragoman\n" and "\nclaude\n" not in block]


def ask(url: str, key: str, model: str) -> str:
    """The answer to one request, as an agent of the team makes it."""
    said = {"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "Say hello."}]}
    head = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    with urlopen(Request(f"{url}/v1/messages", json.dumps(said).encode(), head), timeout=PATIENCE_S) as answer:
        return str(json.loads(answer.read())["content"][0]["text"])


def used(server: Server) -> Mapping[str, int]:
    """What Anna's key has used this month, as the gateway tells it."""
    found = json.loads(server.run("dragoman keys usage anna-laptop --json"))
    spent: Mapping[str, int] = next(one["spent"] for one in found if one["window"] == "month")
    return spent


def test_every_section_with_commands_is_run() -> None:
    headings = re.findall(r"^## (\d.*)$", PAGE, re.MULTILINE)
    assert headings == [*AT_HOME, "6. Two replicas"]


def test_the_page_leads_to_a_team_and_on_to_two_replicas(tmp_path: Path) -> None:
    with serving(tmp_path / "vendor", "--demo") as vendor:
        server = Server(tmp_path / "server", vendor.url)
        with server.gateway("first") as url:
            said = ""
            for heading in AT_HOME:
                for block in blocks(heading):
                    token = server.invitation("first") if "TOKEN" in block else ""
                    said += server.run(block.replace("http://127.0.0.1:8090", url).replace("TOKEN", token))
            anna, build = re.findall(r"\bdgm_[0-9A-Za-z]{61}\b", said)
            assert "deepseek-v4-pro on deepseek" in said
            assert "sk-of" not in said + (tmp_path / "server" / "team.yaml").read_text()
            assert ask(url, anna, "claude-sonnet-4-5")
            assert ask(url, build, "claude-haiku-4-5")
            eventually(lambda: "once" if used(server)["requests"] == 1 else "", vendor.log)
            server.run("dragoman db backup --no-contents team2.gz && mv team2.gz team.gz")

        move(server, tmp_path, anna)


def move(server: Server, folder: Path, key: str) -> None:
    """The last section: to a PostgreSQL and a Redis, and two gateways on both."""
    (block,) = blocks("6. Two replicas")
    own = folder / "dragoman.key"
    own.write_bytes(server.master_key.read_bytes())
    with postgresql() as database, redis_server(folder) as cache:
        there = {
            "postgresql://dragoman:password@db.example/dragoman": database.database(),
            "redis://cache.example:6379/0": cache.url,
            "/etc/dragoman.key": str(own),
        }
        for words, found in there.items():
            assert words in block
            block = block.replace(words, found if "=" not in found else f"'{found}'")
        server.run(block)
        for line in block.splitlines():
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").partition("=")
                server.environ[name] = value.strip("'")
        with server.gateway("one") as one, server.gateway("two") as two:
            assert ask(one, key, "claude-sonnet-4-5")
            assert ask(two, key, "claude-sonnet-4-5")
            eventually(lambda: "both" if used(server)["requests"] == 3 else "", folder)
