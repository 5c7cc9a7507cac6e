"""JSON Schema made into what a target can take, and arguments brought back from it.

Rules. What a target can take is an argument, `SchemaRules`. No parameter is lost: branches that a target cannot be
told are merged, and limits it does not know go into the description, where the model reads them. Any JSON goes in,
a schema within the rules comes out, and lowering it again changes nothing.

Theory. Each node is first made flat, with its references and unwanted branches merged in (`canon.merging`), then
lowered word by word. Definitions that refer to themselves are followed `SchemaRules.ref_depth` times; a limit on
levels and one on nodes end what else would not. Properties that are renamed and values that become text are
remembered in `Lowered`, by which `canon.arguments` gives the client's own form back.

Source: json-schema.org, draft 2020-12, core and validation, read 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct, field

from dragoman.canon.mend import whole_characters
from dragoman.canon.merging import (
    CHILD,
    CHILDREN,
    NAMED,
    NAMES,
    NOTE_LIMIT,
    TYPES,
    Flattener,
    Json,
    Members,
    Node,
    compact,
    is_vacant,
    type_of,
    types_of,
)
from dragoman.canon.request import Loss


class SchemaRules(Struct, frozen=True, kw_only=True):
    """What a target takes of JSON Schema. The defaults are mild; a dialect's rules are constants of its own."""

    keywords: frozenset[str]
    """Words that may stand in a schema; `type`, `description` and what else is to be used must be among them."""
    types: Literal["list", "nullable", "one"] = "list"
    """How several types are told: as a list, as one type beside `nullable`, or as one type alone."""
    enum_types: frozenset[str] = frozenset(TYPES)
    """Types that values of `enum` may have; others become texts, and are brought back."""
    empty_values: bool = True
    """Whether a text among the values of `enum` may be empty."""
    formats: Mapping[str, frozenset[str]] | None = None
    """Formats that may stand beside each type; None: any."""
    typed: bool = False
    """Whether each schema must name its type, each array its items and each object its properties."""
    lone_any_of: bool = False
    """Whether nothing else may stand beside `anyOf`."""
    property_characters: str = ""
    """Characters of a property's name, as inside a regular expression's brackets; empty: any."""
    property_limit: int = 0
    """Characters of a property's name at most; 0: any number."""
    levels: int = 24
    """Schemas within schemas."""
    ref_depth: int = 2
    """How often a definition may stand within itself."""
    nodes: int = 4000
    """Schemas in all, for definitions can multiply."""


Path: TypeAlias = tuple[str, ...]
"""Properties' names as sent, `*` for any item or further property."""


class Lowered(Struct, frozen=True):
    """A schema as a target takes it."""

    schema: Raw
    losses: tuple[Loss, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    """Properties' names as sent, where they differ, to those the client knows; the same at every level."""
    casts: Mapping[Path, Mapping[str, Raw]] = field(default_factory=dict)
    """Where values were made text: each text as sent, with the value that the client knows."""


def lower(schema: Raw | None, rules: SchemaRules, *, arguments: bool = True) -> Lowered:
    """The schema within the rules; with `arguments` it describes an object, whatever it described. Never raises."""
    root = _read(schema)
    return _Lowering(rules, root).whole(root, arguments=arguments)


WORDS_OF: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"}),
    "array": frozenset({"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"}),
    "object": frozenset(
        {"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "propertyOrdering"}
        | {"minProperties", "maxProperties", "dependentRequired", "dependentSchemas"}
    ),
}
"""Words that mean something for one type only."""
IDLE = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$vocabulary", "$comment", "$defs", "definitions"}
)
"""Words that ask nothing of a value; leaving them out is no loss."""

