"""Files that a wire shows only by id: uploaded before the request, each once per account, and remembered for a while.

Rules. A file that cannot be uploaded never fails the turn: a PDF is told as text then, for all else the request goes on
and its writer says in words what is missing, as a loss. Many requests with one file cause one upload. Pictures that the
vendor does not take are made PNG, or smaller, and texts are read, in a thread, where the extra `media` is installed.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Request
from dragoman.dialects.base import Upload, Uploads
from dragoman.net.call import ERROR_LIMIT, Call, Transport
from dragoman.providers.addresses import endpoint
from dragoman.relay.media import taken_picture, text_of
from dragoman.relay.outlet import Outlet

KEPT_S = 3600.0
"""Seconds an uploaded file's id is used again."""
SHELF = 1000
"""Ids that are remembered at most."""
TEXTS = 50
"""Texts of documents that are kept at most."""
PDF = "application/pdf"
UPLOAD_S = 60.0
"""Seconds an upload may take."""

log = structlog.get_logger()


class Shelf:
    """Uploads files and remembers their ids. Mutable: it holds ids by account and digest, and uploads under way."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._coming: dict[tuple[str, str], asyncio.Task[str]] = {}

    async def stocked(self, request: Request, outlet: Outlet) -> Request:
        """The request with its files on the channel's account; the same request where its wire carries them itself."""
        uploads = outlet.dialect.uploads
        if uploads is None or not (files := uploads.find(request)):
            return request
        found = await asyncio.gather(*(self._found(file, uploads, outlet) for file in files))
        ids = {file.digest: given for file, (given, _) in zip(files, found, strict=True) if given}
        texts = {file.digest: text for file, (_, text) in zip(files, found, strict=True) if text}
        return uploads.place(request, ids, texts)

    def forget(self, request: Request, outlet: Outlet, before_s: float) -> bool:
        """Whether ids of the request's files are forgotten now: those given before this moment of the monotonic clock.

        The vendor may have deleted what it kept for us.
        """
        uploads = outlet.dialect.uploads
        keys = [(outlet.channel.account, file.digest) for file in uploads.find(request)] if uploads else []
        known = [key for key in keys if key in self._ids and self._ids[key][1] < before_s]
        for key in known:
            del self._ids[key]
        return bool(known)

    async def _found(self, file: Upload, uploads: Uploads, outlet: Outlet) -> tuple[str, str]:
        """The id of a file, or else its text; both empty where it has neither."""
        given = "" if file.as_text else await self._id(file, uploads, outlet)
        is_document = file.media_type == PDF and not given
        return given, await self._text(file) if is_document else ""

    async def _id(self, file: Upload, uploads: Uploads, outlet: Outlet) -> str:
        key = (outlet.channel.account, file.digest)
        known = self._ids.get(key)
        if known and time.monotonic() - known[1] < KEPT_S:
            return known[0]
        return await self._once(key, lambda: self._upload(file, uploads, outlet))

    async def _text(self, file: Upload) -> str:
        if file.digest not in self._texts:
            return await self._once(("", file.digest), lambda: self._read(file))
        return self._texts[file.digest]

    async def _once(self, key: tuple[str, str], make: Callable[[], Coroutine[Any, Any, str]]) -> str:
        """What is being made for another who asked for the same, or is made now; nobody who leaves stops it."""
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.create_task(make())
            coming.add_done_callback(lambda _: self._coming.pop(key, None))
        return await asyncio.shield(coming)

    async def _read(self, file: Upload) -> str:
        """The text of a document, kept for the turns to come; empty where there is none."""
        try:
            text = await asyncio.to_thread(text_of, file.data)
        except ImportError:
            log.warning("a document was not read", fault="the extra 'media' is not installed")
            return ""
        self._texts[file.digest] = text
        if len(self._texts) > TEXTS:
            self._texts.popitem(last=False)
        return text

    async def _upload(self, file: Upload, uploads: Uploads, outlet: Outlet) -> str:
        """The id that the file was given; empty where it could not be uploaded, which is told in the log."""
        must_change = file.to_png or len(file.data) > file.most_bytes > 0
        try:
            async with asyncio.timeout(UPLOAD_S):
                ready = await asyncio.to_thread(taken_picture, file) if must_change else file
                answer = await self._transport.send(_call(ready, uploads, outlet))
                body = await answer.whole(ERROR_LIMIT)
                answer.close()
        except (Trouble, TimeoutError, ImportError, OSError, ValueError) as found:
            log.warning("a file was not uploaded", channel=outlet.channel.name, fault=type(found).__name__)
            return ""
        given = uploads.read(body) if answer.status < 300 else None
        if given is None:
            log.warning("a file was not taken", channel=outlet.channel.name, status=answer.status)
            return ""
        self._ids[outlet.channel.account, file.digest] = (given, time.monotonic())
        if len(self._ids) > SHELF:
            self._ids.popitem(last=False)
        return given


def _call(file: Upload, uploads: Uploads, outlet: Outlet) -> Call:
    channel = outlet.channel
    content_type, body = uploads.body(file)
    url = endpoint(outlet.provider, channel.base_url, uploads.path, "", channel.options)
    return outlet.call(url, {**outlet.headers({}, "", stream=False), "content-type": content_type}, body)
