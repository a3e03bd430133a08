"""The colours of signs and curves, as rich styles; the rest follows the theme.

Named terminal colours would be the theme's of the terminal, and dark green on a dark ground cannot be read.
"""

GOOD = "#9ece6a"
NOTE = "#e0af68"
BAD = "#f7768e"
LIVE = "#7dcfff"
PROBE = "#bb9af7"
SETS = ("#ff9e64", "#73daca", "#c0caf5")
FAINT = "#565f89"
QUIET = "#787c99"
