"""The numbers a finding rests on, in words and with units: one table for the screen, the verbs and the report."""

from __future__ import annotations

import math
from collections.abc import Callable

from runner.insight.diagnosis.finding import Finding
from runner.insight.figures import gib, number

Form = Callable[[float], str]


def _unit(unit: str) -> Form:
    return lambda value: f"{number(value)} {unit}"


def _signed(unit: str) -> Form:
    return lambda value: f"{value:+.3g} {unit}" if math.isfinite(value) else number(value)


def _share(value: float) -> str:
    return f"{100 * value:.0f} %" if math.isfinite(value) else number(value)


def _gib(mib: float) -> str:
    return f"{gib(mib)} GiB"


def odds(log_odds: float) -> str:
    """'40 : 1 for' or '1 : 40 against', from natural log odds."""
    if math.isnan(log_odds):
        return "NaN"
    times = math.exp(min(abs(log_odds), 20.0))
    told = "over 1,000,000" if times > 1e6 else f"{times:.2g}" if times < 10 else f"{times:,.0f}"
    return f"{told} : 1 for" if log_odds >= 0 else f"1 : {told} against"


NATS = _unit("nats a token")
PERCENT = _signed("%")
PLUS_MINUS: Form = lambda value: f"±{value:.2g} %" if math.isfinite(value) else number(value)  # noqa: E731
SIMPLE_PERCENT: Form = lambda value: f"{value:.3g} %" if math.isfinite(value) else number(value)  # noqa: E731

