"""The verbs that look at runs: compare, show, diagnose, watch and run in plain text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.foreign.test_trainer_state import entries, save
from tests.run.scenes import Event, add, end, evaluation, made_run, overfitting, phase, plan, step
from tests.tui.conftest import HEALTHY, OVERFIT
from tui.cli import cli


def ftui(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def strict(text: str) -> Any:
    """JSON as every other program reads it: NaN is none."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


BROKEN_LOSSES: list[Event] = [
    phase("training"),
    plan(),
    step(1, 2.0),
    step(2, "NaN", grad_norm="Infinity"),
    {"type": "step", "step": 3, "loss": "-Infinity"},
    evaluation(1, "NaN"),
    evaluation(2, 1.5),
    *end("failed", "out of memory"),
]


# compare


def test_compare_holds_runs_against_the_first(store: Path) -> None:
    done = ftui("compare", HEALTHY, OVERFIT)
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0].split() == ["run", "steps", "best", "eval", "verdict"]
    assert lines[1].startswith(f"A  {HEALTHY}")
    assert "@48" in lines[2]
    assert "OVERFITTING" in lines[2]
    assert "train.num_train_epochs" in done.output
    assert "B against A:" in lines[-1]
    assert not any(line.endswith(" ") for line in lines)


def test_compare_as_json(store: Path) -> None:
    found = strict(ftui("compare", HEALTHY, OVERFIT, HEALTHY, "--json").output)
    assert [run["id"] for run in found["runs"]] == [HEALTHY, OVERFIT, HEALTHY]
    assert found["runs"][1]["best"]["step"] == 48
    assert len(found["settings"]["train.num_train_epochs"]) == 3
    assert len(found["held_out"]) == len(found["sentences"]) == 2


def rows(first: float, other: float) -> list[float]:
    return [first + other * i for i in range(40)]


def test_compare_says_how_sure_the_difference_is(home: Path) -> None:
    ids = []
    for name, losses in (
        ("a", rows(2.0, 0.01)),
        ("b", rows(1.5, 0.011)),
        ("c", [2.0 - (-1) ** i for i in range(40)]),
    ):
        mean = sum(losses) / len(losses)
        events = [plan(eval_fingerprints={"val": "x"}), step(10), evaluation(10, mean, row_losses=losses)]
        ids.append(made_run(home, *events, name=name).id)
    text = ftui("compare", *ids).output
    assert "B is better than A by 0.4" in text
    assert "on 40 held-out rows (100 % of them)" in text
    assert "All settings are alike." in text
    found = strict(ftui("compare", *ids, "--json").output)
    assert found["held_out"][0]["mean"] == pytest.approx(-0.4805)
    assert found["held_out"][0]["n"] == 40


def test_compare_of_losses_that_are_none(home: Path) -> None:
    first = made_run(home, *BROKEN_LOSSES, name="a")
    second = made_run(home, phase("training"), step(1, "NaN"), name="b")
    done = ftui("compare", first.id, second.id)
    assert done.exit_code == 0
    assert "not both were evaluated" in done.output
    strict(ftui("compare", first.id, second.id, "--json").output)


def test_compare_one_run(store: Path) -> None:
    done = ftui("compare", OVERFIT)
    assert done.exit_code == 0
    assert OVERFIT in done.output
    found = strict(ftui("compare", OVERFIT, "--json").output)
    assert (len(found["runs"]), found["held_out"], found["settings"]) == (1, [], {})


@pytest.mark.parametrize(
    "arguments", [("compare", "last", "nothing-like-it"), ("compare",), ("report", "no-such")]
)
def test_unknown_runs_are_said(store: Path, arguments: tuple[str, ...]) -> None:
    done = ftui(*arguments)
    assert done.exit_code in (1, 2)
    assert "Error" in done.output
    assert "Traceback" not in done.output


def test_compare_of_a_run_whose_preset_cannot_be_read(home: Path) -> None:
    first, second = made_run(home, *overfitting(), name="a"), made_run(home, *overfitting(), name="b")
    second.preset.write_bytes(b"\xff")
    done = ftui("compare", first.id, second.id)
    assert done.exit_code == 0
    assert "judged by the same" not in done.output


# show and diagnose


def test_show_of_losses_that_are_none(home: Path) -> None:
    run = made_run(home, *BROKEN_LOSSES)
    found = strict(ftui("show", run.id, "--json").output)
    assert found["train"]["step"] == [1, 2, 3]
    assert found["train"]["loss"] == [2.0, "NaN", "-Infinity"]
    assert found["train"]["lr"] == [1e-4, 1e-4, "NaN"]
    assert found["evals"]["val"][0]["loss"] == "NaN"
    assert found["verdict"]["headline"] == "NON-FINITE since step 1"
    text = ftui("show", run.id).output
    assert "NON-FINITE since step 1" in text
    assert "out of memory" in text
    assert "best 1.5000 at step 2" in text


