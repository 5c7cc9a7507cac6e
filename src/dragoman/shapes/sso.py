"""How identity providers are described, and what their groups are given.

Rules. What a provider says of somebody counts only as far as an admin has written here: which of its groups have which
role, whether somebody unknown becomes a user, and whether one who is known is found by an e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.canon.patterns import unsound
from dragoman.canon.wildcards import fits
from dragoman.shapes.fields import PlainName, Word
from dragoman.shapes.secret import Secret

LONGEST_GROUP, MOST_GROUPS = 300, 2_000
"""Characters of a group's name, and groups of a user, that are looked at."""


class GrantTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `grants` of an identity provider: what the members of a group are given"""

    group: Word | None = None
    """The group's name, `*` standing for any characters."""
    pattern: Word | None = None
    """A regular expression that a group's name must match whole, instead of `group`."""
    role: str = ""
    """The role for the whole gateway; empty: none."""
    memberships: dict[Word, Word] = {}
    """By project, the role in it."""


class SsoTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `[[sso]]`: an identity provider (OpenID Connect)"""

    name: PlainName
    """Part of the address that the provider sends people back to."""
    title: str = ""
    """What people are shown."""
    issuer: Word
    client_id: Word
    client_secret: str = ""
    """Empty where the provider knows us as a public client; what we send is bound by PKCE in either case."""
    enabled: bool = True
    private: bool = False
    """Whether it may be within a private network, or be asked by plain HTTP."""
    scopes: tuple[Word, ...] = ("openid", "email", "profile")
    create: bool = False
    """Whether somebody who comes for the first time becomes a user."""
    link: Literal["never", "verified_email"] = "never"
    """Whether somebody who comes for the first time is the user with that e-mail address."""
    domains: tuple[Word, ...] = ()
    """Ends of verified e-mail addresses that may come in, as `example.org`; none: all."""
    groups_claim: Word = "groups"
    """Where the provider tells groups; dots lead deeper, as in `realm_access.roles`."""
    grants: tuple[GrantTable, ...] = ()
    """In their order: the first that fits gives the role, and the first that names a project the role in it."""
    role: str = ""
    """The role of whoever is given none by a group; empty: they are not let in."""
    sync: Literal["always", "first"] = "always"
    """Whether groups count at each sign-in, or at the first only."""


class Granted(Struct, frozen=True):
    """What somebody is given."""

    role: str
    memberships: Mapping[str, str]

    @property
    def nothing(self) -> bool:
        """Whether there is nothing that they could do."""
        return not self.role and not self.memberships


class Sso(Struct, frozen=True, kw_only=True):
    """An identity provider in force."""

    table: SsoTable
    """Without its secret."""
    secret: Secret
    source: Literal["file", "database"] = "database"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.table.name

    @property
    def title(self) -> str:
        """What people are shown."""
        return self.table.title


def granted(table: SsoTable, groups: Collection[str]) -> Granted:
    """What the members of these groups are given."""
    known = [group for group in list(groups)[:MOST_GROUPS] if len(group) <= LONGEST_GROUP]
    fitting = [grant for grant in table.grants if any(_fits(grant, group) for group in known)]
    role = next((grant.role for grant in fitting if grant.role), table.role)
    memberships: dict[str, str] = {}
    for grant in fitting:
        memberships = {**grant.memberships, **memberships}
    return Granted(role, memberships)


def _fits(grant: GrantTable, group: str) -> bool:
    if grant.pattern is not None:
        return re.fullmatch(grant.pattern, group) is not None
    return fits(group, grant.group or "")


def faults_of_sso(table: SsoTable) -> list[str]:
    """What keeps an identity provider from being used, in words."""
    faults = [_fault_of_issuer(table)]
    for place, grant in enumerate(table.grants, 1):
        where = f"`grants[{place}]`"
        if (grant.group is None) == (grant.pattern is None):
            faults.append(f"{where} needs one of `group` and `pattern`.")
        if grant.pattern is not None and (wrong := unsound(grant.pattern)):
            faults.append(f"{where}: the pattern {wrong}.")
        if not grant.role and not grant.memberships:
            faults.append(f"{where} gives nothing. Add `role` or `memberships`.")
    if "openid" not in table.scopes:
        faults.append("`scopes` must hold `openid`.")
    if table.create and not table.grants and not table.role:
        faults.append("Nobody who is made would have a role. Add `role` or `grants`.")
    return [fault for fault in faults if fault]


def roles_of(table: SsoTable) -> frozenset[str]:
    """Every role that it can give."""
    given = (role for grant in table.grants for role in (grant.role, *grant.memberships.values()))
    return frozenset(filter(None, (table.role, *given)))


def _fault_of_issuer(table: SsoTable) -> str:
    """OpenID Connect Discovery 1.0 section 3 (read 2026-11-20): an https address without query and fragment."""
    try:
        parts = urlsplit(table.issuer)
        sound = bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or re.search(r"\s", table.issuer) or parts.query or parts.fragment or parts.username:
        return f"`issuer` is '{table.issuer}', which is no issuer's address."
    if parts.scheme != "https" and not (table.private and parts.scheme == "http"):
        return "`issuer` must be an https address; plain HTTP needs `private = true`."
    return ""
