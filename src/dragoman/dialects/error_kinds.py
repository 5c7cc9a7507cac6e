"""Tables between the errors that are said as OpenAI says them and kinds of problem, both ways.

Source: error pages of OpenAI, Azure, OpenRouter, DeepSeek, Ollama, vLLM and Mistral, and the bodies users report, read
2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dragoman.canon.problem import Kind

BY_STATUS: Mapping[int, Kind] = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UPSTREAM_CREDENTIAL,
    402: Kind.UPSTREAM_QUOTA,
    403: Kind.UPSTREAM_CREDENTIAL,
    404: Kind.NOT_FOUND,
    405: Kind.NOT_FOUND,
    408: Kind.TIMEOUT,
    409: Kind.CONFLICT,
    413: Kind.TOO_LARGE,
    415: Kind.INVALID_REQUEST,
    422: Kind.INVALID_REQUEST,
    425: Kind.CONFLICT,
    429: Kind.RATE_LIMITED,
    498: Kind.OVERLOADED,
    499: Kind.UPSTREAM_ERROR,
    503: Kind.OVERLOADED,
    504: Kind.TIMEOUT,
    524: Kind.TIMEOUT,
    529: Kind.OVERLOADED,
}
"""Kind of each status. 498 is Groq's "capacity exceeded", 524 Cloudflare's "origin timed out"."""

BY_CODE: Mapping[str, Kind] = {
    "context_length_exceeded": Kind.PROMPT_TOO_LONG,
    "context_window_exceeded": Kind.PROMPT_TOO_LONG,
    "model_max_prompt_tokens_exceeded": Kind.PROMPT_TOO_LONG,
    "exceed_context_size_error": Kind.PROMPT_TOO_LONG,
    "tokens_limit_reached": Kind.PROMPT_TOO_LONG,
    "content_filter": Kind.REFUSED,
    "content_policy_violation": Kind.REFUSED,
    "data_inspection_failed": Kind.REFUSED,
    "ResponsibleAIPolicyViolation": Kind.REFUSED,
    "model_not_found": Kind.MODEL_NOT_FOUND,
    "DeploymentNotFound": Kind.MODEL_NOT_FOUND,
    "invalid_model": Kind.MODEL_NOT_FOUND,
    "insufficient_quota": Kind.UPSTREAM_QUOTA,
    "billing_hard_limit_reached": Kind.UPSTREAM_QUOTA,
    "quota_exceeded": Kind.UPSTREAM_QUOTA,
    "exceeded_current_quota_error": Kind.UPSTREAM_QUOTA,
    "Arrearage": Kind.UPSTREAM_QUOTA,
    "invalid_api_key": Kind.UPSTREAM_CREDENTIAL,
    "API_KEY_INVALID": Kind.UPSTREAM_CREDENTIAL,
    "authentication_error": Kind.UPSTREAM_CREDENTIAL,
    "rate_limit_exceeded": Kind.RATE_LIMITED,
    "rate_limit_error": Kind.RATE_LIMITED,
    "rate_limit_reached_error": Kind.RATE_LIMITED,
    "too_many_requests": Kind.RATE_LIMITED,
    "engine_overloaded_error": Kind.OVERLOADED,
    "overloaded_error": Kind.OVERLOADED,
    "overloaded": Kind.OVERLOADED,
    "server_is_overloaded": Kind.OVERLOADED,
    "service_unavailable": Kind.OVERLOADED,
    "timeout_error": Kind.TIMEOUT,
    "server_error": Kind.UPSTREAM_ERROR,
    "internal_server_error": Kind.UPSTREAM_ERROR,
    "api_error": Kind.UPSTREAM_ERROR,
    "invalid_request_error": Kind.INVALID_REQUEST,
    "BadRequestError": Kind.INVALID_REQUEST,
}
"""Kind of each code or type that vendors use."""

DECISIVE: Mapping[int, frozenset[Kind]] = {
    400: frozenset(
        {Kind.PROMPT_TOO_LONG, Kind.REFUSED, Kind.MODEL_NOT_FOUND, Kind.UPSTREAM_QUOTA, Kind.UPSTREAM_CREDENTIAL}
    ),
    402: frozenset(),
    403: frozenset({Kind.UPSTREAM_QUOTA, Kind.REFUSED, Kind.MODEL_NOT_FOUND}),
    404: frozenset({Kind.MODEL_NOT_FOUND}),
    413: frozenset({Kind.PROMPT_TOO_LONG}),
    422: frozenset({Kind.PROMPT_TOO_LONG, Kind.REFUSED, Kind.MODEL_NOT_FOUND}),
    429: frozenset({Kind.UPSTREAM_QUOTA, Kind.OVERLOADED}),
    500: frozenset({Kind.OVERLOADED}),
    503: frozenset({Kind.RATE_LIMITED}),
}
"""Kinds that a code may make of a status; any other code leaves the status its own meaning."""

TOO_LONG = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"maximum context length is (?P<most>\d+) tokens.*?(?:resulted in|requested(?: about)?) (?P<used>\d+) tokens",
        r"maximum context length(?: of| is)? (?P<most>\d+)(?: tokens)?.*?(?P<used>\d+) (?:input )?tokens",
        r"passed (?P<used>\d+) input tokens.*?maximum (?:input|context) length is (?:only )?(?P<most>\d+)",
        r"prompt \((?:length )?(?P<used>\d+)(?: tokens)?\).*?(?:maximum|max|longer).*?(?P<most>\d+)",
        r"(?P<used>\d+) tokens > (?P<most>\d+)",
        r"prompt (?:contains|has|of) (?P<used>\d+) tokens.*?(?P<most>\d{3,})",
        r"token count of (?P<used>\d+) exceeds the limit of (?P<most>\d+)",
        r"input token count \((?P<used>\d+)\) exceeds the maximum number of tokens allowed \((?P<most>\d+)\)",
        r"request \((?P<used>\d+) tokens\) exceeds the available context size \((?P<most>\d+) tokens\)",
        r"Range of input length should be \[\d+, (?P<most>\d+)\]",
        r"exceeded model token limit: (?P<most>\d+)",
        r"maximum prompt length is (?P<most>\d+) but the request contains (?P<used>\d+) tokens",
        r"`inputs` tokens \+ `max_new_tokens` must be <= (?P<most>\d+)\. Given: (?P<used>\d+)",
        r"context (?:length|window|size) (?:has been |is |was )?exceed(?:s|ed)?",
        r"exceed(?:s|ed)? (?:the )?(?:model'?s? )?(?:maximum |max |available )?(?:context|token limit)",
        r"(?:prompt|input|conversation) (?:(?:is |was )?too (?:long|large)|exceeds max length)",
        r"first (?P<used>\d+) tokens when context the overflows.*?context length of only (?P<most>\d+) tokens",
        r"please reduce the length of (?:the|your) (?:messages|prompt|input)",
    )
)
"""Wordings of "the prompt is too long", the ones that tell numbers first."""

REFUSALS = re.compile(
    r"content management policy|content[ _]filter|content policy|usage policies|safety system|inappropriate content|"
    r"content exists risk|moderation",
    re.IGNORECASE,
)
NO_MODEL = re.compile(
    r"model\b.{0,80}(?:does not exist|not found|is not available|not supported|unknown)|"
    r"(?:no such|unknown|invalid) model|is not a valid model",
    re.IGNORECASE | re.DOTALL,
)
NO_MONEY = re.compile(
    r"exceeded your current quota|insufficient (?:balance|credit|funds|quota)|credit balance|more credits|"
    r"billing|payment required|key limit exceeded|monthly (?:spend|usage) limit",
    re.IGNORECASE,
)

TOLD: Mapping[Kind, str] = {
    Kind.UPSTREAM_CREDENTIAL: "The provider was asked with the gateway's credential and refused it. "
    "Whoever runs this gateway must renew it.",
    Kind.UPSTREAM_QUOTA: "The provider was asked, but the gateway's account there has no credit or quota left. "
    "Whoever runs this gateway must renew it.",
}
"""Words for what must not be quoted to a client, for it speaks of our account."""
ADVICE: Mapping[Kind, str] = {
    Kind.INVALID_REQUEST: "Change the request accordingly.",
    Kind.TOO_LARGE: "Send less.",
    Kind.REFUSED: "Change the prompt.",
    Kind.NOT_FOUND: "Whoever runs this gateway should check the provider's address.",
    Kind.MODEL_NOT_FOUND: "Choose a model that the provider offers.",
    Kind.REDIRECTED: "Whoever runs this gateway should check the provider's address.",
}
QUOTED = frozenset(
    {Kind.INVALID_REQUEST, Kind.PROMPT_TOO_LONG, Kind.TOO_LARGE, Kind.UNSUPPORTED, Kind.REFUSED, Kind.MODEL_NOT_FOUND}
)
"""Kinds whose original body a client of this wire gets word for word: it is about the request, not about us."""

FINAL = "upstream_error"
"""The type of what asking again cannot mend, for opencode 1.18.33 asks again without end after any `server_error`
(measured 2026-11-20)."""

AS_WRITTEN: Mapping[Kind, tuple[str, str | None]] = {
    Kind.INVALID_REQUEST: ("invalid_request_error", None),
    Kind.PROMPT_TOO_LONG: ("invalid_request_error", "context_length_exceeded"),
    Kind.TOO_LARGE: ("invalid_request_error", "request_too_large"),
    Kind.UNSUPPORTED: ("invalid_request_error", "unsupported_value"),
    Kind.AUTHENTICATION: ("invalid_request_error", "invalid_api_key"),
    Kind.PERMISSION: ("invalid_request_error", "permission_denied"),
    Kind.BILLING: ("insufficient_quota", "insufficient_quota"),
    Kind.NOT_FOUND: ("invalid_request_error", "not_found"),
    Kind.MODEL_NOT_FOUND: ("invalid_request_error", "model_not_found"),
    Kind.CONFLICT: ("invalid_request_error", "conflict"),
    Kind.RATE_LIMITED: ("rate_limit_error", "rate_limit_exceeded"),
    Kind.OVERLOADED: ("server_error", "overloaded"),
    Kind.TIMEOUT: ("server_error", "timeout"),
    Kind.UNREACHABLE: ("server_error", "upstream_unreachable"),
    Kind.TLS: (FINAL, "upstream_tls"),
    Kind.REDIRECTED: (FINAL, "upstream_redirected"),
    Kind.UPSTREAM_CREDENTIAL: (FINAL, "upstream_credential"),
    Kind.UPSTREAM_QUOTA: (FINAL, "upstream_quota"),
    Kind.UPSTREAM_ERROR: ("server_error", "upstream_error"),
    Kind.GARBLED: ("server_error", "upstream_garbled"),
    Kind.CUT_SHORT: ("server_error", "upstream_cut_short"),
    Kind.REFUSED: ("invalid_request_error", "content_policy_violation"),
    Kind.INTERNAL: ("server_error", "internal_error"),
}
"""`type` and `code` of each kind, for a client of this wire."""
