"""Tokens and passwords never get into a record: their values are looked up where they are kept, and blotted out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from runner import safe_open
from runner.store import token_shapes
from runner.store.token_shapes import BLOT

# HF_TOKEN, HUGGING_FACE_HUB_TOKEN, WANDB_API_KEY, AWS_SECRET_ACCESS_KEY, COMET_API_KEY, KAGGLE_KEY, DB_PASSWORD …, but
# not TOKENIZER_NAME or AWS_SECRET_NAME: what is blotted out is missing wherever a run tells of it.
NAMES = re.compile(
    r"^(?!.*(?:TOKENI[SZ]|_(?:NAME|FILE|DIR|PATH|TYPE)$))"
    r".*(?:TOKEN|API_?KEY|ACCESS_?KEY|ACCOUNT_?KEY|PRIVATE_?KEY|KAGGLE_KEY|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL"
    r"|CONNECTION_STRING)",
    re.IGNORECASE,
)
# Shorter values are words like "true".
LEAST_LENGTH = 8
MOST_STORED = 20_000
_NETRC_PASSWORD = re.compile(r"\bpassword\s+(\S+)")


def values(environment: Mapping[str, str]) -> list[str]:
    """The secrets an environment names, and the stored logins of the hub and of W&B; longest first."""
    named = {value for name, value in environment.items() if NAMES.search(name) and not _is_plain(value)}
    found = {value for value in named | _stored(environment) if len(value) >= LEAST_LENGTH}
    return sorted(found, key=len, reverse=True)


def _is_plain(value: str) -> bool:
    """Whether it is a path or a number: HF_TOKEN_PATH, MAX_TOKENS=16777216, TOKENS_PER_SECOND=1234.567."""
    if value.startswith(("/", "~", ".")):
        return True
    try:
        float(value)
    except ValueError:
        return False
    return True


def _stored(environment: Mapping[str, str]) -> set[str]:
    """`hf auth login` writes a file of its own, `wandb login` a password into .netrc."""
    home = environment.get("HF_HOME") or "~/.cache/huggingface"
    token = _text(environment.get("HF_TOKEN_PATH") or f"{home}/token")
    passwords = _NETRC_PASSWORD.findall(_text(environment.get("NETRC") or "~/.netrc"))
    return {token.strip(), *passwords}


def _text(path: str) -> str:
    try:
        with safe_open.open_binary(Path(path).expanduser()) as stream:
            return stream.read(MOST_STORED).decode(errors="replace")
    except OSError:
        return ""


@cache
def _known() -> list[str]:
    """Those of this process's environment, as it is at the first use, also as a line of JSON writes them."""
    found = values(os.environ)
    written = {json.dumps(value, ensure_ascii=False)[1:-1] for value in found}
    return sorted(written.union(found), key=len, reverse=True)


def look_again() -> None:
    """Look the secrets up anew at the next use: the environment is another one now."""
    _known.cache_clear()


def redacted(text: str) -> str:
    """A text with every secret blotted out: those known by name or from a file, and what looks like a token."""
    for value in _known():
        if value in text:
            text = text.replace(value, BLOT)
    return token_shapes.without(text)


class _Redacting(io.TextIOWrapper):
    """A text stream that lets no known secret through, and bears a full disk."""

    def write(self, text: str) -> int:
        try:
            return super().write(redacted(text))
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
        if isinstance(stream, io.TextIOWrapper) and not isinstance(stream, _Redacting):
            stream.flush()
            guarded = _Redacting(
                stream.buffer, stream.encoding, "backslashreplace", line_buffering=True, write_through=True
            )
            setattr(sys, name, guarded)
