"""Verbs that read runs of other trainers."""

from __future__ import annotations

import click

# How --map is written.
NAMES = "loss=NAME,step=NAME,…"


class NamesTraces(click.Command):
    """A verb whose help says what of other trainers can be read, from the table of their readers."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Only here: the readers are not imported for the help of another verb.
        from runner.foreign.opening import LOOKED_FOR

        whole, self.help = self.help, (self.help or "").replace("{traces}", f"{LOOKED_FOR}.")
        super().format_help_text(ctx, formatter)
        self.help = whole
