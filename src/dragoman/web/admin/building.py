"""Builds the admin API from its resources."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI

from dragoman.routing.shape import ChannelTable, ProfileTable, ProjectTable
from dragoman.store.ports import Setting
from dragoman.web.admin import channels, keys, ledger, page, people, plans, session, settings, shelves, transfer
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.desk import Desk
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.settings import faults_of_price
from dragoman.web.admin.shelves import Kind
from dragoman.web.admin.throttle import Throttle
from dragoman.web.admin.wire import Refusal
from dragoman.web.setup import SetupToken


def declared(desk: Desk, token: SetupToken) -> Api:
    """Every route of the API."""
    api = Api(desk)
    passwords = Passwords()
    session.routes(api, token, passwords, Throttle())
    people.routes(api, passwords)
    keys.routes(api)
    ledger.routes(api)
    plans.routes(api)
    channels.routes(api)
    page.routes(api)
    settings.routes(api)
    transfer.routes(api)
    shelves.routes(
        api,
        Kind(
            path="/channels",
            spec=ChannelTable,
            of=lambda store: store.configuration.channels,
            faults=faults_of_channel,
        ),
    )
    shelves.routes(
        api,
        Kind(
            path="/profiles",
            spec=ProfileTable,
            of=lambda store: store.configuration.profiles,
            faults=lambda call, table, _: call.desk.faults_of_profile(table),
        ),
    )
    shelves.routes(
        api,
        Kind(path="/projects", spec=ProjectTable, of=lambda store: store.configuration.projects, writes="admin"),
    )
    shelves.routes(
        api,
        Kind(
            path="/prices",
            spec=Setting,
            of=lambda store: store.configuration.prices,
            faults=lambda _, said, __: faults_of_price(said),
            writes="admin",
        ),
    )
    return api


LEADING = ("private", "provider", "base_url", "proxy", "options")
"""Members of a channel that decide where it leads."""


def faults_of_channel(call: Call, table: ChannelTable, before: ChannelTable | None) -> Sequence[str]:
    """What keeps a channel from being used. Raises `Refusal` where only an admin may describe it so."""
    leads_as_before = before is not None and all(getattr(table, name) == getattr(before, name) for name in LEADING)
    if table.private and not leads_as_before and not call.who.may("admin"):
        raise Refusal(403, "forbidden", "Only an admin may describe a channel that leads into a private network.")
    return call.desk.faults_of_channel(table)


def build(desk: Desk, token: SetupToken) -> FastAPI:
    """The API as an ASGI application."""
    return declared(desk, token).application()
