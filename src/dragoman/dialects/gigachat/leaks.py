"""Calls that the model wrote into its text instead of making them, read as the calls they are; a habit asks for it.

Rules. Only a call of a function that was offered, whole, and with arguments that its schema names, is a call: all else
stays text, whatever it looks like. A call that was cut is text too.

Theory: what leaks is a tag with the function's name, around tags with the arguments' names or around JSON, perhaps
within another tag. The tags' own words vary, and are translated at times (`< أداة:Read > < аргумент:path >a</аргумент>
</أداة:Read>`), so that only where names stand is looked at. Text is held back from a `<` on for as long as it may
become a call. Source: users' reports of skales (issue 256), read 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Raw

WRAPPERS = frozenset({"tool_calls", "tool_call", "function_calls", "function_call", "tools", "invoke"})
"""Tags that may stand around calls, or around JSON that tells one."""
TAG_LENGTH = 200
"""Characters of an opening tag at most."""
HELD_LENGTH = 1024 * 1024
"""Characters that are held back at most."""
DEPTH = 2
"""Tags around a call at most."""

_TAG = re.compile(
    r"<\s*(?P<tag>[^\s<>:/=\"'!?]+)"
    r"(?:\s*:\s*(?P<colon>[^\s<>=\"'/]+)|\s+[^\s<>=\"'/]+\s*=\s*[\"'](?P<value>[^\"'<>]+)[\"'])?\s*>"
)
_UNFINISHED = re.compile(r"<[ \t]*(?:[^\s<>:/=\"'!?]+[^<>\n]*)?")
_ANYTHING = msgspec.json.Decoder()


class Leaked(NamedTuple):
    """A call that was found in the text."""

    name: str
    """As it was sent."""
    arguments: str
    """JSON."""


class _Found(NamedTuple):
    """Calls, and the characters that told them."""

    calls: list[Leaked]
    length: int


_Verdict: TypeAlias = _Found | Literal["wait", "inside", "prose"]
"""`inside` waits for the tag that ends a call: no other text can tell more."""


class Leaks:
    """Parts leaked calls from text. Mutable: it keeps what may be the beginning of one."""

    def __init__(self, functions: Mapping[str, Raw]) -> None:
        self._functions = functions
        self._held = ""
        self._is_inside = False

    def feed(self, text: str) -> list[str | Leaked]:
        """Texts and calls that are certain now."""
        self._held += text
        is_long = len(self._held) >= HELD_LENGTH
        if self._is_inside and ">" not in text and not is_long:
            return []
        return self._parted(final=is_long)

    def close(self) -> list[str | Leaked]:
        """What was kept back, at the end of the text."""
        return self._parted(final=True)

    def _parted(self, *, final: bool) -> list[str | Leaked]:
        found: list[str | Leaked] = []
        words = ""
        held = self._held
        self._is_inside = False
        while held:
            before, tag, _ = held.partition("<")
            words, held = words + before, held[len(before) :]
            verdict = self._verdict(held, final=final) if tag else "wait"
            if verdict == "prose":
                words, held = words + "<", held[1:]
                continue
            if isinstance(verdict, str):
                self._is_inside = verdict == "inside"
                break
            found += [words, *verdict.calls] if words else verdict.calls
            words, held = "", held[verdict.length :]
        self._held = held
        return [*found, words] if words else found

    def _verdict(self, held: str, *, final: bool, depth: int = 0) -> _Verdict:
        """What text that begins with `<` is; what is not certain at the end is text."""
        opened = _TAG.match(held)
        if opened is None:
            is_open = len(held) < TAG_LENGTH and _UNFINISHED.fullmatch(held)
            return "wait" if is_open and not final else "prose"
        name = opened["colon"] or opened["value"]
        if name is not None:
            return self._call(held, opened, name, final=final) if name in self._functions else "prose"
        inside = held[opened.end() :].lstrip()
        if not inside:
            return "prose" if final else "wait"
        if inside[0] in "{[" and opened["tag"].lower() in WRAPPERS:
            return self._told_in_json(held, opened, final=final)
        return self._wrapped(held, opened, final=final, depth=depth) if inside[0] == "<" and depth < DEPTH else "prose"

    def _call(self, held: str, opened: re.Match[str], name: str, *, final: bool) -> _Verdict:
        """The call whose tag was opened."""
        closed = _close_of(opened["tag"]).search(held, opened.end())
        if closed is None:
            return "prose" if final else "inside"
        arguments = _arguments(held[opened.end() : closed.start()].strip(), self._functions[name])
        return "prose" if arguments is None else _Found([Leaked(name, arguments)], closed.end())

    def _wrapped(self, held: str, opened: re.Match[str], *, final: bool, depth: int) -> _Verdict:
        """The calls within a tag that names none itself, up to its end."""
        calls: list[Leaked] = []
        place = opened.end()
        while True:
            rest = held[place:].lstrip()
            start = len(held) - len(rest)
            closed = _close_of(opened["tag"]).match(rest) if calls else None
            if closed is not None:
                return _Found(calls, start + closed.end())
            if calls and not final and (not rest or (rest[0] == "<" and ">" not in rest)):
                return "wait"
            inner = self._verdict(rest, final=final, depth=depth + 1) if rest[:1] == "<" else "prose"
            if isinstance(inner, str):
                return _Found(calls, place) if calls and inner == "prose" else inner
            calls += inner.calls
            place = start + inner.length

    def _told_in_json(self, held: str, opened: re.Match[str], *, final: bool) -> _Verdict:
        """Calls told as objects with `name` and `arguments` within a tag."""
        closed = _close_of(opened["tag"]).search(held, opened.end())
        if closed is None:
            return "prose" if final else "inside"
        try:
            told = _ANYTHING.decode(held[opened.end() : closed.start()])
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return "prose"
        calls = [self._object(each) for each in (told if isinstance(told, list) else [told])]
        known = [call for call in calls if call is not None]
        return _Found(known, closed.end()) if known and len(known) == len(calls) else "prose"

    def _object(self, told: object) -> Leaked | None:
        if not isinstance(told, dict) or told.get("name") not in self._functions:
            return None
        arguments = told.get("arguments", told.get("parameters"))
        if not isinstance(arguments, dict):
            return None
        return Leaked(told["name"], msgspec.json.encode(arguments).decode())


def _close_of(tag: str) -> re.Pattern[str]:
    return re.compile(rf"<\s*/\s*{re.escape(tag)}(?:\s*:[^<>]*)?\s*>")


def _arguments(body: str, schema: Raw) -> str | None:
    """The arguments that stand in a call's tag; None for anything that the schema does not name."""
    known = _ANYTHING.decode(schema)
    properties = known.get("properties") if isinstance(known, dict) else None
    kinds: Mapping[str, object] = properties if isinstance(properties, dict) else {}
    if body.startswith("{"):
        try:
            found = _ANYTHING.decode(body)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        return body if isinstance(found, dict) and found.keys() <= kinds.keys() else None
    told: dict[str, object] = {}
    place = 0
    while place < len(body):
        opened = _TAG.match(body, place)
        closed = _close_of(opened["tag"]).search(body, opened.end()) if opened else None
        if opened is None or closed is None:
            return None
        name = opened["colon"] or opened["value"] or opened["tag"]
        if name not in kinds:
            return None
        told[name] = _value(body[opened.end() : closed.start()], kinds[name])
        place = closed.end() + len(body[closed.end() :]) - len(body[closed.end() :].lstrip())
    return msgspec.json.encode(told).decode()


def _value(text: str, schema: object) -> object:
    """A value as its schema wants it: a text unless it must be something else, and is."""
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind in ("integer", "number", "boolean", "array", "object"):
        try:
            return _ANYTHING.decode(text.strip())
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return text
    return text.removeprefix("\n").removesuffix("\n")
