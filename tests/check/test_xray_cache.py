"""The X-ray's cache: what makes a new report, what does not, and who starts the child."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runner.check import xray
from runner.check.xray import complete, quick, read_report, report_folder, xray_key
from runner.insight.data import DataReport
from runner.preset import files
from runner.preset.schema import Preset
from tests.conftest import wait_for


def write(path: Path, *texts: str) -> Path:
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write(tmp_path / "rows.jsonl", "one", "two", "three")


Load = Callable[..., Preset]


@pytest.fixture
def load(home: Path, rows: Path) -> Load:
    """The demo with these rows, and settings changed."""

    def loaded(*overrides: str) -> Preset:
        wanted = (f"data.train_dataset={rows}", "data.eval_dataset=null", *overrides)
        return files.load("demo", home, wanted).preset

    return loaded


NO_MATTER = (
    "train.learning_rate=1e-3",
    "train.num_train_epochs=7",
    "train.per_device_train_batch_size=2",
    "lora.r=8",
    "quantization.load_in_4bit=false",
    "output.save_steps=5",
    "eval.eval_steps=5",
    "lint.ignore=[epochs-many]",
)
MATTER = (
    "train.max_length=64",
    "train.seed=1",
    "train.assistant_only_loss=false",
    "train.packing=true",
    "data.eval_fraction=0.2",
    "data.max_train_samples=2",
    "eval.max_eval_samples=3",
    "data.mix=[{dataset: ROWS, ratio: 0.2}]",
    "data.eval_dataset=ROWS",
    "data.general_eval_dataset=ROWS",
    "model.chat_template_path=ROWS",
    "model.model_name_or_path=some/other-model",
)


@pytest.mark.parametrize("override", NO_MATTER)
def test_settings_that_do_not_touch_the_data_keep_the_key(load: Load, override: str) -> None:
    assert xray_key(load(override)) == xray_key(load())


@pytest.mark.parametrize("override", MATTER)
def test_settings_that_change_the_result_change_the_key(load: Load, rows: Path, override: str) -> None:
    assert xray_key(load(override.replace("ROWS", str(rows)))) != xray_key(load())


def test_every_ratio_and_source_of_a_mix_counts(load: Load, rows: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.jsonl", "four")
    mixes = [f"{{dataset: {path}, ratio: {ratio}}}" for path in (rows, other) for ratio in (0.1, 0.2)]
    keys = {xray_key(load(f"data.mix=[{mix}]")) for mix in (*mixes, f"{mixes[0]}, {mixes[2]}")}
    assert len(keys) == 5
    before = xray_key(load(f"data.mix=[{mixes[2]}]"))
    write(other, "five")
    assert xray_key(load(f"data.mix=[{mixes[2]}]")) != before


@pytest.mark.parametrize(
    "key",
    ["data.train_dataset", "data.eval_dataset", "data.general_eval_dataset", "model.chat_template_path"],
)
def test_other_content_is_another_key_and_the_same_content_again_the_same(
    load: Load, tmp_path: Path, key: str
) -> None:
    path = write(tmp_path / "named.jsonl", "one", "two")
    preset = load(f"{key}={path}")
    first = xray_key(preset)
    write(path, "one", "two", "three")
    assert xray_key(preset) != first
    write(path, "one", "two")
    assert xray_key(preset) == first


def test_a_file_that_is_only_touched_keeps_the_key(load: Load, rows: Path) -> None:
    first = xray_key(load())
    os.utime(rows, (1_000_000_000, 1_000_000_000))
    assert xray_key(load()) == first


def test_the_tokenizer_is_part_of_the_key_and_the_weights_are_not(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(files.shipped_folder() / "demo" / "model", folder)
    preset = load(f"model.model_name_or_path={folder}")
    first = xray_key(preset)
    with (folder / "model.safetensors").open("ab") as stream:
        stream.write(b"trained further")
    assert xray_key(preset) == first
    for name in ("chat_template.jinja", "tokenizer.json", "tokenizer_config.json"):
        before = xray_key(preset)
        with (folder / name).open("a") as stream:
            stream.write(" ")
        assert xray_key(preset) != before


def test_a_file_that_is_not_there_has_a_key_too(load: Load, rows: Path) -> None:
    first = xray_key(load())
    rows.unlink()
    assert xray_key(load()) != first


# The child


class NoChildError(Exception):
    pass


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on starting a child is an error."""

    def refuse(*_: object, **__: object) -> None:
        raise NoChildError

    return lambda: monkeypatch.setattr(subprocess, "Popen", refuse)


