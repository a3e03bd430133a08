"""What evaluation sets and measured numbers are called in sentences and tables: one name each, with its unit."""

from __future__ import annotations

NATS = "nats a token"
SETS = {"val": "held-out", "train_probe": "training rows", "general": "general text"}
SET_LOSSES = {
    "val": "held-out loss",
    "train_probe": "loss on training rows",
    "general": "loss on general text",
}
# Of evidence whose name alone says too little.
SPECIAL = {
    "eval_loss": ("held-out loss", NATS),
    "probe_loss": ("loss on training rows", NATS),
    "train_loss_before": ("loss on training rows before", NATS),
    "train_loss": ("loss on training rows", NATS),
    "before_loss": ("loss before", NATS),
    "noise": ("noise of one evaluation", NATS),
    "noise_percent": ("noise", "%"),
    "gained": ("gain of the last evaluations", NATS),
    "log_evidence": ("ln of the odds of a rise", ""),
    "row_difference": ("mean difference of a row", NATS),
    "row_difference_error": ("standard error of that", NATS),
    "slope_percent": ("slope", "% a part of the curve"),
    "slope_low_percent": ("slope at least", "% a part of the curve"),
    "slope_high_percent": ("slope at most", "% a part of the curve"),
    "gap_percent": ("gap to training rows", "%"),
    "training_fall_percent": ("fall on training rows", "%"),
    "projected_percent": ("what the rest would bring", "%"),
    "growth_percent": ("growth in 100 steps", "%"),
    "ratio": ("ratio", "times"),
    "sigmas": ("height", "standard deviations"),
    "z": ("height", "standard errors"),
    "kl": ("KL divergence", "nats"),
    "usual_kl": ("usual KL divergence", "nats"),
    "entropy": ("entropy", NATS),
    "entropy_before": ("entropy before", NATS),
    "length": ("length", "tokens"),
    "accuracy": ("share of tokens right", ""),
    "token_accuracy": ("share of tokens right", ""),
    "expected": ("learning rate as planned", ""),
}
ENDS = {"_percent": "%", "_mib": "MiB", "_seconds": "s"}


def set_words(name: str) -> str:
    """'held-out' for val; a set of another name keeps it."""
    return SETS.get(name, name)


def loss_of(name: str) -> str:
    """'held-out loss' for val, 'exam loss' for a set named exam."""
    return SET_LOSSES.get(name, f"{name} loss")


def measured(name: str) -> tuple[str, str]:
    """(words, unit) of a number among a finding's evidence; the unit is '' where there is none."""
    if name in SPECIAL:
        return SPECIAL[name]
    for end, unit in ENDS.items():
        if name.endswith(end):
            return name.removesuffix(end).replace("_", " "), unit
    return name.replace("_", " "), NATS if name.split("_")[-1] == "loss" else ""


def fall(before: float, now: float) -> str:
    """' (-52 %)'; '' where the percentage would say nothing: nearly all is gone, or there was nothing to fall from."""
    share = now / before - 1 if before > 0 else -1.0
    return f" ({100 * share:+.0f} %)" if share > -0.99 else ""
