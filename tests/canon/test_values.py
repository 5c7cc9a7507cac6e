"""Seals, usage and problems: small values with few rules."""

from __future__ import annotations

import math

import pytest

from dragoman.canon.problem import (
    EVIDENCE_LIMIT,
    KINDS,
    Kind,
    Trouble,
    clamp_wait_s,
    problem,
    refuse,
)
from dragoman.canon.request import Seal
from dragoman.canon.seal import unwrap, wrap
from dragoman.canon.usage import NOTHING_SAID, Usage, count, merge


def test_a_wrapped_seal_names_its_issuer() -> None:
    assert wrap(Seal("giga", "blob.with.dots")) == "dgm1.Z2lnYQ.blob.with.dots"


def test_a_native_seal_travels_bare() -> None:
    assert wrap(Seal("", "blob")) == "blob"
    assert unwrap("blob") == Seal("", "blob")


@pytest.mark.parametrize("text", ["dgm1.", "dgm1..blob", "dgm1.Z2lnYQ", "dgm1.Z.blob", "dgm1.gICA.blob", "dgm1.é.blob"])
def test_what_has_no_readable_mark_is_native(text: str) -> None:
    assert unwrap(text) == Seal("", text)


def test_prompt_tokens_are_the_sum_of_their_parts() -> None:
    assert Usage(input=1, cache_read=20, cache_write_5m=300, cache_write_1h=4000, output=9).prompt == 4321
    assert NOTHING_SAID.prompt == 0


def test_an_estimate_anywhere_makes_the_whole_inexact() -> None:
    assert not merge(Usage(input=1, exact=False), Usage(output=2)).exact
    assert not merge(Usage(input=1), Usage(output=2, exact=False)).exact


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        (0, 0),
        (7, 7),
        (7.0, 7),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (1e300, None),
        (7.5, None),
        (-1, None),
        (-1.0, None),
        (True, None),
        ("7", None),
        (None, None),
        (math.inf, None),
        (math.nan, None),
    ],
)
def test_a_count_is_a_whole_number_or_nothing(value: object, counted: int | None) -> None:
    assert count(value) == counted


@pytest.mark.parametrize(
    ("said", "held"),
    [(None, None), (math.nan, None), (-1.0, 0.5), (0.0, 0.5), (7.0, 7.0), (1e9, 3600.0), (math.inf, 3600.0)],
)
def test_a_wait_is_held_within_half_a_second_and_an_hour(said: float | None, held: float | None) -> None:
    assert clamp_wait_s(said) == held
    assert problem(Kind.RATE_LIMITED, "Slow down.", retry_after_s=said).retry_after_s == held


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_meaning(kind: Kind) -> None:
    said = problem(kind, "Words.")
    assert (said.status, said.retryable, said.side) == KINDS[kind]
    assert 400 <= said.status < 600


def test_a_refusal_carries_its_problem() -> None:
    trouble = refuse(Kind.TOO_LARGE, "Too large.", param="messages")
    assert isinstance(trouble, Trouble)
    assert str(trouble) == "too_large: Too large."
    assert (trouble.problem.status, trouble.problem.param) == (413, "messages")


def test_evidence_is_cut() -> None:
    assert len(problem(Kind.GARBLED, "Odd.", evidence="x" * 10_000).evidence) == EVIDENCE_LIMIT
