"""The real command in a real tmux pane, and what happens to a run when its terminal dies."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.store import directory, life, requests, summary
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.store.requests import Request
from tests.conftest import wait_for

FTUI = [sys.executable, "-P", "-m", "tui.cli"]


class Pane:
    """One tmux server with one pane that runs a command."""

    def __init__(self, name: str, size: tuple[int, int], command: list[str], home: Path) -> None:
        self._name = name
        width, height = size
        environment = {**os.environ, "FTUI_HOME": str(home), "TERM": "xterm-256color"}
        # What an outer program thinks of its own terminal must not matter.
        environment |= {"COLUMNS": "80", "LINES": "24"}
        self._tmux(
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            str(width),
            "-y",
            str(height),
            *command,
            env=environment,
        )

    def _tmux(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        command = ["tmux", "-u", "-L", self._name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def shows(self, *words: str) -> str:
        """Wait until all of these words are in the pane; returns it."""
        try:
            wait_for(lambda: all(word in self.text() for word in words), 60)
        except AssertionError:
            raise AssertionError(f"not within 60 s: {words} in\n{self.text()}") from None
        return self.text()

    def hides(self, word: str) -> None:
        """Wait until this word is not in the pane."""
        wait_for(lambda: word not in self.text(), 60, f"{word} is still there")

    def pid(self) -> int:
        return int(self._tmux("display-message", "-p", "#{pane_pid}"))

    def kill(self) -> None:
        subprocess.run(["tmux", "-L", self._name, "kill-server"], capture_output=True, check=False)


@pytest.fixture
def panes(tmp_path: Path) -> Iterator[list[Pane]]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened: list[Pane] = []
    yield opened
    for pane in opened:
        pane.kill()


def running_run(home: Path) -> RunDirectory:
    return wait_for(lambda: directory.list_runs(home), 60, "a run appears")[0]


def stop(run: RunDirectory) -> None:
    requests.ask(run, Request.STOP)
    wait_for(lambda: not life.is_alive(run), 60, "the run ends")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_launch_watch_kill_and_find_again_in_tmux(
    panes: list[Pane], home: Path, forked_ftui: list[str], size: tuple[int, int]
) -> None:
    """By keys alone: launch the demo, see it train, kill -9 the screen, find the run again with every step, stop it."""
    # One of them with nothing but real starts, its trainer's too.
    pane = Pane(f"ftui{size[0]}-{os.getpid()}", size, FTUI if size[0] < 100 else forked_ftui, home)
    panes.append(pane)
    pane.shows("No runs yet", "demo-overfit")
    pane.press("Tab", "Down")
    pane.shows("Overfits on purpose")
    pane.press("l")
    pane.shows("Launch demo-overfit")
    pane.press("Enter")
    pane.shows("training", "/240")
    run = running_run(home)
    os.kill(pane.pid(), signal.SIGKILL)
    wait_for(lambda: life.is_alive(run))
    before = len(read_history(run).train)
    wait_for(lambda: len(read_history(run).train) > before + 5, what="it trains on without a screen")

    again = Pane(f"ftui{size[0]}b-{os.getpid()}", size, [*FTUI, "watch", run.id], home)
    panes.append(again)
    again.shows("training", "4 × 1 × 1 = 4")
    again.press("s")
    again.shows("finish this step", "stopping now loses")
    again.press("s")
    again.shows("stopped after step")
    history = read_history(run)
    assert list(history.train.step) == list(range(1, len(history.train) + 1))
    assert history.checkpoints[-1] == len(history.train)
    again.press("q")
    wait_for(lambda: not life.is_alive(run))


def find(pane: Pane, words: str, doc: str) -> None:
    """Search for a setting in the workbench and go to it."""
    pane.press("/")
    pane.shows("a setting, or what it does")
    pane.press("-l", words)
    pane.shows(words, doc)
    pane.press("Enter")
    pane.shows("u Undo", doc)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
def test_a_preset_is_edited_in_tmux(
    panes: list[Pane], home: Path, forked_ftui: list[str], size: tuple[int, int]
) -> None:
    """By keys alone: a shipped preset becomes one's own, a wrong value is explained, a finding mended, data shown."""
    pane = Pane(f"ftuie{size[0]}-{os.getpid()}", size, forked_ftui, home)
    panes.append(pane)
    pane.shows("No runs yet", "demo-overfit")
    pane.press("Tab", "e")
    pane.shows("my-demo", "extends demo", "batch 16" if size[0] < 100 else "4 × 4 × 1 GPU = 16")
    find(pane, "num_train_epochs", "Passes over the training rows")
    pane.press("Enter")
    pane.hides("u Undo")
    pane.press("-l", "many")
    pane.shows("'many' is not allowed")
    pane.press("BSpace", "BSpace", "BSpace", "BSpace")
    pane.press("9")
    pane.shows("225 steps" if size[0] < 100 else "225 in all", "1 warning")
    pane.press("Enter")
    pane.shows("f Fix")
    pane.press("f")
    pane.shows("75 steps" if size[0] < 100 else "75 in all")
    pane.press("u")
    find(pane, "lora.r", "Rank of the adapter")
    pane.press("Enter")
    pane.hides("u Undo")
    pane.press("8")
    pane.shows(" 8  ")
    pane.press("Enter")
    pane.shows("v Data")
    pane.press("v")
    pane.shows("400 to train on", "36.8 %", "<|im_start|>assistant")
    pane.press("Escape")
    pane.shows("s Save")
    pane.press("s")
    pane.shows("Save as")
    pane.press("Enter")
    pane.shows("is written")
    pane.press("q")
    pane.shows("my-demo", "Presets")
    assert [
        line for line in (home / "presets" / "my-demo.yaml").read_text().splitlines() if line[0] != "#"
    ] == [
        "extends: demo",
        "lora:",
        "  r: 8",
    ]


