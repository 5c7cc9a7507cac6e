"""GigaChat's chat API: version 1 both ways, version 2 towards the vendor."""

from __future__ import annotations

from dragoman.dialects.gigachat.v2 import DIALECT as DIALECT_2
from dragoman.dialects.gigachat.version1 import DIALECT

__all__ = ["DIALECT", "DIALECT_2"]
