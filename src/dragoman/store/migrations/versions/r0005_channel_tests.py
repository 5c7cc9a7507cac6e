"""What channel tests have found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "trials",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
    )
    op.create_index("trials_channel", "trials", ["channel", "at_ms"])
