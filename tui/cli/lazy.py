"""Groups of verbs that are imported when they are used, and name the nearest one for a mistyped name."""

from __future__ import annotations

import importlib
import keyword
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import click

from tui.cli import out
from tui.models import limits, refused


class NearestGroup(click.Group):
    """A group that names the nearest verb when one is mistyped."""

    context_class = out.Context

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        command = super().get_command(ctx, name)
        if command is not None:
            command.context_class = out.Context
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f" Did you mean {close[0]}?" if close else " `ftui --help` lists them."
            raise click.UsageError(f"There is no verb {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(NearestGroup):
    """The verbs of a package: NAME is the command `NAME` in its module of the same name, both with underscores for
    dashes, and one behind a word of Python's (`import_`). `headings` has the verbs under
    the headings of the help, each with the line it is listed with.
    """

    def __init__(
        self, *args: Any, package: str, headings: Mapping[str, Mapping[str, str]], **more: Any
    ) -> None:
        super().__init__(*args, **more)
        self._package, self._headings = package, headings
        self._lines = {name: line for verbs in headings.values() for name, line in verbs.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lines)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self._lines:
            return None
        module = name.replace("-", "_") + "_" * keyword.iskeyword(name)
        command: click.Command = getattr(importlib.import_module(f"{self._package}.{module}"), module)
        command.context_class = out.Context
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self._lines))
        for heading, verbs in self._headings.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), line) for name, line in verbs.items()])

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """As click's, but what it would print of an error is printed by `out`."""
        work: Callable[..., Any] = partial(super().main, *args, standalone_mode=False, **more)
        return sys.exit(out.exit_code(work)) if standalone_mode else work()

    def invoke(self, ctx: click.Context) -> Any:
        """An error the user can mend ends in its message, not in a traceback."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # The reader of our output has seen enough (`| head`); click ends quietly.
            raise
        except OSError as error:
            raise click.ClickException(refused.in_words(error)) from None
        except (UnicodeEncodeError, UnicodeDecodeError) as error:
            raise click.ClickException(refused.no_text(error)) from None
        except MemoryError:
            raise click.ClickException(limits.NO_MEMORY) from None
        except Exception as error:
            if limits.is_no_thread(error):
                raise click.ClickException(limits.NO_THREADS) from None
            if isinstance(
                error, click.ClickException | click.exceptions.Exit | click.Abort
            ) or not _is_for_users(error):
                raise
            raise click.ClickException(str(error)) from None


def _is_for_users(error: Exception) -> bool:
    # Late: they bring YAML along, which `ftui --help` does without.
    from runner.data.errors import DataError
    from runner.foreign.trace import TraceError
    from runner.preset.errors import PresetError
    from runner.queue.tickets import QueueError
    from runner.store.directory import RunNotFoundError
    from runner.store.errors import LaunchError

    return isinstance(
        error, DataError | PresetError | RunNotFoundError | LaunchError | QueueError | TraceError
    )
