"""Preset files: found, extended, overridden, refused by name, saved with their comments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.preset import document, files
from runner.preset.errors import PresetError
from runner.preset.json_schema import FILE_NAME, json_schema
from runner.preset.schema import SECTIONS, Preset, section_type
from tests.conftest import ROOT

MINIMAL = "model:\n  model_name_or_path: org/model\ndata:\n  train_dataset: ./rows.jsonl\n"
SHIPPED = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
EXPECTED = {
    "demo",
    "demo-overfit",
    "full-finetune",
    "lora-16bit",
    "qlora-8b-24gb",
    "qlora-8b-80gb",
    "qlora-quickstart",
    "seed-unsloth-quickstart",
}


def write(folder: Path, text: str, name: str = "p.yaml") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def problems(folder: Path, text: str, home: Path, *overrides: str) -> list[str]:
    with pytest.raises(PresetError) as caught:
        files.load(write(folder, text), home, overrides)
    return [str(problem) for problem in caught.value.problems]


def test_all_of_the_shipped_presets_are_there() -> None:
    assert set(SHIPPED) == EXPECTED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_preset_loads(name: str, home: Path) -> None:
    loaded = files.load(name, home)
    assert loaded.preset.description
    assert loaded.preset.method in ("QLoRA", "LoRA", "full fine-tuning")


def test_the_seed_preset_has_the_tutorials_settings(home: Path) -> None:
    preset = files.load("seed-unsloth-quickstart", home).preset
    lora, train = preset.lora, preset.train
    assert (lora.r, lora.lora_alpha, lora.lora_dropout, len(lora.target_modules)) == (16, 32, 0.05, 7)
    assert (train.per_device_train_batch_size, train.gradient_accumulation_steps) == (4, 4)
    assert (train.max_length, train.num_train_epochs, train.learning_rate, train.warmup_steps) == (
        2048,
        3,
        2e-4,
        10,
    )
    assert (preset.report.logging_steps, preset.output.save_steps) == (10, 100)


def test_every_field_has_a_doc_and_a_default_or_is_required() -> None:
    for section in SECTIONS:
        for key, field in section_type(section).model_fields.items():
            assert field.description, f"{section}.{key}"
            assert len(field.description) > 15, f"{section}.{key}"


def test_yaml_1_2_reads_exponents_as_numbers(tmp_path: Path, home: Path) -> None:
    loaded = files.load(write(tmp_path, MINIMAL + "train:\n  learning_rate: 2e-4\n"), home)
    assert loaded.preset.train.learning_rate == 2e-4


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("train:\n  learnin_rate: 1e-4\n", 6, ["learnin_rate", "Did you mean learning_rate?"]),
        ("train:\n  r: 16\n", 6, ["train.r", "It belongs under lora."]),
        ("trian:\n  r: 16\n", 5, ["trian", "Did you mean train?"]),
        ("train:\n  per_device_train_batch_size: 0\n", 6, ["0", "a whole number from 1 to 4096"]),
        ("train:\n  per_device_train_batch_size: true\n", 6, ["True", "a whole number"]),
        ("train:\n  learning_rate: fast\n", 6, ["'fast'", "a number above 0"]),
        ("train:\n  learning_rate: .nan\n", 6, ["nan"]),
        ("train:\n  optim: adam\n", 6, ["'adam'", "adamw_torch_fused"]),
        ("train:\n  warmup_steps: 2.5\n", 5, ["whole number"]),
        ("lora: 16\n", 5, ["lora", "not a section"]),
        ("quantization:\n  load_in_8bit: true\n", 5, ["load_in_4bit and load_in_8bit are both true"]),
        ("eval:\n  eval_steps: 0\n", 6, ["0", "from 1 or auto"]),
    ],
)
def test_bad_settings_are_refused_with_file_line_key_and_cure(
    tmp_path: Path, home: Path, text: str, line: int, words: list[str]
) -> None:
    (problem,) = problems(tmp_path, MINIMAL + text, home)
    assert problem.startswith(f"{tmp_path}/p.yaml:{line}: ")
    for word in words:
        assert word in problem


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path, home: Path) -> None:
    assert len(problems(tmp_path, "train:\n  a: 1\n  b: 2\nfoo: 3\n", home)) == 5


@pytest.mark.parametrize("text", ["", "- a\n", "just text", "model: [", "a: 1\na: 2\n", "\x00"])
def test_what_is_no_preset_is_refused_in_a_sentence(tmp_path: Path, home: Path, text: str) -> None:
    assert all(str(tmp_path) in problem for problem in problems(tmp_path, text, home))


def test_a_yaml_tag_runs_nothing(tmp_path: Path, home: Path) -> None:
    marker = tmp_path / "ran"
    text = MINIMAL + f"description: !!python/object/apply:os.system ['touch {marker}']\n"
    problems(tmp_path, text, home)
    assert not marker.exists()


def test_extends_merges_section_by_section_and_keeps_origins(tmp_path: Path, home: Path) -> None:
    write(tmp_path, MINIMAL + "train:\n  max_length: 512\n  seed: 7\n", "base.yaml")
    loaded = files.load(write(tmp_path, "extends: base\ntrain:\n  seed: 8\n"), home)
    assert (loaded.preset.train.max_length, loaded.preset.train.seed) == (512, 8)
    assert loaded.origins["train", "max_length"].file.endswith("base.yaml")
    assert str(loaded.origins["train", "seed"]) == f"{tmp_path}/p.yaml:3"


def test_extends_in_a_circle_or_into_nothing_is_refused(tmp_path: Path, home: Path) -> None:
    write(tmp_path, "extends: p\n", "base.yaml")
    assert "circle" in problems(tmp_path, "extends: base\n", home)[0]
    (problem,) = problems(tmp_path, "extends: qlora-quickstar\n", home)
    assert "p.yaml:1: extends: qlora-quickstar" in problem
    assert "Did you mean qlora-quickstart?" in problem


def test_paths_are_absolute_against_the_file_that_names_them(tmp_path: Path, home: Path) -> None:
    write(tmp_path, MINIMAL, "a/base.yaml")
    loaded = files.load(
        write(tmp_path, "extends: ../a/base.yaml\nmodel:\n  model_name_or_path: ./m\n", "b/p.yaml"), home
    )
    assert loaded.preset.data.train_dataset == str(tmp_path / "a/rows.jsonl")
    assert loaded.preset.model.model_name_or_path == str(tmp_path / "b/m")


@pytest.mark.parametrize(
    ("text", "result"),
    [("org/name", "org/name"), ("./x", "/f/x"), ("x.jsonl", "/f/x.jsonl"), ("/a/../b", "/b"), ("../x", "/x")],
)
def test_hub_names_stay_and_paths_become_absolute(text: str, result: str) -> None:
    assert files.absolute(text, Path("/f"), "local-or-hub") == result


def test_set_overrides_and_names_itself_when_wrong(tmp_path: Path, home: Path) -> None:
    loaded = files.load(
        write(tmp_path, MINIMAL), home, ["train.learning_rate=1e-3", "lora.target_modules=[q_proj]"]
    )
    assert loaded.preset.train.learning_rate == 1e-3
    assert loaded.preset.lora.target_modules == ["q_proj"]
    assert problems(tmp_path, MINIMAL, home, "train.max_length=x")[0].startswith("--set: train.max_length")
    assert "section.key=value" in problems(tmp_path, MINIMAL, home, "max_length")[0]


def test_a_frozen_preset_reads_back_as_it_was(tmp_path: Path, home: Path) -> None:
    for name in SHIPPED:
        preset = files.load(name, home).preset
        files.dump(preset, tmp_path / "frozen.yaml")
        assert files.load_frozen(tmp_path / "frozen.yaml") == preset


@given(st.floats(1e-9, 1.0), st.integers(1, 4096), st.text(max_size=40))
def test_any_values_survive_the_file(tmp_path_factory, rate: float, batch: int, words: str) -> None:  # type: ignore[no-untyped-def]
    preset = Preset.model_validate(
        {
            "description": words,
            "model": {"model_name_or_path": "a/b"},
            "data": {"train_dataset": "c/d"},
            "train": {"learning_rate": rate, "per_device_train_batch_size": batch},
        }
    )
    path = tmp_path_factory.mktemp("yaml") / "p.yaml"
    files.dump(preset, path)
    assert files.load_frozen(path) == preset


def test_an_own_preset_hides_a_shipped_one_of_its_name(home: Path) -> None:
    write(files.own_folder(home), MINIMAL, "demo.yaml")
    found = {preset.name: preset for preset in files.list_presets(home)}
    assert not found["demo"].shipped
    assert found["demo-overfit"].shipped


def test_an_unknown_preset_names_the_nearest(home: Path) -> None:
    with pytest.raises(PresetError, match="Did you mean demo-overfit"):
        files.load("demo-overfitt", home)


def test_the_json_schema_is_json() -> None:
    assert "learning_rate" in json.dumps(Preset.model_json_schema())


def test_the_schema_beside_the_shipped_presets_is_the_schema() -> None:
    """`make reference` writes it again."""
    folder = files.shipped_folder()
    assert json.loads((folder / FILE_NAME).read_text(encoding="utf-8")) == json_schema()
    for preset in folder.glob("*.yaml"):
        assert preset.read_text(encoding="utf-8").startswith(
            "# yaml-language-server: $schema=./preset.schema.json\n"
        )


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_the_ends_of_lines_are_those_of_this_system(tmp_path: Path, end: str) -> None:
    path = tmp_path / "p.yaml"
    text = "# top\nmodel:\n  # inner\n  revision: x # tail\n"
    path.write_bytes(text.replace("\n", end).encode())
    assert document.text_of(document.parse(path)) == text
