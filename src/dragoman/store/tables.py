"""The tables. What is only read back whole is JSON in a text column; what is searched or summed has its own.

Times are milliseconds of Unix time, money whole billionths of a currency; nothing is a float. There are no foreign
keys: usage outlives what it is about. Text that others chose has no limit here, since PostgreSQL would refuse the row
and a row that is always refused would stop the ledger; whoever writes it into an index cuts it. A change here needs a
step in `migrations`, which a test compares with this.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

INDEXED = 200
"""Characters of a text that go into an index; PostgreSQL takes no row of more than 2,704 bytes into one."""


def plain(text: str | None) -> str:
    """A text as it may stand in a column and an index: not too long, and without what PostgreSQL has no room for."""
    return (text or "").replace("\0", "")[:INDEXED]


def fits(text: str) -> bool:
    """Whether a text can stand in an index as it is. Where it tells one thing from another it must not be cut."""
    return len(text) <= INDEXED and "\0" not in text


VERSION, AUDITED = "version", "audited"
"""The marks: how often the configuration was changed, and how many entries the audit log has."""

marks = Table(
    "marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("master_id", String(16), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)

secrets = Table(
    "secrets",
    metadata,
    Column("owner", String(64), nullable=False),
    Column("place", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "place"),
)

SYSTEM_OWNER = "system"
"""The owner of those secrets that are no configuration."""

configured = Table(
    "configured",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("spec", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
Index(
    "configured_name",
    configured.c.kind,
    configured.c.name,
    unique=True,
    sqlite_where=text("state != 'archived'"),
    postgresql_where=text("state != 'archived'"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("public_id", String(16), nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("spec", Text, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
Index(
    "api_keys_name",
    api_keys.c.name,
    unique=True,
    sqlite_where=text("state != 'archived'"),
    postgresql_where=text("state != 'archived'"),
)

audit = Table(
    "audit",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("action", String(64), nullable=False, index=True),
    Column("subject", String(64), nullable=False, index=True),
    Column("note", Text, nullable=False),
    Column("chain", LargeBinary, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("memberships", JSON, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("project", Text, nullable=False),
    Column("subject", Text, nullable=False, index=True),
    Column("password_hash", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_id", String(40), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("means", Text, nullable=False, server_default="password"),
)

second_factors = Table(
    "second_factors",
    metadata,
    Column("user_id", String(40), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("confirmed", Boolean, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user_id", String(40), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    PrimaryKeyConstraint("user_id", "digest"),
)

visits = Table(
    "visits",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("back", Text, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

paces = Table(
    "paces",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("until_ms", BigInteger, nullable=False, index=True),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("public_id", String(16), nullable=False, unique=True),
    Column("user_id", String(40), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("addresses", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("public_id", String(16), nullable=False, unique=True),
    Column("digest", LargeBinary, nullable=False),
    Column("login", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("memberships", JSON, nullable=False),
    Column("by", String(40), nullable=False),
    Column("uses", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("started_ms", BigInteger, nullable=False),
    Column("ended_ms", BigInteger),
    Column("key_id", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("problem", String(32), nullable=False),
    Column("source", String(8), nullable=False, server_default="agent"),
    Column("record", Text, nullable=False),
    Index("exchanges_started", "started_ms", "id"),
    Index("exchanges_key", "key_id", "started_ms"),
    Index("exchanges_session", "session", "started_ms"),
    Index("exchanges_trace", "trace", "started_ms"),
)

COUNTED = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking", "cost_nano")
"""What is summed of each attempt."""
TALLIES = ("exchanges", "attempts", "failures", "estimates")
"""What is counted."""

attempts = Table(
    "attempts",
    metadata,
    Column("exchange_id", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("first_content_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Column("channel", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Integer),
    Column("problem", String(32), nullable=False),
    Column("exact", Boolean, nullable=False),
    Column("currency", String(8), nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in COUNTED),
    PrimaryKeyConstraint("exchange_id", "n"),
    Index("attempts_channel", "channel", "started_ms"),
)

OVERHEAD = ("overhead_tokens", "overhead_nano")
"""What is summed of attempts that no client pays for; it is within the other sums."""
TOTAL_KEY = ("day", "key_id", "project", "channel", "model", "currency")

totals = Table(
    "totals",
    metadata,
    Column("day", String(10), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("currency", String(8), nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in (*TALLIES, *COUNTED)),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in OVERHEAD),
    PrimaryKeyConstraint(*TOTAL_KEY),
    Index("totals_key", "key_id", "day"),
)

SPENDING_KEY = ("start_ms", "key_id", "owner", "project", "channel", "asked", "model", "currency")
SPENT = ("requests", "attempts", "tokens", "nano", *OVERHEAD)
"""What budgets count; here the overhead is apart from tokens and nano."""

spending = Table(
    "spending",
    metadata,
    Column("start_ms", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("project", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("asked", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("currency", String(8), nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in SPENT),
    PrimaryKeyConstraint(*SPENDING_KEY),
    Index("spending_key", "key_id", "start_ms"),
    Index("spending_owner", "owner", "start_ms"),
    Index("spending_project", "project", "start_ms"),
    Index("spending_channel", "channel", "start_ms"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("exchange_id", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("exchange_id", "n", "kind"),
)

trials = Table(
    "trials",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("found", Text, nullable=False),
    Index("trials_channel", "channel", "at_ms"),
)
