"""What each finding means: the one place of these texts, for `ftui explain` and docs/verdicts.md.

A finding's slug is its key. Every slug that a detector emits has an explanation, and no other has.
"""

from runner.insight.explained import broken, held_out, operation, remarks, rewards, train
from runner.insight.explained.explanation import Example, Explanation, Group

EXPLANATIONS: dict[str, Explanation] = {
    one.slug: one
    for module in (broken, held_out, train, rewards, operation, remarks)
    for one in module.EXPLAINED
}

__all__ = ["EXPLANATIONS", "Example", "Explanation", "Group"]
