"""What a run is said to write, held against what one wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.check.model_config import read_model_config
from runner.insight import batch
from runner.insight.disk import disk_need
from runner.insight.eval_budget import Counted, plan_evaluations
from runner.insight.memory.inputs import Stack, setup_of
from runner.preset.files import load_frozen
from runner.store.disk_usage import size_of
from tests.train.small_runs import run_of


@pytest.mark.slow
@pytest.mark.parametrize("optim", ["adamw_torch_fused", "sgd"])
def test_a_checkpoint_is_as_large_as_was_said(tmp_path: Path, optim: str) -> None:
    run = run_of(tmp_path, "train.max_steps=4", "output.save_steps=2", f"train.optim={optim}")
    preset = load_frozen(run.preset)
    architecture = read_model_config(preset.model.model_name_or_path, "main", False).architecture
    assert architecture is not None
    plan = batch.plan_of(preset, 400)
    evaluations = plan_evaluations(preset, plan, Counted(400))
    need = disk_need(preset, setup_of(preset, architecture, Stack(), has_bf16=False), plan, evaluations)
    written = size_of(run.checkpoints / "checkpoint-4")
    # Files take whole blocks; configuration and random states are some kilobytes.
    assert 0.8 * written < need.checkpoint < 1.2 * written
    assert need.total > size_of(run.path)
    assert need.count == 3
