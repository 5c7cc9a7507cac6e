"""What the source never does, so that whole families of faults have no place to begin."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tests.rooms.house import Module, read_house

HOUSE = read_house()
STARTS = frozenset({"create_subprocess_exec", "create_subprocess_shell", "system", "popen", "fork", "posix_spawn"})
SQL_TEXTS = frozenset({"text", "exec_driver_sql"})
OWN_WORDS = frozenset({"kind", "table.name"})
"""What is put into a statement and never comes from outside: one of two words, and the name of a table of ours."""
BEGINNINGS = frozenset({"begin"})
"""What begins a transaction, as the engine was made for it."""
MOST_PACKAGES = 60


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a file, by the last part of its name."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
                yield name, node


def is_constant(node: ast.expr) -> bool:
    """Whether a text is written in the source, with nothing put into it but constants of a module."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name in BEGINNINGS
        case ast.JoinedStr(values=parts):
            return all(is_constant(part) for part in parts)
        case ast.FormattedValue(value=ast.IfExp(body=one, orelse=other)):
            return is_constant(one) and is_constant(other)
        case ast.FormattedValue(value=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name.isupper() or ast.unparse(node.value) in OWN_WORDS
    return False


def test_p3_only_the_command_line_starts_programs() -> None:
    found = [
        f"{module.path}:{call.lineno} {name}"
        for module in HOUSE.modules
        if module.room != "cli"
        for name, call in calls(module)
        if name in STARTS or ast.unparse(call.func).startswith(("subprocess.", "os.exec", "os.spawn"))
    ]
    assert found == []


def test_p2_no_sql_is_put_together_of_texts() -> None:
    found = [
        f"{module.path}:{call.lineno}"
        for module in HOUSE.modules
        if module.room.startswith("store")
        for name, call in calls(module)
        if name in SQL_TEXTS and call.args and not is_constant(call.args[0])
    ]
    # Two functions of tables are called `text` as well, and take the name of a column.
    assert [place for place in found if not place.startswith("store/migrations/versions/")] == []


def test_p25_no_parser_of_forms_is_there_to_be_attacked() -> None:
    locked = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    assert "multipart" not in locked
    routes = [module for module in HOUSE.modules if module.room == "web" and ".form()" in module.text]
    assert routes == []


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "requirements").glob("*.lock")))
def test_p26_every_package_is_locked_by_its_digest(name: str) -> None:
    entries = (ROOT / "requirements" / name).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    packages = [entry for entry in entries if entry.strip() and not entry.lstrip().startswith(("#", "--"))]
    assert packages
    assert [entry for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_p26_the_packages_that_run_are_few_and_each_is_asked_for() -> None:
    locked = (ROOT / "requirements" / "run.lock").read_text(encoding="utf-8")
    assert len(re.findall(r"^[\w.\[\]-]+==", locked, re.MULTILINE)) <= MOST_PACKAGES
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["build-system"]["requires"] == ["hatchling>=1.27"], "a build runs what it requires"


@pytest.mark.parametrize(
    ("text", "safe"), [("'a'", True), ("f'a {TABLE}'", True), ("f'a {x}'", False), ("'a' + x", False), ("x", False)]
)
def test_a_text_with_something_in_it_is_told_from_a_constant(text: str, safe: bool) -> None:
    assert is_constant(ast.parse(text, mode="eval").body) is safe
