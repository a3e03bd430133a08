"""What kind of training a run is, told by what it logs beside its loss."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from runner.insight.curves import Curves


class Task(StrEnum):
    """Supervised runs are judged by their loss; the others by what they are made to increase."""

    SUPERVISED = "supervised"
    PREFERENCE = "preference"
    REINFORCEMENT = "reinforcement"


# Of DPO and its kin in TRL (CPO, ORPO, KTO, BCO): how far apart the two answers are.
PREFERENCE_CURVES = ("rewards/margins", "rewards/accuracies", "rewards/chosen")
# GRPO, RLOO, PPO in TRL; verl's names.
REWARD_CURVES = (
    "reward",
    "objective/rlhf_reward",
    "objective/scores",
    "critic/rewards/mean",
    "critic/score/mean",
    "rewards/mean",
    "env/reward/total",
)
KL_CURVES = ("kl", "objective/kl", "actor/kl_loss", "actor/ppo_kl", "critic/kl")
ENTROPY_CURVES = ("entropy", "policy/entropy_avg", "objective/entropy", "actor/entropy_loss", "actor/entropy")
LENGTH_CURVES = ("completions/mean_length", "completion_length", "response_length/mean")
CLIPPED_CURVES = ("completions/clipped_ratio", "response_length/clip_ratio")


def task_of(curves: Curves) -> Task:
    """The kind of training: a margin between two answers means preference, a reward without one reinforcement."""
    if first_of(curves, PREFERENCE_CURVES):
        return Task.PREFERENCE
    if first_of(curves, REWARD_CURVES) or any(name.startswith("rewards/") for name in curves.metrics):
        return Task.REINFORCEMENT
    return Task.SUPERVISED


def main_curve(curves: Curves) -> str | None:
    """The name of the metric that a run of another kind is judged by; None for supervised runs."""
    task = task_of(curves)
    if task is Task.PREFERENCE:
        return first_of(curves, PREFERENCE_CURVES)
    if task is Task.REINFORCEMENT:
        rewards = (
            name for name in curves.metrics if name.startswith("rewards/") and not name.endswith("/std")
        )
        return first_of(curves, REWARD_CURVES) or next(rewards, None)
    return None


def main_metrics(curves: Curves) -> list[tuple[str, str]]:
    """(label, name of the metric) of what a run of another kind is watched by: what it is judged by, then the distance
    to the reference model, the entropy and the length of its completions, as far as they are logged.
    """
    judged_by = main_curve(curves)
    if judged_by is None:
        return []
    found = [(judged_by, judged_by)]
    others = (
        ("KL", KL_CURVES),
        ("entropy", ENTROPY_CURVES),
        ("length", LENGTH_CURVES),
        ("cut off", CLIPPED_CURVES),
    )
    found += [(label, name) for label, names in others if (name := first_of(curves, names))]
    if task_of(curves) is Task.PREFERENCE:
        found += [(name, name) for name in PREFERENCE_CURVES if name != judged_by and name in curves.metrics]
    return found


def first_of(curves: Curves, names: Iterable[str]) -> str | None:
    """The first of these metrics that was logged at all."""
    return next((name for name in names if len(curves.metrics.get(name, ()))), None)
