"""What a run's GPU is asked for before it is used, and what is left as it was: without a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from trl.kernels import chunked_logprob

from runner.data.errors import TrainingError
from runner.preset.files import load_frozen
from runner.store.checkpoints import checkpoints
from runner.store.directory import RunDirectory
from runner.store.events import EventLog
from runner.store.history import read_history
from runner.supervision import crashes, replan
from runner.train import device
from runner.train.__main__ import train
from runner.train.model import keeping_dtypes
from runner.train.stop_flag import StopFlag
from tests.train.conftest import Trained
from tests.train.test_resume import SHORT, gone_on, interrupted

GPU = {"gpu": {"name": "RTX 4090", "uuid": "GPU-1"}}


def test_a_run_for_a_gpu_never_trains_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    def init() -> None:
        raise RuntimeError(
            "The NVIDIA driver on your system is too old (found version 12040).\nPlease update."
        )

    monkeypatch.setattr(torch.cuda, "init", init)
    device.require({"gpu": None})
    device.require({})
    with pytest.raises(TrainingError, match="RTX 4090") as raised:
        device.require(GPU)
    assert "driver on your system is too old (found version 12040)" in str(raised.value)
    assert "ftui doctor" in raised.value.hint
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    device.require(GPU)


def test_a_wheel_for_the_cpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.version.cuda:
        pytest.skip("this PyTorch is built for CUDA")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match="built for the CPU alone"):
        device.require(GPU)


def test_without_a_compiler_pytorchs_own_kernels_are_taken_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunked_logprob, "_TRITON_AVAILABLE", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def refuse() -> None:
        raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable.")

    monkeypatch.setattr(device, "_run_fused_head", refuse)
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    log = EventLog(run)
    assert not device.try_fused_head(log)
    log.close()
    assert not chunked_logprob._TRITON_AVAILABLE
    (warning,) = read_history(run).warnings
    assert "Failed to find C compiler" in str(warning["message"])
    assert "MiB more" in str(warning["message"])


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: out of memory\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "Triton Error [CUDA]: out of memory",
        "Error out of memory at line 417 in file /src/csrc/ops.cu",
        'NVML_SUCCESS == r INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingAllocator.cpp":1090',
    ],
)
def test_every_way_to_say_out_of_memory_is_known(text: str) -> None:
    assert crashes.is_out_of_memory(RuntimeError(text))
    assert crashes.known(text) is crashes.OUT_OF_MEMORY
    assert not crashes.is_out_of_memory(RuntimeError("expected scalar type Half but found Float"))


def test_what_a_load_casts_is_cast_back() -> None:
    layer = torch.nn.Linear(4, 4, dtype=torch.bfloat16)
    other = torch.nn.Linear(4, 4)
    model = torch.nn.Sequential(layer, other)
    parameter = layer.weight
    with keeping_dtypes(model):
        layer.weight.data = layer.weight.data.float()
    assert layer.weight is parameter
    assert [one.dtype for one in (layer.weight, layer.bias, other.weight)] == [
        torch.bfloat16,
        torch.bfloat16,
        torch.float32,
    ]


@pytest.mark.parametrize(
    "changes",
    [(), ("train.packing=true", "train.max_length=256", "train.per_device_train_batch_size=1")],
    ids=["plain", "packing"],
)
@pytest.mark.slow
def test_it_goes_on_exactly_in_bf16(trained: Trained, tmp_path: Path, changes: tuple[str, ...]) -> None:
    run = trained(*SHORT, "model.dtype=bfloat16", *changes)
    whole = read_history(run).train
    for step in (2, 5):
        copy = interrupted(run, step, tmp_path / str(step))
        again = gone_on(copy, step)
        assert list(again.train.loss) == list(whole.loss)
        last = checkpoints(copy)[-1].path
        kept = load_file(last / "adapter_model.safetensors")
        assert {tensor.dtype for tensor in kept.values()} == {torch.bfloat16}
        states = torch.load(last / "optimizer.pt", weights_only=True)["state"].values()
        assert {state["exp_avg"].dtype for state in states} == {torch.bfloat16}
    saved = load_file(run.adapter / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.bfloat16}


@pytest.mark.slow
def test_it_goes_on_in_bf16_after_a_smaller_plan(trained: Trained, tmp_path: Path) -> None:
    run = interrupted(trained(*SHORT, "model.dtype=bfloat16"), 3, tmp_path)
    preset = load_frozen(run.preset)
    smaller = replan.smaller(replan.read(run, preset), preset, "training")
    assert smaller is not None
    replan.write(run, smaller)
    log = EventLog(run)
    checkpoint = run.checkpoints / "checkpoint-3"
    train(replan.applied(preset, smaller), run, log, StopFlag(run, log), checkpoint=checkpoint)
    log.close()
    history = read_history(run)
    assert history.plan["per_device_train_batch_size"] == smaller.per_device
    last = checkpoints(run)[-1].path
    assert {one.dtype for one in load_file(last / "adapter_model.safetensors").values()} == {torch.bfloat16}
    states = torch.load(last / "optimizer.pt", weights_only=True)["state"].values()
    assert {state["exp_avg"].dtype for state in states} == {torch.bfloat16}
