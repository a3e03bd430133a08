"""Rules about the GPU, number formats, attention, memory and installed packages."""

from __future__ import annotations

from runner.insight.attention import lacks
from runner.insight.disk import DiskNeed
from runner.insight.figures import gib, size
from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules
from runner.insight.memory.predict import Fit
from runner.insight.memory.words import saving

RULES = Rules()
NOTE, WARNING, ERROR = LintSeverity.NOTE, LintSeverity.WARNING, LintSeverity.ERROR
AMPERE = (8, 0)
DISK_TIGHT = 0.8
# Checkpoints on disk at once with a limit of one: it, the best, and the one being written.
SMALLEST_COUNT = 3


@RULES.rule(
    "bf16-before-ampere",
    ERROR,
    "Cards before Ampere (T4, V100, RTX 20) have no bf16; it fails or is emulated slowly.",
)
def _(facts: LintFacts) -> Complaint | None:
    card = facts.card
    if card is not None and not card.has_bf16 and facts.preset.model.dtype == "bfloat16":
        return Complaint("model.dtype", f"bfloat16 on a {card.name}", (("model.dtype", "auto"),))
    return None


@RULES.rule("fp16-on-ampere", WARNING, "fp16 overflows where bf16 does not: NaN gradients and skipped steps.")
def _(facts: LintFacts) -> Complaint | None:
    card = facts.card
    if card is not None and card.has_bf16 and facts.preset.model.dtype == "float16":
        return Complaint(
            "model.dtype", f"float16 on a {card.name}, which has bf16", (("model.dtype", "auto"),)
        )
    return None


@RULES.rule(
    "fp16-full",
    ERROR,
    "Weights that are trained in float16 have float16 gradients, which the loss scaler refuses to unscale.",
)
def _(facts: LintFacts) -> Complaint | None:
    preset = facts.preset
    if preset.model.dtype == "float16" and not preset.lora.use_peft:
        return Complaint("model.dtype", "full fine-tuning in float16", (("model.dtype", "auto"),))
    return None


@RULES.rule(
    "fp16-overflows",
    WARNING,
    "This model's activations are larger than float16 can hold: the loss becomes NaN.",
)
def _(facts: LintFacts) -> Complaint | None:
    one, card, dtype = facts.architecture, facts.card, facts.preset.model.dtype
    # Gemma 3 was trained in bf16; its residual stream passes 65504 within a few layers.
    if one is None or not one.model_type.startswith("gemma3") or not facts.preset.lora.use_peft:
        return None
    if dtype == "float16" or (dtype == "auto" and card is not None and not card.has_bf16):
        return Complaint("model.dtype", f"{one.model_type} in float16", (("model.dtype", "float32"),))
    return None


