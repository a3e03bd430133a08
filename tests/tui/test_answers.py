"""How held-out rows are answered stands beside the loss: in lists, verbs, reports, the panel, and between runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runner.insight.diagnosis import diagnose
from runner.report import write
from runner.store import summary
from runner.store.directory import RunDirectory, write_json
from runner.store.history import read_history
from tests.run.scenes import Event, end, evaluation, made_run, phase, plan, step
from tui.cli import cli
from tui.services.run_reader import read_row, read_view
from tui.widgets.run_list import run_line
from tui.widgets.run_panel import header


def ftui(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def answered(at: int, right: int, n: int = 16, judgeable: int = 16) -> Event:
    """`right` of the first rows are exact."""
    rows = [place < right for place in range(n)]
    fields = {"count": right, "[red]owner": n}
    return {
        "type": "answers",
        "step": at,
        "n": n,
        "exact": right,
        "ended": n,
        "judgeable": judgeable,
        "fields": fields,
        "rows": rows,
        "seconds": 0.5,
    }


def run_with(home: Path, name: str, *right: int, questions: str = "q", judgeable: int = 16) -> RunDirectory:
    """A healthy run of 50 steps, evaluated and answered every ten."""
    events: list[Event] = [phase("training"), plan(50, eval_fingerprints={"val": "v", "answers": questions})]
    for place, count in enumerate(right):
        at = 10 * place
        events += [step(at - 9 + n, 2.0 - at / 50) for n in range(10) if at]
        events += [
            evaluation(at, 2.0 - at / 50, row_losses=[2.0 - at / 50] * 40),
            answered(at, count, judgeable=judgeable),
        ]
    run = made_run(home, *events, *end("finished"), name=name)
    history = read_history(run)
    write_json(run.state, summary.summarise(history, diagnose(history.curves())))
    return run


def test_lists_have_a_column_only_where_there_is_something_to_say(home: Path) -> None:
    run_with(home, "prose", 0, 0, 0, 0, 0, 0, judgeable=2)
    assert "answers" not in ftui("ls")
    run = run_with(home, "records", 0, 2, 5, 9, 14, 15)
    lines = ftui("ls").splitlines()
    assert "answers" in lines[0]
    assert sum("15/16" in line for line in lines) == 1
    found = json.loads(ftui("ls", "--json"))
    assert sorted(row["answers"] for row in found) == ["", "15/16"]
    row = read_row(run)
    assert "15/16" in run_line(row, 60).plain
    assert "15/16" not in run_line(row, 30).plain


def test_show_and_diagnose_say_how_it_went(home: Path) -> None:
    run = run_with(home, "records", 0, 2, 5, 9, 14, 15)
    words = "answers    0 → 15 of 16 answers right, 16 end by themselves; count 15, [red]owner 16 of 16"
    for verb in ("show", "diagnose"):
        assert words in ftui(verb, run.id)
        found = json.loads(ftui(verb, run.id, "--json"))
        assert [point["exact"] for point in found["answers"]] == [0, 2, 5, 9, 14, 15]
    assert "healthy" in ftui("show", run.id)
    assert "15 of 16 answers right." in ftui("show", run.id)


def test_a_healthy_loss_with_wrong_answers_is_not_called_healthy(home: Path) -> None:
    run = run_with(home, "records", 0, 0, 0, 0, 0, 1)
    done = CliRunner().invoke(cli, ["diagnose", run.id])
    assert done.exit_code == 1
    assert "HARDLY AN ANSWER RIGHT" in done.output
    assert "Wrong most often: count (1 right)." in done.output


def test_the_panel_has_them_beside_the_loss(home: Path) -> None:
    view = read_view(run_with(home, "records", 0, 15))
    assert "answers 15/16" in "\n".join(line.plain for line in header(view, 100))
    prose = read_view(run_with(home, "prose", 0, 0, judgeable=0))
    assert "answers" not in "\n".join(line.plain for line in header(prose, 100))


def test_the_report_has_a_table_of_them(home: Path) -> None:
    text = write(run_with(home, "records", 0, 15)).read_text()
    assert "## Held-out rows answered" in text
    assert "| step | exact | ended by themselves | `count` | `[red]owner` |" in text
    assert "| 10 | 15 of 16 | 16 | 15 | 16 |" in text
    assert "Held-out rows answered" not in write(run_with(home, "prose", 0, 0, judgeable=0)).read_text()


@pytest.mark.parametrize(
    ("first", "other", "words"),
    [
        (9, 15, "B answers 6 more of 16 right (p = 0.031)."),
        (15, 9, "A answers 6 more of 16 right (p = 0.031)."),
        (13, 15, "B answers 2 more of 16 right (p = 0.5, no difference that can be seen)."),
        (15, 15, "Of 16 held-out rows both answer as many right."),
    ],
)
def test_runs_are_compared_row_by_row(home: Path, first: int, other: int, words: str) -> None:
    ids = [run_with(home, name, 0, 0, 0, 0, 0, right).id for name, right in (("a", first), ("b", other))]
    assert words in ftui("compare", *ids)
    found = json.loads(ftui("compare", *ids, "--json"))
    assert found["answers"][0]["gained"] - found["answers"][0]["lost"] == other - first
    assert [run["answers"]["exact"] for run in found["runs"]] == [first, other]


def test_different_questions_are_not_compared(home: Path) -> None:
    ids = [run_with(home, name, 0, right, questions=name).id for name, right in (("a", 3), ("b", 15))]
    text = ftui("compare", *ids)
    assert "more of 16" not in text
    assert json.loads(ftui("compare", *ids, "--json"))["answers"] == [None]


def test_the_answers_of_the_best_evaluation_are_compared(home: Path) -> None:
    """The weights that are kept are those of the least loss, not the last ones."""
    events: list[Any] = [phase("training"), plan(20, eval_fingerprints={"val": "v", "answers": "q"})]
    events += [step(n, 1.0) for n in range(1, 21)]
    events += [evaluation(10, 1.0), answered(10, 12), evaluation(20, 1.5), answered(20, 3)]
    run = made_run(home, *events, *end("finished"), name="a")
    found = json.loads(ftui("compare", run.id, "--json"))
    assert found["runs"][0]["answers"]["step"] == 10
