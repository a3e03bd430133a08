"""What stands at the right while there are no runs."""

from __future__ import annotations

from textual.widgets import Static

WORDS = """\
No runs yet.

Choose a preset at the left with [b]tab[/b] and the arrow keys, and press [b]l[/b] to launch it.
[b]demo[/b] needs nothing but this machine and takes about a minute.

[b]n[/b] and then [b]d[/b] trains on rows of your own."""


class Welcome(Static):
    """How to start the first run."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(WORDS, id=id)
