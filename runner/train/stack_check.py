"""`python -P -m runner.train.stack_check`: what the installed PyTorch can do, and whether a 4-bit product works.

Two lines of JSON on standard output: the build and its device, then the trial. Started by runner/machine/torch_build.py
in a process of its own, which a broken CUDA set-up may take down between the two.
"""

from __future__ import annotations

import json
from typing import Any

import torch


def build() -> dict[str, Any]:
    """Version, CUDA and HIP it was built for, the architectures it has code for, and the GPU it can use, if any."""
    flags = torch._C._cuda_getArchFlags() if hasattr(torch._C, "_cuda_getArchFlags") else None
    available = torch.cuda.is_available()
    return {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "hip": torch.version.hip,
        "architectures": (flags or "").split(),
        "available": available,
        "device": torch.cuda.get_device_name(0) if available else "",
        "problem": _why_not() if torch.version.cuda and not available else "",
    }


def _why_not() -> str:
    try:
        torch.cuda.init()
    # Whatever the driver answers is the finding.
    except Exception as error:
        return str(error).strip().splitlines()[0]
    return ""


def trial(available: bool) -> dict[str, str]:
    """An NF4 product with its gradient; `nf4` names the device where it worked, else `problem` says why not."""
    try:
        import bitsandbytes as bnb

        device, dtype = ("cuda", torch.float16) if available else ("cpu", torch.float32)
        layer = bnb.nn.Linear4bit(64, 64, bias=False, compute_dtype=dtype, quant_type="nf4").to(device)
        rows = torch.ones(32, 64, device=device, dtype=dtype, requires_grad=True)
        layer(rows).float().sum().backward()
        if rows.grad is None or not bool(torch.isfinite(rows.grad).all()):
            return {"nf4": "", "problem": "the gradient is not finite"}
    except ImportError as error:
        return {"nf4": "", "problem": str(error)}
    except Exception as error:
        lines = str(error).strip().splitlines()
        return {"nf4": "", "problem": f"{type(error).__name__}: {lines[0] if lines else ''}"}
    return {"nf4": device}


def main() -> None:
    found = build()
    print(json.dumps(found), flush=True)
    print(json.dumps(trial(found["available"])), flush=True)


if __name__ == "__main__":
    main()
