"""What Claude Code's environment holds behind a gateway, each setting with its reason.

https://code.claude.com/docs/en/llm-gateway and /env-vars (read 2026-11-20).
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.routing.snapshot import Secret

PLACEHOLDER = "dragoman"
"""Sent where the gateway wants no key: without any credential Claude Code asks the user to log in."""
LOOPBACK = "127.0.0.1,localhost"


class Setting(Struct, frozen=True):
    """One variable; `value` None removes what was inherited."""

    name: str
    value: str | None
    reason: str


FIXED = (
    Setting("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1", "The model picker lists what the gateway offers."),
    Setting(
        "CLAUDE_CODE_GATEWAY_HINT_HEADERS",
        "1",
        "Requests say whether they come from the main agent, a sub-agent or a background task.",
    ),
    Setting(
        "API_TIMEOUT_MS",
        "3000000",
        "A long answer of a slow model is not given up after ten minutes; the gateway keeps its own limits.",
    ),
    Setting("ANTHROPIC_API_KEY", None, "Only one credential is sent, and no real key goes to the gateway."),
    Setting("CLAUDE_CODE_OAUTH_TOKEN", None, "The same for a login's token."),
    Setting("CLAUDE_CODE_USE_BEDROCK", None, "Else the base address is ignored."),
    Setting("CLAUDE_CODE_USE_VERTEX", None, "Else the base address is ignored."),
    Setting("CLAUDE_CODE_USE_FOUNDRY", None, "Else the base address is ignored."),
)
ESSENTIAL_ONLY = Setting(
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "1",
    "No session titles, telemetry or update checks; this also turns model discovery off.",
)


def claude_settings(
    url: str, key: Secret | None, environ: Mapping[str, str], *, essential_only: bool
) -> tuple[Setting, ...]:
    """The variables for a gateway at `url`, in the order to tell them."""
    settings = [
        Setting("ANTHROPIC_BASE_URL", url, "Requests go to the gateway."),
        Setting("ANTHROPIC_AUTH_TOKEN", key.reveal() if key else PLACEHOLDER, "The gateway's key, or a placeholder."),
        *FIXED,
    ]
    if essential_only:
        settings.append(ESSENTIAL_ONLY)
    settings.extend(
        Setting(name, _with_loopback(environ.get(name, "")), "Loopback is not asked of the proxy.")
        for name in ("NO_PROXY", "no_proxy")
        if any(environ.get(proxy) for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"))
    )
    return tuple(settings)


def _with_loopback(hosts: str) -> str:
    """A NO_PROXY list that has the loopback addresses."""
    known = [host for host in hosts.split(",") if host.strip()]
    return ",".join([*known, *(host for host in LOOPBACK.split(",") if host not in known)])
