"""The log's short way, in a process of its own, since structlog is configured once per process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

KEY = "sk-" + "a1" * 12
FACTS = {"exchange": "dgm_" + "0" * 24, "asked": KEY, "stream": True, "status": 200, "usage": {"input": 3}}
SCRIPT = f"""
import sys, structlog
from dragoman import logs
note = logs.configure(sys.argv[1], sys.argv[2], sys.stdout)
structlog.get_logger().info("exchange", **{FACTS!r})
note("exchange", {FACTS!r})
"""


def logged(level: str, form: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", SCRIPT, level, form], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_an_exchange_is_logged_as_every_other_line_is() -> None:
    usual, short = (json.loads(line) for line in logged("info", "json"))

    moments: list[Any] = [usual.pop("timestamp"), short.pop("timestamp")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", moment) for moment in moments)
    assert short == usual == {**FACTS, "asked": "***", "event": "exchange", "level": "info"}


def test_the_log_for_a_terminal_is_written_in_one_way() -> None:
    usual, short = (line.partition("exchange")[2] for line in logged("info", "text"))

    assert short == usual
    assert KEY not in short


def test_a_level_that_leaves_exchanges_out_leaves_out_all() -> None:
    assert logged("warning", "json") == logged("warning", "text") == []


COMMAND = f"""
import structlog
from dragoman import logs
logs.configure_for_command()
log = structlog.get_logger()
log.info("opened")
def fail(key):
    raise ValueError("a fault")
try:
    fail({KEY!r} + "unseen")
except ValueError:
    log.error("failed", why={KEY!r}, exc_info=True)
print("answer")
"""


def test_a_command_logs_what_went_wrong_beside_its_answer_and_without_values() -> None:
    run = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True)
    assert run.stdout == "answer\n"
    assert "failed" in run.stderr
    assert "ValueError: a fault" in run.stderr
    assert "opened" not in run.stderr
    assert "a1a1" not in run.stderr
