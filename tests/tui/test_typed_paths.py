"""Paths as they are typed: what they could become, and how they are kept in a preset."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.check import own_models
from runner.preset.fields import field_named
from tests.tui.conftest import running, shows, until
from tui.models.typed_path import PathQuestion, Wanted, kept, standing
from tui.screens.editor import EditorScreen
from tui.services.paths import PathService
from tui.widgets.field_editor import ValueInput
from tui.widgets.preset_form import PresetForm
from tui.widgets.preset_list import PresetList
from tui.widgets.searchable_form import SearchableForm

SIZES = [(80, 24), (120, 40)]
LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, rows and a folder of rows, where one stands; beside it the hub's cache with a model."""
    here = tmp_path / "here"
    (here / "models" / "mine").mkdir(parents=True)
    (here / "models" / "mine" / "config.json").write_text(json.dumps(LLAMA))
    (here / "more").mkdir()
    (here / ".hidden").mkdir()
    for age, name in enumerate(("new.csv", "old.jsonl", "more/deep.jsonl", "template.jinja", ".rc.json")):
        (here / name).write_text("x\n")
        os.utime(here / name, (1e9 - age, 1e9 - age))
    snapshot = tmp_path / "hub" / "models--Qwen--Qwen3-0.6B" / "snapshots" / "c0ffee"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(here)
    return here


def answer(where: Path, text: str, wanted: Wanted) -> tuple[str, list[str]]:
    """(completed text, what begins like it)."""
    said: list[object] = []
    service = PathService(said.append, where)
    service.ask(PathQuestion(text, wanted, completes=True))
    service.look()
    (seen,) = said
    return seen.completed, [one.text for one in seen.entries]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "wanted", "completed", "entries"),
    [
        ("", Wanted.FILE, "", ["new.csv", "old.jsonl", "models/", "more/", "template.jinja"]),
        ("o", Wanted.FILE, "old.jsonl", ["old.jsonl"]),
        ("mo", Wanted.FILE, "mo", ["models/", "more/"]),
        ("more", Wanted.FILE, "more/", ["more/"]),
        ("more/", Wanted.FILE, "more/deep.jsonl", ["more/deep.jsonl"]),
        ("./t", Wanted.FILE, "./template.jinja", ["./template.jinja"]),
        (".", Wanted.FILE, "./", ["./"]),
        ("more/..", Wanted.FILE, "more/../", ["more/../"]),
        ("..", Wanted.FILE, "../", ["../"]),
        ("../he", Wanted.FILE, "../here/", ["../here/"]),
        (".h", Wanted.FILE, ".hidden/", [".hidden/"]),
        ("none", Wanted.FILE, "none", []),
        ("none/x", Wanted.FILE, "none/x", []),
        ("new.csv/x", Wanted.FILE, "new.csv/x", []),
        ("\0", Wanted.FILE, "\0", []),
        ("x" * 5000, Wanted.FILE, "x" * 5000, []),
        # What does not begin like a path is a name on the hub there.
        ("o", Wanted.DATA, "./old.jsonl", ["./old.jsonl"]),
        ("more/d", Wanted.DATA, "./more/deep.jsonl", ["./more/deep.jsonl"]),
        ("Qw", Wanted.MODEL, "Qwen/Qwen3-0.6B", ["Qwen/Qwen3-0.6B"]),
        ("mod", Wanted.MODEL, "./models/", ["./models/"]),
        ("./models/", Wanted.MODEL, "./models/mine", ["./models/mine"]),
        ("ne", Wanted.MODEL, "ne", []),
    ],
)
def test_what_a_text_could_become(
    folder: Path, text: str, wanted: Wanted, completed: str, entries: list[str]
) -> None:
    assert answer(folder, text, wanted) == (completed, entries)


