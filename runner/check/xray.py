"""The X-ray of a preset's data: its cache by content, and the child process that makes it.

The child needs the tokenizer, and so the training stack; this module does not. A report lies in
$FTUI_HOME/cache/xray/KEY/report.json, where KEY is made of the content of data, tokenizer and template and of the
settings that change the result.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from runner import safe_open
from runner.insight.data import DataReport
from runner.insight.data_json import report_from_json
from runner.machine import training_stack
from runner.machine.model_folder import find_folder
from runner.preset import files
from runner.preset.data_sources import data_sources
from runner.preset.schema import Preset
from runner.store.directory import read_json

MODULE = "runner.train.xray"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
)
# Reports are small; the oldest of so many go.
MOST_REPORTS = 200
VERSION = 1
ENDING_SECONDS = 10
# Of a child that the alarm of its clock ended (train/row_clock.py).
STUCK = {
    "message": "A row has kept the chat template or the tokenizer busy for too long.",
    "hint": "Look at model.chat_template_path and at very long rows.",
}

_lock = threading.Lock()
_digests: dict[tuple[str, int, int], str] = {}


def xray_key(preset: Preset) -> str:
    """Names the X-ray of a preset by content. Hashes files it has not hashed before, so call it from a thread."""
    data, train, model = preset.data, preset.train, preset.model
    folder = find_folder(model.model_name_or_path, model.revision)
    tokenizer = [digest(folder / name) for name in TOKENIZER_FILES] if folder is not None else []
    content = [
        VERSION,
        model.model_name_or_path,
        model.revision,
        tokenizer,
        digest(Path(model.chat_template_path)) if model.chat_template_path else None,
        [
            digest(Path(source.dataset)) if source.is_local else source.dataset
            for source in data_sources(data)
        ],
        data.model_dump(mode="json"),
        preset.eval.most_rows,
        [train.max_length, train.assistant_only_loss, train.seed, train.packing, train.packing_strategy],
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]


def digest(path: Path) -> str:
    """SHA-256 of a file; empty when it cannot be read. A file with the same size and time is not read again."""
    try:
        status = path.stat()
        name = (str(path), status.st_size, status.st_mtime_ns)
        with _lock:
            if name in _digests:
                return _digests[name]
        with safe_open.open_binary(path) as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
    with _lock:
        _digests[name] = found
    return found


def report_folder(home: Path, key: str) -> Path:
    return home / "cache" / "xray" / key


def read_report(home: Path, key: str) -> DataReport | None:
    """The report as far as it goes; None when there is none."""
    return report_from_json(read_json(report_folder(home, key) / "report.json"))


def start(preset: Preset, home: Path, key: str, interactive: bool = False) -> subprocess.Popen[bytes]:
    """Start the child; `interactive` keeps its standard input open, for pages. Raises OSError."""
    folder = report_folder(home, key)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _forget_old(folder.parent, keep=key)
    files.dump(preset, folder / "preset.yaml")
    return subprocess.Popen(
        training_stack.command(MODULE, folder / "preset.yaml", folder, key),
        stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        },
        cwd=folder,
    )


def complete(preset: Preset, home: Path, tell: Callable[[DataReport], None] | None = None) -> DataReport:
    """The whole report: from the cache, or made now, which can take minutes; `tell` is given it as far as it goes.

    What keeps it from being made is its `problem`. Interrupted, the child ends too.
    """
    key = xray_key(preset)
    report = read_report(home, key)
    if report is not None and report.complete:
        return report
    with closing(made(preset, home, key)) as reports:
        for newest in reports:
            report = newest
            if tell is not None:
                tell(newest)
    return report if report is not None and (report.complete or report.problem) else failure({}, preset)


def quick(preset: Preset, home: Path, seconds: float = 10.0) -> DataReport | None:
    """The report, or after so many seconds what is known by then: of a large file, a sample all over it; None
    for nothing yet. A child that ended without a word is a report with a problem.
    """
    key = xray_key(preset)
    report = read_report(home, key)
    if report is not None and report.complete:
        return report
    deadline = time.monotonic() + seconds
    with closing(made(preset, home, key, deadline)) as reports:
        for newest in reports:
            report = newest
    if report is None and time.monotonic() < deadline:
        return failure({}, preset)
    return report


def made(
    preset: Preset, home: Path, key: str, deadline: float | None = None
) -> Generator[DataReport, None, None]:
    """The report as it is being made, ending with the whole one, or with one that has a problem. Closed early, or
    at the deadline (of time.monotonic()), the child ends too.
    """
    try:
        child = start(preset, home, key)
    except OSError as error:
        yield cannot_start(error, preset)
        return
    with child:
        try:
            for line in _lines(child, deadline):
                message = parse_message(line)
                if message.get("type") == "error":
                    yield failure(message, preset)
                elif message.get("type") == "report" and (report := read_report(home, key)) is not None:
                    yield report
            if deadline is None or time.monotonic() < deadline:
                # Its output has ended, so it has, or is about to.
                child.wait(ENDING_SECONDS)
            if child.returncode == -signal.SIGALRM:
                yield failure(STUCK, preset)
        except subprocess.TimeoutExpired:
            pass
        finally:
            child.terminate()


def _lines(child: subprocess.Popen[bytes], deadline: float | None) -> Generator[bytes, None, None]:
    """What the child says, line by line, until it ends or the deadline."""
    assert child.stdout is not None
    rest = b""
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([child.stdout], [], [], left)[0]:
            return
        data = os.read(child.stdout.fileno(), 1 << 16)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        yield from whole
        if left == 0.0:
            return


def parse_message(line: bytes) -> dict[str, Any]:
    """One line of what the child says; empty for anything else (a library's own words)."""
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def failure(message: dict[str, Any], preset: Preset) -> DataReport:
    """A report that says why there is none."""
    return DataReport(
        max_length=preset.train.max_length,
        problem=str(message.get("message", "the X-ray ended without a word")),
        hint=str(message.get("hint", "")),
    )


def cannot_start(error: OSError, preset: Preset) -> DataReport:
    """A report that says why the child that makes it could not be started."""
    why = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return failure(
        {"message": f"the X-ray cannot be started: {why}", "hint": "`ftui doctor` looks at FTUI_HOME."},
        preset,
    )


def _forget_old(folder: Path, keep: str) -> None:
    entries = sorted(
        (e for e in os.scandir(folder) if e.is_dir()), key=lambda e: e.stat().st_mtime, reverse=True
    )
    for entry in entries[MOST_REPORTS:]:
        if entry.name != keep:
            shutil.rmtree(entry.path, ignore_errors=True)
