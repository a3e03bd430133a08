"""Runs made of events for the screens: with a name that stays the same, alive or over, or 5,000 of them at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.insight.diagnosis import diagnose
from runner.preset import files
from runner.store import directory, locks, summary
from runner.store.directory import RunDirectory
from runner.store.history import History, read_history
from tests.run.scenes import HELD_OUT, PROBE, Event, add, end, evaluation, phase, plan, step

Names = Sequence[tuple[int, int]]


def made(home: Path, run_id: str, *events: Event, overrides: tuple[str, ...] = ()) -> RunDirectory:
    """A run with this id, its events and the state.json a supervisor would have written."""
    run = RunDirectory(directory.runs_folder(home) / run_id)
    (run.path / "requests").mkdir(parents=True)
    files.dump(files.load("demo", home, overrides).preset, run.preset)
    directory.write_json(run.run, {"id": run.id, "gpu": None, "created_at": 1.7e9, "argv": "ftui run demo"})
    add(run, *events)
    return told(run)


def told(run: RunDirectory, **more: Any) -> RunDirectory:
    """Write state.json as its supervisor does."""
    history = read_history(run)
    directory.write_json(run.state, {**summary.summarise(history, diagnose(history.curves())), **more})
    return run


def alive(run: RunDirectory) -> RunDirectory:
    """Hold its lock, as a living supervisor does, until this process ends."""
    assert locks.take(run.lock) is not None
    return run


def grow(run: RunDirectory, *events: Event) -> None:
    """Add events, and tell state.json."""
    add(run, *events)
    told(run)


def history_of(run: RunDirectory) -> History:
    return read_history(run)


def spiked(home: Path, run_id: str = "20261124-100000-demo-spiky-0003") -> RunDirectory:
    """A run of 40 steps with a spike at step 30, on a data set of three rows, with its rows recorded."""
    data = home / "rows.jsonl"
    data.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"prompt": f"question {n} [/INST]", "completion": f"answer {n}"} for n in (1, 2, 3)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    losses = [9.0 if n == 30 else 3.0 - n / 40 for n in range(1, 41)]
    steps = [step(n, loss, t=1000.0 + n) for n, loss in enumerate(losses, start=1)]
    run = made(
        home,
        run_id,
        phase("training"),
        plan(40, steps_per_epoch=100),
        *steps,
        *end("finished"),
        overrides=(f"data.train_dataset={data}", "data.eval_dataset=null"),
    )
    names: list[Names] = [[(0, 3), (0, 1)] if n == 30 else [(0, 2), (1, 7)] for n in range(1, 41)]
    run.rows.write_text(
        "".join(json.dumps({"step": n, "rows": rows}) + "\n" for n, rows in enumerate(names, start=1))
    )
    return run


def sample(at: int, number: int, text: str, **more: Any) -> Event:
    """An answer to a prompt at an evaluation."""
    said = {"prompt_id": number, "prompt": f"Prompt {number}?", "text": text}
    return {"type": "sample", "step": at, **said, **more}


def judged(
    home: Path, run_id: str, losses: Sequence[float], rows: Sequence[float], seen: str
) -> RunDirectory:
    """A run of 30 steps whose evaluations have these losses; at the last one each held-out row has its own."""
    events: list[Event] = [phase("training"), plan(30, eval_fingerprints={"val": seen})]
    for place, loss in enumerate(losses):
        at = 10 * (place + 1)
        events += [step(at - 9 + n, loss) for n in range(10)]
        more: dict[str, Any] = {"row_losses": list(rows)} if place == len(losses) - 1 else {}
        events.append(evaluation(at, loss, **more))
    return made(home, run_id, *events, *end("finished"))


def store_of(home: Path, count: int) -> list[str]:
    """So many runs that are over, each with a state.json; returns their ids, newest first."""
    folder = directory.runs_folder(home)
    verdicts = (("healthy", 1), ("overfitting", 3), ("undertrained", 2))
    for n in range(count):
        path = (
            folder
            / f"20260101-{n // 3600:02d}{n // 60 % 60:02d}{n % 60:02d}-{'chat' if n % 3 else 'code'}-{n:04x}"
        )
        path.mkdir(parents=True)
        verdict, severity = verdicts[n % 3]
        state = {
            "phase": "failed" if n % 50 == 7 else "finished",
            "step": 100,
            "total_steps": 100,
            "best_loss": 1 + (n * 7919 % count) / count,
            "losses": [2.0, 1.5, 1.2],
            "verdict": verdict,
            "severity": severity,
        }
        (path / "state.json").write_text(json.dumps(state))
    return sorted((path.name for path in folder.iterdir()), reverse=True)


def several_sets(home: Path, run_id: str = "20261124-130000-sets-0005") -> RunDirectory:
    """A run with two held-out sets, neither named `val`: `chat` rises from step 30 on, `code` falls throughout, as the
    accuracy on it rises. Evaluation of `chat` at step 70 is not a number.
    """
    events: list[Event] = [phase("training"), plan(100)]
    for at, loss in enumerate(HELD_OUT):
        events += [step(10 * at - 9 + n, PROBE[at]) for n in range(10)] if at else []
        told = {"accuracy": 0.4 + at / 100, "runtime": 5.5}
        events.append(evaluation(10 * at, "NaN" if at == 7 else loss, "chat", metrics=told))
        events.append(evaluation(10 * at, 2.0 - at / 10, "code", metrics={"accuracy": 0.5 + at / 50}))
        events.append(evaluation(10 * at, PROBE[at], "train_probe"))
    return made(home, run_id, *events, *end("finished"))


def rewarded(home: Path, run_id: str = "20261124-140000-grpo-0006") -> RunDirectory:
    """A run of reinforcement learning over 60 steps: the reward rises from 0.1 to 0.82 at step 50 and stays at 0.8, the
    loss is that of GRPO.
    """
    events: list[Event] = [phase("training"), plan(60)]
    for n in range(1, 61):
        reward = 0.82 if n == 50 else 0.1 + 0.7 * min(n, 49) / 49
        values = {
            "reward": reward,
            "kl": n / 1000,
            "entropy": 1 - n / 100,
            "completions/mean_length": 200 + n,
        }
        events += [step(n, 0.001 * n), {"type": "metrics", "step": n, "values": values}]
    return made(home, run_id, *events, *end("finished"))
