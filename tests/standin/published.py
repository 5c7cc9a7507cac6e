"""Request bodies checked against the types that the vendors publish in their SDKs: slow, for tests' claims only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tests.standin.ask import Dialect

Json = dict[str, Any]


SAMPLING = ("temperature", "top_p", "top_k")


def type_problems(dialect: Dialect, body: Json, betas: str = "", version: str = "2023-06-01") -> list[str]:
    """What the SDK's own request type has against the body; members that no type knows are problems too.

    With `betas` (the value of `anthropic-beta`) the wider beta types are asked. The types are those of Anthropic's
    version 2026-10-21, which has no sampling; in a body for an older version it is passed over.
    """
    if dialect == "anthropic" and version < "2026-10-21":
        body = {name: value for name, value in body.items() if name not in SAMPLING}
    found = _problems(_adapter(dialect, bool(betas), body.get("stream") is True), body)
    if dialect == "anthropic":
        for place, message in enumerate(body.get("messages", [])):
            # The message type takes the reply's open block types too, so the blocks are asked about by themselves.
            for block in message["content"] if isinstance(message.get("content"), list) else []:
                found += [f"messages.{place}: {each}" for each in _problems(_block_adapter(bool(betas)), block)]
    return found


def _problems(adapter: TypeAdapter[Any], value: Any) -> list[str]:
    try:
        _exhaust(adapter.validate_python([value]))
    except ValidationError as found:
        return [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in found.errors()]
    return []


@cache
def _adapter(dialect: Dialect, beta: bool, stream: bool) -> TypeAdapter[Any]:
    if dialect == "openai_chat":
        from openai.types.chat import completion_create_params as params
    elif dialect == "openai_responses":
        from openai.types.responses import response_create_params as params  # type: ignore[no-redef]
    elif beta:
        from anthropic.types.beta import message_create_params as params  # type: ignore[no-redef]
    else:
        from anthropic.types import message_create_params as params  # type: ignore[no-redef]
    prefix = {"openai_chat": "Completion", "openai_responses": "Response"}.get(dialect, "Message")
    return _strict(getattr(params, f"{prefix}CreateParams{'Streaming' if stream else 'NonStreaming'}"))


@cache
def _block_adapter(beta: bool) -> TypeAdapter[Any]:
    from anthropic.types import ContentBlockParam
    from anthropic.types.beta import BetaContentBlockParam

    return _strict(BetaContentBlockParam if beta else ContentBlockParam)


def _strict(kind: Any) -> TypeAdapter[Any]:
    with warnings.catch_warnings():
        # A few of the SDK's types are open on purpose; pydantic warns that they stay so.
        warnings.simplefilter("ignore")
        # In a list, because pydantic takes no config for a bare TypedDict.
        return TypeAdapter(list[kind], config=ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True))


def _exhaust(value: Any) -> None:
    """Walks into everything: pydantic checks the items of an `Iterable` only when they are asked for."""
    match value:
        case str() | bytes():
            return
        case Mapping():
            for inner in value.values():
                _exhaust(inner)
        case list() | tuple() | Iterator():
            for inner in value:
                _exhaust(inner)
