"""The demo model's server, asked by the vendor's own SDK."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletionToolParam

from dragoman.demo.server import start

TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": properties}}}
    for name, properties in (
        ("Write", {"file_path": {"type": "string"}, "content": {"type": "string"}}),
        ("Bash", {"command": {"type": "string"}}),
    )
]


def ask(act: Callable[[openai.AsyncOpenAI], Awaitable[None]]) -> None:
    """Runs an act against a server of its own, and stops it."""

    async def whole() -> None:
        url, stop = await start(pause_s=0)
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            await act(client)
        await stop()

    asyncio.run(whole())


def test_a_whole_answer_has_text_and_usage() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        said = await client.chat.completions.create(model="demo-model", messages=[{"role": "user", "content": "Hi"}])

        assert "> Hi" in (said.choices[0].message.content or "")
        assert said.choices[0].finish_reason == "stop"
        assert said.usage
        assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens

    ask(act)


def test_a_stream_comes_in_words_and_ends_with_usage() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model="demo-model",
                messages=[{"role": "user", "content": "Hi"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        ]

        words = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
        assert len(words) > 20
        assert "> Hi" in "".join(words)
        assert chunks[-2].choices[0].finish_reason == "stop"
        assert chunks[-1].usage
        assert not chunks[-1].choices

    ask(act)


def test_a_streamed_call_comes_in_fragments() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        async with client.chat.completions.stream(
            model="demo-model",
            messages=[{"role": "user", "content": "Working directory: /w"}],
            tools=cast(list[ChatCompletionToolParam], TOOLS),
        ) as stream:
            events = [event async for event in stream]
            final = await stream.get_final_completion()

        fragments = [event for event in events if event.type == "tool_calls.function.arguments.delta"]
        message = final.choices[0].message
        assert len(fragments) > 5
        assert message.content
        assert message.tool_calls
        assert message.tool_calls[0].function.name == "Write"
        assert final.choices[0].finish_reason == "tool_calls"

    ask(act)


def test_the_model_list_has_the_model() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        assert [model.id async for model in client.models.list()] == ["demo-model"]

    ask(act)


def test_many_ask_at_once() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        answers = await asyncio.gather(
            *(
                client.chat.completions.create(model="m", messages=[{"role": "user", "content": f"number {at}."}])
                for at in range(20)
            )
        )

        assert len({said.id for said in answers}) == 20
        assert all(f"> number {at}." in (said.choices[0].message.content or "") for at, said in enumerate(answers))

    ask(act)


def test_what_is_no_chat_request_is_refused() -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="read as a chat request"):
            await client.chat.completions.create(model="m", messages=cast(Any, "no list"))
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="m", input="x")

    ask(act)


HUNG_UP = {
    "in its head": b"POST /v1/chat/completions HT",
    "in its body": b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{",
    "with a body of unknown length": b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
    "with a request line that is none": b"hello\r\n\r\n",
}


@pytest.mark.parametrize("case", HUNG_UP)
def test_a_client_that_breaks_off_harms_nobody(case: str) -> None:
    async def act(client: openai.AsyncOpenAI) -> None:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(HUNG_UP[case])
        writer.write_eof()

        assert await reader.read() == b""
        writer.close()
        assert [model.id async for model in client.models.list()] == ["demo-model"]

    ask(act)


def test_stopping_ends_running_streams() -> None:
    async def whole() -> None:
        url, stop = await start(pause_s=60)
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            await anext(aiter(stream))
            await stop()
            await stream.close()

    asyncio.run(whole())
