"""What each door says to an SDK when the upstream refuses: one row per fault, with what the SDK must raise."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import anthropic
import openai

from tests.sdks.stage import WIRES, fault_model


class Refusal(NamedTuple):
    """How one fault of the upstream must look to the SDKs."""

    status: int
    claude: type[anthropic.APIStatusError]
    chat: type[openai.APIStatusError]
    error_type: str
    """Anthropic's word for it."""
    again: bool
    """Whether the client may try again."""
    wait: str | None = None
    """What `retry-after` must say; None: not looked at."""
    words: str = ""
    """What the message must hold."""


REFUSALS: dict[str, Refusal] = {
    "F20": Refusal(429, anthropic.RateLimitError, openai.RateLimitError, "rate_limit_error", True, wait="7"),
    "F21": Refusal(429, anthropic.RateLimitError, openai.RateLimitError, "rate_limit_error", True, wait="120"),
    "F22": Refusal(429, anthropic.RateLimitError, openai.RateLimitError, "rate_limit_error", True),
    "F23.429": Refusal(502, anthropic.InternalServerError, openai.InternalServerError, "api_error", False),
    "F23.402": Refusal(502, anthropic.InternalServerError, openai.InternalServerError, "api_error", False),
    "F24": Refusal(529, anthropic.OverloadedError, openai.InternalServerError, "overloaded_error", True),
    "F25": Refusal(502, anthropic.InternalServerError, openai.InternalServerError, "api_error", True),
    "F26.503": Refusal(529, anthropic.OverloadedError, openai.InternalServerError, "overloaded_error", True),
    "F28.401": Refusal(502, anthropic.InternalServerError, openai.InternalServerError, "api_error", False),
    "F28.403": Refusal(502, anthropic.InternalServerError, openai.InternalServerError, "api_error", False),
    "F30": Refusal(404, anthropic.NotFoundError, openai.NotFoundError, "not_found_error", False),
    "F31": Refusal(400, anthropic.BadRequestError, openai.BadRequestError, "invalid_request_error", False),
    "F32.anthropic": Refusal(
        400,
        anthropic.BadRequestError,
        openai.BadRequestError,
        "invalid_request_error",
        False,
        words="prompt is too long: 210431 tokens > 200000 maximum",
    ),
    "F32.openai": Refusal(
        400,
        anthropic.BadRequestError,
        openai.BadRequestError,
        "invalid_request_error",
        False,
        words="140000",
    ),
    "F33": Refusal(413, anthropic.RequestTooLargeError, openai.APIStatusError, "request_too_large", False),
    "F36.400": Refusal(400, anthropic.BadRequestError, openai.BadRequestError, "invalid_request_error", False),
}


DOORS = ("claude", "chat")
MODES = ("stream", "whole")
MODELS_THAT_REFUSE = [
    (fault_model(fault, wire, door, mode), wire) for fault, wire, door, mode in product(REFUSALS, WIRES, DOORS, MODES)
]
"""One model, and with it one channel, for each test: a channel that cools down would change what the next one sees."""
