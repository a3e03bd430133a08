"""The real trainer's `main`, with training that needs no torch: a small run that can be held still at any place.

Everything around it is real: lock, events, signals, errors in words, re-plans. $FTUI_FAULTS names a folder:

    hold    a place (below); there the trainer writes `held` and waits until `hold` is gone
    fail    lines of PLACE ERRNO, or PLACE oom; there it raises that OSError, or runs out of memory, once for each
    clock   STEP SECONDS; from that step on its clock is so much ahead of the machine's
    pace    seconds a step takes, instead of 0.01

Places: waking (nothing of it has run yet), loading, training (after step 6), evaluating and saving (at step 8; the
checkpoint half written), adapter, ending (half of the last line written).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from runner.preset.schema import Preset
from runner.store import manifest, requests
from runner.store.directory import RunDirectory
from runner.store.events import EventLog, Phase
from runner.store.jsonl import LineWriter
from runner.store.requests import Request
from runner.supervision import crashes, replan
from runner.train import __main__ as real
from runner.train.place import Place
from runner.train.stop_flag import StopFlag
from tests.checkpoint_files import whole

TOTAL = 12
EVERY = 4
PACE = 0.01
WEIGHTS = "adapter_model.safetensors"
# In the order the real one writes them.
FILES = (
    WEIGHTS,
    "adapter_config.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
)
PLACES = {
    "loading": "while it loads its model",
    "training": "between two checkpoints",
    "evaluating": "in an evaluation",
    "saving": "with a checkpoint half written",
    "ending": "with its last line half written",
}
REACHED_AT = {"training": 6, "evaluating": 8, "saving": 8}


MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


class OutOfMemoryError(RuntimeError):
    """As torch's is called."""


class Control:
    """What the test wants to happen, as it stands in a folder now."""

    def __init__(self) -> None:
        self._folder = Path(os.environ["FTUI_FAULTS"])
        self._clock = time.time

    def at(self, place: str, step: int | None = None) -> None:
        """Fail or stand still here, if that is wanted."""
        if step is not None and step != REACHED_AT[place]:
            return
        self._fail(place)
        if self.holds(place):
            (self._folder / "held").write_text(place)
            while self.holds(place):
                time.sleep(0.01)

    def holds(self, place: str) -> bool:
        return self._read("hold") == place

    def _fail(self, place: str) -> None:
        lines = self._read("fail").splitlines()
        for line in lines:
            where, _, number = line.partition(" ")
            if where == place:
                lines.remove(line)
                (self._folder / "fail").write_text("\n".join(lines))
                raise (
                    OutOfMemoryError(MEMORY)
                    if number == "oom"
                    else OSError(int(number), os.strerror(int(number)))
                )

    def make_step(self, step: int) -> None:
        """Take the time of a step; put the clock where it should be."""
        time.sleep(float(self._read("pace") or PACE))
        at, _, seconds = self._read("clock").partition(" ")
        if at and step >= int(at):
            ahead = float(seconds)
            time.time = lambda: self._clock() + ahead

    def _read(self, name: str) -> str:
        try:
            return (self._folder / name).read_text().strip()
        except OSError:
            return ""


def content(name: str, step: int) -> bytes:
    """What a file of a checkpoint holds: the same at every writing, and checked before going on from it."""
    if name == "trainer_state.json":
        return json.dumps({"global_step": step}).encode()
    if name == "adapter_config.json":
        return b'{"peft_type": "LORA"}'
    return whole(name, hashlib.sha256(f"{name} {step}".encode()).digest() * 256)


def train(
    preset: Preset,
    run: RunDirectory,
    log: EventLog,
    stop: StopFlag,
    probe: bool = False,
    checkpoint: Path | None = None,
) -> None:
    """Twelve steps, an evaluation and a checkpoint at every fourth, an adapter."""
    Training(preset, run, log, stop).train(checkpoint)


