"""Words of GigaChat's chat API, version 2, that several files here need.

Source: the vendor's SDKs for Python 0.2.3 and Java (models of `v2/chat/completions`), with their examples and recorded
answers, read 2026-11-20.
"""

from __future__ import annotations

NAME = "gigachat_v2"
STATE = "tools_state_id"
"""Names the state of the model's tools in requests; answers say `tool_state_id`, or this."""
