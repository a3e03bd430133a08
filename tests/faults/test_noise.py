"""What libraries print in every run alarms without need: it is kept, and not shown."""

from __future__ import annotations

import pytest

from runner.store.directory import RunDirectory
from tests.faults.scene import ftui
from tui.services.run_reader import read_view

NOISE = [
    "Failed to load CPU gemm_4bit_forward from kernels-community: No module named 'kernels'. Please make sure you "
    "already `pip install kernels` and the kernels >= 0.11.1",
    "/x/transformers/modeling_utils.py:3303: FutureWarning: `is_gradient_checkpointing` is deprecated and will be "
    "removed in v6. Use `is_activation_checkpointing` instead.",
    "  warnings.warn(",
]
TOLD = [
    "Failed to load CPU gemm_4bit_forward: Illegal instruction",
    "/x/torch/cuda/__init__.py:61: UserWarning: The NVIDIA driver on your system is too old",
    "RuntimeError: FutureWarning: became an error",
]


@pytest.mark.fault(
    "libraries warn of what is as it should be, and of what is not",
    "only the second is shown; console.log keeps both; `ftui show` works",
)
def test_noise(dead: RunDirectory) -> None:
    with dead.console.open("a", encoding="utf-8") as console:
        console.write("\n".join([NOISE[0], TOLD[0], NOISE[1], NOISE[2], *TOLD[1:]]) + "\n")
    shown = read_view(dead).console
    assert list(shown[-len(TOLD) :]) == TOLD
    assert not set(shown) & set(NOISE)
    kept = dead.console.read_text(encoding="utf-8").splitlines()
    assert set(NOISE) <= set(kept)
    assert "lost" in ftui("show", dead.id)
