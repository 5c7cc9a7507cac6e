"""Clients that ask at all four doors, streamed and whole, and judge every answer by what the vendors meant to say."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Literal

import aiohttp
from msgspec import Struct

from tests.faults.client import DOORS, PATHS, body_for, head_for
from tests.faults.gateway import ASKED
from tests.faults.heard import Heard, hear, meant
from tests.faults.oracle import error_in
from tests.soak.vendors import Book, Truth
from tests.standin import Reply

GIVE_UP_S = 90.0
BEATLESS = ("gemini",)
"""Doors whose clients cannot be kept awake."""
LEAVES = 0.04
"""Share of clients that go in the middle of an answer."""

ENDED = ("reply", "F59")
"""What a vendor says to the end: an answer, and one that is late."""

Outcome = Literal["whole", "error in the answer", "error instead", "left"]


class Wish(Struct, frozen=True, kw_only=True):
    """One request that a client makes."""

    number: int
    door: str
    stream: bool
    asked: str
    mended: bool
    """Whether a healthy channel stands behind the others."""
    leaves_after: int | None
    """Pieces of the answer after which the client goes."""


class Told(Struct, frozen=True):
    """What a client was told, as far as it stayed."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    proper: bool
    """Whether the HTTP body ended as it should."""
    left: bool


class Tally:
    """What became of all requests. Mutable: judges count in it."""

    def __init__(self) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.attempts: Counter[str] = Counter()
        self.needed = 0
        """Requests whose first channels failed before content, with a healthy one behind."""
        self.mended = 0
        """Those of them that were answered whole."""
        self.stalls = 0
        """Streams given up because this machine was too busy to go on with them."""
        self.kept_awake = 0
        """Streams that were pinged through a long silence."""
        self.ids: list[str] = []
        """The exchanges' ids, as clients were told them."""
        self.wrongs: list[str] = []


def draw(chance: random.Random, number: int, models: Mapping[str, float]) -> Wish:
    """The next request. `models` are the names to ask for, with their weights; `lone` and `mob` have no net."""
    asked = chance.choices(list(models), list(models.values()))[0]
    return Wish(
        number=number,
        door=chance.choice(DOORS),
        stream=chance.random() < 0.75,
        asked=asked,
        mended=not asked.startswith(("lone", "mob")),
        leaves_after=chance.randint(1, 6) if chance.random() < LEAVES else None,
    )


async def ask(session: aiohttp.ClientSession, url: str, wish: Wish) -> Told:
    """Asks once, and hears the answer as long as the client cares to."""
    prompt = f"This is request {wish.number}. Say something."
    body = body_for(wish.door, stream=wish.stream, prompt=prompt, model=wish.asked)
    path = PATHS[wish.door][wish.stream].replace(ASKED, wish.asked)
    pieces: list[bytes] = []
    async with session.post(url + path, json=body, headers=head_for(wish.door)) as answer:
        headers = {name.lower(): value for name, value in answer.headers.items()}
        proper = left = False
        try:
            async for piece in answer.content.iter_any():
                pieces.append(piece)
                if wish.stream and wish.leaves_after == len(pieces):
                    left = True
                    answer.close()
                    break
            proper = not left
        except aiohttp.ClientError:
            pass
        return Told(answer.status, headers, b"".join(pieces), proper, left)


def judge(wish: Wish, told: Told, book: Book, tally: Tally) -> None:
    """Counts one answer, and notes what is wrong with it."""
    truths = book.take(wish.number)
    tally.ids.append(told.headers.get("request-id", ""))
    tally.attempts.update(truth.key for truth in truths)
    try:
        outcome = heard_as(wish, told, truths, tally)
    except (AssertionError, LookupError, ValueError) as found:
        tally.wrongs.append(f"{wish}: {type(found).__name__} {found}; {seen(told)}; meant {truths}")
        return
    tally.outcomes[outcome] += 1
    failed_over = told.headers.get("x-dragoman-attempts", "1") != "1" or any(
        truth.stage == "before" for truth in truths
    )
    if wish.mended and outcome == "error instead":
        tally.wrongs.append(f"{wish}: a healthy channel did not answer; {seen(told)}; meant {truths}")
    if wish.mended and failed_over and outcome in ("whole", "error instead"):
        tally.needed += 1
        tally.mended += outcome == "whole"


def seen(told: Told) -> str:
    """An answer in few words: its headers, and how it ended."""
    ours = {name: value for name, value in told.headers.items() if name.startswith(("x-dragoman", "request"))}
    return f"{told.status} {ours} proper={told.proper} …{told.body[-400:]!r}"


def heard_as(wish: Wish, told: Told, truths: list[Truth], tally: Tally) -> Outcome:
    """What the answer was. Raises `AssertionError` where it is none of what it may be."""
    assert told.left or told.proper, "the HTTP body did not end as it should"
    assert told.headers["request-id"], "no request id"
    if told.status != 200:
        error = error_in(wish.door, told.body)
        assert error["message"], "an error without words"
        assert error.get("type") or error.get("status"), "an error without a type"
        return "error instead"
    if told.left:
        return "left"
    heard = hear(wish.door, told.body, stream=wish.stream)
    claim_in_order(wish, told, heard, tally)
    if heard.error is None:
        claim_whole(heard, truths, verbatim=told.headers["x-dragoman-mode"] == "verbatim")
        return "whole"
    assert heard.error["message"], "an error without words"
    assert heard.stop is None, "an error behind an ending"
    assert not heard.ended, "an error, and an ending"
    if not heard.said:
        return "error instead"
    begun = [truth for truth in truths if begins(heard, truth.reply)]
    assert len(begun) == 1, f"what was shown is the beginning of {len(begun)} answers"
    if begun[0].stage != "after":
        assert "silent" in heard.error["message"], "an answer broke off that its vendor had not broken"
        tally.stalls += 1
    return "error in the answer"


def claim_in_order(wish: Wish, told: Told, heard: Heard, tally: Tally) -> None:
    """The wire's own rules, where the gateway and not a vendor wrote the stream; and pings through a long silence.

    After a ping the headers tell of the first attempt only, so of a sleepy vendor's requests they say nothing.
    """
    slept = told.headers["x-dragoman-channel"].startswith("sleepy")
    written = told.headers["x-dragoman-mode"] == "translated" and not slept
    odd = [each for each in heard.odd if written or "error" in each]
    assert not odd, odd
    if slept and wish.stream and wish.door not in BEATLESS:
        assert heard.pings, "no ping in a long silence"
        tally.kept_awake += 1


def claim_whole(heard: Heard, truths: list[Truth], *, verbatim: bool) -> None:
    """One attempt's whole answer, which its vendor ended. Of a verbatim one the very last frame may have been lost."""
    assert heard.ended or (verbatim and heard.stop), "neither an ending nor an error"
    whole = [truth for truth in truths if heard.said == meant(truth.reply)]
    assert len(whole) == 1, "what ended well is not one answer, whole"
    assert heard.stop == whole[0].reply.reason, heard.stop
    assert whole[0].key in ENDED, "a broken answer ended well"


def begins(heard: Heard, reply: Reply) -> bool:
    """Whether what was heard is a beginning of this reply. Calls may grow side by side, so each may be cut."""
    shown, truth = heard.said, meant(reply)
    return len(shown) <= len(truth) and all(
        (kind, name) == (true_kind, true_name) and true_text.startswith(text)
        for (kind, name, text), (true_kind, true_name, true_text) in zip(shown, truth, strict=False)
    )
