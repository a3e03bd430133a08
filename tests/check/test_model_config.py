"""A model's shape: out of a directory, out of the hub's cache, or a sentence that says why there is none."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from runner.check import model_config
from runner.check.model_config import ModelConfig, read_model_config
from runner.machine.model_folder import cache_folder, find_folder
from runner.preset.files import shipped_folder

DEMO = shipped_folder() / "demo" / "model"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub, and nothing fetched before."""
    for name in ("HF_HUB_CACHE", "XDG_CACHE_HOME", "HTTPS_PROXY", "https_proxy", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr(model_config, "_fetched", {})
    return tmp_path / "hf" / "hub"


def cached(hub: Path, name: str = "org/tiny", commit: str = COMMIT, ref: str | None = "main") -> Path:
    """A snapshot as huggingface_hub lays it down: the content among blobs, links to it, a name for the commit."""
    repository = hub / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir(exist_ok=True)
    shutil.copy(DEMO / "config.json", repository / "blobs" / commit)
    (snapshot / "config.json").symlink_to(f"../../blobs/{commit}")
    if ref is not None:
        place = repository / "refs" / ref
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(commit)
    return snapshot


def is_the_demos(found: ModelConfig) -> bool:
    shape = found.architecture
    assert shape is not None, found.problem
    assert found.problem == ""
    figures = (
        shape.model_type,
        shape.hidden,
        shape.layers,
        shape.kinds[0].keys,
        shape.vocabulary,
        shape.tied,
    )
    return figures == ("qwen3", 128, 4, 64, 576, True)


def test_the_cache_is_where_huggingface_hub_looks_for_it(
    tmp_path: Path, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() == hub
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "huggingface" / "hub"


def test_a_directory_is_read_and_its_revision_does_not_matter() -> None:
    assert is_the_demos(read_model_config(str(DEMO), "main"))
    assert is_the_demos(read_model_config(str(DEMO), "v7"))


def test_a_directory_without_a_config_says_so_and_is_not_looked_up(tmp_path: Path) -> None:
    for online in (False, True):
        found = read_model_config(str(tmp_path), "main", online)
        assert found == ModelConfig(problem=f"{tmp_path} has no config.json")


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1"])
def test_a_snapshot_is_found_by_the_name_of_its_revision(hub: Path, revision: str) -> None:
    snapshot = cached(hub, ref=revision)
    assert find_folder("org/tiny", revision) == snapshot
    assert is_the_demos(read_model_config("org/tiny", revision))


def test_a_snapshot_is_found_by_its_commit(hub: Path) -> None:
    snapshot = cached(hub, ref=None)
    assert find_folder("org/tiny", COMMIT) == snapshot
    assert is_the_demos(read_model_config("org/tiny", COMMIT))
    assert read_model_config("org/tiny", "main").problem == "org/tiny is not on this machine yet"


def test_of_two_snapshots_the_named_one_is_read(hub: Path) -> None:
    other = "f" * 40
    cached(hub, commit=other, ref="old")
    config = hub / "models--org--tiny" / "blobs" / other
    config.write_text(json.dumps({**json.loads(config.read_text()), "num_hidden_layers": 2}))
    cached(hub)
    layers = [
        found.architecture.layers
        for revision in ("main", "old", other)
        if (found := read_model_config("org/tiny", revision)).architecture is not None
    ]
    assert layers == [4, 2, 2]


def test_a_name_without_an_owner_is_found_too(hub: Path) -> None:
    cached(hub, name="gpt-tiny")
    assert is_the_demos(read_model_config("gpt-tiny", "main"))


def test_a_download_that_has_only_begun_is_not_on_this_machine(hub: Path) -> None:
    snapshot = cached(hub)
    (hub / "models--org--tiny" / "blobs" / COMMIT).unlink()
    assert snapshot.is_dir()
    assert "not on this machine" in read_model_config("org/tiny", "main").problem


GARBAGE = {
    "torn": b'{"model_type": "qwen3", "hid',
    "empty": b"",
    "no text": b"\xff\xfe\x00\x80",
    "a list": b"[1, 2]",
    "null": b"null",
    "no family": b"{}",
    "words for figures": b'{"model_type": "qwen3", "hidden_size": "large"}',
    "nothing for a figure": b'{"model_type": "llama", "hidden_size": 128, "num_attention_heads": 0}',
    "true for a figure": b'{"model_type": "llama", "hidden_size": true, "num_attention_heads": 2}',
    "another family": b'{"model_type": "mamba"}',
    "experts": b'{"model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 8}',
    "a list for its text": b'{"model_type": "llama", "text_config": [1]}',
    "endlessly nested": b"[" * 100_000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_config_that_says_nothing_useful_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    found = read_model_config(str(tmp_path), "main")
    assert found.architecture is None
    assert 10 < len(found.problem) < 300
    assert "\n" not in found.problem


def test_a_config_that_may_not_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()
    assert read_model_config(str(tmp_path), "main").problem == f"{tmp_path} has no config.json"


# The hub


def test_without_being_asked_the_hub_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("nothing is to be fetched")

    monkeypatch.setattr(model_config, "_fetch", refuse)
    assert read_model_config("org/tiny", "main").problem == "org/tiny is not on this machine yet"


def test_a_hub_that_does_not_answer_is_a_sentence_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port without a listener, as a machine without a network would see it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    tried: list[object] = []
    connect = socket.create_connection

    def counted(address: tuple[str, int], timeout: float) -> socket.socket:
        tried.append(address)
        return connect(address, timeout)

    monkeypatch.setattr(socket, "create_connection", counted)
    for _ in range(3):
        found = read_model_config("org/tiny", "main", online=True)
        assert found.problem == "org/tiny is not on this machine, and the hub cannot be reached"
    assert tried == [("127.0.0.1", port)]


def test_offline_on_purpose_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE, with a hub that would answer: huggingface_hub's own refusal is put into words."""
    with socket.socket() as hub:
        hub.bind(("127.0.0.1", 0))
        hub.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        found = read_model_config("org/tiny", "main", online=True)
    assert found.architecture is None
    assert found.problem.startswith("org/tiny")
    assert "\n" not in found.problem
    assert "Traceback" not in found.problem


def test_what_is_in_the_cache_is_not_asked_for(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(hub)

    def refuse(*_: object) -> str:
        raise AssertionError("nothing is to be fetched")

    monkeypatch.setattr(model_config, "_fetch", refuse)
    assert is_the_demos(read_model_config("org/tiny", "main", online=True))
