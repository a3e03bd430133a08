"""What `ftui import` and `ftui export-config` ask on a terminal: a no, Ctrl-C or a closed terminal changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.preset import files
from tests.configs.made import AXOLOTL
from tests.faults.scene import FTUI
from tests.faults.terminals import Terminal

ROWS = "datasets: [{path: c/d, type: chat_template}]\n"
AMBIGUOUS = "model_name_or_path: a/b\nuse_peft: true\nstage: sft\n"
Opens = Callable[..., Terminal]


def presets_of(home: Path) -> list[str]:
    return sorted(path.name for path in files.own_folder(home).glob("*.yaml"))


SAVED, NOT_SAVED = "the preset is saved", "nothing is saved"
WRITTEN, KEPT = "the file is written", "the file stays as it is"


@pytest.mark.parametrize(("answer", "must"), [("y", SAVED), ("", SAVED), ("n", NOT_SAVED)])
@pytest.mark.fault("`ftui import` asks on a terminal, the answer is '{answer}'", "{must}")
def test_whether_it_is_saved(home: Path, tmp_path: Path, terminal: Opens, answer: str, must: str) -> None:
    (tmp_path / "config.yaml").write_text(AXOLOTL + ROWS)
    screen = terminal(*FTUI, "import", str(tmp_path / "config.yaml"))
    screen.shows("Save this preset as config?")
    screen.press(f"{answer}\r".encode())
    assert screen.process.wait(40) == (0 if must == SAVED else 1)
    assert presets_of(home) == (["config.yaml"] if must == SAVED else [])


@pytest.mark.parametrize("how", ["Ctrl-C", "a closed terminal"])
@pytest.mark.fault("the question of an import is answered by {how}", "nothing is saved")
def test_an_import_that_is_given_up(home: Path, tmp_path: Path, terminal: Opens, how: str) -> None:
    (tmp_path / "config.yaml").write_text(AXOLOTL + ROWS)
    screen = terminal(*FTUI, "import", str(tmp_path / "config.yaml"))
    screen.shows("Save this preset as config?")
    if how == "Ctrl-C":
        screen.press(b"\x03")
        assert screen.process.wait(40) == 1
    else:
        assert screen.hang_up() != 0
    assert presets_of(home) == []


@pytest.mark.fault(
    "a config fits two tools, on a terminal", "asked which; it is read as the one that is chosen"
)
def test_which_tool(home: Path, tmp_path: Path, terminal: Opens) -> None:
    (tmp_path / "config.yaml").write_text(AMBIGUOUS)
    screen = terminal(
        *FTUI, "import", str(tmp_path / "config.yaml"), "--yes", "--set", "data.train_dataset=c/d"
    )
    screen.shows("1  LLaMA-Factory", "2  TRL", "Which tool is it of")
    screen.press(b"2\r")
    assert screen.process.wait(40) == 0
    assert "TRL" in (files.own_folder(home) / "config.yaml").read_text()


@pytest.mark.parametrize(("answer", "must"), [("y", WRITTEN), ("n", KEPT), ("", KEPT)])
@pytest.mark.fault("`ftui export-config` asks whether to overwrite, the answer is '{answer}'", "{must}")
def test_whether_it_is_overwritten(
    home: Path, tmp_path: Path, terminal: Opens, answer: str, must: str
) -> None:
    target = tmp_path / "x.yaml"
    target.write_text("mine")
    screen = terminal(*FTUI, "export-config", "demo", "--to", "trl", "-o", str(target))
    screen.shows("Overwrite it?")
    screen.press(f"{answer}\r".encode())
    assert screen.process.wait(40) == (0 if must == WRITTEN else 1)
    assert (target.read_text() == "mine") == (must == KEPT)
