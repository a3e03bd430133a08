"""Logs of loops that are no known trainer's."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.foreign.loop_line import read_line
from runner.foreign.opening import read_path
from runner.foreign.trace import TraceError
from runner.insight.curves import Curves
from runner.insight.diagnosis import diagnose
from tests.foreign.samples import SAMPLES


def read(path: Path, text: str, **names: str) -> Curves:
    path.write_text(text)
    trace, history = read_path(path, names)
    assert trace.kind == "training loop's log"
    return history.curves()


def test_steps_that_are_counted_anew_in_each_epoch(tmp_path: Path) -> None:
    curves = read(
        tmp_path / "train.log",
        "Epoch [1/2], Step [300/600], Loss: 2.2\nEpoch [1/2], Step [600/600], Loss: 1.2\n"
        "Validation: Epoch 1 loss: 1.3, accuracy: 0.7\n"
        "Epoch [2/2], Step [300/600], Loss: 0.9\nEpoch [2/2], Step [600/600], Loss: 0.8\n",
    )
    assert list(curves.train.step) == [300, 600, 900, 1200]
    assert list(curves.train.loss) == [2.2, 1.2, 0.9, 0.8]
    assert [(point.step, point.loss) for point in curves.val] == [(600, 1.3)]
    assert curves.total_steps == 1200


@pytest.mark.parametrize("counts", [range(50), range(1, 51), range(0, 50, 10), range(10, 51, 10)])
def test_steps_that_begin_anew_with_each_epoch_and_do_not_say_of_how_many(
    tmp_path: Path, counts: range
) -> None:
    """As public logs print them: `Epoch:  1 step: 10 loss: 10.60`, and a line of scores behind each epoch."""
    lines = [
        f"Epoch: {epoch:2d} step: {step:2d} loss: {9 - epoch}.{step:02d}"
        for epoch in range(4)
        for step in counts
    ]
    curves = read(tmp_path / "train.log", "Start training...\n" + "\n".join(lines) + "\n")
    # A loss is that of a step: of none it is the first one's.
    expected = {max(1, 50 * epoch + step) for epoch in range(4) for step in counts}
    assert list(curves.train.step) == sorted(expected)
    assert curves.train.loss[-1] == pytest.approx(6 + counts[-1] / 100)


def test_an_earlier_epoch_is_another_run(tmp_path: Path) -> None:
    lines = [f"Epoch: {epoch} step: {step} loss: 2.{step}" for epoch in (1, 2, 1) for step in (1, 2, 3)]
    curves = read(tmp_path / "train.log", "\n".join(lines) + "\n")
    assert list(curves.train.step) == [1, 2, 3]


def test_epochs_alone_are_the_steps(tmp_path: Path) -> None:
    lines = [f"Epoch {n}/3 - train_loss: {3 / n:.4f} - val_loss: {4 / n:.4f} - acc: 0.{n}" for n in (1, 2, 3)]
    curves = read(tmp_path / "train.log", "\n".join(lines) + "\n")
    assert list(curves.train.step) == [1, 2, 3]
    assert [point.loss for point in curves.val] == [4.0, 2.0, pytest.approx(1.3333)]
    assert curves.metrics["acc"].value[-1] == 0.3


def test_the_mean_of_an_epoch_is_no_step_where_steps_are_printed(tmp_path: Path) -> None:
    curves = read(
        tmp_path / "train.log",
        "step 10 loss 3.0\nstep 20 loss 2.0\nepoch 1: train loss 2.5, val loss 2.2\nstep 30 loss 1.8\n",
    )
    assert list(curves.train.loss) == [3.0, 2.0, 1.8]
    assert [(point.step, point.loss) for point in curves.val] == [(20, 2.2)]


@pytest.mark.parametrize(
    ("line", "step", "values"),
    [
        ("[INFO] global_step=12 loss=0.5 lr=1e-4", 12, {"loss": 0.5, "learning_rate": 1e-4}),
        ("WARNING: Step 1,234 done", None, None),
        ("step 7 | train: loss 0.4 | val: loss 0.6", 7, {"loss": 0.4, "eval_loss": 0.6}),
        ("[eval] step 7 loss: nan", 7, {"eval_loss": float("nan")}),
        ("epoch 0.25: the loss is fine", None, None),
        ("max loss of 3 at 7", None, None),
        ("timestep 4 loss 3", None, None),
    ],
)
def test_what_a_line_says(line: str, step: int | None, values: dict[str, float] | None) -> None:
    found = read_line(line)
    if values is None:
        assert found is None
        return
    assert found is not None
    assert found.step == step
    assert found.values == pytest.approx(values, nan_ok=True)


def test_a_norm_that_is_left_out_now_and_then_is_no_overflow() -> None:
    _, history = read_path(SAMPLES / "llama2-accessory.log", {"loss": "closs"})
    assert history.curves().has_norm_gaps
    assert "steps-skipped" not in {finding.id for finding in diagnose(history.curves()).findings}


def test_a_loss_of_another_name_is_asked_for() -> None:
    with pytest.raises(TraceError, match=r"found: closs.*\n.*--map loss=NAME"):
        read_path(SAMPLES / "llama2-accessory.log")


def test_a_text_that_says_no_loss_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    for text, what in (("hello\n", "no line that says a step and a loss"), ("", "nothing was written")):
        (tmp_path / "train.log").write_text(text)
        with pytest.raises(TraceError, match=what):
            read_path(tmp_path / "train.log")
