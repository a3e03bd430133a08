"""The loss of each held-out row, as evaluations record it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from datasets import Dataset
from peft import PeftModel

from runner.preset.files import load_frozen
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.store.jsonl import Record
from runner.train import model
from runner.train.tokenise import IGNORED
from tests.train.small_runs import SILENT, built, chat, events, run_of, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rows")]


@pytest.fixture(scope="module", params=[False, True], ids=["padded", "padding-free"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Eleven held-out rows of many lengths, in batches of four; the last one is ragged."""
    folder = tmp_path_factory.mktemp("rows")
    rows = [chat(f"Locker {i}?", " ".join(["lamps"] * (1 + 7 * i % 19)) + ".") for i in range(60)]
    train = write_rows(folder / "train.jsonl", rows[:40])
    held = write_rows(folder / "eval.jsonl", rows[40:51])
    return run_of(
        folder,
        *SILENT,
        f"data.train_dataset={train}",
        f"data.eval_dataset={held}",
        f"train.packing={request.param}",
        "train.max_length=128",
        "train.max_steps=6",
        "train.warmup_steps=0",
        "eval.eval_steps=3",
    )


def evaluations(run: RunDirectory, name: str) -> dict[int, Record]:
    return {event["step"]: event for event in events(run, "eval") if event["set"] == name}


def sets_of(run: RunDirectory) -> dict[str, Dataset]:
    preset = load_frozen(run.preset)
    return built(preset).evals


def trained_tokens(rows: Dataset) -> list[int]:
    return [sum(label != IGNORED for label in labels[1:]) for labels in rows["labels"]]


def row_loss(network: torch.nn.Module, row: dict[str, list[int]]) -> float:
    """Nats a token of one row alone by plain cross entropy."""
    with torch.no_grad():
        logits = network(input_ids=torch.tensor([row["input_ids"]])).logits[0, :-1].float()
    labels = torch.tensor(row["labels"][1:])
    return float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED))


@pytest.mark.parametrize("name", ["val", "train_probe"])
def test_their_mean_by_tokens_is_the_loss_of_the_set(run: RunDirectory, name: str) -> None:
    tokens = trained_tokens(sets_of(run)[name])
    assert len(set(tokens)) > 5
    found = evaluations(run, name)
    assert list(found) == [0, 3, 6]
    for event in found.values():
        losses = event["row_losses"]
        assert len(losses) == event["n"] == len(tokens) == 11
        assert event["tokens"] == sum(tokens)
        mean = sum(loss * count for loss, count in zip(losses, tokens, strict=True)) / sum(tokens)
        assert mean == pytest.approx(event["loss"], abs=1e-4)
        plain = sum(losses) / len(losses)
        assert abs(plain - event["loss"]) > 1e-3


def test_each_is_what_the_model_gives_for_that_row_alone(run: RunDirectory) -> None:
    preset = load_frozen(run.preset)
    rows = sets_of(run)["val"]
    base = model.load_model(preset).eval()
    found = evaluations(run, "val")
    assert found[0]["row_losses"] == pytest.approx([row_loss(base, row) for row in rows], abs=1e-4)
    best = read_history(run).end["best_step"]
    assert best > 0
    adapted = PeftModel.from_pretrained(base, run.adapter).eval()
    assert found[best]["row_losses"] == pytest.approx([row_loss(adapted, row) for row in rows], abs=1e-4)


def test_they_are_in_the_curves(run: RunDirectory) -> None:
    curves = read_history(run).curves()
    for name in ("val", "train_probe"):
        kept = {step: list(losses) for step, losses in curves.row_losses[name].items()}
        assert kept == {step: event["row_losses"] for step, event in evaluations(run, name).items()}


def test_of_more_than_512_rows_none_is_kept(tmp_path: Path) -> None:
    held = write_rows(tmp_path / "eval.jsonl", ({"text": f"{i} lamps."} for i in range(513)))
    general = write_rows(tmp_path / "general.jsonl", ({"text": f"{i} ropes."} for i in range(512)))
    run = run_of(
        tmp_path,
        *SILENT,
        f"data.eval_dataset={held}",
        f"data.general_eval_dataset={general}",
        "eval.max_eval_samples=600",
        "eval.per_device_eval_batch_size=128",
        "train.max_steps=1",
    )
    for event in evaluations(run, "val").values():
        assert event["n"] == 513
        assert "row_losses" not in event
    assert [len(event["row_losses"]) for event in evaluations(run, "general").values()] == [512, 512]
    assert [len(event["row_losses"]) for event in evaluations(run, "train_probe").values()] == [128, 128]
    assert set(read_history(run).curves().row_losses) == {"general", "train_probe"}
