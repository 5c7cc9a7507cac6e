"""What the tests with vendors' SDKs share."""

from __future__ import annotations

from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.sdks.refusals import MODELS_THAT_REFUSE
from tests.sdks.stage import Stage, stage


@pytest.fixture(scope="package")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("gateway"), MODELS_THAT_REFUSE) as opened:
        yield opened


@pytest.fixture
def scene(_stage: Stage) -> Stage:
    """The gateway and its upstream, which remembers nothing of other tests."""
    _stage.upstream.forget()
    return _stage


@pytest.fixture(scope="package")
def claude(_stage: Stage) -> Iterator[anthropic.Anthropic]:
    """Anthropic's SDK, pointed at the gateway."""
    with anthropic.Anthropic(base_url=_stage.url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def chat(_stage: Stage) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{_stage.url}/v1", api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def claude_straight(_stage: Stage) -> Iterator[anthropic.Anthropic]:
    """Anthropic's SDK, pointed at the upstream."""
    with anthropic.Anthropic(base_url=_stage.upstream.url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture(scope="package")
def chat_straight(_stage: Stage) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK, pointed at the upstream."""
    with openai.OpenAI(base_url=f"{_stage.upstream.url}/v1", api_key="key", max_retries=0) as client:
        yield client
