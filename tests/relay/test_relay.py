"""The relay on a scripted network: commit points, failover, pings, limits, and one ending for every exchange."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from dragoman.canon.problem import Kind
from dragoman.routing.cards import ModelCard
from tests.relay.stage import HANG, Listener, ScriptedAnswer, Stage, broken, channel, inquiry, play, refused, snapshot


def ask(*, stream: bool = True, **members: object) -> bytes:
    """A small Messages body."""
    messages = [{"role": "user", "content": "Hello"}]
    return msgspec.json.encode({"model": "asked", "max_tokens": 100, "messages": messages, "stream": stream} | members)


def chunk(finish: str | None = None, **delta: object) -> bytes:
    """One chat chunk as it stands on the wire."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + msgspec.json.encode({"id": "c1", "model": "m", "choices": [choice]}) + b"\n\n"


OPENED = chunk(role="assistant", content="")
HELLO = chunk(content="Hello there")
DONE = chunk("stop") + b"data: [DONE]\n\n"


def good(*before: bytes | float) -> ScriptedAnswer:
    """An answer that says hello, after some other things."""
    return ScriptedAnswer([*before, OPENED, HELLO, DONE], content_type="text/event-stream")


def error_of(listener: Listener) -> dict[str, str]:
    """The error a client was told: as a body, or as the last event of a stream."""
    last = listener.text.strip().rpartition("data: ")[2]
    error: dict[str, str] = msgspec.json.decode(last)["error"]
    return error


def hear(stage: Stage, body: bytes | None = None, door: str = "anthropic") -> Listener:
    """What a client hears in a scene of its own."""
    return play(stage.ask(body or ask(), door))


def test_a_stream_is_told_in_the_clients_dialect_and_recorded() -> None:
    stage = Stage({"one": [good()]})

    heard = hear(stage)

    assert heard.status == 200
    assert "Hello there" in heard.text
    assert heard.text.count("event: message_stop") == 1
    assert heard.headers["x-dragoman-channel"] == "one"
    exchange = stage.exchanges[0]
    assert (exchange.finish, exchange.problem, exchange.attempts[0].mode) == ("end", None, "translated")
    assert exchange.usage.exact is False  # the upstream told no usage


@pytest.mark.parametrize(
    "first",
    [
        refused(),
        broken(),
        ScriptedAnswer([b'{"error":{"message":"slow down"}}'], 429, content_type="application/json", retry_after="7"),
        ScriptedAnswer([b"<html>bad gateway</html>"], 502, content_type="text/html"),
        ScriptedAnswer([b"<html>log in</html>"], content_type="text/html"),
        ScriptedAnswer([], content_type="text/event-stream"),
        ScriptedAnswer([OPENED, broken()], content_type="text/event-stream"),
        ScriptedAnswer(
            [OPENED, b'data: {"error":{"message":"overloaded","code":529}}\n\n'], content_type="text/event-stream"
        ),
        ScriptedAnswer([b"data: {broken\n\n"], content_type="text/event-stream"),
        ScriptedAnswer([OPENED, HANG], content_type="text/event-stream"),
        ScriptedAnswer([b": still here\n\n", 60.0, b": still here\n\n", HANG], content_type="text/event-stream"),
    ],
    ids=["refused", "reset", "429", "502", "web page", "empty", "cut", "error", "broken", "silent", "only comments"],
)
def test_what_fails_before_content_goes_to_the_next_channel_unseen(first: ScriptedAnswer) -> None:
    stage = Stage({"one": [first], "two": [good()]})

    heard = hear(stage)

    assert heard.status == 200
    assert "Hello there" in heard.text
    assert "error" not in heard.text
    assert heard.text.count("event: message_start") == 1
    assert heard.headers["x-dragoman-attempts"] == "2" or heard.text.startswith("event: ping")
    assert [attempt.channel for attempt in stage.exchanges[0].attempts] == ["one", "two"]


@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_a_cut_after_content_ends_as_one_error_and_nothing_after(door: str) -> None:
    stage = Stage(
        {"one": [ScriptedAnswer([OPENED, HELLO, broken()], content_type="text/event-stream")], "two": [good()]}
    )

    heard = hear(stage, door=door)

    assert "Hello there" in heard.text
    assert error_of(heard)["message"]
    assert "message_stop" not in heard.text
    assert "content_block_stop" not in heard.text
    assert "[DONE]" not in heard.text
    assert heard.ended
    assert stage.exchanges[0].problem is Kind.CUT_SHORT


