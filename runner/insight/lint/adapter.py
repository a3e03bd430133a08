"""Rules about the adapter, the optimizer and how weights are stored."""

from __future__ import annotations

from runner.insight.lint.rule import Complaint, LintFacts, LintSeverity, Rules

RULES = Rules()
NOTE, WARNING, ERROR = LintSeverity.NOTE, LintSeverity.WARNING, LintSeverity.ERROR
ATTENTION = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj"})


@RULES.rule("full-quantised", ERROR, "Quantised weights cannot be trained themselves; they need an adapter.")
def _(facts: LintFacts) -> Complaint | None:
    preset = facts.preset
    if not preset.lora.use_peft and (preset.quantization.load_in_4bit or preset.quantization.load_in_8bit):
        key = "load_in_4bit" if preset.quantization.load_in_4bit else "load_in_8bit"
        return Complaint(
            f"quantization.{key}", "full fine-tuning of quantised weights", ((f"quantization.{key}", False),)
        )
    return None


@RULES.rule(
    "alpha-high",
    WARNING,
    "The update is multiplied by alpha / r: more than 4 acts like a rate that is too high.",
)
def _(facts: LintFacts) -> Complaint | None:
    lora = facts.preset.lora
    if lora.use_peft and not lora.use_rslora and lora.lora_alpha > 4 * lora.r:
        return Complaint(
            "lora.lora_alpha", f"alpha {lora.lora_alpha} with r {lora.r}", (("lora.lora_alpha", 2 * lora.r),)
        )
    return None


@RULES.rule(
    "alpha-low", WARNING, "The update is multiplied by alpha / r: less than a half hardly moves the model."
)
def _(facts: LintFacts) -> Complaint | None:
    lora = facts.preset.lora
    if lora.use_peft and not lora.use_rslora and 2 * lora.lora_alpha < lora.r:
        return Complaint(
            "lora.lora_alpha", f"alpha {lora.lora_alpha} with r {lora.r}", (("lora.lora_alpha", lora.r),)
        )
    return None


@RULES.rule(
    "rslora-alpha",
    WARNING,
    "Rank-stabilised LoRA multiplies by alpha / √r: alpha must be much smaller than with alpha / r.",
)
def _(facts: LintFacts) -> Complaint | None:
    lora = facts.preset.lora
    if lora.use_peft and lora.use_rslora and lora.lora_alpha / lora.r**0.5 > 16:
        return Complaint(
            "lora.lora_alpha",
            f"alpha / √r is {lora.lora_alpha / lora.r**0.5:.0f}",
            (("lora.lora_alpha", max(1, round(4 * lora.r**0.5))),),
        )
    return None


@RULES.rule(
    "rank-high",
    WARNING,
    "So high a rank is capacity to memorise; alpha / r scaling also makes it learn slowly.",
)
def _(facts: LintFacts) -> Complaint | None:
    lora = facts.preset.lora
    if lora.use_peft and lora.r > 128 and not lora.use_rslora:
        return Complaint("lora.r", f"rank {lora.r}", (("lora.r", 64), ("lora.lora_alpha", 64)))
    return None


@RULES.rule("dropout-high", WARNING, "0.05 to 0.1 helps on small data; more makes training noisy.")
def _(facts: LintFacts) -> Complaint | None:
    lora = facts.preset.lora
    if lora.use_peft and lora.lora_dropout > 0.2:
        return Complaint(
            "lora.lora_dropout", f"dropout {lora.lora_dropout:g}", (("lora.lora_dropout", 0.05),)
        )
    return None


@RULES.rule(
    "targets-attention-only",
    NOTE,
    "Adapters on the MLP layers matter more than those on attention, at any rank.",
)
def _(facts: LintFacts) -> Complaint | None:
    targets = facts.preset.lora.target_modules
    if facts.preset.lora.use_peft and targets != "all-linear" and targets and set(targets) <= ATTENTION:
        return Complaint(
            "lora.target_modules", "adapters on attention only", (("lora.target_modules", "all-linear"),)
        )
    return None


