"""Opening the screen from the command line."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

import click

from tui.terminal.ends import ended_by_signals
from tui.terminal.keeper import Keeper

if TYPE_CHECKING:
    from tui.services.run_reader import RunSource


def open_screen(target: RunSource | None) -> None:
    """The screen, on a run if there is one. Raises ClickException without a terminal."""
    if not sys.stdout.isatty():
        raise click.ClickException(
            "The screen needs a terminal. In scripts use `ftui run --plain`, `ftui ls --json` …"
        )
    # Exported by some shells and programs, they would win over the terminal's real size, also after it is resized.
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
    if target is not None and target.run is not None:
        from dataclasses import replace

        from runner.store.prefetch import prefetch

        target = replace(target, prefetched=prefetch(target.run))
    # What the start makes stays: looking through it for garbage again and again costs a tenth of it. The app collects
    # once it stands.
    gc.disable()
    from tui.app import FtuiApp

    with Keeper() as keeper:
        app = FtuiApp(target, keeper)
        with ended_by_signals(lambda code: app.call_later(app.exit, None, code), keeper.restore):
            app.run()
    sys.exit(app.return_code)