def test_a_stream_without_a_finish_reason_is_broken_however_politely_it_closed() -> None:
    stage = Stage({"one": [ScriptedAnswer([OPENED, HELLO], content_type="text/event-stream")]})

    heard = hear(stage)

    assert "message_stop" not in heard.text
    assert error_of(heard)["type"] == "api_error"


def test_a_waiting_client_is_pinged_from_15_seconds_on() -> None:
    stage = Stage({"one": [good(40.0)]})

    heard = hear(stage)

    pings = [at for at, data in heard.heard if b"event: ping" in data]
    assert [round(at) for at in pings] == [15, 30]
    assert heard.text.index("event: ping") < heard.text.index("message_start")


def test_a_later_silence_is_bridged_too() -> None:
    stage = Stage(
        {"one": [ScriptedAnswer([OPENED, HELLO, 20.0, chunk(content="!"), DONE], content_type="text/event-stream")]}
    )

    heard = hear(stage)

    assert heard.text.count("event: ping") == 1
    assert heard.text.index("Hello there") < heard.text.index("event: ping") < heard.text.index('"!"')


def test_a_chat_client_is_kept_awake_by_comments() -> None:
    heard = hear(Stage({"one": [good(20.0)]}), door="openai_chat")

    assert heard.text.startswith(":")


def test_f54_a_stall_after_content_ends_as_a_timeout() -> None:
    stage = Stage({"one": [ScriptedAnswer([OPENED, HELLO, HANG], content_type="text/event-stream")]})

    heard = hear(stage)

    assert error_of(heard)["type"] == "timeout_error"
    assert stage.exchanges[0].problem is Kind.TIMEOUT


def test_f12_no_content_in_time_is_told_in_the_stream_once_the_status_is_out() -> None:
    heard = hear(Stage({"one": [ScriptedAnswer([HANG], content_type="text/event-stream")]}))

    assert heard.status == 200
    assert error_of(heard)["type"] == "timeout_error"


def test_a_whole_answer_is_told_whole() -> None:
    reply = {"id": "c1", "model": "m", "choices": [{"message": {"content": "Hello there"}, "finish_reason": "stop"}]}
    answer = ScriptedAnswer([msgspec.json.encode(reply)], content_type="application/json")

    heard = hear(Stage({"one": [answer]}), ask(stream=False))

    message = msgspec.json.decode(heard.text)
    assert message["content"][0]["text"] == "Hello there"
    assert message["stop_reason"] == "end_turn"


def test_pitfall_109_the_clients_mode_wins_over_the_upstreams() -> None:
    reply = {"id": "c1", "model": "m", "choices": [{"message": {"content": "Hello there"}, "finish_reason": "stop"}]}
    whole = ScriptedAnswer([msgspec.json.encode(reply)], content_type="application/json")

    streamed_to = hear(Stage({"one": [whole]}))
    whole_to = hear(Stage({"one": [good()]}), ask(stream=False))

    assert streamed_to.text.count("event: message_stop") == 1
    assert msgspec.json.decode(whole_to.text)["content"][0]["text"] == "Hello there"


def test_a_client_is_never_sent_back_before_its_time() -> None:
    heard = hear(Stage({"one": [ScriptedAnswer([b"slow down"], 429, retry_after_ms="61200")]}))
    assert heard.headers["retry-after"] == "62"


@pytest.mark.parametrize("stream", [True, False])
def test_an_ending_that_nobody_knows_is_a_failure_and_never_an_end_of_turn(stream: bool) -> None:
    strange = ScriptedAnswer(
        [OPENED, HELLO, 1.0, chunk("tired"), b"data: [DONE]\n\n"], content_type="text/event-stream"
    )
    stage = Stage({"one": [strange, broken(), broken()]})

    heard = hear(stage, ask(stream=stream))

    assert (error_of(heard)["type"], "end_turn" in heard.text) == ("api_error", False)
    assert stage.exchanges[0].attempts[0].problem is Kind.UPSTREAM_ERROR


