"""The vendor's words for what the canon names, both ways.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from dragoman.canon.events import Reason
from dragoman.canon.problem import Kind

NAME = "anthropic"
"""The dialect's name."""

REASONS: dict[str, Reason] = {
    "end_turn": "end",
    "tool_use": "tool_calls",
    "max_tokens": "max_output",
    "stop_sequence": "stop_sequence",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context_full",
}
"""Reasons by `stop_reason`; any other word is `unknown`, never an end."""
STOP_REASONS: dict[Reason, str] = {reason: word for word, reason in REASONS.items()}

ERROR_TYPES: dict[Kind, str] = {
    Kind.INVALID_REQUEST: "invalid_request_error",
    Kind.PROMPT_TOO_LONG: "invalid_request_error",
    Kind.TOO_LARGE: "request_too_large",
    Kind.UNSUPPORTED: "invalid_request_error",
    Kind.AUTHENTICATION: "authentication_error",
    Kind.PERMISSION: "permission_error",
    Kind.BILLING: "rate_limit_error",
    Kind.NOT_FOUND: "not_found_error",
    Kind.MODEL_NOT_FOUND: "not_found_error",
    Kind.CONFLICT: "conflict_error",
    Kind.RATE_LIMITED: "rate_limit_error",
    Kind.OVERLOADED: "overloaded_error",
    Kind.TIMEOUT: "timeout_error",
    Kind.UNREACHABLE: "api_error",
    Kind.TLS: "api_error",
    Kind.REDIRECTED: "api_error",
    Kind.UPSTREAM_CREDENTIAL: "api_error",
    Kind.UPSTREAM_QUOTA: "api_error",
    Kind.UPSTREAM_ERROR: "api_error",
    Kind.GARBLED: "api_error",
    Kind.CUT_SHORT: "api_error",
    Kind.REFUSED: "invalid_request_error",
    Kind.INTERNAL: "api_error",
}
"""`error.type` that a client is told for each kind."""

KINDS_BY_TYPE: dict[str, Kind] = {
    "invalid_request_error": Kind.INVALID_REQUEST,
    "authentication_error": Kind.UPSTREAM_CREDENTIAL,
    "billing_error": Kind.UPSTREAM_QUOTA,
    "permission_error": Kind.UPSTREAM_CREDENTIAL,
    "not_found_error": Kind.NOT_FOUND,
    "conflict_error": Kind.CONFLICT,
    "request_too_large": Kind.TOO_LARGE,
    "rate_limit_error": Kind.RATE_LIMITED,
    "api_error": Kind.UPSTREAM_ERROR,
    "timeout_error": Kind.TIMEOUT,
    "overloaded_error": Kind.OVERLOADED,
}
"""What an upstream's `error.type` means; a credential that it refuses is ours, never the client's."""

KINDS_BY_STATUS: dict[int, Kind] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UPSTREAM_CREDENTIAL,
    402: Kind.UPSTREAM_QUOTA,
    403: Kind.UPSTREAM_CREDENTIAL,
    404: Kind.MODEL_NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    422: Kind.INVALID_REQUEST,
    425: Kind.CONFLICT,
    429: Kind.RATE_LIMITED,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
"""What an upstream's status means; other 3xx, 4xx and 5xx are in `errors.kind_of_status`."""
