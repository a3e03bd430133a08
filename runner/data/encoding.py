"""Which encoding a text file has: UTF-8 unless its bytes say otherwise, and then only what they say beyond doubt.

A wrong guess is learned letter by letter, so what is not sure is refused, with the setting that decides it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.data.errors import DataError
from runner.data.opened import UNPACKING_ERRORS, damaged, open_bytes

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Those people's files have, by language; the Apple and DOS ones make any text look plausible.
CANDIDATES = (
    "cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257",
    "cp932", "euc_jp", "gb18030", "big5", "euc_kr",
)  # fmt: skip
CHUNK = 1 << 20
# Detection is quadratic in parts and no better with more.
MOST_SAMPLE = 1 << 16
# The best must be by so much less of a mess (share of implausible characters), or read by so much more like a language,
# than any other: Où reads well as Oł and Oů too.
LEAST_LESS_MESS, LEAST_MORE_LANGUAGE = 0.25, 0.1


@dataclass(frozen=True)
class Encoding:
    """A codec's name, and `remark` where it is not plain UTF-8."""

    name: str
    remark: str = ""


UTF_8 = Encoding("utf-8")


def encoding_of(path: Path, wanted: str | None = None) -> Encoding:
    """The encoding of a text file; `wanted` is what the preset says. Raises DataError when it cannot be told.

    The whole file is looked at: an umlaut may come late.
    """
    try:
        return _encoding_of(path, wanted)
    except UNPACKING_ERRORS as error:
        raise damaged(path, error) from None


def _encoding_of(path: Path, wanted: str | None) -> Encoding:
    with open_bytes(path) as stream:
        head = stream.read(4096)
    if wanted is not None:
        return Encoding(wanted, f"read as {wanted}, as data.encoding says")
    for bom, name in BOMS:
        if head.startswith(bom):
            return Encoding(
                name, "" if name == "utf-8-sig" else f"read as {name.upper()}: it begins with its mark"
            )
    if (wide := _utf16_without_mark(head)) is not None:
        return Encoding(wide, f"read as {wide.upper()}: every other byte is zero")
    if _is_utf8(path):
        return UTF_8
    return _other(path)


def _utf16_without_mark(head: bytes) -> str | None:
    if len(head) < 4 or head.count(0) < len(head) // 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    return "utf-16-le" if odd > even else "utf-16-be"


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with open_bytes(path) as stream:
            while chunk := stream.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _other(path: Path) -> Encoding:
    """Of a file that is not UTF-8 throughout: UTF-8 with spoilt rows, or another encoding."""
    whole, spoilt, sample = 0, 0, bytearray()
    first: tuple[int, int, int] | None = None
    for number, line in _unusual_lines(path):
        try:
            line.decode("utf-8")
            whole += 1
            continue
        except UnicodeDecodeError as error:
            spoilt += 1
            first = first or (number, error.start + 1, line[error.start])
        if len(sample) < MOST_SAMPLE:
            sample += line[:4096]
    if whole >= spoilt:
        # Its spoilt rows are refused one by one (lines.py).
        return UTF_8
    found = _best(bytes(sample))
    if len(found) == 1:
        return Encoding(found[0], f"read as {found[0]}: it is not UTF-8, and reads well as that")
    assert first is not None
    line_number, column, byte = first
    raise DataError(
        f"{path}, line {line_number}: byte {byte:#04x} at {column} is not UTF-8, and the encoding cannot be told.",
        f"Say which it is: data.encoding: {' or '.join(found[:3]) or 'cp1252'}. Or save the file as UTF-8.",
    )


def _unusual_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(number from 1, line) of those with bytes beyond ASCII."""
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, start=1):
            if not line.isascii():
                yield number, line


def _best(sample: bytes) -> list[str]:
    """The encodings the bytes may have, likeliest first: one when it is beyond doubt, or when all read the same."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(sample, cp_isolation=list(CANDIDATES), enable_fallback=False))
    found = list(matches)
    if not found:
        return []
    best = found[0]
    rivals = [
        one
        for one in found[1:]
        if one.chaos - best.chaos < LEAST_LESS_MESS and best.coherence - one.coherence < LEAST_MORE_LANGUAGE
    ]
    # cp1252 and cp1250 read many a text alike; the commoner name says more to people.
    names = [_usual(one.could_be_from_charset) for one in (best, *rivals)]
    return names[:1] if not rivals else names


def _usual(names: list[str]) -> str:
    return next((name for name in CANDIDATES if name in names), names[0])
