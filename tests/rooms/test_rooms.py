"""The source keeps the rules of the house; a failure tells the sentence that was broken, and where."""

from __future__ import annotations

import pytest

from tests.rooms.house import read_house
from tests.rooms.rules import RULES, Rule

HOUSE = read_house()


@pytest.mark.parametrize("rule", RULES, ids=[rule.breaches.__name__ for rule in RULES])
def test_the_house_has_no(rule: Rule) -> None:
    breaches = list(rule.breaches(HOUSE))
    if breaches:
        pytest.fail("\n  ".join([rule.sentence, *breaches]), pytrace=False)
