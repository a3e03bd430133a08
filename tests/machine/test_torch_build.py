"""The installed PyTorch: from its text, and from a process that imports it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.machine import torch_build
from runner.machine.cuda import TorchBuild
from tests import stub_torch


def test_the_installed_one_is_known_without_being_imported() -> None:
    code = "import sys; from runner.machine.torch_build import installed; print(installed());"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said, imported = done.stdout.splitlines()
    assert imported == "False"
    assert "TorchBuild(version='2." in said


@pytest.mark.parametrize(
    ("text", "build"),
    [
        (stub_torch.VERSION.format(version="2.13.0", cuda="13.0", hip=None), TorchBuild("2.13.0", "13.0")),
        ("__version__ = '2.4.1+cu121'\ncuda = '12.1'\nhip = None\n", TorchBuild("2.4.1+cu121", "12.1")),
        (
            "__version__ = '2.13.0+rocm7.1'\ncuda = None\nhip = '7.1'\n",
            TorchBuild("2.13.0+rocm7.1", hip="7.1"),
        ),
        ("__version__ = get_version()\n", None),
        ("__version__ = 2\n", None),
        ("cuda = ", None),
        ("\0", None),
        ("", None),
    ],
)
def test_its_text_is_read_however_it_is_written(text: str, build: TorchBuild | None) -> None:
    assert torch_build.parse(text) == build


def test_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "PYTHONPATH", stub_torch.write(tmp_path, available=False, problem="No CUDA GPUs are available")
    )
    answer = torch_build.ask("GPU-1")
    assert not isinstance(answer, str)
    assert answer.build == TorchBuild("2.13.0", "13.0", None, tuple(stub_torch.CU130.split()))
    assert (answer.available, answer.problem, answer.nf4) == (False, "No CUDA GPUs are available", "")
    assert "bitsandbytes" in answer.nf4_problem


def test_only_the_gpu_of_the_run_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stub_torch.write(tmp_path)
    with (tmp_path / "torch" / "__init__.py").open("a") as stream:
        stream.write("import os\ncuda.get_device_name = lambda index: os.environ['CUDA_VISIBLE_DEVICES']\n")
    monkeypatch.setenv("PYTHONPATH", folder)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    answer = torch_build.ask("MIG-a")
    assert not isinstance(answer, str)
    assert answer.device == "MIG-a"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libcudart.so.13: cannot open shared object file')", "libcudart.so.13"),
        ("import os; os.abort()", "ended with -6"),
        ("print('hello')\nraise SystemExit(3)", "ended with 3"),
    ],
)
def test_one_that_does_not_start_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    stub_torch.write(tmp_path)
    (tmp_path / "torch" / "__init__.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = torch_build.ask()
    assert isinstance(answer, str)
    assert words in answer
