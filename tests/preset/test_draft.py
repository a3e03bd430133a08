"""Editing keeps every comment, marks what changed, and never writes half a file or over another program's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.preset import files
from runner.preset.draft import Draft, StaleError
from runner.preset.errors import PresetError
from runner.preset.fields import FieldKind, field_named, fields, from_text, to_text
from runner.preset.schema import SECTIONS, section_type

TEXT = """\
# My chats, first of all comments.
extends: demo
# Why three:
train:
  num_train_epochs: 3                # at the end of the line
  # before the rate
  learning_rate: 2e-4

# Ranks were tried.
lora:
  r: 8
  target_modules:
  - q_proj
  # in a list
  - v_proj
"""


@pytest.fixture
def path(home: Path) -> Path:
    file = home / "presets" / "mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(TEXT)
    return file


@pytest.fixture
def draft(path: Path, home: Path) -> Draft:
    return Draft.open(path, home)


def test_the_form_is_the_schema() -> None:
    listed = [field.name for field in fields()]
    assert listed == ["description"] + [
        f"{s}.{key}" for s in SECTIONS for key in section_type(s).model_fields
    ]
    assert all(field.doc for field in fields())
    kinds = {field.name: field.kind for field in fields()}
    assert kinds["train.learning_rate"] is FieldKind.NUMBER
    assert kinds["train.seed"] is FieldKind.INTEGER
    assert kinds["train.packing"] is FieldKind.SWITCH
    assert kinds["train.optim"] is FieldKind.CHOICE
    assert kinds["lora.target_modules"] is FieldKind.LIST
    assert kinds["data.mix"] is FieldKind.LIST
    assert kinds["data.train_dataset"] is FieldKind.PATH
    assert kinds["model.revision"] is FieldKind.TEXT
    eval_steps = field_named("eval.eval_steps")
    assert (eval_steps.kind, eval_steps.words, eval_steps.default) == (FieldKind.INTEGER, ("auto",), "auto")
    assert "adamw_8bit" in field_named("train.optim").choices
    assert field_named("report.report_to").choices == ("tensorboard", "wandb", "trackio")


@given(st.data())
def test_a_value_typed_as_it_is_shown_is_the_same_value(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(fields()))
    if field.default is None or field.default == "":
        return
    assert from_text(field, to_text(field.default)) == field.default


@given(st.floats(1e-9, 1.0))
def test_a_rate_typed_as_it_is_shown_is_the_same_rate(rate: float) -> None:
    field = field_named("train.learning_rate")
    shown = to_text(rate)
    assert to_text(from_text(field, shown)) == shown


def test_only_the_changed_line_changes(draft: Draft, path: Path) -> None:
    rate = field_named("train.learning_rate")
    assert draft.text(rate) == "0.0002"
    draft.set_text(rate, "1e-4")
    assert (draft.is_dirty, draft.is_changed(rate)) == (True, True)
    draft.save()
    assert (draft.is_dirty, draft.is_changed(rate)) == (False, False)
    assert path.read_text() == TEXT.replace("2e-4", "1e-4")
    assert files.load("mine", draft.home).preset.train.learning_rate == 1e-4


@pytest.mark.parametrize(
    "name", ["train.num_train_epochs", "train.learning_rate", "lora.r", "lora.target_modules"]
)
def test_taking_a_setting_out_keeps_every_comment_of_the_others(draft: Draft, name: str) -> None:
    field = field_named(name)
    own = {"at the end of the line": "train.num_train_epochs", "in a list": "lora.target_modules"}
    draft.reset(field)
    assert not draft.is_own(field)
    text = draft.yaml()
    for comment in (
        "first of all",
        "Why three",
        "at the end",
        "before the rate",
        "Ranks were tried",
        "in a list",
    ):
        goes_with = next((owner for words, owner in own.items() if comment in words), None)
        if goes_with != name:
            assert comment in text
    assert draft.text(field) == to_text(draft.inherited(field))


def test_a_section_that_gets_empty_goes(draft: Draft) -> None:
    for name in ("train.num_train_epochs", "train.learning_rate"):
        draft.reset(field_named(name))
    assert "train:" not in draft.yaml()
    assert "Ranks were tried" in draft.yaml()


def test_where_a_value_comes_from(draft: Draft) -> None:
    rank, warmup, seed = (field_named(n) for n in ("lora.r", "train.warmup_steps", "train.seed"))
    assert draft.differs_from_base(rank)
    assert draft.inherited(rank) == 16
    assert draft.inherited_from(warmup) == "demo.yaml:17"
    assert draft.inherited_from(seed) == "default"
    draft.set_text(seed, "42")
    assert not draft.is_own(seed), "a value equal to the inherited one is not written"


def test_invalid_input_stays_and_is_explained(draft: Draft) -> None:
    rate = field_named("train.learning_rate")
    draft.set_text(rate, "fast")
    assert draft.text(rate) == "fast"
    assert "'fast' is not allowed: a number above 0 to 1" in draft.problems()["train.learning_rate"]
    draft.set_text(rate, "1e-4")
    assert draft.problems() == {}


def test_emptying_a_field_takes_it_out(draft: Draft) -> None:
    rank = field_named("lora.r")
    draft.set_text(rank, "")
    assert draft.text(rank) == "16"


def test_a_mix_is_typed_as_yaml(draft: Draft) -> None:
    mix = field_named("data.mix")
    draft.set_text(mix, "{dataset: ./general.jsonl, ratio: 0.1}")
    assert draft.text(mix) == "[{dataset: ./general.jsonl, ratio: 0.1}]"
    preset = draft.snapshot().validated()
    assert preset.data.mix[0].dataset == str(draft.home / "presets" / "general.jsonl")
    draft.set_text(mix, "{dataset: ./general.jsonl, ratio: 2}")
    assert "entry 1: ratio: 2 is not allowed" in draft.problems()["data.mix"]
    draft.set_text(mix, "{datset: ./general.jsonl, ratio: 0.1}")
    assert "datset" in draft.problems()["data.mix"]


def test_raw_yaml_is_checked_the_same(draft: Draft) -> None:
    with pytest.raises(PresetError, match=r"mine\.yaml:2"):
        draft.set_yaml("train: [\n")
    draft.set_yaml("extends: demo\ntrain:\n  learnin_rate: 1\n")
    assert "Did you mean learning_rate?" in draft.problems()["train.learnin_rate"]
    with pytest.raises(PresetError, match="no preset of this name"):
        draft.set_yaml("extends: dmo\n")
    assert draft.extends == "demo"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("extends: demo\ndata: {train_dataset: ./a.jsonl, eval_fraction: 0.1}\n", "data.eval_fraction"),
        ("extends: demo\ntrain:\n  seed: &x 1\n  max_length: *x\n", "train.seed"),
        ("extends: demo\ndescription: |\n  one\n  # two\n\n  three\nlora:\n  r: 8\n", "description"),
        ("extends: demo\ntrain: {seed: 1}\nlora:\n  r: 8\n", "train.seed"),
    ],
    ids=["flow style", "anchor", "block text", "the last of a flow section"],
)
def test_taking_out_takes_nothing_else(home: Path, text: str, name: str) -> None:
    path = home / "presets" / "odd.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    draft = Draft.open(path, home)
    field = field_named(name)
    wanted = {one.name: draft.text(one) for one in fields() if draft.is_own(one) and one != field}
    draft.reset(field)
    assert {one.name: draft.text(one) for one in fields() if draft.is_own(one)} == wanted


@pytest.mark.parametrize("text", ["2024-13-01", "!!int x", "!!float x", "[", "{a", "*gone"])
def test_yaml_that_ruamel_chokes_on_stays_text(draft: Draft, text: str) -> None:
    rate = field_named("train.learning_rate")
    draft.set_text(rate, text)
    assert "train.learning_rate" in draft.problems()
    with pytest.raises(PresetError):
        draft.set_yaml(f"description: {text}\nextends: [\n")


def test_a_date_that_is_none_is_an_error_and_no_crash(draft: Draft) -> None:
    with pytest.raises(PresetError, match="not valid YAML"):
        draft.set_yaml("extends: demo\ndescription: 2024-13-01\n")


def test_a_comment_is_a_change(draft: Draft, path: Path) -> None:
    draft.set_yaml(TEXT + "# and this\n")
    assert draft.is_dirty
    draft.save()
    assert path.read_text() == TEXT + "# and this\n"


def test_what_is_typed_while_it_is_written_stays_and_is_not_saved_yet(draft: Draft, path: Path) -> None:
    rank, rate = field_named("lora.r"), field_named("train.learning_rate")
    draft.set_text(rank, "32")
    saving = draft.saving()
    draft.set_text(rate, "5e-5")
    saving.write()
    draft.was_saved(saving)
    assert draft.text(rate) == "5e-05"
    assert (draft.is_dirty, draft.is_changed(rate), draft.is_changed(rank)) == (True, True, False)
    assert "5e-5" not in path.read_text()
    draft.save()
    assert "5e-5" in path.read_text()


def test_a_link_stays_a_link_and_a_mode_a_mode(home: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.yaml"
    real.write_text(TEXT)
    real.chmod(0o640)
    link = home / "presets" / "mine.yaml"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    draft = Draft.open(link, home)
    draft.set_text(field_named("lora.r"), "32")
    draft.save()
    assert link.is_symlink()
    assert "r: 32" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.glob(".*.tmp"))


def test_somebody_elses_change_is_not_overwritten(draft: Draft, path: Path) -> None:
    draft.set_text(field_named("lora.r"), "32")
    path.write_text("extends: demo\n")
    with pytest.raises(StaleError):
        draft.save()
    assert path.read_text() == "extends: demo\n"
    draft.save(force=True)
    assert "r: 32" in path.read_text()


def test_another_preset_is_not_overwritten(draft: Draft, home: Path) -> None:
    other = home / "presets" / "other.yaml"
    other.write_text("extends: demo\n")
    with pytest.raises(FileExistsError):
        draft.save(other)
    assert other.read_text() == "extends: demo\n"


def test_saved_elsewhere_relative_paths_still_lead_there(home: Path, tmp_path: Path) -> None:
    source = tmp_path / "project" / "chat.yaml"
    source.parent.mkdir()
    (source.parent / "base.yaml").write_text("extends: demo\ntrain:\n  seed: 7\n")
    source.write_text(
        "extends: base\ndata:\n  train_dataset: ./rows.jsonl\n  mix: [{dataset: ./g.jsonl, ratio: 0.1}]\n"
    )
    draft = Draft.open(source, home)
    before = draft.snapshot().validated()
    saved = draft.save(files.own_folder(home) / "chat2.yaml")
    after = files.load("chat2", home).preset
    assert (after.data, after.train.seed) == (before.data, 7)
    assert saved.exists()
    assert "./rows.jsonl" in source.read_text()


def test_a_new_preset_extends_and_holds_nothing_else(home: Path) -> None:
    draft = Draft.extending("qlora-quickstart", home, "new", "Ours.")
    draft.set_text(field_named("train.seed"), "1")
    path = draft.save()
    assert path == home / "presets" / "new.yaml"
    assert [line for line in path.read_text().splitlines() if not line.startswith("#")] == [
        "extends: qlora-quickstart",
        "description: Ours.",
        "train:",
        "  seed: 1",
    ]


def test_a_runs_preset_becomes_a_file_of_its_differences(home: Path) -> None:
    preset = files.load("demo-overfit", home).preset
    draft = Draft.of_preset(preset, home, "again", "from a run")
    draft.save()
    assert files.load("again", home).preset == preset
    assert "warmup_steps: 5" in draft.yaml()
    assert "max_grad_norm" not in draft.yaml()
