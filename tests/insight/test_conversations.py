"""Every shape of rows is known to be a conversation, or not."""

from __future__ import annotations

from runner.data.row import RowFormat
from runner.insight.data import CONVERSATIONS

# Add a new shape to one of the two.
OTHERS = ("prompt–completion", "plain text")


def test_every_shape_is_in_one_of_the_two() -> None:
    assert sorted((*CONVERSATIONS, *OTHERS)) == sorted(RowFormat)