def test_show_has_the_findings_with_their_numbers(home: Path) -> None:
    run = made_run(home, *overfitting(), *end("stopped", "enough"))
    verdict = strict(ftui("show", run.id, "--json").output)["verdict"]
    assert (verdict["kind"], verdict["severity"], verdict["keep_step"], verdict["since_step"]) == (
        "overfitting",
        3,
        30,
        30,
    )
    finding = verdict["findings"][0]
    assert (finding["id"], finding["severity"]) == ("overfitting", 3)
    assert finding["evidence"]["best_step"] == 30
    assert finding["evals"][0]["step"] == 30
    changes = [change for action in finding["actions"] for change in action["changes"]]
    assert {"key": "lora.lora_dropout", "kind": "at least", "value": 0.1} in changes


@pytest.mark.parametrize(
    ("events", "code"), [(overfitting(6), 0), (overfitting(), 1), (BROKEN_LOSSES, 1), ([], 0)]
)
def test_diagnose_own_runs_by_id_and_path(home: Path, events: list[Event], code: int) -> None:
    run = made_run(home, *events)
    for name in (run.id, "last", str(run.path)):
        done = ftui("diagnose", name)
        assert done.exit_code == code, done.output
        assert "ftui run" in done.output
    done = ftui("diagnose", "last", "--json")
    assert done.exit_code == code
    assert strict(done.output)["kind"] == "ftui run"


@pytest.mark.parametrize("name", ["nothing-like-it", "/nowhere", "last"])
def test_diagnose_of_what_is_not_there(home: Path, name: str) -> None:
    done = ftui("diagnose", name)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


# watch and run


def test_watch_of_a_trainer_state_in_text(tmp_path: Path) -> None:
    log: list[dict[str, Any]] = []
    for at in range(5, 45, 5):
        log += entries(at, loss=2.0 - at / 50)
        log += [{"step": at, "epoch": at / 10, "eval_loss": 2.0 - at / 100}]
    file = save(tmp_path, log, 40)
    for name in (str(tmp_path), str(file)):
        done = ftui("watch", name, "--plain")
        assert done.exit_code == 0, done.output
        assert "finished" in done.output
        assert "verdict: healthy" in done.output
        assert f"run: {tmp_path}" in done.output


@pytest.mark.parametrize("name", ["/nowhere", "nothing-like-it"])
def test_watch_of_what_is_not_there(home: Path, name: str) -> None:
    done = ftui("watch", name, "--plain")
    assert done.exit_code == 1
    assert "Error" in done.output
    assert "is no path either" in done.output


def test_watch_of_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = ftui("watch", str(tmp_path / "empty"), "--plain")
    assert done.exit_code == 1
    assert done.output.startswith("Error")
    assert "Traceback" not in done.output


@pytest.mark.parametrize(("status", "code"), [("finished", 0), ("failed", 1), ("stopped", 3)])
def test_the_end_in_text_has_verdict_and_actions(home: Path, status: str, code: int) -> None:
    run = made_run(home, *overfitting(), *end(status, "because"))
    done = ftui("watch", run.id, "--plain")
    assert done.exit_code == code
    for words in (f"{status}: because", "verdict: OVERFITTING since step 30", "→ keep checkpoint-30"):
        assert words in done.output


def test_numbers_that_are_none_in_text(home: Path) -> None:
    run = made_run(home, *BROKEN_LOSSES)
    done = ftui("watch", run.id, "--plain")
    assert done.exit_code == 1
    assert "best 1.5000 @2" in done.output


def test_a_run_without_a_step_has_no_verdict_in_text(home: Path) -> None:
    run = made_run(home, *end("failed", "no such model"))
    assert "verdict" not in ftui("watch", run.id, "--plain").output


def test_more_events_are_shown(home: Path) -> None:
    run = made_run(home, *overfitting(6))
    add(run, *end("finished"))
    assert "verdict: held-out loss up since step 30" in ftui("watch", "last", "--plain").output


# Help

VERBS = (
    "run",
    "ls",
    "show",
    "watch",
    "compare",
    "report",
    "status",
    "stop",
    "check",
    "diagnose",
    "explain",
    "doctor",
)


@pytest.mark.parametrize("verb", VERBS)
def test_help_fits_and_shows_how(home: Path, verb: str) -> None:
    text = CliRunner().invoke(cli, [verb, "--help"], terminal_width=100).output
    assert max(map(len, text.splitlines())) <= 100
    if verb in ("run", "watch", "compare", "report", "status", "check", "diagnose"):
        assert f"  ftui {verb} " in text or "ftui status --tmux" in text


def test_every_verb_is_in_the_help(home: Path) -> None:
    text = ftui("--help").output
    assert all(f"\n  {verb}  " in text for verb in VERBS)
    assert max(map(len, text.splitlines())) <= 100
