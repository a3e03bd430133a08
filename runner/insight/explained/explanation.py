"""What an explanation of a finding consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from runner.insight.curves import Curves


class Group(StrEnum):
    """What findings are about, in the order in which they are listed."""

    BROKEN = "broken runs"
    HELD_OUT = "held-out loss"
    TRAIN = "train loss"
    REWARDS = "rewards and preferences"
    OPERATION = "operation"
    REMARKS = "remarks"


@dataclass(frozen=True)
class Example:
    """Generated curves on which the finding is made, and what is drawn of them.

    `drawn` holds in the place of the train loss what is drawn as a line, in those of the held-out loss and of the loss
    on training rows what is drawn as filled and as hollow points; `line`, `points` and `hollow` name these series with
    their units, '' for none.
    """

    curves: Curves
    drawn: Curves
    line: str = "train loss (nats a token)"
    points: str = "held-out loss"
    hollow: str = "training rows, same weights"

    @classmethod
    def of(cls, curves: Curves) -> Example:
        """Curves that are drawn as they are."""
        points, hollow = (cls.points if curves.val else ""), (cls.hollow if curves.probe else "")
        return cls(curves, curves, points=points, hollow=hollow)


@dataclass(frozen=True)
class Explanation:
    """All there is to say of one kind of finding. Texts are paragraphs of plain words; `computed` takes its numbers
    from the detector's own constants. `line` says it in one line, `sources` name the methods' authors.
    """

    slug: str
    group: Group
    line: str
    what: tuple[str, ...]
    looks: tuple[str, ...]
    computed: tuple[str, ...]
    do: tuple[str, ...]
    is_not: tuple[str, ...]
    unknown: tuple[str, ...]
    example: Callable[[], Example]
    sources: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(heading, paragraphs) in reading order; what it is and what it looks like come before."""
        return (
            ("How it is computed", self.computed),
            ("What to do", self.do),
            ("What it is not", self.is_not),
            ("When it cannot be told", self.unknown),
        )


def paragraphs(text: str) -> tuple[str, ...]:
    """The paragraphs of an indented text, each in one line; empty lines part them."""
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def percent(share: float) -> str:
    """0.035 → '3.5 %'."""
    return f"{100 * share:.3g} %"


POOLING = "Pooling adjacent violators: Ayer, Brunk, Ewing, Reid and Silverman 1955."
THEIL_SEN = "Slope and its 95 % confidence interval: Theil 1950, Sen 1968."
STUDENT = "Student's t distribution with four degrees of freedom: Student 1908."
MAD = "Robust standard deviation, 1.4826 times the median absolute deviation: Hampel 1974."
