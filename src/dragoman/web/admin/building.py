"""Builds the admin API from its resources."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from dragoman.shapes.access import ProjectTable
from dragoman.shapes.changes import OverrideTable
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.model import ModelTable
from dragoman.shapes.profile import ProfileTable
from dragoman.shapes.sso import SsoTable
from dragoman.store.ports import Setting
from dragoman.web.admin import (
    bills,
    budgets,
    bulk,
    channels,
    factor,
    invitations,
    keys,
    ledger,
    members,
    models,
    page,
    people,
    plans,
    roles,
    session,
    settings,
    shelves,
    sso,
    tokens,
    transfer,
)
from dragoman.web.admin.api import Api
from dragoman.web.admin.desk import Desk
from dragoman.web.admin.moving import admit, faults_of_channel
from dragoman.web.admin.passwords import Passwords
from dragoman.web.admin.settings import faults_of_price
from dragoman.web.admin.shelves import Kind
from dragoman.web.setup import SetupToken

KINDS: tuple[Kind[Any], ...] = (
    Kind(
        path="/channels",
        spec=ChannelTable,
        of=lambda store: store.configuration.channels,
        faults=faults_of_channel,
        remarks=lambda call, table: call.desk.remarks_on_channel(table) if table.enabled else (),
        admit=lambda call, said, before: admit(call, before, said.spec or before, keep_secrets=said.keep_secrets),
    ),
    Kind(
        path="/overrides",
        spec=OverrideTable,
        of=lambda store: store.configuration.overrides,
        faults=lambda call, table, _: call.desk.faults_of_overrides(table),
    ),
    Kind(
        path="/profiles",
        spec=ProfileTable,
        of=lambda store: store.configuration.profiles,
        faults=lambda call, table, _: call.desk.faults_of_profile(table),
    ),
    Kind(
        path="/projects",
        spec=ProjectTable,
        of=lambda store: store.configuration.projects,
        project_of=lambda table: table.name,
        faults=lambda call, table, _: call.desk.faults_of_project(table),
    ),
    Kind(
        path="/models",
        spec=ModelTable,
        of=lambda store: store.configuration.models,
        faults=models.faults,
    ),
    Kind(
        path="/prices",
        spec=Setting,
        of=lambda store: store.configuration.prices,
        faults=lambda _, said, __: faults_of_price(said),
    ),
    Kind(path="/sso", spec=SsoTable, of=lambda store: store.configuration.sso, faults=sso.faults),
)
"""What is configured, each kind in one manner."""


def declared(desk: Desk, token: SetupToken) -> Api:
    """Every route of the API."""
    api = Api(desk)
    passwords = Passwords()
    session.routes(api, token, passwords)
    factor.routes(api, passwords)
    sso.routes(api, desk)
    people.routes(api, passwords)
    roles.routes(api)
    members.routes(api)
    invitations.routes(api, passwords)
    tokens.routes(api)
    keys.routes(api)
    budgets.routes(api)
    bills.routes(api)
    ledger.routes(api)
    plans.routes(api)
    channels.routes(api)
    models.routes(api)
    bulk.routes(api)
    page.routes(api)
    settings.routes(api)
    transfer.routes(api)
    for kind in KINDS:
        shelves.routes(api, kind)
    return api


def build(desk: Desk, token: SetupToken) -> FastAPI:
    """The API as an ASGI application."""
    return declared(desk, token).application()
