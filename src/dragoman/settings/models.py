"""What is known of models, made from their tables."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dragoman.routing.cards import ModelCard
from dragoman.settings.record import Notice
from dragoman.shapes.model import ModelTable


def model_card(table: ModelTable) -> ModelCard:
    """What a table says of a model."""
    return ModelCard(**msgspec.structs.asdict(table))


def read_models(tables: Iterable[ModelTable], where: str, faults: list[Notice]) -> tuple[ModelCard, ...]:
    """What a file says of models; `faults` tell of names that stand twice."""
    found: dict[str, ModelCard] = {}
    for table in tables:
        name = table.name.lower()
        if name in found:
            faults.append(Notice(f"{where} models['{table.name}']", "Two models have this name.", "Keep one of them."))
        found[name] = model_card(table)
    return tuple(found.values())
