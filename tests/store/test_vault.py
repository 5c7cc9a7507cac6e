"""What is sealed opens in its own place only, and only as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.store.ports import StoreTrouble
from dragoman.store.vault import MasterKey, Place, Vault

PLACE = Place("secrets", "row-1", "api_key")
VAULT = Vault({1: b"1" * 32, 2: b"2" * 32})


@given(st.binary(max_size=200))
def test_what_was_sealed_opens(content: bytes) -> None:
    assert VAULT.open(PLACE, VAULT.seal(PLACE, content)) == content


def test_the_same_content_never_looks_the_same() -> None:
    assert len({VAULT.seal(PLACE, b"x") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "other", [Place("bodies", "row-1", "api_key"), Place("secrets", "row-2", "api_key"), Place("secrets", "row-1", "x")]
)
def test_a_sealed_text_opens_in_no_other_place(other: Place) -> None:
    with pytest.raises(StoreTrouble) as refused:
        VAULT.open(other, VAULT.seal(PLACE, b"secret"))
    assert refused.value.kind == "damaged"


def test_places_are_not_told_apart_by_their_names_joined_only() -> None:
    with pytest.raises(StoreTrouble):
        VAULT.open(Place("secrets", "row", "1-api_key"), VAULT.seal(Place("secrets", "row-1", "api_key"), b"x"))


@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_sealed_text_with_one_wrong_byte_does_not_open(where: int, change: int) -> None:
    sealed = bytearray(VAULT.seal(PLACE, b"secret"))
    sealed[where % len(sealed)] ^= change
    with pytest.raises(StoreTrouble):
        VAULT.open(PLACE, bytes(sealed))


@pytest.mark.parametrize("length", range(0, 40, 3))
def test_a_sealed_text_that_was_cut_does_not_open(length: int) -> None:
    with pytest.raises(StoreTrouble):
        VAULT.open(PLACE, VAULT.seal(PLACE, b"secret")[:length])


def test_the_newest_key_seals_and_older_ones_still_open() -> None:
    old = Vault({1: b"1" * 32})
    assert VAULT.open(PLACE, old.seal(PLACE, b"x")) == b"x"
    with pytest.raises(StoreTrouble, match="data key 2"):
        old.open(PLACE, VAULT.seal(PLACE, b"x"))


def test_a_data_key_is_unwrapped_by_its_own_master_key_only() -> None:
    right, wrong = MasterKey("r" * 32), MasterKey("w" * 32)
    wrapped = right.wrap(7, b"k" * 32)
    assert right.unwrap(7, wrapped) == b"k" * 32
    for master, key_id in ((wrong, 7), (right, 8)):
        with pytest.raises(StoreTrouble):
            master.unwrap(key_id, wrapped)


def test_a_master_key_that_could_be_guessed_is_refused() -> None:
    for text in ("", "short", "x" * 31):
        with pytest.raises(StoreTrouble, match="at least 32") as refused:
            MasterKey(text)
        assert refused.value.kind == "locked_out"


def test_a_master_key_shows_its_id_only() -> None:
    master = MasterKey("m" * 40)
    assert repr(master) == f"MasterKey({master.id})"
    assert master.id == MasterKey("m" * 40).id != MasterKey("n" * 40).id
