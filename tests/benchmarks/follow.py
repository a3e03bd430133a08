"""Looking at long and fast runs: `python -m tests.benchmarks.follow [--quick]`.

The real command in a pseudo-terminal of 120×40. Measured:
    open      seconds from `ftui watch` to the full curve of 1,000,000 and of 200,000 steps, and the peak of its memory
    follow    a run of 20 steps a second: bytes a second to the terminal, share of a core, and for each step the time
              from its being written to its being on the screen
Each time also as a ratio to starting Python with textual imported, measured beside it: machines differ.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import threading
import time
from fcntl import ioctl
from pathlib import Path

import numpy as np
import psutil
import pyte

from runner.store import locks
from runner.store.directory import RunDirectory, runs_folder
from runner.store.events import EventLog
from tests.benchmarks.first_paint import ESCAPES, compiled, textual_import

WIDTH, HEIGHT = 120, 40
RATE = 20.0
SETTLE_SECONDS = 6.0
MIB = 1 << 20


def make_run(home: Path, steps: int, total: int) -> RunDirectory:
    """A run with so many steps and an evaluation every hundredth of them, as its trainer would have written it."""
    run = RunDirectory(runs_folder(home) / f"20261124-000000-long-{steps % 65536:04x}")
    run.path.mkdir(parents=True)
    for folder in (run.requests, run.checkpoints):
        folder.mkdir()
    log = EventLog(run)
    log.append("phase", phase="training")
    every = max(1, total // 100)
    log.append(
        "plan",
        total_steps=total,
        steps_per_epoch=max(1, total // 3),
        warmup_steps=total // 100,
        eval_steps=every,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=4,
        world_size=1,
        trainable_parameters=1000,
        method="QLoRA",
        device="RTX 4090",
    )
    log.close()
    rng = np.random.default_rng(1)
    with run.events.open("a", encoding="utf-8") as stream:
        for start in range(0, steps, 50_000):
            numbers = np.arange(start + 1, min(steps, start + 50_000) + 1)
            losses = loss_at(numbers, total) * np.exp(rng.normal(0, 0.08, len(numbers)))
            for step, loss in zip(numbers.tolist(), losses.tolist(), strict=True):
                stream.write(step_line(step, loss, total))
                if step % every == 0:
                    stream.write(eval_line(step, float(loss_at(np.array([step]), total)[0]) * 1.05))
    return run


def loss_at(steps: np.ndarray, total: int) -> np.ndarray:
    """A loss that falls fast, then slowly."""
    fallen: np.ndarray = 1.2 + 1.3 * np.exp(-8 * steps / total)
    return fallen


def step_line(step: int, loss: float, total: int) -> str:
    lr = 2e-4 * (1 - step / total)
    return (
        f'{{"type":"step","t":{1_790_000_000 + step * 0.05:.3f},"step":{step},"epoch":{3 * step / total:.4f},'
        f'"loss":{loss:.6f},"lr":{lr:.6e},"grad_norm":{0.5 + loss / 10:.4f},"tokens":14336,"step_s":0.0481,'
        f'"accuracy":{0.7 - loss / 20:.4f}}}\n'
    )


def eval_line(step: int, loss: float) -> str:
    return f'{{"type":"eval","t":0,"set":"val","step":{step},"loss":{loss:.5f},"n":256,"seconds":2.0}}\n'


class Terminal:
    """The command in a pseudo-terminal, with what a person would see of it."""

    def __init__(self, home: Path, run: RunDirectory) -> None:
        self.started = time.perf_counter()
        self.child, self._fd = pty.fork()
        if self.child == 0:
            os.environ |= {"FTUI_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execv(sys.executable, [sys.executable, "-P", "-m", "tui.cli", "watch", run.id])
        ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self.screen)
        self.bytes = 0

    def read(self, seconds: float) -> bool:
        """Take in what was written; False when nothing was."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        data = os.read(self._fd, 1 << 16)
        self.bytes += len(data)
        self._stream.feed(data)
        return True

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, words: str, seconds: float) -> float:
        """Seconds since the start until these words were written to the terminal, in one piece."""
        seen = b""
        while words.encode() not in ESCAPES.sub(b"", seen):
            if time.perf_counter() - self.started > seconds:
                raise RuntimeError(f"{words!r} was not on the screen within {seconds} s:\n{self.text()}")
            if select.select([self._fd], [], [], 0.05)[0]:
                seen += os.read(self._fd, 1 << 16)
        taken = time.perf_counter() - self.started
        # Interpreting what was written takes this process longer than writing it took the other.
        self._stream.feed(seen)
        self.bytes += len(seen)
        return taken

    def close(self) -> None:
        os.kill(self.child, 9)
        os.waitpid(self.child, 0)
        os.close(self._fd)


