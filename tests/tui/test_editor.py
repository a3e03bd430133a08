"""The preset workbench, driven by keys, judged by what a person sees and what is in the file."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from runner.check import xray
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.host import HostSample
from runner.preset import files
from tests.conftest import ROOT
from tests.tui.conftest import has_looked_at_data, running, screen_text, shows, until, without_load
from tui.app import FtuiApp
from tui.messages import LoadSampled
from tui.screens.editing import EditingScreen
from tui.screens.editor import EditorScreen
from tui.widgets.preset_form import PresetForm
from tui.widgets.preset_list import PresetList

SIZES = [(80, 24), (120, 40)]
CARD = Gpu(0, "GPU-1", "NVIDIA GeForce RTX 4090", 24576, (8, 9))
READING = GpuReading((GpuSample(CARD, 2500, 22000, 3, 40, 30.0),), "580.1")
TEXT = """\
extends: demo
# why so slow
train:
  learning_rate: 1e-3                # tried 2e-3
"""


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the X-ray of the demo's data: starting the child for every test would take minutes."""
    folder = tmp_path_factory.mktemp("looked-at")
    assert xray.complete(files.load("demo", folder).preset, folder).complete
    return folder / "cache"


@pytest.fixture
def mine(home: Path, looked_at: Path) -> Path:
    shutil.copytree(looked_at, home / "cache")
    path = files.own_folder(home) / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    return path


@asynccontextmanager
async def editing(
    name: str, size: tuple[int, int] = (120, 40), key: str = "e"
) -> AsyncIterator[tuple[FtuiApp, Pilot[None], EditorScreen]]:
    """The app with a preset opened in the workbench."""
    async with running(size) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index(name)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        assert isinstance(app.screen, EditorScreen)
        await until(pilot, lambda: app.screen.query_one(PresetForm).has_focus)
        yield app, pilot, app.screen


async def go_to(pilot: Pilot[None], words: str) -> None:
    """Find a setting by typing."""
    await pilot.press("slash", *words, "enter")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_typing_changes_the_advice_and_saving_only_that_line(mine: Path, size: tuple[int, int]) -> None:
    async with editing("mine", size) as (_, pilot, editor):
        await go_to(pilot, "gradient_acc")
        await pilot.press("enter", "8")
        await until(
            pilot,
            lambda: editor.assessment and editor.assessment.preset.train.gradient_accumulation_steps == 8,
        )
        assert "batch 32" in screen_text(pilot) or "4 × 8 × 1 GPU = 32" in screen_text(pilot)
        await pilot.press("enter", "s")
        await shows(pilot, "is written")
    assert mine.read_text() == TEXT + "  gradient_accumulation_steps: 8\n"


