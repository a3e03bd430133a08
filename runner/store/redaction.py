"""Tokens and passwords never get into a record: their values are looked up where they are kept, and blotted out."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

# HF_TOKEN, HUGGING_FACE_HUB_TOKEN, WANDB_API_KEY, AWS_SECRET_ACCESS_KEY, COMET_API_KEY, DB_PASSWORD …
NAMES = re.compile(r"(TOKEN|API_?KEY|SECRET|PASSWORD|PASSWD|CREDENTIAL)", re.IGNORECASE)
# Shorter values are words like "true".
LEAST_LENGTH = 8
BLOT = "•••"
# Also without being named anywhere: what the hub and W&B hand out today has these shapes.
SHAPES = r"\bhf_[A-Za-z0-9]{30,}\b|\bwandb_v1_[A-Za-z0-9_]{30,}\b|\bgh[pousr]_[A-Za-z0-9]{36,}\b"


def values(environment: Mapping[str, str]) -> list[str]:
    """The secrets an environment names, and the hub's stored login; longest first."""
    found = {
        value
        for name, value in environment.items()
        if NAMES.search(name) and len(value) >= LEAST_LENGTH and not _is_plain(value)
    }
    found |= {token for token in (_stored_token(environment),) if len(token) >= LEAST_LENGTH}
    return sorted(found, key=len, reverse=True)


def _is_plain(value: str) -> bool:
    """Whether it is a path or a number: HF_TOKEN_PATH, TOKENIZER_THREADS=16777216."""
    return value.startswith(("/", "~", ".")) or value.isdigit()


def _stored_token(environment: Mapping[str, str]) -> str:
    home = environment.get("HF_HOME") or "~/.cache/huggingface"
    path = Path(environment.get("HF_TOKEN_PATH") or f"{home}/token").expanduser()
    try:
        return path.read_text(encoding="utf-8", errors="replace")[:500].strip()
    except OSError:
        return ""


@cache
def _pattern() -> re.Pattern[str]:
    """Of this process's environment, as it is at the first use."""
    return re.compile("|".join([*map(re.escape, values(os.environ)), SHAPES]))


def look_again() -> None:
    """Look the secrets up anew at the next use: the environment is another one now."""
    _pattern.cache_clear()


def without(text: str) -> str:
    """A text with every known secret blotted out."""
    return _pattern().sub(BLOT, text)


class _Blotting(io.TextIOWrapper):
    """A text stream that lets no known secret through, and bears a full disk."""

    def write(self, text: str) -> int:
        try:
            return super().write(without(text))
        except OSError:
            # A full disk: what is printed is not worth a run.
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def guard_streams() -> None:
    """Keep secrets out of what this process prints from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Once: what holds the first guarded stream (a log handler) would see it closed with the second.
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, _Blotting):
            stream.flush()
            guarded = _Blotting(
                stream.buffer, stream.encoding, "backslashreplace", line_buffering=True, write_through=True
            )
            setattr(sys, name, guarded)
