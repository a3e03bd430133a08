"""What stands at the right while there are no runs."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

BOLD = "bold"
WORDS = (
    "No runs yet.\n\nChoose a preset at the left with ",
    ("tab", BOLD),
    " and the arrow keys, and press ",
    ("l", BOLD),
    " to launch it.\n",
    ("demo", BOLD),
    " needs nothing but this machine and takes about a minute.\n\n",
    ("n", BOLD),
    " and then ",
    ("d", BOLD),
    " trains on rows of your own.",
)


class Welcome(Static):
    """How to start the first run."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(Text.assemble(*WORDS), id=id)
