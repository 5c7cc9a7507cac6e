"""Schemas made flat: what stands in references and branches brought into one level.

Theory. `both` gives a schema that asks what either of two asks, as `allOf` and references do; `either` gives one that
allows what any of several allows. Where they differ in a child, the child becomes `allOf` or `anyOf` of the two, and
is made flat when its turn comes. A reference within itself is followed a few times, then told by its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

import msgspec

Json: TypeAlias = Any
"""Any JSON value; schemas are given by strangers."""
Members: TypeAlias = "dict[str, Json]"

CHILD = frozenset(
    {"items", "additionalProperties", "contains", "propertyNames", "not", "if", "then", "else"}
    | {"unevaluatedItems", "unevaluatedProperties", "additionalItems", "contentSchema"}
)
"""Words whose value is a schema."""
CHILDREN = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Words whose value is a list of schemas."""
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Words whose value is an object of schemas."""

TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")
TEXTS = frozenset({"title", "description", "format", "pattern", "$ref", "$dynamicRef", "$recursiveRef", "$anchor"})
COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"})
NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
NAMES = frozenset({"required", "propertyOrdering"})
TIGHTER: dict[str, Callable[[Json, Json], Json]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}
"""How two limits become one."""
VACANT = frozenset({"description", "title", "default", "examples", "example", "required", "nullable", "deprecated"})
"""Words that give a schema no shape."""
CONDITIONS = {"if": "If", "then": "then", "else": "else", "dependentSchemas": "Members that change others:"}
"""Words whose schemas hold only at times, with how they are told."""
HEARTS = {"properties": "object", "required": "object", "items": "array", "prefixItems": "array"}
"""Words by which a schema without a type tells one."""
NOTE_LIMIT = 2000
"""Characters that one limit may take in a description."""
INMOST = 24
"""Branches within branches that are followed."""
NEVER = "Must not be given."


class Node(NamedTuple):
    """A schema on one level, and the references that led to it."""

    members: Members
    trail: tuple[str, ...]


def type_of(value: Json) -> str:
    """The type of a JSON value, in the words of schemas."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def types_of(members: Members) -> list[str]:
    """The types that a flat schema allows, told or implied; empty for any."""
    told = members.get("type")
    types = [told] if isinstance(told, str) else list(told or ())
    if not types and isinstance(members.get("enum"), list):
        types = list(dict.fromkeys(type_of(value) for value in members["enum"]))
    if not types:
        types = list(dict.fromkeys(kind for word, kind in HEARTS.items() if word in members))
    if members.get("properties") and "object" not in types:
        types = [*types, "object"]
    return types


def is_vacant(members: Members) -> bool:
    """Whether a flat schema asks nothing of a value but names of members."""
    return members.keys() <= VACANT


