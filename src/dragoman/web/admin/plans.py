"""Where would this go, and why: the decision without the request."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Response
from msgspec import Meta, Struct

from dragoman.routing.plan import Ask, PassedOver, Refused
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.wire import answer

Size = Annotated[int, Meta(ge=0, le=10**9)]


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request that somebody might make."""

    model: Annotated[str, Meta(max_length=500)]
    door: str = ""
    """The dialect that is spoken; empty: none that a rule asks for."""
    profile: str | None = None
    """None: the one of keys that name no other."""
    project: str = ""
    """Of the key; empty: none."""
    prompt_tokens: Size = 0
    max_output: Size | None = None
    images: bool = False
    image_count: Size = 0
    """How many; taken for one where there are `images`."""
    documents: bool = False
    audio: bool = False
    video: bool = False
    tools: bool = True
    thinking: bool = False
    stream: bool = True
    agent: Literal["main", "subagent", "background"] = "main"
    headers: dict[str, str] = {}


class Foreseen(Struct, frozen=True, kw_only=True):
    """One attempt that would be made."""

    channel: str
    model: str
    why: str
    share: float
    """Chance that it comes first among its equals."""
    max_output: int | None
    effort: str | None


class Answer(Struct, frozen=True, kw_only=True):
    """What would happen."""

    rule: str
    """What matches, in words; empty where the request would be refused."""
    attempts: tuple[Foreseen, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    refused: str = ""
    """Why nobody would be asked."""
    lines: tuple[str, ...] = ()
    """The same for people."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("POST", "/plan", needs="profiles:read", reads=Question, tells=Answer)
    async def plan(call: Call) -> Response:
        """Where a request would go now, and why. Nothing is sent or learned."""
        said = await call.body(Question)
        found = call.desk.plan(
            Ask(
                door=said.door,
                asked=said.model,
                profile=said.profile,
                prompt_tokens=said.prompt_tokens,
                max_output=said.max_output,
                project=said.project,
                has_images=said.images or said.image_count > 0,
                images=max(said.image_count, int(said.images)),
                has_audio=said.audio,
                has_video=said.video,
                has_documents=said.documents,
                has_tools=said.tools,
                thinking=said.thinking,
                stream=said.stream,
                agent=said.agent,
                headers={name.lower(): value for name, value in said.headers.items()},
                now_s=call.desk.now_ms() / 1000,
            )
        )
        if isinstance(found, Refused):
            refused = found.problem.message
            return answer(Answer(rule="", refused=refused, passed_over=found.passed_over, lines=found.lines()))
        attempts = tuple(
            Foreseen(
                channel=step.channel.account,
                model=step.model,
                why=step.why,
                share=step.share,
                max_output=step.max_output,
                effort=step.override.effort,
            )
            for step in found.attempts
        )
        return answer(Answer(rule=found.rule, attempts=attempts, passed_over=found.passed_over, lines=found.lines()))