TOLD: Mapping[str, str] = {
    "minimum": "minimum {}",
    "maximum": "maximum {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "pattern": "pattern {}",
    "format": "format {}",
    "default": "default {}",
    "examples": "examples {}",
    "example": "example {}",
    "enum": "one of {}",
    "title": "titled {}",
    "not": "not matching {}",
    "contains": "with an item matching {}",
    "prefixItems": "items in this order {}",
    "patternProperties": "members by pattern {}",
    "propertyNames": "names matching {}",
    "additionalProperties": "any further members, each matching {}",
    "dependentRequired": "members that need others {}",
    "contentMediaType": "holding {}",
    "contentEncoding": "encoded as {}",
}
"""How a limit that a target does not know is told in the description. Words that are not here are left out."""
_TRUTHS: Mapping[str, str] = {"uniqueItems": "no item twice", "deprecated": "deprecated", "readOnly": "read-only"}


class _Lowering:
    """One schema while it is lowered. Mutable: it gathers losses, renames and casts."""

    def __init__(self, rules: SchemaRules, root: Json) -> None:
        self._rules = rules
        self._keywords = rules.keywords
        self._losses: dict[str, Loss] = {}
        self._sent: dict[str, str] = {}
        self._casts: dict[Path, dict[str, Raw]] = {}
        self._flattener = Flattener(root, rules.keywords, rules.ref_depth, rules.nodes, self._lose)
        self._taken = set(_names_in(root))
        self._branches = "anyOf" in rules.keywords
        self._choosy = rules.types != "list"
        """Whether a schema has one type."""

    def whole(self, root: Json, *, arguments: bool) -> Lowered:
        """The outermost schema."""
        flat = self._flattener.flat(root, (), unite=arguments)
        lowered = self._lowered(self._as_object(flat) if arguments else flat, (), 0)
        renames = {sent: known for known, sent in self._sent.items() if sent != known}
        return Lowered(Raw(msgspec.json.encode(lowered)), tuple(self._losses.values()), renames, self._casts)

    def _as_object(self, flat: Node) -> Node:
        """The outermost schema as that of an object, whatever it was."""
        given = {word: value for word, value in flat.members.items() if word not in ("enum", "nullable")}
        types = types_of(given)
        if types not in ([], ["object"]):
            self._lose("root", "The arguments of a call are an object, whatever their schema said.")
        if types and "object" not in types:
            told = f"Meant as: {compact(flat.members)[:NOTE_LIMIT]}"
            given = {"description": "\n".join(filter(None, (given.get("description"), told)))}
        return Node({**given, "type": "object", "properties": given.get("properties", {})}, flat.trail)

    def _lose(self, what: str, why: str) -> None:
        self._losses.setdefault(what, Loss(f"schema.{what}", why))

    def _child(self, child: Json, trail: tuple[str, ...], path: Path, level: int) -> Members:
        return self._lowered(self._flattener.flat(child, trail), path, level + 1)

    def _lowered(self, node: Node, path: Path, level: int) -> Members:
        """A flat schema within the rules."""
        if level >= self._rules.levels or self._flattener.exhausted:
            return self._cut(node.members)
        if "anyOf" in node.members and (self._choosy or self._rules.typed or self._rules.lone_any_of):
            return self._any_of(node, path, level)
        said = dict(self._with_required(node.members))
        notes: list[str] = []
        if said.get("properties"):
            self._tell_values(said, notes)
        if self._choosy:
            types = self._without_null(said, types_of(said))
            if len(types) > 1 and self._branches:
                self._leave_foreign(said, types, notes)
                return self._any_of(self._split(self._within(said, notes), types, node.trail), path, level)
            self._settle_type(said, types, notes)
            if said.get("type") in ("object", "array"):
                self._tell_values(said, notes)
        self._enumerate(said, path)
        self._leave_empty(said, notes)
        if "prefixItems" in said and "prefixItems" not in self._keywords:
            shapes = [*said["prefixItems"], *([said["items"]] if isinstance(said.get("items"), dict) else [])]
            said["items"] = {"anyOf": shapes}
        return self._told(said, notes, node.trail, path, level)

    def _cut(self, members: Members) -> Members:
        """What remains of a schema where a limit is reached: its words and its type."""
        self._lose("depth", "The schema is too large or too deep; its inmost parts are told by their types only.")
        kept = {word: value for word, value in members.items() if word == "description"}
        types = [each for each in types_of(members) if each != "null"] or ["string" if self._rules.typed else ""]
        if types[0]:
            kept["type"] = types[0]
        return self._within(kept, [])

    def _within(self, said: Members, notes: list[str]) -> Members:
        """The same with notes in its description, and with what the rules demand of each schema."""
        if notes:
            said["description"] = " ".join(
                [*([said["description"]] if "description" in said else []), f"({'; '.join(notes)})"]
            )
        if self._rules.typed and said.get("type") == "array":
            said.setdefault("items", {"type": "string"})
        if self._rules.typed and said.get("type") == "object":
            said.setdefault("properties", {})
        return said

    # Types and alternatives.

    def _without_null(self, said: Members, types: list[str]) -> list[str]:
        """The types but `null`, which is told by `nullable` where that is known."""
        if "null" not in types:
            return types
        if isinstance(said.get("enum"), list):
            said["enum"] = [value for value in said["enum"] if value is not None]
            if not said["enum"]:
                del said["enum"]
        if self._rules.types == "nullable":
            said["nullable"] = True
        else:
            self._lose("null", "The target cannot be told that a value may be null.")
        return [each for each in types if each != "null"] or ["string"]

    def _settle_type(self, said: Members, types: list[str], notes: list[str]) -> None:
        """One type, the others told in words."""
        if not types and not self._rules.typed:
            return
        if not types:
            self._lose("type", "The target must be told a type where any value will do.")
            notes.append("any JSON value")
        chosen = next((kind for kind, heart in _HEARTS if kind in types and said.get(heart)), (types or ["string"])[0])
        said["type"] = chosen
        if len(types) > 1:
            self._lose("type", "The target is told one type; others are told in words.")
            notes.append(f"or {' or '.join(each for each in types if each != chosen)}")
        self._leave_foreign(said, [chosen], notes)

    def _leave_foreign(self, said: Members, types: list[str], notes: list[str]) -> None:
        """Takes out words about values of no type that is allowed; a schema among them is told in words."""
        for word in [word for word in said if word in _OF_SOME_TYPE and all(word not in _OF_TYPE[t] for t in types)]:
            value = said.pop(word)
            self._lose(word, f"'{word}' is about values of another type.")
            if isinstance(value, dict) and value:
                notes.append(f"{word} {compact(value)[:NOTE_LIMIT]}")

    def _split(self, said: Members, types: list[str], trail: tuple[str, ...]) -> Node:
        """One branch for each type, each with the words that are about it."""
        self._lose("type", "The target takes several types as alternatives only.")
        shared = {word: value for word, value in said.items() if word in _BESIDE}
        own = {word: value for word, value in said.items() if word not in _BESIDE and word != "type"}
        branches: list[Json] = []
        for each in types:
            mine = {word: value for word, value in own.items() if word not in _OF_SOME_TYPE or word in _OF_TYPE[each]}
            if "enum" in mine:
                mine["enum"] = [value for value in mine["enum"] if _suits(value, each)]
            if mine.get("enum") != []:
                branches.append({"type": each, **mine})
        if not branches:
            branches = [{"type": type_of(value), "enum": [value]} for value in own["enum"]]
        return Node({**shared, "anyOf": branches}, trail)

    def _any_of(self, node: Node, path: Path, level: int) -> Members:
        """A schema with alternatives, as far as they can stand by themselves."""
        said = {word: value for word, value in node.members.items() if word not in ("anyOf", "type")}
        branches = node.members["anyOf"]
        flats = [self._flattener.flat(branch, node.trail) for branch in branches]
        null = self._choosy and any(_is_null(flat) for flat in flats)
        shaped = [flat for flat in flats if not is_vacant(flat.members) and not (null and _is_null(flat))]
        if len(shaped) < 2 or len(shaped) + null < len(flats) or not said.keys() <= _BESIDE:
            rest = Node({w: v for w, v in node.members.items() if w != "anyOf"}, node.trail)
            return self._lowered(self._flattener.folded(rest, branches), path, level)
        if null:
            self._without_null(said, ["null"])
        if "type" in node.members:
            kind = Node({"type": node.members["type"]}, node.trail)
            shaped = [self._flattener.both(flat, kind) for flat in shaped]
        written = [self._lowered(flat, path, level + 1) for flat in shaped]
        beside = self._told(said, [], node.trail, path, level)
        if self._rules.lone_any_of and beside:
            self._lose("anyOf", "Nothing may stand beside alternatives; what did was moved into them.")
            words = beside.pop("description", "")
            written = [{**beside, **each} for each in written]
            if words:
                written[0] = {
                    **written[0],
                    "description": " ".join(filter(None, (words, written[0].get("description")))),
                }
            beside = {}
        return {**beside, "anyOf": written}

    def _tell_values(self, said: Members, notes: list[str]) -> None:
        """Listed values of an object or array, told in words beside what describes its members."""
        if "enum" in said:
            self._lose("enum", "Listed values of an object or array are told in words.")
            notes.append(TOLD["enum"].format(compact(said.pop("enum"))[:NOTE_LIMIT]))

    def _enumerate(self, said: Members, path: Path) -> None:
        """Values of `enum` as the target takes them; what was no text and becomes one is remembered."""
        values = said.get("enum")
        if values is None or "enum" not in self._keywords:
            return
        kinds = {type_of(value) for value in values}
        if kinds <= self._rules.enum_types and (not self._choosy or _is_one_type(kinds, said.get("type"))):
            return
        known = {compact(value): Raw(msgspec.json.encode(value)) for value in values if not isinstance(value, str)}
        texts = list(dict.fromkeys(compact(value) for value in values))
        own = {value for value in values if isinstance(value, str)}
        if known:
            self._casts.setdefault(path, {}).update({text: raw for text, raw in known.items() if text not in own})
        self._lose("enum", "The target takes texts only where values are listed; they are brought back from texts.")
        for word in [word for word in said if word in _OF_SOME_TYPE]:
            del said[word]
        if "default" in said:
            said["default"] = compact(said["default"])
        said |= {"type": "string", "enum": texts}

    def _leave_empty(self, said: Members, notes: list[str]) -> None:
        """Takes an empty text out of the listed values, which are told in words then."""
        values = said.get("enum", [])
        if self._rules.empty_values or "" not in values:
            return
        self._lose("enum", "The target takes no empty text where values are listed; they are told in words too.")
        notes.append(TOLD["enum"].format(compact(values)[:NOTE_LIMIT]))
        said["enum"] = [value for value in values if value != ""]
        if not said["enum"]:
            del said["enum"]

    # Words.

    def _told(self, said: Members, notes: list[str], trail: tuple[str, ...], path: Path, level: int) -> Members:
        """A schema whose type is settled, word by word."""
        told: Members = {}
        for word, value in self._with_required(said).items():
            if word == "format" and not self._may_stand(value, said.get("type")):
                notes.append(f"format {value}")
                self._lose("format", "The target knows few formats; this one is told in words.")
            elif word in self._keywords:
                told[word] = self._value(word, value, trail, path, level)
            elif word not in IDLE:
                self._leave_out(word, value, notes)
        return self._within(told, notes)

    def _with_required(self, said: Members) -> Members:
        """The same with every required member among the properties."""
        missing = [name for name in said.get("required", ()) if name not in said.get("properties", {})]
        if not missing or said.get("type") != "object":
            return said
        return {**said, "properties": {**said.get("properties", {}), **{name: {} for name in missing}}}

    def _value(self, word: str, value: Json, trail: tuple[str, ...], path: Path, level: int) -> Json:
        if word == "properties":
            names = {name: self._name(name) for name in value}
            return {sent: self._child(value[n], trail, (*path, sent), level) for n, sent in names.items()}
        if word in NAMES:
            return [self._name(name) for name in value]
        if word in CHILD:
            stands = isinstance(value, bool) and not self._rules.typed
            return value if stands else self._child(value, trail, (*path, "*"), level)
        if word in CHILDREN:
            inner = (*path, "*") if word == "prefixItems" else path
            return [self._child(each, trail, inner, level) for each in value]
        if word in NAMED:
            return {name: self._child(each, trail, (*path, "*"), level) for name, each in value.items()}
        return value

    def _leave_out(self, word: str, value: Json, notes: list[str]) -> None:
        """A word that the target does not know, told in the description where the model can make use of it."""
        phrase = TOLD.get(word) if not isinstance(value, bool) and value not in ({}, []) else ""
        if value is True:
            phrase = _TRUTHS.get(word)
        if phrase:
            notes.append(phrase.format(compact(value)[:NOTE_LIMIT]))
        how = "is told in words" if phrase else "was left out"
        self._lose(word, f"The target does not know '{word}'; it {how}.")

    def _may_stand(self, value: str, kind: Json) -> bool:
        formats = self._rules.formats
        return "format" not in self._keywords or formats is None or value in formats.get(str(kind), frozenset())

    def _name(self, name: str) -> str:
        """A property's name as the target takes it; the same name is always the same."""
        known = self._sent.get(name)
        if known is None:
            known = self._sent[name] = name if self._is_fit(name) else self._fitted(name)
        return known

    def _is_fit(self, name: str) -> bool:
        characters, limit = self._rules.property_characters, self._rules.property_limit
        return (not limit or len(name) <= limit) and (not characters or bool(re.fullmatch(f"[{characters}]+", name)))

    def _fitted(self, name: str) -> str:
        characters, limit = self._rules.property_characters, self._rules.property_limit or None
        clean = (re.sub(f"[^{characters}]", "_", name) if characters else name)[:limit]
        if not clean or clean in self._taken:
            digest = sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            clean = f"{clean[: limit - 9 if limit else limit]}_{digest}"
        self._taken.add(clean)
        self._lose("property", "A property's name was replaced by one that the target takes; it is brought back.")
        return clean


