"""Rules about evaluation and saving."""

from __future__ import annotations

from runner.insight import ranges
from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules

RULES = Rules()
NOTE, WARNING = LintSeverity.NOTE, LintSeverity.WARNING


@RULES.rule(
    "eval-batch-larger",
    WARNING,
    "Evaluation then needs more memory than training, and fails hours into the run.",
)
def _(facts: LintFacts) -> Complaint | None:
    batch, train = (
        facts.preset.eval.per_device_eval_batch_size,
        facts.preset.train.per_device_train_batch_size,
    )
    if batch != "auto" and batch > train and facts.evaluates:
        return Complaint(
            "eval.per_device_eval_batch_size",
            f"evaluation batch {batch}, training batch {train}",
            (("eval.per_device_eval_batch_size", "auto"),),
        )
    return None


@RULES.rule(
    "eval-none",
    WARNING,
    "Without held-out rows nothing can say that the run overfits, or which checkpoint is best.",
)
def _(facts: LintFacts) -> Complaint | None:
    if not facts.evaluates:
        return Complaint("data.eval_fraction", "no held-out rows", (("data.eval_fraction", 0.05),))
    return None


@RULES.rule("eval-beyond-run", WARNING, "It would be evaluated at the start and the end only.")
def _(facts: LintFacts) -> Complaint | None:
    steps, plan = facts.preset.eval.eval_steps, facts.plan
    if steps != "auto" and plan is not None and steps >= plan.total_steps > 1 and facts.evaluates:
        return Complaint(
            "eval.eval_steps",
            f"every {steps} steps, in a run of {plan.total_steps}",
            (("eval.eval_steps", "auto"),),
        )
    return None


@RULES.rule("eval-few", NOTE, "A trend needs five evaluations or more.")
def _(facts: LintFacts) -> Complaint | None:
    steps, plan = facts.preset.eval.eval_steps, facts.plan
    if steps == "auto" or plan is None or not facts.evaluates or steps >= plan.total_steps:
        return None
    times = plan.total_steps // steps
    if times < ranges.LEAST_EVALUATIONS:
        return Complaint(
            "eval.eval_steps", f"only {times} evaluations after the first", (("eval.eval_steps", "auto"),)
        )
    return None


@RULES.rule("eval-often", NOTE, "Evaluations take the time of training; ten to twenty a run show the trend.")
def _(facts: LintFacts) -> Complaint | None:
    steps, plan = facts.preset.eval.eval_steps, facts.plan
    if steps != "auto" and plan is not None and facts.evaluates and plan.total_steps / steps > 100:
        return Complaint(
            "eval.eval_steps", f"{plan.total_steps // steps} evaluations", (("eval.eval_steps", "auto"),)
        )
    return None


@RULES.rule(
    "eval-samples-many",
    NOTE,
    "512 rows measure the loss well enough; more only take time at every evaluation.",
)
def _(facts: LintFacts) -> Complaint | None:
    most = facts.preset.eval.most_rows
    if most > 5000 and facts.evaluates:
        return Complaint(
            "eval.max_eval_samples", f"up to {most} rows an evaluation", (("eval.max_eval_samples", 512),)
        )
    return None


@RULES.rule("probe-off", NOTE, "Without the train-probe, overfitting can only be guessed at, not shown.")
def _(facts: LintFacts) -> Complaint | None:
    if not facts.preset.eval.train_probe and facts.evaluates:
        return Complaint("eval.train_probe", "train_probe is off", (("eval.train_probe", True),))
    return None


@RULES.rule(
    "save-beyond-run", WARNING, "Nothing could be resumed: the first checkpoint would be the last step."
)
def _(facts: LintFacts) -> Complaint | None:
    steps, plan = facts.preset.output.save_steps, facts.plan
    if steps != "auto" and plan is not None and steps >= plan.total_steps > 1:
        return Complaint(
            "output.save_steps",
            f"every {steps} steps, in a run of {plan.total_steps}",
            (("output.save_steps", "auto"),),
        )
    return None


@RULES.rule(
    "save-not-multiple",
    WARNING,
    "Checkpoints would have no evaluation of their own, so the best one cannot be told.",
)
def _(facts: LintFacts) -> Complaint | None:
    save, eval_ = facts.preset.output.save_steps, facts.preset.eval.eval_steps
    if save != "auto" and eval_ != "auto" and save % eval_ and facts.evaluates:
        return Complaint(
            "output.save_steps",
            f"saves every {save} steps, evaluates every {eval_}",
            (("output.save_steps", "auto"),),
        )
    return None


@RULES.rule("save-many", NOTE, "Each checkpoint holds adapter and optimizer; twenty of them fill a disk.")
def _(facts: LintFacts) -> Complaint | None:
    limit = facts.preset.output.save_total_limit
    if limit > 20:
        return Complaint(
            "output.save_total_limit", f"keeps {limit} checkpoints", (("output.save_total_limit", 3),)
        )
    return None


@RULES.rule(
    "best-not-kept", NOTE, "The saved adapter would be the last one, even when an earlier one was better."
)
def _(facts: LintFacts) -> Complaint | None:
    if not facts.preset.output.load_best_model_at_end and facts.evaluates:
        return Complaint(
            "output.load_best_model_at_end",
            "load_best_model_at_end is off",
            (("output.load_best_model_at_end", True),),
        )
    return None