class Training:
    """One life of the trainer."""

    def __init__(self, preset: Preset, run: RunDirectory, log: EventLog, stop: StopFlag) -> None:
        self.preset, self.run, self.log, self.stop = preset, run, log, stop
        self.control = Control()
        self.place = Place(run)
        self.rows = LineWriter(run.rows, patient=True)
        self._phase: Phase | None = None

    def train(self, checkpoint: Path | None) -> None:
        self._enter(Phase.LOADING)
        print("loading", flush=True)
        self.control.at("loading")
        self.stop.check()
        first = 1
        if checkpoint is not None:
            first = int(checkpoint.name.rpartition("-")[2]) + 1
            for name in FILES:
                if (checkpoint / name).read_bytes() != content(name, first - 1):
                    raise RuntimeError(f"{name} of {checkpoint.name} is torn")
            self.log.append("resume", step=first - 1)
        self._plan()
        if first == 1:
            self._evaluate(0)
        step = first - 1
        for step in range(first, TOTAL + 1):
            self._enter(Phase.TRAINING)
            stops = self._step(step)
            if step % EVERY == 0:
                self._evaluate(step)
            if step % EVERY == 0 or stops:
                self._save(step)
            if stops:
                break
        self._end(step)

    def _enter(self, phase: Phase) -> None:
        if phase is not self._phase:
            self.log.phase(phase)
            self._phase = phase

    def _plan(self) -> None:
        sizes = replan.read(self.run, self.preset)
        self.log.append(
            "plan",
            total_steps=TOTAL,
            steps_per_epoch=TOTAL,
            warmup_steps=0,
            eval_steps=EVERY,
            save_steps=EVERY,
            per_device_train_batch_size=sizes.per_device,
            gradient_accumulation_steps=sizes.accumulation,
            world_size=1,
            trainable_parameters=1000,
        )

    def _step(self, step: int) -> bool:
        """Make a step; whether it is the last one wanted."""
        self.control.make_step(step)
        self.place.ensure_there()
        self.rows.append({"step": step, "rows": [[0, 2 * step - 1], [0, 2 * step]]})
        reason = requests.reason_of(self.run, Request.STOP)
        if Request.STOP in requests.take(self.run) or self.stop.requested:
            self.stop.request(reason)
        self.log.append(
            "step",
            step=step,
            epoch=round(step / TOTAL, 4),
            loss=round(2 * 0.97**step, 5),
            lr=1e-4,
            grad_norm=1.0,
            tokens=100,
            step_s=PACE,
            accuracy=0.5,
        )
        print(f"step {step}/{TOTAL}", flush=True)
        self.control.at("training", step)
        return self.stop.requested

    def _evaluate(self, step: int) -> None:
        self._enter(Phase.EVALUATING)
        self.control.at("evaluating", step)
        loss = round(2.1 * 0.97**step, 5)
        self.log.append("eval", set="val", step=step, epoch=step / TOTAL, loss=loss, n=8, seconds=0.01)

    def _save(self, step: int) -> None:
        """Write a checkpoint; one that a full disk does not take is given up, as the real trainer does."""
        self._enter(Phase.SAVING)
        folder = self.run.checkpoints / f"checkpoint-{step}"
        try:
            folder.mkdir(exist_ok=True)
            for name in FILES:
                data = content(name, step)
                with (folder / name).open("wb") as file:
                    file.write(data[: len(data) // 2])
                    file.flush()
                    if name == "optimizer.pt":
                        self.control.at("saving", step)
                    file.write(data[len(data) // 2 :])
        except OSError as error:
            crash = crashes.known(str(error))
            if crash is None or crash.name != "disk full":
                raise
            for file_ in folder.glob("*"):
                file_.unlink()
            folder.rmdir()
            message = f"The disk is full: {folder.name} was not written; the run goes on."
            self.log.append("warning", id="disk", message=message)
            return
        manifest.write(folder)
        self.log.append("checkpoint", step=step, path=f"checkpoints/{folder.name}", best=True)

    def _end(self, step: int) -> None:
        self._enter(Phase.SAVING)
        self.control.at("adapter")
        self.run.adapter.mkdir(exist_ok=True)
        (self.run.adapter / WEIGHTS).write_bytes(content(WEIGHTS, step))
        status = Phase.STOPPED if self.stop.requested else Phase.FINISHED
        self._enter(status)
        end: dict[str, Any] = {"status": status.value, "reason": self.stop.words(step), "saved": "adapter"}
        if not self.control.holds("ending"):
            self.log.append("end", **end)
            return
        line = json.dumps({"type": "end", "t": round(time.time(), 3), **end}).encode() + b"\n"
        with self.run.events.open("ab", buffering=0) as file:
            file.write(line[: len(line) // 2])
            self.control.at("ending")
            file.write(line[len(line) // 2 :])


def main() -> int:
    Control().at("waking")
    # mypy: a function is replaced on purpose.
    real.train = train
    return real.main()


if __name__ == "__main__":
    sys.exit(main())
