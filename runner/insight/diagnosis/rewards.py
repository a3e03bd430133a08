"""Runs of reinforcement and preference learning: what can honestly be said of their rewards.

Their loss is no measure of how well they do: GRPO's begins at 0 and follows the KL term, DPO's falls to 0 when the two
answers are apart. So nothing here looks at it but for whether it is a number.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from runner.insight.curves import Curves
from runner.insight.diagnosis.finding import LOWER_RATE, Action, Finding, Severity
from runner.insight.diagnosis.noise import theil_sen
from runner.insight.reduction import part_means
from runner.insight.task import (
    CLIPPED_CURVES,
    ENTROPY_CURVES,
    KL_CURVES,
    LENGTH_CURVES,
    Task,
    first_of,
    main_curve,
    task_of,
)
from runner.insight.train_curve import Column

FEWEST = 20
FEWEST_FOR_TREND = 40
WIDTH = 5
MOST_POINTS = 60
# Nats a token: further from the reference model than this its text is another.
KL_FAR = 5.0
KL_TIMES = 10.0
ENTROPY_SHARE, ENTROPY_LOW = 0.05, 0.05
CLIPPED = 0.9
SATURATED_LOSS, SATURATED_ENTRIES = 1e-3, 5
CHOSEN_FELL = -2.0


def reward_flat(curves: Curves) -> Finding | None:
    """`reward-flat`: every reward is the same, so nothing can be learned from it (a warning); or over at least forty
    entries the reward shows no trend upwards (a remark).
    """
    name = main_curve(curves)
    values = _values(curves, name)
    if task_of(curves) is not Task.REINFORCEMENT or len(values) < FEWEST:
        return None
    if float(np.ptp(values)) == 0:
        return _found(
            "reward-flat",
            f"{name} is {values[-1]:.3g} at each of {len(values)} entries: nothing tells good answers from bad ones.",
            Severity.WARNING,
            curves,
            ("look at answers and what the reward function says of them", "easier rows first"),
            {"reward": float(values[-1])},
        )
    slope, low, high = theil_sen(part_means(values, MOST_POINTS))
    if len(values) < FEWEST_FOR_TREND or low > 0 or slope > 0:
        return None
    return _found(
        "reward-flat",
        f"{name} {_level(values[: len(values) // 4]):.3g} in the first quarter, {_level(values):.3g} now: no trend "
        "upwards can be seen.",
        Severity.INFO,
        curves,
        ("look at answers and what the reward function says of them",),
        {"slope": slope, "slope_low": low, "slope_high": high},
    )


def kl_runaway(curves: Curves) -> Finding | None:
    """`kl-runaway`: the distance to the reference model is over five nats and ten times its median before."""
    name = first_of(curves, KL_CURVES)
    values = _values(curves, name)
    if len(values) < FEWEST:
        return None
    usual, now = float(np.median(values[len(values) // 10 : -2 * WIDTH])), _level(values)
    if now <= max(KL_FAR, KL_TIMES * usual):
        return None
    return _found(
        "kl-runaway",
        f"{name} is {now:.3g} nats, {now / max(usual, 1e-9):.0f} times its usual {usual:.3g} nats: the model leaves "
        "its reference behind.",
        Severity.WARNING,
        curves,
        ("learning rate ÷ 3", "a larger beta (KL coefficient)"),
        {"kl": now, "usual_kl": usual},
    )


def entropy_collapse(curves: Curves) -> Finding | None:
    """`entropy-collapse`: the entropy of the answers is under a twentieth of what it was, and under 0.05 nats."""
    name = first_of(curves, ENTROPY_CURVES)
    values = _values(curves, name)
    if len(values) < FEWEST or task_of(curves) is not Task.REINFORCEMENT:
        return None
    before, now = _level(values[: 2 * WIDTH]), _level(values)
    if before <= 0 or now > min(ENTROPY_LOW, ENTROPY_SHARE * before):
        return None
    return _found(
        "entropy-collapse",
        f"{name} {before:.3g} → {now:.3g} nats a token: every question gets one and the same answer, so nothing new "
        "is tried.",
        Severity.WARNING,
        curves,
        ("a higher sampling temperature", "learning rate ÷ 3", "an entropy bonus"),
        {"entropy_before": before, "entropy": now},
    )


def length_limit(curves: Curves) -> Finding | None:
    """`length-limit`: nine in ten completions are cut off, or all of them have one and the same length."""
    share = _values(curves, first_of(curves, CLIPPED_CURVES))
    length = _values(curves, first_of(curves, LENGTH_CURVES))
    cut = len(share) >= FEWEST and _level(share) >= CLIPPED
    same = (
        not len(share) and len(length) >= FEWEST and float(np.ptp(length[-FEWEST:])) == 0 and length[-1] > 1
    )
    if not cut and not same:
        return None
    what = (
        f"{100 * _level(share):.0f} % of the completions are cut off at the limit"
        if cut
        else f"every completion is {length[-1]:.0f} tokens long, which is the limit"
    )
    return _found(
        "length-limit",
        f"{what[0].upper()}{what[1:]}: what they would have ended with is never rewarded.",
        Severity.WARNING,
        curves,
        ("a larger max_completion_length", "a reward for ending"),
        {"cut_percent": 100 * _level(share)} if cut else {"length": float(length[-1])},
    )


def saturated(curves: Curves) -> Finding | None:
    """`converged`: the two answers of every pair are told apart and the loss is 0: nothing is left to learn."""
    accuracy = _values(curves, first_of(curves, ("rewards/accuracies",)))
    loss = curves.train.loss[-SATURATED_ENTRIES:]
    if (
        task_of(curves) is not Task.PREFERENCE
        or len(loss) < SATURATED_ENTRIES
        or not (loss <= SATURATED_LOSS).all()
    ):
        return None
    if len(accuracy) and _level(accuracy) < 1:
        return None
    return _found(
        "converged",
        f"Loss {loss[-1]:.4f} and every chosen answer above its rejected one: the pairs are told apart, further steps "
        "only push them on.",
        Severity.INFO,
        curves,
        ("stopping early is safe", "harder pairs, fewer epochs, or a larger beta"),
        {"loss": float(loss[-1])},
    )


def chosen_falling(curves: Curves) -> Finding | None:
    """`chosen-falling`: the chosen answers themselves get less likely than under the reference model, while the margin
    grows: the rejected ones only fall faster.
    """
    values = _values(curves, first_of(curves, ("rewards/chosen",)))
    if (
        len(values) < FEWEST
        or _level(values) > CHOSEN_FELL
        or _level(values) > _level(values[: len(values) // 2])
    ):
        return None
    return _found(
        "chosen-falling",
        f"rewards/chosen is {_level(values):.3g}: the chosen answers get less likely, the rejected ones only faster.",
        Severity.INFO,
        curves,
        ("a supervised part in the loss (rpo_alpha)", "learning rate ÷ 3"),
        {"chosen": _level(values)},
    )


DETECTORS = (reward_flat, kl_runaway, entropy_collapse, length_limit, saturated, chosen_falling)


def in_words(curves: Curves) -> str:
    """'reward 0.12 → 0.84 over 400 entries', of the metric the run is judged by."""
    name = main_curve(curves)
    values = _values(curves, name)
    if not len(values):
        return f"{name}: no value so far"
    few = max(1, min(WIDTH, len(values) // 3))
    first, last = float(np.median(values[:few])), float(np.median(values[-few:]))
    return f"{name} {first:.3g} → {last:.3g} over {len(values)} entr{'ies' if len(values) > 1 else 'y'}"


def _values(curves: Curves, name: str | None) -> Column:
    """The finite values of a metric, shape (n,)."""
    if name is None:
        return np.empty(0)
    values = curves.metrics[name].value
    return values[np.isfinite(values)]


def _level(values: Column) -> float:
    return float(np.median(values[-WIDTH:])) if len(values) else np.nan


def _found(
    slug: str,
    sentence: str,
    severity: Severity,
    curves: Curves,
    actions: Iterable[str],
    evidence: dict[str, float],
) -> Finding:
    told = tuple(Action(text, (LOWER_RATE,) if text == "learning rate ÷ 3" else ()) for text in actions)
    return Finding(slug, slug.replace("-", " "), severity, curves.step, sentence, told, evidence)
