"""How models are described."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dragoman.canon.models import Medium, Sort
from dragoman.shapes.fields import Count, Day


class ModelTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[models]]`: what is known of a model, for whoever chooses one and for routing"""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    """A provider's name of a model, one that clients ask for, or a pattern with `*`; letter case aside."""
    title: Annotated[str, Meta(max_length=200)] = ""
    developer: Annotated[str, Meta(max_length=200)] = ""
    group: Annotated[str, Meta(max_length=200)] = ""
    icon: Annotated[str, Meta(max_length=2000)] = ""
    type: Sort | None = None
    context: Count | None = None
    max_output: Count | None = None
    takes: tuple[Medium, ...] = ()
    gives: tuple[Medium, ...] = ()
    reasoning: bool | None = None
    tools: bool | None = None
    knowledge: Day = ""
    released: Day = ""
