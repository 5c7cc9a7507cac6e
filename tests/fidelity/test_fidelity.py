"""What the page tells of each pair is what the code does, and nothing is lost that no loss tells of."""

from __future__ import annotations

import pytest

from tests.docs.pages import DOCS
from tests.fidelity.answers import ANSWERS
from tests.fidelity.page import UPSTREAM_NAMES, fidelity_page
from tests.fidelity.pairs import BY_NAME, DOOR_NAMES, MODELS, body_at, cell, rows
from tests.fidelity.samples import FEATURES

PAGE = DOCS / "fidelity.md"


def test_the_page_is_what_the_code_does() -> None:
    assert PAGE.read_text(encoding="utf-8") == fidelity_page(), "write it anew: python -m tests.fidelity"


@pytest.mark.parametrize("upstream", UPSTREAM_NAMES)
@pytest.mark.parametrize("door", DOOR_NAMES)
def test_nothing_is_lost_in_silence(door: str, upstream: str) -> None:
    found = {
        f"{feature.name} at {place.provider} with {place.model}": outcome.silent
        for feature in FEATURES
        for place, outcome in cell(BY_NAME[door], BY_NAME[upstream], feature).outcomes.items()
        if outcome.silent
    }

    assert found == {}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_some_door_can_say_each_feature(feature: object) -> None:
    chosen = next(each for each in FEATURES if each is feature)

    assert any(body_at(BY_NAME[door], chosen) for door in DOOR_NAMES)


def test_models_are_named_of_providers_that_are_there() -> None:
    assert MODELS.keys() <= rows().keys()


def test_names_are_given_once() -> None:
    for row in (FEATURES, ANSWERS):
        names = [each.name for each in row]
        assert len(set(names)) == len(names)
