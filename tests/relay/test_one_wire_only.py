"""What only one dialect can answer is asked of that dialect alone, and refused clearly by every other."""

from __future__ import annotations

import msgspec
import pytest

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play
from tests.relay.test_relay import error_of, good

ANTHROPIC, CHAT = "anthropic", "openai-compatible"
BOUND = [{"n": 2}, {"logprobs": True}, {"modalities": ["text", "audio"], "audio": {"voice": "alloy"}}]


def asked(members: dict[str, object], *providers: str, stream: bool = False) -> tuple[Listener, Stage]:
    """What a client of Chat hears of a request with these members, and the stage."""
    body = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], "stream": stream, **members}
    channels = [channel(f"c{place}", provider) for place, provider in enumerate(providers)]
    stage = Stage({each.name: [good()] for each in channels}, *channels)
    return play(stage.ask(msgspec.json.encode(body), "openai_chat")), stage


@pytest.mark.parametrize("members", BOUND)
def test_an_upstream_of_another_dialect_is_not_asked(members: dict[str, object]) -> None:
    heard, stage = asked(members, ANTHROPIC)

    assert heard.status == 400
    assert next(iter(members)) in error_of(heard)["message"]
    assert error_of(heard)["param"] == next(iter(members))
    assert stage.transport.calls == []


@pytest.mark.parametrize("members", BOUND)
def test_one_of_its_own_is_sent_the_bytes_as_they_are(members: dict[str, object]) -> None:
    heard, stage = asked(members, CHAT, stream=True)

    assert heard.status == 200
    sent = msgspec.json.decode(stage.transport.calls[0].body)
    assert {name: sent[name] for name in members} == members


def test_several_streamed_answers_pass_untouched() -> None:
    def chunk(index: int, finish: str | None, **delta: str) -> bytes:
        choice = {"index": index, "delta": delta, "finish_reason": finish}
        return b"data: " + msgspec.json.encode({"id": "c", "model": "asked", "choices": [choice]}) + b"\n\n"

    said = [
        *(chunk(at, None, role="assistant", content="") for at in (0, 1)),
        *(chunk(at, None, content=f"answer {at}") for at in (1, 0)),
        *(chunk(at, "stop") for at in (0, 1)),
        b"data: [DONE]\n\n",
    ]
    body = {"model": "asked", "messages": [{"role": "user", "content": "Hi"}], "stream": True, "n": 2}
    stage = Stage({"one": [ScriptedAnswer(said, content_type="text/event-stream")]})
    heard = play(stage.ask(msgspec.json.encode(body), "openai_chat"))

    assert heard.text == b"".join(said).decode().replace('"model":"m"', '"model":"asked"')
    assert stage.exchanges[0].finish == "end"


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"candidateCount": 2}, 400),
        ({"response_logprobs": True}, 400),
        ({"responseModalities": ["TEXT", "IMAGE"]}, 400),
        ({"candidateCount": 1, "responseModalities": ["TEXT"], "responseLogprobs": False}, 200),
    ],
)
def test_what_only_gemini_can_answer_is_refused_elsewhere(settings: dict[str, object], status: int) -> None:
    body = {"model": "asked", "contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": settings}
    stage = Stage({"one": [good()]})
    heard = play(stage.ask(msgspec.json.encode(body), "gemini"))

    assert heard.status == status, heard.text
    assert len(stage.transport.calls) == (status == 200)
