"""Surroundings no run is usually in: no home, no current folder, no permission, odd names, locales and masks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.store.directory import RunDirectory
from runner.store.events import Phase
from tests.conftest import ROOT
from tests.faults.scene import SECONDS, Scene, over, run_verb, shown
from tests.tui.conftest import running, screen_text, until

# A user that is in no passwd; the interpreter may lie in a folder of root's.
STRANGER = (
    "setpriv", "--reuid=54321", "--regid=54321", "--clear-groups",
    "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search",
)  # fmt: skip
# Root without its right to pass over permissions.
ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
as_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can become another user"
)
READING = ("ls", "status", "show last", "diagnose last", "clean", "queue", "presets")
DOING = ("check demo", "presets new mine --from demo", "run demo --gpu cpu --detach", "queue add demo")


def ftui(
    *verb: str,
    cwd: Path | str = ROOT,
    env: Mapping[str, str] | None = None,
    prefix: tuple[str, ...] = (),
    umask: int = -1,
) -> subprocess.CompletedProcess[str]:
    """A verb in an interpreter of its own; `prefix` starts it."""
    return subprocess.run(
        [*prefix, sys.executable, "-P", "-m", "tui.cli", *verb],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=4 * SECONDS,
        check=False,
        cwd=cwd,
        umask=umask,
        env={**os.environ, "PYTHONPATH": str(ROOT)} if env is None else {**env, "PYTHONPATH": str(ROOT)},
    )


def in_two_lines(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with exit code 1 or 2 and an error of one or two lines."""
    assert done.returncode in (1, 2), done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[0].startswith("Error: "), done.stderr
    assert len(lines) <= 2, done.stderr
    for word in words:
        assert word in done.stderr


# Homes


@as_root
@pytest.mark.fault("there is neither $HOME nor a name for the user", "it is said that FTUI_HOME would help")
def test_a_user_without_a_home(cold: None) -> None:
    env = {"PATH": os.environ["PATH"]}
    for verb in READING:
        in_two_lines(ftui(*verb.split(), env=env, prefix=STRANGER), "which folder ~ stands for", "FTUI_HOME")


@as_root
@pytest.mark.fault("a user without home or name sets FTUI_HOME", "presets and lists work as ever")
def test_a_user_with_nothing_but_ftui_home(cold: None, tmp_path: Path) -> None:
    place = Path("/tmp") / f"ftui-{tmp_path.name}-{os.getpid()}"
    place.mkdir()
    try:
        os.chown(place, 54321, 54321)
        env = {"PATH": os.environ["PATH"], "FTUI_HOME": str(place)}
        for verb in ("ls", "presets", "presets new mine --from demo", "status"):
            done = ftui(*verb.split(), env=env, prefix=STRANGER)
            assert done.returncode == 0, (verb, done.stderr)
        assert (place / "presets" / "mine.yaml").exists()
    finally:
        shutil.rmtree(place)


@pytest.mark.fault("FTUI_HOME=~nouser/x", "every verb says so in two lines")
def test_a_home_of_a_user_there_is_none_of() -> None:
    env = {**os.environ, "FTUI_HOME": "~nouser-of-this-name/x"}
    for verb in (*READING, *DOING):
        in_two_lines(run_verb(*verb.split(), env=env), "~nouser-of-this-name/x", "Set FTUI_HOME")


@pytest.mark.fault("FTUI_HOME is a file", "every verb says so in two lines, and the file is kept")
def test_a_home_that_is_a_file(home: Path) -> None:
    home.write_text("mine")
    for verb in (*READING, *DOING):
        in_two_lines(run_verb(*verb.split()), str(home), "Set FTUI_HOME to a folder")
    assert home.read_text() == "mine"


@pytest.mark.fault("FTUI_HOME is a file", "`ftui doctor` names it and looks at all the rest")
def test_the_doctor_of_a_home_that_is_a_file(home: Path) -> None:
    home.write_text("mine")
    done = run_verb("doctor")
    assert done.returncode == 1, done.stderr
    # Long paths are broken wherever a line ends.
    assert f"{home}:isafile" in "".join(done.stdout.split())
    assert "terminal" in done.stdout


# Where one stands


