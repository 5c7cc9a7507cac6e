"""How changes of bodies and headers are described, for one channel or as a named set that many channels take.

`docs/configuration.md` says what each key means; `canon.operations` does it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from dragoman.shapes.fields import PlainName, Word

Steps = Annotated[str, Meta(min_length=1)]
"""Members joined by dots, places in lists as numbers: `messages.0.content`; `*` stands for every place."""


class ConditionTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`when` of an operation"""

    model: Word | None = None
    """The channel's model; `*` stands for any characters."""
    asked: Word | None = None
    """The model's name as the client gave it."""
    doors: tuple[Word, ...] = ()
    path: Steps | None = None
    """Of the body as far as it has been changed; the rest looks at what stands there."""
    present: bool | None = None
    """Whether something, of what `equals` and `matches` say, must stand there, or must not. None: it must."""
    equals: Any = None
    matches: str | None = None
    """A regular expression to be found in it."""


class MatchTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`match`, `before` and `after` of an operation: which elements of a list"""

    path: Steps | None = None
    """Within the element; None: the element itself."""
    equals: Any = None


class BodyOperationTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `body` of a channel: a change of the bodies it is sent"""

    op: Literal["set", "default", "delete", "rename", "copy", "append", "prepend", "insert", "remove"]
    path: Steps
    value: Any = None
    """Texts in it may hold placeholders."""
    to: Steps | None = None
    """The path that `rename` and `copy` write."""
    index: int | None = None
    """Place of `insert` and `remove`; a negative one counts from the end."""
    before: MatchTable | None = None
    after: MatchTable | None = None
    """Beside which element `insert` puts the value; the first that matches."""
    match: MatchTable | None = None
    """All elements that `remove` takes out."""
    spread: bool = False
    """Whether the elements of `value` are put in, one by one."""
    when: ConditionTable | None = None


class HeaderOperationTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `header` of a channel: a change of the headers it is sent"""

    op: Literal["set", "delete", "rename", "copy"]
    name: Word
    value: str = ""
    """May hold placeholders."""
    to: Word | None = None
    when: ConditionTable | None = None


BodyOperations = Annotated[tuple[BodyOperationTable, ...], Meta(max_length=200)]
HeaderOperations = Annotated[tuple[HeaderOperationTable, ...], Meta(max_length=200)]


class OverrideTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[overrides]]`: a set of changes that channels take by its name"""

    name: PlainName
    note: Annotated[str, Meta(max_length=2000)] = ""
    body: BodyOperations = ()
    header: HeaderOperations = ()