def children(home: Path) -> list[psutil.Process]:
    """This process's own, and those that look at data for this home, whichever process forked them."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            command = one.cmdline()
            is_own = one.ppid() == os.getpid() and one.status() != psutil.STATUS_ZOMBIE
            if "tests.fork_server" not in command and (is_own or any(str(home) in part for part in command)):
                found.append(one)
    return found


def test_a_report_is_made_once_and_again_when_torn(
    load: Load, home: Path, no_child: Callable[[], None]
) -> None:
    preset = load()
    told: list[DataReport] = []
    made = complete(preset, home, told.append)
    assert (made.complete, made.rows_read, made.problem) == (True, 3, "")
    assert told[-1] == made == read_report(home, xray_key(preset))
    assert made.key == xray_key(preset)

    path = report_folder(home, made.key) / "report.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert read_report(home, made.key) is None
    again = complete(preset, home)
    assert {**again.as_json(), "seconds": 0} == {**made.as_json(), "seconds": 0}

    # One that was left half-made is begun again as well; one of a later version is none.
    for spoilt in ({"complete": False, "train_rows": 99}, {"schema": 999}):
        path.write_text(json.dumps({**json.loads(whole), **spoilt}))
        assert complete(preset, home).train_rows == made.train_rows

    no_child()
    told.clear()
    assert complete(preset, home, told.append).rows_read == 3
    hurried = quick(load("train.learning_rate=1e-3"), home)
    assert hurried is not None
    assert hurried.rows_read == 3
    assert told == []
    with pytest.raises(NoChildError):
        complete(load("train.seed=5"), home)


def test_what_keeps_a_report_from_being_made_is_its_problem(load: Load, home: Path, tmp_path: Path) -> None:
    preset = load(f"model.model_name_or_path={tmp_path}")
    for report in (complete(preset, home), quick(preset, home)):
        assert report is not None
        assert "no config.json" in report.problem
        assert report.hint
        assert not report.complete
        assert report.max_length == preset.train.max_length
    assert read_report(home, xray_key(preset)) is None


def test_a_child_that_cannot_be_started_is_a_problem_and_no_exception(
    load: Load, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "cannot be started" in complete(load(), home).problem
    hurried = quick(load(), home)
    assert hurried is not None
    assert "cannot be started" in hurried.problem


def test_a_child_that_dies_without_a_word_is_a_problem(
    load: Load, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho not json\necho '[1]'\nexit 3\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    assert complete(load(), home).problem == "the X-ray ended without a word"


def test_in_a_hurry_a_sample_is_enough_and_the_child_ends(load: Load, home: Path, rows: Path) -> None:
    """With little patience the newest report is taken: of a million rows, a part that stands for all of them."""
    write(rows, *(f"number {i}" for i in range(1_000_000)))
    before = children(home)
    report = quick(load(), home, seconds=15.0)
    assert report is not None
    assert not report.complete
    assert 0 < report.rows_read < 1_000_000
    assert report.train_rows == pytest.approx(1_000_000, rel=0.1)
    assert wait_for(lambda: children(home) == before, 10, "the child lives on")


def test_in_a_hurry_nobody_waits_for_a_child_that_says_nothing(
    load: Load, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that counts the lines of a huge file, or fetches a data set, before its first report."""
    busy = tmp_path / "python"
    busy.write_text("#!/bin/sh\nexec sleep 8\n")
    busy.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(busy))
    before, started = children(home), time.monotonic()
    report = quick(load(), home, seconds=0.3)
    assert time.monotonic() - started < 4
    assert report is None, "nothing known is no reason to refuse a launch"
    assert wait_for(lambda: children(home) == before, 2, "the child lives on")


def test_when_nobody_waits_for_the_whole_report_the_child_ends(load: Load, home: Path, rows: Path) -> None:
    write(rows, *(f"number {i}" for i in range(25_000)))
    before = children(home)

    class EnoughError(Exception):
        pass

    def stop(_: DataReport) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        complete(load(), home, stop)
    assert wait_for(lambda: children(home) == before, 10, "the child lives on")


def test_old_reports_go_and_the_one_asked_for_stays(
    load: Load, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xray, "MOST_REPORTS", 3)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    folder = home / "cache" / "xray"
    for age in range(6):
        (folder / f"old{age}").mkdir(parents=True)
        os.utime(folder / f"old{age}", (1000 - age, 1000 - age))
    key = xray_key(load())
    complete(load(), home)
    assert {path.name for path in folder.iterdir()} == {key, "old0", "old1"}
