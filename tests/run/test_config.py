"""config.yaml: what is wrong with it is said by file and key, and never keeps a run from going on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.config import Config, ConfigError, load_config
from runner.machine import torch_build
from runner.store.history import read_history
from tests.conftest import wait_for
from tests.run.conftest import Scripted
from tests.run.scenes import end, scripted_lines, step
from tests.run.test_supervise import over
from tui.cli import cli

BROKEN = [
    ("alert:\n  bell: false\n", "alert"),
    ("alerts:\n  webhok: https://x\n", "alerts.webhok"),
    ("alerts:\n  on: warning\n", "alerts.on"),
    ("alerts:\n  on: [warnings]\n", "alerts.on.0"),
    ("alerts:\n  command: notify-send\n", "alerts.command"),
    ("alerts:\n  webhook: chat.example.org\n", "alerts.webhook"),
    ("alerts:\n  webhook: 7\n", "alerts.webhook"),
    ("alerts:\n  bell: loud\n", "alerts.bell"),
    ("alerts: []\n", "alerts"),
    ("alerts:\n\t- x: [\n", ":2"),
    ("a: b: c\n", ":1"),
    ("- alerts\n", "mapping of sections: alerts"),
    ("\x00", "not valid YAML"),
]


def write(home: Path, text: str | bytes) -> Path:
    home.mkdir(exist_ok=True)
    path = home / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_without_a_file_the_defaults_hold(home: Path) -> None:
    assert load_config(home) == Config()
    assert load_config(home).alerts.on == ("warning", "finished", "failed", "stalled")


@pytest.mark.parametrize("text", ["", "# alerts:\n#   bell: false\n", "{}\n", "---\n"])
def test_an_empty_file_is_none(home: Path, text: str) -> None:
    write(home, text)
    assert load_config(home) == Config()


def test_a_whole_file_is_read(home: Path) -> None:
    write(home, "alerts:\n  on: [failed]\n  bell: false\n  webhook: https://x/y\n  command: [a, '1']\n")
    alerts = load_config(home).alerts
    assert (alerts.on, alerts.bell, alerts.webhook, alerts.command) == (
        ("failed",),
        False,
        "https://x/y",
        ("a", "1"),
    )


@pytest.mark.parametrize(("text", "where"), BROKEN)
def test_what_is_wrong_is_named_by_file_and_key(home: Path, text: str, where: str) -> None:
    path = write(home, text)
    with pytest.raises(ConfigError) as caught:
        load_config(home)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert where in message.removeprefix(str(path))
    assert "model, lora" not in message
    assert len(message.splitlines()) <= 2


def test_bytes_that_are_no_text_are_said(home: Path) -> None:
    write(home, b"alerts:\n  webhook: \xff\xfe\n")
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_config(home)


def test_a_file_that_cannot_be_read_is_said(home: Path) -> None:
    path = home / "config.yaml"
    path.mkdir(parents=True)
    with pytest.raises(ConfigError, match="directory"):
        load_config(home)
    path.rmdir()
    write(home, "alerts: {}\n").chmod(0)
    if os.geteuid():
        with pytest.raises(ConfigError, match="Permission denied"):
            load_config(home)


def test_a_run_goes_on_with_a_broken_one_and_says_so(scripted: Scripted, home: Path) -> None:
    path = write(home, "alerts:\n  webhok: https://x\n")
    run = scripted(*scripted_lines(step(1), step(2), *end("finished")))
    assert over(run)["phase"] == "finished"
    (warning,) = read_history(run).warnings
    assert warning["id"] == "config"
    assert f"{path}: alerts.webhok" in warning["message"]
    wait_for(run.report.exists)


@pytest.mark.parametrize("text", ["alerts:\n  webhok: https://x\n", "a: b: c\n"])
def test_doctor_says_what_is_wrong_with_it(home: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    # Importing torch takes most of its time, and is tested elsewhere.
    monkeypatch.setattr(torch_build, "ask", lambda uuid: "not tried")

    def config_check() -> dict[str, str]:
        done = CliRunner().invoke(cli, ["doctor", "--json"])
        (check,) = [check for check in json.loads(done.output) if check["name"] == "config.yaml"]
        return {str(key): str(value) for key, value in check.items()}

    write(home, text)
    found = config_check()
    assert found["health"] == "note"
    assert str(home / "config.yaml") in found["value"]
    write(home, "alerts: {bell: false}\n")
    assert config_check()["health"] == "ok"
    (home / "config.yaml").unlink()
    assert config_check()["health"] == "ok"
