"""Faults in which the upstream says no: F20 to F36 and F108, as tables of status, words and headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from tests.standin.acts import Act, Scene, answer, refusal, whole

Doing = Callable[[Scene], Iterator[Act]]


class No(Struct, frozen=True):
    """One refusal; the words differ by dialect only where the vendors' do."""

    status: int
    anthropic: str
    chat: str | None = None
    """None: the same words."""
    code: tuple[str | None, str | None] = (None, None)
    """Anthropic's error type, Chat's code; None: the usual of the status."""
    retry_after: str | None = None

    def __call__(self, scene: Scene) -> Iterator[Act]:
        at_anthropic = scene.voice.dialect == "anthropic"
        words = self.anthropic if at_anthropic or self.chat is None else self.chat
        wait = scene.value if self.retry_after is not None and scene.value is not None else self.retry_after
        headers = () if wait is None else (("retry-after", wait),)
        return refusal(scene, self.status, words, *headers, code=self.code[0 if at_anthropic else 1])


RATE = "Number of request tokens has exceeded your per-minute rate limit"

REFUSALS: dict[str, tuple[str, No]] = {
    "F20": ("429 with a short wait (value: the retry-after)", No(429, RATE, retry_after="1")),
    "F21": ("429 with a wait over 60 s", No(429, RATE, retry_after="120")),
    "F22": ("429 without a wait", No(429, RATE)),
    "F23.429": (
        "429 because the quota is used up",
        No(
            429,
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
            "You exceeded your current quota, please check your plan and billing details.",
            ("billing_error", "insufficient_quota"),
        ),
    ),
    "F23.402": ("402 because the credit is used up", No(402, "Your credit balance is too low", "Insufficient Balance")),
    "F24": ("529, overloaded", No(529, "Overloaded", "The engine is currently overloaded, please try again later")),
    "F25": ("500", No(500, "Internal server error", "The server had an error while processing your request.")),
    "F27": ("503 with a wait (value)", No(503, "Service temporarily unavailable", retry_after="1")),
    "F28.401": ("401 on the key", No(401, "invalid x-api-key", "Incorrect API key provided: sk-stand***in.")),
    "F28.403": ("403 on the key", No(403, "Your API key does not have permission to use the specified resource")),
    "F29": ("402", No(402, "Payment required: add a payment method to continue", "Insufficient Balance")),
    "F30": (
        "404, no such model",
        No(404, "model: no-such-model", "The model `no-such-model` does not exist or you do not have access to it."),
    ),
    "F31": (
        "400 about the request",
        No(
            400,
            "messages.3.content.0: Invalid `signature` in `thinking` block",
            "Invalid value: 'purple'. Supported values are: 'system', 'assistant', 'user', 'function', and 'tool'.",
        ),
    ),
    "F33": ("413", No(413, "Request exceeds the maximum size", "Request too large")),
    "F34.408": ("408", No(408, "Request timeout")),
    "F34.409": ("409", No(409, "Conflict with another request")),
    "F34.425": ("425", No(425, "Too early")),
    "F36.400": (
        "400 by the vendor's policy",
        No(
            400,
            "Output blocked by content filtering policy",
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            (None, "content_filter"),
        ),
    ),
}

ODD_WAITS = {
    "negative": "-1",
    "nan": "NaN",
    "huge": "1e9",
    "fraction": "0.75",
    "words": "soon",
    "empty": "",
    "infinite": "inf",
    "past_date": "Thu, 01 Jan 1970 00:00:00 GMT",
    "far_date": "Fri, 31 Dec 2199 23:59:59 GMT",
    "odd_date": "31/12/2199 25:61",
}
"""F108: what has been seen in `retry-after`."""

