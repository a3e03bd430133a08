"""The command line: one file a verb, with its parameters and what it prints. Only the verb that is asked for is
imported, so that `ftui --help` is instant.
"""

from tui.cli.group import cli, main

__all__ = ["cli", "main"]
