"""Files that must be uploaded before a request can show them: what is to be sent, and the request with their ids.

Theory. The wire shows files by id only. `uploads` lists what of a request is media in bytes, each once, by a digest
of its content; whoever performs the calls may keep the ids by that digest and account, for a file stays where it is.
`with_uploads` then gives the request in which those parts are `Stored`; what was not uploaded stays as it was, and
the writer puts words in its place.

Limits: images 15 MB, documents 40 MB, sound 35 MB; JPEG, PNG, TIFF and BMP of images, so that others must be made PNG
first (`Upload.to_png`). Source: developers.sber.ru, POST /files, processing files, read 2026-11-20.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from dragoman.canon.request import Audio, File, Image, Inline, Part, Request, Stored, ToolResult
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
LIMITS = ((IMAGES, 15 * MEGABYTE), (DOCUMENTS, 40 * MEGABYTE), (SOUNDS, 35 * MEGABYTE))
BOUNDARY = "dragoman-5d1f0c9a7e"
_ID = msgspec.json.Decoder(dict[str, object])


def uploads(request: Request) -> tuple[Upload, ...]:
    """The files of a request that the vendor can be given, each once; none that are too large or of another type."""
    found: dict[str, Upload] = {}
    for turn in request.turns:
        for part in _media(turn.parts):
            upload = _upload(part)
            if upload is not None:
                found.setdefault(upload.digest, upload)
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


def with_uploads(request: Request, ids: Mapping[str, str]) -> Request:
    """The request with each uploaded file in place of its bytes; `ids` are those given, by digest."""
    if not ids:
        return request

    def stored(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(_stored(part, ids, stored) for part in parts)

    return replace(request, turns=tuple(replace(turn, parts=stored(turn.parts)) for turn in request.turns))


def _stored(part: Part, ids: Mapping[str, str], inner: Callable[[tuple[Part, ...]], tuple[Part, ...]]) -> Part:
    match part:
        case ToolResult():
            return replace(part, parts=inner(part.parts))
        case Image() | File() | Audio():
            upload = _upload(part)
            if upload is not None and upload.digest in ids:
                return replace(part, source=Stored(NAME, ids[upload.digest]))
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
    known = next((most for types, most in LIMITS if media_type in types), LIMITS[0][1] if to_png else 0)
    if not known or len(source.base64) * 3 // 4 > known + 2:
        return None
    try:
        data = b64decode(source.base64)
    except (Base64Error, ValueError):
        return None
    name = part.name if isinstance(part, File) and part.name else ""
    digest = sha256(media_type.encode() + b"\n" + data).hexdigest()[:32]
    return Upload(digest, media_type, name, data, to_png)


UPLOADS = Uploads(path=PATH, find=uploads, body=upload_body, read=read_upload, place=with_uploads)
