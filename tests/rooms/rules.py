"""The rules of the house, each with the sentence of ARCHITECTURE.md that it stands for.

A rule looks at the house and tells every place where it is broken, as `file:line what is there`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator

from msgspec import Struct

from tests.rooms.house import HOUSE, House, Literal, Module, functions_of, imports_of, literals_of, public_of, room_of


class Rule(Struct, frozen=True):
    """One rule."""

    sentence: str
    breaches: Callable[[House], Iterator[str]]


PURE = frozenset({"canon", "dialects", "providers", "shapes", "routing", "ledger"})
MIDDLE = PURE | {"store.ports"}
BELOW_WEB = MIDDLE | {"net", "relay", "checks", "store"}
MAY_IMPORT: dict[str, frozenset[str]] = {
    "canon": frozenset(),
    "dialects": frozenset({"canon"}),
    "providers": frozenset({"canon"}),
    "shapes": frozenset({"canon"}),
    "routing": frozenset({"canon", "shapes"}),
    "ledger": frozenset({"canon"}),
    "demo": frozenset({"canon"}),
    "net": PURE,
    "store.ports": PURE,
    "relay": MIDDLE | {"net"},
    "checks": MIDDLE | {"net"},
    "store": MIDDLE | {"net"},
    "web": BELOW_WEB,
    "settings": frozenset({"canon", "providers", "shapes", "routing"}),
    "logs": frozenset(),
    "live": BELOW_WEB | {"web", "settings"},
    "assembly": BELOW_WEB | {"web", "settings", "demo", "logs", "live"},
    "cli": BELOW_WEB | {"web", "settings", "demo", "assembly"},
    "__main__": frozenset({"cli"}),
}
"""Each room and the rooms below it; the house's own version may be read from everywhere."""

UNSOUND_IN_PURE = (
    *("aiohttp", "http.client", "select", "selectors", "socket", "socketserver", "ssl", "urllib.request"),
    *("sched", "time"),
    *("random", "secrets", "uuid"),
    *("ctypes", "getpass", "io.open", "os", "platform", "shutil", "signal", "sqlite3", "subprocess", "tempfile"),
    *("asyncio", "concurrent", "multiprocessing", "threading"),
)
"""Standard modules that reach for the network, the clock, chance, the machine, or other threads."""
PURE_GUESTS = frozenset({"msgspec"})
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})

HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("net/proxied.py",),
    "aiosqlite": ("store/",),
    "alembic": ("store/",),
    "cryptography": ("store/vault.py", "net/rsa.py", "web/admin/id_token.py"),
    "cyclopts": ("cli/",),
    "dotenv": ("settings/",),
    "argon2": ("web/admin/",),
    "fastapi": ("web/admin/",),
    "httptools": ("net/direct.py", "web/"),
    "psycopg": ("store/",),
    "redis": ("store/",),
    "rich": ("cli/",),
    "sqlalchemy": ("store/",),
    "starlette": ("web/",),
    "subprocess": ("cli/",),
    "uvicorn": ("web/",),
    "yaml": ("web/admin/",),
    "uvloop": ("cli/", "assembly.py"),
}
"""Packages that a few places may know, by the beginning of their paths."""

DIALECT_TABLES = ("assembly.py", "web/doors.py")
FOREIGN_NAMES = "settings/foreign.py"
IDLE_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "misc", "base2"})
FILE_LINES = 480
FUNCTION_LINES = 60


def place(module: Module, line: int, what: str) -> str:
    """One breach, so that a terminal can jump to it."""
    return f"src/{HOUSE}/{module.path}:{line} {what}"


def homeless(house: House) -> Iterator[str]:
    """Modules in no known room."""
    for module in house.modules:
        if module.room and module.room not in MAY_IMPORT:
            yield place(module, 1, f"is in no room: {module.room}")


def upward_imports(house: House) -> Iterator[str]:
    """Imports of a room that is not below."""
    rooms = {module.room for module in house.modules} | MAY_IMPORT.keys()
    for module in house.modules:
        for item in imports_of(module):
            room = room_of(item.name) if item.top == HOUSE else ""
            if room in rooms - {"", module.room} and room not in MAY_IMPORT.get(module.room, frozenset()):
                yield place(module, item.line, f"imports {item.name}")


def neighbouring_dialects(house: House) -> Iterator[str]:
    """Imports of a dialect's folder from outside it."""
    for module in house.modules:
        own = module.path.parts[1] if module.room == "dialects" and len(module.path.parts) > 2 else ""
        for item in imports_of(module):
            parts = item.name.split(".")
            other = parts[2] if parts[:2] == [HOUSE, "dialects"] and len(parts) > 2 else ""
            if other in house.dialects - {own} and str(module.path) not in DIALECT_TABLES:
                yield place(module, item.line, f"imports {item.name}")


