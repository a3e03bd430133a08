"""Rules about the repository that a run starts from: whether it can be trained on, and how its weights are stored."""

from __future__ import annotations

from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules

RULES = Rules()
NOTE, WARNING, ERROR = LintSeverity.NOTE, LintSeverity.WARNING, LintSeverity.ERROR
KEY = "model.model_name_or_path"


def _refuse(facts: LintFacts, kind: str) -> Complaint | None:
    found = facts.untrainable
    if found is None or found.kind != kind:
        return None
    return Complaint(KEY, found.what, fix_words=found.instead)


@RULES.rule(
    "model-quantised",
    ERROR,
    "Only bitsandbytes' weights pass gradients to an adapter here; other methods are made for inference.",
)
def _(facts: LintFacts) -> Complaint | None:
    return _refuse(facts, "quantised")


@RULES.rule(
    "model-encoder-decoder", ERROR, "Its rows are pairs of two texts, each read by another half of the model."
)
def _(facts: LintFacts) -> Complaint | None:
    return _refuse(facts, "encoder-decoder")


@RULES.rule("model-embedding", ERROR, "Without a head over the vocabulary there is no next token to learn.")
def _(facts: LintFacts) -> Complaint | None:
    return _refuse(facts, "embedding")


@RULES.rule(
    "model-tower", ERROR, "Adapters on a vision or audio tower would be saved, and never trained by text."
)
def _(facts: LintFacts) -> Complaint | None:
    return _refuse(facts, "tower")


@RULES.rule(
    "experts-untouched",
    NOTE,
    "Attention and what all tokens share get adapters; the experts, most of the weights, stay as they are.",
)
def _(facts: LintFacts) -> Complaint | None:
    one = facts.architecture
    if one is None or not one.experts or not facts.preset.lora.use_peft:
        return None
    share = 100 * one.experts / one.parameters
    return Complaint("lora.target_modules", f"{share:.0f} % of the weights are experts, which get no adapter")


@RULES.rule("stored-full", ERROR, "Weights that are stored in 4 or 8 bits cannot be trained themselves.")
def _(facts: LintFacts) -> Complaint | None:
    stored = facts.architecture.stored if facts.architecture is not None else None
    if stored is None or facts.preset.lora.use_peft:
        return None
    bits = "8" if stored.quantization == "int8" else "4"
    return Complaint(
        "lora.use_peft",
        f"full fine-tuning of a repository stored in {bits} bits",
        (("lora.use_peft", True), (f"quantization.load_in_{bits}bit", True)),
    )


@RULES.rule("stored-differs", WARNING, "A repository that is quantised already is loaded as it is stored.")
def _(facts: LintFacts) -> Complaint | None:
    stored = facts.architecture.stored if facts.architecture is not None else None
    if stored is None or not facts.preset.lora.use_peft:
        return None
    eight, preset = stored.quantization == "int8", facts.preset.quantization
    if preset.load_in_8bit == eight and preset.load_in_4bit != eight:
        return None
    key = "load_in_8bit" if eight else "load_in_4bit"
    off = "load_in_4bit" if eight else "load_in_8bit"
    return Complaint(
        f"quantization.{key}",
        f"the repository is stored in {'8' if eight else '4'} bits, the preset says otherwise",
        ((f"quantization.{off}", False), (f"quantization.{key}", True)),
    )
