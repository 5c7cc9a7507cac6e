"""Arguments of calls in the client's form and in the one a target was told of by a lowered schema.

Rule: text in which there is nothing to change, or that is no JSON object, stays the very same text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.merging import Json, compact
from dragoman.canon.schema import Lowered, Path

_OBJECT = msgspec.json.Decoder(dict[str, object])


def restored(arguments: str, lowered: Lowered) -> str:
    """A call's arguments as the client knows them: names and values as they were before lowering."""
    return _rewritten(arguments, lowered, lowered.renames, _as_known, known_first=False)


def sent(arguments: str, lowered: Lowered) -> str:
    """An earlier call's arguments as the target was told of them: the way back of `restored`."""
    names = {known: name for name, known in lowered.renames.items()}
    return _rewritten(arguments, lowered, names, _as_text, known_first=True)


def _as_known(value: Json, texts: Mapping[str, Raw]) -> Json:
    return texts.get(value, value) if isinstance(value, str) else value


def _as_text(value: Json, texts: Mapping[str, Raw]) -> Json:
    text = "" if isinstance(value, str) else compact(value)
    return text if text in texts else value


def _rewritten(
    arguments: str,
    lowered: Lowered,
    names: Mapping[str, str],
    cast: Callable[[Json, Mapping[str, Raw]], Json],
    *,
    known_first: bool,
) -> str:
    """The arguments with names replaced and values cast; paths are those of the names as sent."""
    if not lowered.renames and not lowered.casts:
        return arguments
    try:
        value = _OBJECT.decode(arguments)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return arguments

    def walk(value: Json, paths: frozenset[Path]) -> Json:
        for path in paths:
            if path in lowered.casts:
                value = cast(value, lowered.casts[path])
        if isinstance(value, dict):
            return {names.get(name, name): walk(v, step(paths, name)) for name, v in value.items()}
        return [walk(each, step(paths, "*")) for each in value] if isinstance(value, list) else value

    def step(paths: frozenset[Path], name: str) -> frozenset[Path]:
        sent = names.get(name, name) if known_first else name
        return frozenset((*path, each) for path in paths for each in (sent, "*")) & stems

    stems = frozenset(path[:size] for path in lowered.casts for size in range(len(path) + 1))
    rewritten = walk(value, frozenset({()}))
    return arguments if rewritten == value else msgspec.json.encode(rewritten).decode()
