"""Which repositories are refused, with which words; and how those of bitsandbytes are priced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from runner.insight.memory.architecture import Architecture, Stored, skipped_parameters
from runner.insight.memory.inputs import MemoryInputs, Stack, setup_of
from runner.insight.memory.predict import assumptions
from runner.insight.memory.reading import read_architecture
from runner.insight.memory.terms import weights
from runner.insight.trainable import METHODS, untrainable
from runner.preset.schema import Preset
from tests.insight.published_towers import PUBLISHED

LLAMA: dict[str, Any] = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
BNB = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
CONFIGS = {model.name: model.config for model in PUBLISHED}


def quantised(**said: Any) -> dict[str, Any]:
    return {**LLAMA, "quantization_config": said}


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"quant_method": "gptq", "bits": 4}, "GPTQ"),
        ({"quant_method": "awq"}, "AWQ"),
        ({"quant_method": "fp8"}, "FP8"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
        ({"format": "float-quantized", "config_groups": {}}, "compressed-tensors"),
        ({"quant_method": "mxfp4"}, "MXFP4"),
        ({"quant_method": "bitnet"}, "BitNet"),
        ({"quant_method": "brand-new"}, "brand-new"),
        ({"bits": 4}, "an unknown method"),
    ],
)
def test_weights_of_another_method_are_refused_by_its_name(said: dict[str, Any], word: str) -> None:
    found = untrainable(quantised(**said), "org/model")
    assert found is not None
    assert found.kind == "quantised"
    assert f"quantised with {word}" in found.what
    assert "16 bits" in found.instead and "load_in_4bit" in found.instead


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Qwen/Qwen3-8B-AWQ", "Qwen/Qwen3-8B"),
        ("Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen/Qwen3-30B-A3B-FP8", "Qwen/Qwen3-30B-A3B"),
        ("RedHatAI/Llama-3.1-8B-Instruct-quantized.w4a16", "RedHatAI/Llama-3.1-8B-Instruct"),
    ],
)
def test_the_plain_repository_is_usually_called_so(name: str, plain: str) -> None:
    found = untrainable(quantised(quant_method="gptq"), name)
    assert found is not None
    assert f"(usually {plain})" in found.instead


@pytest.mark.parametrize("name", ["openai/gpt-oss-20b", "/home/me/llama-gptq", "meta-llama/Llama-3.1-8B"])
def test_without_such_an_end_no_name_is_guessed(name: str) -> None:
    found = untrainable(quantised(quant_method="mxfp4"), name)
    assert found is not None
    assert "usually" not in found.instead


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "T5": ({"architectures": ["T5ForConditionalGeneration"], "model_type": "t5"}, "encoder-decoder"),
    "by its flag": ({"model_type": "new", "is_encoder_decoder": True}, "encoder-decoder"),
    "BART, which leaves the flag out": ({"model_type": "bart"}, "encoder-decoder"),
    "BERT": ({"architectures": ["BertModel"], "model_type": "bert"}, "embedding"),
    "ModernBERT": ({"architectures": ["ModernBertForMaskedLM"], "model_type": "modernbert"}, "embedding"),
    "BERT without a class": ({"model_type": "bert"}, "embedding"),
    "a body without a head": ({"architectures": ["MistralModel"], "model_type": "mistral"}, "embedding"),
    "a reward model": (
        {"architectures": ["LlamaForSequenceClassification"], "model_type": "llama"},
        "embedding",
    ),
    "a tower of an unknown family": ({"model_type": "ovis2", "vision_config": {"depth": 2}}, "tower"),
    "an audio model": ({"model_type": "qwen2_audio", "audio_config": {"d_model": 2}}, "tower"),
}


@pytest.mark.parametrize(("config", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_writes_no_text_is_refused(config: dict[str, Any], kind: str) -> None:
    found = untrainable(config)
    assert found is not None
    assert found.kind == kind
    assert len(found.what) > 20 and len(found.instead) > 20


def test_the_modules_of_sentence_transformers_mark_an_embedding_model() -> None:
    config = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}
    found = untrainable(config, embeds=True)
    assert untrainable(config) is None
    assert found is not None and found.kind == "embedding"


TRAINABLE = {
    "GPT-2": {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2"},
    "a family that is not modelled": {"architectures": ["FalconForCausalLM"], "model_type": "falcon"},
    "remote code": {"architectures": ["ChatGLMModel"], "auto_map": {"AutoModelForCausalLM": "m.C"}},
    "bitsandbytes": quantised(**BNB),
    "bitsandbytes of old": quantised(load_in_8bit=True),
    "an empty quantization_config": {**LLAMA, "quantization_config": {}},
    "no quantization_config": {**LLAMA, "quantization_config": None},
    "a list for its classes": {"architectures": "LlamaForCausalLM", "model_type": "llama"},
    **CONFIGS,
}


@pytest.mark.parametrize("config", TRAINABLE.values(), ids=TRAINABLE)
def test_what_can_be_trained_is_let_through(config: dict[str, Any]) -> None:
    assert untrainable(config) is None


def test_every_method_has_its_own_words() -> None:
    assert all(word and word == word.strip() for word in METHODS.values())


# Repositories of bitsandbytes


def stored(config: dict[str, Any], **said: Any) -> Architecture:
    return read_architecture({**config, "quantization_config": {**BNB, **said}})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "nf4"),
        ({"bnb_4bit_use_double_quant": True}, "nf4-dq"),
        ({"load_in_4bit": False, "load_in_8bit": True}, "int8"),
        ({"load_in_4bit": False, "_load_in_8bit": True}, "int8"),
    ],
)
def test_the_stored_figures_are_predicted_whatever_the_preset_says(
    said: dict[str, Any], expected: str
) -> None:
    one = stored(CONFIGS["Llama-3.1-8B"], **said)
    assert one.stored is not None
    assert one.stored.quantization == expected
    preset = Preset.model_validate(
        {"model": {"model_name_or_path": "org/one"}, "data": {"train_dataset": "./rows.jsonl"}}
    )
    assert setup_of(preset, one, Stack()).quantization == expected
    assert any(
        "as the repository stores them" in text for text in assumptions(setup_of(preset, one, Stack()), True)
    )


def test_modules_left_in_16_bits_are_priced_so() -> None:
    """Of an 8 B Llama: the MLPs of two layers, and one projection of a third."""
    whole = stored(CONFIGS["Llama-3.1-8B"])
    names = [
        "lm_head",
        "model.layers.0.mlp",
        "model.layers.31.mlp.down_proj",
        "model.layers.31.mlp.down_proj",
    ]
    some = stored(CONFIGS["Llama-3.1-8B"], llm_int8_skip_modules=names)
    left = 3 * 4096 * 14336 + 4096 * 14336
    assert whole.quantised_parameters - some.quantised_parameters == left
    more = weights(MemoryInputs(some, quantization="nf4")) - weights(MemoryInputs(whole, quantization="nf4"))
    assert more == pytest.approx(left * (2 - 0.5625))


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("q_proj", 32 * 4096 * 4096),
        ("self_attn.k_proj", 32 * 4096 * 1024),
        ("model.layers.3", 2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336),
        ("model.layers.99.mlp", 0),
        ("model.layers.3.nothing", 0),
        ("vision_tower", 0),
    ],
)
def test_a_pattern_is_read_as_transformers_reads_it(pattern: str, left: int) -> None:
    assert skipped_parameters(read_architecture(CONFIGS["Llama-3.1-8B"]), (pattern,)) == left


def test_a_tower_left_in_16_bits_is_priced_so() -> None:
    one = read_architecture(CONFIGS["Qwen2.5-VL-7B"])
    assert one.tower is not None
    kept = replace(one, stored=Stored("nf4", ("visual", "lm_head")))
    assert one.quantised_parameters - kept.quantised_parameters == one.tower.linear


def test_layers_of_several_kinds_are_told_apart() -> None:
    one = read_architecture(CONFIGS["LFM2-1.2B"])
    conv, attention = one.layer_kind(0), one.layer_kind(2)
    assert skipped_parameters(one, ("model.layers.0.conv",)) == sum(
        x.parameters for x in conv.linears if "conv" in x.path
    )
    assert skipped_parameters(one, ("model.layers.2.conv",)) == 0
    assert skipped_parameters(one, ("model.layers.2.self_attn",)) == sum(
        x.parameters for x in attention.linears if "self_attn" in x.path
    )


# What is said of them


def test_experts_keep_16_bits_and_it_is_said() -> None:
    """Qwen3-30B-A3B: 29.0 of 30.5 billion parameters are experts."""
    one = read_architecture(CONFIGS["Qwen3-30B-A3B"])
    setup = MemoryInputs(one, targets=one.linear_names)
    assert one.experts == 48 * 128 * 3 * 2048 * 768
    assert weights(setup) > 2 * one.experts
    words = " · ".join(assumptions(setup, True))
    assert "experts stay in 16 bits, all of them resident: 54.0 GiB" in words
    assert "less certain" in words


def test_a_tower_is_priced_and_said() -> None:
    one = read_architecture(CONFIGS["gemma-3-4b"])
    assert one.tower is not None
    bare = replace(one, tower=None)
    more = weights(MemoryInputs(one)) - weights(MemoryInputs(bare))
    assert more == pytest.approx(one.tower.linear * (0.5 + 1 / 64 + 4 / 16384) + one.tower.other * 2)
    assert "the tower is loaded and not trained" in assumptions(MemoryInputs(one), True)
    assert MemoryInputs(one, trains_all=True).trainable == one.language_parameters
