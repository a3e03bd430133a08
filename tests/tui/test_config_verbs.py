"""`ftui import` and `ftui export-config`: what they print, write and refuse, and that nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.preset import files
from tests.configs.made import AXOLOTL, TRL
from tui.cli import cli

ROWS = "datasets: [{path: c/d, type: chat_template}]\n"


def ftui(*arguments: str) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str, code: int = 1) -> str:
    done = CliRunner().invoke(cli, list(arguments))
    assert done.exit_code == code, done.output
    assert isinstance(done.exception, SystemExit)
    _, _, error = done.output.rpartition("Error: ")
    assert error.count("\n") <= 2
    return error


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with a config in it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / "my qlora.yaml"
    path.write_text(AXOLOTL + ROWS + "output_dir: out\nsequence_length: 9\nplugins: [a.B]\nhub_token: hf_x\n")
    return path


def test_every_key_is_told_under_what_became_of_it(home: Path, config: Path) -> None:
    told = ftui("import", str(config), "--yes")
    assert "my qlora.yaml: Axolotl, told by its keys base_model" in told
    for heading, row in (
        ("Understood (7)", "    2  sequence_len: 1024  →  train.max_length: 1024"),
        (
            "Done by ftui without being told (2)",
            "    7  output_dir: out  →  each run has a directory of its own",
        ),
        ("Names code, left out (1)", "    9  plugins: [a.B]  →  Nothing is run from a config."),
        (
            "Not known, left out: look at these (1)",
            "    8  sequence_length: 9  →  No known key. Did you mean",
        ),
        (
            "Not set there: the tool's defaults",
            "       lr_scheduler: cosine  →  train.lr_scheduler_type: cosine; not",
        ),
    ):
        assert heading in told
        assert row in told.partition(heading)[2]
    assert "hf_x" not in told
    assert told.endswith("Next: ftui check my-qlora\n")


def test_the_preset_is_shown_and_saved_as_it_is_shown(home: Path, config: Path) -> None:
    told = ftui("import", str(config), "--name", "mine", "--yes")
    saved = files.own_folder(home) / "mine.yaml"
    assert str(saved) in told
    assert saved.read_text().rstrip() in told
    assert files.load("mine", home).preset.train.max_length == 1024
    assert (files.own_folder(home) / "preset.schema.json").is_file()


def test_without_a_terminal_it_is_only_saved_with_yes(home: Path, config: Path) -> None:
    assert "Say --yes" in refused("import", str(config), code=2)
    assert not files.own_folder(home).exists()


def test_a_name_is_found_and_never_taken_twice(home: Path, config: Path) -> None:
    ftui("import", str(config), "--yes")
    before = (files.own_folder(home) / "my-qlora.yaml").read_text()
    assert "Next: ftui check my-qlora-2" in ftui("import", str(config), "--yes")
    assert "a preset of this name" in refused("import", str(config), "--name", "my-qlora", "--yes")
    assert "a preset of this name" in refused("import", str(config), "--name", "demo", "--yes")
    assert "a name has letters" in refused("import", str(config), "--name", "../x", "--yes")
    assert (files.own_folder(home) / "my-qlora.yaml").read_text() == before
    assert len(list(files.own_folder(home).glob("*.yaml"))) == 2


def test_what_a_config_does_not_name_is_said_by_set(home: Path, config: Path) -> None:
    config.write_text(AXOLOTL)
    assert "--set data.train_dataset=" in refused("import", str(config), "--yes")
    ftui("import", str(config), "--yes", "--set", "data.train_dataset=x.jsonl", "--set", "train.seed=7")
    preset = files.load("my-qlora", home).preset
    assert (preset.data.train_dataset, preset.train.seed) == (str(config.parent / "x.jsonl"), 7)


def test_of_what_tool_it_is_can_be_said(home: Path, config: Path) -> None:
    config.write_text("stage: sft\n" + TRL.replace("assistant_only_loss: true\ndataset_name: c/d\n", ""))
    config.write_text("model_name_or_path: a/b\nuse_peft: true\nstage: sft\n")
    assert "LLaMA-Factory or TRL" in refused("import", str(config), "--yes")
    ftui("import", str(config), "--from", "trl", "--yes", "--set", "data.train_dataset=c/d")


@pytest.mark.parametrize(
    ("tool", "suffix", "start"),
    [
        ("axolotl", ".yaml", "axolotl train demo.axolotl.yaml --launcher python"),
        ("llamafactory", ".yaml", "llamafactory-cli train demo.llamafactory.yaml"),
        ("trl", ".yaml", "trl sft --config demo.trl.yaml"),
        ("unsloth", ".py", "python demo.unsloth.py"),
    ],
)
def test_a_config_is_written_with_how_it_is_started(
    home: Path, config: Path, tool: str, suffix: str, start: str
) -> None:
    told = ftui("export-config", "demo", "--to", tool)
    written = config.parent / f"demo.{tool}{suffix}"
    assert told.startswith(str(written))
    assert told.endswith(f"Start it: {start}\n")
    assert f"# Start it: {start}\n" in written.read_text()
    assert (config.parent / "dataset_info.json").exists() == (tool == "llamafactory")


def test_what_the_tool_cannot_express_is_printed_and_stands_in_the_file(home: Path, config: Path) -> None:
    told = ftui("export-config", "demo", "--to", "trl", "--set", "data.skip_rows=[3, 5]", "-o", "x.yaml")
    assert "TRL cannot express data.skip_rows: [3, 5]\n" in told
    assert "# - data.skip_rows: [3, 5]\n" in (config.parent / "x.yaml").read_text()


def test_nothing_is_overwritten_without_being_asked_for(home: Path, config: Path) -> None:
    (config.parent / "dataset_info.json").write_text("mine")
    said = refused("export-config", "demo", "--to", "llamafactory", "-o", "new.yaml")
    assert "dataset_info.json: is there already" in said
    assert not (config.parent / "new.yaml").exists()
    assert (config.parent / "dataset_info.json").read_text() == "mine"
    ftui("export-config", "demo", "--to", "llamafactory", "-o", "new.yaml", "--force")
    assert "train" in (config.parent / "dataset_info.json").read_text()


@pytest.mark.parametrize("tool", ["axolotl", "llamafactory", "trl", "unsloth"])
def test_there_and_back_no_setting_differs_that_the_tool_can_express(
    home: Path, config: Path, tool: str
) -> None:
    ftui("presets", "new", "mine", "--from", "qlora-quickstart", "--set", "data.train_dataset=x.jsonl")
    written = ftui("export-config", "mine", "--to", tool).splitlines()[0]
    ftui("import", written, "--name", "back", "--yes")
    done = CliRunner().invoke(cli, ["presets", "diff", "mine", "back"])
    differing = {row.split()[0] for row in done.output.splitlines()[1:]} if done.exit_code else set()
    left_out = {"model.chat_template_path", "train.packing_strategy"}
    assert differing <= left_out, done.output


def test_the_help_teaches() -> None:
    told = ftui("import", "--help")
    assert "ftui import qlora.yaml" in told
    assert "nothing in a" in told
    assert "axolotl" in ftui("export-config", "--help")
    assert "import" in ftui("--help")
