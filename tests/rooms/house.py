"""The source as the rules see it: modules, the rooms they are in, what they import, and the names they spell out."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from msgspec import Struct

SRC = Path(__file__).resolve().parents[2] / "src"
HOUSE = "dragoman"


class Module(Struct, frozen=True):
    """One source file."""

    path: PurePosixPath
    """Below `src/dragoman`."""
    text: str

    @property
    def room(self) -> str:
        """The top-level folder or file it is in; the store's ports are a room of their own."""
        return room_of(".".join([HOUSE, *self.path.with_suffix("").parts]))

    @property
    def tree(self) -> ast.Module:
        """The parsed text."""
        return ast.parse(self.text, filename=str(self.path))


class Import(Struct, frozen=True):
    """One imported name, as `dragoman.canon.order.OrderKeeper` or `os.path`."""

    name: str
    line: int

    @property
    def top(self) -> str:
        """The distribution or standard module it comes from."""
        return self.name.partition(".")[0]


class Literal(Struct, frozen=True):
    """One string constant, and the top-level statement it is part of."""

    value: str
    line: int
    statement: int
    """First line of that statement."""
    is_table: bool
    """Whether the statement is a plain assignment."""


class House(Struct, frozen=True):
    """Every module, and the ids that only some of them may spell out."""

    modules: tuple[Module, ...]
    provider_ids: frozenset[str] = frozenset()
    dialects: frozenset[str] = frozenset()


def read_house() -> House:
    """The house as it stands on disk."""
    root = SRC / HOUSE
    catalog = root / "providers" / "catalog.toml"
    return House(
        modules=tuple(
            Module(PurePosixPath(file.relative_to(root).as_posix()), file.read_text(encoding="utf-8"))
            for file in sorted(root.rglob("*.py"))
        ),
        provider_ids=catalog_ids(catalog.read_text(encoding="utf-8")) if catalog.exists() else frozenset(),
        dialects=frozenset(folder.parent.name for folder in (root / "dialects").glob("*/__init__.py")),
    )


def catalog_ids(toml: str) -> frozenset[str]:
    """The ids of all rows of the provider catalog."""
    tables = tomllib.loads(toml).values()
    rows = [row for table in tables if isinstance(table, list) for row in table]
    return frozenset(row["id"] for row in rows)


def room_of(name: str) -> str:
    """The room of a dotted name of the house; empty for the house itself."""
    parts = name.split(".")[1:]
    if parts[:2] == ["store", "ports"]:
        return "store.ports"
    return parts[0] if parts and parts[0] != "__init__" else ""


def imports_of(module: Module) -> Iterator[Import]:
    """Every import of a module, wherever it stands; relative ones made absolute."""
    package = [HOUSE, *module.path.parts[:-1]]
    for node in ast.walk(module.tree):
        match node:
            case ast.Import():
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            case ast.ImportFrom():
                base = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*base, *([node.module] if node.module else [])])
                yield from (Import(f"{source}.{alias.name}", node.lineno) for alias in node.names)
            case _:
                pass


def literals_of(module: Module) -> Iterator[Literal]:
    """Every string constant of a module."""
    for statement in module.tree.body:
        is_table = isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield Literal(node.value, node.lineno, statement.lineno, is_table)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(module: Module) -> Iterator[Function]:
    """Every function and method of a module, nested ones too."""
    yield from (node for node in ast.walk(module.tree) if isinstance(node, Function))


def public_of(body: list[ast.stmt]) -> Iterator[Function | ast.ClassDef]:
    """The public functions, classes and methods in a module's or class's body, but for the extra signatures of one."""
    for node in body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        if not any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_of(node.body)
