"""Roles of one's own, in projects too; tokens with scopes; invitations.

A user who was held to projects had his role in each of them: so he has it now. A token that was held to a role has the
scopes that the role had then; one of an admin's role has all that its user has.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SEEING = (
    "channels:read", "exchanges:read", "keys:read", "models:read", "overrides:read", "prices:read", "profiles:read",
    "projects:read", "settings:read",
)  # fmt: skip
WORKING = (
    *SEEING, "channels:write", "contents:read", "keys:write", "models:write", "overrides:write", "profiles:write",
    "transfer:read",
)  # fmt: skip
SCOPES = {"viewer": SEEING, "operator": WORKING}
"""What the roles of tokens meant at this step."""


def upgrade() -> None:
    """Takes the step, rows first."""
    _users()
    _tokens()
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("public_id", sa.String(16), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("login", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("memberships", sa.JSON, nullable=False),
        sa.Column("by", sa.String(40), nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
    )
    op.create_index("ix_invitations_expires_ms", "invitations", ["expires_ms"])


def _users() -> None:
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("memberships", sa.JSON, nullable=False, server_default="{}"))
        table.add_column(sa.Column("kind", sa.String(16), nullable=False, server_default="person"))
        table.add_column(sa.Column("project", sa.Text, nullable=False, server_default=""))
        table.alter_column("role", type_=sa.Text, existing_type=sa.String(16), existing_nullable=False)
    users = sa.table(
        "users",
        sa.column("id", sa.String),
        sa.column("role", sa.Text),
        sa.column("projects", sa.JSON),
        sa.column("memberships", sa.JSON),
    )
    connection = op.get_bind()
    for user in connection.execute(sa.select(users)).all():
        if user.projects:
            given = {"role": "", "memberships": dict.fromkeys(user.projects, user.role)}
            connection.execute(users.update().where(users.c.id == user.id).values(**given))
    with op.batch_alter_table("users") as table:
        table.drop_column("projects")
        for name in ("memberships", "kind", "project"):
            table.alter_column(name, server_default=None)


def _tokens() -> None:
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("scopes", sa.JSON, nullable=False, server_default="[]"))
        table.add_column(sa.Column("addresses", sa.JSON, nullable=False, server_default="[]"))
    tokens = sa.table("tokens", sa.column("role", sa.String), sa.column("scopes", sa.JSON))
    for role, scopes in SCOPES.items():
        op.get_bind().execute(tokens.update().where(tokens.c.role == role).values(scopes=list(scopes)))
    with op.batch_alter_table("tokens") as table:
        table.drop_column("role")
        for name in ("scopes", "addresses"):
            table.alter_column(name, server_default=None)
