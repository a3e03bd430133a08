"""Where a run would live: the system, the disks, the configuration, the environment."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from runner import host, places
from runner.config import ConfigError, config_path, load_config
from runner.doctor.check import Check, Health
from runner.machine import system
from runner.redaction.blotting import redacted
from runner.redaction.environment import is_secret
from runner.redaction.token_shapes import BLOT
from runner.store.directory import ftui_home

LEAST_FREE_GIB = 10
# What changes how a run behaves, or where it looks for things.
VARIABLES = re.compile(
    r"CUDA_.*|NVIDIA_VISIBLE_DEVICES|PYTORCH_.*ALLOC_CONF|TORCH_.*|TRITON_.*|BNB_.*|CC|LD_LIBRARY_PATH|PYTHONPATH|"
    r"HF_.*|HUGGING_FACE_.*|TRANSFORMERS_.*|WANDB_.*|FTUI_.*|XDG_DATA_HOME|TMPDIR|OMP_NUM_THREADS|"
    r"SLURM_(JOB_ID|JOB_GPUS|STEP_GPUS)|https?_proxy|HTTPS?_PROXY"
)
USER_INFO = re.compile(r"(?<=//)[^/@\s]+(?=@)")


def system_checks() -> list[Check]:
    """The system, its processors and memory."""
    one = system.read()
    kind = f"{one.kind}, Slurm job {one.job}" if one.job else one.kind
    hint = ""
    if one.is_wsl:
        hint = (
            "WSL2: the driver is Windows'; PyTorch's expandable segments are off there, and the driver does not say "
            "which process holds how much VRAM."
        )
    load = host.read()
    free = (load.ram_total_mib - load.ram_used_mib) / 1024
    ram = f"{os.cpu_count()} CPUs, {free:.0f} of {load.ram_total_mib / 1024:.0f} GiB RAM free"
    return [
        Check("system", Health.NOTE if one.is_wsl else Health.OK, f"{one.name}, {kind}", hint),
        Check("host", Health.OK, ram),
    ]


def disk_checks() -> list[Check]:
    """Where runs are written, and where models are kept."""
    try:
        home = ftui_home()
    except OSError as error:
        what = f"{error.filename or 'FTUI_HOME'}: {error.strerror}"
        return [Check("disk", Health.BAD, what, "Runs have no place to lie in.")]
    existing = _existing(home)
    if not os.access(existing, os.W_OK):
        return [
            Check(
                "disk", Health.BAD, f"{existing} cannot be written to", "Set FTUI_HOME to a folder of yours."
            )
        ]
    checks = [_disk("disk", home, "Models and checkpoints need more; FTUI_HOME moves the runs.")]
    cache = model_cache()
    return [*checks, _disk("models", cache, "Models need more; HF_HOME moves them.")]


def model_cache() -> Path:
    """Where the hub's library keeps models (huggingface_hub/constants.py)."""
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    base = os.environ.get("HF_HOME") or f"{os.environ.get('XDG_CACHE_HOME') or '~/.cache'}/huggingface"
    return places.expanded(named or f"{base}/hub")


def _disk(name: str, folder: Path, hint: str) -> Check:
    try:
        free = shutil.disk_usage(_existing(folder)).free / 2**30
    except OSError as error:
        return Check(name, Health.NOTE, f"{folder}: {error.strerror}")
    value = f"{free:.0f} GiB free in {folder}"
    return Check(name, Health.NOTE, value, hint) if free < LEAST_FREE_GIB else Check(name, Health.OK, value)


def _existing(folder: Path) -> Path:
    return next((one for one in (folder, *folder.parents) if os.path.exists(one)), Path("/"))  # noqa: PTH110


def config_checks() -> list[Check]:
    """config.yaml."""
    try:
        home = ftui_home()
        load_config(home)
    except OSError:
        # disk_checks says why.
        return []
    except ConfigError as error:
        return [Check("config.yaml", Health.NOTE, str(error), "Until it is mended, runs use the defaults.")]
    found = config_path(home)
    return [Check("config.yaml", Health.OK, str(found) if found.exists() else "none: the defaults hold")]


def environment_checks() -> list[Check]:
    """Variables that change what a run does, without the secrets in them."""
    return [
        Check(name, Health.OK, shown(name, value), group="environment")
        for name, value in sorted(os.environ.items())
        if VARIABLES.fullmatch(name) and value
    ]


def shown(name: str, value: str) -> str:
    """A variable's value, blotted where it is or holds a secret: by its name, its shape, or as a password in a URL."""
    if is_secret(name, value):
        return BLOT
    return USER_INFO.sub(BLOT, redacted(value))
