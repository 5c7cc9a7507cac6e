"""A skip names its cause, and is a failure where nothing may be skipped."""

from __future__ import annotations

import pytest

from tests.conftest import Needs, deny_skip


def skipped(path: str) -> pytest.TestReport:
    """The report of a test of this file that was skipped."""
    cause = (path, 1, "Skipped: node is not installed")
    return pytest.TestReport(f"{path}::test_x", (path, 1, "test_x"), {}, "skipped", cause, "call")


@pytest.mark.parametrize("path", ["tests/laws/test_x.py", "tests/scenes/deep/test_x.py", "tests/sdks/test_x.py"])
def test_laws_scenes_and_sdks_fail_rather_than_skip(path: str) -> None:
    report = skipped(path)
    deny_skip(report, require_all=False)
    assert report.failed
    assert "node is not installed" in str(report.longrepr)


def test_elsewhere_a_skip_fails_only_where_all_is_required() -> None:
    lenient, strict = skipped("tests/clients/test_x.py"), skipped("tests/clients/test_x.py")
    deny_skip(lenient, require_all=False)
    deny_skip(strict, require_all=True)
    assert lenient.skipped
    assert strict.failed


def test_an_absent_program_is_named_as_the_cause(needs: Needs) -> None:
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        needs.program("no-such-program")


def test_a_client_that_was_not_fetched_names_the_script_that_fetches_it(needs: Needs) -> None:
    with pytest.raises(pytest.skip.Exception, match=r"claude-code 0\.0\.0 is not fetched \(scripts/clients\)"):
        needs.client("claude-code", "0.0.0", "claude")
