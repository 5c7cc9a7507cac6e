"""Files that a wire shows by id: uploaded once per content, remembered, and never a reason for a turn to fail."""

from __future__ import annotations

import asyncio
import base64
import io

import msgspec
import pytest
from PIL import Image
from pypdf import PdfWriter

from dragoman.assembly import DIALECTS
from dragoman.dialects.base import Target, Upload
from dragoman.net.call import Answer, Call
from dragoman.providers.catalog import catalog
from dragoman.relay.media import MOST_PAGES, taken_picture, text_of
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
    """A Messages body that shows pictures and documents, by media type and base64."""
    parts = [
        {
            "type": "image" if kind.startswith("image/") else "document",
            "source": {"type": "base64", "media_type": kind, "data": data},
        }
        for kind, data in pictures
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


def document(text: str = "") -> str:
    """A PDF of one page with this text, in base64."""
    drawn = f"BT /F1 12 Tf 10 10 Td ({text}) Tj ET".encode() if text else b""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    made, places = b"%PDF-1.4\n", list[int]()
    for number, each in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%btrailer\n<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(made),
    )
    return base64.b64encode(made + end).decode()


def test_a_document_that_is_not_taken_is_told_as_text() -> None:
    bodies = written(Store(415), asked(("application/pdf", document("The answer is 42."))))

    assert all(b"The answer is 42." in body for body in bodies)


def test_of_two_documents_one_is_uploaded_and_one_told_as_text() -> None:
    store = Store()

    bodies = written(store, asked(("application/pdf", document("One.")), ("application/pdf", document("Two."))))

    assert len(store.calls) == 1
    assert all(b"file-1" in body and b"Two." in body and b"One." not in body for body in bodies)


@pytest.mark.parametrize("data", [document(), base64.b64encode(b"%PDF-1.4 torn").decode()], ids=["scan", "torn"])
def test_a_document_without_text_is_missed_in_words(data: str) -> None:
    bodies = written(Store(415), asked(("application/pdf", data)))

    assert all(b"it cannot be shown to this model" in body for body in bodies)


def test_a_picture_that_is_too_large_is_made_smaller() -> None:
    made = io.BytesIO()
    Image.effect_noise((600, 400), 100).convert("RGBA").save(made, "PNG")
    file = Upload("d", "image/png", "", made.getvalue(), most_bytes=100_000)

    smaller = taken_picture(file)

    assert len(smaller.data) <= 100_000 < len(file.data)
    with Image.open(io.BytesIO(smaller.data)) as picture:
        assert picture.width * 400 == picture.height * 600


def test_a_long_document_is_read_up_to_a_page() -> None:
    writer = PdfWriter()
    for _ in range(MOST_PAGES + 2):
        writer.append(io.BytesIO(base64.b64decode(document("word"))))
    made = io.BytesIO()
    writer.write(made)

    text = text_of(made.getvalue())

    assert text.count("word") == MOST_PAGES
    assert text.endswith("[2 more pages are left out.]")
