"""How somebody signed in, second factors, visits to identity providers, and how often was tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables, and says of sessions that are there that they began with a password."""
    op.add_column("sessions", sa.Column("means", sa.Text, nullable=False, server_default="password"))
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.String(40), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("confirmed", sa.Boolean, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.String(40), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "digest"),
    )
    op.create_table(
        "visits",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("back", sa.Text, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_visits_expires_ms", "visits", ["expires_ms"])
    op.create_table(
        "paces",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_paces_until_ms", "paces", ["until_ms"])
