"""Whether a repository can be trained on at all, by what its config.json says: its weights must be plain or of
bitsandbytes, and it must be a decoder that writes text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.insight.memory.stored import is_bitsandbytes
from runner.insight.memory.towers import TOWER_KEYS, VISION

# quant_method of config.json to what people call it.
METHODS = {
    "aqlm": "AQLM",
    "awq": "AWQ",
    "auto-round": "AutoRound",
    "bitnet": "BitNet",
    "compressed-tensors": "compressed-tensors",
    "eetq": "EETQ",
    "fbgemm_fp8": "FP8",
    "fp8": "FP8",
    "gptq": "GPTQ",
    "hqq": "HQQ",
    "modelopt": "ModelOpt",
    "mxfp4": "MXFP4",
    "quanto": "Quanto",
    "torchao": "torchao",
}
# What such repositories have at the end of their names, and the plain one has not.
SUFFIX = re.compile(
    r"-(gptq|awq|fp8|w4a16|w8a8|int4|int8|4bit|8bit|nvfp4|mxfp4|quantized|autoround|hqq|aqlm|dynamic|block)"
    r"(?=$|[-.])[\w.-]*$",
    re.I,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Families whose config classes say is_encoder_decoder where their files may leave it out.
ENCODER_DECODERS = _words(
    """bart blenderbot blenderbot-small encoder-decoder fsmt led longt5 m2m_100 marian mbart mt5 mvp nllb-moe pegasus
    pegasus_x plbart prophetnet seamless_m4t speech_to_text switch_transformers t5 t5gemma t5gemma2 udop umt5
    vision-encoder-decoder whisper"""
)
ENCODERS = _words(
    """albert bert big_bird camembert canine convbert deberta deberta-v2 distilbert electra ernie esm eurobert flaubert
    funnel ibert layoutlm layoutlmv3 longformer luke megatron-bert mobilebert modernbert mpnet mra nomic_bert
    nystromformer rembert roberta roformer squeezebert xlm xlm-roberta xlm-roberta-xl xmod yoso"""
)
NO_WRITERS = ("ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")


@dataclass(frozen=True)
class Untrainable:
    """Why a repository cannot be trained on, and the usual way. `kind` is the end of the rule's id."""

    kind: str
    what: str
    instead: str


def untrainable(config: Mapping[str, Any], name: str = "", embeds: bool = False) -> Untrainable | None:
    """What speaks against a repository, None for nothing. `embeds` says that it has the modules.json of
    sentence-transformers beside its config.json.
    """
    return _quantised(config, name) or _no_writer(config, embeds) or _unknown_tower(config)


def _quantised(config: Mapping[str, Any], name: str) -> Untrainable | None:
    said = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(said, Mapping) or is_bitsandbytes(said):
        return None
    method = str(
        said.get("quant_method") or ("compressed-tensors" if "format" in said else "an unknown method")
    )
    words = METHODS.get(method.lower(), method[:40])
    plain = name if name.startswith("/") else SUFFIX.sub("", name)
    other = f" (usually {plain})" if plain != name else ""
    return Untrainable(
        "quantised",
        f"its weights are quantised with {words}, for running it: no adapter is trained on those here",
        f"name the repository of the same model in 16 bits{other}; load_in_4bit quantises it when it is loaded",
    )


def _no_writer(config: Mapping[str, Any], embeds: bool) -> Untrainable | None:
    model_type = str(config.get("model_type") or "")
    named = config.get("architectures")
    classes = [str(one) for one in named] if isinstance(named, list) else []
    if config.get("is_encoder_decoder") is True or model_type in ENCODER_DECODERS:
        return Untrainable(
            "encoder-decoder",
            f"{model_type or 'it'} is an encoder and a decoder; ftui trains decoders alone",
            "take a decoder-only model, such as Qwen/Qwen3-0.6B; transformers' Seq2SeqTrainer trains this kind",
        )
    remote = config.get("auto_map")
    writes = isinstance(remote, Mapping) and "AutoModelForCausalLM" in remote
    if embeds or (not writes and (_is_encoder(classes) or (not classes and model_type in ENCODERS))):
        what = f" ({', '.join(classes[:2])})" if classes else ""
        return Untrainable(
            "embedding",
            f"it is an embedding model or an encoder{what}: it writes no text",
            "take the generating model it was made of, if there is one; sentence-transformers trains this kind",
        )
    return None


def _is_encoder(classes: list[str]) -> bool:
    """Whether every class is a body without a head that writes, as 'BertModel'; 'GPT2LMHeadModel' has one."""
    return bool(classes) and all(
        one.endswith(NO_WRITERS)
        or (one.endswith("Model") and not one.endswith(("LMHeadModel", "DoubleHeadsModel")))
        for one in classes
    )


def _unknown_tower(config: Mapping[str, Any]) -> Untrainable | None:
    model_type = str(config.get("model_type") or "")
    if model_type in VISION or not any(config.get(key) for key in TOWER_KEYS):
        return None
    return Untrainable(
        "tower",
        f"{model_type or 'it'} has a vision or audio part, and where its text part begins is not known here",
        f"take a text model, or one of {', '.join(sorted(VISION))}",
    )
