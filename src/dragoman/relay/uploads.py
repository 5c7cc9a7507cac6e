"""Files that a wire shows only by id: uploaded before the request, each once per account, and remembered for a while.

Rules. A file that cannot be uploaded never fails the turn: the request goes on, and its writer says in words what is
missing, as a loss. Many requests with one file cause one upload. Pictures that the vendor does not take are made PNG
in a thread, where Pillow (extra `media`) is installed.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import OrderedDict

import structlog
from msgspec.structs import replace

from dragoman.canon.problem import Trouble
from dragoman.canon.request import Request
from dragoman.dialects.base import Upload, Uploads
from dragoman.net.call import ERROR_LIMIT, Call, Transport
from dragoman.providers.addresses import endpoint
from dragoman.relay.outlet import Outlet

KEPT_S = 3600.0
"""Seconds an uploaded file's id is used again."""
SHELF = 1000
"""Ids that are remembered at most."""
UPLOAD_S = 60.0
"""Seconds an upload may take."""

log = structlog.get_logger()


class Shelf:
    """Uploads files and remembers their ids. Mutable: it holds ids by channel and digest, and uploads under way."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ids: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()
        self._coming: dict[tuple[str, str], asyncio.Task[str | None]] = {}

    async def stocked(self, request: Request, outlet: Outlet) -> Request:
        """The request with its files on the channel's account; the same request where its wire carries them itself."""
        uploads = outlet.dialect.uploads
        if uploads is None or not (files := uploads.find(request)):
            return request
        ids = await asyncio.gather(*(self._id(file, uploads, outlet) for file in files))
        return uploads.place(request, {file.digest: given for file, given in zip(files, ids, strict=True) if given})

    async def _id(self, file: Upload, uploads: Uploads, outlet: Outlet) -> str | None:
        key = (outlet.channel.name, file.digest)
        known = self._ids.get(key)
        if known and time.monotonic() - known[1] < KEPT_S:
            return known[0]
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.create_task(self._upload(file, uploads, outlet))
            coming.add_done_callback(lambda _: self._coming.pop(key, None))
        return await asyncio.shield(coming)

    async def _upload(self, file: Upload, uploads: Uploads, outlet: Outlet) -> str | None:
        """The id that the file was given; None where it could not be uploaded, which is told in the log."""
        try:
            async with asyncio.timeout(UPLOAD_S):
                ready = await asyncio.to_thread(_as_png, file) if file.to_png else file
                answer = await self._transport.send(_call(ready, uploads, outlet))
                body = await answer.whole(ERROR_LIMIT)
                answer.close()
        except (Trouble, TimeoutError, ImportError, OSError, ValueError) as found:
            log.warning("a file was not uploaded", channel=outlet.channel.name, fault=type(found).__name__)
            return None
        given = uploads.read(body) if answer.status < 300 else None
        if given is None:
            log.warning("a file was not taken", channel=outlet.channel.name, status=answer.status)
            return None
        self._ids[outlet.channel.name, file.digest] = (given, time.monotonic())
        if len(self._ids) > SHELF:
            self._ids.popitem(last=False)
        return given


def _call(file: Upload, uploads: Uploads, outlet: Outlet) -> Call:
    channel = outlet.channel
    content_type, body = uploads.body(file)
    return Call(
        url=endpoint(outlet.provider, channel.base_url, uploads.path, "", channel.options),
        headers={**outlet.headers({}, "", stream=False), "content-type": content_type},
        body=body,
        connect_s=channel.timeouts.connect_s,
        proxy=channel.proxy,
        tls=outlet.tls,
        credential=outlet.credential,
        upstream=channel.name,
    )


def _as_png(file: Upload) -> Upload:
    """The picture's first frame as PNG. Raises `ImportError` without Pillow, and `OSError` for what is no picture."""
    from PIL import Image  # an extra, and heavy

    with Image.open(io.BytesIO(file.data)) as picture:
        made = io.BytesIO()
        picture.convert("RGBA").save(made, "PNG")
    return replace(file, media_type="image/png", data=made.getvalue(), to_png=False)
