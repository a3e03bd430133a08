"""Runs and logs without measure: lines of half a gigabyte, events by the hundred thousand."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.store.directory import RunDirectory, create
from tests.conftest import ROOT
from tests.faults.scene import run_verb

LONG = 500 << 20
MANY = 100_000
# Folding so many events takes a second of it, and looking at all before at each more than a minute.
CPU_SECONDS = 20


def written(home: Path, steps: int = 50) -> RunDirectory:
    """A run of some steps that died."""
    run = create(home, "long")
    run.run.write_text("{}")
    with run.events.open("w") as stream:
        for step in range(1, steps + 1):
            stream.write(f'{{"type":"step","step":{step},"t":{1e9 + step},"loss":2.0}}\n')
    return run


def most_memory_mib(*verb: str) -> float:
    """The most memory a verb takes, which has to end well."""
    command = [sys.executable, "-P", "-m", "tui.cli", *verb]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in (0, 1), said
    assert "Traceback" not in said
    return used.ru_maxrss / 1024


FILES = ("events.jsonl", "console.log", "system.jsonl", "rows.jsonl", "state.json", "preset.yaml")


def some_large(names: Iterable[str], *of_the_suite: str) -> list[Any]:
    """Parameters of which the suite tries these, and `make faults` all."""
    return [name if name in of_the_suite else pytest.param(name, marks=pytest.mark.large) for name in names]


@pytest.fixture
def ordinary(cold: None, home: Path) -> float:
    """MiB that a short run takes to be shown."""
    return most_memory_mib("show", written(home).id)


@pytest.mark.parametrize("name", some_large(FILES, "events.jsonl", "console.log"))
@pytest.mark.fault("{name} has a line of 500 MiB", "a run is shown, listed and judged in bounded memory")
def test_a_line_without_end(ordinary: float, home: Path, name: str) -> None:
    run = written(home)
    with (run.path / name).open("ab") as stream:
        # A hole reads as zeros.
        stream.truncate(stream.tell() + LONG)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n" + b'{"type":"step","step":51,"t":1000000051,"loss":1.5}\n')
    for verb in ("show", "diagnose"):
        assert most_memory_mib(verb, run.id) < ordinary + 100
    assert most_memory_mib("ls") < ordinary + 100
    if name == "events.jsonl":
        said = json.loads(run_verb("show", run.id, "--json").stdout)
        assert (said["step"], said["bad_lines"]) == (51, 1)


@pytest.mark.large
@pytest.mark.fault("a log of another trainer has a line of 500 MiB", "it is judged in bounded memory")
def test_a_log_with_a_line_without_end(ordinary: float, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(f'{{"loss": {3 - step / 300}, "step": {step}}}\n' for step in range(1, 301)))
    with path.open("ab") as stream:
        stream.truncate(stream.tell() + LONG)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n")
    assert most_memory_mib("diagnose", str(path)) < ordinary + 100


EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "checkpoints": lambda step: {"type": "checkpoint", "step": step},
    "answers": lambda step: {"type": "answers", "step": step, "n": 16, "exact": 3, "ended": 5},
    "samples": lambda step: {"type": "sample", "step": step, "prompt_id": "a", "text": "hello"},
    "warnings": lambda step: {"type": "warning", "message": f"warning {step}"},
    "evaluations": lambda step: {"type": "eval", "set": "val", "step": step, "loss": 2.0, "n": 16},
    "resumes": lambda step: {"type": "resume", "step": step},
}
FOLD = """
import sys
from pathlib import Path
from runner.store.directory import RunDirectory
from runner.store.history import read_history
history = read_history(RunDirectory(Path(sys.argv[1])))
curves = history.curves()
print(max(map(len, (curves.checkpoints, history.answers, history.samples, history.warnings,
                    curves.evals.get("val", ()), history.resumed_at))))
"""


def of_many(kind: str) -> Iterator[str]:
    return (json.dumps({"t": 1e9 + step, **EVENTS[kind](step)}) + "\n" for step in range(1, MANY + 1))


@pytest.mark.parametrize("kind", some_large(EVENTS, "checkpoints", "samples"))
@pytest.mark.fault("events.jsonl holds 100,000 {kind}", "the work to read them grows with their number alone")
def test_many_events_of_a_kind(cold: None, home: Path, kind: str) -> None:
    run = create(home, "many")
    with run.events.open("w") as stream:
        stream.writelines(of_many(kind))
    done = subprocess.run(
        [sys.executable, "-P", "-c", FOLD, str(run.path)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS)),
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(MANY)), done.stderr
