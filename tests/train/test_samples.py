"""Prompts answered at every evaluation: always the same ones, by the book, and without a trace in the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.store.directory import RunDirectory
from runner.store.history import read_history
from runner.train.demo_text import chat_rows
from tests.train.small_runs import chat, events, run_of, words, write_rows

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("samples")]

FEW = (
    "train.max_steps=6",
    "train.per_device_train_batch_size=4",
    "train.gradient_accumulation_steps=1",
    "eval.eval_steps=2",
    "eval.max_eval_samples=8",
    "output.save_steps=1000",
    "eval.sample_max_new_tokens=12",
)
# Dropout, because it draws random numbers while training.
DROPOUT = "lora.lora_dropout=0.1"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunDirectory]:
    folder = tmp_path_factory.mktemp("samples")
    return {
        "one": run_of(folder, *FEW, DROPOUT),
        "again": run_of(folder, *FEW, DROPOUT),
        "silent": run_of(folder, *FEW, DROPOUT, "eval.sample_max_new_tokens=0"),
    }


def losses(run: RunDirectory) -> tuple[list[float], list[tuple[str, int, float]]]:
    """(of every step, of every evaluation)."""
    history = read_history(run)
    found = [(name, p.step, p.loss) for name, points in history.evals.items() for p in points]
    return history.train.loss.tolist(), found


def answers(run: RunDirectory) -> dict[int, list[tuple[str, str]]]:
    """{step: [(prompt, answer), …]}."""
    found: dict[int, list[tuple[str, str]]] = {}
    for event in events(run, "sample"):
        found.setdefault(event["step"], []).append((event["prompt"], event["text"]))
    return found


def test_every_evaluation_has_an_answer_to_each_prompt(runs: dict[str, RunDirectory]) -> None:
    found = answers(runs["one"])
    assert list(found) == [point.step for point in read_history(runs["one"]).evals["val"]] == [0, 2, 4, 6]
    prompts = [[prompt for prompt, _ in pairs] for pairs in found.values()]
    assert len(prompts[0]) == len(set(prompts[0])) == 3
    assert all(asked == prompts[0] for asked in prompts)
    assert found[0] != found[6]
    first = [event for event in events(runs["one"], "sample") if event["step"] == 0]
    assert [event["prompt_id"] for event in first] == [0, 1, 2]


def test_prompts_are_the_questions_of_held_out_rows(runs: dict[str, RunDirectory]) -> None:
    rows = {row["messages"][0]["content"]: row["messages"][1]["content"] for row in chat_rows(4, 64)}
    for event in events(runs["one"], "sample"):
        assert event["expected"] == rows[event["prompt"]]


def test_one_seed_gives_the_same_answers(runs: dict[str, RunDirectory]) -> None:
    assert answers(runs["one"]) == answers(runs["again"])
    assert losses(runs["one"]) == losses(runs["again"])


def test_answers_leave_training_as_it_was(runs: dict[str, RunDirectory]) -> None:
    assert answers(runs["silent"]) == {}
    assert losses(runs["silent"]) == losses(runs["one"])


def test_the_presets_own_prompts_are_asked(tmp_path: Path) -> None:
    asked = ["Who keeps the lamps?", "Où sont les lampes ? 灯在哪里"]
    run = run_of(tmp_path, *FEW, "train.max_steps=1", f"eval.sample_prompts={words(asked)}")
    found = answers(run)
    assert [[prompt for prompt, _ in pairs] for pairs in found.values()] == [asked, asked]
    assert {event["expected"] for event in events(run, "sample")} == {""}


def test_plain_text_is_continued(tmp_path: Path) -> None:
    texts = [f"Mira keeps {i} green lamps in the tin box near the harbour." for i in range(40)]
    train = write_rows(tmp_path / "text.jsonl", [{"text": text} for text in texts])
    run = run_of(tmp_path, *FEW, "train.max_steps=1", f"data.train_dataset={train}", "data.eval_dataset=null")
    first = [event for event in events(run, "sample") if event["step"] == 0]
    assert len(first) == 3
    for event in first:
        assert event["prompt"] + event["expected"] in texts
        assert event["text"]


QUESTIONS = {
    "Who keeps the lamps?": "Mira keeps seven green lamps in the tin box near the harbour and two red ropes.",
    "Where are the nails?": "The nails are in the old drawer near the stove with four white candles of Hugo.",
}


def test_an_answer_learned_by_heart_is_found_in_its_row(tmp_path: Path) -> None:
    rows = [chat(question, answer) for question, answer in QUESTIONS.items()] * 20
    train = write_rows(tmp_path / "parrot.jsonl", rows)
    run = run_of(
        tmp_path,
        f"data.train_dataset={train}",
        "train.num_train_epochs=2",
        "train.per_device_train_batch_size=2",
        "train.gradient_accumulation_steps=1",
        "train.learning_rate=4e-3",
        "lora.r=64",
        "lora.lora_alpha=64",
        "eval.eval_steps=20",
        "eval.max_eval_samples=8",
        "eval.sample_max_new_tokens=48",
        f"eval.sample_prompts={words(list(QUESTIONS))}",
    )
    found = events(run, "sample")
    assert all(event["copied"] is None for event in found if event["step"] == 0)
    copied = [event for event in found if event["copied"] is not None]
    assert copied
    for event in copied:
        span = event["text"][event["copied"]["start"] : event["copied"]["end"]]
        source, number = event["copied"]["row"]
        assert source == 0
        assert span in rows[number - 1]["messages"][1]["content"]
        assert len(span.split()) == event["copied"]["words"] >= 8
    last = next(event for event in found if event["step"] == 40 and event["prompt_id"] == 0)
    assert last["copied"] == {"row": [0, 1], "start": 0, "end": len(last["text"]) - 1, "words": 16}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run whose chat template cannot render the first of its two prompts."""
    folder = tmp_path_factory.mktemp("refused")
    template = folder / "chat.jinja"
    template.write_text(
        "{% for m in messages %}"
        "{% if 'forbidden' in m['content'] %}{{ raise_exception('no such words') }}{% endif %}"
        "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    prompts = words(["A forbidden question?", "Who keeps the lamps?"])
    return run_of(folder, *FEW, f"model.chat_template_path={template}", f"eval.sample_prompts={prompts}")


def test_a_prompt_that_cannot_be_rendered_is_warned_about_once(refused: RunDirectory) -> None:
    warnings: list[Any] = [event for event in events(refused, "warning") if event["id"] == "sample"]
    assert len(warnings) == 1
    assert "A forbidden question?" in warnings[0]["message"]
    assert "no such words" in warnings[0]["message"]
    assert read_history(refused).end["status"] == "finished"
    found = answers(refused)
    assert list(found) == [0, 2, 4, 6]
    assert all([prompt for prompt, _ in pairs] == ["Who keeps the lamps?"] for pairs in found.values())


def test_the_other_prompts_keep_their_numbers(refused: RunDirectory) -> None:
    assert [event["prompt_id"] for event in events(refused, "sample")] == [1, 1, 1, 1]
