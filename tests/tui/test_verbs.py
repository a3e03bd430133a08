"""The headless verbs: plain text, JSON, exit codes, and errors of two lines at most."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.store.directory import RunDirectory
from tests.tui.conftest import HEALTHY, OVERFIT
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_ls_lists_runs_newest_first(store: Path) -> None:
    done = ftui("ls")
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert OVERFIT in lines[1]
    assert "overfitting" in lines[1]
    assert HEALTHY in lines[2]
    rows = json.loads(ftui("ls", "--json").output)
    assert [row["id"] for row in rows] == [OVERFIT, HEALTHY]


def test_ls_of_nothing_says_how_to_start(home: Path) -> None:
    assert "ftui run demo" in ftui("ls").output
    assert json.loads(ftui("ls", "--json").output) == []


def test_show_has_the_verdict_with_its_evidence(store: Path) -> None:
    text = ftui("show", "overfit").output
    for words in (
        "OVERFITTING since step 48",
        "→ keep checkpoint-48",
        "4 × 1 × 1 = 4",
        "best 1.8226 at step 48",
    ):
        assert words in text
    shown = json.loads(ftui("show", OVERFIT, "--json").output)
    assert shown["verdict"]["keep_step"] == 48
    assert len(shown["train"]["loss"]) == 240


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rn",), "Did you mean run?"),
        (("show", "nothing-like-it"), "ftui ls"),
        (("run", "dmeo", "--detach"), "Did you mean demo?"),
        (
            ("run", "demo", "--detach", "--set", "train.lr=1"),
            "there is no such key. It is called train.learning_rate here",
        ),
        (("run", "demo", "--detach", "--gpu", "H900"), "There is no GPU 'H900'"),
        (("run", "qlora-quickstart", "--detach"), "--set data.train_dataset=PATH"),
        (("presets", "full-finetun"), "Did you mean full-finetune?"),
    ],
)
def test_errors_say_what_and_what_to_do_in_two_lines(
    store: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = ftui(*arguments)
    assert done.exit_code != 0
    assert words in done.output
    message = [line for line in done.output.splitlines() if not line.startswith(("Usage", "Try", "")) or line]
    assert len([line for line in message if "Error" in line]) == 1
    assert "Traceback" not in done.output
    assert len(list((store / "runs").iterdir())) == 2


def test_stop_of_a_finished_run_changes_nothing(overfit: RunDirectory) -> None:
    assert "over already: finished" in ftui("stop", "overfit").output
    assert not overfit.requests.exists()


def test_presets_lists_broken_ones_with_their_problem(store: Path) -> None:
    folder = store / "presets"
    folder.mkdir()
    (folder / "mine.yaml").write_text("trian: 1\n")
    text = ftui("presets").output
    assert "broken" in text
    assert "mine.yaml" in text
    names = {row["name"] for row in json.loads(ftui("presets", "--json").output)}
    assert {"mine", "demo", "qlora-8b-24gb"} <= names


def test_a_preset_is_shown_with_where_each_value_comes_from(home: Path) -> None:
    text = ftui("presets", "qlora-8b-24gb").output
    assert "qlora-quickstart.yaml:" in text
    assert "default" in text
    assert json.loads(ftui("presets", "demo", "--json").output)["train"]["learning_rate"] == 6e-4


def test_watch_without_a_terminal_prints_the_end(store: Path) -> None:
    done = ftui("watch", "overfit")
    assert done.exit_code == 0
    assert "keep checkpoint-48" in done.output


def test_doctor_names_versions_and_the_gpu_or_its_absence(home: Path) -> None:
    checks = {check["name"]: check for check in json.loads(ftui("doctor", "--json").output)}
    assert {"Python", "torch", "bitsandbytes", "4-bit kernels", "disk", "host", "terminal"} <= checks.keys()
    assert checks["4-bit kernels"]["health"] == "ok", checks["4-bit kernels"]
    assert any(name.startswith("GPU") for name in checks)


def test_help_teaches(home: Path) -> None:
    text = ftui("--help").output
    for verb in ("run", "ls", "show", "watch", "stop", "presets", "doctor"):
        assert verb in text
    assert "ftui run demo" in text
    assert "--set" in ftui("run", "--help").output


def test_the_screen_without_a_terminal_is_refused_kindly(home: Path) -> None:
    done = ftui()
    assert done.exit_code == 1
    assert "needs a terminal" in done.output