@RULES.rule("targets-unknown", ERROR, "PEFT refuses names that no layer has.")
def _(facts: LintFacts) -> Complaint | None:
    targets, one = facts.preset.lora.target_modules, facts.architecture
    if not facts.preset.lora.use_peft or targets == "all-linear" or one is None:
        return None
    known = {*one.linear_names, "lm_head", "embed_tokens"}
    if not {name.rpartition(".")[2] for name in targets} & known:
        return Complaint(
            "lora.target_modules",
            f"no layer is called {', '.join(targets) or 'nothing'}; there are {', '.join(one.linear_names)}",
            (("lora.target_modules", "all-linear"),),
        )
    return None


@RULES.rule(
    "bias-trained", NOTE, "With trained biases the model is changed even when the adapter is switched off."
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.lora.use_peft and facts.preset.lora.bias != "none":
        return Complaint("lora.bias", f"bias: {facts.preset.lora.bias}", (("lora.bias", "none"),))
    return None


@RULES.rule(
    "embeddings-trained",
    NOTE,
    "A trained copy of the embeddings costs more memory than everything else, and forgets most.",
)
def _(facts: LintFacts) -> Complaint | None:
    whole = [name for name in facts.preset.lora.modules_to_save if name in ("embed_tokens", "lm_head")]
    if facts.preset.lora.use_peft and whole:
        return Complaint(
            "lora.modules_to_save", f"{' and '.join(whole)} trained whole", (("lora.modules_to_save", []),)
        )
    return None


@RULES.rule("fp4", NOTE, "nf4 fits the distribution of weights and loses less than fp4, at the same size.")
def _(facts: LintFacts) -> Complaint | None:
    quantization = facts.preset.quantization
    if quantization.load_in_4bit and quantization.bnb_4bit_quant_type == "fp4":
        return Complaint(
            "quantization.bnb_4bit_quant_type", "fp4 weights", (("quantization.bnb_4bit_quant_type", "nf4"),)
        )
    return None


@RULES.rule(
    "double-quant-off", NOTE, "Double quantisation saves 0.05 bytes a parameter and costs nothing measurable."
)
def _(facts: LintFacts) -> Complaint | None:
    quantization = facts.preset.quantization
    if quantization.load_in_4bit and not quantization.bnb_4bit_use_double_quant:
        return Complaint(
            "quantization.bnb_4bit_use_double_quant",
            "double quantisation is off",
            (("quantization.bnb_4bit_use_double_quant", True),),
        )
    return None


@RULES.rule(
    "optimizer-paged",
    NOTE,
    "An adapter's optimizer state is small: paging it saves nothing and can stall steps.",
)
def _(facts: LintFacts) -> Complaint | None:
    optim = facts.preset.train.optim
    if facts.preset.lora.use_peft and optim.startswith("paged_"):
        return Complaint("train.optim", f"{optim} with an adapter", (("train.optim", "adamw_torch_fused"),))
    return None


@RULES.rule(
    "optimizer-sgd",
    WARNING,
    "Plain SGD needs a rate hundreds of times higher; the usual rates learn nothing with it.",
)
def _(facts: LintFacts) -> Complaint | None:
    if facts.preset.train.optim == "sgd":
        return Complaint("train.optim", "sgd", (("train.optim", "adamw_torch_fused"),))
    return None


@RULES.rule(
    "optimizer-lion-rate",
    WARNING,
    "Lion's updates all have the size of the rate: it wants three to ten times less than AdamW.",
)
def _(facts: LintFacts) -> Complaint | None:
    train = facts.preset.train
    if train.optim == "lion_8bit" and train.learning_rate > 1e-4:
        return Complaint(
            "train.optim", f"Lion at {train.learning_rate:g}", (("train.optim", "adamw_torch_fused"),)
        )
    return None