TOO_LONG: dict[str, tuple[int, str | Any]] = {
    "anthropic": (400, "prompt is too long: 210431 tokens > 200000 maximum"),
    "anthropic_sum": (
        400,
        "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000, decrease input length or "
        "`max_tokens` and try again",
    ),
    "bedrock": (400, "Input is too long for requested model."),
    "openai": (
        400,
        {
            "message": "This model's maximum context length is 128000 tokens. However, your messages resulted in "
            "140000 tokens. Please reduce the length of the messages.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
    ),
    "openai_window": (
        400,
        {
            "message": "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "type": "invalid_request_error",
            "param": "input",
            "code": "context_length_exceeded",
        },
    ),
    "deepseek": (
        400,
        "This model's maximum context length is 131072 tokens. However, you requested 140000 tokens (132000 in the "
        "messages, 8000 in the completion). Please reduce the length of the messages or completion.",
    ),
    "moonshot": (400, "Invalid request: Your request exceeded model token limit: 131072 (requested: 140000)"),
    "zhipu": (400, {"code": "1261", "message": "Prompt exceeds max length"}),
    "qwen": (
        400,
        {
            "message": "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_parameter_error",
        },
    ),
    "openrouter": (
        400,
        {
            "message": "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 "
            "tokens (132000 of text input, 8000 in the output). Please reduce the length of either one, or use the "
            '"middle-out" transform to compress your prompt automatically.',
            "code": 400,
        },
    ),
    "llama_cpp": (
        400,
        {
            "code": 400,
            "message": "the request exceeds the available context size (8192 tokens), try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 9000,
            "n_ctx": 8192,
        },
    ),
    "groq": (
        400,
        {
            "message": "Please reduce the length of the messages or completion.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
    ),
    "fireworks": (400, "The prompt is too long: 140000, model maximum context length: 131071"),
    "together": (400, "`inputs` tokens + `max_new_tokens` must be <= 131073. Given: 140000 `inputs` tokens"),
    "github_models": (
        413,
        {
            "code": "tokens_limit_reached",
            "message": "Request body too large for gpt-4o model. Max size: 8000 tokens.",
            "details": "Request body too large for gpt-4o model. Max size: 8000 tokens.",
        },
    ),
}
"""F32: status, and the error object, or only its message for the dialect's own envelope."""

TOO_LONG_BARE: dict[str, Any] = {
    "vllm_flat": {
        "object": "error",
        "message": "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens in the "
        "messages, Please reduce the length of the messages.",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    },
    "mistral": {
        "object": "error",
        "message": "Prompt contains 140000 tokens and 0 draft tokens, too large for model with 131072 maximum "
        "context length",
        "type": "invalid_request_invalid_args",
        "param": None,
        "code": "3051",
    },
    "xai": {
        "code": "Client specified an invalid argument",
        "error": "This model's maximum prompt length is 131072 but the request contains 140000 tokens.",
    },
    "lm_studio": {
        "error": "Trying to keep the first 9000 tokens when context the overflows. However, the model is loaded with "
        "context length of only 4096 tokens, which is not enough."
    },
    "gemini_list": [
        {
            "error": {
                "code": 400,
                "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                "status": "INVALID_ARGUMENT",
            }
        }
    ],
}
"""F32 once more: bodies that have an envelope of their own."""

HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>%s</h1></body></html>"


def too_long(name: str) -> Doing:
    """A vendor's way of saying that the prompt does not fit."""

    def act(scene: Scene) -> Iterator[Act]:
        if name in TOO_LONG_BARE:
            return whole(scene, TOO_LONG_BARE[name], status=400)
        status, words = TOO_LONG[name]
        if isinstance(words, str):
            return refusal(scene, status, words)
        return whole(scene, {"error": words}, status=status)

    return act


def odd_wait(value: str) -> Doing:
    return No(429, RATE, retry_after=value)


def page(status: int) -> Doing:
    """An HTML page of a proxy in front of the vendor."""

    def act(scene: Scene) -> Iterator[Act]:
        html = HTML % f"{status} standin page".encode()
        return whole(scene, html, ("content-type", "text/html; charset=utf-8"), status=status)

    return act


def redirect(status: int) -> Doing:
    """A redirect to the canary (or to the value)."""

    def act(scene: Scene) -> Iterator[Act]:
        return whole(scene, b"", ("location", scene.value or scene.canary), status=status)

    return act


def milliseconds(scene: Scene) -> Iterator[Act]:
    """429 with the SDKs' own finer header."""
    return refusal(scene, 429, RATE, ("retry-after-ms", scene.value or "750"))


def error_in_200(scene: Scene) -> Iterator[Act]:
    """Status 200, JSON, and the error inside (value: the error's status)."""
    status = int(scene.value or "429")
    return whole(scene, scene.voice.error(status, RATE, None, None))


def declined(scene: Scene) -> Iterator[Act]:
    """The answer itself: its stop reason is a refusal."""
    return answer(scene)