def test_what_stands_beside_a_text_on_one_wire_alone_is_a_loss() -> None:
    citation = [{"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}]
    cited = chunk(content="", annotations=citation)
    streamed, whole, verbatim = (Stage({"one": [good(OPENED, HELLO, cited)]}) for _ in range(3))

    hear(streamed)
    hear(whole, ask(stream=False))
    hear(verbatim, door="openai_chat")

    assert [loss.what for loss in streamed.exchanges[0].attempts[0].losses] == ["answer.annotations"]
    assert [loss.what for loss in whole.exchanges[0].attempts[0].losses] == ["answer.annotations"]
    assert verbatim.exchanges[0].attempts[0].losses == ()


@pytest.mark.parametrize(
    ("answer", "status", "kind", "retry"),
    [
        (ScriptedAnswer([b'{"error":{"message":"bad key"}}'], 401), 502, "api_error", "false"),
        (ScriptedAnswer([b'{"error":{"message":"no such model"}}'], 404), 404, "not_found_error", "false"),
        (ScriptedAnswer([b'{"error":{"message":"bad field"}}'], 400), 400, "invalid_request_error", "false"),
        (ScriptedAnswer([b"slow down"], 429, retry_after="30"), 429, "rate_limit_error", None),
        (ScriptedAnswer([b"{}"], 529), 529, "overloaded_error", None),
        (ScriptedAnswer([], 302, location="http://127.0.0.1:9/"), 502, "api_error", "false"),
    ],
    ids=["bad key", "no model", "bad request", "rate", "overload", "redirect"],
)
def test_refusals_keep_their_meaning(answer: ScriptedAnswer, status: int, kind: str, retry: str | None) -> None:
    heard = hear(Stage({"one": [answer]}))

    assert heard.status == status
    assert error_of(heard)["type"] == kind
    assert heard.headers.get("x-should-retry") == retry
    assert ("retry-after" in heard.headers) == (status in (429, 529))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (ScriptedAnswer([b'{"error":{"message":"bad key"}}'], 401), 424),
        (ScriptedAnswer([], 302, location="http://127.0.0.1:9/"), 424),
        (ScriptedAnswer([b"{}"], 529), 529),
        (ScriptedAnswer([b'{"error":{"message":"bad field"}}'], 400), 400),
    ],
    ids=["bad key", "redirect", "overload", "bad request"],
)
def test_a_client_that_heeds_no_advice_is_told_by_the_status_that_asking_again_is_no_use(
    answer: ScriptedAnswer, status: int
) -> None:
    listener = Listener()
    asked = msgspec.structs.replace(inquiry(ask()), headers={"user-agent": "opencode/1.18.33"})
    play(Stage({"one": [answer]}).relay.answer(asked, listener))

    assert listener.status == status


def test_a_refusal_too_late_for_its_status_is_told_at_once_the_next_time() -> None:
    late = ScriptedAnswer([20.0, b'{"error":{"message":"prompt is too long: 5 tokens > 4 maximum"}}'], 400)
    stage = Stage({"one": [late]})

    async def twice() -> tuple[Listener, Listener]:
        return await stage.ask(ask()), await stage.ask(ask())

    first, second = play(twice())

    assert (first.status, second.status) == (200, 400)
    assert "prompt is too long" in error_of(second)["message"]
    assert len(stage.transport.calls) == 1


def test_a_prompt_that_fits_nowhere_is_refused_before_any_attempt() -> None:
    small = channel("one", cards=(ModelCard(name="*", context=1000),))
    stage = Stage({"one": []}, small)
    long = [{"role": "user", "content": "many words " * 5000}]

    heard = hear(stage, ask(messages=long))

    assert heard.status == 400
    assert error_of(heard)["message"].startswith("prompt is too long: ")
    assert not stage.transport.calls


