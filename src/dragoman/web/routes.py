"""Which path leads where: the one place that reads addresses.

Rules. A path may stand behind the name of its vendor, as `/openai/v1/chat/completions`; the query is no part of it. The
vendor of Gemini writes a model and what is wanted of it into the path, and so did Azure: they are taken out of it here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Action = Literal["answer", "count", "errand"]

VERSION = r"v\d+(?:(?:alpha|beta)\d*)?"
OF_MODEL = re.compile(rf"/{VERSION}(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/google)?/models/(.+):(\w+)")
"""A path that names a model and what is wanted of it, at Google AI or at Vertex AI, whose paths name more."""
OF_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)(/.+)")
"""A path of Azure OpenAI's older style, which names a model before what is wanted of it."""
MODELS = re.compile(rf"(/{VERSION})?/models(?:/(.+))?")
"""A path of the list of models, or of one of them. Ids may hold slashes."""


class Route(NamedTuple):
    """What a path is for."""

    dialect: str
    action: Action = "answer"
    """`answer`, `count` for a prompt's tokens, or `errand` for what is no conversation."""
    stream: bool | None = None
    """Whether a stream is asked for; None: the body tells."""
    instead: str = ""
    """Dialect of a body that has `input` and no `messages`: Cursor posts such to the wrong door."""
    path: str = ""
    """Of an errand: the upstream's endpoint, under its base address."""
    reads: bool = False
    """Of an errand: whether its body is a conversation, which is read as one."""
    model: str = ""
    """Of an errand: the model that its vendor takes where none is named."""


class Door(NamedTuple):
    """A route that was found, with what its path tells beside."""

    route: Route
    model: str = ""
    """The model that the path names; empty where the body does."""


class Place(NamedTuple):
    """A path with its vendor's name taken off."""

    vendor: str
    """The name, as `/openai`; empty where none stood in front."""
    path: str


class Routes:
    """The routes of some doors. Frozen after construction."""

    def __init__(self, doors: Mapping[str, Route], vendors: Mapping[str, str]) -> None:
        self._doors = doors
        self._vendors = vendors
        """The name of each dialect's vendor."""
        self._names = frozenset(vendors.values())

    def place(self, path: str) -> Place:
        """The path without a vendor's name in front."""
        name, slash, rest = path[1:].partition("/")
        vendor = "/" + name
        return Place(vendor, slash + rest) if slash and vendor in self._names else Place("", path)

    def find(self, method: str, path: str) -> Door | None:
        """The door that a path leads to; a vendor's name leads only to doors of its own dialects."""
        if route := self._doors.get(f"{method} {path}"):
            return Door(route)
        if deployed := OF_DEPLOYMENT.fullmatch(path):
            route = self._doors.get(f"{method} /v1{deployed[2]}")
            return Door(route, deployed[1]) if route else None
        place = self.place(path)
        model, known = "", place.path
        if named := OF_MODEL.fullmatch(place.path):
            model, known = named[1], f"/v1beta/models/{{model}}:{named[2]}"
        found = self._doors.get(f"{method} {known}")
        if found is None or place.vendor not in ("", self._vendors[found.dialect]):
            return None
        return Door(found, model)