async def test_the_form_marks_what_is_special_and_says_where_it_comes_from(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await go_to(pilot, "learning_rate")
        text = await shows(pilot, "Peak step size", "without it 0.0006", "takes a number above 0 to 1")
        line = next(line for line in text.splitlines() if " learning_rate " in line)
        assert "·" in line
        await pilot.press("enter", *"5e-4")
        await until(
            pilot, lambda: "●" in next(x for x in screen_text(pilot).splitlines() if " learning_rate " in x)
        )
        await pilot.press("enter", "u")
        await until(
            pilot,
            lambda: (
                not editor.draft.is_own(next(r.field for r in editor.rows if r.field.key == "learning_rate"))
            ),
        )
        await shows(pilot, "demo.yaml")


async def test_keys_that_arrive_at_once_are_handled_in_their_order(mine: Path) -> None:
    """As over a slow line: each key finds the screen as the one before it left it."""
    async with editing("mine") as (app, pilot, editor):
        names = {"/": "slash", "_": "underscore"}
        keys = [
            *"/num_train_epochs",
            "enter",
            "enter",
            *"many",
            *["backspace"] * 4,
            "7",
            "enter",
            "u",
            *"/max_length",
        ]
        for key in [*keys, "enter", "enter", *"128"]:
            app.post_message(events.Key(names.get(key, key), key if len(key) == 1 else None))
        await until(pilot, lambda: editor.assessment and editor.assessment.preset.train.max_length == 128)
        assert editor.draft.snapshot().validated().train.num_train_epochs == 3
        assert {row.field.key for row in editor.rows if row.changed} == {"max_length"}


async def test_wrong_input_stays_and_says_why(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await go_to(pilot, "max_length")
        await pilot.press("enter", *"long")
        await shows(pilot, "'long' is not allowed: a whole number from 8", "train.max_length")
        assert editor.query_one("#value", Input).value == "long"
        await pilot.press("backspace", "backspace", "backspace", "backspace", *"128")
        await until(pilot, lambda: "is not allowed" not in screen_text(pilot))


async def test_choices_and_switches(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await go_to(pilot, "packing")
        await pilot.press("space")
        await until(pilot, lambda: editor.assessment and editor.assessment.preset.train.packing)
        await go_to(pilot, "lr_scheduler")
        await pilot.press("right")
        await until(
            pilot, lambda: editor.assessment and editor.assessment.preset.train.lr_scheduler_type == "cosine"
        )
        await pilot.press("enter", "down", "enter")
        await until(
            pilot,
            lambda: editor.assessment and editor.assessment.preset.train.lr_scheduler_type == "constant",
        )
        assert editor.query_one(PresetForm).has_focus


async def test_one_key_mends_a_finding(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await go_to(pilot, "num_train_epochs")
        await pilot.press("enter", *"12", "enter")
        await shows(pilot, "12 epochs", "1 warning", "train.num_train_epochs: 3")
        await pilot.press("f")
        await until(pilot, lambda: editor.assessment and editor.assessment.preset.train.num_train_epochs == 3)
        await shows(pilot, "no findings in what was looked at")


async def test_the_target_batch_proposes_pairs(mine: Path) -> None:
    async with editing("mine") as (app, pilot, editor):
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(READING, HostSample(12.0, 14000, 129000)))
        await until(pilot, lambda: editor.assessment)
        await pilot.press("b")
        await shows(pilot, "Effective batch", "time ×1.00")
        await pilot.press("backspace", "backspace", *"24")
        await shows(pilot, "= 24")
        await pilot.press("down", "enter")
        await until(pilot, lambda: editor.draft.is_dirty)
        preset = editor.draft.snapshot().validated()
        assert preset.train.per_device_train_batch_size * preset.train.gradient_accumulation_steps == 24
        await shows(pilot, "√ rule", "16 → 24")


async def test_memory_is_predicted_for_the_gpu_here_and_for_another(mine: Path) -> None:
    async with editing("mine") as (app, pilot, _):
        await without_load(app, pilot)
        app.main.post_message(LoadSampled(READING, HostSample(12.0, 14000, 129000)))
        await pilot.press("g")
        await shows(pilot, "Judge for", "Tesla T4")
        await pilot.press(*"h200", "enter")
        await shows(pilot, "free on H200", "fits", "nvidia-smi will show")


async def test_leaving_asks_and_nothing_is_lost(mine: Path) -> None:
    async with editing("mine") as (app, pilot, _):
        await go_to(pilot, "lora.r")
        await pilot.press("enter", *"32", "enter", "escape")
        await shows(pilot, "not saved", "save and leave", "drop the changes")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await pilot.press("escape", "s")
        await until(pilot, lambda: app.screen is app.main)
    assert "r: 32" in mine.read_text()


async def test_a_change_by_somebody_else_is_asked_about(mine: Path) -> None:
    async with editing("mine") as (_, pilot, _editor):
        await go_to(pilot, "lora.r")
        await pilot.press("enter", *"32", "enter")
        mine.write_text("extends: demo\n")
        await pilot.press("s")
        await shows(pilot, "changed by another program", "overwrite it")
        assert mine.read_text() == "extends: demo\n"
        await pilot.press("o")
        await until(pilot, lambda: "r: 32" in mine.read_text())


async def test_a_shipped_preset_becomes_a_new_one_on_top_of_it(home: Path) -> None:
    async with editing("demo") as (_, pilot, editor):
        await go_to(pilot, "lora.r")
        await pilot.press("enter", "8", "enter", "s")
        await shows(pilot, "Save as", "my-demo")
        await pilot.press("enter")
        await shows(pilot, "is written")
        assert editor.draft.path == home / "presets" / "my-demo.yaml"
    assert files.load("my-demo", home).preset.lora.r == 8
    assert "extends: demo" in (home / "presets" / "my-demo.yaml").read_text()
    assert (home / "presets" / "preset.schema.json").exists()


async def test_duplicate_rename_and_delete(mine: Path) -> None:
    async with editing("mine") as (app, pilot, _):
        await pilot.press("a")
        await shows(pilot, "Save as", "my-mine")
        await pilot.press("enter")
        copy = mine.with_name("my-mine.yaml")
        await until(pilot, copy.exists)
        assert mine.read_text() == TEXT
        assert copy.read_text() == TEXT
        await pilot.press("r")
        await shows(pilot, "Rename")
        await pilot.press("end", "minus", "2", "enter")
        renamed = mine.with_name("my-mine-2.yaml")
        await until(pilot, renamed.exists)
        assert not copy.exists()
        await pilot.press("x")
        await shows(pilot, "would be gone for good", "delete it")
        assert renamed.exists()
        await pilot.press("d")
        await until(pilot, lambda: not renamed.exists() and app.screen is app.main)


async def test_deleting_names_what_would_break(mine: Path) -> None:
    mine.with_name("child.yaml").write_text("extends: mine\n")
    async with editing("mine") as (_, pilot, _editor):
        await pilot.press("x")
        await shows(pilot, "child extends it and would break")
        await pilot.press("escape")
    assert mine.exists()


async def test_the_file_itself_is_edited_with_the_same_checks(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await pilot.press("y")
        await shows(pilot, "# why so slow", "extends: demo")
        area = editor.query_one("#yaml")
        area.load_text("extends: demo\ntrain:\n  learnin_rate: 1\n")  # type: ignore[attr-defined]
        await shows(pilot, "train.learnin_rate", "Did", "mean learning_rate?")
        area.load_text("extends: demo\ntrain: [\n")  # type: ignore[attr-defined]
        await shows(pilot, "not valid YAML")
        area.load_text("extends: demo\nlora:\n  r: 4\n")  # type: ignore[attr-defined]
        await until(pilot, lambda: editor.draft.yaml() == "extends: demo\nlora:\n  r: 4\n")
        await pilot.press("escape", "s")
        await shows(pilot, "is written")
    assert mine.read_text() == "extends: demo\nlora:\n  r: 4\n"


async def test_what_is_typed_into_the_file_is_undone_by_the_key_of_shells(mine: Path) -> None:
    async with editing("mine") as (_, pilot, editor):
        await pilot.press("y")
        await shows(pilot, "# why so slow", "extends: demo")
        area = editor.query_one(TextArea)
        before = area.text
        await pilot.press("a")
        await until(pilot, lambda: area.text != before)
        await pilot.press("ctrl+underscore")
        await until(pilot, lambda: area.text == before)


async def test_a_run_becomes_a_preset(store: Path) -> None:
    async with running() as (app, pilot):
        await shows(pilot, "OVERFITTING since step 48")
        await pilot.press("n")
        await shows(pilot, "r   with the settings of the run demo-overfit   enter")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await shows(pilot, "my-demo-overfit", "not saved")
        await pilot.press("s")
        await shows(pilot, "Save as")
        await pilot.press("enter")
        await shows(pilot, "is written")
    preset = files.load("my-demo-overfit", store).preset
    assert preset.train.num_train_epochs == 60


async def test_an_unreadable_preset_is_named_not_opened(mine: Path) -> None:
    mine.write_text("train: [\n")
    async with running() as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = 0
        await pilot.press("e")
        await shows(pilot, "Cannot be edited", "mine.yaml:2")
        assert app.screen is app.main


async def test_the_data_are_shown_as_the_model_sees_them(mine: Path) -> None:
    async with editing("mine") as (app, pilot, _):
        await until(pilot, lambda: isinstance(app.screen, EditingScreen) and app.screen.wanted_data)
        await pilot.press("v")
        await shows(pilot, "400 to train on", "36.8 %", "train row 1", "<|im_start|>assistant", "21 learned")
        await pilot.press("n")
        await shows(pilot, "train row 2")
        await pilot.press("g", "backspace", *"113", "enter")
        await shows(pilot, "train row 113", "is the same as row 27")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))


async def test_a_file_that_is_missing_is_said_and_said_once(mine: Path) -> None:
    mine.write_text("extends: demo\ndata:\n  train_dataset: ./missing.jsonl\n")
    seen: list[object] = []
    async with editing("mine") as (app, pilot, _):
        await shows(pilot, "missing.jsonl does not exist", "1 error")
        assert isinstance(app.screen, EditingScreen)
        app.screen.xray.post = lambda message: not seen.append(message)  # type: ignore[func-returns-value]
        await pilot.pause(1.0)
    assert len(seen) <= 1


async def test_e_twice_opens_one_editor(mine: Path) -> None:
    async with running() as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        await pilot.press("e", "e", "e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await pilot.pause(0.5)
        assert sum(isinstance(screen, EditorScreen) for screen in app.screen_stack) == 1


async def test_a_launch_with_nothing_to_learn_is_refused(mine: Path) -> None:
    mine.write_text("extends: demo\ntrain:\n  max_length: 8\n")
    async with editing("mine") as (app, pilot, editor):
        await shows(pilot, "0 % of the tokens are learned", "1 error")
        await pilot.press("l")
        await shows(pilot, "Launch mine")
        await pilot.press("enter")
        await shows(pilot, "Not launched")
        assert isinstance(app.screen, EditorScreen)
        assert editor.is_mounted
    assert not (mine.parent.parent / "runs").exists()


@pytest.mark.parametrize("size", [(80, 24), (40, 12)], ids=str)
async def test_small_screens_have_two_panes(mine: Path, size: tuple[int, int]) -> None:
    async with editing("mine", size) as (_, pilot, editor):
        await until(pilot, lambda: editor.assessment)
        await pilot.press("p")
        await shows(pilot, "Effective batch")
        await pilot.press("p")
        await until(pilot, lambda: "Effective batch" not in screen_text(pilot))


async def test_every_key_is_in_the_help(mine: Path) -> None:
    async with editing("mine") as (_, pilot, _editor):
        await pilot.press("question_mark")
        await shows(
            pilot, "Find a setting by typing", "Mend the highlighted finding", "X-ray", "Delete the file"
        )


def test_editor_snapshots(mine: Path, snap_compare: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures of the workbench; `pytest --snapshot-update` renews them after a change that is meant."""
    monkeypatch.setattr("runner.gpu.read", lambda processes=False: READING)
    monkeypatch.setattr("runner.host.read", lambda: HostSample(12.0, 14000, 129000))
    monkeypatch.setattr("runner.check.assess.free_bytes", lambda home: 300 << 30)

    async def opened(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, FtuiApp)
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        presets.highlighted = [card.name for card in app.main.cards].index("mine")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await until(
            pilot,
            lambda: has_looked_at_data(app),
        )
        await go_to(pilot, "learning_rate")
        await until(pilot, lambda: app.screen.assessment and app.screen.assessment.data)  # type: ignore[attr-defined]
        await pilot.pause(0.5)
        assert str(ROOT) not in screen_text(pilot), "the picture would differ from checkout to checkout"

    for size in SIZES:
        assert snap_compare(FtuiApp(), terminal_size=size, run_before=opened)  # type: ignore[operator]
