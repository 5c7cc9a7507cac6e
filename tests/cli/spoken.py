"""What commands say, for the tests that run them in this process."""

from __future__ import annotations

import pytest

from dragoman.cli.app import run


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, on either stream."""
    assert run(words) == code
    out, err = capsys.readouterr()
    return out + err
