"""`make run` from nothing: what is missing is said before gigabytes are fetched, and broken environments heal."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import make.install as install
from runner.machine import distribution
from tests.conftest import ROOT

FETCHED = "fetched"


def make(
    arguments: list[str], path: str | None = None, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """`make …` in this checkout with another PATH."""
    environment = {**os.environ, **({"PATH": path} if path is not None else {})}
    make_ = shutil.which("make")
    assert make_ is not None
    return subprocess.run(
        [make_, "-C", str(ROOT), f"PYTHON={python}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole environment without packages, to be copied."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder


@pytest.fixture
def bare(tmp_path: Path, environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment to be made, by a pip that fetches nothing and notes that it was called.

    Where there is nothing yet, one is copied, which is quicker; in place of a broken one it is made as ever.
    """
    monkeypatch.chdir(ROOT)
    real = subprocess.run

    def run(command: list[str], **kwargs: object) -> object:
        if "pip" in command:
            with (tmp_path / FETCHED).open("a") as stream:
                stream.write(" ".join(command) + "\n")
            return subprocess.CompletedProcess(command, 0)
        if "venv" in command and not Path(command[-1]).exists():
            shutil.copytree(environment, command[-1], symlinks=True)
            return subprocess.CompletedProcess(command, 0)
        return real(command, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", run)
    return tmp_path / "venv"


def fetched(tmp_path: Path) -> list[str]:
    path = tmp_path / FETCHED
    return path.read_text().splitlines() if path.exists() else []


def test_an_old_python_is_refused_with_the_packages_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho 3.10\n")
    old.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(old))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(install.RefusedError) as refused:
        install.find_python()
    first, second = str(refused.value).splitlines()
    assert "ftui needs 3.11 or newer" in first
    assert second == distribution.python_line("3.11", distribution.this_family())


def test_beside_an_old_python_a_newer_one_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("python3", "3.10"), ("python3.12", "3.12")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.find_python() == str(tmp_path / "python3.12")


def test_a_python_without_venv_is_refused_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = tmp_path / "python3.12"
    lacking.write_text('#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\necho 3.12\n')
    lacking.chmod(0o700)
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(install.RefusedError, match=r"3\.12 is here without its venv module"):
        install.find_python()


def test_it_is_installed_once_and_again_when_the_pins_change(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.install(str(bare), ["dev", "train"])
    install.install(str(bare), ["dev", "train"])
    # What tests need brings what training needs.
    install.install(str(bare), ["train"])
    assert len(fetched(tmp_path)) == 1
    assert "-c constraints.txt -e .[dev,train]" in fetched(tmp_path)[0]
    assert "--quiet" not in fetched(tmp_path)[0]
    changed = tmp_path / "checkout"
    changed.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (changed / name).write_text("other")
    monkeypatch.chdir(changed)
    install.install(str(bare), ["train"])
    assert len(fetched(tmp_path)) == 2


@pytest.mark.parametrize("damage", ["python gone", "pip gone", "half made"])
def test_a_broken_environment_heals(bare: Path, tmp_path: Path, damage: str) -> None:
    install.install(str(bare), ["train"])
    if damage == "python gone":
        for link in (bare / "bin").glob("python*"):
            link.unlink()
    elif damage == "pip gone":
        for folder in bare.glob("lib/python*/site-packages/pip"):
            shutil.rmtree(folder)
    else:
        shutil.rmtree(bare / "lib")
        (bare / install.STAMP).unlink()
    install.install(str(bare), ["train"])
    assert install.is_alive(str(bare))
    assert len(fetched(tmp_path)) == 2


def test_a_folder_that_is_no_environment_is_left_alone(bare: Path) -> None:
    bare.mkdir()
    (bare / "thesis.tex").write_text("mine")
    with pytest.raises(install.RefusedError, match="left alone"):
        install.install(str(bare), ["train"])
    assert (bare / "thesis.tex").read_text() == "mine"


def test_too_small_a_disk_is_said_before_anything_is_fetched(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=3 * 10**9))
    assert install.main([str(bare), "train"]) == 1
    assert fetched(tmp_path) == []


def test_make_says_so_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("")
    done = make(["run", f"VENV={tmp_path}/mine"])
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 2
    assert "left alone" in lines[0]


def test_the_files_that_old_pythons_read_have_no_newer_syntax() -> None:
    for module in (install, distribution):
        assert module.__file__
        ast.parse(Path(module.__file__).read_text(encoding="utf-8"), feature_version=(3, 8))