def compact(value: Json) -> str:
    """A value as short JSON; a text as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Flattener:
    """Makes the schemas of one document flat. Mutable: it counts what it has seen, so that it ends."""

    def __init__(
        self, root: Json, keywords: frozenset[str], ref_depth: int, most: int, lose: Callable[[str, str], None]
    ) -> None:
        self._root = root
        self._keywords = keywords
        self._ref_depth = ref_depth
        self._most = most
        self._lose = lose
        self.count = 0

    @property
    def exhausted(self) -> bool:
        """Whether as many schemas were seen as may be."""
        return self.count > self._most

    def flat(self, schema: Json, trail: tuple[str, ...], *, unite: bool = False, inmost: int = 0) -> Node:
        """The schema with its references and unwanted branches merged in; `unite` merges `anyOf` too."""
        self.count += 1
        if not isinstance(schema, dict):
            return Node(self._unusual(schema), trail)
        members = self._well_formed(schema)
        if "const" in members and "const" not in self._keywords:
            members.setdefault("enum", [members.pop("const")])
            members.pop("const", None)
        node = Node(members, trail)
        if inmost > INMOST or self.exhausted:
            self._lose("depth", "The schema has too many branches within branches; the inmost were left out.")
            return Node({w: v for w, v in members.items() if w not in _MERGED}, trail)
        return self._united(self._merged(node, unite=unite, inmost=inmost), unite=unite, inmost=inmost)

    def _unusual(self, schema: Json) -> Members:
        if schema is False:
            self._lose("never", "A member that must not be given is told in words.")
            return {"description": NEVER}
        if schema is not True:
            self._lose("form", "What should be a schema is none; anything is allowed in its place.")
        return {}

    def _well_formed(self, schema: Members) -> Members:
        """The members whose values have the form that their words ask for."""
        if isinstance(schema.get("items"), list):
            schema = {**schema, "prefixItems": schema["items"]}
            rest = schema.pop("additionalItems", None)
            schema |= {"items": rest} if rest is not None else {}
            if rest is None:
                del schema["items"]
        good = {word: value for word, value in schema.items() if _is_well_formed(word, value)}
        for word in schema.keys() - good.keys():
            if schema[word] is not None:
                self._lose(word, f"The value of '{word}' is not one that a schema can have.")
        return good

    def _merged(self, node: Node, *, unite: bool, inmost: int) -> Node:
        """The node with references, `allOf` and conditional branches merged in."""
        members, trail = node
        for word in ("$ref", "$dynamicRef", "$recursiveRef"):
            ref = members.get(word)
            if ref is not None and word not in self._keywords:
                rest = Node({w: v for w, v in node.members.items() if w != word}, node.trail)
                node = self.both(rest, self._target(ref, trail, unite=unite, inmost=inmost))
        if "allOf" in members and "allOf" not in self._keywords:
            node = Node({w: v for w, v in node.members.items() if w != "allOf"}, node.trail)
            for branch in members["allOf"]:
                node = self.both(node, self.flat(branch, trail, unite=unite, inmost=inmost + 1))
        return self._unconditional(node, trail, inmost)

    def _unconditional(self, node: Node, trail: tuple[str, ...], inmost: int) -> Node:
        """The node with the members of branches that hold only at times: offered always, and told in words."""
        words = [word for word in CONDITIONS if word in node.members and word not in self._keywords]
        if not words:
            return node
        self._lose("conditions", "What holds only under a condition is offered always; the condition is told in words.")
        said = {word: node.members[word] for word in words}
        told = " ".join(f"{CONDITIONS[word]} {compact(value)}" for word, value in said.items())[:NOTE_LIMIT]
        members = {word: value for word, value in node.members.items() if word not in words}
        members["description"] = "\n".join(filter(None, (members.get("description"), told)))
        node = Node(members, node.trail)
        dependent = said.pop("dependentSchemas", {})
        for branch in [*said.values(), *dependent.values()]:
            found = self.flat(branch, trail, unite=True, inmost=inmost + 1)
            node = self.both(node, Node({w: v for w, v in found.members.items() if w == "properties"}, found.trail))
        return node

    def _united(self, node: Node, *, unite: bool, inmost: int) -> Node:
        """The node with `oneOf` as `anyOf`, and that merged where it may not stay."""
        members = dict(node.members)
        branches = list(members.pop("anyOf", ()))
        if "oneOf" in members and (unite or "oneOf" not in self._keywords):
            branches += members.pop("oneOf")
            self._lose("oneOf", "The target does not know `oneOf`; its branches are offered as alternatives.")
        if not branches:
            return Node(members, node.trail)
        if not unite and "anyOf" in self._keywords:
            return Node({**members, "anyOf": branches}, node.trail)
        return self.folded(Node(members, node.trail), branches, inmost=inmost)

    def folded(self, node: Node, branches: list[Json], *, inmost: int = 0) -> Node:
        """The node with branches merged into one that allows what any of them allows."""
        flats = [self.flat(branch, node.trail, unite=True, inmost=inmost + 1) for branch in branches]
        return self.both(node, self._either(flats, branches))

    def _target(self, ref: str, trail: tuple[str, ...], *, unite: bool, inmost: int) -> Node:
        """What a reference leads to; only its type and words where it leads in circles."""
        found = self._resolve(ref)
        if found is None:
            self._lose("$ref", "A reference leads out of the schema, or nowhere; anything is allowed in its place.")
            return Node({"description": f"See {ref}."}, trail)
        if trail.count(ref) < self._ref_depth:
            return self.flat(found, (*trail, ref), unite=unite, inmost=inmost + 1)
        self._lose("$ref", "A definition within itself is told a few times, then by its type only.")
        members = self._well_formed(found) if isinstance(found, dict) else {}
        kept: Members = {word: members[word] for word in ("type", "description") if word in members}
        types = types_of(members)
        return Node(kept | {"type": types} if types else kept, trail)

    def _resolve(self, ref: str) -> Json:
        if not ref.startswith("#"):
            return None
        pointer = unquote(ref[1:])
        if pointer and not pointer.startswith("/"):
            return _anchored(self._root, pointer)
        place = self._root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(place, dict):
                place = place.get(name)
            elif isinstance(place, list) and name.isascii() and name.isdigit() and int(name) < len(place):
                place = place[int(name)]
            else:
                return None
        return place

    def both(self, one: Node, other: Node) -> Node:
        """A schema that asks what both ask."""
        members = dict(one.members)
        for word, value in other.members.items():
            if word not in members:
                members[word] = value
            elif members[word] != value:
                members[word] = self._combined(word, members[word], value)
        return Node(members, (*one.trail, *other.trail[len(_common(one.trail, other.trail)) :]))

    def _combined(self, word: str, mine: Json, other: Json) -> Json:
        if word in NAMED:
            return {
                **mine,
                **{n: {"allOf": [mine[n], o]} if n in mine and mine[n] != o else o for n, o in other.items()},
            }
        if word in CHILD:
            return False if mine is False or other is False else {"allOf": [mine, other]}
        if word in NAMES or word in CHILDREN:
            return [*mine, *(each for each in other if each not in mine)]
        if word == "type":
            left, right = _listed(mine), _listed(other)
            shared = [each for each in left if each in right or (each == "integer" and "number" in right)]
            return shared or ["integer" for _ in left if "integer" in right and "number" in left][:1] or left
        if word == "enum":
            return [value for value in mine if value in other] or mine
        if word == "description":
            return f"{mine}\n{other}" if other not in mine else mine
        if word in TIGHTER and type_of(mine) in _NUMERIC and type_of(other) in _NUMERIC:
            return TIGHTER[word](mine, other)
        self._lose(word, f"Of two values for '{word}' only the first can be told.")
        return mine

    def _either(self, flats: list[Node], branches: list[Json]) -> Node:
        """A schema that allows what any of these allows."""
        shaped = [flat for flat in flats if not is_vacant(flat.members) and types_of(flat.members) != ["null"]]
        nullable = any(types_of(flat.members) == ["null"] for flat in flats)
        trail = max((flat.trail for flat in flats), key=len)
        if len(shaped) == 1 and len(flats) == 1 + nullable:
            members = dict(shaped[0].members)
        else:
            self._lose("anyOf", "The target does not know alternatives; what any of them takes is offered together.")
            members = self._allowing([flat.members for flat in shaped]) if shaped else {}
            only_values = len(shaped) == len(flats) - nullable and all("enum" in flat.members for flat in shaped)
            if not only_values:
                told = f"Takes any of: {compact([_without_words(branch) for branch in branches])}"
                members["description"] = "\n".join(
                    text for text in (members.get("description"), told[:NOTE_LIMIT]) if text
                )
        types = types_of(members)
        if nullable and types and "null" not in types:
            members["type"] = [*types, "null"]
            if "enum" in members:
                members["enum"] = [*members["enum"], None]
        return Node(members, trail)

    def _allowing(self, all_members: list[Members]) -> Members:
        """Members that allow what each of several allows."""
        first = all_members[0]
        united: Members = {}
        typings = [types_of(members) for members in all_members]
        if all(typings):
            united["type"] = list(dict.fromkeys(each for types in typings for each in types))
        for word in dict.fromkeys(word for members in all_members for word in members):
            values = [members[word] for members in all_members if word in members]
            if word == "type":
                continue
            if word in ("properties", "patternProperties"):
                united[word] = _offered(values)
            elif word == "required":
                objects = [m.get(word, []) for m, types in zip(all_members, typings, strict=True) if "object" in types]
                united[word] = [name for name in first.get(word, values[0]) if all(name in each for each in objects)]
            elif word == "description":
                united[word] = " Or: ".join(dict.fromkeys(values))
            elif word == "items":
                united[word] = _any(values)
            elif word == "enum" and len(values) == len(all_members):
                united[word] = _distinct([value for each in values for value in each])
            elif len(values) == len(all_members) and all(value == values[0] for value in values):
                united[word] = values[0]
        return united


_NUMERIC = ("integer", "number")
_MERGED = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", *CONDITIONS})


def _is_well_formed(word: str, value: Json) -> bool:
    if word in CHILD:
        return isinstance(value, dict | bool)
    if word in CHILDREN:
        return isinstance(value, list) and bool(value)
    if word in NAMED:
        return isinstance(value, dict)
    if word in TEXTS:
        return isinstance(value, str)
    if word in COUNTS or word in NUMBERS:
        return type_of(value) in _NUMERIC
    if word in NAMES:
        return isinstance(value, list) and all(isinstance(name, str) for name in value)
    if word == "enum":
        return isinstance(value, list) and bool(value)
    if word == "type":
        return bool(_listed(value)) and all(isinstance(each, str) and each in TYPES for each in _listed(value))
    return True


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


def _anchored(place: Json, name: str) -> Json:
    """The schema that bears an anchor, anywhere in the document."""
    waiting = [place]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.get("$anchor") == name or each.get("$dynamicAnchor") == name:
                return each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return None


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """The beginning that two trails share."""
    size = next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    return one[:size]


def _offered(named: list[Members]) -> Members:
    """All properties of several objects; one that differs takes what any of them takes."""
    names = dict.fromkeys(name for each in named for name in each)
    return {name: _any([each[name] for each in named if name in each]) for name in names}


def _any(schemas: list[Json]) -> Json:
    distinct = _distinct(schemas)
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}


def _distinct(values: list[Json]) -> list[Json]:
    """The values without repetition; `1` and `true` are two."""
    found: dict[bytes, Json] = {}
    for value in values:
        found.setdefault(msgspec.json.encode(value), value)
    return list(found.values())


def _without_words(branch: Json) -> Json:
    """A branch without what only people read."""
    return (
        {w: v for w, v in branch.items() if w not in ("description", "title")} if isinstance(branch, dict) else branch
    )
