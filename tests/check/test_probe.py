"""The probe: a real step of the real model, in a process of its own, and what it says when that fails."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psutil
import pytest

from runner.check import xray
from runner.check.probe import ONE_STEP, Probed, probe, whole_run
from runner.check.records import PROBES, memory_records
from runner.preset import files
from runner.store.directory import read_json


def test_the_demo_is_measured_on_the_cpu(home: Path) -> None:
    phases: list[str] = []
    found = probe(files.load("demo", home).preset, home, None, phases.append)
    assert (found.problem, found.hint, found.device) == ("", "", "CPU")
    seconds = dict(found.seconds)
    assert {"loading model", "tokenising", "evaluating", "saving", "one optimizer step"} == seconds.keys()
    assert all(0 <= value < 120 for value in seconds.values())
    assert seconds["one optimizer step"] > 0
    memory = dict(found.memory)
    assert {"resident, loaded", "resident, first step", "resident, evaluation"} <= memory.keys()
    assert all(50 < mib < 20_000 for mib in memory.values())
    assert phases[0] == "loading model"
    assert phases[-1] == "finished"
    assert phases.index("loading model") < phases.index("tokenising") < phases.index("training")

    # What it trained is worth nothing and takes space; what it measured is kept.
    (folder,) = (home / PROBES).iterdir()
    assert not [name for name in ("checkpoints", "adapter", "model") if (folder / name).exists()]
    record = read_json(folder / "memory.json")
    assert (record["device"], record["oom"]) == ("CPU", False)
    # A record of the CPU says nothing about a GPU's memory.
    assert memory_records(home) == []
    assert not (home / "runs").exists()


def test_a_model_that_cannot_be_loaded_is_a_problem_with_a_hint(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(files.shipped_folder() / "demo" / "model", folder)
    (folder / "model.safetensors").write_bytes(b"no weights")
    preset = files.load("demo", home, [f"model.model_name_or_path={folder}"]).preset
    found = probe(preset, home, None, lambda _: None)
    assert found.problem
    assert "\n" not in found.problem
    assert found.hint
    assert (found.seconds, found.memory) == ((), ())


def test_a_child_that_never_speaks_is_a_problem_that_names_its_log(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = tmp_path / "python"
    silent.write_text("#!/bin/sh\necho no memory left >&2\nexit 137\n")
    silent.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(silent))
    found = probe(files.load("demo", home).preset, home, None, lambda _: None)
    assert found.problem == "the probe ended without a word"
    (folder,) = (home / PROBES).iterdir()
    assert found.hint == f"Its log is {folder}/console.log"
    assert "no memory left" in (folder / "console.log").read_text()


def test_interrupted_its_child_ends_too(home: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe(files.load("demo", home).preset, home, None, interrupt)
    (folder,) = (home / PROBES).iterdir()
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(folder) in (one.info["cmdline"] or [])]


def test_what_a_run_and_its_evaluations_take_follows_from_one_step(home: Path) -> None:
    preset = files.load("demo", home).preset
    measured = Probed(seconds=((ONE_STEP, 0.5),))
    steps, evaluations = whole_run(preset, xray.complete(preset, home), measured)
    # 75 steps of four micro-steps, of which two were measured.
    assert dict([steps]) == {"all steps, at most": pytest.approx(75.0)}
    assert evaluations[1] > 0
    fewer = files.load("demo", home, ["eval.answer_rows=0", "eval.sample_max_new_tokens=0"]).preset
    assert whole_run(fewer, xray.complete(fewer, home), measured)[1][1] < evaluations[1]
    assert not whole_run(preset, None, measured)
    assert not whole_run(preset, xray.complete(preset, home), Probed(problem="none"))
