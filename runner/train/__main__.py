"""`python -P -m runner.train RUN_DIRECTORY LOCK_FD [CHECKPOINT]`: train one run, or go on with it. Started by the
supervisor; reads top to bottom.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.redaction.streams import guard_streams
from runner.store import locks
from runner.store.directory import RunDirectory, read_json
from runner.store.events import EventLog, Phase
from runner.store.history import read_history
from runner.supervision import crashes, replan
from runner.train.explain import explain, while_loading
from runner.train.stacks import listen
from runner.train.stop_flag import StopFlag, StoppedEarly


def main() -> int:
    guard_streams()
    run = RunDirectory(Path(sys.argv[1]).absolute())
    locks.keep(int(sys.argv[2]))
    log = EventLog(run, patient=True)
    stop = StopFlag(run, log)
    stop.listen()
    listen(run)
    name = sys.argv[3] if len(sys.argv) > 3 else ""
    try:
        preset = load_frozen(run.preset)
        plan = replan.read(run, preset)
        if plan.count and not name:
            # Begun again from its first step.
            log.append("resume", step=0)
        train(
            replan.applied(preset, plan), run, log, stop, checkpoint=run.checkpoints / name if name else None
        )
    except StoppedEarly:
        log.phase(Phase.STOPPED)
        log.append("end", status="stopped", reason="stopped before the first step")
    except BaseException as error:
        traceback.print_exc()
        words, at = explain(error), log.last_phase or Phase.LOADING
        is_oom = crashes.is_out_of_memory(error)
        if is_oom and at is Phase.LOADING:
            given = read_json(run.run).get("gpu")
            words = while_loading(words, given.get("uuid") if isinstance(given, dict) else None)
        log.append(
            "error", **{"class": words.kind, "message": words.message, "hint": words.hint, "at": at.value}
        )
        if is_oom and planned_again(run, log, preset, plan, at):
            return replan.EXIT_CODE
        log.phase(Phase.FAILED)
        log.append("end", status="failed", reason=words.message)
        return 1
    finally:
        log.close()
    return 0


def planned_again(run: RunDirectory, log: EventLog, preset: Preset, plan: replan.Plan, at: Phase) -> bool:
    """Put a smaller plan in force for the supervisor to start again with; False when the preset forbids it, nothing
    smaller is left, or the weights alone do not fit.
    """
    if at is Phase.LOADING:
        return False
    stage = replan.EVALUATION if at is Phase.EVALUATING else at.value
    smaller = replan.smaller(plan, preset, stage) if preset.train.on_out_of_memory == "replan" else None
    if smaller is None:
        return False
    replan.write(run, smaller)
    words = replan.words(plan, smaller, preset)
    print(f"out of memory ({stage}): {words}", flush=True)
    log.append(
        "replan",
        at=stage,
        plan=words,
        per_device=smaller.per_device,
        accumulation=smaller.accumulation,
        eval_batch=smaller.eval_batch,
    )
    return True


def train(
    preset: Preset,
    run: RunDirectory,
    log: EventLog,
    stop: StopFlag,
    probe: bool = False,
    checkpoint: Path | None = None,
) -> None:
    """Import what trains, and train (training.py). Raises whatever goes wrong."""
    before = read_history(run) if checkpoint is not None else None
    log.phase(Phase.LOADING)
    print("importing the training stack …", flush=True)
    # Imported here and not above: seconds of work, and a first event should not wait for it.
    from runner.train.training import Training

    Training(preset, run, log, stop, probe).train(checkpoint, before)


if __name__ == "__main__":
    sys.exit(main())
