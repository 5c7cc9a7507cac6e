"""Files of a request: what is to be uploaded, once each, and the request that shows them."""

from __future__ import annotations

import base64
import json
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import pytest

from dragoman.canon.request import Audio, File, Image, Inline, Link, Stored, Text
from dragoman.dialects.base import Upload
from dragoman.dialects.gigachat.uploads import MOST_SOUND, read_upload, upload_body, uploads, with_uploads
from tests.dialects.gigachat.stage import asked, assistant, called, gave, losses, user, write
from tests.standin import StandIn

PNG = Inline("image/png", base64.b64encode(b"\x89PNG one").decode())
OTHER = Inline("image/jpg", base64.b64encode(b"\xff\xd8 two").decode())
PDF = File(Inline("application/pdf; x=1", base64.b64encode(b"%PDF").decode()), name='a "b".pdf')


def test_each_file_is_uploaded_once_wherever_it_stands() -> None:
    request = asked(
        user("look", Image(PNG), PDF),
        assistant(called("a")),
        user(gave("a", "shot", Image(PNG), Image(OTHER)), Audio(Inline("audio/wav", "UklGRg=="))),
    )
    found = uploads(request)
    assert [each.media_type for each in found] == ["image/png", "application/pdf", "image/jpeg", "audio/wav"]
    assert [each.data for each in found][:3] == [b"\x89PNG one", b"%PDF", b"\xff\xd8 two"]
    assert len({each.digest for each in found}) == 4
    assert uploads(request) == found


def test_the_request_then_shows_them() -> None:
    request = asked(user("look", Image(PNG)), assistant(called("a")), user(gave("a", "shot", Image(PNG), Image(OTHER))))
    first, second = uploads(request)
    shown = with_uploads(request, {first.digest: "file_1"}, {})
    assert shown.turns[0].parts == (Text("look"), Image(Stored("gigachat", "file_1")))
    body, written = write(shown)
    assert [each.get("attachments") for each in body["messages"]] == [["file_1"], None, None, ["file_1"]]
    assert "An image was here" in body["messages"][2]["content"]
    assert "image" in losses(written)
    assert with_uploads(request, {}, {}) is request
    assert "image" not in losses(write(with_uploads(request, {first.digest: "file_1", second.digest: "file_2"}, {}))[1])


@pytest.mark.parametrize("kind", ["image/webp", "image/gif"])
def test_images_of_a_type_that_is_not_taken_must_be_made_png_first(kind: str) -> None:
    (found,) = uploads(asked(user(Image(Inline(kind, PNG.base64)))))
    assert found.to_png


@pytest.mark.parametrize(
    "part",
    [
        Image(Link("https://a.b/c.png")),
        Image(Inline("image/heic", PNG.base64)),
        Image(Inline("image/png", "a")),
        Audio(Inline("audio/wav", "A" * (MOST_SOUND * 4 // 3 + 8))),
        File(text="words"),
        File(Inline("application/zip", PNG.base64)),
        Text("words"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_the_vendor_does_not_take_is_not_uploaded(part: Image) -> None:
    assert uploads(asked(user(part))) == ()


def test_the_vendor_takes_a_file_as_it_is_put() -> None:
    with StandIn(dialects=("gigachat",)) as upstream:
        for upload in uploads(asked(user(Image(PNG), PDF))):
            kind, body = upload_body(upload)
            with urlopen(HttpRequest(f"{upstream.url}/api/v1/files", body, {"Content-Type": kind})) as answer:
                told = answer.read()
            stored = read_upload(told)
            assert stored is not None
            assert upstream.office.files[stored] == upload.media_type
            assert json.loads(told)["bytes"] == len(upload.data)


def test_a_name_cannot_break_the_form() -> None:
    _, body = upload_body(Upload("d", "image/png", 'a"\r\nX: 1', b"data"))
    assert b'filename="a___X: 1"' in body
    assert b'filename="file.png"' in upload_body(Upload("d", "image/png", "", b"data"))[1]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":""}', b'{"id":5}', b"\xff"])
def test_an_answer_without_an_id_gives_none(body: bytes) -> None:
    assert read_upload(body) is None


def test_of_several_documents_the_first_is_uploaded_and_the_others_told_as_text() -> None:
    other = File(Inline("application/pdf", base64.b64encode(b"%PDF two").decode()), name="b.pdf")
    request = asked(user("look", PDF), assistant("yes"), user(other, PDF))
    first, second = uploads(request)
    assert [first.as_text, second.as_text] == [False, True]
    shown = with_uploads(request, {first.digest: "file_1"}, {second.digest: "Two."})
    body, written = write(shown)
    told = json.dumps(body["messages"])
    assert told.count("file_1") == 2
    assert "b.pdf\\n\\nTwo." in told
    assert losses(written) == ["file.text"]
