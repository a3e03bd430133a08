"""What every part of the GPU check works with: real runs in homes of their own, and rows of results."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from runner import gpu
from runner.gpu_choice import choose_gpu
from runner.machine import trainers
from runner.preset import files
from runner.store import life, summary
from runner.store.directory import RunDirectory
from runner.store.history import History, read_history
from runner.store.jsonl import LineTail
from runner.supervision import launch

QUIET = ("eval.sample_max_new_tokens=0", "eval.train_probe=false")
POLL_SECONDS = 0.1


class PartError(Exception):
    """A part that could not be carried through; the message says at what."""


@dataclass(frozen=True)
class Row:
    """One result: `ok` is None where there is nothing to hold it against, or nothing to measure here."""

    part: str
    check: str
    value: Any
    wanted: str = ""
    ok: bool | None = None


@dataclass
class Scene:
    """A part's folder, and what it found. In a rehearsal runs are on the CPU and small."""

    part: str
    folder: Path
    rehearse: bool = False
    rows: list[Row] = field(default_factory=list)

    @property
    def choice(self) -> str | None:
        return "cpu" if self.rehearse else None

    def say(self, check: str, value: Any, wanted: str = "", ok: bool | None = None) -> None:
        """Note a result, and print it as a line of JSON at once: a part that is cut off keeps what it had."""
        row = Row(self.part, check, value, wanted, ok)
        self.rows.append(row)
        print(json.dumps(asdict(row), default=str, ensure_ascii=False), flush=True)

    def start(
        self, preset: str, *overrides: str, home: str = "home", trainer: str = launch.TRAINER
    ) -> RunDirectory:
        """Launch a preset as `ftui run` does."""
        place = self.folder / home
        # Leases lie in the user's home, and that is this one.
        os.environ["FTUI_HOME"] = str(place)
        os.environ[trainers.MORE] = trainer
        loaded = files.load(preset, place, overrides)
        return launch.launch(loaded, place, self.choice, trainer).run

    def finish(self, run: RunDirectory, seconds: float = 240.0) -> History:
        """Wait for a run's end. Raises PartError when it does not finish."""
        self.wait(lambda: not life.is_alive(run), seconds, f"{run.id} ends")
        history = read_history(run)
        if history.end.get("status") != "finished":
            raise PartError(f"{run.id}: {history.end.get('reason')} {history.error} {console(run)}")
        return history

    def wait(self, condition: Any, seconds: float, what: str) -> Any:
        """The first truthy value of a condition. Raises PartError when it does not come in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if value := condition():
                return value
            time.sleep(POLL_SECONDS)
        raise PartError(f"not within {seconds:.0f} s: {what}")


def console(run: RunDirectory) -> str:
    """The end of what a run printed."""
    with contextlib.suppress(OSError):
        return run.console.read_text(encoding="utf-8", errors="replace")[-1500:]
    return ""


def events(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    """A run's events of one type."""
    return [dict(event) for event in LineTail(run.events).read_all() if event["type"] == kind]


def trainer_pid(run: RunDirectory) -> int:
    """The process that trains; 0 while there is none."""
    found = summary.read_state(run).get("trainer_pid")
    return found if isinstance(found, int) and found > 1 and psutil.pid_exists(found) else 0


def kill_trainer(scene: Scene, run: RunDirectory) -> None:
    """kill -9, and wait until the run is over."""
    pid = trainer_pid(run)
    if not pid:
        raise PartError(f"{run.id} was over before it could be killed: {console(run)}")
    os.kill(pid, signal.SIGKILL)
    scene.wait(lambda: not life.is_alive(run), 60, "the supervisor notes the death of its trainer")


def used_mib() -> int | None:
    """VRAM in use on the GPU runs are given; None without one."""
    sample = device()
    return sample.used_mib if sample is not None else None


def device() -> gpu.GpuSample | None:
    """The GPU a run would be given, as it is now."""
    reading = gpu.read(processes=True)
    chosen = choose_gpu(reading, None)
    return next((one for one in reading.samples if one.gpu == chosen), None)


def write_rows(path: Path, rows: int, words: int, first: int = 0) -> Path:
    """Chat rows whose answers are long enough to fill max_length at three tokens a word; other rows for another
    `first`, since what is trained on is not evaluated on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for i in range(first, first + rows):
            answer = " ".join(f"item {i * words + j}" for j in range(words))
            turns = [{"role": "user", "content": f"List {i}"}, {"role": "assistant", "content": answer}]
            stream.write(json.dumps({"messages": turns}) + "\n")
    return path


def make_model(scene: Scene, name: str, shape: dict[str, Any]) -> Path:
    """A model of random weights, made in a process of its own: this one must hold no CUDA context."""
    folder = scene.folder / name
    code = (
        "import sys, json; from pathlib import Path; from tests.gpu.shapes import write_model;"
        "write_model(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3])"
    )
    where = "cpu" if scene.rehearse else "cuda"
    subprocess.run([sys.executable, "-c", code, folder, json.dumps(shape), where], check=True)
    return folder


@contextlib.contextmanager
def holder(mib: int) -> Iterator[None]:
    """Another process that holds so much VRAM meanwhile."""
    code = (
        "import sys, torch; block = torch.empty(int(sys.argv[1]) << 20, dtype=torch.uint8, device='cuda');"
        "print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(mib)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "held":
            raise PartError(f"the holder of {mib} MiB did not start")
        yield
    finally:
        process.communicate()
