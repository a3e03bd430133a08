"""What is proposed for a file of rows, on this and on other machines; and the verbs that take one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from runner import gpu
from runner.commands.first_run import FirstRun, is_data_file, propose
from runner.data.errors import DataError
from runner.gpu import Gpu, GpuReading, GpuSample
from runner.preset import files
from tui.cli import cli

CHATS: list[dict[str, object]] = [
    {"messages": [{"role": "user", "content": f"q{i}"}, {"role": "assistant", "content": f"a{i}"}]}
    for i in range(60)
]


def written(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    return written(tmp_path / "my chats #1.jsonl", list(CHATS))


def with_card(monkeypatch: pytest.MonkeyPatch, total_gib: float | None) -> None:
    samples = []
    if total_gib is not None:
        mib = round(1024 * total_gib)
        samples = [
            GpuSample(Gpu(0, "GPU-1", f"Card of {total_gib}", mib, (8, 9)), used_mib=300, free_mib=mib - 300)
        ]
    monkeypatch.setattr(gpu, "read", lambda *_, **__: GpuReading(tuple(samples)))


def of(found: FirstRun, label: str) -> str:
    return next(line for line in found.lines if line.startswith(label))


@pytest.mark.parametrize(
    ("gib", "base"),
    [(None, "demo"), (8, "qlora-quickstart"), (24, "qlora-8b-24gb"), (80, "qlora-8b-80gb")],
)
def test_the_largest_preset_that_fits_is_proposed(
    chats: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gib: float | None, base: str
) -> None:
    with_card(monkeypatch, gib)
    found = propose(chats, home, where=tmp_path)
    assert (found.base, found.problem, len(found.lines)) == (base, "", 5)
    assert "60 rows · chat messages" in of(found, "Data")
    assert found.loaded(home).preset.data.train_dataset == str(chats)
    assert not files.own_folder(home).exists()


def test_the_preset_that_is_left_is_ones_own(chats: Path, home: Path, tmp_path: Path) -> None:
    names = []
    for _ in range(2):
        found = propose(chats, home, where=tmp_path)
        names.append(found.name)
        path = found.save(home)
        assert files.load(str(path), home).preset.data.train_dataset == str(chats)
    assert names == ["my-chats-1", "my-chats-1-2"]


def test_a_model_that_is_here_goes_first(
    chats: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_card(monkeypatch, 24)
    model = files.shipped_folder() / "demo" / "model"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "small").symlink_to(model)
    found = propose(chats, home, where=tmp_path)
    assert found.loaded(home).preset.model.model_name_or_path == str(model.resolve())
    assert of(found, "Model").endswith("here")
    named = propose(chats, home, "org/other", where=tmp_path)
    assert named.loaded(home).preset.model.model_name_or_path == "org/other"


def test_two_columns_of_any_name_are_a_question_and_an_answer(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("Frage: kurz;Antwort\n" + "".join(f"Wo ist {i}?;Da {i}.\n" for i in range(30)))
    found = propose(path, home, where=tmp_path)
    assert found.problem == ""
    assert "Frage: kurz and Antwort are question and answer" in of(found, "Data")
    saved = files.load(str(found.save(home)), home).preset
    assert saved.data.columns == {"question": "Frage: kurz", "answer": "Antwort"}


def test_rows_that_cannot_be_used_are_an_obstacle_that_a_word_removes(home: Path, tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [*CHATS, {"nothing": "known"}])
    found = propose(path, home, where=tmp_path)
    assert found.bad_rows == 1
    assert "1 of the rows looked at cannot be used; row 61: has nothing" in found.problem
    skipped = propose(path, home, skip_bad=True, where=tmp_path)
    assert skipped.problem == ""
    assert skipped.loaded(home).preset.data.on_bad_rows == "skip"
    hopeless = propose(written(tmp_path / "none.jsonl", [{"a": 1, "b": 2, "c": 3}]), home, where=tmp_path)
    assert hopeless.problem.startswith("none of the rows looked at can be used")
    assert hopeless.bad_rows == 0
    with pytest.raises(DataError, match="has no rows"):
        propose(written(tmp_path / "empty.jsonl", []), home, where=tmp_path)


def test_what_is_a_file_of_rows(chats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("extends: demo\n")
    (tmp_path / "demo").write_text("a file called like a preset")
    assert is_data_file(chats.name)
    assert is_data_file(str(chats))
    assert not any(
        is_data_file(text) for text in ("mine.yaml", "demo", "none.jsonl", "qlora-quickstart", ".")
    )


def test_the_verbs_take_a_file_and_ask(chats: Path, home: Path) -> None:
    asked = CliRunner()
    refused = asked.invoke(cli, ["run", str(chats)])
    assert refused.exit_code == 2
    assert "say --yes" in refused.output
    assert "Preset  my-chats-1, on top of" in refused.output
    checked = asked.invoke(cli, ["check", str(chats), "--no-data", "--json"])
    assert json.loads(checked.stdout)["preset"] == "my-chats-1"
    wrong = asked.invoke(cli, ["check", "demo", "--skip-bad"])
    assert (wrong.exit_code, "go with a file of rows" in wrong.output) == (2, True)
    assert not files.own_folder(home).exists()
