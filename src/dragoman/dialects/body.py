"""A client's body as its members."""

from __future__ import annotations

from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import Loss
from dragoman.dialects.take import Members


def read_members(body: bytes) -> tuple[Members, tuple[Loss, ...]]:
    """The body's members; halves of characters are replaced, for a refusal would come back with every later turn.

    Raises `Trouble` (invalid_request).
    """
    try:
        if not body.isascii():
            body.decode()
        return Members.of(body), ()
    except UnicodeDecodeError as found:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as JSON but is not UTF-8 at byte {found.start}. Encode the request as UTF-8.",
        ) from None
    except Trouble:
        whole = whole_characters(body)
        if whole == body:
            raise
    loss = Loss("text.surrogate", "Half of a character is no character; it was replaced by U+FFFD.")
    return Members.of(whole), (loss,)
