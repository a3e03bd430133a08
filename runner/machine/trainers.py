"""Which modules train: a run directory names its own, and it may come from anywhere, so only these are ever started."""

from __future__ import annotations

import os

OURS = "runner.train"
# Names of further ones, with commas between them; the environment is the user's own, a run directory need not be.
MORE = "FTUI_TRAINERS"


def known() -> frozenset[str]:
    """The names of the modules that may be started as trainers."""
    more = (name.strip() for name in os.environ.get(MORE, "").split(","))
    return frozenset({OURS, *(name for name in more if name)})
