"""Writes docs/fidelity.md anew: `python -m tests.fidelity`."""

from __future__ import annotations

from tests.fidelity.page import fidelity_page
from tests.fidelity.test_fidelity import PAGE

PAGE.write_text(fidelity_page(), encoding="utf-8")
