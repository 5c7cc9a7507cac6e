"""Writes docs/providers.md anew: `python -m tests.providers`."""

from __future__ import annotations

from dragoman.providers.catalog import catalog
from dragoman.providers.page import catalog_page
from tests.providers.test_page import PAGE

PAGE.write_text(catalog_page(catalog().values()), encoding="utf-8")
