"""A preset may lie in a repository from elsewhere, whose config names programs: git is asked so that it starts none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from runner.machine import git
from runner.preset import files
from runner.store.directory import read_json
from runner.supervision import launch
from tests.faults.scene import TRAINER, Scene

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")


def ask(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """One that leaves a mark where it is run."""
    made = tmp_path / "program"
    made.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\ncat\n")
    made.chmod(0o700)
    return made


def repository(folder: Path, name: str = "mine.yaml") -> Path:
    folder.mkdir()
    (folder / name).write_text("extends: demo\n")
    ask(folder, "init", "-q")
    (folder / ".gitattributes").write_text("* filter=x\n")
    ask(folder, "add", ".")
    ask(folder, "commit", "-qm", "one")
    return folder


@pytest.mark.parametrize(
    "setting", ["core.fsmonitor", "filter.x.clean", "filter.x.process", "core.hooksPath"]
)
@pytest.mark.fault(
    "a preset lies in a repository whose config names a program ({setting})",
    "it is not run; the commit is recorded",
)
def test_its_config(scene: Scene, tmp_path: Path, program: Path, setting: str) -> None:
    theirs = repository(tmp_path / "theirs")
    ask(theirs, "config", setting, str(tmp_path) if setting == "core.hooksPath" else str(program))
    (theirs / "mine.yaml").write_text("extends: demo \n")
    loaded = files.load(str(theirs / "mine.yaml"), scene.home)
    run = launch.make_run(loaded, scene.home, "mine", None, TRAINER)
    assert not (tmp_path / "was-run").exists()
    assert str(read_json(run.run)["git_commit"]).startswith(ask(theirs, "rev-parse", "HEAD"))
    ask(theirs, "config", "--unset", setting)
    assert str(git.commit(theirs)).endswith("-dirty")


@pytest.mark.parametrize("setting", ["core.fsmonitor", "filter.x.clean"])
@pytest.mark.fault(
    "a repository has another in it, whose config names a program ({setting})",
    "it is not run; the commit is told",
)
def test_one_within(tmp_path: Path, program: Path, setting: str) -> None:
    theirs = repository(tmp_path / "theirs")
    within = repository(theirs / "within", "rows.txt")
    ask(theirs, "add", "within")
    ask(theirs, "commit", "-qm", "two")
    ask(within, "config", setting, str(program))
    (within / "rows.txt").write_text("extends: demo \n")
    assert git.commit(theirs) == ask(theirs, "rev-parse", "HEAD")
    assert not (tmp_path / "was-run").exists()


def test_no_repository(tmp_path: Path) -> None:
    assert git.commit(tmp_path) is None


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = repository(tmp_path / "theirs")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git.commit(theirs) is None
