"""Configs of other tools are data: whatever is in them, nothing of it is run, told in the clear or lost."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from runner.preset import files
from tests.configs.made import AXOLOTL, LLAMA_FACTORY, SCRIPT
from tests.conftest import ROOT
from tests.faults.scene import ftui

ROWS = "datasets: [{path: c/d, type: chat_template}]\n"
TOKEN = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgH"
# Of no shape that is known: told by the name of its key alone.
SECRET = "correct horse battery"
CODE = "import pathlib\npathlib.Path(__file__).with_name('was-run').touch()\n"


def laid(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def presets_of(home: Path) -> list[str]:
    return sorted(path.name for path in files.own_folder(home).glob("*.yaml"))


def refused(*arguments: str) -> str:
    """The error of a verb: two lines, no traceback."""
    told = ftui(*arguments, code=1)
    _, _, error = told.rpartition("Error: ")
    assert error.strip()
    assert error.strip().count("\n") <= 1, told
    assert "Traceback" not in told
    return error


# Nothing is run


@pytest.mark.parametrize(
    "key",
    [
        "trainer_cls: evil.Trainer",
        "plugins: [evil.Plugin]",
        "datasets: [{path: c/d, type: evil.strategy}]",
        "datasets: [{path: c/d, type: /tmp/evil.py}]",
        "datasets: [{path: c/d, type: alpaca, trust_remote_code: true}]",
    ],
)
@pytest.mark.fault(
    "a config of Axolotl names code: {key}", "left out in words, and nothing of it is imported"
)
def test_code_that_is_named(home: Path, tmp_path: Path, key: str) -> None:
    laid(tmp_path, CODE, "evil.py")
    path = laid(tmp_path, AXOLOTL + (key if key.startswith("datasets") else ROWS + key) + "\n")
    told = ftui("import", str(path), "--yes", env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert "Names code, left out (1)" in told
    assert not (tmp_path / "was-run").exists()
    assert "evil" not in (files.own_folder(home) / "config.yaml").read_text()


@pytest.mark.fault("the data set of a LLaMA-Factory config is a script", "left out in words; it is not run")
def test_a_data_set_that_is_a_script(home: Path, tmp_path: Path) -> None:
    laid(tmp_path, CODE, "evil.py")
    (tmp_path / "data").mkdir()
    laid(tmp_path / "data", '{"mine": {"script_url": "../evil.py"}}', "dataset_info.json")
    path = laid(tmp_path, LLAMA_FACTORY + "dataset: mine\n")
    told = ftui("import", str(path), "--yes", code=1)
    assert "Names code, left out (1)" in told
    assert "names no training rows" in told
    assert not (tmp_path / "was-run").exists()


@pytest.mark.fault(
    "a training script deletes files when it is started", "its constants are read, it is not run"
)
def test_a_script_that_does_things(home: Path, tmp_path: Path) -> None:
    path = laid(tmp_path, CODE + SCRIPT, "train.py")
    ftui("import", str(path), "--yes")
    assert not (tmp_path / "was-run").exists()
    assert files.load("train", home).preset.model.model_name_or_path == "a/b"


@pytest.mark.fault("modules lie beside a config under the names of ours", "none of them is imported")
def test_modules_beside_a_config(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ruamel", "runner", "json", "axolotl", "trl", "sitecustomize"):
        laid(tmp_path, CODE, f"{name}.py")
    laid(tmp_path, AXOLOTL + ROWS)
    monkeypatch.chdir(tmp_path)
    ftui("import", "config.yaml", "--yes")
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [touch was-run]", "!!python/name:os.system"]
)
@pytest.mark.fault("YAML of a config makes a Python object: {tag}", "it is no value; nothing is called")
def test_tags_of_python(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    laid(tmp_path, AXOLOTL + ROWS + f"seed: {tag}\n")
    told = ftui("import", "config.yaml", "--yes")
    assert not (tmp_path / "was-run").exists()
    assert "seed" in told.partition("Without a counterpart")[2]


@pytest.mark.fault(
    "a config switches on code that comes with the model", "taken over with a warning to read it first"
)
def test_remote_code(home: Path, tmp_path: Path) -> None:
    path = laid(tmp_path, AXOLOTL + ROWS + "trust_remote_code: true\n")
    assert "would run on this machine: read it first" in ftui("import", str(path), "--yes")


# Files that are none


def _pipe(path: Path) -> None:
    os.mkfifo(path)


_ALIASES = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghi")
)
FILES: dict[str, Callable[[Path], object]] = {
    "a pipe": _pipe,
    "a directory": lambda path: path.mkdir(),
    "a link to nothing": lambda path: path.symlink_to("gone"),
    "5 MiB of text": lambda path: path.write_text("# a line\n" * 600_000 + AXOLOTL + ROWS),
    "bytes that are no text": lambda path: path.write_bytes(b"a: \xff\xfe\x00\n"),
    "NUL characters": lambda path: path.write_bytes(b"base_model: a\x00b\n"),
    "brackets 100,000 deep": lambda path: path.write_text("a: " + "[" * 100_000),
    "aliases inside aliases": lambda path: path.write_text(_ALIASES),
    "a key twice": lambda path: path.write_text("base_model: a\nbase_model: b\n"),
    "nothing": lambda path: path.touch(),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
@pytest.mark.fault("`ftui import` is given {what}", "refused in two lines, at once")
def test_files_that_are_no_config(home: Path, tmp_path: Path, what: str) -> None:
    path = tmp_path / "config.yaml"
    FILES[what](path)
    assert "config.yaml" in refused("import", str(path), "--yes")
    assert presets_of(home) == []


SCRIPTS = {
    "expressions 10,000 deep": "LoraConfig(r=" + "(" * 10_000 + ")" * 10_000 + ")",
    "a number of 100,000 digits": "LoraConfig(r=" + "9" * 100_000 + ")",
    "NUL characters": "LoraConfig(r=1)\0",
    "5 MiB of comments": "# a line\n" * 600_000 + SCRIPT,
    "a chain of 50,000 additions": "LoraConfig(r=1" + "+1" * 50_000 + ")",
}


@pytest.mark.parametrize("what", SCRIPTS)
@pytest.mark.fault("a training script holds {what}", "refused in two lines; the parser holds")
def test_scripts_that_are_none(home: Path, tmp_path: Path, what: str) -> None:
    path = laid(tmp_path, SCRIPTS[what], "train.py")
    assert "train.py" in refused("import", str(path), "--yes")


@pytest.mark.fault("dataset_info.json is a pipe", "passed over; nothing waits for it")
def test_a_pipe_for_a_list_of_data_sets(home: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "data" / "dataset_info.json")
    path = laid(tmp_path, LLAMA_FACTORY + "dataset: mine\n")
    assert "names no training rows" in refused("import", str(path), "--yes")


# Secrets, and text from outside


@pytest.mark.parametrize("key", ["hub_token", "wandb_api_key", "hf_token", "report.token"])
@pytest.mark.fault("a config holds a token: {key}", "neither printed nor kept")
def test_tokens(home: Path, tmp_path: Path, key: str) -> None:
    row = f"{key}: {SECRET}\n" if "." not in key else f"wandb:\n  token: {SECRET}\nwandb_tags: {TOKEN}\n"
    path = laid(tmp_path, AXOLOTL + ROWS + row)
    told = ftui("import", str(path), "--yes")
    assert SECRET not in told
    assert TOKEN not in told
    assert SECRET not in (files.own_folder(home) / "config.yaml").read_text()


@pytest.mark.fault("the address of a config's data set holds a password", "refused; it is not told")
def test_a_password_in_an_address(home: Path, tmp_path: Path) -> None:
    path = laid(
        tmp_path, AXOLOTL + f"datasets: [{{path: 'https://me:{TOKEN}@host/x.jsonl', type: alpaca}}]\n"
    )
    told = ftui("import", str(path), "--yes", code=1)
    assert TOKEN not in told
    assert "kept in clear" in told
    assert presets_of(home) == []


@pytest.mark.fault(
    "keys and values of a config hold escapes for the terminal", "shown as signs, never obeyed"
)
def test_escapes(home: Path, tmp_path: Path) -> None:
    path = laid(tmp_path, AXOLOTL + ROWS + 'wandb_name: "\\e]0;title\\a\\e[2J"\n"\\e[31mred": 1\n')
    told = ftui("import", str(path), "--yes")
    assert "\x1b" not in told
    assert "\x07" not in told


# Nothing is lost


@pytest.mark.fault("the name of an import leads out of the folder of presets", "refused; nothing is written")
def test_a_name_that_leads_out(home: Path, tmp_path: Path) -> None:
    path = laid(tmp_path, AXOLOTL + ROWS)
    assert "a name has letters" in refused("import", str(path), "--yes", "--name", "../../x")
    assert presets_of(home) == []


@pytest.mark.fault("a preset of the config's name is there already", "another name is taken; that one stays")
def test_a_name_that_is_taken(home: Path, tmp_path: Path) -> None:
    files.own_folder(home).mkdir(parents=True)
    mine = laid(files.own_folder(home), "# mine\nextends: demo\n")
    ftui("import", str(laid(tmp_path, AXOLOTL + ROWS)), "--yes")
    assert mine.read_text() == "# mine\nextends: demo\n"
    assert presets_of(home) == ["config-2.yaml", "config.yaml"]


@pytest.mark.parametrize("there", ["a file", "a link to a file", "dataset_info.json of another"])
@pytest.mark.fault(
    "`ftui export-config` would write onto {there}", "refused; nothing of it is written or changed"
)
def test_an_export_onto_something(home: Path, tmp_path: Path, there: str) -> None:
    target, kept = tmp_path / "x.yaml", tmp_path / "kept"
    kept.write_text("mine")
    if there == "a file":
        target.write_text("mine")
    elif there == "a link to a file":
        target.symlink_to(kept)
    else:
        (tmp_path / "dataset_info.json").write_text("mine")
    before = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert "is there already" in refused("export-config", "demo", "--to", "llamafactory", "-o", str(target))
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("place", ["a folder that is a file", "a directory itself", "/proc"])
@pytest.mark.fault("`ftui export-config` is to write into {place}", "refused in two lines")
def test_an_export_that_cannot_be_written(home: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    target = {
        "a folder that is a file": tmp_path / "file" / "x.yaml",
        "a directory itself": tmp_path / "folder",
        "/proc": Path("/proc/x.yaml"),
    }[place]
    told = ftui("export-config", "demo", "--to", "trl", "-o", str(target), "--force", code=1)
    assert "Traceback" not in told
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("tool", ["axolotl", "llamafactory", "trl", "unsloth"])
@pytest.mark.fault("names in a preset hold lines that would be code in a config of {tool}", "they stay names")
def test_names_that_would_be_code(home: Path, tmp_path: Path, tool: str) -> None:
    evil = "x')\nimport os\nplugins: [evil]\n#"
    files.own_folder(home).mkdir(parents=True)
    quoted = evil.replace("\n", "\\n")
    laid(
        files.own_folder(home),
        f'description: "{quoted}"\nmodel: {{model_name_or_path: "torch.{quoted}"}}\n'
        f'data: {{train_dataset: "{quoted}", columns: {{text: "{quoted}"}}}}\nreport: {{run_name: "{quoted}"}}\n',
        "evil.yaml",
    )
    target = tmp_path / f"a\nimport os\nb{'.py' if tool == 'unsloth' else '.yaml'}"
    ftui("export-config", "evil", "--to", tool, "-o", str(target))
    text = target.read_text()
    if tool == "unsloth":
        imported = [
            name.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import)
            for name in node.names
        ]
        assert imported == ["torch"]
    ftui("import", str(target), "--name", "back", "--yes")
    back = files.load("back", home).preset
    assert back.model.model_name_or_path == f"torch.{evil}"
    assert back.report.run_name == evil
