"""Parameters that several verbs take, each written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from tui.cli.names_traces import NAMES

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PRESET = click.argument("preset")
RUN = click.argument("run")
RUN_OR_LAST = click.argument("run", default="last")

MODEL = click.option("--model", metavar="DIR|ID", help="With a file of rows: the model to train.")
SKIP_BAD = click.option(
    "--skip-bad", is_flag=True, help="With a file of rows: leave out those that cannot be used."
)
PLAIN = click.option("--plain", is_flag=True, help="Follow in text instead of opening the screen.")
MAP = click.option("--map", "names", default="", metavar=NAMES, help="Which column of a table is what.")


def json_option(words: str = "As JSON.") -> Decorator:
    return click.option("--json", "as_json", is_flag=True, help=words)


def set_option(words: str = "Change one setting. Repeatable.") -> Decorator:
    return click.option("--set", "overrides", multiple=True, metavar="SECTION.KEY=VALUE", help=words)


def gpu_option(without: str, metavar: str = "INDEX|UUID|NAME|cpu") -> Decorator:
    """`without` says what is taken when it is not given."""
    return click.option("--gpu", metavar=metavar, help=without)


def force_option(words: str) -> Decorator:
    return click.option("--force", is_flag=True, help=words)
