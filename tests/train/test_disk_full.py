"""A full disk costs a checkpoint, never the run nor what was saved before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trl import SFTTrainer

from runner.store.checkpoints import checkpoints
from runner.store.history import read_history
from tests.train.conftest import Trained

SHORT = ("train.max_steps=6", "data.max_train_samples=64", "eval.max_eval_samples=8", "eval.eval_steps=2")
QUIET = ("output.save_steps=2", "eval.sample_max_new_tokens=0", "eval.train_probe=false")


@pytest.mark.slow
def test_a_checkpoint_that_does_not_fit_is_given_up(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SFTTrainer._save_checkpoint

    def save(self: Any, model: Any, trial: Any) -> None:
        if self.state.global_step == 4:
            torn = Path(self.args.output_dir) / "checkpoint-4"
            torn.mkdir()
            (torn / "adapter_model.safetensors").write_bytes(b"half of it")
            raise OSError(28, "No space left on device")
        real(self, model, trial)

    monkeypatch.setattr(SFTTrainer, "_save_checkpoint", save)
    run = trained(*SHORT, *QUIET)
    history = read_history(run)
    assert history.end["status"] == "finished"
    assert [one.step for one in checkpoints(run) if one.is_whole] == [2, 6]
    assert [one.step for one in checkpoints(run)] == [2, 6]
    assert history.checkpoints == [2, 6]
    assert any("disk is full: checkpoint-4" in str(warning["message"]) for warning in history.warnings)
    assert (
        json.loads((run.checkpoints / "checkpoint-6" / "trainer_state.json").read_text())["global_step"] == 6
    )
