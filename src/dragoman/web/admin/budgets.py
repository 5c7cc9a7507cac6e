"""What has been used of budgets."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Response
from msgspec import Struct

from dragoman.ledger.period import period, zone_of
from dragoman.shapes.budget import BudgetTable
from dragoman.store.ports import Payer, Spent
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.channels import in_force
from dragoman.web.admin.wire import Refusal, answer


class Used(Struct, frozen=True, kw_only=True):
    """What was used of one budget in the period that is not over."""

    window: str
    budget: BudgetTable
    since_ms: int
    until_ms: int
    """Of a time just gone, the end of its running step."""
    spent: Spent


async def used_of(call: Call, payer: Payer, budgets: Iterable[BudgetTable]) -> list[Used]:
    """What was used of each of these budgets."""
    now_ms, found = call.desk.now_ms(), []
    for budget in budgets:
        zone = zone_of(budget.zone or call.desk.tuning.zone or "UTC")
        since_ms, until_ms = period(budget.window, now_ms, zone)
        (spent,) = await call.store.ledger.spent(payer, since_ms, models=budget.models)
        found.append(Used(window=budget.window, budget=budget, since_ms=since_ms, until_ms=until_ms, spent=spent))
    return found


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/projects/{id}/usage", needs="projects:read", wide=False, tells=list[Used])
    async def of_project(call: Call) -> Response:
        """What all keys of a project have used of each of its budgets."""
        spec = (await call.store.configuration.projects.get(call.id)).spec
        if not call.who.may("projects:read", spec.name):
            raise Refusal(404, "missing", "There is no such project.")
        return answer(await used_of(call, Payer("project", spec.name), spec.budgets))

    @api.route("GET", "/channels/{id}/usage", needs="channels:read", tells=list[Used])
    async def of_channel(call: Call) -> Response:
        """What was spent on a channel of each of its budgets, overhead included."""
        channel = await in_force(call)
        return answer(await used_of(call, Payer("channel", channel.name), channel.budgets))

    @api.route("GET", "/users/{id}/usage", needs="users:read", tells=list[Used])
    async def of_user(call: Call) -> Response:
        """What the keys that belong to a user have used of each budget that users have."""
        user = await call.store.people.user(call.id)
        return answer(await used_of(call, Payer("user", user.login), call.desk.tuning.user_budgets or ()))
