"""How many tokens a prompt has, as near as can be told without its tokenizer, corrected by what providers report.

Theory: characters per token differ by script more than by vendor. Between the tokenizers of 2026 the spread is:
English 3.4 to 6.1, Russian 2.1 to 3.7, Chinese 0.9 to 1.4, code 3.1 to 4.9 (measured 2026-11-20 on the same texts).
The figures below lie inside, and a moving ratio per model takes care of the rest after the first answer.

Counting is cheap: how many characters are ASCII, and how many bytes the others take, tells the scripts apart; of a
long text, some pieces are looked at.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Final

from msgspec import Raw, Struct, field

from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Inline,
    Part,
    ProviderTool,
    Refusal,
    Request,
    ServerTool,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolReference,
    ToolResult,
    Unknown,
)

PROSE: Final = 4.4
CODE: Final = 3.8
"""Characters per token of ASCII text: words, or code, JSON and tool output."""
TWO_BYTE: Final = 2.8
"""The same for scripts of two bytes in UTF-8: Cyrillic, Greek, Hebrew, Arabic, accented Latin."""
THREE_BYTE: Final = 1.2
"""The same for scripts of three: Chinese, Japanese, Korean and most others."""
OUTPUT: Final = 4
"""Characters per token of generated text, for a floor where a provider reports nothing."""

SAMPLE: Final = 8192
PIECES: Final = 32
"""Characters of one text that are looked at, and the pieces they are taken in."""

TURN_TOKENS = 4
TOOL_TOKENS = 12
"""What the frame around a turn, or around a tool, costs."""
IMAGE_TOKENS = 1600
"""A large picture, or one whose size is not known. Vendors scale down what is larger (Anthropic: width times height
over 750, long edge at most 1568; vision guide, read 2026-11-20)."""
IMAGE_PIXELS_PER_TOKEN = 750
PAGE_TOKENS = 2250
PAGE_BYTES = 40_000
"""A PDF page as text and picture (Anthropic: 1,500 to 3,000 tokens of text), and the bytes it usually takes."""
AUDIO_BYTES_PER_TOKEN = 1000
OPAQUE_TOKENS = 5000
"""Most tokens a part is taken for that only its vendor understands; it may hold media."""
HEADER_CHARACTERS = 32 * 1024
"""Base64 characters in which a picture's size is looked for."""

SMALLEST = 200
"""Estimates below this say nothing of a model's ratio."""
WEIGHT = 0.2
"""Weight of the newest ratio in the moving one."""
PLAUSIBLE = (0.5, 2.0)
"""Ratios that tokenizers can have; a report beyond them tells of a broken count, and is not believed."""
MODEL_LIMIT = 500
"""Models whose ratio is remembered."""


class Calibration(Struct, frozen=True):
    """How far the estimates are off, by model: tokens the provider reported over tokens we had estimated."""

    ratios: Mapping[str, float] = field(default_factory=dict)

    def ratio(self, model: str) -> float:
        """What an estimate for this model is to be multiplied with; 1 where nothing is known."""
        return self.ratios.get(model, 1.0)


def calibrate(calibration: Calibration, model: str, estimated: int, reported: int) -> Calibration:
    """The calibration after a provider has reported the prompt of which `estimated` was our uncorrected estimate."""
    seen = reported / max(estimated, 1)
    if estimated < SMALLEST or not PLAUSIBLE[0] <= seen <= PLAUSIBLE[1]:
        return calibration
    before = calibration.ratios.get(model)
    after = seen if before is None else before + WEIGHT * (seen - before)
    if before is not None and abs(after - before) < 0.005 * before:
        return calibration
    ratios = {name: ratio for name, ratio in calibration.ratios.items() if name != model}
    if len(ratios) >= MODEL_LIMIT:
        del ratios[next(iter(ratios))]
    return Calibration({**ratios, model: after})


def estimate_prompt(request: Request, ratio: float = 1.0) -> int:
    """Tokens of the whole prompt: system, turns, tools, pictures and documents."""
    tally = _Tally()
    for part in request.system:
        tally.part(part)
    for turn in request.turns:
        tally.tokens += TURN_TOKENS
        for part in turn.parts:
            tally.part(part)
    shown = _shown(request) if any(type(tool) is Tool and tool.deferred for tool in request.tools) else set()
    for tool in request.tools:
        if isinstance(tool, ProviderTool):
            tally.tokens += TOOL_TOKENS + _raw(tool.raw)
        elif not tool.deferred or tool.name in shown:
            tally.tool(tool)
    return max(1, round(tally.total() * ratio))


