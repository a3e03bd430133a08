"""What is left of a run for people to read: report.md with its curve as an SVG picture."""

from runner.report.markdown import write

__all__ = ["write"]