def impurities(house: House) -> Iterator[str]:
    """What a pure room must not do."""
    for module in house.modules:
        if module.room not in PURE:
            continue
        for item in imports_of(module):
            if any(f"{item.name}.".startswith(f"{name}.") for name in UNSOUND_IN_PURE):
                yield place(module, item.line, f"imports {item.name}")
        for node in ast.walk(module.tree):
            match node:
                case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                    yield place(module, node.lineno, "is asynchronous")
                case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_CALLS:
                    yield place(module, node.lineno, f"calls {name}()")
                case _:
                    pass


def guests_in_pure_rooms(house: House) -> Iterator[str]:
    """Packages in a pure room, or in the demo, beyond the few allowed."""
    allowed = PURE_GUESTS | sys.stdlib_module_names | {HOUSE}
    for module in house.modules:
        if module.room in PURE | {"demo"}:
            yield from (place(module, i.line, f"imports {i.name}") for i in imports_of(module) if i.top not in allowed)


def strayed_packages(house: House) -> Iterator[str]:
    """Packages imported outside their homes."""
    for module in house.modules:
        for item in imports_of(module):
            homes = HOMES.get(item.top)
            if homes and not str(module.path).startswith(homes):
                yield place(module, item.line, f"imports {item.name}; its home is {' and '.join(homes)}")


def spelled_providers(house: House) -> Iterator[str]:
    """Provider ids spelled out where no provider should be known."""
    ids = house.provider_ids - house.dialects
    for module in house.modules:
        if module.room != "providers":
            yield from spelled(module, ids)


def spelled_dialects(house: House) -> Iterator[str]:
    """Dialects spelled out where none should be known."""
    for module in house.modules:
        own = module.path.parts[1] if module.room == "dialects" else ""
        if str(module.path) not in DIALECT_TABLES:
            yield from spelled(module, house.dialects - {own})


def spelled(module: Module, names: frozenset[str]) -> Iterator[str]:
    """String constants that are one of the names, but for the one table of foreign names."""
    found = [literal for literal in literals_of(module) if literal.value in names]
    if str(module.path) == FOREIGN_NAMES and is_one_table(found):
        return
    yield from (place(module, literal.line, f"says {literal.value!r}") for literal in found)


def is_one_table(found: list[Literal]) -> bool:
    """Whether all these constants stand in one top-level assignment."""
    return all(literal.is_table for literal in found) and len({literal.statement for literal in found}) <= 1


def long_files(house: House) -> Iterator[str]:
    """Files that have grown too long."""
    for module in house.modules:
        lines = module.text.count("\n")
        if lines > FILE_LINES:
            yield place(module, lines, f"has {lines} lines")


def long_functions(house: House) -> Iterator[str]:
    """Functions that have grown too long; a docstring is not held against them."""
    for module in house.modules:
        for function in functions_of(module):
            end = function.end_lineno or function.lineno
            lines = end - function.lineno + 1 - len((ast.get_docstring(function) or "").splitlines())
            if lines > FUNCTION_LINES:
                yield place(module, function.lineno, f"{function.name} has {lines} lines")


def idle_names(house: House) -> Iterator[str]:
    """Modules whose names say nothing."""
    for module in house.modules:
        for part in module.path.with_suffix("").parts:
            if part in IDLE_NAMES:
                yield place(module, 1, f"is called {part}")


def undescribed(house: House) -> Iterator[str]:
    """Public functions, classes and methods without a docstring."""
    for module in house.modules:
        for node in public_of(module.tree.body):
            if not ast.get_docstring(node):
                yield place(module, node.lineno, f"{node.name} has no docstring")


RULES: tuple[Rule, ...] = (
    Rule("Every module belongs to a room, and the rooms are those of ARCHITECTURE.md.", homeless),
    Rule("Imports point only downward; rooms on one line do not see each other.", upward_imports),
    Rule("A dialect's folder is known to itself and to the assembly only.", neighbouring_dialects),
    Rule(
        "Canon and the four middle rooms are pure: no async, sockets, clock, randomness or environment; "
        "time and chance are arguments.",
        impurities,
    ),
    Rule("Pure rooms and the demo import msgspec and the standard library only.", guests_in_pure_rooms),
    Rule("A package is imported only where it is at home.", strayed_packages),
    Rule(
        "No code outside providers/ branches on a provider's id; the one table of foreign environment names, in "
        "settings/foreign.py, may spell them.",
        spelled_providers,
    ),
    Rule(
        "No dialect's name stands outside its folder, the catalog rows, the assembly and the door table.",
        spelled_dialects,
    ),
    Rule("No file is much above 400 lines.", long_files),
    Rule("No function is much above 40 lines.", long_functions),
    Rule("A module is a noun a newcomer can guess: never utils, helpers, common or manager.", idle_names),
    Rule("Every public function, class and method says in a docstring what it gives.", undescribed),
)