def test_a_client_that_leaves_stops_the_upstream_at_once() -> None:
    answer = ScriptedAnswer([OPENED, HELLO, HANG], content_type="text/event-stream")
    stage = Stage({"one": [answer]})

    async def leave() -> None:
        asking = asyncio.ensure_future(stage.ask(ask()))
        await asyncio.sleep(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    play(leave())

    assert answer.closed
    assert stage.exchanges[0].client_left
    assert stage.exchanges[0].usage.exact is False


def test_stop_sequences_the_upstream_cannot_take_are_kept_here() -> None:
    words = ScriptedAnswer(
        [OPENED, chunk(content="one tw"), chunk(content="o ST"), chunk(content="OP5 three"), DONE],
        content_type="text/event-stream",
    )

    heard = hear(Stage({"one": [words]}), ask(stop_sequences=["STOP1", "STOP2", "STOP3", "STOP4", "STOP5"]))

    assert "three" not in heard.text
    assert '"stop_sequence":"STOP5"' in heard.text.replace(": ", ":")


def test_a_foreign_ending_is_never_an_end_of_turn() -> None:
    heard = hear(
        Stage(
            {
                "one": [
                    ScriptedAnswer(
                        [OPENED, HELLO, chunk("bored") + b"data: [DONE]\n\n"], content_type="text/event-stream"
                    )
                ]
            }
        )
    )

    assert "end_turn" not in heard.text
    assert error_of(heard)["type"] == "api_error"


MESSAGE = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"asked","content":[],"stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"Hi"}}\n\n'
)
MESSAGE_END = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":2}, "new_member": 1}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def same_dialect(*script: bytes | float, model: str = "asked") -> Stage:
    """A stage whose upstream speaks the client's dialect."""
    stage = Stage(
        {"one": [ScriptedAnswer(list(script), content_type="text/event-stream")]},
        channel("one", "anthropic-compatible"),
    )
    stage.relay.snapshot = snapshot(*stage.relay.snapshot.channels, model=model)
    return stage


def test_one_dialect_on_both_sides_passes_untouched() -> None:
    whole = MESSAGE + MESSAGE_END
    stage = same_dialect(*(whole[at : at + 7] for at in range(0, len(whole), 7)))
    body = ask(unknown_member={"a": [1, 2.50, "x"]})

    heard = hear(stage, body)

    assert heard.text.encode() == whole
    assert stage.transport.calls[0].body == body
    assert stage.exchanges[0].attempts[0].mode == "verbatim"


def test_a_mapped_model_is_spliced_in_and_put_back() -> None:
    stage = same_dialect(
        (MESSAGE + MESSAGE_END).replace(b'"model":"asked"', b'"model":"upstream-1"'), model="upstream-1"
    )
    body = ask(unknown_member=1.50)

    heard = hear(stage, body)

    assert stage.transport.calls[0].body == body.replace(b'"asked"', b'"upstream-1"')
    assert heard.text.encode() == MESSAGE + MESSAGE_END
    assert stage.exchanges[0].attempts[0].edits == ("model",)


def test_verbatim_a_frame_that_was_cut_is_not_shown_and_the_error_stands_alone() -> None:
    stage = same_dialect(MESSAGE, MESSAGE_END[:60])

    heard = hear(stage)

    assert heard.text.encode().startswith(MESSAGE)
    assert "content_block_stop" not in heard.text.removeprefix(MESSAGE.decode()).partition("event: error")[0]
    assert error_of(heard)["type"] == "api_error"


def test_what_a_target_cannot_take_is_recorded_on_the_exchange() -> None:
    stage = Stage({"one": [good()]})

    heard = hear(stage, ask(top_k=5, context_management={"edits": []}))

    whats = {loss.what for loss in stage.exchanges[0].losses}
    assert {"top_k", "context_management"} <= whats
    assert "top_k" in heard.headers["x-dragoman-losses"]


def test_clients_keys_and_cookies_never_reach_an_upstream() -> None:
    stage = Stage({"one": [good()]})

    play(stage.ask(ask(), authorization="Bearer mine", x_api_key="mine", cookie="mine", x_forwarded_for="mine"))

    assert "mine" not in str(stage.transport.calls[0].headers)
    assert stage.transport.calls[0].headers["authorization"] == "Bearer key-of-one"


def test_a_channel_that_takes_one_request_at_once_serves_them_in_the_order_they_came() -> None:
    running: list[int] = []

    class Watched(ScriptedAnswer):
        """An answer that tells when it is being read."""

        async def read(self) -> bytes:
            """The next bytes of the script."""
            running.append(id(self))
            return await super().read()

    answers = [Watched([1.0, OPENED, HELLO, DONE], content_type="text/event-stream") for _ in range(3)]
    stage = Stage({"one": answers}, channel("one", limits={"simultaneous": 1}))

    async def crowd() -> list[Listener]:
        return list(await asyncio.gather(*(stage.ask(ask()) for _ in answers)))

    heard = play(crowd())

    assert all("Hello there" in listener.text for listener in heard)
    assert list(dict.fromkeys(running)) == [id(answer) for answer in answers]
    assert running == sorted(running, key=[id(answer) for answer in answers].index), "two were read at once"
