"""`python -m tui.cli`: the `ftui` command."""

from tui.cli import main

main()
