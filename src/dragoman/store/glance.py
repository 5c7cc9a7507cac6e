"""Whether a database surely configures nothing yet, seen without the libraries that open it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

FILE = "dragoman.db"
COUNT = "SELECT (SELECT count(*) FROM api_keys) + (SELECT count(*) FROM configured)"


def is_empty(url: str, folder: Path) -> bool:
    """Whether the usual file is not there yet, or configures nothing. False where that cannot be told at once."""
    if url:
        return False
    file = folder / FILE
    if not file.exists():
        return True
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=0.1)) as connection:
            return bool(connection.execute(COUNT).fetchone()[0] == 0)
    except sqlite3.Error:
        return False
