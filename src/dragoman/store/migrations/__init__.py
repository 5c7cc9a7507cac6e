"""The steps that bring a database to the tables of this version; they travel inside the package.

An upgrade is one transaction under a lock, on both databases: it happens as a whole or, if the process dies in any
step, not at all; and where several start at once, one does it and the others find it done.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, text

from dragoman.store.ports import StoreTrouble
from dragoman.store.tables import AUDITED, VERSION, marks, metadata

HEAD = "0005"
"""The last step."""
LOCK = 0x44_72_61_67
"""The number that PostgreSQL knows our lock by."""
TABLE = "alembic_version"


def revision(connection: Connection) -> str | None:
    """The last step that a database has taken; None if it is new."""
    if not inspect(connection).has_table(TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalar_one_or_none()  # noqa: S608
    return None if found is None else str(found)


def upgrade(connection: Connection, to: str = HEAD) -> None:
    """Takes the steps that are missing, within the transaction that the connection is in.

    Trouble: newer, where the database has taken steps that this version does not know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    current = revision(connection)
    if current is None and to == HEAD:
        make(connection)
    elif current != to:
        walk(connection, current, to)


def make(connection: Connection) -> None:
    """Gives a new database at once what all steps would; Alembic, which weighs more than the tables, stays unloaded."""
    metadata.create_all(connection)
    connection.execute(marks.insert(), [{"name": VERSION, "value": 0}, {"name": AUDITED, "value": 0}])
    taken = Table(TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
    taken.create(connection)
    connection.execute(taken.insert(), {"version_num": HEAD})


def walk(connection: Connection, current: str | None, to: str) -> None:
    """Takes one step after the other. Trouble: newer."""
    from alembic.config import Config
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    known = {step.revision for step in script.walk_revisions()}
    if current is not None and current not in known:
        raise StoreTrouble(
            "newer", f"The database was made by a newer Dragoman (step {current}). Use that version, or a backup."
        )
    context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
    with Operations.context(context):
        for step in reversed(list(script.iterate_revisions(to, current or "base"))):
            step.module.upgrade()
            context.stamp(script, step.revision)
