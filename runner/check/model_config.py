"""A model's config.json: from its directory, from the hub's cache on this machine, or from the hub."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runner import safe_open
from runner.insight.memory.architecture import Architecture, NotCoveredError
from runner.insight.memory.reading import read_architecture
from runner.insight.trainable import Untrainable, untrainable
from runner.machine.model_folder import find_folder, unreadable_secret
from runner.preset.files import shipped_folder

REACH_SECONDS = 3.0


@dataclass(frozen=True)
class ModelConfig:
    """What is known of a model: its shape, or why there is none; and what speaks against training it. `shipped` says
    that the figures came with ftui, because the model is not on this machine.
    """

    architecture: Architecture | None = None
    problem: str = ""
    untrainable: Untrainable | None = None
    shipped: bool = False


_fetched: dict[tuple[str, str], str] = {}
_lock = threading.Lock()


def read_model_config(name: str, revision: str, online: bool = False) -> ModelConfig:
    """The shape of a model. With `online` the hub is asked for its config.json when it is not here; that can take
    seconds, is tried once, and works only where huggingface_hub is installed.
    """
    folder = find_folder(name, revision)
    if folder is None and name.startswith("/"):
        return ModelConfig(problem=f"{name} has no config.json")
    shipped = shipped_config(name, revision) if folder is None else None
    if shipped is not None:
        return replace(_read(shipped, name), shipped=True)
    if folder is None and online:
        problem = _fetch(name, revision)
        folder = find_folder(name, revision)
        if folder is None:
            return ModelConfig(problem=problem or f"{name} is not on this machine")
    if folder is None:
        return ModelConfig(problem=f"{name} is not on this machine yet")
    return _read(folder, name)


def shipped_config(name: str, revision: str) -> Path | None:
    """The folder with the config.json of a model that a shipped preset names, at its newest; None for others."""
    folder = shipped_folder() / "models" / name.replace("/", "--")
    return folder if revision == "main" and (folder / "config.json").is_file() else None


def _read(folder: Path, name: str) -> ModelConfig:
    """A model's shape, and whether it can be trained on, out of its folder."""
    try:
        config: Any = json.loads(safe_open.read_bytes(folder / "config.json"))
        if not isinstance(config, dict):
            return ModelConfig(problem=f"{folder}/config.json is no object")
    except (OSError, ValueError, RecursionError) as error:
        return ModelConfig(
            problem=f"{folder}/config.json cannot be read: {getattr(error, 'strerror', None) or error}"
        )
    found = untrainable(config, name, (folder / "modules.json").is_file())
    if found is not None:
        return ModelConfig(
            problem="memory is not predicted: the model cannot be trained here", untrainable=found
        )
    try:
        return ModelConfig(read_architecture(config))
    except NotCoveredError as error:
        return ModelConfig(problem=f"memory is not predicted: {error}{known_figures(config)}")


def known_figures(config: Mapping[str, Any]) -> str:
    """' (32 layers of 4,544, a vocabulary of 65,024)' of a model whose family is not modelled; '' for nothing known."""
    text = config.get("text_config")
    both = {**config, **(text if isinstance(text, Mapping) else {})}
    layers, hidden, vocabulary = (
        value if type(value := both.get(key)) is int and 0 < value < 10**9 else 0
        for key in ("num_hidden_layers", "hidden_size", "vocab_size")
    )
    known = [f"{layers} layers of {hidden:,}"] if layers and hidden else []
    known += [f"a vocabulary of {vocabulary:,}"] if vocabulary else []
    return f" ({', '.join(known)})" if known else ""


def _fetch(name: str, revision: str) -> str:
    """Ask the hub for config.json, into its cache; why it did not work, empty when it did."""
    with _lock:
        if (name, revision) not in _fetched:
            _fetched[name, revision] = _download(name, revision)
        return _fetched[name, revision]


def _reachable() -> bool:
    """Whether the hub answers at all: its client would try for half a minute."""
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return True
    address = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), REACH_SECONDS).close()
    except OSError:
        return False
    return True


def _download(name: str, revision: str) -> str:
    try:
        from huggingface_hub import hf_hub_download
    except ImportError:
        return "huggingface_hub is not installed"
    if problem := unreadable_secret():
        return f"{name} cannot be looked up on the hub: {problem}"
    if not _reachable():
        return f"{name} is not on this machine, and the hub cannot be reached"
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    try:
        hf_hub_download(name, "config.json", revision=revision, etag_timeout=5)
    except Exception as error:
        # The hub's client raises a dozen kinds of error for gated, missing and unreachable models.
        lines = str(error).strip().splitlines()
        return f"{name} cannot be looked up on the hub: {lines[0] if lines else type(error).__name__}"
    # What marks an embedding model; most repositories have none, and without it nothing is lost.
    with suppress(Exception):
        hf_hub_download(name, "modules.json", revision=revision, etag_timeout=5)
    return ""
