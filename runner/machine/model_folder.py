"""The folder of a model on this machine: where it lies, and whether libraries can be handed its files.

They open whatever has the right name: at a pipe they wait for ever, and a device they read until memory is full.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runner import places, safe_open

GIB = 1 << 30
# All of these are read whole; the largest known has a tenth of it.
MOST_TEXT_BYTES = GIB // 2
TEXTS = (".json", ".jinja", ".txt", ".model", ".py")
# Files that libraries read for a token or a password: by the variable that names them, and without it.
SECRETS = {"HF_TOKEN_PATH": "", "NETRC": "~/.netrc"}
# The folder of a model, and what transformers reads below it.
FOLDERS = ("", "additional_chat_templates")


def cache_folder() -> Path:
    """Where huggingface_hub keeps what it fetched: $HF_HUB_CACHE, $HF_HOME/hub or ~/.cache/huggingface/hub."""
    if hub := os.environ.get("HF_HUB_CACHE"):
        return places.expanded(hub)
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    return places.expanded(home) / "hub"


def find_folder(name: str, revision: str) -> Path | None:
    """The directory with a model's config.json on this machine: given by path, or the hub's snapshot of it."""
    if name.startswith("/"):
        return Path(name) if _is_there(Path(name)) else None
    repository = cache_folder() / f"models--{name.replace('/', '--')}"
    try:
        commit = safe_open.read_text(repository / "refs" / revision, MOST_TEXT_BYTES).strip()
    except (OSError, ValueError):
        commit = revision
    folder = repository / "snapshots" / commit
    return folder if _is_there(folder) else None


def unreadable_secret() -> str:
    """What keeps libraries from reading the file of a token or of passwords; empty for nothing."""
    named = {name: os.environ.get(name) or usual for name, usual in SECRETS.items()}
    named["HF_TOKEN_PATH"] = named["HF_TOKEN_PATH"] or str(cache_folder().parent / "token")
    for name, path in named.items():
        try:
            kind = safe_open.kind_of(os.stat(places.expanded(path)).st_mode)  # noqa: PTH116
        except (OSError, ValueError):
            continue
        if kind and kind != "a folder":
            return f"{path} is {kind}, and a library would wait for a secret in it. Set {name} to a file, or unset it"
    return ""


def _is_there(folder: Path) -> bool:
    try:
        # A pipe is there too, and is named by what would read it.
        return safe_open.kind_of((folder / "config.json").stat().st_mode) != "a folder"
    except (OSError, ValueError):
        return False


def unreadable(folder: Path) -> str:
    """What keeps libraries from reading the files of a folder, with the name of the first; empty for nothing."""
    for entry in _entries(folder):
        try:
            status = entry.stat()
        except OSError:
            # A link to nothing, which libraries take for a file that is not there.
            continue
        kind = safe_open.kind_of(status.st_mode)
        if kind and kind != "a folder":
            return f"{entry.path} is {kind}, no file"
        if entry.name.endswith(TEXTS) and status.st_size > MOST_TEXT_BYTES:
            return f"{entry.path} has {status.st_size / GIB:.1f} GiB, which no such file has"
    return ""


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    for name in FOLDERS:
        with suppress(OSError), os.scandir(folder / name) as found:
            yield from found
