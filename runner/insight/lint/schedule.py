"""Rules about length, rate, batch and warm-up."""

from __future__ import annotations

from runner.insight import ranges
from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules
from runner.insight.memory.savings import Changes

RULES = Rules()
NOTE, WARNING = LintSeverity.NOTE, LintSeverity.WARNING
TRAINER_DEFAULT_RATE = 2e-5


@RULES.rule(
    "epochs-many", WARNING, "More than five passes usually overfit; most runs are best after one to three."
)
def _(facts: LintFacts) -> Complaint | None:
    train = facts.preset.train
    if train.max_steps <= 0 and train.num_train_epochs > ranges.EPOCHS.high:
        return Complaint(
            "train.num_train_epochs", f"{train.num_train_epochs:g} epochs", (("train.num_train_epochs", 3.0),)
        )
    return None


@RULES.rule("epochs-small-data", WARNING, "A model learns a few hundred rows by heart within three passes.")
def _(facts: LintFacts) -> Complaint | None:
    epochs, rows = facts.preset.train.num_train_epochs, facts.train_samples
    if rows and rows < 500 and 3 < epochs <= ranges.EPOCHS.high and facts.preset.train.max_steps <= 0:
        return Complaint(
            "train.num_train_epochs",
            f"{epochs:g} epochs over {rows} rows",
            (("train.num_train_epochs", 2.0),),
        )
    return None


@RULES.rule(
    "max-steps-epochs",
    WARNING,
    "max_steps wins over epochs, and this many steps pass over the data too often.",
)
def _(facts: LintFacts) -> Complaint | None:
    steps, plan = facts.preset.train.max_steps, facts.plan
    if plan is not None and steps > 0 and steps / plan.steps_per_epoch > ranges.EPOCHS.high:
        return Complaint(
            "train.max_steps",
            f"{steps} steps are {steps / plan.steps_per_epoch:.1f} epochs",
            (("train.max_steps", 3 * plan.steps_per_epoch),),
        )
    return None


@RULES.rule("max-steps-hides-epochs", NOTE, "A positive max_steps switches num_train_epochs off.")
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.train.max_steps > 0 and {"train.max_steps", "train.num_train_epochs"} <= facts.written:
        return Complaint(
            "train.max_steps", "max_steps and num_train_epochs are both set", (("train.max_steps", -1),)
        )
    return None


