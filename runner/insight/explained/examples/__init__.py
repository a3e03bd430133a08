"""Generated curves on which each finding is made: drawn in the terminal and in docs/verdicts.md."""
