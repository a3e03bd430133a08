"""What counts as cut short; tests/train/test_demo.py asks it of real files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store import directory
from runner.store.checkpoint_integrity import is_cut_short
from runner.store.checkpoints import checkpoints
from tests.checkpoint_files import whole

Spoil = Callable[[bytes], bytes]

CUT: dict[str, Spoil] = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "a header's length": lambda data: data[:8],
    "half": lambda data: data[: len(data) // 2],
    "all but the last byte": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "its end is zeros": lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
}
NAMES = ("adapter_model.safetensors", "optimizer.pt")
# The tensors of a safetensors file are not looked at.
UNSEEN = {("adapter_model.safetensors", "its end is zeros")}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", CUT)
def test_what_was_cut_short_is_torn(tmp_path: Path, name: str, how: str) -> None:
    path = tmp_path / name
    path.write_bytes(whole(name, b"x" * 5000))
    assert not is_cut_short(path)
    path.write_bytes(CUT[how](path.read_bytes()))
    assert is_cut_short(path) is ((name, how) not in UNSEEN)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{",
        b'{"a": 1}',
        b'{"a": {}}',
        b'{"a": {"data_offsets": [0]}}',
        b'{"a": {"data_offsets": "ab"}}',
        b"[" * 5000,
    ],
)
def test_a_header_of_anything_is_torn(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert is_cut_short(path)


def test_what_is_no_file_is_torn(tmp_path: Path) -> None:
    assert is_cut_short(tmp_path / "missing.pt")
    assert is_cut_short(tmp_path)
    os.mkfifo(tmp_path / "pipe.pt")
    assert is_cut_short(tmp_path / "pipe.pt")


def test_what_is_not_known_must_hold_something(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text("{}")
    assert not is_cut_short(path)
    path.write_text("")
    assert is_cut_short(path)


@pytest.mark.parametrize("how", ["whole", "missing", "cut short", "elsewhere", "nothing named"])
def test_weights_in_several_files_are_whole_when_all_are(home: Path, how: str) -> None:
    run = directory.create(home, "demo")
    folder = run.checkpoints / "checkpoint-4"
    folder.mkdir(parents=True)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(whole(name, b"x" * 500))
    (folder / "trainer_state.json").write_text('{"global_step": 4}')
    named = {
        "one": "a.safetensors",
        "two": "../checkpoint-4/b.safetensors" if how == "elsewhere" else "b.safetensors",
    }
    index = {"weight_map": {} if how == "nothing named" else named}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    if how == "missing":
        (folder / "b.safetensors").unlink()
    elif how == "cut short":
        os.truncate(folder / "b.safetensors", 400)
    (found,) = checkpoints(run)
    assert found.is_whole is (how == "whole")
