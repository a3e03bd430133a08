"""Small parts of screens; `python -m tui.widgets.NAME` shows each alone."""