@pytest.mark.slow
def test_a_file_of_rows_becomes_a_run_in_tmux(panes: list[Pane], home: Path, in_tmp: Path) -> None:
    """By eight keys at most beside the path, with real processes: a file that is here, looked at, launched, trained."""
    rows = [{"prompt": f"Say {n}.", "completion": f"It is {n}."} for n in range(400)]
    (in_tmp / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pane = Pane(f"ftuin-{os.getpid()}", (80, 24), FTUI, home)
    panes.append(pane)
    pane.shows("No runs yet", "trains on rows of your own", "demo-overfit")
    # What is typed of the path is not counted; tab, which completes it, is.
    ways = [("n", "from my data"), ("d", "chats.jsonl"), ("Tab", "./chats.jsonl"), ("Enter", "400 rows")]
    pressed = 0
    for key, words in ways:
        if key == "Tab":
            pane.press("-l", "./ch")
        pane.press(key)
        pressed += 1
        pane.shows(words)
    pane.shows("enter  save it as a preset, and launch", "demo/model")
    pane.press("Enter")
    pressed += 1
    pane.shows("chats", "training")
    assert pressed <= 8
    run = running_run(home)
    wait_for(lambda: len(read_history(run).train) > 2, what="it trains")
    stop(run)
    assert not read_history(run).error
    pane.press("q")


@pytest.mark.slow
@pytest.mark.parametrize("hangup", [signal.SIG_DFL, signal.SIG_IGN], ids=["hangup", "nohup"])
def test_a_run_survives_its_terminal(home: Path, forked_ftui: list[str], hangup: signal.Handlers) -> None:
    """`ftui run` on a terminal that is closed under it, as a lost SSH connection does, with SIGHUP and all."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, hangup)
        os.environ["FTUI_HOME"] = str(home)
        # Long enough that it cannot be over before its terminal is.
        long = ["--set", "train.num_train_epochs=1000", "--set", "eval.eval_steps=2000"]
        # What is inherited under nohup is seen where nothing is forked.
        command = FTUI if hangup is signal.SIG_IGN else forked_ftui
        os.execv(sys.executable, [*command, "run", "demo-overfit", "--plain", *long])
    run = running_run(home)
    drained = b""
    deadline = time.monotonic() + 60
    while not len(read_history(run).train) and time.monotonic() < deadline:
        drained += os.read(terminal, 4096)
    assert len(read_history(run).train), drained
    os.close(terminal)
    os.waitpid(child, 0)
    before = len(read_history(run).train)
    wait_for(lambda: len(read_history(run).train) > before + 10, what="it trains on")
    assert life.is_alive(run)
    stop(run)
    assert summary.read_state(run)["phase"] == "stopped"


def test_a_folder_named_runner_in_the_working_directory_is_not_imported(home: Path, in_tmp: Path) -> None:
    (in_tmp / "runner").mkdir()
    (in_tmp / "runner" / "__init__.py").write_text("raise SystemExit('the wrong runner')")
    script = Path(sys.executable).parent / "ftui"
    if not script.exists():
        pytest.skip("ftui is not installed as a command here")
    environment = {**os.environ, "FTUI_HOME": str(home)}
    done = subprocess.run(
        [script, "run", "demo", "--detach"], capture_output=True, text=True, env=environment, check=True
    )
    run = directory.find_run(done.stdout.strip(), home)
    wait_for(lambda: read_history(run).plan or read_history(run).end, 60)
    requests.ask(run, Request.STOP_NOW)
    wait_for(lambda: not life.is_alive(run), 60)
    assert not read_history(run).error
