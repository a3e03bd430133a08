"""Finding what there is to read at a path, and opening it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner import places
from runner.foreign import (
    bars,
    columns,
    console,
    fairseq,
    litgpt,
    llama_factory,
    loop_log,
    megatron,
    mlx,
    ms_swift,
    nanogpt,
    notebook,
    result_table,
    tensorboard,
    torchtune,
    trackio,
    trainer_state,
    verl,
    wandb,
)
from runner.foreign.line_log import head, log_files
from runner.foreign.trace import Trace, TraceError, read_trace
from runner.foreign.waiting import WaitingTrace
from runner.store.history import History


@dataclass(frozen=True)
class Reader:
    """A kind of trace: what is looked for, in words, and what finds it."""

    looks_for: str
    find: Callable[[Path], Trace | None]
    # Found by what stands in a text: the newest text decides, whichever kind it is.
    is_log: bool = False


# In the order in which they tell most, and the logs in the order in which their lines are easier to mistake.
READERS = (
    Reader("LLaMA-Factory's trainer_log.jsonl", llama_factory.find),
    Reader("ms-swift's logging.jsonl", ms_swift.find),
    Reader("TensorBoard's events.out.tfevents.*", tensorboard.find),
    Reader("a Trainer's trainer_state.json", trainer_state.find),
    Reader("W&B's run-*.wandb", wandb.find),
    Reader("trackio's *.db", trackio.find),
    Reader("Lightning's metrics.csv or another table (.csv, .jsonl) with a loss", columns.find),
    Reader("a notebook (.ipynb, .html) with a Trainer's table", notebook.find),
    Reader("a log of torchtune", torchtune.find, is_log=True),
    Reader("mlx-lm", mlx.find, is_log=True),
    Reader("nanoGPT", nanogpt.find, is_log=True),
    Reader("verl", verl.find, is_log=True),
    Reader("fairseq", fairseq.find, is_log=True),
    Reader("LitGPT", litgpt.find, is_log=True),
    Reader("Megatron", megatron.find, is_log=True),
    Reader("a Step / Training Loss table as text", result_table.find, is_log=True),
    Reader("progress bars with a loss (kohya)", bars.find, is_log=True),
    Reader("a log with {'loss': …} lines", console.find, is_log=True),
    Reader("any log whose lines say a step and a loss", loop_log.find, is_log=True),
)
LOOKED_FOR = ", ".join(reader.looks_for for reader in READERS)

# What a directory is searched down to, and how much of it.
MOST_DEPTH = 3
MOST_FOLDERS = 600
MOST_RUNS = 40
# On a slow disk, or among many large texts, the newest folders were looked into by then.
SEARCH_SECONDS = 10.0
# Parts of a run, found from its own directory, and what no run lies in.
_PARTS = re.compile(
    r"checkpoint-\d+|runs|wandb|\..*|__pycache__|node_modules|site-packages|.*\.egg-info|venv|env|blobs|snapshots"
)
# Parts of a run from which its directory is looked for above.
_INNER = re.compile(r"checkpoint-\d+|runs|wandb|logs|files|tmp|version_\d+|epoch_\d+")
# A run that has such values is judged by them, and needs no loss.
_REWARDED = re.compile(r"reward|\bkl\b|score|policy")
# A log with nothing of a run in it is waited for while it is so fresh.
FRESH_SECONDS = 600.0
TEXTS = (".log", ".out", ".txt", ".err", ".jsonl", ".csv")


def open_trace(path: Path, *, follow: bool = True, names: Mapping[str, str] | None = None) -> Trace:
    """The trace at a file or in a directory, the newest when there are several (`others` names them).

    `follow` keeps a reader that is a program of its own waiting for more, and waits for the first line of an empty log.
    `names` says which of its values are what (ours: theirs). Raises TraceError.
    """
    path = places.absolute(path)
    try:
        found = _found(path, names or {})
        if found is None and path.is_file() and _may_come(path):
            if not follow:
                what = (
                    "no line that says a step and a loss yet"
                    if path.stat().st_size
                    else "nothing was written to it yet"
                )
                raise TraceError(f"{path}: {what}.\nWait for it: ftui watch {path}")
            found = WaitingTrace(path, lambda: _found(path, names or {}))
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}.") from None
    if found is None:
        what = "no trace of a training run in it" if path.is_dir() else "no trace of a training run"
        raise TraceError(f"{path}: {what}.\nLooked for {LOOKED_FOR}.")
    found.follow = follow
    found.book.renames = {theirs: ours for ours, theirs in (names or {}).items()}
    return found


def read_path(path: Path, names: Mapping[str, str] | None = None) -> tuple[Trace, History]:
    """The trace at a path and everything in it, closed again. Raises TraceError, also where nothing in it is known."""
    with closing(open_trace(path, follow=False, names=names)) as trace:
        history = read_trace(trace)
    curves = history.curves()
    there = dict.fromkeys(
        [*curves.metrics, *(name for known in curves.eval_metrics.values() for name in known)]
    )
    if not len(curves.train) and not curves.evals and there and not any(map(_REWARDED.search, there)):
        raise TraceError(columns.unknown_loss(trace.path, there))
    return trace, history


def runs_in(path: Path) -> list[Path]:
    """What can be opened at a path one by one, newest first: the path itself where there is only one run."""
    path = places.absolute(path)
    if not path.is_dir():
        return [path]
    try:
        here = _at(path)
        if here is not None:
            others = [Path(other) for other in here.others if Path(other).is_absolute()]
            return [_newest_of(here, path), *others] if others else [path]
        return [trace.path for trace in _below(path)] or [path]
    except (OSError, TraceError):
        return [path]


def _newest_of(trace: Trace, path: Path) -> Path:
    sources = trace.sources()
    if isinstance(trace, tensorboard.TensorBoard) and sources and sources[-1].parent != path:
        return sources[-1].parent
    return sources[-1] if sources else path


def _found(path: Path, names: Mapping[str, str]) -> Trace | None:
    if not path.exists():
        raise TraceError(f"{path}: there is no such file or directory.\nGive an output directory or a log.")
    missing: TraceError | None = None
    # What was said of columns may be meant of what printed lines say.
    for look in ([partial(columns.find, path, names)] if names else []) + [partial(_at, path)]:
        try:
            if (here := look()) is not None:
                return here
        except TraceError as error:
            if path.suffix in columns.TABLES:
                raise
            missing = missing or error
    if path.is_dir():
        below = _below(path)
        if below:
            below[0].others = (*below[0].others, *(str(trace.path) for trace in below[1:]))
            return below[0]
        for folder in _above(path):
            if (around := _at(folder)) is not None:
                return around
    if missing is not None:
        raise missing
    return None


def _at(path: Path) -> Trace | None:
    """The trace that tells most of those right here. TraceError when all there are cannot be read."""
    missing: TraceError | None = None
    for reader in READERS:
        if reader.is_log and path.is_dir():
            continue
        try:
            if (found := reader.find(path)) is not None:
                return found
        except TraceError as error:
            # What it cannot read for want of a package another reader may know from another file.
            missing = missing or error
    if path.is_dir() and (logs := _logs(path)):
        logs[0].others = tuple(str(log.path) for log in logs[1:])
        return logs[0]
    if missing is not None:
        raise missing
    return None


def _logs(folder: Path) -> list[Trace]:
    """The logs of runs in a folder, newest first."""
    readers = [reader for reader in READERS if reader.is_log]
    found = (
        next((log for reader in readers if (log := reader.find(file))), None) for file in log_files(folder)
    )
    return [log for log in found if log is not None]


def _below(path: Path) -> list[Trace]:
    """The runs in the folders of a folder, newest first."""
    found, until = [], time.monotonic() + SEARCH_SECONDS
    for folder in _folders(path):
        if time.monotonic() > until:
            break
        try:
            if (trace := _at(folder)) is not None:
                found.append(trace)
        except (OSError, TraceError):
            continue
        if len(found) == MOST_RUNS:
            break
    return sorted(found, key=lambda trace: trace.written_at() or 0.0, reverse=True)


def _folders(path: Path) -> Iterator[Path]:
    """The folders below, level by level, those of one level newest first; not those inside of a run."""
    level, count = [path], 0
    for _ in range(MOST_DEPTH):
        below: list[tuple[float, Path]] = []
        for folder in level:
            try:
                with os.scandir(folder) as entries:
                    inner = [
                        e for e in entries if e.is_dir(follow_symlinks=False) and not _PARTS.fullmatch(e.name)
                    ]
                    below += [(entry.stat().st_mtime, Path(entry.path)) for entry in inner]
            except OSError:
                continue
        level = [folder for _, folder in sorted(below, reverse=True)]
        for folder in level:
            count += 1
            if count > MOST_FOLDERS:
                return
            yield folder


def _above(path: Path) -> list[Path]:
    """The directories of the run that a folder may be a part of."""
    if not _INNER.fullmatch(path.name):
        return []
    return [path.parent, path.parent.parent]


def _may_come(path: Path) -> bool:
    """Whether a file may still become a log: an empty one, or a text that was written to a moment ago."""
    status = path.stat()
    if not status.st_size:
        return True
    return path.suffix in TEXTS and time.time() - status.st_mtime < FRESH_SECONDS and bool(head(path))