def estimate_text(characters: int) -> int:
    """Tokens of so many generated characters."""
    return -(-characters // OUTPUT)


def count_text(text: str, per_token: float = PROSE) -> float:
    """Tokens of a text; `per_token` holds for its ASCII characters."""
    if text.isascii():
        return len(text) / per_token
    sample = text if len(text) <= SAMPLE else _sample(text)
    ascii_length = len(sample.encode("ascii", "ignore"))
    others = len(sample) - ascii_length
    beyond = len(sample.encode("utf-8", "surrogatepass")) - ascii_length - 2 * others
    wide = min(beyond, others)
    tokens = ascii_length / per_token + (others - wide) / TWO_BYTE + wide / THREE_BYTE
    return tokens * len(text) / len(sample)


def _sample(text: str) -> str:
    """Pieces from all over a text."""
    return "".join(text[at : at + SAMPLE // PIECES] for at in (len(text) * piece // PIECES for piece in range(PIECES)))


def _shown(request: Request) -> set[str]:
    """Names of the deferred tools that a search has found."""
    parts = [part for turn in request.turns for part in turn.parts]
    inner = [part for result in parts if isinstance(result, ToolResult) for part in result.parts]
    return {part.name for part in (*parts, *inner) if isinstance(part, ToolReference)}


class _Tally:
    """Adds up a prompt. Mutable: texts that are not ASCII are set aside, and counted together from one sample."""

    def __init__(self) -> None:
        self.tokens = 0.0
        self._aside: dict[float, list[str]] = {PROSE: [], CODE: []}

    def total(self) -> float:
        """Tokens of everything added."""
        aside = [count_text("".join(texts), per_token) for per_token, texts in self._aside.items() if texts]
        return self.tokens + sum(aside)

    def text(self, text: str, per_token: float = PROSE) -> None:
        """Adds a text."""
        if text.isascii():
            self.tokens += len(text) / per_token
        else:
            self._aside[per_token].append(text)

    def part(self, part: Part) -> None:
        """Adds a part."""
        match part:
            case Text(text=text) | Refusal(text=text) | Thinking(text=text):
                self.text(text)
            case ToolCall(name=name, arguments=arguments):
                self.tokens += TOOL_TOKENS + len(name) / CODE
                self.text(arguments, CODE)
            case ToolResult(parts=parts):
                self.tokens += TOOL_TOKENS
                for inner in parts:
                    if type(inner) is Text:
                        self.text(inner.text, CODE)
                    else:
                        self.part(inner)
            case File(source=source, text=text):
                self.text(text or "")
                self.tokens += _document(source) if source else 0
            case _:
                self.tokens += _of_other(part)

    def tool(self, tool: Tool) -> None:
        """Adds a tool."""
        schema = _raw(tool.schema) if tool.schema is not None else 0.0
        self.tokens += TOOL_TOKENS + len(tool.name) / CODE + schema
        self.text(tool.description or "")


def _of_other(part: Part) -> float:
    """Tokens of a part that is no text."""
    match part:
        case Image(source=source):
            return _image(source)
        case Audio(source=source):
            return len(source.base64) * 3 / 4 / AUDIO_BYTES_PER_TOKEN if isinstance(source, Inline) else IMAGE_TOKENS
        case ServerTool(raw=raw) | Unknown(raw=raw):
            return min(_raw(raw), OPAQUE_TOKENS)
        case ToolReference(name=name):
            return len(name) / CODE
        case _:
            return 0.0


def _raw(raw: Raw) -> float:
    return len(memoryview(raw)) / CODE


def _document(source: Source) -> float:
    pages = max(1, len(source.base64) * 3 // 4 // PAGE_BYTES) if isinstance(source, Inline) else 1
    return pages * PAGE_TOKENS


def _image(source: Source) -> float:
    size = image_size(source.base64) if isinstance(source, Inline) else None
    if size is None:
        return IMAGE_TOKENS
    width, height = size
    return min(width * height / IMAGE_PIXELS_PER_TOKEN, IMAGE_TOKENS)


def image_size(base64: str) -> tuple[int, int] | None:
    """Width and height of a PNG or JPEG, read from its beginning; None where they are not found."""
    if base64.startswith("iVBORw0KGgo"):
        data = _decoded(base64[:32])
        return (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) if len(data) == 24 else None
    return _jpeg_size(_decoded(base64[:HEADER_CHARACTERS])) if base64.startswith("/9j/") else None


def _decoded(base64: str) -> bytes:
    """The bytes of whole groups of base64; none if it is not base64."""
    try:
        return b64decode(base64[: len(base64) // 4 * 4])
    except (Base64Error, ValueError):
        return b""


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The size in a JPEG's frame header (ITU T.81, table B.2): the first segment C0 to CF but C4, C8 and CC."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None