def opening(steps: int, rounds: int) -> dict[str, float]:
    """Medians over some rounds of opening a finished run."""
    seconds, peaks = [], []
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), steps, steps)
        log = EventLog(run)
        log.append("end", status="finished")
        log.close()
        for _ in range(rounds):
            terminal = Terminal(Path(folder), run)
            seconds.append(terminal.until(f"step {steps:,}", 60))
            until = time.perf_counter() + 4
            while time.perf_counter() < until:
                terminal.read(0.05)
            peaks.append(peak_mib(terminal.child))
            terminal.close()
    return {
        "steps": steps,
        "seconds": round(float(np.median(seconds)), 2),
        "peak_mib": round(float(np.median(peaks))),
    }


def peak_mib(pid: int) -> float:
    """Most resident memory a process ever had (VmHWM)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return psutil.Process(pid).memory_info().rss / MIB


def following(seconds: float) -> dict[str, float]:
    """A run that makes 20 steps a second, looked at for so long."""
    with tempfile.TemporaryDirectory() as folder:
        total, begin = 20_000, 3_000
        run = make_run(Path(folder), begin, total)
        lock = locks.take(run.lock)
        terminal = Terminal(Path(folder), run)
        terminal.until(f"step {begin}/{total}", 30)
        written: dict[int, float] = {}
        stop = threading.Event()
        writer = threading.Thread(target=_write, args=(run, begin, total, written, stop))
        writer.start()
        figures = _watch(terminal, written, seconds)
        stop.set()
        writer.join()
        terminal.close()
        assert lock is not None
        locks.release(lock)
    return figures


def _write(
    run: RunDirectory, begin: int, total: int, written: dict[int, float], stop: threading.Event
) -> None:
    rng = np.random.default_rng(2)
    step, due = begin, time.perf_counter()
    with run.events.open("a", encoding="utf-8", buffering=1) as stream:
        while not stop.is_set():
            step += 1
            loss = float(loss_at(np.array([step]), total)[0]) * float(np.exp(rng.normal(0, 0.08)))
            written[step] = time.perf_counter()
            stream.write(step_line(step, loss, total))
            due += 1 / RATE
            time.sleep(max(0.0, due - time.perf_counter()))


def _watch(terminal: Terminal, written: dict[int, float], seconds: float) -> dict[str, float]:
    process = psutil.Process(terminal.child)
    settled = time.perf_counter() + SETTLE_SECONDS
    end = settled + seconds
    latencies: list[float] = []
    shown, bytes_before, cpu_before = 0, 0, 0.0
    measuring = False
    while time.perf_counter() < end:
        if not measuring and time.perf_counter() > settled:
            measuring, bytes_before, cpu_before = True, terminal.bytes, sum(process.cpu_times()[:2])
        if not terminal.read(0.02):
            continue
        step = step_on(terminal.text())
        now = time.perf_counter()
        if measuring and step > shown:
            latencies += [
                now - at for number, at in list(written.items()) if shown < number <= step and at > settled
            ]
        shown = max(shown, step)
    cpu = sum(process.cpu_times()[:2]) - cpu_before
    return {
        "steps_per_second": RATE,
        "bytes_per_second": round((terminal.bytes - bytes_before) / seconds),
        "cpu_percent_of_a_core": round(100 * cpu / seconds, 1),
        "latency_ms_median": round(1000 * float(np.median(latencies))),
        "latency_ms_p95": round(1000 * float(np.quantile(latencies, 0.95))),
    }


def step_on(text: str) -> int:
    """The number in 'step 3412/20000'; 0 when it is not on the screen."""
    for line in text.splitlines():
        before, slash, _ = line.partition("/20000")
        if slash and "step " in before:
            number = before.rsplit("step ", 1)[1].strip()
            return int(number) if number.isdigit() else 0
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round, ten seconds")
    quick = parser.parse_args().quick
    with compiled():
        floor = float(np.median([textual_import() for _ in range(5)]))
        opened = [opening(steps, 1 if quick else 5) for steps in (1_000_000, 200_000)]
        result = {
            "textual_import_s": round(floor, 3),
            "open": [{**figures, "ratio": round(figures["seconds"] / floor, 2)} for figures in opened],
            "follow": following(10 if quick else 30),
        }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
