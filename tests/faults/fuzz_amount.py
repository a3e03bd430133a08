"""How much is fuzzed, with which seed: a little with other values in every run of the tests, all by `make fuzz`."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

SEED_NAME = "FTUI_FUZZ_SEED"
# Set for the workers too, which inherit it: one seed for all of a run.
SEED = int(os.environ.setdefault(SEED_NAME, str(secrets.randbelow(1 << 32))))


@contextmanager
def repeatable() -> Iterator[None]:
    """Whatever fails in here says how it is repeated."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"To repeat it: {SEED_NAME}={SEED}")
        raise
