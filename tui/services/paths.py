"""What a path that is being typed could become: folders and files that begin like it, and models of the hub's cache."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runner import places
from tui.messages import PathsSeen
from tui.models.typed_path import PathEntry, PathQuestion, Wanted
from tui.services.service import Post, Service

# A folder with more entries than these is read no further.
MOST_ENTRIES = 20_000
# As a shell has them: what they mean is a folder.
FOLDERS_BY_NAME = (".", "..", "~")


class PathService(Service):
    """Posts PathsSeen: for the newest question, and for each whose answer is waited for."""

    seconds = 3600.0

    def __init__(self, post: Post, where: Path) -> None:
        """`where` is the folder that relative paths begin in."""
        super().__init__(post)
        self._where = where
        self._change = threading.Lock()
        self._questions: list[PathQuestion] = []

    def ask(self, question: PathQuestion) -> None:
        """Look what begins like this."""
        with self._change:
            self._questions = [*(one for one in self._questions if one.completes), question]
        self.nudge()

    def look(self) -> None:
        with self._change:
            questions, self._questions = self._questions, []
        for question in questions:
            # Whatever a file system does, an answer is waited for.
            found: list[PathEntry] = []
            with suppress(OSError, ValueError):
                found = sorted(candidates(question, self._where), key=_newest_data_first)
            self.post(PathsSeen(question, completed(question.text, found), tuple(found)))


def completed(text: str, found: list[PathEntry]) -> str:
    """The text with all that its candidates have in common."""
    if not found:
        return text
    # What the first and the last in order have in common, all between them have.
    first, last = min(one.text for one in found), max(one.text for one in found)
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    common = first[:same] if same is not None else min(first, last, key=len)
    return common if len(common) > len(text) else text


def candidates(question: PathQuestion, where: Path) -> Iterator[PathEntry]:
    """What begins with the text. Raises OSError for a folder that cannot be read."""
    text, wanted = question.text, question.wanted
    if text in FOLDERS_BY_NAME or text.endswith("/.."):
        yield PathEntry(f"{text}/", is_folder=True)
        return
    typed, begin = os.path.split(text)
    if typed and not typed.endswith("/"):
        typed += "/"
    is_bare = not text.startswith(("/", "./", "../", "~"))
    if is_bare and wanted is not Wanted.FILE:
        # As a setting reads it: what does not begin like a path is a name on the hub.
        typed = f"./{typed}"
    if wanted is Wanted.MODEL and is_bare and text:
        from runner.check.own_models import cached_models

        yield from (PathEntry(name) for name in cached_models() if name.startswith(text))
    folder = where / places.expanded(typed)
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as listed:
        for entry, _ in zip(listed, range(MOST_ENTRIES), strict=False):
            if not entry.name.startswith(begin) or (entry.name.startswith(".") and not begin):
                continue
            found = _entry(entry, typed, wanted)
            if found is not None:
                yield found


def _entry(entry: os.DirEntry[str], typed: str, wanted: Wanted) -> PathEntry | None:
    from runner.preset.files import DATA_SUFFIXES

    try:
        is_folder = entry.is_dir()
        seen = entry.stat()
    except OSError:
        # Gone meanwhile, or a link to nothing.
        return None
    if wanted is Wanted.MODEL:
        if not is_folder:
            return None
        is_model = Path(entry.path, "config.json").is_file()
        return PathEntry(f"{typed}{entry.name}{'' if is_model else '/'}", is_folder=not is_model)
    if is_folder:
        return PathEntry(f"{typed}{entry.name}/", is_folder=True)
    is_data = entry.name.lower().endswith(DATA_SUFFIXES)
    return PathEntry(f"{typed}{entry.name}", is_data=is_data, bytes=seen.st_size, modified=seen.st_mtime)


def _newest_data_first(entry: PathEntry) -> tuple[bool, bool, bool, float, str]:
    # Notes and read-me files are text too, and rarely what is to be learned.
    is_prose = entry.text.lower().endswith((".md", ".txt"))
    newest = -entry.modified if entry.is_data else 0.0
    return (not entry.is_data, not entry.is_folder, is_prose, newest, entry.text)
