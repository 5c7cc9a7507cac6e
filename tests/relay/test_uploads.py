"""Files that a wire shows by id: uploaded once per content, remembered, and never a reason for a turn to fail."""

from __future__ import annotations

import asyncio
import base64
import io

import msgspec
from PIL import Image

from dragoman.assembly import DIALECTS
from dragoman.dialects.base import Target
from dragoman.net.call import Answer, Call
from dragoman.providers.catalog import catalog
from dragoman.relay.outlet import Outlet
from dragoman.relay.uploads import Shelf
from tests.relay.stage import ScriptedAnswer, channel, inquiry

GIGA = next(dialect for dialect in DIALECTS if dialect.uploads is not None)


def picture(form: str) -> str:
    """A small picture in base64."""
    made = io.BytesIO()
    Image.new("RGB", (2, 2), "red").save(made, form)
    return base64.b64encode(made.getvalue()).decode()


def asked(*pictures: tuple[str, str]) -> bytes:
    """A Messages body that shows pictures, by media type and base64."""
    parts = [
        {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}} for kind, data in pictures
    ]
    return msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": parts}]})


class Store:
    """A vendor's file store, which gives ids in order, or refuses."""

    def __init__(self, status: int = 200) -> None:
        self.calls: list[Call] = []
        self._status = status

    async def send(self, call: Call) -> Answer:
        """One more file."""
        self.calls.append(call)
        return ScriptedAnswer([b'{"id":"file-%d"}' % len(self.calls)], self._status)


def written(store: Store, *bodies: bytes) -> list[bytes]:
    """What the vendor is sent for bodies that come at once, on one channel."""
    outlet = Outlet(channel("giga", "gigachat"), catalog()["gigachat"], GIGA, "dragoman/test")

    async def scene() -> list[bytes]:
        shelf = Shelf(store)
        requests = await asyncio.gather(*(shelf.stocked(inquiry(body).request, outlet) for body in bodies))
        again = await shelf.stocked(inquiry(bodies[0]).request, outlet)
        return [GIGA.write_request(request, Target(model="m", origin="giga")).body for request in (*requests, again)]

    return asyncio.run(scene())


def test_one_picture_in_many_requests_is_uploaded_once_and_shown_by_its_id() -> None:
    store, body = Store(), asked(("image/png", picture("PNG")))

    bodies = written(store, *[body] * 20)

    assert len(store.calls) == 1
    assert store.calls[0].url.endswith("/files")
    assert store.calls[0].credential is not None
    assert all(b'"file-1"' in each for each in bodies)


def test_a_webp_is_made_a_png() -> None:
    store = Store()

    written(store, asked(("image/webp", picture("WEBP"))))

    assert b"\x89PNG" in store.calls[0].body


def test_what_cannot_be_uploaded_leaves_the_request_as_it_was() -> None:
    refusing, torn = Store(413), Store()

    assert b"file-1" not in written(refusing, asked(("image/png", picture("PNG"))))[0]
    assert b"file-1" not in written(torn, asked(("image/gif", base64.b64encode(b"no picture").decode())))[0]
    assert not torn.calls
