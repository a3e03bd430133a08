"""One assessment: what it knows with and without a card and data, and what a launch is refused for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.check import xray
from runner.check.assess import SHIPPED, Assessment, Machine, assess, best_card, this_machine, written_keys
from runner.check.gate import pass_gate
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.insight.data import DataReport
from runner.insight.lint import LintSeverity
from runner.insight.memory.cards import find_card
from runner.insight.memory.predict import Fit
from runner.preset import files
from runner.preset.files import LoadedPreset
from runner.store.errors import LaunchError

CARD = find_card("RTX 4090")


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def judged(home: Path) -> Callable[..., Assessment]:
    """Assess the demo with settings changed, its data looked at."""

    def judge(*overrides: str, machine: Machine | None = None) -> Assessment:
        loaded = files.load("demo", home, overrides)
        data = xray.complete(loaded.preset, home)
        return assess(loaded.preset, machine or this_machine(None), home, data, written_keys(loaded.origins))

    return judge


Judge = Callable[..., Assessment]


def ids(found: Assessment, severity: LintSeverity | None = None) -> set[str]:
    return {one.id for one in found.findings if severity in (None, one.severity)}


@pytest.fixture(scope="session")
def demo_report(tmp_path_factory: pytest.TempPathFactory) -> DataReport:
    """The X-ray of the shipped demo."""
    home = tmp_path_factory.mktemp("report")
    return xray.complete(files.load("demo", home).preset, home)


def test_the_demo_without_a_card_has_steps_but_no_memory(home: Path, demo_report: DataReport) -> None:
    found = assess(files.load("demo", home).preset, Machine(), home, demo_report)
    assert found.plan is not None
    assert (found.plan.total_steps, found.plan.steps_per_epoch) == (75, 25)
    assert found.prediction is None
    assert "no GPU here" in found.memory_problem
    assert found.refusals == ()
    assert found.data is demo_report


def test_the_demo_on_a_card_has_a_prediction_for_the_rows_there_are(
    home: Path, demo_report: DataReport
) -> None:
    preset = files.load("demo", home).preset
    found = assess(preset, Machine(CARD, "1.16.0"), home, demo_report)
    assert found.prediction is not None
    assert found.memory_problem == ""
    assert found.prediction.fit is Fit.FITS
    assert found.setup is not None
    # The longest row has 57 tokens; without the data max_length, 256, has to be assumed.
    assert found.setup.length == demo_report.longest == 57
    blind = assess(preset, Machine(CARD, "1.16.0"), home)
    assert blind.setup is not None
    assert blind.setup.length == 256
    assert blind.prediction is not None
    assert blind.prediction.train.need > found.prediction.train.need
    assert blind.plan is None


def test_a_card_that_is_full_is_said_to_run_out(home: Path, demo_report: DataReport) -> None:
    full = replace(CARD, free_mib=100)
    found = assess(files.load("demo", home).preset, Machine(full, "1.16.0"), home, demo_report)
    assert found.prediction is not None
    assert found.prediction.fit is Fit.RUNS_OUT


def test_a_model_that_is_not_here_says_so_instead_of_a_prediction(home: Path) -> None:
    preset = files.load("qlora-8b-24gb", home, ["model.model_name_or_path=org/other"]).preset
    found = assess(preset, Machine(CARD), home)
    assert found.prediction is None
    assert found.memory_problem == "org/other is not on this machine yet"
    assert found.proposals(16)[0].need_mib is None
    assert found.unknown == ("memory: org/other is not on this machine yet", "data: not looked at")
    assert "nothing to complain about" not in found.calm


@pytest.mark.parametrize(
    "name", ["qlora-quickstart", "qlora-8b-24gb", "qlora-8b-80gb", "lora-16bit", "full-finetune"]
)
def test_shipped_presets_are_predicted_without_the_hub(name: str, home: Path) -> None:
    """And it is said that the figures came with ftui."""
    found = assess(files.load(name, home).preset, Machine(CARD), home)
    assert found.prediction is not None
    assert SHIPPED in found.prediction.assumed


def test_a_commit_of_a_shipped_model_is_not_taken_for_the_newest(home: Path) -> None:
    preset = files.load("qlora-quickstart", home, ["model.revision=abc"]).preset
    assert "not on this machine yet" in assess(preset, Machine(CARD), home).memory_problem


def test_nothing_to_complain_about_is_said_of_what_was_looked_at_alone(
    home: Path, demo_report: DataReport
) -> None:
    preset = files.load("demo", home).preset
    assert assess(preset, Machine(CARD), home, demo_report).calm == "nothing to complain about"
    without_data = assess(preset, Machine(CARD), home)
    assert without_data.calm.endswith("not known yet: data: not looked at")
    without_card = assess(preset, Machine(), home, demo_report)
    assert without_card.calm.endswith("not known yet: memory: no GPU here to predict for")
    begun = replace(demo_report, complete=False)
    assert "data: only 400 rows looked at" in assess(preset, Machine(CARD), home, begun).calm


def test_lines_of_a_file_give_a_first_idea_of_the_steps(home: Path, demo_report: DataReport) -> None:
    preset = files.load("demo", home).preset
    first = assess(preset, Machine(), home, lines=400)
    looked = assess(preset, Machine(), home, demo_report)
    assert first.plan == looked.plan
    (steps,) = [line for line in first.advice if line.label == "Steps"]
    assert steps.value.startswith("≈ 75")


def test_proposals_reach_the_batch_asked_for(home: Path, demo_report: DataReport) -> None:
    found = assess(files.load("demo", home).preset, Machine(CARD, "1.16.0"), home, demo_report)
    proposals = found.proposals(32)
    assert {one.effective for one in proposals} == {32}
    assert all(one.fits and one.need_mib is not None and one.need_mib > 0 for one in proposals)
    assert min(one.relative_time for one in proposals) == 1.0
    with pytest.raises(ValueError, match="at least one row"):
        found.proposals(0)


def test_the_batch_as_it_was_is_compared_with(home: Path, demo_report: DataReport) -> None:
    before = files.load("demo", home).preset
    now = files.load("demo", home, ["train.gradient_accumulation_steps=16"]).preset
    lines = assess(now, Machine(), home, demo_report, before=before).advice
    (rule,) = [line for line in lines if line.label == "√ rule"]
    assert "16 → 64" in rule.value
    assert "0.0012" in rule.value


# What is refused


def test_nothing_to_learn_is_refused(judged: Judge) -> None:
    """8 tokens: every answer lies beyond them."""
    found = judged("train.max_length=8")
    assert found.data is not None
    assert (found.data.trained_tokens, found.data.train_rows) == (0, 0)
    assert found.data.untrained.count == 400
    assert ids(found, LintSeverity.ERROR) == {"trained-none"}


@pytest.mark.parametrize(
    ("answer", "warned"), [("Yes.", True), ("Yes, and " * 12, False)], ids=["0.6 %", "more"]
)
def test_next_to_nothing_to_learn_is_warned_of(
    judged: Judge, tmp_path: Path, answer: str, warned: bool
) -> None:
    rows = [chat(f"{i} " + "the old lamp " * 200, answer) for i in range(30)]
    path = write(tmp_path / "rows.jsonl", rows)
    found = judged(f"data.train_dataset={path}", "data.eval_dataset=null", "train.max_length=4096")
    assert found.data is not None
    share = found.data.trained_share
    assert share is not None
    assert (0 < share < 0.01) == warned
    assert ("trained-little" in ids(found, LintSeverity.WARNING)) == warned
    assert found.refusals == ()


def test_bad_rows_are_refused_by_number(judged: Judge, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "fine"}\n{"txt": "not"}\n')
    found = judged(f"data.train_dataset={path}", "data.eval_dataset=null")
    assert ids(found, LintSeverity.ERROR) == {"rows-bad"}
    assert "1 of 2 rows cannot be used; train row 2: has txt" in found.refusals[0].what


EMPTY = {
    "train": ("data.train_dataset={empty}", "data.eval_dataset=null"),
    "eval": ("data.eval_dataset={empty}",),
    "mix": ("data.mix=[{dataset: {empty}, ratio: 0.1}]",),
}


@pytest.mark.parametrize("overrides", EMPTY.values(), ids=EMPTY)
def test_an_empty_file_is_refused_as_the_trainer_would(
    judged: Judge, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n \n")
    found = judged(*(text.replace("{empty}", str(empty)) for text in overrides))
    assert found.refusals


def test_a_tokenizer_without_a_template_is_refused_with_what_to_do(judged: Judge, tmp_path: Path) -> None:
    template = tmp_path / "chat.jinja"
    template.write_text("")
    found = judged(f"model.chat_template_path={template}")
    assert ids(found, LintSeverity.ERROR) == {"data-problem"}
    assert "no chat template" in found.refusals[0].what
    assert "model.chat_template_path" in found.refusals[0].fix_text


# The gate


def load(home: Path, *overrides: str) -> LoadedPreset:
    return files.load("demo", home, overrides)


@pytest.mark.usefixtures("patient")
def test_the_gate_lets_the_demo_through(home: Path) -> None:
    found = pass_gate(load(home), home, "cpu")
    assert found.data is not None
    assert found.data.complete
    assert found.plan is not None
    assert found.plan.total_steps == 75


@pytest.mark.usefixtures("patient")
def test_the_gate_says_everything_it_refuses_for(home: Path, tmp_path: Path) -> None:
    with pytest.raises(LaunchError) as refused:
        pass_gate(load(home, "train.max_length=8", "lora.use_peft=false"), home, "cpu")
    lines = str(refused.value).splitlines()
    assert len(lines) == 2
    assert any("0 % of the tokens are learned" in line for line in lines)
    assert any("train.assistant_only_loss: " in line for line in lines)
    assert any("quantis" in line.lower() or "load_in_4bit" in line for line in lines)
    assert not (home / "runs").exists()


@pytest.mark.usefixtures("patient")
def test_the_gate_refuses_an_empty_training_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(LaunchError):
        pass_gate(
            load(home, f"data.train_dataset={tmp_path}/empty.jsonl", "data.eval_dataset=null"), home, "cpu"
        )


def test_the_gate_leaves_missing_files_to_the_launch(home: Path) -> None:
    """launch.launch names them in its own words; a look at the data would only take time."""
    loaded = load(home, "data.train_dataset=/nowhere/rows.jsonl")
    assert pass_gate(loaded, home, "cpu") == Assessment(loaded.preset)
    assert not (home / "cache").exists()


def test_the_gate_refuses_a_gpu_nobody_has(home: Path) -> None:
    with pytest.raises(LaunchError, match="no GPU 'H900'"):
        pass_gate(load(home), home, "H900")


# Cards


def sample(index: int, total: int | None, free: int | None, problem: str = "") -> GpuSample:
    gpu = Gpu(index=index, uuid=f"GPU-{index}", name="NVIDIA GeForce RTX 4090", total_mib=total)
    return GpuSample(gpu=gpu, free_mib=free, problem=problem)


def test_the_card_with_most_free_memory_is_the_best() -> None:
    samples = (
        sample(0, 24564, 1000),
        sample(1, 24564, 20000),
        sample(2, 24564, 24000, problem="fell off the bus"),
        sample(3, None, None),
    )
    card = best_card(GpuReading(samples=samples))
    assert card is not None
    assert (card.free_mib, card.multiprocessors) == (20000, 128)
    assert best_card(GpuReading(samples=())) is None
    assert best_card(None) is None


def test_data_that_nobody_could_look_at_in_time_are_no_reason_to_refuse(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cold import of the stack on a network disk, or a hub data set, takes longer than the gate waits."""
    from runner.check import gate, xray

    monkeypatch.setattr(xray, "quick", lambda preset, home: None)
    assert gate.pass_gate(files.load("demo", home), home, "cpu").refusals == ()
