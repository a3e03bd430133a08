"""Real runs made to go wrong are found out, each by its own detector; runs as they should be are left in peace."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from runner.data.errors import DataError
from runner.insight.diagnosis import Finding, Severity, Verdict, VerdictKind, diagnose
from runner.store.directory import RunDirectory
from runner.store.history import History, read_history
from runner.store.jsonl import LineTail
from runner.store.rows import rows_of
from runner.train import dataset
from runner.train.demo_text import chat_rows
from runner.train.tokenise import IGNORED
from tests.train.small_runs import SILENT, chat, events, known_text, run_of, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wrong")]

DEMO_RATE = 6e-4


# The demo with a batch a quarter as large, and fewer rows: 80 steps.
OF_THE_DEMO = (
    "data.max_train_samples=160",
    "eval.max_eval_samples=24",
    "eval.per_device_eval_batch_size=24",
    "train.num_train_epochs=2",
    "eval.eval_steps=8",
)


def judged(run: RunDirectory) -> Verdict:
    return diagnose(read_history(run).curves())


def found(verdict: Verdict, name: str) -> Finding:
    return next(finding for finding in verdict.findings if finding.id == name)


def alarms(verdict: Verdict) -> list[str]:
    return [finding.id for finding in verdict.findings if finding.severity >= Severity.WARNING]


def first_step(run: RunDirectory, kind: VerdictKind) -> int | None:
    """The step after which the run, watched while it went on, was first judged so."""
    history = History()
    for event in LineTail(run.events).read_all():
        history.fold(event)
        if event["type"] in ("step", "eval") and diagnose(history.curves()).kind is kind:
            return int(event["step"])
    return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wrong")


def known_rows(folder: Path) -> tuple[str, ...]:
    """Rows like those the model was pretrained on: like real fine-tuning, it starts from a low loss."""
    train = write_rows(folder / "known.jsonl", known_text(77, 160))
    held = write_rows(folder / "known-eval.jsonl", known_text(78, 24))
    return (
        *SILENT,
        f"data.train_dataset={train}",
        f"data.eval_dataset={held}",
        "eval.per_device_eval_batch_size=24",
        "train.num_train_epochs=2",
        "eval.eval_steps=8",
    )


@pytest.mark.parametrize("rows", ["the demo's", "known"])
def test_a_run_as_it_should_be_gets_no_alarm(folder: Path, rows: str) -> None:
    wanted = known_rows(folder) if rows == "known" else (*SILENT, *OF_THE_DEMO)
    verdict = judged(run_of(folder / "healthy", *wanted))
    assert verdict.kind is VerdictKind.HEALTHY
    assert alarms(verdict) == []


# 1. The rate


def test_fifty_times_the_rate_diverges(folder: Path) -> None:
    run = run_of(folder / "fast", *known_rows(folder), f"train.learning_rate={50 * DEMO_RATE}")
    history, verdict = read_history(run), judged(run)
    val = history.evals["val"]
    assert (verdict.kind, verdict.severity) == (VerdictKind.DIVERGED, Severity.ERROR)
    assert verdict.findings[0].id == "divergence"
    # It is so: at the end three times what the model did before it was trained.
    assert val[-1].loss > 3 * val[0].loss
    assert verdict.since_step is not None
    assert verdict.since_step <= 5
    assert verdict.keep_step is None
    assert {change.key for change in verdict.findings[0].changes} == {
        "train.learning_rate",
        "train.warmup_steps",
    }
    told = first_step(run, VerdictKind.DIVERGED)
    assert told is not None
    # Medians of five, five entries long.
    assert told <= 15


@pytest.fixture(scope="module")
def thrown_back(folder: Path) -> RunDirectory:
    """The demo at fifty times its rate: from 4.8 below 3.5, back over 5.5, and down to many times what it should be."""
    run = run_of(folder / "fast-demo", *SILENT, *OF_THE_DEMO, f"train.learning_rate={50 * DEMO_RATE}")
    loss = read_history(run).train.loss
    assert loss[:5].min() < 3.5
    assert loss[4:8].max() > 5.5
    assert read_history(run).evals["val"][-1].loss > 0.5
    return run


def test_fifty_times_the_demos_rate_is_no_healthy_run(thrown_back: RunDirectory) -> None:
    """It recovers, and its loss falls from then on; its answers do not come."""
    kinds = (VerdictKind.DIVERGED, VerdictKind.OSCILLATING, VerdictKind.ANSWERS_WRONG)
    assert judged(thrown_back).kind in kinds


def test_a_thousandth_of_the_rate_learns_nothing(folder: Path) -> None:
    rate = f"train.learning_rate={DEMO_RATE / 1000}"
    run = run_of(folder / "slow", *SILENT, *OF_THE_DEMO, "train.max_steps=40", rate)
    verdict = judged(run)
    assert (verdict.kind, verdict.severity) == (VerdictKind.NOT_LEARNING, Severity.WARNING)
    finding = found(verdict, "not-learning")
    if "best_loss" in finding.evidence:
        assert finding.evidence["best_loss"] > 0.99 * finding.evidence["before_loss"]
    else:
        assert finding.evidence["difference_percent"] < 1
    assert finding.evidence["peak_learning_rate"] == pytest.approx(DEMO_RATE / 1000)
    assert finding.changes[0].of(DEMO_RATE / 1000) > DEMO_RATE / 1000
    told = first_step(run, VerdictKind.NOT_LEARNING)
    assert told is not None
    assert told <= 24


@pytest.fixture(scope="module")
def slow(folder: Path) -> RunDirectory:
    """The same for all of its 80 steps."""
    run = run_of(folder / "slow-long", *SILENT, *OF_THE_DEMO, f"train.learning_rate={DEMO_RATE / 1000}")
    val = read_history(run).evals["val"]
    assert 0.98 * val[0].loss < val[-1].loss < val[0].loss
    assert first_step(run, VerdictKind.NOT_LEARNING) == 24
    return run


def test_a_thousandth_of_the_rate_still_learns_nothing_at_the_end(slow: RunDirectory) -> None:
    assert judged(slow).kind is VerdictKind.NOT_LEARNING


# 2. Three epochs on forty rows


@pytest.fixture(scope="module")
def overfit(folder: Path) -> RunDirectory:
    """Forty rows, of which eight are different: what three epochs of them are to a large model, they are to this."""
    train = write_rows(folder / "few.jsonl", known_text(11, 8) * 5)
    held = write_rows(folder / "few-eval.jsonl", known_text(12, 24))
    return run_of(
        folder / "overfit",
        *SILENT,
        f"data.train_dataset={train}",
        f"data.eval_dataset={held}",
        "eval.per_device_eval_batch_size=24",
        "train.num_train_epochs=3",
        "train.per_device_train_batch_size=2",
        "train.learning_rate=4e-3",
        "lora.r=64",
        "lora.lora_alpha=64",
        "eval.eval_steps=4",
    )


def test_three_epochs_on_forty_rows_overfit(overfit: RunDirectory) -> None:
    history, verdict = read_history(overfit), judged(overfit)
    val, probe = history.evals["val"], history.evals["train_probe"]
    best = min(val, key=lambda point: point.loss)
    assert (history.plan["total_steps"], history.plan["ledger"]["train_rows"]) == (60, 40)
    assert (verdict.kind, verdict.severity) == (VerdictKind.OVERFITTING, Severity.CRITICAL)
    assert verdict.findings[0].id == "overfitting"
    assert verdict.since_step == verdict.keep_step == best.step
    assert (overfit.checkpoints / f"checkpoint-{best.step}").is_dir()
    # It is so: held-out rows got worse by over 5 %, those trained on better.
    assert val[-1].loss > 1.05 * best.loss
    assert probe[-1].loss < 0.8 * next(point.loss for point in probe if point.step == best.step)
    told = first_step(overfit, VerdictKind.OVERFITTING)
    assert told is not None
    assert told < 60


def test_it_says_how_many_rows_got_worse(overfit: RunDirectory) -> None:
    finding = found(judged(overfit), "overfitting")
    rows = {event["step"]: event["row_losses"] for event in events(overfit, "eval") if event["set"] == "val"}
    before, now = (np.array(rows[step]) for step in (finding.since_step, 60))
    worse = int((now > before).sum())
    assert finding.evidence["rows"] == len(before) == 24
    assert finding.evidence["rows_worse_percent"] == pytest.approx(100 * worse / 24)
    assert f"{100 * worse / 24:.0f} % of 24 held-out rows got worse." in finding.sentence
    difference = now - before
    assert finding.evidence["row_difference"] == pytest.approx(difference.mean())
    assert finding.evidence["row_difference_error"] == pytest.approx(difference.std(ddof=1) / 24**0.5)


# 3. Garbage among the rows


def test_garbage_is_a_spike_that_names_its_rows(folder: Path) -> None:
    chance = random.Random(3)
    rows, planted = chat_rows(3, 160), [31, 77, 103, 140]
    for number in planted:
        rows[number - 1]["messages"][1]["content"] = "".join(chr(chance.randint(33, 126)) for _ in range(120))
    train = write_rows(folder / "garbage.jsonl", rows)
    run = run_of(
        folder / "garbage",
        *SILENT,
        *OF_THE_DEMO,
        f"data.train_dataset={train}",
        "train.num_train_epochs=1",
        "train.per_device_train_batch_size=2",
    )
    verdict = judged(run)
    finding = found(verdict, "spike")
    assert verdict.kind is VerdictKind.HEALTHY
    assert alarms(verdict) == []
    assert len(finding.steps) == finding.evidence["spikes"] == 4
    named = rows_of(run, finding.steps)
    assert {number for rows in named.values() for _, number in rows} >= set(planted)
    assert all(len(rows) == 2 for rows in named.values())
    assert finding.evidence["ratio"] > 5

    cured = run_of(
        folder / "cured",
        *SILENT,
        *OF_THE_DEMO,
        f"data.train_dataset={train}",
        "train.num_train_epochs=1",
        "train.per_device_train_batch_size=2",
        f"data.skip_rows={planted}",
    )
    assert judged(cured).findings == ()


# 4. Nothing to learn from


def test_answers_beyond_max_length_are_refused_before_training(folder: Path) -> None:
    train = write_rows(folder / "beyond.jsonl", [chat(f"{i} " + "long " * 80, "Yes.") for i in range(40)])
    with pytest.raises(DataError, match="None of the 40 training rows has a token to learn from"):
        run_of(folder / "beyond", *SILENT, f"data.train_dataset={train}", "train.max_length=64")


def test_masked_labels_are_nothing_trained(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = dataset.build

    def masked(*arguments: Any) -> dataset.Data:
        data = stock(*arguments)
        ids = list(data.train["input_ids"])
        train = Dataset.from_dict({"input_ids": ids, "labels": [[IGNORED] * len(row) for row in ids]})
        return replace(data, train=train)

    monkeypatch.setattr(dataset, "build", masked)
    run = run_of(folder / "masked", *SILENT, *OF_THE_DEMO, "train.max_steps=8")
    history, verdict = read_history(run), judged(run)
    assert not history.train.loss.any()
    assert (verdict.kind, verdict.severity) == (VerdictKind.NOTHING_TRAINED, Severity.ERROR)
    assert [finding.id for finding in verdict.findings if finding.severity >= Severity.WARNING] == [
        "nothing-trained"
    ]
    assert verdict.since_step == 1
    assert first_step(run, VerdictKind.NOTHING_TRAINED) == 2
    assert {point.loss for point in history.evals["val"]} == {history.evals["val"][0].loss}
