"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NOT_ARCHIVED = sa.text("state != 'archived'")


def upgrade() -> None:
    """Makes the tables, and the marks that are counted up from nothing."""
    for make in (_marks, _data_keys, _secrets, _configured, _api_keys, _audit, _users, _sessions, _tokens):
        make()
    for make in (_exchanges, _attempts, _totals, _bodies):
        make()
    marks = sa.table("marks", sa.column("name", sa.String), sa.column("value", sa.BigInteger))
    op.bulk_insert(marks, [{"name": "version", "value": 0}, {"name": "audited", "value": 0}])


def _marks() -> None:
    op.create_table("marks", word("name", 32), big("value"), sa.PrimaryKeyConstraint("name"))


def _data_keys() -> None:
    op.create_table(
        "data_keys", whole("id"), word("master_id", 16), blob("wrapped"), big("made_ms"), sa.PrimaryKeyConstraint("id")
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        word("owner", 64),
        text("place"),
        blob("sealed"),
        big("made_ms"),
        sa.PrimaryKeyConstraint("owner", "place"),
    )


def _configured() -> None:
    op.create_table(
        "configured",
        word("id", 40),
        word("kind", 16),
        text("name"),
        word("state", 16),
        text("spec"),
        whole("revision"),
        big("created_ms"),
        big("updated_ms"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "configured_name",
        "configured",
        ["kind", "name"],
        unique=True,
        sqlite_where=NOT_ARCHIVED,
        postgresql_where=NOT_ARCHIVED,
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        word("id", 40),
        word("public_id", 16),
        blob("digest"),
        text("name"),
        word("state", 16),
        text("spec"),
        big("expires_ms", optional=True),
        whole("revision"),
        big("created_ms"),
        big("updated_ms"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index(
        "api_keys_name", "api_keys", ["name"], unique=True, sqlite_where=NOT_ARCHIVED, postgresql_where=NOT_ARCHIVED
    )


def _audit() -> None:
    op.create_table(
        "audit",
        big("n"),
        big("at_ms"),
        word("action", 64),
        word("subject", 64),
        text("note"),
        blob("chain"),
        sa.PrimaryKeyConstraint("n"),
    )
    op.create_index("ix_audit_action", "audit", ["action"])
    op.create_index("ix_audit_subject", "audit", ["subject"])


def _users() -> None:
    op.create_table(
        "users",
        word("id", 40),
        text("login"),
        text("name"),
        text("email"),
        word("role", 16),
        sa.Column("projects", sa.JSON(), nullable=False),
        text("subject"),
        text("password_hash"),
        word("state", 16),
        whole("revision"),
        big("created_ms"),
        big("updated_ms"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("login"),
    )
    op.create_index("ix_users_subject", "users", ["subject"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        blob("digest"),
        word("user_id", 40),
        big("created_ms"),
        big("seen_ms"),
        big("expires_ms"),
        text("address"),
        text("agent"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("ix_sessions_expires_ms", "sessions", ["expires_ms"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        word("id", 40),
        word("public_id", 16),
        word("user_id", 40),
        text("name"),
        blob("digest"),
        word("role", 16),
        big("created_ms"),
        big("expires_ms", optional=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])


def _exchanges() -> None:
    op.create_table(
        "exchanges",
        word("id", 64),
        big("started_ms"),
        big("ended_ms", optional=True),
        text("key_id"),
        text("project"),
        text("session"),
        text("trace"),
        text("channel"),
        text("model"),
        word("problem", 32),
        text("record"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("exchanges_key", "exchanges", ["key_id", "started_ms"])
    op.create_index("exchanges_session", "exchanges", ["session", "started_ms"])
    op.create_index("exchanges_started", "exchanges", ["started_ms", "id"])
    op.create_index("exchanges_trace", "exchanges", ["trace", "started_ms"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        word("exchange_id", 64),
        whole("n"),
        big("started_ms"),
        big("first_content_ms", optional=True),
        big("ended_ms", optional=True),
        text("channel"),
        text("model"),
        whole("status", optional=True),
        word("problem", 32),
        flag("exact"),
        word("currency", 8),
        big("input"),
        big("cache_read"),
        big("cache_write_5m"),
        big("cache_write_1h"),
        big("output"),
        big("thinking"),
        big("cost_nano"),
        sa.PrimaryKeyConstraint("exchange_id", "n"),
    )
    op.create_index("attempts_channel", "attempts", ["channel", "started_ms"])


def _totals() -> None:
    op.create_table(
        "totals",
        word("day", 10),
        text("key_id"),
        text("project"),
        text("channel"),
        text("model"),
        word("currency", 8),
        big("exchanges"),
        big("attempts"),
        big("failures"),
        big("estimates"),
        big("input"),
        big("cache_read"),
        big("cache_write_5m"),
        big("cache_write_1h"),
        big("output"),
        big("thinking"),
        big("cost_nano"),
        sa.PrimaryKeyConstraint("day", "key_id", "project", "channel", "model", "currency"),
    )
    op.create_index("totals_key", "totals", ["key_id", "day"])


def _bodies() -> None:
    op.create_table(
        "bodies",
        word("exchange_id", 64),
        whole("n"),
        word("kind", 16),
        big("expires_ms"),
        big("size"),
        blob("sealed"),
        sa.PrimaryKeyConstraint("exchange_id", "n", "kind"),
    )
    op.create_index("ix_bodies_expires_ms", "bodies", ["expires_ms"])


def word(name: str, length: int, *, optional: bool = False) -> sa.Column[Any]:
    """A short text of ours."""
    return sa.Column(name, sa.String(length), nullable=optional)


def text(name: str) -> sa.Column[Any]:
    """A text."""
    return sa.Column(name, sa.Text, nullable=False)


def whole(name: str, *, optional: bool = False) -> sa.Column[Any]:
    """A whole number of 32 bits."""
    return sa.Column(name, sa.Integer, nullable=optional, autoincrement=False)


def big(name: str, *, optional: bool = False) -> sa.Column[Any]:
    """A whole number of 64 bits."""
    return sa.Column(name, sa.BigInteger, nullable=optional, autoincrement=False)


def flag(name: str) -> sa.Column[Any]:
    """Yes or no."""
    return sa.Column(name, sa.Boolean, nullable=False)


def blob(name: str) -> sa.Column[Any]:
    """Bytes."""
    return sa.Column(name, sa.LargeBinary, nullable=False)
