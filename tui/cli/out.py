"""The command line's one way to the terminal: everything that is printed, asked and told of errors goes through here.

Text is made safe to show (runner/plain_text.py), characters that the terminal's encoding lacks are replaced, and output
that cannot be written ends in two lines.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO, TypeVar

import click

from runner import plain_text
from tui.glyphs import glyphs, in_ascii, is_ascii_asked_for

T = TypeVar("T")

# The name of what is done with characters that an encoding lacks, as `errors` of a stream.
LACKING = "ftui"


@dataclass(frozen=True)
class Styled:
    """Words with a style of click's."""

    text: str
    style: dict[str, Any]


Part = str | Styled


def styled(text: str, **style: Any) -> Styled:
    """Words in a style: `fg`, `bold`, `dim`."""
    return Styled(text, style)


def echo(*parts: Part, err: bool = False) -> None:
    """Print one line made of these parts. Raises OutputError, or BrokenPipeError when its reader is gone."""
    _write("".join(_painted(part) for part in parts) + "\n", err)


def echo_lines(text: str, err: bool = False) -> None:
    """Print text of several lines. Raises as `echo` does."""
    _write(shown(text, plain_text.lines) + "\n", err)


def echo_json(text: str) -> None:
    """Print JSON: what cannot be shown, or not in this encoding, stands in it as escapes. Raises as `echo` does."""
    text = plain_text.escaped(text)
    if glyphs().ascii:
        text = "".join(one if one.isascii() else plain_text.escape(one) for one in text)
    _write(text + "\n", False)


def shown(text: str, how: Callable[[str], str] = plain_text.line) -> str:
    """Text as it is printed."""
    return in_ascii(how(text)) if is_ascii_asked_for() else how(text)


def _painted(part: Part) -> str:
    return click.style(shown(part.text), **part.style) if isinstance(part, Styled) else shown(part)


def confirm(question: str, default: bool) -> bool:
    """Ask yes or no on the terminal, on stderr. Raises click's Abort at Ctrl-C."""
    return click.confirm(shown(question), default=default, err=True)


def ask_number(question: str, most: int) -> int:
    """Ask for a number from 1 to `most`; the first is proposed."""
    return int(click.prompt(shown(question), type=click.IntRange(1, most), default=1))


def progress(items: Iterable[T], label: str) -> AbstractContextManager[Iterable[T]]:
    """A bar that grows while one goes through the items; nothing without a terminal."""
    return click.progressbar(items, label=shown(label), show_pos=True)


class OutputError(click.ClickException):
    """Output that could not be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            f"The output could not be written: {error.strerror or error}.\n"
            "Send it where there is room, or to a terminal."
        )


class Stream:
    """stdout or stderr for what needs a file: text goes out as it is. Raises as `echo` does. It is the one there is
    now, since rich puts its own in its place while it draws.
    """

    def __init__(self, err: bool = False) -> None:
        self._stream = sys.stderr if err else sys.stdout
        self.encoding = getattr(self._stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        _guarded(self._stream, lambda: self._stream.write(_fitting(text, self._stream)))
        return len(text)

    def flush(self) -> None:
        _guarded(self._stream, self._stream.flush)

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def _write(text: str, err: bool) -> None:
    stream = sys.stderr if err else sys.stdout
    # With a file click leaves the encoding to it, and takes styles out where that is no terminal.
    _guarded(stream, lambda: click.echo(_fitting(text, stream), file=stream, nl=False))


def _guarded(stream: TextIO, write: Callable[[], object]) -> None:
    try:
        write()
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up(stream)
        raise OutputError(error) from None


def _give_up(stream: TextIO) -> None:
    """What could not be written is not tried again when the interpreter ends, which would have the last word."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def _fitting(text: str, stream: TextIO) -> str:
    """Text that this stream's encoding can hold."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text if text.isascii() else text.encode(encoding, LACKING).decode(encoding)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end]), error.end


codecs.register_error(LACKING, _replaced)


class Context(click.Context):
    """A context whose help is printed here, and not by click."""

    def get_help(self) -> str:
        echo_lines(super().get_help())
        self.exit()


class _Words(io.StringIO):
    """What click is to write to without taking escapes out, which are to be seen."""

    color = True


def exit_code(work: Callable[[], object]) -> int:
    """Do a command's work; returns what the process ends with. Errors for users are told, others pass."""
    _ready()
    try:
        done = work()
    except click.Abort:
        return _told("Aborted!", 1)
    except click.ClickException as error:
        words = _Words()
        error.show(words)
        return _told(words.getvalue().rstrip("\n"), error.exit_code)
    return done if isinstance(done, int) else 0


def _told(words: str, code: int) -> int:
    with contextlib.suppress(OutputError, BrokenPipeError):
        echo_lines(words, err=True)
    return code


def _ready() -> None:
    """Streams that are closed swallow what is written, so that no file that is opened later gets their number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError as error:
            if error.errno == errno.EBADF:
                os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An error of ftui's own, whose words may come from outside (sys.excepthook)."""
    _told("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"), 1)
