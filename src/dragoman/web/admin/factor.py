"""Second factors: proposed, confirmed by a right code, and removed. Each step proves the password anew."""

from __future__ import annotations

from fastapi import Response
from msgspec import Struct

from dragoman.store.ports import Note
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.giving import check_over
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.proof import Claim, needs_factor, prove, prove_password
from dragoman.web.admin.session import Me, begin
from dragoman.web.admin.totp import address_of, new_codes, new_secret, plain_code, shown, step_of
from dragoman.web.admin.wire import Refusal, answer, nothing


class Proposed(Struct, frozen=True, kw_only=True):
    """A second factor to be put into an authenticator; told once."""

    secret: str
    """As it is typed."""
    uri: str
    """As it is shown in a picture."""


class Codes(Struct, frozen=True, kw_only=True):
    """Recovery codes, told once: each opens the account once without its authenticator."""

    recovery_codes: tuple[str, ...]


class HasFactor(Struct, frozen=True, kw_only=True):
    """A user who has a second factor."""

    id: str
    login: str


def routes(api: Api, passwords: Passwords) -> None:
    """Declares the routes."""
    _routes_of_ones_own(api, passwords)
    _routes_of_others(api)


def _routes_of_ones_own(api: Api, passwords: Passwords) -> None:
    @api.route("POST", "/session/second-factor", needs="anyone", wide=False, reads=Claim, tells=Proposed)
    async def propose(call: Call) -> Response:
        """Makes a second factor for one's login and password, which is asked for once it is confirmed."""
        proven = await prove_password(call, passwords, await call.body(Claim))
        if proven.has_factor:
            raise Refusal(
                409, "has_factor", "There is a second factor already. Remove it first, with one of its codes."
            )
        secret = new_secret()
        await call.store.sign_in.propose_factor(call.by, proven.user.id, secret)
        await proven.guess.right()
        return answer(Proposed(secret=shown(secret), uri=address_of(secret, proven.user.login)))

    @api.route("PUT", "/session/second-factor", needs="anyone", wide=False, reads=Claim, tells=Me)
    async def confirm(call: Call) -> Response:
        """Confirms it by its first code, ends the other sessions, and signs in."""
        said = await call.body(Claim)
        proven = await prove_password(call, passwords, said)
        user, factor = proven.user, proven.factor
        if factor is None or proven.has_factor:
            raise Refusal(409, "no_proposal", "There is no second factor to be confirmed. Ask for one first.")
        step = step_of(factor.secret, plain_code(said.code), call.desk.now_ms())
        codes = new_codes()
        if step is None or not await call.store.sign_in.confirm_factor(call.by, user.id, step, codes):
            raise Refusal(401, "wrong_code", "The code is not right. Look at the clocks of both machines.")
        await proven.guess.right()
        return await begin(call, user, "second_factor", codes=codes)

    @api.route("POST", "/session/recovery-codes", needs="anyone", wide=False, reads=Claim, tells=Codes)
    async def renew(call: Call) -> Response:
        """Makes new recovery codes; those before open nothing any more."""
        proven = await prove(call, passwords, await call.body(Claim))
        if not proven.has_factor:
            raise Refusal(409, "no_factor", "There is no second factor.")
        codes = new_codes()
        await call.store.sign_in.renew_codes(call.by, proven.user.id, codes)
        return answer(Codes(recovery_codes=codes))

    @api.route("POST", "/session/second-factor/removal", needs="anyone", wide=False, reads=Claim, status=204)
    async def remove(call: Call) -> Response:
        """Removes one's second factor, by one of its codes, and ends all sessions."""
        proven = await prove(call, passwords, await call.body(Claim))
        if needs_factor(call):
            raise Refusal(409, "required", "A second factor is needed here. An admin can reset yours, for another one.")
        await call.store.sign_in.drop_factor(call.by, proven.user.id)
        return nothing()


def _routes_of_others(api: Api) -> None:
    @api.route("GET", "/second-factors", needs="users:read", tells=list[HasFactor])
    async def show(call: Call) -> Response:
        """The users who have a second factor."""
        with_factor = await call.store.sign_in.factors()
        users = await call.store.people.users()
        return answer([HasFactor(id=user.id, login=user.login) for user in users if user.id in with_factor])

    @api.route("DELETE", "/users/{id}/second-factor", needs="users:write", status=204)
    async def reset(call: Call) -> Response:
        """Takes another user's second factor away, who has lost it, and ends all their sessions."""
        user = await call.store.people.user(call.id)
        if user.id == call.who.user.id:
            raise Refusal(409, "own_factor", "One's own is removed with one of its codes, or by another admin.")
        await check_over(call, user)
        if not await call.store.sign_in.drop_factor(call.by, user.id):
            raise Refusal(404, "missing", f"'{user.login}' has no second factor.")
        await call.store.audit.append(Note(by=call.by, action="factor.reset", subject=user.id, name=user.login))
        return nothing()
