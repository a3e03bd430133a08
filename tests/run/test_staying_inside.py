"""Links and dots in a run directory never make ftui write or delete outside of it; nothing listens on a socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from runner.store import directory, disk_usage, requests
from runner.store.checkpoints import Checkpoint, checkpoints
from runner.store.directory import RunDirectory, links_out, write_json
from runner.store.errors import LaunchError
from runner.store.events import EventLog
from runner.store.requests import Request
from runner.supervision import start
from tests.run.conftest import Scripted
from tests.run.scenes import made_run, phase
from tests.run.test_supervise import over, running


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of another user, with what looks like a checkpoint in it."""
    folder = tmp_path / "precious"
    (folder / "checkpoint-1").mkdir(parents=True)
    (folder / "checkpoint-1" / "thesis.txt").write_text("years of work")
    (folder / "notes").write_text("keep me\n")
    return folder


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return made_run(home, phase("training"))


Plant = Callable[[RunDirectory, Path], None]


def link(name: str, to: str) -> Plant:
    def plant(run: RunDirectory, precious: Path) -> None:
        place = run.path / name
        place.parent.mkdir(exist_ok=True)
        if place.is_dir():
            place.rmdir()
        place.unlink(missing_ok=True)
        place.symlink_to(precious / to)

    return plant


PLANTED = {
    "checkpoints": link("checkpoints", ""),
    "one checkpoint": link("checkpoints/checkpoint-7", "checkpoint-1"),
    "adapter": link("adapter", ""),
    "a file of the adapter": link("adapter/adapter_model.safetensors", "notes"),
    "events": link("events.jsonl", "notes"),
    "console": link("console.log", "notes"),
    "requests": link("requests", ""),
    "a dangling one": link("model", "nowhere"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_run_with_a_link_out_of_it_is_not_started(run: RunDirectory, precious: Path, name: str) -> None:
    PLANTED[name](run, precious)
    assert len(links_out(run)) == 1
    with pytest.raises(LaunchError, match="leads out of the run's directory"):
        start.start_supervisor(run)


def test_links_inside_a_run_are_fine(run: RunDirectory) -> None:
    """W&B leaves wandb/latest-run."""
    (run.path / "wandb" / "run-1").mkdir(parents=True)
    (run.path / "wandb" / "latest-run").symlink_to("run-1")
    assert links_out(run) == []


def test_a_home_that_is_a_link_is_fine(home: Path, tmp_path: Path) -> None:
    disk = tmp_path / "big disk"
    disk.mkdir()
    home.symlink_to(disk)
    assert links_out(made_run(home, phase("training"))) == []


def test_nothing_is_appended_through_a_link(run: RunDirectory, precious: Path) -> None:
    PLANTED["events"](run, precious)
    PLANTED["console"](run, precious)
    with pytest.raises(OSError, match="symbolic"):
        EventLog(run)
    with pytest.raises(OSError, match="symbolic"):
        directory.open_console(run)
    assert (precious / "notes").read_text() == "keep me\n"


def test_a_file_replaced_whole_replaces_the_link(run: RunDirectory, precious: Path) -> None:
    run.state.symlink_to(precious / "notes")
    write_json(run.state, {"phase": "training"})
    assert not run.state.is_symlink()
    assert (precious / "notes").read_text() == "keep me\n"


def test_no_request_is_dropped_through_a_link(run: RunDirectory, precious: Path) -> None:
    PLANTED["requests"](run, precious)
    with pytest.raises(OSError, match="is a link"):
        requests.ask(run, Request.STOP)
    assert {path.name for path in precious.iterdir()} == {"checkpoint-1", "notes"}


def test_nothing_is_cleaned_through_a_link(run: RunDirectory, precious: Path) -> None:
    PLANTED["checkpoints"](run, precious)
    assert checkpoints(run) == []
    assert disk_usage.holding(run).removable == ()
    with pytest.raises(ValueError, match="no checkpoint of"):
        disk_usage.remove(run, Checkpoint(1, run.checkpoints / "checkpoint-1"))
    with pytest.raises(ValueError, match="no checkpoint of"):
        disk_usage.remove(run, Checkpoint(1, run.checkpoints / ".." / "requests"))
    assert (precious / "checkpoint-1" / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("name", ["../../../etc/x", "..", "/etc/passwd", "a\nb", "", "-rf", "ü" * 300])
def test_a_runs_name_stays_in_the_folder_of_runs(home: Path, name: str) -> None:
    run = directory.create(home, name)
    assert run.path.parent == directory.runs_folder(home)
    assert directory.RUN_ID.match(run.id)


def test_nothing_listens_on_a_socket(scripted: Scripted) -> None:
    run = scripted("until-stop")
    state = running(run)
    for key in ("supervisor_pid", "trainer_pid"):
        process = psutil.Process(state[key])
        assert [c for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN] == []
    requests.ask(run, Request.STOP)
    over(run)