@RULES.rule(
    "steps-few", WARNING, "With so few updates the optimizer hardly gets going: a smaller batch gives more."
)
def _(facts: LintFacts) -> Complaint | None:
    plan = facts.plan
    if plan is None or plan.total_steps >= ranges.LEAST_STEPS or facts.preset.train.max_steps > 0:
        return None
    # A batch larger than the data is another rule's.
    if facts.train_samples is not None and plan.effective_batch > facts.train_samples:
        return None
    fewer = max(1, plan.accumulation * plan.total_steps // ranges.LEAST_STEPS)
    fix = (("train.gradient_accumulation_steps", fewer),) if fewer < plan.accumulation else ()
    return Complaint(
        "train.gradient_accumulation_steps", f"only {plan.total_steps} optimizer steps in all", fix
    )


@RULES.rule("lr-high", WARNING, "Too high a rate makes the loss oscillate or diverge.")
def _(facts: LintFacts) -> Complaint | None:
    usual, rate = _rates(facts), facts.preset.train.learning_rate
    if usual is not None and rate > usual.high:
        return Complaint(
            "train.learning_rate",
            f"{rate:g} is above {usual.low:g}…{usual.high:g}, usual for {facts.preset.method}",
            (("train.learning_rate", usual.usual),),
        )
    return None


@RULES.rule("lr-low", WARNING, "Too low a rate learns nothing in the time given.")
def _(facts: LintFacts) -> Complaint | None:
    usual, rate = _rates(facts), facts.preset.train.learning_rate
    low = usual.low / ranges.LION if usual is not None and facts.preset.train.optim == "lion_8bit" else None
    if usual is not None and rate < (low or usual.low) and not _is_trainer_default(facts):
        return Complaint(
            "train.learning_rate",
            f"{rate:g} is below {usual.low:g}…{usual.high:g}, usual for {facts.preset.method}",
            (("train.learning_rate", usual.usual),),
        )
    return None


@RULES.rule(
    "lr-trainer-default",
    WARNING,
    "2e-5 is the trainer's default, for full fine-tuning: an adapter needs ten times more.",
)
def _(facts: LintFacts) -> Complaint | None:
    if _rates(facts) is not None and _is_trainer_default(facts):
        return Complaint("train.learning_rate", "2e-5 with an adapter", (("train.learning_rate", 2e-4),))
    return None


def _rates(facts: LintFacts) -> ranges.Range | None:
    parameters = facts.architecture.parameters if facts.architecture is not None else None
    return ranges.learning_rate(facts.preset, parameters)


def _is_trainer_default(facts: LintFacts) -> bool:
    return facts.preset.lora.use_peft and facts.preset.train.learning_rate == TRAINER_DEFAULT_RATE


@RULES.rule("warmup-all", WARNING, "The rate would still be rising when the run ends.")
def _(facts: LintFacts) -> Complaint | None:
    plan = facts.plan
    if plan is not None and plan.warmup_steps >= plan.total_steps > 1 and facts.preset.train.warmup_steps > 0:
        return Complaint(
            "train.warmup_steps",
            f"{plan.warmup_steps} warm-up steps of {plan.total_steps} in all",
            (("train.warmup_steps", ranges.WARMUP_SHARE.usual),),
        )
    return None


@RULES.rule(
    "warmup-long",
    WARNING,
    "Warm-up is usually 3 to 10 % of the steps; a longer one wastes them at a low rate.",
)
def _(facts: LintFacts) -> Complaint | None:
    plan = facts.plan
    if plan is None or plan.warmup_steps >= plan.total_steps:
        return None
    if plan.warmup_steps > max(ranges.WARMUP_STEPS.low, 0.25 * plan.total_steps):
        share = 100 * plan.warmup_steps / plan.total_steps
        return Complaint(
            "train.warmup_steps",
            f"{plan.warmup_steps} warm-up steps are {share:.0f} % of the run",
            (("train.warmup_steps", ranges.WARMUP_SHARE.high),),
        )
    return None


@RULES.rule(
    "warmup-none",
    NOTE,
    "The first steps at the full rate, with an optimizer that knows nothing yet, can throw the model off.",
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.train.warmup_steps == 0 and facts.preset.train.lr_scheduler_type != "constant":
        return Complaint(
            "train.warmup_steps", "no warm-up", (("train.warmup_steps", ranges.WARMUP_SHARE.usual),)
        )
    return None


@RULES.rule("warmup-ignored", WARNING, "The schedule `constant` has no warm-up; `constant_with_warmup` has.")
def _(facts: LintFacts) -> Complaint | None:
    train = facts.preset.train
    if (
        train.lr_scheduler_type == "constant"
        and train.warmup_steps > 0
        and "train.warmup_steps" in facts.written
    ):
        return Complaint(
            "train.lr_scheduler_type",
            f"warm-up of {train.warmup_steps:g} is ignored by the schedule",
            (("train.lr_scheduler_type", "constant_with_warmup"),),
        )
    return None


def _smaller(per_device: int, accumulation: int) -> Changes:
    """The changes to a usual effective batch; a per-device batch that is too large by itself is made smaller too."""
    changes: Changes = (("train.gradient_accumulation_steps", accumulation),)
    if per_device > ranges.EFFECTIVE_BATCH.high:
        changes = (*changes, ("train.per_device_train_batch_size", int(ranges.EFFECTIVE_BATCH.usual)))
    return changes


@RULES.rule(
    "batch-large", WARNING, "LoRA tolerates large batches less than full fine-tuning; 8 to 32 is usual."
)
def _(facts: LintFacts) -> Complaint | None:
    train, plan = facts.preset.train, facts.plan
    batch = train.per_device_train_batch_size * train.gradient_accumulation_steps
    if not facts.preset.lora.use_peft or batch <= ranges.EFFECTIVE_BATCH.high:
        return None
    if plan is not None and facts.train_samples is not None and batch > facts.train_samples:
        return None
    fewer = max(1, int(ranges.EFFECTIVE_BATCH.usual) // train.per_device_train_batch_size)
    return Complaint(
        "train.gradient_accumulation_steps",
        f"effective batch {batch}",
        _smaller(train.per_device_train_batch_size, fewer),
    )


@RULES.rule(
    "batch-exceeds-data",
    WARNING,
    "Every step would see all of the data, and there would be as many steps as epochs.",
)
def _(facts: LintFacts) -> Complaint | None:
    plan, rows = facts.plan, facts.train_samples
    if plan is not None and rows and plan.effective_batch > rows and facts.preset.train.max_steps <= 0:
        return Complaint(
            "train.gradient_accumulation_steps",
            f"effective batch {plan.effective_batch}, and {rows} rows",
            (
                ("train.gradient_accumulation_steps", 1),
                ("train.per_device_train_batch_size", max(1, min(4, rows // 8))),
            ),
        )
    return None


@RULES.rule("clip-off", WARNING, "One bad batch can throw the model off when its gradient is not clipped.")
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.train.max_grad_norm == 0:
        return Complaint("train.max_grad_norm", "gradient clipping is off", (("train.max_grad_norm", 1.0),))
    return None


@RULES.rule(
    "weight-decay-high", WARNING, "Adapters start at zero; a strong pull towards zero undoes what they learn."
)
def _(facts: LintFacts) -> Complaint | None:
    decay = facts.preset.train.weight_decay
    if decay > 0.1:
        return Complaint("train.weight_decay", f"weight_decay {decay:g}", (("train.weight_decay", 0.01),))
    return None


@RULES.rule(
    "order-by-length", NOTE, "Batches of equal length make the loss curve wavy, which looks like oscillation."
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.train.train_sampling_strategy == "group_by_length" and not facts.preset.train.packing:
        return Complaint(
            "train.train_sampling_strategy",
            "rows are grouped by length",
            (("train.train_sampling_strategy", "random"),),
        )
    return None


@RULES.rule("neftune-high", WARNING, "The NEFTune paper uses 5 to 15; more drowns the text in noise.")
def _(facts: LintFacts) -> Complaint | None:
    alpha = facts.preset.train.neftune_noise_alpha
    if alpha is not None and alpha > 15:
        return Complaint(
            "train.neftune_noise_alpha",
            f"neftune_noise_alpha {alpha:g}",
            (("train.neftune_noise_alpha", 5.0),),
        )
    return None
