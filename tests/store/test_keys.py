"""API keys can be checked without a database and found by a secret scanner."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dragoman.store import keys


def test_a_new_key_is_well_formed_and_says_by_what_it_is_looked_up() -> None:
    for prefix in (keys.KEY, keys.TOKEN):
        minted = keys.mint(prefix)
        assert keys.is_well_formed(minted.text, prefix)
        assert len(minted.text) == keys.LENGTH
        assert keys.public_id(minted.text) == minted.public_id


def test_no_two_keys_are_alike() -> None:
    minted = [keys.mint(keys.KEY) for _ in range(2_000)]
    assert len({each.text for each in minted}) == len({each.public_id for each in minted}) == 2_000


def test_a_key_is_no_token() -> None:
    assert not keys.is_well_formed(keys.mint(keys.KEY).text, keys.TOKEN)
    assert not keys.is_well_formed(keys.mint(keys.TOKEN).text, keys.KEY)


@given(st.integers(0, keys.LENGTH - 1), st.sampled_from(keys.ALPHABET))
def test_a_key_with_one_wrong_character_is_none(place: int, character: str) -> None:
    text = keys.mint(keys.KEY).text
    wrong = text[:place] + character + text[place + 1 :]
    assert keys.is_well_formed(wrong, keys.KEY) == (wrong == text)


@given(st.text(max_size=100))
def test_noise_is_no_key(text: str) -> None:
    assert not keys.is_well_formed(text, keys.KEY)
    assert not keys.is_well_formed(keys.KEY + text, keys.KEY)


def test_a_scanner_finds_every_key_and_nothing_else() -> None:
    dice = random.Random(5)
    planted = [keys.mint(dice.choice([keys.KEY, keys.TOKEN])).text for _ in range(500)]
    wrappings = ("{}", '"{}"', "key={};", "Bearer {}", "{}\n", "({})", "https://x/?key={}&y")
    text = "\n".join(f"dgm_{dice.getrandbits(96):024x} " + dice.choice(wrappings).format(key) for key in planted)
    assert keys.PATTERN.findall(text) == planted


def test_a_digest_needs_the_pepper() -> None:
    text = keys.mint(keys.KEY).text
    assert keys.digest(b"pepper", text) != keys.digest(b"salt", text)
    assert keys.digest(b"pepper", text) == keys.digest(b"pepper", text)


def test_what_is_no_text_has_a_digest_too() -> None:
    assert keys.digest(b"pepper", "\ud800" * 1_000)
