"""Run directories: ids, finding, atomic files, locks, requests, console."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.store import directory, locks, requests
from runner.store.console import clean, last_lines
from runner.store.directory import RunNotFoundError
from runner.store.requests import Request


def test_ids_sort_by_time_and_are_never_the_same(home: Path) -> None:
    runs = [directory.create(home, "my preset/../x") for _ in range(20)]
    assert len({run.id for run in runs}) == 20
    assert all(directory.RUN_ID.match(run.id) and "/" not in run.id for run in runs)
    assert [run.id for run in directory.list_runs(home)] == sorted((run.id for run in runs), reverse=True)


def test_a_run_is_found_by_any_unique_part_of_its_id(home: Path) -> None:
    first, second = directory.create(home, "alpha"), directory.create(home, "beta")
    assert directory.find_run("alpha", home) == first
    assert directory.find_run(second.id, home) == second
    assert directory.find_run("last", home).id == max(first.id, second.id)
    with pytest.raises(RunNotFoundError, match="2 runs"):
        directory.find_run("a", home)
    with pytest.raises(RunNotFoundError, match="ftui ls"):
        directory.find_run("gamma", home)


def test_no_runs_says_how_to_start_one(home: Path) -> None:
    with pytest.raises(RunNotFoundError, match="ftui run demo"):
        directory.find_run("last", home)


def test_foreign_folders_in_the_store_are_no_runs(home: Path) -> None:
    (directory.runs_folder(home) / "notes").mkdir(parents=True)
    assert directory.list_runs(home) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b'{"a":1}x'])
def test_a_broken_json_file_reads_as_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert directory.read_json(tmp_path / "a.json") == {}


def test_json_is_replaced_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    directory.write_json(path, {"a": 1})
    directory.write_json(path, {"a": 2})
    assert directory.read_json(path) == {"a": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_a_lock_lives_as_long_as_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys; from pathlib import Path; from runner.store import locks;"
        "locks.take(Path(sys.argv[1])); print(1, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    assert locks.is_held(path)
    assert locks.take(path) is None
    process.kill()
    process.wait()
    process.stdout.close()
    process.stdin.close()
    assert not locks.is_held(path)
    fd = locks.take(path)
    assert fd is not None
    assert not locks.is_held(tmp_path / "missing")
    os.close(fd)


def test_a_request_is_taken_once(home: Path) -> None:
    run = directory.create(home, "x")
    requests.ask(run, Request.STOP)
    requests.ask(run, Request.STOP)
    (run.requests / "dance").write_text("")
    assert requests.take(run) == {Request.STOP}
    assert requests.take(run) == set()


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "␛]0;title␇after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("bell\x07 back\x08 \x9b31mcsi", "bell␇ back␈ <U+009B>31mcsi"),
        ("tab\there", "tab    here"),
    ],
)
def test_control_sequences_never_reach_the_screen(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_progress_bars_fold_to_their_last_state(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"start\n 10%|#\r 50%|##\r100%|###\n\nend \xff\n")
    assert last_lines(log, 10) == ["start", "100%|###", "end \ufffd"]
    assert last_lines(log, 1) == ["end \ufffd"]


def test_only_the_end_of_a_huge_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    with log.open("w") as stream:
        for i in range(50_000):
            stream.write(f"line {i}\n")
    assert last_lines(log, 2) == ["line 49998", "line 49999"]
