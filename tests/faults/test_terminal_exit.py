"""Words from outside that a terminal would obey, or that cannot be seen, in all that the command line prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store.directory import RunDirectory, runs_folder
from tests.conftest import wait_for
from tests.faults.hostile import (
    EVIL,
    GOOD,
    HOSTILE,
    NAMED_RUN,
    Home,
    environment,
    harmless,
    hostile_home,
)
from tests.faults.scene import FTUI, SECONDS
from tests.faults.terminals import Terminal

VERBS = (
    "ls",
    "status",
    "status --tmux",
    "queue",
    "clean",
    "presets",
    "presets show evil",
    "presets diff evil demo",
    "presets show broken",
    "check evil --no-data",
    "check gone",
    "check broken",
    "check {evil}",
    "run gone --detach",
    "run {rows} --yes --model ./gone",
    "show {evil}",
    "show {named}",
    "show {good}",
    "watch {evil} --plain",
    "watch {state} --plain",
    "diagnose {evil}",
    "diagnose {state}",
    "diagnose {log}",
    "diagnose {rows}",
    "compare {evil} {good} {state}",
    "report {evil}",
    "stop {evil}",
    "ask save {named}",
    "resume {evil} --detach",
    "explain overfitting",
    "explain {hostile}",
)
JSON_VERBS = (
    "ls",
    "presets",
    "presets show evil",
    "show {evil}",
    "diagnose {state}",
    "check evil --no-data",
    "queue",
)
TYPED = (
    ("{hostile}",),
    ("ls", "--{hostile}"),
    ("presets", "{hostile}"),
    ("show", "{hostile}"),
    ("ls", "-n", "{hostile}"),
)


@pytest.fixture
def hostile(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = hostile_home(home, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    return made


def said(home: Home, verb: str) -> list[str]:
    places = {
        "evil": EVIL,
        "named": NAMED_RUN,
        "good": GOOD,
        "state": str(home.trainer_state),
        "log": str(home.log),
        "rows": str(home.rows),
        # An argument of a process holds no NUL.
        "hostile": HOSTILE.replace("\0", ""),
    }
    return [part.format(**places) for part in verb.split(" ")]


def run(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*FTUI, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env=environment(**environ),
    )


@pytest.mark.fault(
    "every text of presets, runs, rows and foreign logs sets the clipboard, asks the terminal, turns words round",
    "every verb shows them as signs: no byte of it is obeyed or unseen",
)
def test_every_verb(hostile: Home) -> None:
    shown = ""
    for verb in VERBS:
        done = run(said(hostile, verb))
        text = (done.stdout + done.stderr).decode()
        harmless(text, verb)
        assert "Traceback" not in text, (verb, text)
        shown += text
    assert "␛]52;c;aGk=␇␛]0;title␇" in shown
    assert "<U+202E>back" in shown
    assert "[@click=app.quit]c[/][/][nonsense" in shown


@pytest.mark.fault("the same, as JSON", "nothing is obeyed, and the words are exactly what they were")
def test_json_is_exact(hostile: Home) -> None:
    found = ""
    for verb in JSON_VERBS:
        done = run([*said(hostile, verb), "--json"])
        harmless(done.stdout.decode(), verb)
        found += json.dumps(json.loads(done.stdout))
    assert json.dumps(HOSTILE)[1:-1] in found


@pytest.mark.fault(
    "names and options that are typed hold escapes", "what is wrong is said, and nothing is obeyed"
)
def test_what_is_typed(hostile: Home) -> None:
    for words in TYPED:
        done = run([part for one in words for part in said(hostile, one)])
        harmless((done.stdout + done.stderr).decode(), words)
        assert done.returncode, words
        assert b"Traceback" not in done.stderr, words


@pytest.mark.parametrize("verb", ["presets", "show {evil}", "watch {evil} --plain", "compare {evil} {good}"])
@pytest.mark.fault(
    "`ftui {verb}` of hostile files, on a terminal", "the terminal gets colours and no other escape"
)
def test_on_a_terminal(hostile: Home, terminal: Callable[..., Terminal], verb: str) -> None:
    opened = terminal(*FTUI, *said(hostile, verb))
    opened.process.wait(SECONDS)
    wait_for(opened.is_quiet, 20, "all of it is read")
    # A progress bar of rich hides the cursor and draws over itself.
    text = opened.received().decode().replace("\r\n", "\n")
    for own in ("\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A", "\r"):
        text = text.replace(own, "")
    harmless(text, verb)
    assert text.strip()


@pytest.mark.fault(
    "names of folders and files hold a title sequence",
    "paths are shown as signs; a folder of such a name is no run",
)
def test_names(hostile: Home) -> None:
    text = run(["diagnose", str(hostile.trainer_state)]).stdout.decode()
    harmless(text, "diagnose")
    assert "foreign n␛]0;t␇<U+202E>[bold]<U+200B>" in text
    assert "-0010" not in run(["ls"]).stdout.decode()


@pytest.mark.fault("hostile words in a run's report", "report.md and its picture hold none of it")
def test_reports(hostile: Home) -> None:
    assert run(["report", EVIL]).returncode == 0
    folder = RunDirectory(runs_folder(hostile.path) / EVIL).path
    for name in ("report.md", "curve.svg"):
        harmless((folder / name).read_text(encoding="utf-8"), name)
    assert "␛]52;c" in (folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.fault("hostile words in variables of the environment", "`ftui doctor` shows them as signs")
def test_doctor(hostile: Home) -> None:
    words = HOSTILE.replace("\0", "")
    done = run(["doctor"], TERM=words, CUDA_VISIBLE_DEVICES=words, HF_HOME=words)
    text = done.stdout.decode()
    harmless(text, "doctor")
    assert "␛]52;c" in text
    assert done.stderr == b""


# Where the output goes


@pytest.mark.parametrize(
    "verb", ["--help", "--version", "explain --help", "ls", "ls --json", "presets", "explain", "status"]
)
@pytest.mark.fault("the disk is full where `ftui {verb}` prints", "two lines say so; exit code 1")
def test_a_full_disk(cold: None, hostile: Home, verb: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*FTUI, *verb.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
            text=True,
        )
    assert done.returncode == 1, done.stderr
    first, second = done.stderr.splitlines()
    assert first == "Error: The output could not be written: No space left on device."
    assert second


@pytest.mark.parametrize("verb", ["--help", "presets", "show evil", "presets --json", "explain"])
@pytest.mark.fault("the reader of `ftui {verb}` has gone", "it ends without a word")
def test_a_reader_that_has_gone(cold: None, hostile: Home, verb: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*FTUI, *verb.split()], stdout=writer, stderr=subprocess.PIPE, timeout=SECONDS, check=False, text=True
    )
    os.close(writer)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.fault(
    "ftui is started with {closed}", "it does its work; no file takes the place of what is closed"
)
def test_closed_streams(hostile: Home, closed: str) -> None:
    for verb in ("presets", "ls", "explain", "check --help", f"report {GOOD}"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *FTUI, *verb.split()],
            capture_output=True,
            timeout=SECONDS,
            check=False,
            text=True,
        )
        assert done.returncode == 0, (verb, done.stderr)
        assert done.stderr == "", verb
    report = RunDirectory(runs_folder(hostile.path) / GOOD).path / "report.md"
    assert report.read_text(encoding="utf-8").startswith(f"# {GOOD}")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp437"])
@pytest.mark.fault(
    "the terminal's encoding is {encoding}", "every verb prints; characters that it lacks are replaced"
)
def test_another_encoding(cold: None, hostile: Home, encoding: str) -> None:
    for verb in (
        "--help",
        "compare --help",
        "presets",
        "show {evil}",
        "explain overfitting",
        "check demo --no-data",
    ):
        done = run(said(hostile, verb), PYTHONIOENCODING=encoding)
        assert not done.stderr, (verb, done.stderr)
        text = done.stdout.decode(encoding)
        harmless(text, verb)
        assert not set(text) & set("␛✔▲⣿│"), verb
    told = run([*said(hostile, "show {evil}"), "--json"], PYTHONIOENCODING=encoding)
    assert HOSTILE in json.loads(told.stdout)["warnings"] or told.stdout.isascii()


@pytest.mark.fault("FTUI_ASCII=1 and hostile words", "the signs are ASCII, like all that is printed")
def test_ascii_alone(cold: None, hostile: Home) -> None:
    for verb in VERBS[:22]:
        done = run(said(hostile, verb), FTUI_ASCII="1")
        assert (done.stdout + done.stderr).isascii(), verb
    assert b"<U+001B>]52;c" in run(["show", EVIL], FTUI_ASCII="1").stdout


@pytest.mark.fault(
    "an error of ftui's own holds hostile words", "the traceback stands there, and nothing is obeyed"
)
def test_a_traceback(hostile: Home) -> None:
    code = (
        "import sys; from tui.cli import group\n"
        f"def broken(*a, **k): raise RuntimeError({HOSTILE!r})\n"
        "group.cli.invoke = broken; sys.argv = ['ftui', 'ls']; group.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=SECONDS, check=False)
    assert done.returncode == 1
    text = done.stderr.decode()
    assert "Traceback" in text
    assert "␛]52;c" in text
    harmless(text, "traceback")
