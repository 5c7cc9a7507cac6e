"""Health on an explicit clock: when breakers open, how long they rest, who may try them, and when they close."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing import health as health_module
from dragoman.routing.breaker import FAULTS
from dragoman.routing.health import Fitness, Health, Left, Succeeded, begin, home, learn, usable
from dragoman.routing.plan import Step
from tests.routing.house import after, fault, probing, step

S = 1000
TROUBLE = [Kind.UPSTREAM_ERROR, Kind.GARBLED, Kind.CUT_SHORT, Kind.TIMEOUT, Kind.OVERLOADED]


def fitness(health: Health, now_ms: int, at: Step | None = None) -> Fitness:
    """Whether the step may be made now."""
    at = at or step()
    return usable(health, at.channel, at.model, now_ms)


def answer(health: Health, now_ms: int, at: Step | None = None) -> str:
    """The same as one word."""
    return fitness(health, now_ms, at).answer


def test_five_faults_in_a_row_open() -> None:
    assert answer(after(*TROUBLE[:4]), 0) == "yes"
    assert answer(after(*TROUBLE), 0) == "no"


def test_a_success_between_starts_the_count_anew() -> None:
    assert answer(after(*TROUBLE[:4], None, *TROUBLE[:4]), 0) == "yes"


def test_three_faults_in_connecting_open() -> None:
    assert answer(after(Kind.UNREACHABLE, Kind.TLS), 0) == "yes"
    assert answer(after(Kind.UNREACHABLE, Kind.TLS, Kind.UNREACHABLE), 0) == "no"
    assert answer(after(Kind.TIMEOUT, Kind.UNREACHABLE, Kind.UNREACHABLE, Kind.UNREACHABLE), 0) == "yes"


@pytest.mark.parametrize("kind", sorted(set(Kind) - FAULTS.keys()))
def test_what_is_not_the_channels_fault_does_not_count(kind: Kind) -> None:
    assert after(*[kind] * 20) == Health()


@pytest.mark.parametrize(("kind", "times"), [(Kind.MODEL_NOT_FOUND, 1), (Kind.RATE_LIMITED, 1)])
def test_a_fault_of_one_model_leaves_the_channels_others_alone(kind: Kind, times: int) -> None:
    health = after(*[kind] * times)
    assert answer(health, 0) == "no"
    assert answer(health, 0, step("a", "other")) == "yes"


@pytest.mark.parametrize(("kind", "times"), [(Kind.UPSTREAM_CREDENTIAL, 3), (Kind.UPSTREAM_QUOTA, 1)])
def test_a_fault_of_the_credential_takes_the_whole_channel_out(kind: Kind, times: int) -> None:
    assert answer(after(*[kind] * (times - 1)), 0) == "yes"
    health = after(*[kind] * times)
    assert answer(health, 0, step("a", "other")) == "no"
    assert answer(health, 0, step("b")) == "yes"


@pytest.mark.parametrize(
    ("opening", "dice", "rest_ms"),
    [(1, 0.0, 4000), (1, 0.5, 5000), (1, 1.0, 6000), (2, 0.5, 10_000), (3, 0.5, 20_000), (4, 0.5, 25_000)],
)
def test_each_opening_after_passing_faults_doubles_the_rest(opening: int, dice: float, rest_ms: int) -> None:
    health, now_ms = after(*TROUBLE), 0
    for _ in range(opening - 1):
        now_ms += fitness(health, now_ms).wait_ms
        health = learn(health, step(), fault(Kind.TIMEOUT), now_ms, 0.5)
    if opening == 1:
        health = Health()
        for kind in TROUBLE:
            health = learn(health, step(), fault(kind), 0, dice)
    assert fitness(health, now_ms).wait_ms == rest_ms


def test_lasting_faults_rest_from_ten_seconds_to_five_minutes() -> None:
    health, now_ms, rests = Health(), 0, []
    for _ in range(7):
        health = learn(health, step(), fault(Kind.UPSTREAM_QUOTA), now_ms, 0.9)
        rests.append(fitness(health, now_ms).wait_ms // S)
        now_ms += rests[-1] * S
    assert rests == [10, 20, 40, 80, 160, 300, 300]


def test_the_rest_shrinks_again_with_each_healthy_half_minute() -> None:
    health = after(*TROUBLE)
    health = learn(health, step(), fault(Kind.TIMEOUT), 5 * S, 0.5)
    opened_ms = 15 * S + 30 * S
    health = after(None, None, *TROUBLE, health=health, now_ms=opened_ms)
    assert fitness(health, opened_ms).wait_ms == 10 * S
    health = after(None, None, *TROUBLE, health=health, now_ms=opened_ms + 10 * S + 90 * S)
    assert fitness(health, opened_ms + 100 * S).wait_ms == 5 * S


def test_a_told_wait_is_kept_to_the_millisecond_and_then_nothing_remains() -> None:
    health = learn(Health(), step(), fault(Kind.RATE_LIMITED, 7.5), 0, 0.5)
    last = fitness(health, 7499)
    assert (last.answer, last.wait_ms, last.told, last.kind) == ("no", 1, True, Kind.RATE_LIMITED)
    assert fitness(health, 7500) == Fitness("yes")


def test_an_overloaded_provider_that_tells_a_wait_is_left_alone_for_it() -> None:
    health = learn(Health(), step(), fault(Kind.OVERLOADED, 3.0), 0, 0.5)
    assert fitness(health, 0).told
    assert answer(health, 3 * S) == "yes"


def test_untold_rate_limits_double_from_ten_seconds() -> None:
    health, now_ms, rests = Health(), 0, []
    for _ in range(7):
        health = learn(health, step(), fault(Kind.RATE_LIMITED), now_ms, 0.5)
        rests.append(fitness(health, now_ms).wait_ms // S)
        now_ms += rests[-1] * S
    assert rests == [10, 20, 40, 80, 160, 300, 300]


def test_requests_that_fail_together_count_one_opening() -> None:
    health = after(*[Kind.RATE_LIMITED] * 20)
    assert fitness(health, 0).wait_ms == 10 * S
    health = after(*[Kind.UPSTREAM_ERROR] * 20)
    assert fitness(health, 0).wait_ms == 5 * S


def test_a_longer_told_wait_prolongs_and_a_shorter_does_not() -> None:
    health = learn(Health(), step(), fault(Kind.RATE_LIMITED, 20.0), 0, 0.5)
    assert fitness(learn(health, step(), fault(Kind.RATE_LIMITED, 5.0), 0, 0.5), 0).wait_ms == 20 * S
    assert fitness(learn(health, step(), fault(Kind.RATE_LIMITED, 60.0), 0, 0.5), 0).wait_ms == 60 * S


def test_rate_limits_do_not_count_as_faults_in_a_row() -> None:
    health = after(*[Kind.RATE_LIMITED] * 4)
    health = learn(health, step(), fault(Kind.UPSTREAM_ERROR), 10 * S, 0.5)
    assert answer(health, 10 * S) == "yes"


def test_one_probe_at_a_time_tries_a_rested_channel() -> None:
    health = after(*TROUBLE)
    assert answer(health, 5 * S) == "probe"
    health = begin(health, probing(step()), 5 * S)
    assert answer(health, 5 * S) == "no"
    assert answer(health, 5 * S + health_module.LEASE_MS) == "probe"


def test_an_attempt_that_is_no_probe_takes_no_lease() -> None:
    health = after(*TROUBLE)
    assert begin(health, step(), 5 * S) is health


def test_two_successes_close() -> None:
    health = begin(after(*TROUBLE), probing(step()), 5 * S)
    health = learn(health, probing(step()), Succeeded(), 6 * S, 0.5)
    assert answer(health, 6 * S) == "probe"
    health = learn(health, probing(step()), Succeeded(), 7 * S, 0.5)
    assert answer(health, 7 * S) == "yes"


def test_a_failed_probe_opens_again_for_longer() -> None:
    health = begin(after(*TROUBLE), probing(step()), 5 * S)
    health = learn(health, probing(step()), fault(Kind.TIMEOUT), 6 * S, 0.5)
    assert fitness(health, 6 * S).wait_ms == 10 * S


@pytest.mark.parametrize("outcome", [Left(), fault(Kind.INVALID_REQUEST)])
def test_a_probe_that_proved_nothing_gives_its_lease_back(outcome: Left) -> None:
    health = begin(after(*TROUBLE), probing(step()), 5 * S)
    health = learn(health, probing(step()), outcome, 6 * S, 0.5)
    assert answer(health, 6 * S) == "probe"


def test_a_success_during_the_rest_counts_but_not_against_a_told_wait() -> None:
    assert answer(after(*TROUBLE, None, None), 0) == "yes"
    told = learn(Health(), step(), fault(Kind.RATE_LIMITED, 9.0), 0, 0.5)
    assert answer(after(None, None, health=told), 0) == "no"


def test_a_limit_whose_wait_we_guessed_is_over_with_the_next_success() -> None:
    limited = after(Kind.RATE_LIMITED)
    assert not fitness(limited, 0).told
    assert answer(after(None, health=limited), 0) == "yes"


def test_a_guess_does_not_prolong_a_told_wait() -> None:
    told = learn(Health(), step(), fault(Kind.RATE_LIMITED, 2.0), 0, 0.5)
    assert fitness(after(Kind.RATE_LIMITED, health=told), 0).wait_ms == 2 * S


def test_a_host_opens_when_two_of_its_targets_cannot_be_reached() -> None:
    one, two, three = (step(name, host="shared") for name in "abc")
    health = after(*[Kind.UNREACHABLE] * 3, at=one)
    assert answer(health, 0, three) == "yes"
    health = after(*[Kind.UNREACHABLE] * 3, health=health, at=two)
    assert fitness(health, 0, three).why == "host shared.test rests 5.0 s more after unreachable"
    assert answer(health, 0, step("d")) == "yes"


def test_a_host_is_not_opened_by_answers_that_came() -> None:
    health = after(*TROUBLE, at=step("a", host="shared"))
    health = after(*TROUBLE, health=health, at=step("b", host="shared"))
    assert answer(health, 0, step("c", host="shared")) == "yes"


def test_a_failed_probe_of_a_host_opens_it_again() -> None:
    health = Health()
    for name in "ab":
        health = after(*[Kind.UNREACHABLE] * 3, health=health, at=step(name, host="shared"))
    probe = probing(step("c", host="shared"))
    health = learn(begin(health, probe, 5 * S), probe, fault(Kind.UNREACHABLE), 6 * S, 0.5)
    assert fitness(health, 6 * S, probe).wait_ms == 10 * S


def test_nothing_is_kept_of_channels_that_are_well() -> None:
    health = after(Kind.TIMEOUT)
    assert health.breakers
    assert after(None, health=health, now_ms=31 * S).breakers == {}
    assert after(None) == Health()


def test_what_was_open_is_remembered_until_it_no_longer_matters() -> None:
    closed = after(*TROUBLE, None, None, health=Health())
    assert closed.breakers
    assert after(None, health=closed, now_ms=S) is closed
    assert after(None, health=closed, now_ms=31 * S).breakers == {}


def test_a_fault_after_closing_is_forgotten_with_the_next_success() -> None:
    closed = after(*TROUBLE, None, None)
    again = after(Kind.TIMEOUT, None, health=closed, now_ms=S)
    assert [breaker.faults for breaker in again.breakers.values()] == [0]


def test_the_memory_of_breakers_is_bounded() -> None:
    health = Health()
    for place in range(health_module.BREAKER_LIMIT + 50):
        health = after(Kind.MODEL_NOT_FOUND, health=health, at=step("a", str(place)), now_ms=place)
    assert len(health.breakers) == health_module.BREAKER_LIMIT
    assert answer(health, 0, step("a", "0")) == "yes"
    assert answer(health, 0, step("a", str(health_module.BREAKER_LIMIT))) == "no"


def test_a_home_lasts_as_long_as_the_cache_and_a_tenth() -> None:
    health = after(None, at=step("a", pin="s"))
    assert home(health, "s", 330 * S) == "a"
    assert home(health, "s", 330 * S + 1) == ""
    assert home(health, "other", 0) == ""
    assert home(after(None, at=step("a", pin="s", warm_ms=3_600_000)), "s", 3_960 * S) == "a"


def test_each_hit_keeps_the_home_warm() -> None:
    health = after(None, at=step("a", pin="s"))
    again = after(None, health=health, at=step("a", pin="s"), now_ms=200 * S)
    assert home(again, "s", 500 * S) == "a"


def test_a_hit_soon_after_another_is_not_written_down() -> None:
    health = after(None, at=step("a", pin="s"))
    assert after(None, health=health, at=step("a", pin="s"), now_ms=29 * S) is health
    longer = after(None, health=health, at=step("a", pin="s", warm_ms=3_600_000), now_ms=29 * S)
    assert home(longer, "s", 3_000 * S) == "a"


def test_a_home_that_stands_is_not_moved_by_one_good_answer_elsewhere() -> None:
    health = after(None, at=step("a", pin="s"))
    assert after(None, health=health, at=step("b", pin="s"), now_ms=S) is health


def test_a_session_moves_for_good_when_its_home_is_lost() -> None:
    health = after(None, at=step("a", pin="s"))
    health = after(*TROUBLE, health=health, at=step("a"))
    health = after(None, health=health, at=step("b", pin="s"))
    assert home(health, "s", 10 * S) == "b"
    well_again = after(None, None, health=health, at=step("a"), now_ms=10 * S)
    assert home(well_again, "s", 10 * S) == "b"


@pytest.mark.parametrize(("wait_s", "at_home"), [(10.0, "a"), (10.5, "")])
def test_a_short_told_wait_does_not_cost_a_session_its_home(wait_s: float, at_home: str) -> None:
    health = after(None, at=step("a", pin="s"))
    health = learn(health, step("a"), fault(Kind.RATE_LIMITED, wait_s), 0, 0.5)
    assert home(health, "s", 0) == at_home


def test_the_memory_of_homes_is_bounded() -> None:
    health = Health()
    for place in range(health_module.PIN_LIMIT + 1):
        health = after(None, health=health, at=step("a", pin=str(place)), now_ms=place)
    assert len(health.pins) <= health_module.PIN_LIMIT
    assert home(health, "0", 0) == ""
    assert home(health, str(health_module.PIN_LIMIT), 0) == "a"


def test_health_does_not_change_under_a_reader() -> None:
    before = after(*TROUBLE)
    kept = replace(before)
    after(None, None, *TROUBLE, health=before, now_ms=5 * S)
    assert before == kept
