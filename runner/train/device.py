"""Whether this process can compute on the GPU its run was given, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from trl.kernels import chunked_logprob
from trl.trainer import utils

from runner.data.errors import TrainingError
from runner.store.events import EventLog

TILES = 3


def require(record: Mapping[str, Any]) -> None:
    """Raises TrainingError where run.json names a GPU and PyTorch cannot use it: training on the CPU instead would take
    days in silence.
    """
    gpu = record.get("gpu")
    if not isinstance(gpu, dict) or torch.cuda.is_available():
        return
    try:
        torch.cuda.init()
        why = "it sees no GPU"
    except (AssertionError, RuntimeError) as error:
        why = str(error).strip().splitlines()[0].rstrip(".")
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built for the CPU alone"
    raise TrainingError(
        f"This run is for {gpu.get('name', 'a GPU')}, and PyTorch {torch.__version__} ({built}) cannot use it: {why}.",
        "`ftui doctor` says which driver or which PyTorch is needed; `--gpu cpu` trains on the CPU all the same.",
    )


def try_fused_head(log: EventLog) -> bool:
    """Run TRL's fused head once on eight tokens; where its Triton kernels cannot be compiled (no C compiler, no Python
    headers), take TRL's own PyTorch path and say so. Returns whether the kernels are used.
    """
    if not torch.cuda.is_available() or not chunked_logprob._TRITON_AVAILABLE:
        return False
    try:
        _run_fused_head()
    # Whatever a compiler, a linker or a driver may raise: none of it may end a run that can do without.
    except Exception as error:
        chunked_logprob._TRITON_AVAILABLE = False
        log.append("warning", id="triton", message=_without_triton(error))
        return False
    return True


def _run_fused_head() -> None:
    hidden = torch.randn(8, 64, device="cuda", dtype=torch.float16, requires_grad=True)
    weight = torch.randn(96, 64, device="cuda", dtype=torch.float16)
    targets = torch.zeros(8, dtype=torch.long, device="cuda")
    found = chunked_logprob.ChunkedLogProbFunction.apply(hidden, weight, None, targets, 1.0, 32)
    found[0].sum().backward()
    torch.cuda.synchronize()


def _without_triton(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # What a kernel folds in one pass PyTorch holds as some fp32 tiles: the scaled one, its exponential, their product.
    tiles = 4 * chunked_logprob.TOKEN_CHUNK_SIZE * utils._CHUNKED_LOGPROB_CHUNK_SIZE * TILES / 2**20
    return (
        f"Triton cannot compile its kernels ({lines[0][:160]}); PyTorch's own take their place: slower, and up to "
        f"{tiles:,.0f} MiB more. `ftui doctor` names what to install."
    )
