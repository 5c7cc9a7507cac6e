"""What is set for the whole gateway (`[settings]`, and the settings of the database), checked and put in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import fields, replace

from dragoman.routing.profile import Refusal
from dragoman.routing.snapshot import Snapshot
from dragoman.settings.record import Notice
from dragoman.settings.shape import FileTables, ServerTable
from dragoman.shapes.tuning import TuningTable, faults_of_tuning

ELSEWHERE = {
    **{field.name: f"server.{field.name}" for field in fields(ServerTable)},
    "proxies": "[proxies]",
}
"""Settings that have another place in the file."""


def faults_of_file(tables: FileTables, file: Path | None) -> Iterator[Notice]:
    """What is wrong with `[settings]` of the file."""
    said = said_in(tables.settings)
    for name in said:
        if name in ELSEWHERE:
            remedy = f"Write it as {ELSEWHERE[name]}."
            yield Notice(f"{file}: settings.{name}", "It has another place in the file.", remedy)
    for name, value in said.items():
        for words in faults_of_tuning(name, value):
            yield Notice(f"{file}: settings.{name}", words, "Correct it.")


def said_in(table: TuningTable) -> dict[str, object]:
    """The members that are said."""
    return {field.name: value for field in fields(table) if (value := getattr(table, field.name)) is not None}


def tuned(snapshot: Snapshot, table: TuningTable) -> Snapshot:
    """The configuration with these settings in force; what they do not say stays."""
    refusals = tuple(Refusal(re.compile(one.pattern, re.IGNORECASE), one.message) for one in table.refuse_models or ())
    return replace(
        snapshot,
        strategy=table.strategy or snapshot.strategy,
        refusals=refusals,
        direct=snapshot.direct if table.direct is None else table.direct,
        retry=table.retry or snapshot.retry,
        breaker=table.breaker or snapshot.breaker,
        balances=table.balances or snapshot.balances,
        balances_s=table.balances_minutes * 60.0 if table.balances_minutes else snapshot.balances_s,
        upstream_errors=table.upstream_errors or snapshot.upstream_errors,
        upstream_error_text=table.upstream_error_text or snapshot.upstream_error_text,
    )
