"""Files of strangers: pipes and devices in their place, lines and numbers without end, templates that do not return."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.preset.files import shipped_folder
from runner.store.directory import RunDirectory, create
from tests.conftest import ROOT
from tests.faults.scene import run_verb

DEMO = shipped_folder() / "demo" / "model"
LONG = 500 << 20
MANY = 100_000
# Folding so many events takes a second of it, and looking at all before at each more than a minute.
CPU_SECONDS = 20


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


# Runs


def written(home: Path, steps: int = 50) -> RunDirectory:
    """A run of some steps that died."""
    run = create(home, "long")
    run.run.write_text("{}")
    with run.events.open("w") as stream:
        for step in range(1, steps + 1):
            stream.write(f'{{"type":"step","step":{step},"t":{1e9 + step},"loss":2.0}}\n')
    return run


def most_memory_mib(*verb: str) -> float:
    """The most memory a verb takes, which has to end well."""
    command = [sys.executable, "-P", "-m", "tui.cli", *verb]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stderr is not None
    with child.stderr:
        said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode in (0, 1), said
    assert "Traceback" not in said
    return used.ru_maxrss / 1024


@pytest.fixture
def ordinary(cold: None, home: Path) -> float:
    """MiB that a short run takes to be shown."""
    return most_memory_mib("show", written(home).id)


@pytest.mark.parametrize(
    "name", ["events.jsonl", "console.log", "system.jsonl", "rows.jsonl", "state.json", "preset.yaml"]
)
@pytest.mark.fault("{name} has a line of 500 MiB", "a run is shown, listed and judged in bounded memory")
def test_a_line_without_end(ordinary: float, home: Path, name: str) -> None:
    run = written(home)
    with (run.path / name).open("ab") as stream:
        # A hole reads as zeros.
        stream.truncate(stream.tell() + LONG)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n" + b'{"type":"step","step":51,"t":1000000051,"loss":1.5}\n')
    for verb in ("show", "diagnose"):
        assert most_memory_mib(verb, run.id) < ordinary + 100
    assert most_memory_mib("ls") < ordinary + 100
    if name == "events.jsonl":
        said = json.loads(run_verb("show", run.id, "--json").stdout)
        assert (said["step"], said["bad_lines"]) == (51, 1)


@pytest.mark.fault("a log of another trainer has a line of 500 MiB", "it is judged in bounded memory")
def test_a_log_with_a_line_without_end(ordinary: float, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(f'{{"loss": {3 - step / 300}, "step": {step}}}\n' for step in range(1, 301)))
    with path.open("ab") as stream:
        stream.truncate(stream.tell() + LONG)
        stream.seek(0, os.SEEK_END)
        stream.write(b"\n")
    assert most_memory_mib("diagnose", str(path)) < ordinary + 100


EVENTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "checkpoints": lambda step: {"type": "checkpoint", "step": step},
    "answers": lambda step: {"type": "answers", "step": step, "n": 16, "exact": 3, "ended": 5},
    "samples": lambda step: {"type": "sample", "step": step, "prompt_id": "a", "text": "hello"},
    "warnings": lambda step: {"type": "warning", "message": f"warning {step}"},
    "evaluations": lambda step: {"type": "eval", "set": "val", "step": step, "loss": 2.0, "n": 16},
    "resumes": lambda step: {"type": "resume", "step": step},
}
FOLD = """
import sys
from pathlib import Path
from runner.store.directory import RunDirectory
from runner.store.history import read_history
history = read_history(RunDirectory(Path(sys.argv[1])))
curves = history.curves()
print(max(map(len, (curves.checkpoints, history.answers, history.samples, history.warnings,
                    curves.evals.get("val", ()), history.resumed_at))))
"""


def of_many(kind: str) -> Iterator[str]:
    return (json.dumps({"t": 1e9 + step, **EVENTS[kind](step)}) + "\n" for step in range(1, MANY + 1))


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.fault("events.jsonl holds 100,000 {kind}", "the work to read them grows with their number alone")
def test_many_events_of_a_kind(cold: None, home: Path, kind: str) -> None:
    run = create(home, "many")
    with run.events.open("w") as stream:
        stream.writelines(of_many(kind))
    done = subprocess.run(
        [sys.executable, "-P", "-c", FOLD, str(run.path)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS)),
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(MANY)), done.stderr
