"""A run directory is data: whatever is in it, nothing of it is run, and others' directories are only read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner.commands.clean import clean
from runner.commands.resume import resume
from runner.store import directory, disk_usage, launched, life, ownership
from runner.store.directory import RunDirectory, read_json
from runner.store.errors import LaunchError, RemoteCodeError
from runner.store.processes import workers_on
from runner.supervision.reattach import reattach
from tests.conftest import wait_for
from tests.faults.scene import Scene, finished, ftui, goes_on
from tests.fork_server.protocol import ADDRESS

CODE = "import pathlib, sys\npathlib.Path(__file__).with_name('was-run').touch()\nsys.exit(0)\n"
OTHER_USER = 54321


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def acted_upon(run: RunDirectory, words: str) -> None:
    """Every command refuses it in words, and nothing in it changes."""
    before = everything(run.path)
    for verb in (("resume", "--detach"), ("stop", "--now"), ("stop",), ("ask", "save")):
        name, *options = verb
        asked = [name, *options[:1], str(run.path)] if name == "ask" else [name, str(run.path), *options]
        assert words in ftui(*asked, code=1)
    assert not reattach(run)
    held = disk_usage.holding(run)
    assert clean([held]).count == 0
    assert everything(run.path) == before


@pytest.mark.parametrize(
    "name", ["payload", "os", "runner.train.make_demo", "-c", "tests/../payload", "runner"]
)
@pytest.mark.fault(
    "run.json of a run from elsewhere names {name} as its trainer", "refused; no file of the directory is run"
)
def test_a_trainer_that_is_none(dead: RunDirectory, name: str) -> None:
    (dead.path / "payload.py").write_text(CODE)
    directory.write_json(dead.run, {**read_json(dead.run), "trainer": name})
    assert "none of ftui's" in ftui("resume", str(dead.path), "--detach", code=1)
    ftui("stop", str(dead.path))
    assert not (dead.path / "was-run").exists()
    assert not life.is_alive(dead)


@pytest.mark.fault("modules lie in a run directory under the names of ours", "none of them is imported")
def test_modules_in_a_run_directory(dead: RunDirectory) -> None:
    for name in ("runner", "torch", "sitecustomize", "json", "usercustomize"):
        (dead.path / f"{name}.py").write_text(CODE)
    goes_on(dead, 4)
    assert not (dead.path / "was-run").exists()


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_LIBRARY_PATH", "PATH"])
@pytest.mark.fault(
    "{name} has an empty entry, which means the working directory",
    "nothing is found in the run directory by it",
)
def test_an_empty_entry(dead: RunDirectory, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for module in ("json", "torch", "hashlib"):
        (dead.path / f"{module}.py").write_text(CODE)
    monkeypatch.setenv(name, os.environ.get(name, "") + os.pathsep)
    monkeypatch.setenv(ADDRESS, "")
    resume(dead)
    found = wait_for(lambda: [one.pid for one in workers_on(dead.path) if one.is_supervisor], 20)
    given = Path(f"/proc/{found[0]}/environ").read_bytes().split(b"\0")
    value = next((line.partition(b"=")[2] for line in given if line.startswith(name.encode() + b"=")), b"/")
    assert all(part.startswith(b"/") for part in value.split(b":") if value)
    finished(dead)
    assert not (dead.path / "was-run").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.fault(
    "a file system gives every directory another owner (a squashed NFS, a mounted Windows disk)",
    "runs are acted on",
)
def test_a_file_system_with_one_owner(dead: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def mkdir(self: Path, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        if self.parent == dead.path:
            os.chown(self, OTHER_USER, OTHER_USER)

    os.chown(dead.path, OTHER_USER, OTHER_USER)
    assert "another user" in ownership.not_ours(dead.path)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert ownership.not_ours(dead.path) == ""
    assert list(dead.path.glob(".owner-*")) == []


@pytest.mark.fault(
    "a file system gives every directory one mode (FAT, CIFS), which lets all write", "runs are acted on"
)
def test_a_file_system_with_one_mode(dead: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def mkdir(self: Path, *arguments: Any, **options: Any) -> None:
        real(self, *arguments, **options)
        self.chmod(0o777)

    dead.path.chmod(0o777)
    assert "chmod go-w" in ownership.not_ours(dead.path)
    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert ownership.not_ours(dead.path) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.fault("a run directory belongs to another user", "it is read; every command refuses in words")
def test_another_user_s(dead: RunDirectory) -> None:
    os.chown(dead.path, OTHER_USER, OTHER_USER)
    acted_upon(dead, "belongs to another user")
    assert dead.id in ftui("show", str(dead.path))


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702], ids=oct)
@pytest.mark.fault(
    "other users may write into a run directory (mode {mode:o})",
    "it is read; every command refuses, and says chmod",
)
def test_writable_by_others(dead: RunDirectory, mode: int) -> None:
    dead.path.chmod(mode)
    acted_upon(dead, "chmod go-w")
    dead.path.chmod(0o700)
    goes_on(dead, 4)


def lets_code_run(run: RunDirectory) -> None:
    text = run.preset.read_text(encoding="utf-8")
    assert "trust_remote_code: false" in text
    run.preset.write_text(
        text.replace("trust_remote_code: false", "trust_remote_code: true"), encoding="utf-8"
    )


@pytest.mark.fault(
    "a run from elsewhere lets code run (trust_remote_code)",
    "asked for first; with --trust-remote-code it goes on",
)
def test_code_of_elsewhere(dead: RunDirectory) -> None:
    lets_code_run(dead)
    before = everything(dead.path)
    said = ftui("resume", dead.id, "--detach", code=1)
    assert "--trust-remote-code" in said
    assert everything(dead.path) == before
    with pytest.raises(RemoteCodeError):
        resume(dead)
    ftui("resume", dead.id, "--detach", "--trust-remote-code")
    finished(dead)


@pytest.mark.fault(
    "a run launched here lets code run (trust_remote_code)", "it goes on without being asked again"
)
def test_code_of_here(dead: RunDirectory) -> None:
    lets_code_run(dead)
    launched.note(dead)
    goes_on(dead, 4)


@pytest.mark.fault(
    "a run lies in another home than one's own", "it goes on there; the lease is made in one's own home"
)
def test_another_home(dead: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    monkeypatch.setenv("FTUI_HOME", str(own))
    ftui("resume", str(dead.path), "--detach")
    finished(dead)
    assert [path.name for path in (own / "leases").iterdir()] == ["cpu"]
    assert not (dead.home / "leases").exists()


@pytest.mark.fault(
    "`ftui stop`, `resume`, `ask` of what another trainer left", "refused in words; nothing is written there"
)
def test_what_another_trainer_left(scene: Scene, tmp_path: Path) -> None:
    out = tmp_path / "outputs"
    (out / "checkpoint-10").mkdir(parents=True)
    state = {"global_step": 10, "log_history": [{"step": 10, "loss": 1.0, "epoch": 1.0}], "max_steps": 20}
    (out / "checkpoint-10" / "trainer_state.json").write_text(json.dumps(state))
    # What makes it look like a run of ours from afar.
    (out / "requests").mkdir()
    before = everything(out)
    run = RunDirectory(out)
    for words in (("resume", str(out), "--detach"), ("stop", str(out)), ("ask", "save", str(out))):
        ftui(*words, code=1)
    with pytest.raises(LaunchError, match="not a run of ftui"):
        resume(run)
    assert everything(out) == before
    assert list((out / "requests").iterdir()) == []
