"""What budgets are counted from, by steps of five minutes, the overhead among the totals, and who asked.

What was spent before is taken over from the totals, where each day's stands as one; none of it was told apart as
overhead then.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXTS = ("key_id", "owner", "project", "channel", "asked", "model")
SUMS = ("requests", "attempts", "tokens", "nano", "overhead_tokens", "overhead_nano")
TOKENS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


def upgrade() -> None:
    """Makes the table and fills it, and adds the columns."""
    for name in ("overhead_tokens", "overhead_nano"):
        op.add_column("totals", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("exchanges", sa.Column("source", sa.String(8), nullable=False, server_default="agent"))
    spending = op.create_table(
        "spending",
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in TEXTS),
        sa.Column("currency", sa.String(8), nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS),
        sa.PrimaryKeyConstraint("start_ms", *TEXTS, "currency"),
    )
    for name in ("key", "owner", "project", "channel"):
        column = "key_id" if name == "key" else name
        op.create_index(f"spending_{name}", "spending", [column, "start_ms"])
    if rows := _taken_over():
        op.bulk_insert(spending, rows)


def _taken_over() -> list[dict[str, Any]]:
    columns = (
        "day",
        "key_id",
        "project",
        "channel",
        "model",
        "currency",
        "exchanges",
        "attempts",
        *TOKENS,
        "cost_nano",
    )
    totals = sa.table("totals", *(sa.column(name) for name in columns))
    found = op.get_bind().execute(sa.select(totals).where(totals.c.channel != "")).mappings()
    return [
        {
            "start_ms": int(datetime.fromisoformat(row["day"]).replace(tzinfo=UTC).timestamp()) * 1000,
            **{name: row[name] for name in ("key_id", "project", "channel", "model", "currency", "attempts")},
            "asked": row["model"],
            "owner": "",
            "requests": row["exchanges"],
            "tokens": sum(int(row[name]) for name in TOKENS),
            "nano": row["cost_nano"],
            "overhead_tokens": 0,
            "overhead_nano": 0,
        }
        for row in found
    ]
