"""Replicas agree on health though their clocks differ, and nobody's guess overrides what a provider told."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing.health import Health, Succeeded, begin, eased_share, healed, home, learn, usable
from dragoman.routing.news import News, decode, encode, merge, news_of
from dragoman.routing.plan import Step
from tests.routing.house import after, channel, fault, step

HERE_MS, THERE_MS = 1_000_000, 50_000
"""The same moment on two clocks."""
A = channel("a")


def told(before: Health, ours: Health, at_ms: int = HERE_MS) -> News:
    """The news of a change, having travelled."""
    news = news_of(before, ours, at_ms)
    assert news is not None
    heard = decode(encode(news, "one"), "other")
    assert heard is not None
    return heard


def ill(now_ms: int = HERE_MS) -> Health:
    """A model that was put to rest."""
    return after(*[Kind.TIMEOUT] * 5, now_ms=now_ms)


def limited(wait_s: float, now_ms: int = HERE_MS) -> Health:
    """A model whose provider told to wait."""
    return learn(Health(), step(), replace(fault(Kind.RATE_LIMITED), retry_after_s=wait_s), now_ms, 0.5)


def test_what_opens_there_rests_here_for_the_rest_of_its_time() -> None:
    theirs = ill()
    ours = merge(Health(), told(Health(), theirs, HERE_MS + 1000), THERE_MS)
    wait_ms = usable(theirs, A, "m", HERE_MS + 1000).wait_ms
    assert usable(ours, A, "m", THERE_MS).wait_ms == wait_ms > 0


def test_what_closes_there_closes_here_and_is_eased_in() -> None:
    theirs = ill()
    ours = merge(Health(), told(Health(), theirs), THERE_MS)
    closed = theirs
    for _ in range(2):
        probe = Step(channel=A, model="m", why="test", probe=True)
        closed = learn(begin(closed, probe, HERE_MS + 6000), probe, Succeeded(), HERE_MS + 6000, 0.5)
    ours = merge(ours, told(theirs, closed, HERE_MS + 6000), THERE_MS + 6000)
    assert usable(ours, A, "m", THERE_MS + 6000).answer == "yes"
    assert round(eased_share(ours, A, "m", THERE_MS + 6000), 2) == 0.1


def test_one_replica_at_a_time_tries_what_was_ill() -> None:
    theirs = ill()
    ours = merge(Health(), told(Health(), theirs), THERE_MS)
    probe = Step(channel=A, model="m", why="test", probe=True)
    trying = begin(theirs, probe, HERE_MS + 6000)
    assert usable(ours, A, "m", THERE_MS + 6000).answer == "probe"
    ours = merge(ours, told(theirs, trying, HERE_MS + 6000), THERE_MS + 6000)
    assert usable(ours, A, "m", THERE_MS + 6000).answer == "no"


def test_a_told_wait_is_not_shortened_by_what_another_thinks() -> None:
    ours = limited(60.0, THERE_MS)
    closed = news_of(ill(), Health(), HERE_MS)
    assert closed is not None
    for news in (closed, told(Health(), ill()), told(Health(), limited(5.0))):
        found = usable(merge(ours, news, THERE_MS), A, "m", THERE_MS)
        assert (found.wait_ms, found.told) == (60_000, True)
    longer = merge(ours, told(Health(), limited(90.0)), THERE_MS)
    assert usable(longer, A, "m", THERE_MS).wait_ms == 90_000


def test_a_session_is_at_home_where_another_replica_left_it() -> None:
    theirs = learn(Health(), replace(step(), pin="s/m"), Succeeded(), HERE_MS, 0.5)
    news = told(Health(), theirs)
    assert home(merge(Health(), news, THERE_MS), "s/m", THERE_MS) == "a"
    later = merge(Health(), news, THERE_MS)
    moved = learn(Health(), replace(step("b"), pin="s/m"), Succeeded(), THERE_MS + 5, 0.5)
    assert home(merge(moved, news, THERE_MS), "s/m", THERE_MS + 5) == "b"
    assert news_of(later, later, THERE_MS) is None


def test_faults_that_open_nothing_are_nobody_elses_business() -> None:
    assert news_of(Health(), after(*[Kind.TIMEOUT] * 4, now_ms=HERE_MS), HERE_MS) is None


def test_nobody_listens_to_himself_or_to_noise() -> None:
    data = encode(News(), "one")
    assert decode(data, "one") is None
    assert decode(data, "other") == News()
    assert decode(b"one\n\xff\xff", "other") is None
    assert decode(b"", "other") is None


def test_what_is_forgotten_there_is_forgotten_here() -> None:
    scope = next(iter(ill().breakers))
    assert merge(ill(), News(breakers={scope: None}, pins={}), HERE_MS).breakers == {}


def test_of_two_guesses_the_longer_rest_stands() -> None:
    ours = after(*[Kind.TIMEOUT] * 5, health=after(*[Kind.TIMEOUT] * 5, now_ms=THERE_MS - 6000), now_ms=THERE_MS)
    shorter = told(Health(), ill(), HERE_MS + 4000)
    merged = merge(ours, shorter, THERE_MS)
    assert usable(merged, A, "m", THERE_MS).wait_ms == usable(ours, A, "m", THERE_MS).wait_ms


def test_what_a_person_has_mended_is_forgotten_by_all_even_where_a_provider_told_to_wait() -> None:
    theirs = after(*[Kind.TIMEOUT] * 2, now_ms=HERE_MS)  # too few to be told of
    ours = limited(3600.0, THERE_MS)
    mended = healed(theirs, A)
    assert usable(merge(ours, told(theirs, mended), THERE_MS), A, "m", THERE_MS).answer == "yes"
    assert not merge(ours, told(theirs, mended), THERE_MS).heals


def test_mending_one_channel_leaves_what_is_known_of_another() -> None:
    ours = limited(60.0, THERE_MS)
    heard = told(Health(), healed(Health(), channel("b")))
    assert merge(ours, heard, THERE_MS).breakers == ours.breakers


def test_what_falls_ill_after_it_was_mended_is_told_with_it() -> None:
    mended = healed(ill(), A)
    again = learn(mended, step(), replace(fault(Kind.RATE_LIMITED), retry_after_s=60.0), HERE_MS, 0.5)
    ours = merge(ill(THERE_MS), told(ill(), again), THERE_MS)
    assert usable(ours, A, "m", THERE_MS).wait_ms == 60_000


def test_each_mending_is_told_once() -> None:
    once = healed(Health(), A)
    twice = healed(once, A)
    assert news_of(once, replace(once), HERE_MS) is None
    assert told(once, twice).healed == told(Health(), once).healed