def test_a_path_from_the_root_and_one_from_the_home_of_the_user(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(Path("/"), f"{folder}/o", Wanted.DATA)[0] == f"{folder}/old.jsonl"
    monkeypatch.setenv("HOME", str(folder))
    assert answer(Path("/"), "~", Wanted.FILE)[0] == "~/"
    assert answer(Path("/"), "~/o", Wanted.MODEL)[0] == "~/o"
    assert answer(Path("/"), "~/o", Wanted.FILE)[0] == "~/old.jsonl"


def test_names_of_bytes_that_are_no_text_and_links_to_nothing(folder: Path) -> None:
    (folder / "links").mkdir()
    (folder / "links" / "nowhere").symlink_to("/nowhere")
    Path(os.fsdecode(os.fsencode(folder / "links") + b"/\xff.csv")).touch()
    assert answer(folder, "links/", Wanted.FILE)[1] == ["links/\udcff.csv"]


def test_of_questions_only_those_that_wait_and_the_newest_are_answered(folder: Path) -> None:
    said: list[object] = []
    service = PathService(said.append, folder)
    for text, completes in (("a", False), ("o", True), ("n", False), ("ne", False)):
        service.ask(PathQuestion(text, Wanted.FILE, completes))
    service.look()
    assert [one.question.text for one in said] == ["o", "ne"]  # type: ignore[attr-defined]


def test_a_service_answers_whatever_happens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> list[str]:
        raise PermissionError("no")

    monkeypatch.setattr(own_models, "cached_models", fails)
    assert answer(folder, "Q", Wanted.MODEL) == ("Q", [])


@pytest.mark.parametrize(
    ("text", "takes_hub", "wanted"),
    [
        ("./new.csv", True, "{here}/new.csv"),
        ("new.csv", True, "{here}/new.csv"),
        ("../x", True, "{up}/x"),
        ("/data/x.jsonl", True, "/data/x.jsonl"),
        ("Qwen/Qwen3-0.6B", True, "Qwen/Qwen3-0.6B"),
        ("[{dataset: ./a.jsonl}]", True, "[{dataset: ./a.jsonl}]"),
        ("", True, ""),
        ("template.jinja", False, "{here}/template.jinja"),
        (" ", False, ""),
    ],
)
def test_how_a_path_is_kept(folder: Path, text: str, takes_hub: bool, wanted: str) -> None:
    assert kept(text, takes_hub) == wanted.replace("{here}", str(folder)).replace("{up}", str(folder.parent))


def test_where_one_stands_may_be_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert standing() == Path.home()
    monkeypatch.chdir(folder)


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_paths_are_completed_in_the_workbench(folder: Path, home: Path, size: tuple[int, int]) -> None:
    async with running(size) as (app, pilot):
        presets = app.main.query_one(PresetList)
        await until(pilot, lambda: presets.option_count)
        presets.focus()
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, EditorScreen))
        await shows(pilot, "my-demo")
        editor = app.screen
        assert isinstance(editor, EditorScreen)

        async def begin(name: str) -> ValueInput:
            editor.query_one(SearchableForm).go_to(name)
            await until(pilot, lambda: editor.query_one(PresetForm).has_focus)
            await pilot.press("enter")
            await until(pilot, lambda: editor.query_one(ValueInput).has_focus)
            return editor.query_one(ValueInput)

        value = await begin("data.train_dataset")
        # What is not changed stays as it is.
        await pilot.press("enter")
        assert not editor.draft.is_own(field_named("data.train_dataset"))
        await begin("data.train_dataset")
        await pilot.press(*"m", "tab")
        await shows(pilot, "models/  more/")
        assert value.value == "./mo"
        await pilot.press("r", "tab", "tab")
        await until(pilot, lambda: value.value == "./more/deep.jsonl")
        await pilot.press("enter")
        await until(pilot, lambda: editor.query_one(PresetForm).has_focus)
        assert f"train_dataset: {folder}/more/deep.jsonl" in editor.draft.yaml().replace("'", "")
        value = await begin("model.model_name_or_path")
        await pilot.press(*"Qw", "tab", "enter")
        await until(pilot, lambda: "model_name_or_path: Qwen/Qwen3-0.6B" in editor.draft.yaml())
        await begin("model.model_name_or_path")
        await pilot.press(*"mod", "tab", "tab", "escape")
        await until(pilot, lambda: f"{folder}/models/mine" in editor.draft.yaml())
        # Where no path is typed, tab goes on as everywhere.
        value = await begin("train.learning_rate")
        await pilot.press("tab")
        await until(pilot, lambda: app.focused is not value)
