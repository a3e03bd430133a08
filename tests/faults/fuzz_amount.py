"""With which seed is fuzzed: the suite with one that stays, so that it says the same twice; `make fuzz` with another
each time, which it prints.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

SEED_NAME = "FTUI_FUZZ_SEED"
OF_THE_SUITE = 20261201
SEED = int(os.environ.get(SEED_NAME, OF_THE_SUITE))


@contextmanager
def repeatable() -> Iterator[None]:
    """Whatever fails in here says how it is repeated."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"To repeat it: {SEED_NAME}={SEED}")
        raise
