"""`dragoman plan`: where a request would go, and why."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from dragoman.cli.desk import AdminApi, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json


def plan(
    model: str,
    /,
    *,
    door: str = "",
    profile: str | None = None,
    project: str = "",
    prompt_tokens: int = 0,
    images: Switch = False,
    image_count: int = 0,
    documents: Switch = False,
    audio: Switch = False,
    video: Switch = False,
    thinking: Switch = False,
    header: Annotated[list[str] | None, Parameter(negative="")] = None,
    agent: Literal["main", "subagent", "background"] = "main",
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Show where a request would go, and why; nothing is sent.

    Parameters
    ----------
    model
        The model as a client names it.
    door
        The dialect that the client speaks; matters where rules ask for it.
    profile
        The profile of its key; else the default one.
    project
        The project of its key.
    prompt_tokens
        The size of its prompt.
    images
        It holds images.
    image_count
        How many, where that matters.
    documents
        It holds documents.
    audio
        It holds sound.
    video
        It holds films.
    thinking
        It wishes the model to think.
    header
        A header of the client, as "x-team: red". May be said several times.
    agent
        Who asks.
    json
        As JSON.
    url
        A gateway elsewhere, which also knows which channels are ill.
    config
        Configuration file.
    """
    pairs = (text.partition(":") for text in header or [])
    said = {
        "model": model,
        "door": door,
        "profile": profile,
        "project": project,
        "prompt_tokens": prompt_tokens,
        "images": images,
        "image_count": image_count,
        "documents": documents,
        "audio": audio,
        "video": video,
        "thinking": thinking,
        "headers": {name.strip(): value.strip() for name, _, value in pairs},
        "agent": agent,
    }

    def work(api: AdminApi) -> None:
        found = api.ask("POST", "/plan", said).json
        print(as_json(found) if json else "\n".join(found["lines"]))

    return run(url, config, work)
