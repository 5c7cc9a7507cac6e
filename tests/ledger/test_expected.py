"""What is expected of a model creeps to what nineteen of twenty answers stay below."""

from __future__ import annotations

import random

import pytest

from dragoman.ledger.expected import FIRST, MODELS, Expected


@pytest.mark.parametrize("seed", range(3))
def test_it_settles_near_the_95th_percentile(seed: int) -> None:
    chance, expected = random.Random(seed), Expected()
    for _ in range(3000):
        expected = expected.learned("m", chance.randrange(0, 1000))
    assert 750 < expected.of("m", None) < 1150


def test_the_clients_limit_bounds_it() -> None:
    assert Expected().of("m", None) == FIRST
    assert Expected().of("m", 10) == 10


def test_so_many_models_are_remembered() -> None:
    expected = Expected()
    for number in range(MODELS + 5):
        expected = expected.learned(str(number), 10)
    assert len(expected.by_model) == MODELS
