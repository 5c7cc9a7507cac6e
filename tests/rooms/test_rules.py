"""Each rule catches what it forbids, and lets pass what it allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import TypeAlias

import pytest

from tests.rooms import rules
from tests.rooms.house import House, Module, catalog_ids

Breaches: TypeAlias = Callable[[House], Iterator[str]]

BODY = '"""Words."""\n'
LONG_BODY = "    x = 1\n" * (rules.FUNCTION_LINES + 1)


def house(path: str, text: str) -> House:
    """A house of one module, beside two dialects and two providers, one of which is called like a dialect."""
    return House(
        modules=(Module(PurePosixPath(path), text),),
        provider_ids=frozenset({"deepseek", "anthropic"}),
        dialects=frozenset({"anthropic", "openai_chat"}),
    )


BROKEN = [
    (rules.homeless, "attic/box.py", BODY),
    (rules.upward_imports, "canon/order.py", "from dragoman.dialects import sse"),
    (rules.upward_imports, "routing/decide.py", "from dragoman.providers.base import Provider"),
    (rules.upward_imports, "routing/decide.py", "from dragoman import relay"),
    (rules.upward_imports, "dialects/sse.py", "import dragoman.net.transport"),
    (rules.upward_imports, "dialects/anthropic/stream.py", "from ...relay import attempt"),
    (rules.upward_imports, "relay/relay.py", "def late():\n    from dragoman.web import doors"),
    (rules.upward_imports, "relay/relay.py", "from dragoman.store.sql import Store"),
    (rules.upward_imports, "store/ports/ledger.py", "from dragoman.store.tables import exchanges"),
    (rules.upward_imports, "web/doors.py", "from dragoman import settings"),
    (rules.upward_imports, "demo/model.py", "from dragoman.net import transport"),
    (rules.upward_imports, "settings/load.py", "from dragoman.relay import relay"),
    (rules.neighbouring_dialects, "dialects/anthropic/reply.py", "from dragoman.dialects.openai_chat import reply"),
    (rules.neighbouring_dialects, "dialects/anthropic/reply.py", "from ..openai_chat import reply"),
    (rules.neighbouring_dialects, "relay/prepare.py", "from dragoman.dialects.anthropic.request import write"),
    (rules.neighbouring_dialects, "relay/prepare.py", "from dragoman.dialects import anthropic"),
    (rules.impurities, "canon/order.py", "import time"),
    (rules.impurities, "routing/decide.py", "from os import environ"),
    (rules.impurities, "dialects/take.py", "import urllib.request"),
    (rules.impurities, "ledger/price.py", "async def ask() -> None: ..."),
    (rules.impurities, "routing/health.py", "from datetime import datetime\nx = datetime.now()"),
    (rules.guests_in_pure_rooms, "canon/order.py", "import pydantic"),
    (rules.guests_in_pure_rooms, "demo/model.py", "import uvicorn"),
    (rules.strayed_packages, "relay/attempt.py", "import aiohttp"),
    (rules.strayed_packages, "net/sockets.py", "from aiohttp import ClientSession"),
    (rules.strayed_packages, "relay/attempt.py", "import uvicorn.config"),
    (rules.strayed_packages, "web/doors.py", "import subprocess"),
    (rules.spelled_providers, "settings/load.py", "WHO = {'a': 'deepseek'}"),
    (rules.spelled_providers, "relay/prepare.py", "if channel.provider == 'deepseek': ..."),
    (rules.spelled_providers, "settings/foreign.py", "def which(x):\n    return x == 'deepseek'"),
    (rules.spelled_providers, "settings/foreign.py", "A = {'deepseek': 1}\nB = ['deepseek']"),
    (rules.spelled_dialects, "relay/prepare.py", "if door == 'openai_chat': ..."),
    (rules.spelled_dialects, "dialects/anthropic/reply.py", "OTHER = 'openai_chat'"),
    (rules.spelled_dialects, "canon/seal.py", "NATIVE = 'anthropic'"),
    (rules.long_files, "web/doors.py", "\n" * (rules.FILE_LINES + 1)),
    (rules.long_functions, "web/doors.py", f"def f():\n{LONG_BODY}"),
    (rules.long_functions, "web/doors.py", f"class A:\n  async def f():\n{LONG_BODY}"),
    (rules.idle_names, "web/utils.py", BODY),
    (rules.idle_names, "web/helpers/text.py", BODY),
    (rules.undescribed, "web/doors.py", "def open_doors() -> None: ..."),
    (rules.undescribed, "web/doors.py", "class Door:\n    'A door.'\n    def swing(self) -> None: ..."),
]

SOUND = [
    (rules.homeless, "__init__.py", BODY),
    (rules.homeless, "store/ports.py", BODY),
    (rules.upward_imports, "relay/relay.py", "from dragoman.store.ports import Recorder"),
    (rules.upward_imports, "relay/relay.py", "from dragoman.net.transport import Transport"),
    (rules.upward_imports, "web/app.py", "from dragoman import __version__"),
    (rules.upward_imports, "dialects/sse.py", "from dragoman.canon import events\nfrom . import take"),
    (rules.upward_imports, "cli/doctor.py", "from dragoman import assembly, settings"),
    (rules.neighbouring_dialects, "dialects/anthropic/stream.py", "from dragoman.dialects.anthropic import errors"),
    (rules.neighbouring_dialects, "dialects/anthropic/stream.py", "from dragoman.dialects import base"),
    (rules.neighbouring_dialects, "assembly.py", "from dragoman.dialects import anthropic"),
    (rules.impurities, "routing/decide.py", "from datetime import datetime\nimport hashlib"),
    (rules.impurities, "net/transport.py", "import asyncio, time"),
    (rules.guests_in_pure_rooms, "canon/order.py", "import json, msgspec"),
    (rules.strayed_packages, "net/proxied.py", "import aiohttp"),
    (rules.strayed_packages, "web/edge.py", "from uvicorn.protocols import http"),
    (rules.spelled_providers, "providers/quirks.py", "X = 'deepseek'"),
    (rules.spelled_providers, "web/guard.py", "X = 'anthropic'"),
    (rules.spelled_providers, "settings/foreign.py", "FOREIGN = {'A': 'deepseek', 'B': 'deepseek'}"),
    (rules.spelled_dialects, "dialects/anthropic/reply.py", "NAME = 'anthropic'"),
    (rules.spelled_dialects, "web/doors.py", "DOORS = {'/v1/messages': 'anthropic'}"),
    (rules.spelled_dialects, "web/guard.py", "VERSION = 'anthropic-version'"),
    (rules.long_functions, "web/doors.py", f"def f():\n  '''{LONG_BODY}'''"),
    (rules.undescribed, "web/doors.py", "def _inner() -> None: ..."),
    (rules.undescribed, "web/doors.py", "@overload\ndef f(x: int) -> int: ..."),
]


@pytest.mark.parametrize(("rule", "path", "text"), BROKEN)
def test_a_rule_catches_its_breach(rule: Breaches, path: str, text: str) -> None:
    breaches = list(rule(house(path, text)))
    assert breaches
    assert all(breach.startswith(f"src/dragoman/{path}:") for breach in breaches)


@pytest.mark.parametrize(("rule", "path", "text"), SOUND)
def test_a_rule_lets_pass_what_it_allows(rule: Breaches, path: str, text: str) -> None:
    assert list(rule(house(path, text))) == []


def test_every_rule_is_shown_to_catch_something() -> None:
    assert {rule for rule, *_ in BROKEN} == {rule.breaches for rule in rules.RULES}


def test_the_ids_of_the_catalog_are_read_from_its_rows() -> None:
    assert catalog_ids('[[providers]]\nid = "a"\n[[providers]]\nid = "b"\n') == {"a", "b"}
