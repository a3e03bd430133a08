"""`ftui doctor` on machines that are not here: a stub driver and a stub PyTorch in real processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.doctor import Check, Health
from runner.doctor.place import model_cache, shown
from tests import stub_torch
from tests.stub_nvml import RTX_4090, StubNvml
from tui.cli.doctor import lines

DOCTOR = [sys.executable, "-m", "tui.cli", "doctor"]


def doctor(environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DOCTOR, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def box(stub: StubNvml, folder: Path, **build: Any) -> dict[str, str]:
    """The environment of a GPU box with this build of PyTorch."""
    path = os.pathsep.join([stub_torch.write(folder, **build), os.environ.get("PYTHONPATH", "")])
    return {**stub.environment, "PYTHONPATH": path, "CC": "true"}


def checks(environment: Mapping[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    done = doctor(environment, "--json")
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)}


BAD_BOXES = [
    ({"driver": "550.54.15", "cuda": "12040"}, {}, "too old", "cu126"),
    ({}, {"version": "2.13.0+cpu", "cuda": None}, "no CUDA in it", "--force-reinstall"),
    ({"capability": "7.0"}, {}, "no code for it", "cu126"),
    (
        {"capability": "12.0"},
        {"cuda": "12.6", "architectures": stub_torch.CU126},
        "no code",
        "--force-reinstall",
    ),
    ({}, {"available": False, "problem": "No CUDA GPUs are available"}, "No CUDA GPUs are available", ""),
]


@pytest.mark.parametrize(("driver", "build", "words", "command"), BAD_BOXES)
def test_a_run_that_would_train_on_the_cpu_is_no_tick(
    stub: StubNvml, tmp_path: Path, driver: dict[str, str], build: dict[str, Any], words: str, command: str
) -> None:
    stub.set(**RTX_4090 | driver)
    code, found = checks(box(stub, tmp_path / "site", **build))
    assert code == 1
    assert found["PyTorch"]["health"] == "bad"
    assert words in found["PyTorch"]["value"]
    assert command in found["PyTorch"]["command"]


def test_a_box_that_is_as_it_should_be(stub: StubNvml, tmp_path: Path) -> None:
    _, found = checks(box(stub, tmp_path / "site"))
    assert found["PyTorch"]["health"] == "ok"
    assert "CUDA 13.0" in found["PyTorch"]["value"]
    assert "sm_120" in found["PyTorch"]["value"]
    assert found["driver"]["value"] == "580.159.03, CUDA up to 13.0"
    assert "RTX 4090" in found["GPU 0"]["value"]
    # The stub has no tensors to multiply.
    assert found["4-bit kernels"]["health"] == "bad"


def test_without_a_compiler_it_says_what_to_install(stub: StubNvml, tmp_path: Path) -> None:
    site = tmp_path / "site"
    environment = box(stub, site) | {"CC": "/nowhere/cc"}
    (site / "triton.py").write_text("")
    _, found = checks(environment)
    assert found["C compiler"]["health"] == "note"
    assert "gcc" in found["C compiler"]["command"]


@pytest.mark.parametrize(("code", "health"), [("!18", "bad"), ("!999", "bad"), ("!12", "note")])
def test_a_sick_driver_is_bad_and_none_is_not(stub: StubNvml, tmp_path: Path, code: str, health: str) -> None:
    stub.set(init=code)
    _, found = checks(box(stub, tmp_path / "site", cuda=None, version="2.13.0+cpu"))
    assert found["GPU"]["health"] == health


def test_the_page_fits_a_small_terminal_and_has_no_secrets(stub: StubNvml, tmp_path: Path) -> None:
    stub.set(**RTX_4090 | {"driver": "550.54.15", "cuda": "12040"})
    environment = box(stub, tmp_path / "site") | {
        "COLUMNS": "80",
        "LINES": "24",
        "HF_TOKEN": "hf_" + "x" * 34,
        "HTTPS_PROXY": "http://me:hunter2@proxy:3128",
        "PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:128",
        "CUDA_VISIBLE_DEVICES": "1",
    }
    done = doctor(environment)
    assert done.returncode == 1
    page = done.stdout
    wide = [line for line in page.splitlines() if len(line) > 80]
    assert all(line.startswith(sys.executable) for line in wide)
    assert "x" * 34 not in page
    assert "hunter2" not in page
    for words in ("HF_TOKEN=•••", "PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:128", "CUDA_VISIBLE_DEVICES=1"):
        assert words in re.sub(r"\s+", " ", page)
    assert page.splitlines()[-1].startswith("A run would fail, or not do what it says: ")


def test_healthy_checks_of_a_group_share_a_line_and_sick_ones_do_not() -> None:
    packages = [
        Check("torch", Health.OK, "2.13.0", group="packages"),
        Check("trl", Health.OK, "1.16", group="packages"),
    ]
    page = [
        "".join(part if isinstance(part, str) else part.text for part in line)
        for line in lines([*packages, Check("peft", Health.BAD, "not installed")], 80)
    ]
    assert page[0] == "✔ packages      torch 2.13.0 · trl 1.16"
    assert page[1] == "✖ peft          not installed"


@pytest.mark.parametrize(
    ("name", "value", "shows"),
    [
        ("HF_TOKEN", "hf_abc", "•••"),
        ("HF_TOKEN_PATH", "/home/me/token", "/home/me/token"),
        ("WANDB_API_KEY", "0" * 40, "•••"),
        ("https_proxy", "http://a:b@host:1", "http://•••@host:1"),
        ("HF_ENDPOINT", "https://mirror.example.org", "https://mirror.example.org"),
        ("HF_HOME", "/data/hf_" + "a" * 34, "/data/•••"),
    ],
)
def test_variables_are_shown_without_secrets(name: str, value: str, shows: str) -> None:
    assert shown(name, value) == shows


def test_models_are_looked_for_where_the_hub_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert model_cache() == Path("~/.cache/huggingface/hub").expanduser()
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert model_cache() == tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "models"))
    assert model_cache() == tmp_path / "models"