# By key; where a key means something else in one finding, by 'finding.key' before that.
LABELS: dict[str, tuple[str, Form]] = {
    "best_loss": ("best held-out loss", NATS),
    "best_step": ("best at step", number),
    "loss": ("held-out loss now", NATS),
    "step": ("evaluated at step", number),
    "rise_percent": ("change since the best", PERCENT),
    "noise_percent": ("noise of one evaluation", PLUS_MINUS),
    "evaluations_since_best": ("evaluations since the best", number),
    "log_evidence": ("odds of a rise", odds),
    "train_loss_before": ("training rows at the best", NATS),
    "train_loss": ("training rows now", NATS),
    "training_fall_percent": ("fall of the training rows", SIMPLE_PERCENT),
    "forgetting.before_loss": ("general text before training", NATS),
    "forgetting.loss": ("general text now", NATS),
    "forgetting.rise_percent": ("change since before training", PERCENT),
    "forgetting.noise": ("noise of one evaluation", _unit("nats a token (standard deviation)")),
    "gap_percent": ("training rows below held-out ones by", SIMPLE_PERCENT),
    "eval_loss": ("held-out loss", NATS),
    "probe_loss": ("training rows, same weights", NATS),
    "token_accuracy": ("trained tokens predicted right", _share),
    "memorisation.loss": ("train loss", NATS),
    "epochs": ("epochs", lambda value: f"{value:.1f}"),
    "converged.loss": ("train loss now", NATS),
    "highest_loss": ("highest train loss", NATS),
    "divergence.best_loss": ("best train loss", NATS),
    "divergence.loss": ("train loss now", NATS),
    "divergence.ratio": ("now, as a multiple of the best", lambda value: f"× {value:.3g}"),
    "divergence.noise_percent": ("noise of the train loss", PLUS_MINUS),
    "onset_step": ("out of its noise at step", number),
    "resume-break.before_loss": ("train loss before the resume", NATS),
    "predicted_loss": ("where its trend led", NATS),
    "resume-break.loss": ("train loss after it", NATS),
    "resume-break.noise_percent": ("noise of the train loss", PLUS_MINUS),
    "train-rising.rise_percent": ("rise of the train loss", PERCENT),
    "train-rising.slope_low_percent": ("rise of one part, at least (95 %)", PERCENT),
    "entries": ("entries of the log", number),
    "spike.step": ("newest spike at step", number),
    "spike.loss": ("train loss of that step", NATS),
    "ratio": ("multiple of the loss around it", lambda value: f"× {value:.3g}"),
    "sigmas": ("above the noise", _unit("standard deviations")),
    "grad_norm_before": ("gradient norm before", number),
    "grad_norm": ("gradient norm of that step", number),
    "spikes": ("spikes in all", number),
    "learning_rate": ("learning rate then", number),
    "peak_learning_rate": ("peak learning rate", number),
    "median_grad_norm": ("median gradient norm", number),
    "off-schedule.learning_rate": ("learning rate now", number),
    "expected": ("as scheduled", number),
    "free_mib": ("GPU memory free", _gib),
    "total_mib": ("GPU memory in all", _gib),
    "reserved_mib": ("GPU memory reserved", _gib),
    "growth_percent": ("growth in 100 steps", PERCENT),
    "silent_seconds": ("silent for", _unit("s")),
    "non-finite.step": ("first at step", number),
    "last_finite_loss": ("last finite train loss", NATS),
    "non_finite_steps": ("train losses that are no number", number),
    "evaluation-nan.step": ("first at step", number),
    "bad_evaluations": ("evaluations that are no number", number),
    "evaluations": ("evaluations in all", number),
    "skipped": ("gradients that are not finite", number),
    "skipped_recently": ("of them among the last 50", number),
    "nothing-trained.step": ("since step", number),
    "fall_percent": ("fall of the train loss", PERCENT),
    "slope_percent": ("trend from part to part", PERCENT),
    "slope_low_percent": ("trend, at least (95 %)", PERCENT),
    "slope_high_percent": ("trend, at most (95 %)", PERCENT),
    "not-learning.loss": ("held-out loss", NATS),
    "difference_percent": ("most apart", SIMPLE_PERCENT),
    "before_loss": ("held-out loss before training", NATS),
    "change_percent": ("change of the train loss", PERCENT),
    "gained": ("gain of the last evaluations", NATS),
    "noise": ("noise of one evaluation", _unit("nats a token (standard deviation)")),
    "projected_percent": ("fall until the end at this pace", PERCENT),
    "drop_percent": ("drop of the train loss", SIMPLE_PERCENT),
    "z": ("above the noise", _unit("standard deviations")),
    "epoch": ("at the start of epoch", number),
    "start_loss": ("train loss at the start", NATS),
    "low_loss": ("lowest train loss since", NATS),
    "rate-too-high.loss": ("loss after it", NATS),
    "accuracy": ("trained tokens predicted right", _share),
    "swing_percent": ("swing of the train loss", PLUS_MINUS),
    "reward": ("reward at every entry", number),
    "slope": ("trend of the reward", _signed("a part")),
    "slope_low": ("trend, at least (95 %)", _signed("a part")),
    "slope_high": ("trend, at most (95 %)", _signed("a part")),
    "kl": ("KL to the reference now", number),
    "usual_kl": ("its usual KL", number),
    "entropy_before": ("entropy at the start", _unit("nats")),
    "entropy": ("entropy now", _unit("nats")),
    "cut_percent": ("completions cut off", SIMPLE_PERCENT),
    "length": ("length of a completion", _unit("tokens")),
    "asked_rows": ("held-out rows asked", number),
    "exact": ("answered exactly", number),
    "ended": ("ended by themselves", number),
    "chosen": ("reward of the chosen answers", number),
}
# Told together with another one.
ROWS = ("rows", "rows_worse_percent")
DIFFERENCE = ("row_difference", "row_difference_error")


def numbers(finding: Finding) -> list[tuple[str, str]]:
    """(what, value with its unit) for every number of a finding's evidence, in its order."""
    evidence, told = finding.evidence, []
    for key, value in evidence.items():
        if key == ROWS[1]:
            told.append(
                ("rows that got worse", f"{value:.0f} % of {number(evidence.get(ROWS[0], math.nan))}")
            )
        elif key == DIFFERENCE[0]:
            error = evidence.get(DIFFERENCE[1], math.nan)
            told.append(("change of one row, mean", f"{value:+.4f} ± {error:.4f} nats a token"))
        elif key not in (ROWS[0], DIFFERENCE[1]):
            name, form = label_of(finding.id, key)
            told.append((name, form(value)))
    return told


def label_of(finding_id: str, key: str) -> tuple[str, Form]:
    """The words and the form of a number; a key that has none is shown as it is."""
    return LABELS.get(f"{finding_id}.{key}") or LABELS.get(key) or (key.replace("_", " "), number)
