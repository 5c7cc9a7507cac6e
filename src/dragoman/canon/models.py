"""Words for what models are for."""

from __future__ import annotations

from typing import Literal, TypeAlias

Sort: TypeAlias = Literal["chat", "embedding", "image", "audio", "rerank", "video"]
"""What a model is for."""
Medium: TypeAlias = Literal["text", "image", "audio", "video", "document"]
"""What a prompt or an answer may hold."""
