"""Writes docs/faults.md anew: `python -m tests.faults`."""

from __future__ import annotations

from tests.faults.page import page
from tests.faults.test_page import PAGE

PAGE.write_text(page(), encoding="utf-8")
