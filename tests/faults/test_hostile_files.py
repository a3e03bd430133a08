"""Files of strangers: pipes and devices in their place, presets without end, templates that do not return."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.preset.files import shipped_folder
from tests.conftest import ROOT
from tests.faults.scene import run_verb

DEMO = shipped_folder() / "demo" / "model"


def pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


KINDS = {"pipe": pipe, "device": device}


def refused(*verb: str, env: dict[str, str] | None = None) -> str:
    """What a verb says that ends with exit code 1 and no traceback."""
    done = run_verb(*verb, env={**os.environ, **(env or {})})
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


# Presets, data, models, secrets


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.fault("a preset is a {kind}", "it is refused in words, at once")
def test_a_preset_that_is_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.yaml"
    KINDS[kind](path)
    for verb in ("check", "run"):
        assert refused(verb, str(path)).strip() == f"Error: {path}: is a {kind}, no preset"


YAMLS = {
    "an endless preset": ("description: '" + "x" * (300 << 10) + "'\n", "is larger than 0.25 MiB"),
    "a preset of 5,000 merges": (
        "a: &a {x: 1}\n" + "".join(f"b{place}: {{<<: *a}}\n" for place in range(5000)),
        "it merges with << more than 100 times",
    ),
    "a preset 3,000 sections deep": ("- " * 3000 + "x\n", "recursion"),
}


@pytest.mark.parametrize("name", YAMLS)
@pytest.mark.fault("{name} is checked", "it is refused in words")
def test_a_preset_without_end(tmp_path: Path, name: str) -> None:
    text, words = YAMLS[name]
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    said = refused("check", str(path))
    assert said.startswith(f"Error: {path}: ")
    assert words in said


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.fault("the training rows are a {kind}", "a check refuses them in words")
def test_rows_that_are_no_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rows.jsonl"
    KINDS[kind](path)
    said = refused("check", "demo", "--set", f"data.train_dataset={path}")
    assert f"which is a {kind}, no file" in said or f"{path} is a {kind}, no file" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [("tokenizer.json", "pipe"), ("config.json", "device"), ("chat_template.jinja", "pipe")],
)
@pytest.mark.fault("a model's {name} is a {kind}", "no library is handed it; a check names it")
def test_a_model_with_a_file_that_is_none(tmp_path: Path, name: str, kind: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(DEMO, folder)
    KINDS[kind](folder / name)
    said = refused("check", "demo", "--set", f"model.model_name_or_path={folder}")
    assert f"{folder / name} is a {kind}, no file" in said
    assert "Check model.model_name_or_path" in said


@pytest.mark.slow
@pytest.mark.fault("the chat template is /dev/zero", "a check names it")
def test_a_template_that_is_a_device(tmp_path: Path) -> None:
    path = tmp_path / "chat.jinja"
    device(path)
    said = refused("check", "demo", "--set", f"model.chat_template_path={path}")
    assert f"The chat template {path} cannot be read: is a device, no file" in said


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["HF_TOKEN_PATH", "NETRC"])
@pytest.mark.fault("{variable} names /dev/zero", "no library waits for a secret in it; it is said")
def test_a_secret_without_end(variable: str) -> None:
    said = refused("check", "demo", env={variable: "/dev/zero"})
    assert "/dev/zero is a device" in said
    assert f"Set {variable} to a file, or unset it" in said


# Templates

LOOP = "{% for a in range(90000) %}"
SCRIPT = """
from runner.data.shapes import normalise
from runner.preset.files import shipped_folder
from runner.train import chat_template, row_clock
from runner.train.tokenise import RowRenderer
from runner.train.xray import say_error
from transformers import PreTrainedTokenizerFast
row_clock.ALARM_SECONDS = 1.0
chat_template.MOST_CHARACTERS = 1 << 20
made = PreTrainedTokenizerFast.from_pretrained(shipped_folder() / 'demo' / 'model')
made.chat_template = {template!r}
turns = [{{'role': 'user', 'content': 'q'}}, {{'role': 'assistant', 'content': 'a'}}]
clock = row_clock.RowClock(say_error, most=1.0, template='mine.jinja')
try:
    RowRenderer(made, clock=clock).render(normalise({{'messages': turns}}, 17))
except chat_template.RefusedRowError as error:
    print(error.message)
"""


def rendered(template: str) -> tuple[int, str]:
    """(exit code, what it prints) of a process that renders a row, with a clock of a second."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", SCRIPT.format(template=template)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.returncode, done.stdout


@pytest.mark.slow
@pytest.mark.fault("a chat template loops for ever", "the process ends and names row and template")
def test_a_template_that_loops() -> None:
    code, said = rendered(3 * LOOP + 3 * "{% endfor %}")
    assert code == 1
    assert "Row 17 has kept the chat template" in said
    assert "does mine.jinja loop?" in said


@pytest.mark.slow
@pytest.mark.fault("a chat template computes a number no thread can interrupt", "an alarm ends the process")
def test_a_template_that_lets_no_thread_run() -> None:
    code, _ = rendered("{{ 10 ** (10 ** 10) }}")
    assert code == -14


@pytest.mark.slow
@pytest.mark.fault(
    "a chat template writes without measure", "the row is refused, with the number of characters"
)
def test_a_template_that_writes_too_much() -> None:
    code, said = rendered("{{ 'x' * 4000000 }}")
    assert code == 0
    assert "it writes 4,000,000 characters" in said


@pytest.mark.slow
@pytest.mark.fault("the chat template of a preset loops", "`ftui check` ends and says which template")
def test_checking_a_template_that_loops(tmp_path: Path) -> None:
    path = tmp_path / "loop.jinja"
    path.write_text(3 * LOOP + 3 * "{% endfor %}")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tui.cli", "check", "demo", "--set", f"model.chat_template_path={path}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"does {path} loop?" in done.stdout
