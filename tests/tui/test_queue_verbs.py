"""`ftui queue` and its verbs: what they print, what they leave on disk, and errors that can be mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runner.check import xray
from runner.gpu import CPU
from runner.preset import files
from runner.queue import tickets
from runner.queue.tickets import Ticket
from runner.store import locks
from runner.store.directory import RunDirectory, list_runs, runs_folder
from runner.store.events import Phase
from tests.run.queued import made
from tests.run.scenes import add, phase
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def done(*arguments: str) -> str:
    """What a command prints that does what it is told."""
    result = ftui(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str, code: int = 1) -> str:
    """The error of a command; one that a person can mend has no traceback, and tells it in two lines at most."""
    result = ftui(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    _, _, error = result.output.rpartition("Error: ")
    assert error.count("\n") <= 2
    return error


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[RunDirectory]]:
    """The runs a process waits for since; none really does, and data are not looked at."""
    runs: list[RunDirectory] = []
    monkeypatch.setattr("runner.commands.enqueue.start_supervisor", runs.append)
    monkeypatch.setattr("runner.commands.queued.start_supervisor", runs.append)
    monkeypatch.setattr("runner.commands.resume.start_supervisor", lambda run, *_: runs.append(run))
    monkeypatch.setattr(xray, "quick", lambda preset, home: None)
    yield runs


@pytest.fixture
def waits(home: Path) -> RunDirectory:
    """The demo in the queue."""
    return RunDirectory(runs_folder(home) / done("queue", "add", "demo", "--gpu", "cpu").strip())


# What waits


def test_of_an_empty_queue_it_says_how_to_fill_it(home: Path) -> None:
    assert done("queue") == "Nothing waits. Put something there: ftui queue add PRESET\n"
    assert json.loads(done("queue", "--json")) == []


def test_what_waits_is_listed_with_what_it_waits_for(home: Path) -> None:
    runs = {
        "a": made(home, "a", Ticket(1.0, CPU)),
        "b": made(home, "b", Ticket(2.0, "GPU-11111111-2222-3333", 18_637)),
        "c": made(home, "c", Ticket(3.0, paused=True)),
    }
    held = [locks.take(run.lock) for run in runs.values()]
    tickets.say(runs["b"], Phase.QUEUED, "it needs 18.2 GiB,\nand 12.7 are free")
    tickets.say(runs["c"], Phase.QUEUED, "paused")
    lines = done("queue").splitlines()
    assert lines[0].split() == ["run", "on", "needs", "waits,", "because"]
    assert lines[1].split() == ["1", runs["a"].id, "CPU"]
    assert lines[2].endswith(f"{runs['b'].id}  GPU-11111111  18.2 GiB  it needs 18.2 GiB, and 12.7 are free")
    assert lines[3].endswith(f"{runs['c'].id}  any GPU       unknown   paused")
    assert len(lines) == 4
    for lock in held:
        assert lock is not None
        locks.release(lock)
    assert done("queue").count("no process waits for it") == 3
    assert "Let them wait again: ftui queue start" in done("queue")


def test_what_waits_as_json(home: Path) -> None:
    made(home, "a", Ticket(1.0, CPU, paused=True))
    made(home, "b", Ticket(2.0, None, 1536))
    first, second = json.loads(done("queue", "--json"))
    assert (first["place"], first["target"], first["need"], first["paused"]) == (1, "CPU", "", True)
    assert (second["place"], second["target"], second["need"]) == (2, "any GPU", "1.5 GiB")
    assert second["id"] == "20261201-120000-b-0001"
    assert (second["paused"], second["is_alive"]) == (False, False)


def test_garbage_in_the_queue_is_listed_calmly(home: Path) -> None:
    run = made(home, "a", Ticket(1.0))
    (tickets.folder(home) / f"{run.id}.json").write_bytes(b"\xff{")
    run.state.write_text('{"reason": "\\u001b[2J", "phase": 7}')
    assert run.id in done("queue")
    assert "\x1b" not in done("queue")


# Adding


def test_a_preset_is_added_and_its_id_printed(
    home: Path, waits: RunDirectory, started: list[RunDirectory]
) -> None:
    assert started == [waits]
    assert tickets.read_ticket(waits) == Ticket(tickets.waiting(home)[0].ticket.rank, CPU)
    first = done("queue", "add", "demo", "--gpu", "cpu", "--first").strip()
    assert [one.run.id for one in tickets.waiting(home)] == [first, waits.id]


def test_presets_and_sweeps_are_added_in_their_order(home: Path) -> None:
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "mine.yaml").write_text("extends: demo\nlora:\n  r: 4\n")
    more = ("--set", "train.seed=5", "--sweep", "train.learning_rate=1e-3,2e-3", "--gpu", "cpu")
    ids = done("queue", "add", "demo", "mine", *more).split()
    assert ["-".join(one.split("-")[2:-1]) for one in ids] == [
        "demo-1e-3",
        "demo-2e-3",
        "mine-1e-3",
        "mine-2e-3",
    ]
    assert ids == [one.run.id for one in tickets.waiting(home)]
    presets = [files.load_frozen(one.run.preset) for one in tickets.waiting(home)]
    assert [(one.train.seed, one.train.learning_rate, one.lora.r) for one in presets] == [
        (5, 1e-3, 16),
        (5, 2e-3, 16),
        (5, 1e-3, 4),
        (5, 2e-3, 4),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dmeo",), "Did you mean demo?"),
        (("demo", "broken"), "train.learnin_rate"),
        (("demo", "lacking"), "/nowhere/rows.jsonl does not exist"),
        (("demo", "--set", "lora.use_peft=false"), "quantised weights"),
        (("demo", "--gpu", "H900"), "There is no GPU 'H900'"),
        (("demo", "--sweep", "lora.r"), "values are missing"),
        (("demo", "--sweep", "lora.r=" + ",".join(map(str, range(1, 70)))), "69 runs, more than 64"),
    ],
)
def test_when_one_is_refused_none_is_added(
    home: Path, started: list[RunDirectory], arguments: tuple[str, ...], words: str
) -> None:
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "broken.yaml").write_text("extends: demo\ntrain:\n  learnin_rate: 1\n")
    (home / "presets" / "lacking.yaml").write_text(
        "extends: demo\ndata: {train_dataset: /nowhere/rows.jsonl}\n"
    )
    assert words in refused("queue", "add", *arguments)
    assert started == list_runs(home) == []
    assert tickets.waiting(home) == []


def test_what_would_be_refused_can_be_forced(home: Path) -> None:
    done("queue", "add", "demo", "--set", "lora.use_peft=false", "--gpu", "cpu", "--force")
    # And changed afterwards, also by itself.
    done("queue", "edit", "1", "--set", "train.seed=9")
    done("queue", "add", "demo", "--gpu", "cpu")
    assert "quantised" in refused("queue", "edit", "2", "--set", "lora.use_peft=false")
    done("queue", "edit", "2", "--set", "lora.use_peft=false", "--force")
    assert [one.ticket.forced for one in tickets.waiting(home)] == [True, True]


def test_into_a_paused_queue_it_is_added_with_a_word(home: Path) -> None:
    done("queue", "pause")
    result = ftui("queue", "add", "demo", "--gpu", "cpu")
    assert "ftui queue start" in result.stderr
    assert result.stdout.split() == [tickets.waiting(home)[0].run.id]


# Changing


def test_a_setting_and_the_gpu_are_changed(home: Path, waits: RunDirectory) -> None:
    text = done("queue", "edit", "1", "--set", "train.seed=9", "--set", "lora.r=4")
    assert text == f"{waits.id} is changed.\n"
    preset = files.load_frozen(waits.preset)
    assert (preset.train.seed, preset.lora.r) == (9, 4)
    done("queue", "edit", waits.id, "--gpu", "any")
    ticket = tickets.read_ticket(waits)
    assert ticket is not None
    assert ticket.gpu is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Say what to change: --set SECTION.KEY=VALUE, --gpu, or --force."),
        (("--set", "train.sed=9"), "Did you mean seed?"),
        (("--set", "train.seed"), "write it as section.key=value"),
        (("--set", "lora.use_peft=false"), "quantised weights"),
        (("--set", "train.seed=9", "--gpu", "H900"), "There is no GPU 'H900'"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    home: Path, waits: RunDirectory, arguments: tuple[str, ...], words: str
) -> None:
    before = waits.preset.read_bytes(), tickets.read_ticket(waits)
    assert words in refused("queue", "edit", "1", *arguments)
    assert (waits.preset.read_bytes(), tickets.read_ticket(waits)) == before


def test_what_has_started_is_frozen(home: Path, waits: RunDirectory) -> None:
    tickets.drop_ticket(waits)
    tickets.say(waits, Phase.TRAINING, "")
    lock = locks.take(waits.lock)
    assert lock is not None
    words = refused("queue", "edit", waits.id, "--set", "train.seed=9")
    assert words == f"{waits.id} is not in the queue (training). `ftui queue` shows what waits.\n"
    locks.release(lock)


# Other verbs


@pytest.mark.parametrize("lives", [True, False])
def test_stop_takes_a_waiting_run_out(home: Path, waits: RunDirectory, lives: bool) -> None:
    lock = locks.take(waits.lock)
    assert lock is not None
    if not lives:
        locks.release(lock)
    assert done("stop", waits.id) == f"{waits.id} is taken out of the queue.\n"
    assert not tickets.is_queued(waits)
    assert not any(waits.requests.iterdir())
    if lives:
        locks.release(lock)


def test_resume_lets_it_wait_again(home: Path, waits: RunDirectory, started: list[RunDirectory]) -> None:
    started.clear()
    assert f"{waits.id} waits for its turn again." in done("resume", waits.id, "--detach")
    assert started == [waits]


def test_a_run_that_waits_is_listed_as_such(home: Path, waits: RunDirectory) -> None:
    lock = locks.take(waits.lock)
    assert lock is not None
    add(waits, phase("queued"))
    tickets.say(waits, Phase.QUEUED, "the CPU has another run on it", place=1)
    assert "queued" in done("ls")
    text = done("show", waits.id)
    assert text.startswith(f"{waits.id}  queued")
    assert "the CPU has another run on it" in text
    locks.release(lock)
    assert "no process waits for it any more" in done("show", waits.id)


# Usage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mvoe",), "There is no verb 'mvoe'. Did you mean move?"),
        (("add",), "Missing argument"),
        (("remove",), "Missing argument"),
        (("move", "1"), "Missing argument"),
        (("edit", "1", "--best"), "No such option"),
    ],
)
def test_what_is_mistyped_ends_with_two(home: Path, arguments: tuple[str, ...], words: str) -> None:
    assert words in refused("queue", *arguments, code=2)


@pytest.mark.parametrize("verb", ["", "add", "move", "edit", "remove", "pause", "start"])
def test_help_fits_and_shows_how(home: Path, verb: str) -> None:
    arguments = ["queue", *filter(None, [verb]), "--help"]
    text = CliRunner().invoke(cli, arguments, terminal_width=100).output
    assert max(map(len, text.splitlines())) <= 100
    if verb in ("", "add", "move", "edit"):
        assert f"  ftui queue {verb}".rstrip() in text
