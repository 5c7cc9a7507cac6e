"""A real small call on one channel, to see whether it works, and what to do if not."""

from __future__ import annotations

from msgspec import Struct

from dragoman.canon.problem import Kind, Problem
from dragoman.providers.base import Provider


class Finding(Struct, frozen=True, kw_only=True):
    """What a probe of one channel found."""

    channel: str
    model: str
    ok: bool
    message: str
    suggestion: str = ""
    problem: str = ""
    """Kind of the problem; empty if there is none."""
    response_id: str = ""
    took_ms: int = 0


SUGGESTIONS: dict[Kind, str] = {
    Kind.UPSTREAM_CREDENTIAL: "Check the channel's api_key: the provider did not accept it.",
    Kind.UPSTREAM_QUOTA: "Check the account's balance and plan at the provider.",
    Kind.MODEL_NOT_FOUND: "Check the model's name, and that the account may use it.",
    Kind.NOT_FOUND: "Check base_url: the address answers, but has no such path.",
    Kind.RATE_LIMITED: "Wait, or raise the account's rate limit; the channel itself works.",
    Kind.OVERLOADED: "Wait: the provider is overloaded.",
    Kind.UNREACHABLE: "Check base_url, that the server runs, and the network or proxy on the way.",
    Kind.TIMEOUT: "Check the network on the way, or raise the channel's timeouts.",
    Kind.TLS: "Check the address; behind a company proxy, its CA certificate must be trusted.",
    Kind.REDIRECTED: "Set base_url to the address that the redirect leads to.",
    Kind.GARBLED: "Check base_url: what answers there does not speak the provider's dialect.",
    Kind.INVALID_REQUEST: "Check that the channel's provider is the right row; see `dragoman providers`.",
}
"""What to do about each kind of problem a probe may find."""


BUNDLE = "Name the PEM file of the authority that signed it by the channel's options.ca_bundle"
PLAN = "The key is good: choose a model that the account's plan includes, or extend the plan."
SCOPE = "Set the channel's options.scope to what the key was made for, or take the key of that scope."


def suggestion_for(found: Problem, row: Provider) -> str:
    """What to do about a problem that a probe of this provider found."""
    match found.kind:
        case Kind.TLS if "ca_bundle" in row.options:
            return f"{BUNDLE} ({row.options['ca_bundle'].rstrip('.')})."
        case Kind.UPSTREAM_CREDENTIAL if row.token and found.upstream_status == 403:
            return PLAN
        case Kind.UPSTREAM_CREDENTIAL if "option 'scope'" in found.message:
            return SCOPE
    return SUGGESTIONS.get(found.kind, "See the provider's own words and its status page; then try again.")
