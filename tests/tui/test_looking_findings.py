"""What was found in a run, the rows behind it, and the preset that would mend it, by keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from runner.insight.diagnosis import labels
from runner.insight.explained import EXPLANATIONS
from runner.preset import files
from runner.preset.files import own_folder
from runner.store.directory import RunDirectory
from tests.run.scenes import add, end, evaluation, phase, plan, step
from tests.tui.conftest import running, screen_text, shows, until
from tests.tui.made import alive, grow, history_of, made, several_sets, spiked
from tui.app import FtuiApp
from tui.screens.editor import EditorScreen
from tui.screens.evidence import EvidenceScreen

SIZES = [(80, 24), (120, 40), (200, 50)]
RUN = "20261124-110000-a-run-0009"

sizes = pytest.mark.parametrize("size", SIZES, ids=str)


async def evidence(app: FtuiApp, pilot: Pilot[None]) -> EvidenceScreen:
    """Open it by its key."""
    await pilot.press("v")
    await until(
        pilot, lambda: isinstance(app.screen, EvidenceScreen) and app.screen.query_one("#list").has_focus
    )
    assert isinstance(app.screen, EvidenceScreen)
    return app.screen


async def chosen(pilot: Pilot[None], screen: EvidenceScreen, id_: str) -> None:
    """Go down to a finding."""
    for _ in range(10):
        if screen.finding is not None and screen.finding.id == id_:
            return
        await pilot.press("down")
    raise AssertionError(
        f"no {id_} among {[f.id for f in screen.view.verdict.findings] if screen.view else ()}"
    )


@sizes
async def test_evidence_has_numbers_evaluations_and_what_to_do(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    val = history_of(overfit).evals["val"]
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        screen = await evidence(app, pilot)
        await shows(pilot, "demo-overfit", "OVERFITTING since step 48", "overfitting", "@48")
        assert screen.finding is not None
        first = screen.finding
        # Beside each other where there is room, so that the whole of them is seen at every size.
        text = await shows(pilot, "◆ held-out", *(part for pair in labels.numbers(first) for part in pair))
        assert "_" not in text
        if size[1] >= 40:
            assert "ftui explain overfitting" in text
            assert sum("◇" in line for line in text.splitlines()) > 2
            for point in first.evals:
                assert any(
                    str(point.step) in line and f"{point.loss:.4g}" in line for line in text.splitlines()
                )
            assert "keep checkpoint-48" in text
            assert "f makes that preset" in text
        assert next(p for p in val if p.step == 48).loss == pytest.approx(1.8226, abs=1e-4)
        await pilot.press("v")
        await until(pilot, lambda: app.screen is app.main)


@sizes
async def test_findings_are_gone_through_by_keys(home: Path, size: tuple[int, int]) -> None:
    several_sets(home)
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 30")
        screen = await evidence(app, pilot)
        await shows(pilot, "Held-out loss 1.200")
        first = screen.finding
        assert first is not None
        await pilot.press("down")
        await until(pilot, lambda: screen.finding is not first)
        assert screen.finding is not None
        await shows(pilot, screen.finding.sentence.split()[0])
        await pilot.press("k")
        await until(pilot, lambda: screen.finding is first)


@sizes
async def test_a_key_says_what_the_finding_means_and_back(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        screen = await evidence(app, pilot)
        await pilot.press("e")
        await shows(
            pilot, "What it means", "What it is", EXPLANATIONS["overfitting"].what[0].split(";")[0][:20]
        )
        await pilot.press("down")
        assert screen.finding is not None
        await shows(pilot, EXPLANATIONS[screen.finding.id].what[0][:20])
        await pilot.press("e")
        text = await shows(pilot, screen.finding.sentence.split()[0])
        assert "What it is" not in text


@sizes
async def test_all_of_the_evidence_can_be_reached_by_keys(
    overfit: RunDirectory, size: tuple[int, int]
) -> None:
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await evidence(app, pilot)
        for _ in range(6):
            await pilot.press("pagedown")
        await shows(pilot, "f makes that preset")
        for _ in range(6):
            await pilot.press("pageup")
        await shows(pilot, "Held-out loss 1.823")


@sizes
async def test_evidence_goes_on_while_it_is_open(home: Path, size: tuple[int, int]) -> None:
    run = alive(made(home, RUN, phase("training"), plan(60), *(step(n, 2.0) for n in range(1, 12))))
    async with running(size) as (app, pilot):
        await shows(pilot, "step 11/60")
        screen = await evidence(app, pilot)
        await shows(pilot, "Nothing was found in this run so far")
        grow(run, *(step(n, 12.0 if n == 20 else 2.0) for n in range(12, 34)))
        await shows(pilot, "spike", "@20")
        grow(run, *(step(n, "NaN") for n in range(34, 37)))
        await shows(pilot, "NON-FINITE since step 34", "non-finite")
        assert screen.view is not None
        assert [f.id for f in screen.view.verdict.findings] == ["non-finite", "spike"]


async def test_the_chosen_finding_stays_chosen_when_a_graver_one_comes(home: Path) -> None:
    steps = [step(n, 12.0 if n == 20 else 2.0) for n in range(1, 34)]
    run = alive(made(home, RUN, phase("training"), plan(60), *steps))
    async with running() as (app, pilot):
        await shows(pilot, "step 33/60")
        screen = await evidence(app, pilot)
        await until(pilot, lambda: screen.finding)
        await chosen(pilot, screen, "spike")
        grow(run, *(step(n, "NaN") for n in range(34, 37)))
        await shows(pilot, "NON-FINITE since step 34")
        assert screen.finding is not None
        assert screen.finding.id == "spike"


@sizes
async def test_the_rows_of_a_spike_are_shown(home: Path, size: tuple[int, int]) -> None:
    spiked(home)
    async with running(size) as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await until(pilot, lambda: screen.rows)
        assert screen.rows == {30: [(0, 3), (0, 1)]}
        await pilot.press("w")
        await until(pilot, lambda: screen.texts)
        assert set(screen.texts) == {(0, 3), (0, 1)}
        assert "question 3 [/INST]" in screen.texts[0, 3]
        for _ in range(3):
            await pilot.press("pagedown")
        await shows(pilot, "answer 1")
        if size[1] >= 40:
            await shows(pilot, "step 30: rows 3, 1", "row 3", "question 3 [/INST]", "row 1")


async def test_rows_that_cannot_be_read_are_an_error_in_words(home: Path) -> None:
    spiked(home)
    (home / "rows.jsonl").unlink()
    async with running() as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await pilot.press("w")
        await shows(pilot, "Rows not read", "rows.jsonl")
        assert app.screen is screen


async def test_texts_of_one_finding_are_not_shown_under_another(home: Path) -> None:
    spiked(home)
    async with running() as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await until(pilot, lambda: screen.rows)
        screen.texts = {(0, 2): "of other steps", (0, 3): "of this one"}
        text = await shows(pilot, "of this one")
        assert "of other steps" not in text


async def saved(app: FtuiApp, pilot: Pilot[None], home: Path) -> Path:
    """Save the preset in the workbench under the name that is offered; returns its file."""
    await until(pilot, lambda: isinstance(app.screen, EditorScreen), 60)
    await shows(pilot, "Save")
    await pilot.press("s")
    await shows(pilot, "Save as")
    await pilot.press("enter")
    await shows(pilot, "is written")
    (path,) = own_folder(home).glob("*.yaml")
    return path


@sizes
async def test_the_next_preset_leaves_out_the_rows_of_a_spike(home: Path, size: tuple[int, int]) -> None:
    run = spiked(home)
    async with running(size) as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await until(pilot, lambda: screen.rows)
        await pilot.press("x")
        path = await saved(app, pilot, home)
    preset = files.load(str(path), home).preset
    assert preset.data.skip_rows == [1, 3]
    assert preset.description == f"from run {run.id}: spike at step 30, its rows left out"


@sizes
@pytest.mark.parametrize("where", ["main", "evidence"])
async def test_the_next_preset_is_made_of_what_a_finding_changes(
    overfit: RunDirectory, home: Path, size: tuple[int, int], where: str
) -> None:
    async with running(size) as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        if where == "evidence":
            await evidence(app, pilot)
        await pilot.press("f")
        path = await saved(app, pilot, home)
    before, after = files.load_frozen(overfit.preset), files.load(str(path), home).preset
    assert after.description == f"from run {overfit.id}: overfitting since step 48"
    assert after.lora.lora_dropout > before.lora.lora_dropout
    assert after.train.num_train_epochs < before.train.num_train_epochs
    assert after.train.learning_rate <= before.train.learning_rate
    assert after.data.train_dataset == before.data.train_dataset


async def test_a_finding_without_a_setting_says_so(home: Path) -> None:
    spiked(home)
    async with running() as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await pilot.press("f")
        await shows(pilot, "No setting mends this one")
        assert screen.query_one("#list", OptionList).has_focus


async def test_a_run_whose_rows_were_not_recorded(home: Path) -> None:
    run = spiked(home)
    run.rows.unlink()
    async with running() as (app, pilot):
        await shows(pilot, "step 40/40")
        screen = await evidence(app, pilot)
        await chosen(pilot, screen, "spike")
        await shows(pilot, "step 30: rows not recorded")
        await pilot.press("x")
        await shows(pilot, "No rows of its own data are known")
        await pilot.press("w")
        await pilot.pause(0.2)
        assert "Traceback" not in screen_text(pilot)


async def test_evaluations_that_are_no_numbers_in_the_evidence(overfit: RunDirectory) -> None:
    add(overfit, evaluation(264, "NaN"), evaluation(288, "Infinity"), *end("failed", "non-finite"))
    async with running() as (app, pilot):
        await shows(pilot, "non-finite")
        screen = await evidence(app, pilot)
        for _ in range(4):
            await pilot.press("down")
            assert screen.finding is not None
