"""The GPU check itself, where there is no GPU: what it remembers, its arithmetic, and one part for real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.store.history import History
from tests.gpu import check, demo, pack_wheels, resuming
from tests.gpu.scene import PartError, Row, Scene, write_rows


def rehearse(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.gpu.check", "--rehearse", "--out", str(out), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_part_is_rehearsed_remembered_and_not_done_twice(tmp_path: Path) -> None:
    first = rehearse(tmp_path, "--only", "preflight")
    assert first.returncode == 0, first.stdout + first.stderr
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    found = {line["check"]: line for line in lines}
    assert found["NF4 product and gradient"]["value"] == "cpu"
    assert found["seconds"]["ok"] is None
    assert "✔ preflight      NF4 product and gradient" in first.stdout
    second = rehearse(tmp_path, "--only", "preflight")
    assert second.returncode == 0
    assert "doctor: Python" in second.stdout
    assert (tmp_path / "results.jsonl").read_text().count("NF4 product") == 1


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.gpu.check", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing to check here" in done.stderr


def test_without_time_nothing_is_begun_and_that_is_said(tmp_path: Path) -> None:
    done = rehearse(tmp_path, "--budget", "5")
    assert done.returncode == 1
    assert "no time left for preflight" in done.stderr
    assert f"not reached: {', '.join(check.PARTS)}" in done.stdout


def test_every_part_is_a_function_with_a_limit() -> None:
    import importlib

    for place, limit in check.PARTS.values():
        module, _, function = place.partition(":")
        assert callable(getattr(importlib.import_module(module), function))
        assert limit <= check.BUDGET_SECONDS


def step(t: float, seconds: float) -> dict[str, Any]:
    return {"type": "step", "t": t, "step_s": seconds}


@pytest.mark.parametrize(
    ("seconds", "share"),
    [((1.0, 1.0, 1.0), 1.0), ((0.5, 0.5, 0.5), 0.75)],
)
def test_the_clock_counts_between_evaluations_only(
    tmp_path: Path, seconds: tuple[float, float, float], share: float
) -> None:
    scene = Scene("demo", tmp_path)
    evaluation = {"type": "eval", "t": 40.0}
    lines = [step(10.0, seconds[0]), step(11.0, seconds[1]), evaluation, step(41.0, seconds[2])]
    demo.clock(scene, History(), lines)
    assert scene.rows[0].value == pytest.approx(share, abs=1e-3)
    assert scene.rows[0].ok is (share >= demo.LEAST_SHARE)


@pytest.mark.parametrize(("after", "ok"), [(1005, True), (1400, False)])
def test_static_memory_has_to_be_the_same_after_a_resume(tmp_path: Path, after: int, ok: bool) -> None:
    scene = Scene("resume", tmp_path)
    before = [{"at": "first step", "allocated_mib": 1000}]
    resuming.static(scene, "demo", before, [{"at": "built"}, {"at": "first step", "allocated_mib": after}])
    assert [row.ok for row in scene.rows] == [ok]


def test_a_run_that_does_not_finish_is_told_with_its_console(tmp_path: Path) -> None:
    scene = Scene("demo", tmp_path)
    with pytest.raises(PartError, match="not within"):
        scene.wait(lambda: None, 0.2, "a wonder")


def test_rows_are_as_many_and_as_long_as_wanted(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "new" / "rows.jsonl", 3, 10)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [len(row["messages"][1]["content"].split()) for row in rows] == [20, 20, 20]
    other = write_rows(tmp_path / "held-out.jsonl", 3, 10, first=3).read_text().splitlines()
    assert not set(other) & set(path.read_text().splitlines())


def test_the_table_shows_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    check.table([Row("8b", "peak MiB", 1, "2 predicted", False), Row("8b", "reserved", None)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✖ 8b")
    assert lines[1].startswith("· 8b")


def test_wheels_and_tree_are_weighed_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "small.whl").write_bytes(bytes(1000))
    assert pack_wheels.weigh(tmp_path) == ""
    with (tmp_path / "large.whl").open("wb") as stream:
        stream.truncate(60 * pack_wheels.MIB)
    assert "more than 64" in pack_wheels.weigh(tmp_path)
    assert "60.0 MiB  large.whl" in capsys.readouterr().out
