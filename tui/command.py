"""What every verb shares: the nearest one for a mistyped name, and errors without a traceback."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from tui.services.run_reader import Target


class Nearest(click.Group):
    """A group that names the nearest verb when one is mistyped."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Raises click.UsageError for a verb that is not known."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]}?" if close else " `ftui --help` lists them."
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def tell(action: Callable[[], Any]) -> Any:
    """Do something; an error the user can mend ends in its message, not in a traceback. Raises click.ClickException
    for it, and BrokenPipeError.
    """
    from runner.preset.errors import PresetError
    from runner.queue.tickets import QueueError
    from runner.store.directory import RunNotFoundError
    from runner.store.errors import LaunchError

    try:
        return action()
    except (PresetError, RunNotFoundError, LaunchError, QueueError) as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        # The reader of our output has seen enough (`| head`); click ends quietly.
        raise
    except OSError as error:
        where = f"{Path(error.filename)}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from None


def open_screen(target: Target | None) -> None:
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

        from runner.store.prefetch import read_ahead

        target = replace(target, ahead=read_ahead(target.run))
    # What the start makes stays: looking through it for garbage again and again costs a tenth of it. The app collects
    # once it stands.
    gc.disable()
    from tui.app import FtuiApp

    FtuiApp(target).run()


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
