"""How somebody proves who they are: a password and, where they have one, a code of their second factor.

Rules. There is no half-signed-in state: whoever has a second factor tells login, password and code together, and until
all three are right there is nothing that could do anything. Each proof is counted as a guess until it is right. An
unknown login, a wrong password, a user who is switched off and one who may not use a password cost the same work and
get the same words.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from dragoman.store.ports import Factor, Note, User
from dragoman.web.admin.api import Call
from dragoman.web.admin.passwords import LEAST, MOST, Passwords
from dragoman.web.admin.scopes import ADMIN
from dragoman.web.admin.throttle import Guess, begin_guess
from dragoman.web.admin.totp import DIGITS, plain_code, step_of
from dragoman.web.admin.wire import Refusal

Login = Annotated[str, Meta(min_length=1, max_length=200)]
Password = Annotated[str, Meta(min_length=LEAST, max_length=MOST)]
"""A password to be set."""


class Claim(Struct, frozen=True, forbid_unknown_fields=True):
    """Who one says one is."""

    login: Login
    password: Annotated[str, Meta(max_length=MOST)]
    code: Annotated[str, Meta(max_length=40)] = ""
    """Of the second factor, or a recovery code; only whoever has a second factor needs one."""


class Proven(NamedTuple):
    """Whose password was told."""

    user: User
    known: str
    """The hash of the password."""
    factor: Factor | None
    """The confirmed second factor, or one that is proposed."""
    guess: Guess

    @property
    def has_factor(self) -> bool:
        """Whether a code is asked for."""
        return self.factor is not None and self.factor.confirmed


async def prove_password(call: Call, passwords: Passwords, said: Claim) -> Proven:
    """The user whose login and password these are. Raises `Refusal`."""
    guess = await begin_guess(call, said.login, known=True)
    found = await call.store.people.find(login=said.login)
    user, known = found or (None, "")
    right = await passwords.matches(said.password, known)
    if user is None or not right or user.state != "enabled" or not may_use_password(call, user):
        await call.store.audit.append(Note(by=call.by, action="login.refused", name=said.login[:200]))
        words = "Login and password do not belong together, or the user may not sign in with them."
        raise Refusal(401, "wrong_login", words)
    return Proven(user, known, await call.store.sign_in.factor(user.id), guess)


async def prove(call: Call, passwords: Passwords, said: Claim) -> Proven:
    """The user whose login, password and, if there is a second factor, code these are. Raises `Refusal`."""
    proven = await prove_password(call, passwords, said)
    if proven.has_factor:
        await _prove_code(call, proven, said.code)
    await proven.guess.right()
    return proven


def may_use_password(call: Call, user: User) -> bool:
    """Whether a user may sign in with a password; who signs in by an identity provider alone has none."""
    only = call.desk.tuning.passwords_for
    return only is None or user.login in {login.lower() for login in only}


async def check_way_in(call: Call, logins: Collection[str]) -> None:
    """Raises `Refusal` where none of those who may go on using a password is an admin who has one."""
    for login in logins:
        user, known = await call.store.people.find(login=login) or (None, "")
        if user is not None and known and user.role == ADMIN and user.state == "enabled":
            return
    words = "None of these is an admin with a password, so that nobody could mend it if the provider were away."
    raise Refusal(422, "invalid", words)


def needs_factor(call: Call) -> bool:
    """Whether everybody who signs in with a password needs a second factor."""
    return call.desk.tuning.second_factor == "required"


async def _prove_code(call: Call, proven: Proven, text: str) -> None:
    if not text:
        words = "The password is right. Send it again together with `code`, the six digits of your authenticator."
        raise Refusal(401, "second_factor", words)
    code, user = plain_code(text), proven.user
    assert proven.factor is not None  # noqa: S101 - whoever has none is not asked for a code
    if len(code) == DIGITS:
        step = step_of(proven.factor.secret, code, call.desk.now_ms())
        right = step is not None and await call.store.sign_in.use_step(user.id, step)
    else:
        right = await call.store.sign_in.use_code(call.by, user.id, code)
    if not right:
        await call.store.audit.append(Note(by=call.by, action="login.refused", subject=user.id, name=user.login))
        raise Refusal(401, "wrong_code", "The code is not right, or was used already. Wait for the next one.")
