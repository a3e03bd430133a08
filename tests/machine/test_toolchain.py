"""The compiler Triton needs, really run."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from runner.machine import distribution, toolchain

NAMED = {"debian": "apt install gcc", "fedora": "dnf install gcc", "arch": "pacman -S gcc"}


def test_what_is_here_compiles() -> None:
    found = toolchain.find()
    assert found.problem == ""
    assert found.compiler


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = toolchain.find()
    assert found.problem == "no C compiler"
    assert "gcc" in found.fix


def test_without_the_headers_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    found = toolchain.find()
    assert found.problem == f"no Python.h in {tmp_path}"


@pytest.mark.parametrize("compiler", ["/nowhere/gcc", "false"])
def test_a_compiler_that_does_not_work(monkeypatch: pytest.MonkeyPatch, compiler: str) -> None:
    monkeypatch.setenv("CC", compiler)
    assert compiler in toolchain.find().problem


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "debian"),
        ('NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n', "debian"),
        ('ID="linuxmint"\nID_LIKE="ubuntu debian"\n', "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=arch\n", "arch"),
        ("ID=plan9\n", None),
        ("", None),
        ("=\n\0", None),
    ],
)
def test_the_distribution_decides_what_to_install(text: str, family: str | None) -> None:
    assert distribution.family(text) == family
    line = distribution.compiler_line("3.12", family)
    assert NAMED.get(family or "", "install gcc") in line
    assert distribution.python_line("3.12", family)


def test_a_version_stands_in_the_names_of_packages() -> None:
    assert distribution.python_line("3.11", "debian") == "sudo apt install python3.11 python3.11-venv"
    assert distribution.compiler_line("3.12", "suse") == "sudo zypper install gcc python312-devel"
