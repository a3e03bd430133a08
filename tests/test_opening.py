"""Files are opened by runner/safe_open.py, which knows what is no file and where a file ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.conftest import ROOT

OPENING = {"open", "read_text", "read_bytes"}
# Their method of this name opens no file, or does it by safe_open.
OTHERS = {"safe_open", "Draft"}
# What they read is the kernel's, or came with ftui; or it was looked at before and is opened by a library.
KNOWN = {
    "runner/atomic_write.py": "makes a new file, and reads none",
    "runner/data/opened.py": "what unpacks opens by path, once magic bytes were read",
    "runner/insight/memory/config_figures.py": "came with ftui",
    "runner/machine/distribution.py": "/etc/os-release, read by Pythons too old for safe_open",
    "runner/nvml.py": "/proc",
    "runner/safe_open.py": "the one",
    "runner/store/manifest.py": "folders and files the trainer has just written, for the disk",
    "runner/store/processes.py": "/proc",
    "runner/supervision/command_line.py": "/proc",
    "runner/supervision/environment.py": "/proc",
    "runner/supervision/exit_causes.py": "/proc",
    "runner/supervision/stalls.py": "/proc",
    "runner/train/row_clock.py": "/proc",
    "runner/xids.py": "/dev/kmsg, without waiting",
    "tui/cli/out.py": "descriptors that are open, and /dev/null",
}


def openings(source: str) -> Iterator[str]:
    """The calls that open a file without safe_open, each as it is written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            of, _, name = ast.unparse(node.func).rpartition(".")
            if name in OPENING and (of or name == "open") and of not in OTHERS:
                yield ast.unparse(node)


def test_openings_are_found() -> None:
    found = openings(
        "open(a); Path(b).read_text(); p.open('rb'); os.open(c, 0); safe_open.read_bytes(d); read_text(e)"
    )
    assert list(found) == ["open(a)", "Path(b).read_text()", "p.open('rb')", "os.open(c, 0)"]


def test_files_are_opened_in_one_place() -> None:
    found = {
        str(path.relative_to(ROOT)): calls
        for folder in ("runner", "tui")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (calls := list(openings(path.read_text())))
    }
    assert {path: calls for path, calls in found.items() if path not in KNOWN} == {}
    assert KNOWN.keys() - found.keys() == set()