@pytest.mark.fault("the current folder is deleted", "what needs it says so; all else works, also a launch")
def test_no_current_folder(scene: Scene, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    inside = f"cd {gone} && rmdir {gone} && exec "
    start = f"{sys.executable} -P -m tui.cli"

    def there(verb: str) -> subprocess.CompletedProcess[str]:
        gone.mkdir(exist_ok=True)
        done = subprocess.run(
            ["sh", "-c", f"{inside} {start} {verb}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    for verb in ("check ./mine.yaml", "check demo --set data.train_dataset=./x.jsonl", "diagnose x.log"):
        in_two_lines(there(verb), "the current folder was deleted: cd to one that is there")
    for verb in ("ls", "presets", "presets new mine --from demo"):
        assert there(verb).returncode == 0
    launched = there("queue add demo --gpu cpu")
    assert launched.returncode == 0, launched.stderr
    there("stop last --now")


# Permissions


@as_root
@pytest.mark.fault("the folder of runs may not be read", "it is said, and never that there are no runs")
def test_a_store_without_permission(cold: None, dead: RunDirectory) -> None:
    dead.path.parent.chmod(0)
    try:
        for verb in ("ls", "show last", "clean", "stop last"):
            in_two_lines(ftui(*verb.split(), prefix=ORDINARY), "Permission denied", "chmod")
        assert ftui("presets", prefix=ORDINARY).returncode == 0
    finally:
        dead.path.parent.chmod(0o700)


@as_root
@pytest.mark.fault("a run's directory may be listed and not entered", "it is shown as far as that goes")
def test_a_run_without_permission(cold: None, dead: RunDirectory) -> None:
    dead.path.chmod(0o600)
    try:
        for verb in ("ls", "show {}", "diagnose {}", "status"):
            done = ftui(*verb.format(dead.id).split(), prefix=ORDINARY)
            assert done.returncode in (0, 1), (verb, done.stderr)
            assert "Traceback" not in done.stderr
        for verb in ("resume {} --detach", "report {}"):
            in_two_lines(ftui(*verb.format(dead.id).split(), prefix=ORDINARY), "Permission denied")
    finally:
        dead.path.chmod(0o700)


@as_root
@pytest.mark.fault("FTUI_HOME may not be written to", "what writes says so in two lines; what reads works")
def test_a_home_without_the_right_to_write(cold: None, dead: RunDirectory, home: Path) -> None:
    folders = [home, *(folder for folder in home.rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o500)
    try:
        for verb in READING:
            done = ftui(*verb.split(), prefix=ORDINARY)
            assert done.returncode in (0, 1), (verb, done.stderr)
            assert "Traceback" not in done.stderr
        for verb in ("presets new mine --from demo", "report last"):
            in_two_lines(ftui(*verb.split(), prefix=ORDINARY), "Permission denied")
    finally:
        for folder in folders:
            folder.chmod(0o700)


@as_root
@pytest.mark.fault("the umask is 0777", "what is made can be read again by its owner")
def test_a_mask_that_takes_everything(cold: None, home: Path) -> None:
    made = ftui("presets", "new", "mine", "--from", "demo", prefix=ORDINARY, umask=0o777)
    assert made.returncode == 0, made.stderr
    assert (home / "presets" / "mine.yaml").stat().st_mode & 0o600 == 0o600
    assert home.stat().st_mode & 0o777 == 0o700
    listed = ftui("presets", prefix=ORDINARY, umask=0o777)
    assert listed.returncode == 0, listed.stderr
    assert "mine" in listed.stdout


# Names and locales


@pytest.mark.fault(
    "FTUI_HOME has bytes that are no UTF-8, in the locale C", "a run there finishes and is listed"
)
def test_a_home_that_is_no_utf_8(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    home = scene.home.with_name(os.fsdecode(b"h\xff\xe4me"))
    for name, value in {"FTUI_HOME": str(home), "LANG": "C", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    run = Scene(home, scene.folder).start()
    over(run)
    assert shown(run).phase is Phase.FINISHED
    for verb in ("ls", "show last", "report last", "diagnose last", "show last --json"):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "tui.cli", *verb.split()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode in (0, 1), (verb, done.stderr)
        assert b"Traceback" not in done.stderr


@pytest.mark.fault("the rows lie in a file whose name is no UTF-8", "it is said what to rename")
def test_rows_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"r\xffws.jsonl")
    path.write_text('{"prompt": "q", "completion": "a"}\n')
    done = run_verb("check", "demo", "--set", f"data.train_dataset={path}")
    in_two_lines(done, "holds bytes that are no UTF-8", "rename the file, or its folder")


ODD = {"LC_ALL": "xx_YY.KOI-9", "TERM": "unknown", "COLUMNS": "0", "LINES": "0", "TMPDIR": "/nowhere"}


@pytest.mark.fault(
    "the locale and TMPDIR are none there are, TERM is unknown, COLUMNS is 0", "a run finishes and is shown"
)
def test_an_odd_environment(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ODD.items():
        monkeypatch.setenv(name, value)
    run = scene.start()
    over(run)
    assert shown(run).phase is Phase.FINISHED
    for verb in ("ls", "show last", "presets", "explain overfitting", "report last"):
        done = run_verb(*verb.split())
        assert done.returncode == 0, (verb, done.stderr)
        assert done.stdout.strip()


# Folders in the place of files


FOLDERS = ("events.jsonl", "state.json", "run.json", "preset.yaml", "lock", "trainer.lock")
VERBS = ("ls", "status", "show {}", "diagnose {}", "report {}", "stop {}", "resume {} --detach", "clean")


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.fault("a folder lies in place of {name}", "every verb ends, with words")
def test_a_folder_in_place_of_a_file(dead: RunDirectory, scene: Scene, name: str) -> None:
    path = dead.path / name
    path.unlink(missing_ok=True)
    path.mkdir()
    for verb in VERBS:
        done = run_verb(*verb.format(dead.id).split())
        assert done.returncode in (0, 1), (verb, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, (verb, done.stderr)


@pytest.mark.parametrize(
    ("name", "verb"), [("queue", "queue add demo"), ("presets", "presets new mine --from demo")]
)
@pytest.mark.fault("a file lies in place of FTUI_HOME/{name}", "it is named, with what to do, and kept")
def test_a_file_in_place_of_a_folder(home: Path, name: str, verb: str) -> None:
    home.mkdir()
    (home / name).write_text("mine")
    in_two_lines(run_verb(*verb.split()), str(home / name), "move it away")
    assert (home / name).read_text() == "mine"


@pytest.mark.fault("a file lies in place of the folder of runs", "the screen says so, and goes on")
async def test_the_screen_without_a_store(home: Path) -> None:
    home.mkdir()
    (home / "runs").write_text("mine")
    async with running((120, 40)) as (_, pilot):
        await until(pilot, lambda: "Runs cannot be listed" in screen_text(pilot))
        assert "Not a directory" in screen_text(pilot)
