"""What a type cannot say of a setting: whether its parts fit each other and can be used."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.routing.budget import faults_of_budgets, is_zone
from dragoman.routing.patterns import unsound
from dragoman.routing.policy import BreakerPolicy
from dragoman.routing.rule_shape import RefusalTable


def faults_of_tuning(name: str, value: object) -> Iterator[str]:
    """What keeps a setting of the right type from being used, in sentences."""
    match name, value:
        case "refuse_models", tuple():
            yield from _faults_of_refusals(value)
        case "breaker", BreakerPolicy(rest_s=rest_s, longest_s=longest_s) if longest_s < rest_s:
            yield f"The longest rest, {longest_s:g} s, is shorter than the first, {rest_s:g} s."
        case "user_budgets", tuple():
            yield from faults_of_budgets(value)
        case "zone", str() if not is_zone(value):
            yield f"There is no time zone '{value}'; write it as Europe/Moscow, or UTC."
        case _:
            pass


def _faults_of_refusals(refusals: tuple[RefusalTable, ...]) -> Iterator[str]:
    for refusal in refusals:
        if wrong := unsound(refusal.pattern):
            yield f"'{refusal.pattern}' {wrong}."
