"""Real 4-bit runs on conversations that are unrolled, that call tools, and whose turns are marked: what is recorded is
true to the rows of the file, the X-ray counts as the trainer does, and a run goes on exactly.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trl

from runner.data.errors import DataError
from runner.preset import files
from runner.preset.files import load_frozen
from runner.preset.schema import Preset
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.train import packing
from runner.train.conversation import Way
from tests.train.small_runs import built, events, recorded, run_of, watched_run, write_rows
from tests.train.test_resume import gone_on, interrupted
from tests.train.test_xray import agrees, examined

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("conversations")]

QWEN3 = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
ROWS = 24
SHORT = (
    "train.max_steps=4",
    "train.gradient_accumulation_steps=1",
    "eval.answer_rows=0",
    "eval.sample_max_new_tokens=0",
    "eval.eval_steps=2",
    "data.eval_dataset=null",
    "data.eval_fraction=0.2",
    "output.save_steps=1",
    "output.save_total_limit=100",
    f"model.chat_template_path={QWEN3}",
)
TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Finds a thing",
        "parameters": {"type": "object", "properties": {"thing": {"type": "string"}}, "required": ["thing"]},
    },
}


def unrolled(place: int) -> dict[str, Any]:
    """One to three answers."""
    turns = []
    for turn in range(1 + place % 3):
        turns += [
            {"role": "user", "content": f"Name thing {place}.{turn}."},
            {"role": "assistant", "content": f"[item={place}{turn}]"},
        ]
    return {"messages": turns}


def calling(place: int) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "find", "arguments": {"thing": f"lamp {place}"}}}
    return {
        "messages": [
            {"role": "user", "content": f"Where is lamp {place}?"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "name": "find", "content": f"shelf {place}"},
            {"role": "assistant", "content": f"On shelf {place}."},
        ],
        "tools": [TOOL],
    }


def marked(place: int) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"Name thing {place}."},
            {"role": "assistant", "content": "WRONG", "weight": 0},
            {"role": "user", "content": "Again."},
            {"role": "assistant", "content": f"[item={place}]", "weight": 1},
        ]
    }


KINDS = {"unrolled": unrolled, "tools": calling, "switches": marked}
OVERRIDES = {
    "unrolled": ("data.assistant_turns=all",),
    "tools": ("data.assistant_turns=all", "train.max_length=512"),
    "switches": (),
}


def wanted(folder: Path, kind: str) -> tuple[str, ...]:
    path = write_rows(folder / f"{kind}.jsonl", [KINDS[kind](place) for place in range(ROWS)])
    return (f"data.train_dataset={path}", *SHORT, *OVERRIDES[kind])


@pytest.fixture(scope="module", params=sorted(KINDS))
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, RunDirectory, Any]:
    kind = str(request.param)
    folder = tmp_path_factory.mktemp(kind)
    run, seen = watched_run(folder, *wanted(folder, kind))
    return kind, run, seen


def test_what_is_recorded_is_true_to_the_file(trained: tuple[str, RunDirectory, Any]) -> None:
    kind, run, seen = trained
    preset = load_frozen(run.preset)
    data = built(preset)
    ledger = data.ledger
    answers = {
        "unrolled": Counter(1 + place % 3 for place in range(ROWS)),
        "tools": {2: ROWS},
        "switches": {1: ROWS},
    }
    held = math.ceil(0.2 * ROWS) if kind else 0
    assert ledger.train_rows + ledger.eval_rows == ROWS
    assert ledger.eval_rows <= max(held, 32)
    if kind == "unrolled":
        assert ledger.train_samples > ledger.train_rows
        assert set(ledger.ways) <= {Way.ONE.value, Way.UNROLLED.value}
        assert sum(count * rows for count, rows in answers[kind].items()) == 48
    rows = {name for step in recorded(run).values() for name in step}
    assert rows <= {(0, number) for number in range(1, ROWS + 1)}
    plan = events(run, "plan")[0]
    assert plan["steps_per_epoch"] == math.ceil(
        ledger.train_samples / preset.train.per_device_train_batch_size
    )
    # Each sample of a step belongs to the row that is recorded.
    ids = {tuple(one) for one in data.train["input_ids"]}
    assert all(tuple(row) in ids for step in seen.values() for row in step)
    for event in events(run, "eval"):
        if event["set"] == "val":
            assert event["n"] == len(event["row_losses"]) == ledger.eval_rows


def test_it_goes_on_exactly(trained: tuple[str, RunDirectory, Any], tmp_path: Path) -> None:
    _, run, _ = trained
    whole = read_history(run).train
    again = gone_on(interrupted(run, 2, tmp_path), 2)
    assert list(again.train.step) == list(whole.step)
    np.testing.assert_allclose(again.train.loss, whole.loss, atol=1e-6)
    assert not again.bad_events


def test_the_xray_counts_as_the_trainer_does(trained: tuple[str, RunDirectory, Any], tmp_path: Path) -> None:
    kind, run, _ = trained
    preset = load_frozen(run.preset)
    data = built(preset)
    report = examined(preset, tmp_path)
    agrees(report, data, preset)
    assert report.train_samples == data.ledger.train_samples
    if kind == "switches":
        assert report.sources[0].remarks[0].text == "what its author marked in its turns is not learned"


def test_the_loss_of_a_row_is_that_of_all_its_answers(tmp_path: Path) -> None:
    """One row of two answers, and the same as two rows: the sums of the samples."""
    two = [
        {"role": "user", "content": "Name a thing."},
        {"role": "assistant", "content": "[item=1]"},
        {"role": "user", "content": "And one more."},
        {"role": "assistant", "content": "[item=2]"},
    ]
    rows = [{"messages": two}, {"prompt": two[:3], "completion": two[3:]}, {"messages": two[:2]}]
    held = write_rows(tmp_path / "eval.jsonl", rows)
    train = write_rows(tmp_path / "train.jsonl", [unrolled(place) for place in range(ROWS)])
    changes = [one for one in SHORT if not one.startswith(("data.eval", "train.max_steps"))]
    run = run_of(
        tmp_path / "home",
        f"data.train_dataset={train}",
        f"data.eval_dataset={held}",
        "data.assistant_turns=all",
        "train.max_steps=1",
        *changes,
    )
    first = next(event for event in events(run, "eval") if event["set"] == "val")
    both, last, one = first["row_losses"]
    preset = load_frozen(run.preset)
    tokens = [sum(label != -100 for label in labels[1:]) for labels in built(preset).evals["val"]["labels"]]
    assert len(tokens) == 4
    assert both * (tokens[0] + tokens[1]) == pytest.approx(one * tokens[3] + last * tokens[2], abs=1e-3)
    assert first["n"] == 3


def test_rows_that_are_left_out_are_the_same_for_all(tmp_path: Path) -> None:
    """A spoilt row, one without an answer, one marked by its author, and one that the template refuses."""
    rows = [unrolled(place) for place in range(ROWS)]
    rows[3] = {"messages": [{"role": "user", "content": "q"}]}
    rows[5] = {**rows[5], "train": False}
    rows[7] = calling(7)
    path = write_rows(tmp_path / "rows.jsonl", rows)
    path.write_text(path.read_text() + '{"messages": [\n')
    demo = [one for one in SHORT if not one.startswith("model.")]
    overrides = (f"data.train_dataset={path}", *demo, "data.on_bad_rows=skip")
    preset = files.load("demo", tmp_path, overrides).preset
    data = built(preset)
    assert data.ledger.left_out_rows == 4
    assert data.ledger.train_rows + data.ledger.eval_rows == ROWS - 3
    report = examined(preset, tmp_path / "xray")
    agrees(report, data, preset)
    assert report.bad_rows == 0
    reasons = {note.row: note.text for note in report.sources[0].left_out.notes}
    assert sorted(reasons) == [4, 6, 8, 25]
    assert "does not write its tools" in reasons[8]
    refusing = files.load("demo", tmp_path, (*overrides[:-1], "data.skip_rows=[4, 25]")).preset
    with pytest.raises(
        DataError, match=r"rows\.jsonl, row 8: the model's chat template does not write its tools"
    ):
        built(refusing)


def test_several_sources_are_one_set_of_rows(tmp_path: Path) -> None:
    """Each in its own shape, with its own rows left out, as much of it as it says."""
    chats = write_rows(tmp_path / "chats.jsonl", [unrolled(place) for place in range(ROWS)])
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("Frage;Antwort\n" + "".join(f"Wo ist {i}?;Regal {i}\n" for i in range(20)))
    texts = write_rows(tmp_path / "texts.jsonl", [{"text": f"Lamp {i} is green."} for i in range(10)])
    sources = (
        f"[{{dataset: {chats}, max_rows: 10}}, {{dataset: {pairs}, weight: 2, skip_rows: [3], "
        f"columns: {{question: Frage, answer: Antwort}}}}, {{dataset: {texts}, weight: 0.5}}]"
    )
    demo = [one for one in SHORT if not one.startswith("model.")]
    preset = files.load("demo", tmp_path, (f"data.train_dataset={sources}", *demo)).preset
    data = built(preset)
    report = examined(preset, tmp_path / "xray")
    assert [source.name for source in report.sources] == ["train", "train 2", "train 3"]
    assert data.ledger.rows_read == ROWS + 19 + 10
    counts = Counter(source for names in data.names for source, _ in names)
    held = data.ledger.held_out_rows
    assert report.train_rows == data.ledger.train_rows
    assert report.train_samples == data.ledger.train_samples == len(data.names)
    assert report.eval_rows == data.ledger.eval_rows == held
    rows = Counter(name for names in data.names for name in names)
    assert {count for (source, _), count in rows.items() if source == 1} == {2}
    assert counts[2] <= 5
    assert (1, 3) not in rows
    run = run_of(tmp_path / "home", f"data.train_dataset={sources}", *demo)
    assert {source for step in recorded(run).values() for source, _ in step} <= {0, 1, 2}


def packed(preset: Preset) -> Any:
    return packing.pack_training(built(preset), preset)


def test_packed_samples_keep_their_rows(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        *wanted(tmp_path, "unrolled"),
        "train.packing=true",
        "train.max_length=256",
        "train.per_device_train_batch_size=1",
    )
    data = packed(load_frozen(run.preset))
    assert {name for names in data.names for name in names} == {
        name for names in built(load_frozen(run.preset)).names for name in names
    }
    assert json.loads(run.rows.read_text().splitlines()[0])["rows"]
