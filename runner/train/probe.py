"""`python -P -m runner.train.probe DIRECTORY`: measure instead of predicting.

Loads the model, makes two micro-steps with the longest rows, one optimizer step, one evaluation batch and one
checkpoint, and leaves memory.json and its events in the directory. On the CPU it measures resident memory and time.
"""

from __future__ import annotations

import shutil
import sys
import traceback
from pathlib import Path

from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.redaction.streams import guard_streams
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from runner.train.__main__ import train
from runner.train.explain import explain
from runner.train.stop_flag import StopFlag


def shortened(preset: Preset) -> Preset:
    """The preset with one optimizer step of at most two micro-steps, an evaluation and a checkpoint."""
    part = preset.train
    return preset.model_copy(
        update={
            "train": part.model_copy(
                update={
                    "max_steps": 1,
                    "gradient_accumulation_steps": min(2, part.gradient_accumulation_steps),
                    "warmup_steps": 0.0,
                }
            ),
            "eval": preset.eval.model_copy(update={"eval_steps": 1, "train_probe": False}),
            "output": preset.output.model_copy(update={"save_steps": 1}),
            "report": preset.report.model_copy(update={"report_to": []}),
        }
    )


def main() -> int:
    guard_streams()
    run = RunDirectory(Path(sys.argv[1]).absolute())
    log = EventLog(run)
    stop = StopFlag(run, log)
    stop.listen()
    try:
        train(shortened(load_frozen(run.preset)), run, log, stop, probe=True)
    except BaseException as error:
        traceback.print_exc()
        words = explain(error)
        log.append("end", status="failed", reason=words.message, hint=words.hint)
        return 1
    finally:
        for folder in (run.checkpoints, run.adapter, run.path / "model"):
            shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