@RULES.rule(
    "dtype-float32", WARNING, "fp32 doubles the memory of activations and embeddings and halves the speed."
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.card is not None and facts.preset.model.dtype == "float32" and facts.preset.lora.use_peft:
        return Complaint("model.dtype", "float32 on a GPU", (("model.dtype", "auto"),))
    return None


@RULES.rule(
    "attention-unsupported", ERROR, "transformers has no such kernel for this family and refuses to load it."
)
def _(facts: LintFacts) -> Complaint | None:
    one, wanted = facts.architecture, facts.preset.model.attn_implementation
    if one is None or not lacks(one.model_type, wanted):
        return None
    other = "eager" if wanted == "sdpa" else "sdpa"
    return Complaint(
        "model.attn_implementation",
        f"{wanted} with {one.model_type}",
        (("model.attn_implementation", other),),
    )


@RULES.rule("flash-missing", ERROR, "The model does not load without the package of its attention kernel.")
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.model.attn_implementation == "flash_attention_2" and _lacks_flash(facts):
        return Complaint(
            "model.attn_implementation",
            "flash-attn is not installed",
            (("model.attn_implementation", "sdpa"),),
        )
    return None


def _lacks_flash(facts: LintFacts) -> bool:
    """Whether no package brings the kernel; transformers also takes it from `kernels`."""
    return facts.lacks("flash_attn") and not facts.installed.get("kernels")


@RULES.rule("flash-before-ampere", ERROR, "FlashAttention 2 needs compute capability 8.0.")
def _(facts: LintFacts) -> Complaint | None:
    card = facts.card
    if (
        facts.preset.model.attn_implementation == "flash_attention_2"
        and card is not None
        and card.capability is not None
        and card.capability < AMPERE
        and not _lacks_flash(facts)
    ):
        return Complaint(
            "model.attn_implementation",
            f"flash_attention_2 on a {card.name}",
            (("model.attn_implementation", "sdpa"),),
        )
    return None


@RULES.rule(
    "attention-eager",
    NOTE,
    "Eager attention holds the scores of all pairs of tokens; sdpa gives the same without.",
)
def _(facts: LintFacts) -> Complaint | None:
    one = facts.architecture
    if facts.preset.model.attn_implementation == "eager" and (
        one is None or not lacks(one.model_type, "sdpa")
    ):
        return Complaint(
            "model.attn_implementation", "eager attention", (("model.attn_implementation", "sdpa"),)
        )
    return None


@RULES.rule(
    "packing-masked",
    WARNING,
    "Without a varlen kernel a mask as wide as the whole batch keeps packed rows apart: memory grows with its square.",
)
def _(facts: LintFacts) -> Complaint | None:
    preset = facts.preset
    if preset.train.packing and preset.model.attn_implementation == "sdpa":
        old = facts.card is not None and not facts.card.has_bf16
        has_flash = facts.installed.get("flash_attn") is not None and not old
        fix = ("model.attn_implementation", "flash_attention_2") if has_flash else ("train.packing", False)
        return Complaint("train.packing", "packing with sdpa attention", (fix,))
    return None


@RULES.rule(
    "memory-runs-out", WARNING, "The prediction says that the first long batch ends in CUDA out of memory."
)
def _(facts: LintFacts) -> Complaint | None:
    prediction = facts.prediction
    if prediction is None or prediction.fit is not Fit.RUNS_OUT:
        return None
    return _memory(facts, "needs")


@RULES.rule("memory-tight", NOTE, "It fits if the prediction is right, and not if it is a little low.")
def _(facts: LintFacts) -> Complaint | None:
    prediction = facts.prediction
    if prediction is None or prediction.fit is not Fit.TIGHT:
        return None
    return _memory(facts, "may need")


def _memory(facts: LintFacts, verb: str) -> Complaint:
    prediction = facts.prediction
    assert prediction is not None
    peak = max(prediction.train, prediction.evaluation, key=lambda one: one.need)
    where = " at evaluation" if prediction.at_evaluation else ""
    lever = prediction.lever
    return Complaint(
        "train.per_device_train_batch_size",
        f"{verb} {gib(peak.high)} GiB{where}, {gib(prediction.card.free_mib)} GiB are free",
        lever.changes if lever is not None else (),
        saving(prediction),
    )


@RULES.rule("disk-full", ERROR, "The run would end when the disk does, with its last checkpoints missing.")
def _(facts: LintFacts) -> Complaint | None:
    need, free = facts.disk, facts.free_disk
    if need is None or free is None or need.total <= free:
        return None
    return _disk(need, free)


@RULES.rule(
    "disk-tight", WARNING, "Whatever else is written on that disk can take the space a checkpoint needs."
)
def _(facts: LintFacts) -> Complaint | None:
    need, free = facts.disk, facts.free_disk
    if need is None or free is None or not DISK_TIGHT * free < need.total <= free:
        return None
    return _disk(need, free)


def _disk(need: DiskNeed, free: int) -> Complaint:
    return Complaint(
        "output.save_total_limit",
        f"needs {size(need.total)} of disk ({need.words}), {size(free)} are free",
        (("output.save_total_limit", 1),) if need.count > SMALLEST_COUNT else (),
        "`ftui clean` frees what old runs hold" if need.count <= SMALLEST_COUNT else "",
    )


@RULES.rule("length-beyond-model", WARNING, "The model has never seen positions beyond its own maximum.")
def _(facts: LintFacts) -> Complaint | None:
    one, length = facts.architecture, facts.preset.train.max_length
    if one is not None and one.max_positions is not None and length > one.max_positions:
        return Complaint(
            "train.max_length",
            f"max_length {length}, the model's maximum is {one.max_positions}",
            (("train.max_length", one.max_positions),),
        )
    return None


@RULES.rule(
    "remote-code", WARNING, "trust_remote_code runs Python from the model's repository, with your rights."
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.model.trust_remote_code:
        return Complaint(
            "model.trust_remote_code", "trust_remote_code is on", (("model.trust_remote_code", False),)
        )
    return None


@RULES.rule("tracker-missing", ERROR, "The trainer refuses to start when a tracker's package is missing.")
def _(facts: LintFacts) -> Complaint | None:
    wanted = facts.preset.report.report_to
    missing = [name for name in wanted if facts.lacks(name)]
    if missing:
        rest = [name for name in wanted if name not in missing]
        return Complaint(
            "report.report_to", f"{', '.join(missing)} not installed", (("report.report_to", rest),)
        )
    return None


@RULES.rule("workers-many", NOTE, "Rows are tokenised before training; worker processes only cost memory.")
def _(facts: LintFacts) -> Complaint | None:
    workers = facts.preset.train.dataloader_num_workers
    if workers > 4:
        return Complaint(
            "train.dataloader_num_workers",
            f"{workers} data loader processes",
            (("train.dataloader_num_workers", 0),),
        )
    return None
