"""Files made into what a vendor takes: pictures as PNG or smaller, documents as text.

Each function works for long and belongs in a thread. Each needs a package of the extra `media` (Pillow, pypdf), and
raises `ImportError` without it.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dragoman.dialects.base import Upload

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MOST_PAGES = 300
"""Pages of a document that are read at most."""
SMALLEST = 64
"""Pixels of a side below which a picture is not made smaller."""
_FAULTS = (LookupError, ArithmeticError, ValueError, TypeError, AttributeError, RuntimeError, OSError, zlib.error)
"""What reading a document that is torn may raise, beside what pypdf means to raise."""


def taken_picture(file: Upload) -> Upload:
    """The picture's first frame as PNG, halved until it is small enough. Raises `ImportError` and `ValueError`."""
    from PIL import Image, UnidentifiedImageError  # an extra, and heavy

    try:
        with Image.open(io.BytesIO(file.data)) as opened:
            picture = opened.convert("RGBA" if opened.has_transparency_data else "RGB")
            while len(data := _png(picture)) > file.most_bytes > 0 and min(picture.size) > SMALLEST:
                picture = picture.resize((picture.width // 2, picture.height // 2))
    except (Image.DecompressionBombError, UnidentifiedImageError, OSError, SyntaxError) as found:
        raise ValueError(f"The picture cannot be read: {found}") from None
    return replace(file, media_type="image/png", data=data, to_png=False)


def _png(picture: Picture) -> bytes:
    made = io.BytesIO()
    picture.save(made, "PNG")
    return made.getvalue()


def text_of(data: bytes) -> str:
    """The text of a PDF, page by page; empty where it has none, as a scan, or cannot be read. Raises `ImportError`."""
    from pypdf import PdfReader  # an extra, and heavy
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        pages = [page.extract_text().strip() for page in reader.pages[:MOST_PAGES]]
        left = len(reader.pages) - MOST_PAGES
    except (PyPdfError, DependencyError, *_FAULTS):
        return ""
    texts = [f"[Page {number}]\n{text}" for number, text in enumerate(pages, 1) if text]
    return "\n\n".join([*texts, *([f"[{left} more pages are left out.]"] if texts and left > 0 else [])])
