"""The same with the trainer that trains: killed, out of memory, over its quota. It goes on with the numbers it had."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.preset import files
from runner.store.checkpoints import newest
from runner.store.directory import RunDirectory
from runner.store.events import Phase
from runner.store.history import read_history
from runner.supervision import launch
from tests.conftest import wait_for
from tests.faults.quota_trainer import TORN
from tests.faults.scene import (
    Scene,
    events,
    finished,
    first_step_after_resume,
    ftui,
    kept,
    kill,
    logged_steps,
    nothing_lost,
    over,
    processes,
    shown,
)
from tests.fork_server.protocol import ADDRESS

# Not a whole number of epochs.
STEPS = 6
SECONDS = 200
SMALL = (
    f"train.max_steps={STEPS}",
    "data.max_train_samples=64",
    "eval.max_eval_samples=8",
    "eval.eval_steps=2",
)
QUIET = (
    "output.save_steps=2",
    "output.save_total_limit=100",
    "eval.sample_max_new_tokens=0",
    "eval.train_probe=false",
)

Real = Callable[..., RunDirectory]


@pytest.fixture
def real(scene: Scene) -> Real:
    """Launch a small run of the demo."""

    def start(trainer: str = "runner.train") -> RunDirectory:
        loaded = files.load("demo", scene.home, (*SMALL, *QUIET))
        return launch.launch(loaded, scene.home, "cpu", trainer=trainer).run

    return start


def finishes(run: RunDirectory) -> None:
    over(run, SECONDS)
    finished(run, STEPS)
    assert [int(step) for step in read_history(run).train.step] == list(range(1, STEPS + 1))
    assert (run.adapter / "adapter_model.safetensors").stat().st_size > len(TORN)


@pytest.mark.slow
@pytest.mark.fault(
    "kill -9 of the real trainer between two checkpoints", "failed; steps made again have the losses they had"
)
def test_killed(cold: None, real: Real) -> None:
    run = real()
    wait_for(lambda: read_history(run).step >= 3, 120, "it trains")
    kill(processes(run)["trainer_pid"])
    over(run)
    before = kept(run)
    found = shown(run)
    assert found.phase is Phase.FAILED
    assert "killed by SIGKILL" in found.reason
    last = newest(run)
    assert last is not None
    ftui("resume", run.id, "--detach")
    finishes(run)
    assert first_step_after_resume(run) == last.step + 1
    now = {event["step"]: event["loss"] for event in events(run, "step")}
    assert {step: pytest.approx(loss, abs=1e-6) for step, loss in before[0].items()} == {
        step: now[step] for step in before[0]
    }


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["step", "checkpoint"])
@pytest.mark.fault(
    "GPU memory runs out in the real trainer, at a {stage}",
    "the same effective batch in smaller parts; said; it finishes",
)
def test_out_of_memory(real: Real, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    monkeypatch.setenv("FTUI_OOM", f"{stage}:1")
    if stage == "checkpoint":
        # One of them with nothing but real starts, the second trainer's too.
        monkeypatch.setenv(ADDRESS, "")
    run = real("tests.train.oom_trainer")
    finishes(run)
    history = read_history(run)
    assert [event["plan"] for event in history.replans] == ["4 × 4 = 16 → 2 × 8 = 16"]
    assert any("Out of memory, planned again" in str(warning["message"]) for warning in history.warnings)
    assert set(logged_steps(run)) == set(range(1, STEPS + 1))


@pytest.mark.slow
@pytest.mark.fault(
    "the real trainer's quota is used up as it saves its adapter",
    "failed, and why; resume saves it, no step more",
)
def test_over_quota(real: Real) -> None:
    run = real("tests.faults.quota_trainer")
    over(run, SECONDS)
    before = kept(run)
    found = shown(run)
    assert (found.phase, found.reason) == (Phase.FAILED, "The disk is full."), run.console.read_text()
    assert sorted(before[0]) == list(range(1, STEPS + 1))
    assert max(before[1]) == STEPS
    assert f"goes on from checkpoint-{STEPS}" in ftui("resume", run.id, "--detach")
    finishes(run)
    assert len(events(run, "step")) == STEPS
    nothing_lost(run, *before)
