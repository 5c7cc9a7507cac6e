"""Azure OpenAI's older addresses, as the vendor's SDK asks by them: the path names the model."""

from __future__ import annotations

import openai
import pytest

from tests.faults.gateway import MODEL, Served
from tests.standin import said
from tests.web.stage import ASKED, ask, before


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic"])
def test_azures_sdk_is_answered(locked: Served, wire: str) -> None:
    client = openai.AzureOpenAI(
        azure_endpoint=locked.url, api_key="right", api_version="2024-10-21", azure_deployment=ASKED, max_retries=0
    )
    with client, before(locked, wire, said("Here.")) as upstream:
        answer = client.chat.completions.create(model="whatever", messages=[{"role": "user", "content": "Hi"}])

    assert answer.choices[0].message.content == "Here."
    assert upstream.requests[0].body["model"] == MODEL


def test_a_body_need_not_name_the_model(served: Served) -> None:
    with before(served, "openai_chat", said("Here.")):
        body = {"messages": [{"role": "user", "content": "Hi"}]}
        answer = ask(served, f"/openai/deployments/{ASKED}/chat/completions?api-version=2024-10-21", body)

    assert answer.status == 200, answer.body
    assert ask(served, f"/openai/deployments/{ASKED}/nothing", body).status == 404
