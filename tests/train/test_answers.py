"""Held-out rows answered at evaluations: always the same ones, in one batch, and without a trace in the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.preset import files
from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.train import answers, model
from runner.train.tokenise import RowRenderer
from runner.train.tokenizer import load_tokenizer
from tests.train.small_runs import built, chat, events, run_of, write_rows

FEW = (
    "train.max_steps=4",
    "train.gradient_accumulation_steps=1",
    "eval.eval_steps=2",
    "eval.max_eval_samples=24",
    "output.save_steps=1000",
    "eval.sample_max_new_tokens=0",
    # It draws random numbers while training.
    "lora.lora_dropout=0.1",
)
EIGHT = ("eval.answer_rows=8", "data.eval_fraction=0.5")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    folder = tmp_path_factory.mktemp("answers")
    return {
        "asked": run_of(folder, *FEW),
        "again": run_of(folder, *FEW),
        "silent": run_of(folder, *FEW, "eval.answer_rows=0"),
    }


@pytest.mark.parametrize("name", ["asked", "again"])
@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_every_evaluation_counts_the_right_answers(runs: dict[str, RunDirectory], name: str) -> None:
    history = read_history(runs[name])
    assert [point.step for point in history.answers] == [0, 2, 4]
    for point in history.answers:
        assert (point.n, point.judgeable, len(point.rows)) == (16, 16, 16)
        assert point.exact == sum(point.rows)
        assert set(point.fields) == {"item", "count", "colour", "owner"}
    assert history.answers[0].exact == 0


@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_one_preset_asks_the_same_questions_and_gets_the_same_answers(runs: dict[str, RunDirectory]) -> None:
    one, again = (read_history(runs[name]) for name in ("asked", "again"))
    prints = one.plan["eval_fingerprints"]
    assert set(prints) == {"val", "train_probe", "answers"}
    assert prints == again.plan["eval_fingerprints"]
    assert one.answers == again.answers


@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_answers_leave_training_as_it_was(runs: dict[str, RunDirectory]) -> None:
    asked, silent = (read_history(runs[name]) for name in ("asked", "silent"))
    assert silent.answers == []
    assert silent.plan["eval_fingerprints"]["answers"] == ""
    assert silent.train.loss.tolist() == asked.train.loss.tolist()
    assert silent.evals == asked.evals


@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_a_batch_of_prompts_has_the_answers_of_single_ones() -> None:
    preset = files.load("demo", Path("/nowhere")).preset
    tokenizer = load_tokenizer(preset)
    network = model.load_model(preset).eval()
    rows = [
        "Mira keeps two red lamps.",
        "Who keeps them?",
        "Ada keeps six blue ropes in the tin box near the door.",
    ]
    prompts = [tokenizer(text)["input_ids"] for text in rows]
    assert len({len(prompt) for prompt in prompts}) == 3
    together = answers.generate(network, tokenizer, prompts, 12)
    ends = answers.ends_of(network, tokenizer)
    assert tokenizer.eos_token_id in ends
    for prompt, found in zip(prompts, together, strict=True):
        (alone,) = answers.generate(network, tokenizer, [prompt], 12)
        assert found[: len(alone)] == alone


@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_what_cannot_be_answered_is_wrong_and_warned_about_once(tmp_path: Path) -> None:
    stock = answers.generate
    refused = 0

    def generate(network: Any, tokenizer: Any, prompts: Any, most: int) -> list[list[int]]:
        nonlocal refused
        if "Hugo" in tokenizer.decode([token for prompt in prompts for token in prompt]):
            refused += 1
            raise RuntimeError("CUDA error: out of patience")
        return stock(network, tokenizer, prompts, most)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "generate", generate)
        run = run_of(tmp_path, *FEW, "eval.answer_rows=64", "eval.max_eval_samples=64")
    assert refused > 6
    history = read_history(run)
    assert history.end["status"] == "finished"
    warnings = [event for event in events(run, "warning") if event["id"] == "answers"]
    assert len(warnings) == 1
    assert "out of patience" in warnings[0]["message"]
    assert [point.n for point in history.answers] == [64, 64, 64]


@pytest.mark.slow
@pytest.mark.xdist_group("answers")
def test_plain_text_asks_nothing_and_long_answers_are_not_asked_for(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(files.load("demo", Path("/nowhere")).preset)
    texts = [{"text": f"Mira keeps {n} lamps."} for n in range(40)]
    prompted = [{"prompt": f"How many? {n}", "completion": f" {n}"} for n in range(40)]
    long = [chat(f"Count to {n}.", " one two three" * 100) for n in range(40)]
    for rows, asked in ((texts, 0), (prompted, 8), (long, 0), ([*prompted, *long], 8)):
        train = write_rows(tmp_path / "rows.jsonl", rows)
        overrides = (f"data.train_dataset={train}", "data.eval_dataset=null", "train.max_length=900", *EIGHT)
        preset = files.load("demo", Path("/nowhere"), overrides).preset
        data = built(preset, tokenizer)
        found = answers.Answerer(preset, RowRenderer.of(preset, tokenizer), data, None, 4)  # type: ignore[arg-type]
        assert found.questions == min(asked, len(data.held_out)), asked
        assert bool(found.limit) is bool(asked)


@pytest.mark.parametrize(("tokens", "most"), [([], 0), ([1], 6), ([3, 20], 29), ([256], 324)])
def test_the_longest_answer_follows_from_the_expected_ones(tokens: list[int], most: int) -> None:
    assert answers.limit(tokens) == most


@given(st.lists(st.integers(1, 300), max_size=40), st.integers(1, 2000))
def test_batches_hold_every_row_once_within_what_fits(sizes: list[int], at_once: int) -> None:
    found = answers.batches(sizes, at_once)
    assert sorted(place for places in found for place in places) == list(range(len(sizes)))
    for places in found:
        assert len(places) == 1 or len(places) * max(sizes[place] for place in places) <= at_once
