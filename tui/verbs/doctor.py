"""`ftui doctor`: what a run would find on this machine. Nothing heavy is imported; a child tries bitsandbytes."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum

import click

from runner import gpu, host
from runner.run import launch
from runner.run.config import ConfigError, config_path, load_config
from runner.run.directory import ftui_home
from tui.verbs.text import print_json

LEAST_FREE_GIB = 10
BITSANDBYTES_SECONDS = 120


class Health(StrEnum):
    """How a finding bears on a run."""

    OK = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True)
class Check:
    """One line of the examination; `hint` says what to do about it."""

    name: str
    health: Health
    value: str
    hint: str = ""


def examine(as_json: bool) -> int:
    """Print every check; 1 when one would keep a run from starting, else 0."""
    checks = [*_gpus(), *_packages(), _bitsandbytes(), _disk(), _config(), _host(), _terminal()]
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        for check in checks:
            mark, colour = {"ok": ("✔", "green"), "note": ("·", "yellow"), "bad": ("✖", "red")}[
                check.health.value
            ]
            click.echo(f"{click.style(mark, fg=colour)} {check.name:<16} {check.value}")
            if check.hint:
                click.echo(f"  {'':<16} {check.hint}")
    return int(any(check.health is Health.BAD for check in checks))


def _gpus() -> list[Check]:
    reading = gpu.read()
    hidden = [
        Check(f"GPU {one.number}", Health.NOTE, f"{one.name}: hidden by CUDA_VISIBLE_DEVICES")
        for one in reading.hidden
    ]
    if not reading.samples:
        if reading.is_sick:
            hint = "Runs are refused until that is mended, or take `--gpu cpu` on purpose."
            return [Check("GPU", Health.BAD, reading.problem, hint), *hidden]
        hint = "Runs use the CPU: fine for the demo, far too slow for real models."
        return [Check("GPU", Health.NOTE, reading.problem or gpu.NO_GPU, hint), *hidden]
    checks = [Check("driver", Health.OK, f"{reading.driver or '?'}, CUDA up to {gpu.cuda_version() or '?'}")]
    if reading.note:
        checks.append(Check("which GPUs", Health.NOTE, reading.note))
    return checks + [_gpu(sample) for sample in reading.samples] + hidden


def _gpu(sample: gpu.GpuSample) -> Check:
    one = sample.gpu
    name = f"GPU {one.number}"
    if sample.problem:
        return Check(name, Health.BAD, f"{one.name}: {sample.problem}")
    capability = "?" if one.compute_capability is None else "{}.{}".format(*one.compute_capability)
    bf16 = {True: "bf16", False: "no bf16: fp16 is used", None: "bf16 unknown"}[one.has_bf16]
    memory = f"{(sample.free_mib or 0) / 1024:.1f} of {(one.total_mib or 0) / 1024:.1f} GiB free"
    if one.shares_ram:
        memory += " (shared with the host)"
    if sample.free_mib is None:
        memory = "its memory is not told"
    health = Health.NOTE if one.has_bf16 is False else Health.OK
    return Check(name, health, f"{one.name}, {memory}, compute capability {capability}, {bf16}")


def _packages() -> list[Check]:
    checks = [Check("Python", Health.OK, f"{platform.python_version()} at {sys.executable}")]
    for name in launch.STACK:
        found = launch.version(name)
        if found is not None:
            checks.append(Check(name, Health.OK, found))
        else:
            health = Health.BAD if name in launch.NEEDED else Health.NOTE
            checks.append(Check(name, health, "not installed", "pip install 'finetune-tui[train]'"))
    return checks


def _bitsandbytes() -> Check:
    """Import it in a process of its own: a broken CUDA set-up shows only there, and may take the process down."""
    if launch.version("bitsandbytes") is None or launch.version("torch") is None:
        return Check("4-bit kernels", Health.NOTE, "not tried: bitsandbytes or torch is missing")
    code = (
        "import torch, bitsandbytes.functional as f;"
        "d = 'cuda' if torch.cuda.is_available() else 'cpu';"
        "f.dequantize_4bit(*f.quantize_4bit(torch.ones(64, 64, device=d), quant_type='nf4')); print(d)"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code],
            capture_output=True,
            text=True,
            timeout=BITSANDBYTES_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Check("4-bit kernels", Health.BAD, f"no answer within {BITSANDBYTES_SECONDS} s")
    if done.returncode == 0:
        return Check("4-bit kernels", Health.OK, f"NF4 works on {done.stdout.split()[-1]}")
    last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
    return Check(
        "4-bit kernels", Health.BAD, last[0] if last else "failed", "Quantised runs will fail; reinstall it."
    )


def _disk() -> Check:
    home = ftui_home()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        return Check(
            "disk", Health.BAD, f"{existing} cannot be written to", "Set FTUI_HOME to a folder of yours."
        )
    free = shutil.disk_usage(existing).free / 2**30
    value = f"{free:.0f} GiB free in {home}"
    if free < LEAST_FREE_GIB:
        return Check(
            "disk", Health.NOTE, value, "Models and checkpoints need more; FTUI_HOME moves the runs."
        )
    return Check("disk", Health.OK, value)


def _config() -> Check:
    home = ftui_home()
    try:
        load_config(home)
    except ConfigError as error:
        return Check("config.yaml", Health.NOTE, str(error), "Until it is mended, runs use the defaults.")
    found = config_path(home)
    return Check("config.yaml", Health.OK, str(found) if found.exists() else "none: the defaults hold")


def _host() -> Check:
    load = host.read()
    free = (load.ram_total_mib - load.ram_used_mib) / 1024
    return Check(
        "host",
        Health.OK,
        f"{os.cpu_count()} CPUs, {free:.0f} of {load.ram_total_mib / 1024:.0f} GiB RAM free",
    )


def _terminal() -> Check:
    name = os.environ.get("TERM", "")
    inside = (
        "inside tmux"
        if os.environ.get("TMUX")
        else "tmux is installed"
        if shutil.which("tmux")
        else "no tmux"
    )
    size = shutil.get_terminal_size()
    value = f"{name or 'TERM is not set'}, {size.columns}×{size.lines}, {inside}"
    if (size.columns, size.lines) < (80, 24):
        return Check("terminal", Health.NOTE, value, "The screen wants 80×24 or more.")
    return Check("terminal", Health.OK, value)