_OF_TYPE: Mapping[str, frozenset[str]] = {
    kind: WORDS_OF.get("number" if kind == "integer" else kind, frozenset()) for kind in TYPES
}
_OF_SOME_TYPE: frozenset[str] = frozenset().union(*WORDS_OF.values())
_HEARTS = (("object", "properties"), ("array", "items"), ("array", "prefixItems"))
"""Types that are chosen first of several, since parameters stand within them."""
_BESIDE = frozenset({"description", "title", "default", "nullable", "examples", "example", "deprecated"})
"""Words that may stand beside alternatives without changing them."""


def _read(schema: Raw | None) -> Json:
    """The schema decoded, with halves of characters mended; a text that is none where it is broken."""
    if schema is None:
        return {}
    for text in (bytes(schema), whole_characters(bytes(schema))):
        try:
            return msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return "broken"


def _names_in(value: Json) -> Iterator[str]:
    """Every name in a document, so that none is given twice."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield from each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _is_null(flat: Node) -> bool:
    return types_of(flat.members) == ["null"]


def _is_one_type(kinds: set[str], told: Json) -> bool:
    """Whether values are of one type, and that is the one told."""
    if kinds <= {"integer", "number"}:
        return told in (None, "number") or {told} == kinds
    return len(kinds) == 1 and told in (None, *kinds)


def _suits(value: Json, kind: str) -> bool:
    found = type_of(value)
    return found == kind or (kind == "number" and found == "integer")
