"""Files that must be uploaded before a request can show them: what is to be sent, and the request with their ids.

Theory. The wire shows files by id only. `uploads` lists what of a request is media in bytes, each once, by a digest
of its content; whoever performs the calls may keep the ids by that digest and account, for a file stays where it is.
`with_uploads` then gives the request in which those parts are `Stored`; what was not uploaded stays as it was, and
the writer puts words in its place.

Limits: images 15 MB, documents 40 MB, sound 35 MB; JPEG, PNG, TIFF and BMP of images, so that others must be made PNG
first (`Upload.to_png`), and larger ones smaller; one document in a request.
Source: developers.sber.ru, POST /files, processing files, read 2026-11-20.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from dragoman.canon.request import Audio, File, Image, Inline, Loss, Part, Request, Stored, ToolResult
from dragoman.dialects.base import Upload, Uploads
from dragoman.dialects.gigachat.wire import NAME

PATH = "/files"
MEGABYTE = 1024 * 1024
IMAGES = {"image/jpeg": "jpg", "image/png": "png", "image/tiff": "tiff", "image/bmp": "bmp"}
CONVERTIBLE = frozenset({"image/webp", "image/gif"})
DOCUMENTS = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/epub": "epub",
    "application/epub+zip": "epub",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
}
SOUNDS = {"audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/wav": "wav", "audio/x-wav": "wav", "audio/ogg": "ogg"}
MOST_IMAGE = 15 * MEGABYTE
MOST_DOCUMENT = 40 * MEGABYTE
MOST_SOUND = 35 * MEGABYTE
AS_TEXT = Loss("file.text", "The vendor takes one document, and not every; others are told as their text alone.")
BOUNDARY = "dragoman-5d1f0c9a7e"
_ID = msgspec.json.Decoder(dict[str, object])


def uploads(request: Request) -> tuple[Upload, ...]:
    """The files of a request that the vendor can be given, each once; none that are of another type.

    Of several documents it reads the first alone, so that the others are to be told as text.
    """
    found: dict[str, Upload] = {}
    for turn in request.turns:
        for part in _media(turn.parts):
            upload = _upload(part)
            if upload is not None:
                found.setdefault(upload.digest, upload)
    documents = [upload for upload in found.values() if upload.media_type in DOCUMENTS]
    for upload in documents:
        is_too_large = len(upload.data) > MOST_DOCUMENT
        if upload is not documents[0] or is_too_large:
            found[upload.digest] = replace(upload, as_text=True)
    return tuple(found.values())


def upload_body(upload: Upload) -> tuple[str, bytes]:
    """Content type and body of the call that uploads a file."""
    extension = upload.media_type.rpartition("/")[2]
    name = upload.name.translate({ord(mark): "_" for mark in '"\r\n\\'}) or f"file.{extension}"
    edge = f"--{BOUNDARY}-{upload.digest}"
    head = (
        f'{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\ngeneral\r\n'
        f'{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {upload.media_type}\r\n\r\n"
    )
    body = head.encode("utf-8", "replace") + upload.data + f"\r\n{edge}--\r\n".encode()
    return f"multipart/form-data; boundary={edge[2:]}", body


def read_upload(body: bytes) -> str | None:
    """The id that an uploaded file was given; None if the answer tells none."""
    try:
        told = _ID.decode(body).get("id")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return told if isinstance(told, str) and told else None


def with_uploads(request: Request, ids: Mapping[str, str], texts: Mapping[str, str]) -> Request:
    """The request with each uploaded file, or a document's text, in place of its bytes; both are given by digest."""
    if not ids and not texts:
        return request

    def placed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(_placed(part, ids, texts, placed) for part in parts)

    turns = tuple(replace(turn, parts=placed(turn.parts)) for turn in request.turns)
    losses = (*request.losses, AS_TEXT) if texts else request.losses
    return replace(request, turns=turns, losses=losses)


def _placed(
    part: Part,
    ids: Mapping[str, str],
    texts: Mapping[str, str],
    inner: Callable[[tuple[Part, ...]], tuple[Part, ...]],
) -> Part:
    match part:
        case ToolResult():
            return replace(part, parts=inner(part.parts))
        case Image() | File() | Audio():
            upload = _upload(part)
            if upload is not None and upload.digest in ids:
                return replace(part, source=Stored(NAME, ids[upload.digest]))
            if upload is not None and upload.digest in texts and isinstance(part, File):
                return replace(part, source=None, text=texts[upload.digest])
    return part


def _media(parts: tuple[Part, ...]) -> Iterator[Image | File | Audio]:
    for part in parts:
        if isinstance(part, Image | File | Audio):
            yield part
        elif isinstance(part, ToolResult):
            yield from _media(part.parts)


def _upload(part: Image | File | Audio) -> Upload | None:
    """The upload of a part with bytes in it; None for any other, and for what the vendor does not take."""
    source = part.source
    if not isinstance(source, Inline):
        return None
    media_type = source.media_type.partition(";")[0].strip().lower().replace("image/jpg", "image/jpeg")
    to_png = media_type in CONVERTIBLE
    if not (to_png or media_type in {*IMAGES, *DOCUMENTS, *SOUNDS}):
        return None
    if media_type in SOUNDS and len(source.base64) * 3 // 4 > MOST_SOUND + 2:
        return None
    try:
        data = b64decode(source.base64)
    except (Base64Error, ValueError):
        return None
    name = part.name if isinstance(part, File) and part.name else ""
    digest = sha256(media_type.encode() + b"\n" + data).hexdigest()[:32]
    most = MOST_IMAGE if media_type in IMAGES or to_png else 0
    return Upload(digest, media_type, name, data, to_png, most)


UPLOADS = Uploads(path=PATH, find=uploads, body=upload_body, read=read_upload, place=with_uploads)
