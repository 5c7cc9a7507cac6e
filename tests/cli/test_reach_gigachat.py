"""What is wrong with a GigaChat channel is named with its remedy."""

from __future__ import annotations

import pytest

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.providers.catalog import catalog
from dragoman.providers.gigachat import read_token
from dragoman.relay.probe import suggestion_for

ROW = catalog()["gigachat"]
REFUSALS = {
    "a scope that is not the key's": (400, b'{"code":7,"message":"scope"}', "options.scope"),
    "a wrong key": (401, b'{"code":6,"message":"credentials"}', "api_key"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_of_the_token_endpoint_has_its_remedy(case: str) -> None:
    status, body, remedy = REFUSALS[case]

    with pytest.raises(Trouble) as refused:
        read_token(status, {}, body)

    assert remedy in suggestion_for(refused.value.problem, ROW)


def test_a_certificate_that_is_not_trusted_has_its_remedy() -> None:
    assert "options.ca_bundle" in suggestion_for(problem(Kind.TLS, "Not accepted."), ROW)
    assert "options.ca_bundle" not in suggestion_for(problem(Kind.TLS, "Not accepted."), catalog()["openai"])
