"""How candidates of one rank are put in order: one function per strategy, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dragoman.routing.load import Load, Loads, served
from dragoman.routing.match import Candidate
from dragoman.shapes.fields import Strategy

BETTER = 0.8
"""A candidate overtakes another where its cost is below this share of the other's: small differences are chance."""
USUAL_FIRST_MS = 1000.0
"""Time to the first content of a target of which nothing is known, where that of no other is either."""


class Fit(NamedTuple):
    """A candidate that may be asked."""

    candidate: Candidate
    why: str = ""
    """Why it may be asked although it is ill; empty for a healthy one."""


class Placed(NamedTuple):
    """A candidate in its place."""

    candidate: Candidate
    why: str
    probe: bool
    share: float = 1.0
    """Chance that it was drawn first among its equals."""


class Chance(NamedTuple):
    """What an order may depend on beside the candidates."""

    loads: Loads
    now_ms: int
    dice: float
    """Drawn evenly from 0 up to 1."""


def in_order(strategy: Strategy, equals: list[Fit], chance: Chance) -> list[Placed]:
    """Candidates of one rank in the order in which to ask them."""
    return STRATEGIES[strategy](equals, chance) if len(equals) > 1 else [placed(one) for one in equals]


def placed(one: Fit, words: str = "", share: float = 1.0) -> Placed:
    """A candidate in its place, with all that speaks for it."""
    why = "; ".join(filter(None, (one.why, one.candidate.why, words)))
    return Placed(one.candidate, why, bool(one.why), share)


def _by_weight(equals: list[Fit], chance: Chance) -> list[Placed]:
    """Drawn one after the other. One throw serves all draws: what is left of it within the drawn share is even
    again."""
    dice = chance.dice
    total = sum([one.candidate.weight for one in equals])
    order: list[Placed] = []
    while equals:
        left = sum([one.candidate.weight for one in equals])
        point = dice * left
        drawn = equals[-1]
        for one in equals:
            if point < one.candidate.weight:
                drawn = one
                break
            point -= one.candidate.weight
        weight = drawn.candidate.weight
        dice = min(point / weight, 1.0) if weight else 0.0
        order.append(placed(drawn, share=weight / total if total else 1.0))
        equals = [one for one in equals if one is not drawn]
    return order


def _in_turn(equals: list[Fit], chance: Chance) -> list[Placed]:
    """Who has served least for its weight comes first."""
    turns = [(_served(one, chance) / max(one.candidate.weight, 1e-9), one) for one in equals]
    turns.sort(key=_first)
    return [placed(one, f"its turn, {count:.1f} served for its weight") for count, one in turns]


def _fastest(equals: list[Fit], chance: Chance) -> list[Placed]:
    """Who has given its first content soonest lately, counted for each attempt under way."""
    costs = [(_first_ms(one, chance, 0.0) * (_under_way(one, chance) + 1), one) for one in equals]
    order: list[tuple[float, Fit]] = []
    for cost, one in costs:
        place = next((at for at, (other, _) in enumerate(order) if cost < other * BETTER), len(order))
        order.insert(place, (cost, one))
    return [placed(one, f"{cost:.0f} ms to its first content" if cost else "not measured yet") for cost, one in order]


def _adaptive(equals: list[Fit], chance: Chance) -> list[Placed]:
    """The cheaper of two drawn by weight, then the others by cost: quick, idle and reliable is cheap. Drawing keeps
    replicas from all running to the same one."""
    known = [ms for one in equals if (ms := _first_ms(one, chance, 0.0))]
    usual = sum(known) / len(known) if known else USUAL_FIRST_MS
    costs = {(one.candidate.channel.account, one.candidate.model): _cost(one, chance, usual) for one in equals}

    def cost(one: Fit) -> float:
        return costs[one.candidate.channel.account, one.candidate.model]

    drawn = [place.candidate for place in _by_weight(equals, chance)[:2]]
    pair = sorted((one for one in equals if one.candidate in drawn), key=cost)
    rest = sorted((one for one in equals if one.candidate not in drawn), key=cost)
    return [placed(one, f"cost {cost(one):.0f}") for one in (*pair, *rest)]


def _load(one: Fit, chance: Chance) -> Load:
    return chance.loads.of(one.candidate.channel.account, one.candidate.model)


def _cost(one: Fit, chance: Chance, usual_ms: float) -> float:
    load = _load(one, chance)
    reliable = max(load.success, 0.05) ** 2
    return _first_ms(one, chance, usual_ms) * (load.under_way + 1) / (max(one.candidate.weight, 1e-9) * reliable)


def _first_ms(one: Fit, chance: Chance, unknown: float) -> float:
    known = _load(one, chance).first_ms
    return unknown if known is None else known


def _under_way(one: Fit, chance: Chance) -> int:
    return _load(one, chance).under_way


def _served(one: Fit, chance: Chance) -> float:
    return served(_load(one, chance), chance.now_ms)


def _first(pair: tuple[float, Fit]) -> float:
    return pair[0]


STRATEGIES: dict[Strategy, Callable[[list[Fit], Chance], list[Placed]]] = {
    "failover": _by_weight,
    "weighted": _by_weight,
    "round_robin": _in_turn,
    "fastest": _fastest,
    "adaptive": _adaptive,
}
"""`failover` orders by rank; what is left for a draw are equals of one rank."""
MEASURED: frozenset[Strategy] = frozenset({"round_robin", "fastest", "adaptive"})
"""Strategies that compare loads, so that these must be kept."""
