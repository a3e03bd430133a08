"""What is said when the system refuses a file or a folder: what, where, and what can be done."""

from __future__ import annotations

import errno
import os

MOST_SHOWN = 100
_PLACE = "or set FTUI_HOME to a folder of yours. `ftui doctor` looks at it."
HINTS = {
    errno.EACCES: f"Make it readable and writable for you (chmod u+rwX, chown), {_PLACE}",
    errno.EPERM: f"Make it yours (chown), {_PLACE}",
    errno.EROFS: f"Mount it writable, {_PLACE}",
    errno.ENOSPC: f"Make room (`ftui clean`), {_PLACE}",
    errno.EDQUOT: f"Make room (`ftui clean`), {_PLACE}",
    errno.EEXIST: "A file lies where a folder belongs: move it away.",
    errno.ENOTDIR: "A file lies where a folder belongs: move it away.",
    errno.EISDIR: "A folder lies where a file belongs: move it away.",
    errno.EMFILE: "Too many files are open: `ulimit -n 4096`, and try again.",
}


def in_words(error: OSError) -> str:
    """At most two lines for what the system refused."""
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    hint = HINTS.get(error.errno or 0, "")
    return f"{where}{error.strerror or error}" + (f"\n{hint}" if hint else "")


def no_text(error: UnicodeEncodeError | UnicodeDecodeError) -> str:
    """Two lines for bytes that are no text, or text that cannot be written as bytes."""
    return (
        f"{error.object[:MOST_SHOWN]!r} is no {error.encoding.upper()}.\n"
        "Rename the file or folder, or write the text anew."
    )
