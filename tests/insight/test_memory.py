"""The closed form against measurements and published figures; what must hold of any prediction."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from runner.insight.memory.architecture import Architecture, NotCoveredError
from runner.insight.memory.calibration import Calibration, MemoryRecord, calibrate
from runner.insight.memory.cards import CARDS, Card, find_card, multiprocessors
from runner.insight.memory.inputs import MemoryInputs, Stack, parse_version, setup_of
from runner.insight.memory.predict import Fit, Peak, Predictor
from runner.insight.memory.reading import READERS, read_architecture
from runner.insight.memory.savings import last_resorts, levers
from runner.insight.memory.terms import (
    MIB,
    attention_extra,
    layer_phase,
    loss_bytes,
    saved_per_token,
    terms,
    weights,
)
from runner.preset import files
from runner.preset.schema import Preset
from tests.benchmarks.memory_cases import (
    MOST_PEAK_PERCENT,
    MOST_STATIC_PERCENT,
    Case,
    read_cases,
    setup_of_case,
)
from tests.insight.architectures import dense

GIB = 1 << 30
CASES = read_cases(Path(__file__).parents[1] / "data/memory-cases.csv")

# Measured


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_measured_memory_is_predicted(case: Case) -> None:
    assert case.measured_peak is not None and case.measured_static is not None
    assert case.peak == pytest.approx(case.measured_peak, rel=MOST_PEAK_PERCENT / 100)
    assert case.static == pytest.approx(case.measured_static, rel=MOST_STATIC_PERCENT / 100)


def test_measurements_are_of_several_kinds() -> None:
    assert len(CASES) >= 5
    assert {case.name.split()[2] for case in CASES} >= {"none", "nf4-dq"}


@pytest.mark.parametrize("column", ["quantization", "loss_kernel"])
def test_a_row_with_an_unknown_word_is_refused(column: str) -> None:
    path = Path(__file__).parents[1] / "data/memory-cases.csv"
    header, first = (line.split(",") for line in path.read_text(encoding="utf-8").splitlines()[:2])
    row = dict(zip(header, first, strict=False))
    setup_of_case(row)
    with pytest.raises(ValueError, match="is none of"):
        setup_of_case({**row, column: "nothing"})


# Bytes a token of one layer, as tracked on the CPU while the real stack trained small shapes.
def small(model_type: str) -> Architecture:
    return dense(model_type, 512, 1536, 4, 8, 2, 64, 1000, False)


SMALL = small("llama")
ALL = SMALL.linear_names


@pytest.mark.parametrize(
    ("architecture", "changes", "measured"),
    [
        (SMALL, {}, 21_144),
        (small("qwen3"), {}, 23_744),
        (SMALL, {"stream_bytes": 4}, 33_432),
        (small("phi3"), {}, 23_400),
    ],
    ids=["llama", "qwen3", "llama fp32", "phi3"],
)
def test_saved_activations_are_those_tracked(
    architecture: Architecture, changes: dict[str, Any], measured: int
) -> None:
    setup = MemoryInputs(architecture, r=8, targets=architecture.linear_names, **changes)
    assert saved_per_token(setup) == pytest.approx(measured, rel=0.002)


# Known models


def config(model_type: str, **figures: Any) -> dict[str, Any]:
    return {"model_type": model_type, **figures}


def shape(h: int, f: int, layers: int, heads: int, kv: int, v: int, **more: Any) -> dict[str, Any]:
    return {
        "hidden_size": h,
        "intermediate_size": f,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": v,
        **more,
    }


TIED: dict[str, Any] = {"tie_word_embeddings": True}
UNTIED: dict[str, Any] = {"tie_word_embeddings": False}
CONFIGS = {
    "Llama-3.2-1B": config("llama", **shape(2048, 8192, 16, 32, 8, 128256, **TIED, head_dim=64)),
    "Llama-3.2-3B": config("llama", **shape(3072, 8192, 28, 24, 8, 128256, **TIED, head_dim=128)),
    "Llama-3.1-8B": config("llama", **shape(4096, 14336, 32, 32, 8, 128256, **UNTIED)),
    "Llama-3.1-70B": config("llama", **shape(8192, 28672, 80, 64, 8, 128256, **UNTIED)),
    "Mistral-7B-v0.1": config("mistral", **shape(4096, 14336, 32, 32, 8, 32000, **UNTIED)),
    "Mistral-7B-v0.3": config("mistral", **shape(4096, 14336, 32, 32, 8, 32768, **UNTIED, head_dim=None)),
    "Qwen2.5-0.5B": config("qwen2", **shape(896, 4864, 24, 14, 2, 151936, **TIED)),
    "Qwen2.5-7B": config("qwen2", **shape(3584, 18944, 28, 28, 4, 152064, **UNTIED)),
    "Qwen3-0.6B": config("qwen3", **shape(1024, 3072, 28, 16, 8, 151936, **TIED, head_dim=128)),
    "Qwen3-1.7B": config("qwen3", **shape(2048, 6144, 28, 16, 8, 151936, **TIED, head_dim=128)),
    "Qwen3-4B": config("qwen3", **shape(2560, 9728, 36, 32, 8, 151936, **TIED, head_dim=128)),
    "Qwen3-8B": config("qwen3", **shape(4096, 12288, 36, 32, 8, 151936, **UNTIED, head_dim=128)),
    "Qwen3-14B": config("qwen3", **shape(5120, 17408, 40, 40, 8, 151936, **UNTIED, head_dim=128)),
    "Qwen3-32B": config("qwen3", **shape(5120, 25600, 64, 64, 8, 151936, **UNTIED, head_dim=128)),
    "Phi-3-mini": config("phi3", **shape(3072, 8192, 32, 32, 32, 32064, **UNTIED)),
    "gemma-3-1b": config("gemma3_text", **shape(1152, 6912, 26, 4, 1, 262144, head_dim=256)),
    "SmolLM3-3B": config("smollm3", **shape(2048, 11008, 36, 16, 4, 128256, **TIED)),
}
LLAMA_8B = read_architecture(CONFIGS["Llama-3.1-8B"])
QWEN_8B = read_architecture(CONFIGS["Qwen3-8B"])
RTX_4090 = find_card("RTX 4090")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Llama-3.2-1B", 1_235_814_400),
        ("Llama-3.2-3B", 3_212_749_824),
        ("Llama-3.1-8B", 8_030_261_248),
        ("Llama-3.1-70B", 70_553_706_496),
        ("Mistral-7B-v0.1", 7_241_732_096),
        ("Mistral-7B-v0.3", 7_248_023_552),
        ("Qwen2.5-0.5B", 494_032_768),
        ("Qwen2.5-7B", 7_615_616_512),
        ("Qwen3-0.6B", 596_049_920),
        ("Qwen3-8B", 8_190_735_360),
        ("Qwen3-14B", 14_768_307_200),
        ("Phi-3-mini", 3_821_079_552),
        ("gemma-3-1b", 999_885_952),
        ("SmolLM3-3B", 3_075_098_624),
    ],
)
def test_parameters_are_those_of_the_model_card(name: str, parameters: int) -> None:
    assert read_architecture(CONFIGS[name]).parameters == parameters


# NF4 with double quantisation, r 16 on all linear layers: weights GiB, the same with fp32 embeddings, LoRA parameters.
@pytest.mark.parametrize(
    ("name", "gib", "upcast_gib", "lora_millions"),
    [
        ("Llama-3.2-1B", 0.96, 1.45, 11.3),
        ("Qwen3-1.7B", 1.26, 1.84, 17.4),
        ("Llama-3.2-3B", 2.09, 2.82, 24.3),
        ("Qwen3-4B", 2.47, 3.20, 33.0),
        ("Qwen2.5-7B", 5.17, 7.20, 40.4),
        ("Mistral-7B-v0.3", 3.85, 4.35, 41.9),
        ("Llama-3.1-8B", 5.31, 7.27, 41.9),
        ("Qwen3-8B", 5.66, 7.97, 43.6),
        ("Qwen3-14B", 9.25, 12.15, 64.2),
        ("Qwen3-32B", 17.89, 20.79, 134.2),
        ("Llama-3.1-70B", 36.80, 40.72, 207.1),
    ],
)
def test_weights_and_adapters_are_those_of_the_table(
    name: str, gib: float, upcast_gib: float, lora_millions: float
) -> None:
    one = read_architecture(CONFIGS[name])
    setup = MemoryInputs(one, targets=one.linear_names)
    assert weights(setup) / GIB == pytest.approx(gib, rel=0.005)
    assert weights(replace(setup, weight_bytes=4)) / GIB == pytest.approx(upcast_gib, rel=0.005)
    assert setup.adapter_parameters / 1e6 == pytest.approx(lora_millions, rel=0.005)
    # 2 bytes of weights, 4 of AdamW's states; gradients of 2 only while steps are accumulated.
    accumulated = terms(replace(setup, micro_steps=2))
    trained = accumulated.adapter + accumulated.optimizer + accumulated.gradients
    assert trained == 8 * setup.adapter_parameters


@pytest.mark.parametrize(
    ("name", "kib"),
    [("Llama-3.1-8B", 508), ("Qwen3-8B", 536), ("Llama-3.2-1B", 202), ("Mistral-7B-v0.3", 508)],
)
def test_activations_a_token_are_those_of_the_table(name: str, kib: float) -> None:
    """Checkpoints and one layer, at 16 k tokens without a mask."""
    one = read_architecture(CONFIGS[name])
    setup = MemoryInputs(one, targets=one.linear_names, length=16384)
    assert layer_phase(setup) / 16384 / 1024 == pytest.approx(kib, rel=0.005)


@pytest.mark.parametrize(
    ("name", "mib"),
    [("Llama-3.1-8B", 5.64), ("Qwen3-8B", 6.48), ("Llama-3.2-1B", 1.54), ("Qwen2.5-7B", 5.64)],
)
def test_activations_without_checkpointing_are_those_of_the_table(name: str, mib: float) -> None:
    """All layers' saved activations; the transient on top is 6f + 8h, counted once."""
    one = read_architecture(CONFIGS[name])
    setup = MemoryInputs(one, targets=one.linear_names, length=16384, checkpointing=False)
    transient = 6 * one.kinds[0].width + 8 * one.hidden
    assert (layer_phase(setup) / 16384 - transient) / MIB == pytest.approx(mib, rel=0.01)


# 8 B model: V = 128,256, h = 4,096, f = 14,336, L = 32.
V, H, F, L = 128_256, 4096, 14_336, 32


@pytest.mark.parametrize(
    ("changes", "tokens", "backward", "expected"),
    [
        # The tile of the fused head stops growing at 4,096 tokens.
        ({}, 8192, True, 256 * MIB + 8192 * (8 * H + 36)),
        ({}, 1024, True, 64 * MIB + 1024 * (8 * H + 36)),
        ({}, 8192, False, 256 * MIB + 8192 * (2 * H + 36)),
        ({"whole_modules": ("lm_head",)}, 8192, True, 256 * MIB + 8192 * (8 * H + 36) + 4 * V * H),
        ({"whole_modules": ("lm_head",)}, 8192, False, 256 * MIB + 8192 * (2 * H + 36)),
        ({"trains_all": True}, 8192, True, 256 * MIB + 8192 * (8 * H + 36) + 4 * V * H),
        ({"loss_kernel": "trl_chunked"}, 8192, True, 14 * 256 * V + 2 * 8192 * H),
        ({"loss_kernel": "trl_chunked"}, 100, True, 14 * 100 * V + 2 * 100 * H),
        (
            {"loss_kernel": "trl_chunked", "copies_head": True},
            8192,
            True,
            14 * 256 * V + 2 * 8192 * H + 4 * V * H,
        ),
        ({"loss_kernel": "materialised"}, 8192, True, 14 * V * 8192),
        ({"loss_kernel": "materialised"}, 8192, False, 10 * V * 8192),
    ],
)
def test_the_head_takes_what_its_kernel_takes(
    changes: dict[str, Any], tokens: int, backward: bool, expected: float
) -> None:
    setup = MemoryInputs(read_architecture(CONFIGS["Llama-3.1-8B"]), **changes)
    assert loss_bytes(setup, tokens, backward) == pytest.approx(expected)


def test_the_loss_waits_until_all_checkpoints_are_held() -> None:
    setup = MemoryInputs(read_architecture(CONFIGS["Llama-3.1-8B"]), length=2048, loss_kernel="materialised")
    expected = 2048 * (2 * H * L + 6 * H + 14 * V)
    assert terms(setup).phases["loss"] == expected
    assert terms(setup).activations == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # One row: no mask, one layer and the weight it multiplies with; the fused head is smaller.
        ({"eval_length": 16384}, 16384 * (8 * F + 4 * H) + 2 * H * F),
        ({"eval_length": 16384, "quantization": "none"}, 16384 * (8 * F + 4 * H)),
        ({"eval_length": 16384, "stream_bytes": 4}, 2 * 16384 * (8 * F + 4 * H) + 2 * H * F),
        # Several rows: keys and values of all heads, and the mask.
        (
            {"eval_length": 4096, "eval_batch": 4},
            4 * 4096 * (8 * F + 4 * H + 4 * (4096 - 1024) + 3 * 4096) + 2 * H * F,
        ),
        ({"eval_length": 4096, "eval_batch": 4, "flash": True}, 4 * 4096 * (8 * F + 4 * H) + 2 * H * F),
        ({"eval_length": 2048, "loss_kernel": "materialised"}, 2048 * (2 * H + 10 * V)),
    ],
)
def test_an_evaluation_is_one_layer_or_the_head(changes: dict[str, Any], expected: float) -> None:
    setup = MemoryInputs(read_architecture(CONFIGS["Llama-3.1-8B"]), **changes)
    assert terms(setup).evaluation == pytest.approx(expected)


@pytest.mark.parametrize("stream_bytes", [2, 4])
def test_the_head_of_a_narrow_model_is_larger_than_a_layer(stream_bytes: int) -> None:
    model = read_architecture(CONFIGS["Qwen3-0.6B"])
    setup = MemoryInputs(model, eval_length=64, stream_bytes=stream_bytes, quantization="none")
    expected = 64 * (stream_bytes * 1024 + 2 * 32768 + 2 * 1024 + 36)
    assert terms(setup).evaluation == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "extra"),
    [
        ({"batch": 1}, 0),
        ({"batch": 4, "flash": True}, 0),
        ({"batch": 4, "packed": True, "flash": True}, 0),
        # Keys and values of all heads, and a mask as wide as a row …
        ({"batch": 4}, 4 * (4096 - 1024) + 3 * 1000),
        # … or as the whole batch, which is one row when packed.
        ({"batch": 4, "packed": True}, 4 * (4096 - 1024) + 3 * 4000),
        ({"batch": 1, "packed": True}, 4 * (4096 - 1024) + 3 * 1000),
        ({"batch": 4, "eager": True}, 6 * 32 * 1000),
        ({"batch": 4, "eager": True, "packed": True}, 6 * 32 * 4000),
    ],
    ids=str,
)
def test_a_mask_is_as_wide_as_what_attends(changes: dict[str, Any], extra: float) -> None:
    assert attention_extra(plain_setup(**changes), LLAMA_8B.kinds[0], 1000) == extra


def test_gradients_wait_only_while_steps_are_accumulated() -> None:
    setup = plain_setup()
    assert terms(setup).gradients == 0
    assert terms(replace(setup, micro_steps=2)).gradients == 2 * setup.trainable


@pytest.mark.parametrize(
    ("optimizer", "adapter_bytes", "state"),
    [
        ("adamw_torch_fused", 2, 4),
        ("adamw_torch_fused", 4, 8),
        ("adamw_torch", 4, 8),
        ("adamw_8bit", 2, 2.03125),
        ("paged_adamw_8bit", 4, 2.03125),
        ("paged_adamw_32bit", 2, 8),
        ("lion_8bit", 2, 1.015625),
        ("adafactor", 2, 4 / 16),
        ("sgd", 2, 0),
    ],
)
def test_an_optimizer_holds_its_states(optimizer: str, adapter_bytes: int, state: float) -> None:
    setup = plain_setup(optimizer=optimizer, adapter_bytes=adapter_bytes)
    assert terms(setup).optimizer == setup.trainable * state


def test_trainable_copies_and_dora_are_counted() -> None:
    setup = plain_setup()
    whole = replace(setup, whole_modules=("embed_tokens", "lm_head", "norm"))
    assert whole.trainable - setup.trainable == 2 * V * H
    one_linear = replace(setup, whole_modules=("down_proj",))
    assert one_linear.trainable - setup.trainable == L * F * H
    dora = replace(setup, dora=True)
    assert dora.trainable - setup.trainable == L * (4096 + 1024 + 1024 + 4096 + F + F + H)
    assert replace(setup, trains_all=True).trainable == 8_030_261_248


def test_adapters_in_fp32_are_held_in_bf16_too() -> None:
    narrow, wide = terms(plain_setup()), terms(plain_setup(adapter_bytes=4))
    assert wide.activations - narrow.activations == 2 * plain_setup().trainable


@pytest.mark.parametrize(
    ("expandable", "kernel", "needed", "shown"),
    [
        (True, "trl_fused", 0.03, 0.05),
        (True, "materialised", 0.03, 0.05),
        (False, "trl_fused", 0.08, 0.16),
        (False, "materialised", 0.08, 0.35),
    ],
)
def test_the_prior_of_what_lies_beside_what_is_allocated(
    expandable: bool, kernel: Any, needed: float, shown: float
) -> None:
    """A bare context of 387 MiB on a 4090, 350 MiB of kernels, and a share of the activations."""
    setup = plain_setup(loss_kernel=kernel)
    parts = terms(setup)
    active, outside = parts.activations / MIB, RTX_4090.context_mib + 350
    train = Predictor(RTX_4090, expandable=expandable).predict(setup, with_lever=False).train
    assert RTX_4090.context_mib == pytest.approx(387, abs=1)
    assert train.need == pytest.approx(parts.allocated / MIB + needed * active + outside)
    assert train.shown == pytest.approx(parts.allocated / MIB + shown * active + outside)
    sigma = math.hypot(0.03 * active, (0.04 if expandable else 0.12) * active, 150)
    assert train.high - train.need == pytest.approx(1.645 * sigma)


def test_head_dim_is_the_quotient_when_missing_or_null() -> None:
    plain = dict(CONFIGS["Llama-3.1-8B"])
    assert "head_dim" not in plain
    assert read_architecture(plain).head_dim == 128
    assert read_architecture({**plain, "head_dim": None}).head_dim == 128
    assert read_architecture({**plain, "head_dim": 64}).kinds[0].queries == 32 * 64


@pytest.mark.parametrize("without", [True, False])
def test_every_head_has_its_keys_when_nothing_else_is_said(without: bool) -> None:
    plain = dict(CONFIGS["Llama-3.1-8B"])
    if without:
        del plain["num_key_value_heads"]
    else:
        plain["num_key_value_heads"] = None
    assert read_architecture(plain).kinds[0].kv_heads == 32


def test_gemma_is_tied_unless_it_says_otherwise() -> None:
    assert read_architecture(CONFIGS["gemma-3-1b"]).tied
    assert not read_architecture({**CONFIGS["gemma-3-1b"], "tie_word_embeddings": False}).tied


def test_smollm3_is_tied_unless_it_says_otherwise() -> None:
    """transformers' SmolLM3Config has tie_word_embeddings = True, and writes only what differs from that."""
    silent = {key: value for key, value in CONFIGS["SmolLM3-3B"].items() if key != "tie_word_embeddings"}
    assert read_architecture(silent).parameters == 3_075_098_624


@pytest.mark.parametrize("value", [0, -1, True, "32768", None, 1e9])
def test_a_longest_position_that_is_none_is_not_known(value: object) -> None:
    assert read_architecture({**CONFIGS["Qwen3-8B"], "max_position_embeddings": value}).max_positions is None


def test_the_text_part_of_a_nested_config_is_read() -> None:
    nested = {
        "model_type": "gemma3",
        "text_config": CONFIGS["gemma-3-1b"],
        "vocab_size": 5,
        "hidden_size": 7,
    }
    one, alone = read_architecture(nested), read_architecture(CONFIGS["gemma-3-1b"])
    assert one.kinds == alone.kinds
    assert one.language_parameters == alone.parameters
    # SigLIP's own defaults, which transformers builds where nothing is said of the tower.
    assert one.tower is not None
    assert one.parameters == alone.parameters + one.tower.parameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text_config": [1]}, "text_config"),
        ({"num_local_experts": 8}, "mixture of experts"),
        ({"text_config": {"num_experts": 4}}, "mixture of experts"),
        ({"vision_config": {"depth": 2}}, "vision or audio"),
        ({"audio_config": {"depth": 2}}, "vision or audio"),
        ({"layer_types": ["full_attention", "linear_attention"]}, "without attention"),
        ({"layer_types": ["mamba"]}, "without attention"),
        ({"mamba_d_state": 16}, "without attention"),
        ({"model_type": "falcon"}, "'falcon' is not modelled"),
        ({"model_type": None}, "is not modelled"),
        ({"model_type": ""}, "of this model"),
        ({"hidden_size": None}, "hidden_size: None"),
        ({"hidden_size": "4096"}, "hidden_size: '4096'"),
        ({"hidden_size": 4096.0}, "hidden_size: 4096.0"),
        ({"num_hidden_layers": 0}, "num_hidden_layers: 0"),
        ({"num_hidden_layers": -1}, "num_hidden_layers: -1"),
        ({"vocab_size": True}, "vocab_size: True"),
        ({"num_key_value_heads": 0}, "num_key_value_heads: 0"),
        ({"head_dim": "x"}, "head_dim: 'x'"),
        ({"num_attention_heads": 4097}, r"\w"),
    ],
)
def test_what_is_not_covered_is_refused_with_the_reason(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NotCoveredError, match=words):
        read_architecture({**CONFIGS["Llama-3.1-8B"], **changes})


@pytest.mark.parametrize("kind", ["full_attention", "sliding_attention"])
def test_layers_with_attention_are_covered(kind: str) -> None:
    assert read_architecture({**CONFIGS["Qwen3-8B"], "layer_types": [kind] * 36}) == QWEN_8B


KEYS = [
    "model_type",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "vocab_size",
    "tie_word_embeddings",
    "max_position_embeddings",
    "text_config",
    "vision_config",
    "num_experts",
    "layer_types",
    "mamba_d_state",
    "quantization_config",
]
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**12),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(sorted(READERS)),
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=8,
)


def check_read(value: dict[str, Any]) -> None:
    try:
        one = read_architecture(value)
    except NotCoveredError as error:
        assert str(error)
        return
    figures = (
        one.hidden,
        one.layers,
        one.head_dim,
        one.vocabulary,
        *(kind.width for kind in one.kinds),
        *(kind.count for kind in one.kinds),
    )
    assert min(figures) >= 1
    assert 0 < one.quantised_parameters < one.parameters
    assert sum(kind.count for kind in one.kinds) == one.layers == len(one.order or range(one.layers))
    assert one.max_positions is None or one.max_positions >= 1


@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=12))
def test_any_json_is_read_or_refused(value: dict[str, Any]) -> None:
    check_read(value)


@given(
    st.sampled_from(sorted(CONFIGS)), st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=2)
)
def test_a_known_model_with_garbage_in_it_is_read_or_refused(name: str, garbage: dict[str, Any]) -> None:
    check_read({**CONFIGS[name], **garbage})


# What must hold of any setup

architectures = st.sampled_from([read_architecture(CONFIGS[name]) for name in sorted(CONFIGS)])


@st.composite
def setups(draw: st.DrawFn) -> MemoryInputs:
    one = draw(architectures)
    targets = draw(st.lists(st.sampled_from(sorted(one.linear_names)), unique=True))
    batch = draw(st.integers(1, 64))
    length = draw(st.integers(8, 16384))
    return MemoryInputs(
        one,
        quantization=draw(st.sampled_from(["none", "nf4-dq", "nf4", "int8"])),
        weight_bytes=draw(st.sampled_from([2, 4])),
        stream_bytes=draw(st.sampled_from([2, 4])),
        trains_all=draw(st.booleans()),
        r=draw(st.integers(1, 256)),
        targets=tuple(targets),
        dropout=draw(st.booleans()),
        dora=draw(st.booleans()),
        whole_modules=tuple(draw(st.lists(st.sampled_from(["lm_head", "embed_tokens"]), unique=True))),
        adapter_bytes=draw(st.sampled_from([2, 4])),
        optimizer=draw(
            st.sampled_from(["adamw_torch_fused", "adamw_torch", "adamw_8bit", "sgd", "adafactor"])
        ),
        batch=batch,
        length=length,
        packed=draw(st.booleans()),
        flash=draw(st.booleans()),
        eager=draw(st.booleans()),
        checkpointing=draw(st.booleans()),
        micro_steps=draw(st.integers(1, 3)),
        eval_batch=draw(st.integers(1, 64)),
        eval_length=draw(st.integers(8, 16384)),
        loss_kernel=draw(st.sampled_from(["materialised", "trl_chunked", "trl_fused"])),
        copies_head=draw(st.booleans()),
    )


def most(setup: MemoryInputs) -> float:
    parts = terms(setup)
    return max(parts.allocated, parts.static + parts.evaluation)


@given(setups(), st.integers(1, 64))
def test_more_rows_never_need_less(setup: MemoryInputs, more: int) -> None:
    larger = replace(setup, batch=setup.batch + more)
    assert terms(larger).allocated >= terms(setup).allocated
    larger = replace(setup, eval_batch=setup.eval_batch + more)
    assert terms(larger).evaluation >= terms(setup).evaluation


@given(setups(), st.integers(1, 8192))
def test_longer_rows_never_need_less(setup: MemoryInputs, more: int) -> None:
    assert terms(replace(setup, length=setup.length + more)).allocated >= terms(setup).allocated
    longer = replace(setup, eval_length=setup.eval_length + more)
    assert terms(longer).evaluation >= terms(setup).evaluation


@given(setups(), st.integers(1, 256))
def test_a_higher_rank_never_needs_less(setup: MemoryInputs, more: int) -> None:
    assume(setup.optimizer != "adafactor")  # Its state is about as large whatever the rank.
    assert most(replace(setup, r=setup.r + more)) >= most(setup)


@given(setups())
def test_checkpointing_never_needs_more(setup: MemoryInputs) -> None:
    """But for the angles of the positions, which only the one formula counts. Fewer tokens than the model is wide are
    another test's: a dequantised weight is then the largest part.
    """
    assume(setup.tokens >= setup.architecture.hidden)
    with_it, without = replace(setup, checkpointing=True), replace(setup, checkpointing=False)
    slack = 4 * setup.architecture.head_dim * setup.length
    assert terms(with_it).allocated <= terms(without).allocated + slack


@given(setups())
def test_fewer_bits_never_need_more(setup: MemoryInputs) -> None:
    def with_bits(quantization: Any) -> float:
        return most(replace(setup, quantization=quantization, weight_bytes=2))

    assert with_bits("nf4-dq") <= with_bits("nf4") <= with_bits("int8") <= with_bits("none")


@given(setups())
def test_parts_are_never_negative_and_add_up(setup: MemoryInputs) -> None:
    parts = terms(setup)
    named = (parts.weights, parts.adapter, parts.optimizer, parts.workspace, parts.gradients)
    assert min(*named, parts.activations, parts.evaluation) >= 0
    assert parts.allocated == pytest.approx(sum(named) + parts.activations)
    assert parts.activations >= max(parts.phases.values())


def test_only_quantised_weights_are_dequantised() -> None:
    """A 16-bit weight is used where it lies: with few tokens the peak goes on falling."""
    few = MemoryInputs(LLAMA_8B, quantization="none", targets=LLAMA_8B.linear_names, length=64)
    assert layer_phase(few) == pytest.approx(layer_phase(replace(few, length=128)) / 2, rel=0.01)


def test_a_dequantised_weight_is_counted_without_checkpointing_too() -> None:
    """2·h·f bytes, 112 MiB of an 8 B model, which few tokens' activations do not hide."""
    few = MemoryInputs(LLAMA_8B, targets=LLAMA_8B.linear_names, length=8, checkpointing=False)
    assert layer_phase(few) >= 2 * 4096 * 14336


# The verdict


def plain_setup(**changes: Any) -> MemoryInputs:
    base = MemoryInputs(
        LLAMA_8B, targets=LLAMA_8B.linear_names, batch=4, length=1024, eval_batch=4, eval_length=1024
    )
    return replace(base, **changes)


calibrations = st.builds(
    Calibration,
    kappa=st.floats(0.8, 1.25),
    outside_mib=st.none() | st.floats(100, 2000),
    reserve_share=st.none() | st.floats(0, 0.5),
    runs=st.integers(0, 30),
)
predictors = st.builds(
    Predictor,
    card=st.sampled_from(sorted(CARDS.values(), key=lambda card: card.name)),
    calibration=calibrations,
    expandable=st.booleans(),
    known_stack=st.booleans(),
)


@given(predictors, setups())
def test_the_parts_of_a_prediction_are_what_is_needed(predictor: Predictor, setup: MemoryInputs) -> None:
    """Parts below half a MiB are not listed."""
    prediction = predictor.predict(setup, with_lever=False)
    assert sum(mib for _, mib in prediction.parts) == pytest.approx(prediction.train.need, abs=0.5 * 6)
    assert all(mib >= 0.5 for _, mib in prediction.parts)
    assert len({name for name, _ in prediction.parts}) == len(prediction.parts)


@given(predictors, setups())
def test_the_middle_lies_between_low_and_high(predictor: Predictor, setup: MemoryInputs) -> None:
    prediction = predictor.predict(setup, with_lever=False)
    for peak in (prediction.train, prediction.evaluation):
        assert 0 <= peak.low <= peak.need <= peak.high
        assert peak.shown >= 0
    assert predictor.need_mib(setup) == max(prediction.train.high, prediction.evaluation.high)


@given(predictors, setups())
def test_more_runs_make_it_surer(predictor: Predictor, setup: MemoryInputs) -> None:
    def width(runs: int) -> float:
        calibration = replace(predictor.calibration, runs=runs)
        peak = replace(predictor, calibration=calibration).predict(setup, with_lever=False).train
        return peak.high - peak.need

    assert width(8) <= width(0)


def test_nothing_is_as_unsure_as_a_newer_version() -> None:
    sure, unsure = (
        Predictor(RTX_4090, known_stack=known).predict(plain_setup(), with_lever=False)
        for known in (True, False)
    )
    assert unsure.train.need == sure.train.need
    assert unsure.train.high > sure.train.high
    assert any("newer" in words for words in unsure.assumed) and not any("newer" in w for w in sure.assumed)


@pytest.mark.parametrize(
    ("free", "fit"),
    [(1200, "fits"), (1100, "fits"), (1099, "tight"), (1000, "tight"), (999, "will run out")],
)
def test_the_word_for_a_fit(free: int, fit: str) -> None:
    assert Peak(need=1000, low=900, high=1100, shown=1050).fit(free) == fit


def test_the_worse_of_training_and_evaluation_decides() -> None:
    """8 rows of 16 k tokens evaluated, 1 of 512 trained on."""
    setup = plain_setup(batch=1, length=512, eval_batch=8, eval_length=16384)
    need = Predictor(RTX_4090).predict(setup).evaluation
    prediction = Predictor(replace(RTX_4090, free_mib=int(need.need) - 1)).predict(setup)
    assert prediction.train.fit(prediction.card.free_mib) is Fit.FITS
    assert prediction.fit is Fit.RUNS_OUT
    assert prediction.at_evaluation
    assert prediction.lever is not None and prediction.lever.changes == (
        ("eval.per_device_eval_batch_size", 1),
    )


# Levers


@given(predictors, setups())
def test_a_lever_saves_what_it_says(predictor: Predictor, setup: MemoryInputs) -> None:
    prediction = predictor.predict(setup)
    lever = prediction.lever
    if lever is None:
        return
    choices = {(words, keys): after for words, keys, after in (*levers(setup), *last_resorts(setup))}
    after = predictor.predict(choices[lever.words, lever.changes], with_lever=False)
    before = max(prediction.train.need, prediction.evaluation.need)
    assert lever.saves_mib == pytest.approx(before - max(after.train.need, after.evaluation.need))
    assert lever.saves_mib >= before / 20


PRESET = Preset.model_validate(
    {"model": {"model_name_or_path": "./model"}, "data": {"train_dataset": "./rows.jsonl"}}
)


def changed(preset: Preset, changes: dict[str, object]) -> Preset:
    values = preset.model_dump()
    for key, value in changes.items():
        section, name = key.split(".")
        assert name in values[section], key
        values[section][name] = value
    return Preset.model_validate(values)


def setup_for(preset: Preset) -> MemoryInputs:
    return setup_of(preset, LLAMA_8B, Stack(), longest=3000, eval_longest=2500)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"train.per_device_train_batch_size": 8, "train.gradient_accumulation_steps": 1},
        {"train.per_device_train_batch_size": 5, "train.gradient_accumulation_steps": 2},
        {"train.per_device_train_batch_size": 1, "train.max_length": 4096},
        {"train.gradient_checkpointing": False},
        {"lora.lora_dropout": 0.1},
        {"eval.per_device_eval_batch_size": 16},
        {"eval.per_device_eval_batch_size": 4},
        {"quantization.load_in_4bit": False},
        {"quantization.load_in_4bit": False, "quantization.load_in_8bit": True},
        {"model.dtype": "float32"},
        {"model.attn_implementation": "eager"},
        {"train.packing": True, "train.max_length": 4096},
        {"quantization.load_in_4bit": False, "lora.use_peft": False},
    ],
    ids=lambda changes: (
        " ".join(f"{key.split('.')[1]}={value}" for key, value in changes.items()) or "default"
    ),
)
def test_what_a_lever_promises_is_what_its_settings_give(changes: dict[str, object]) -> None:
    preset = changed(PRESET, changes)
    setup = setup_for(preset)
    offered = [*levers(setup), *last_resorts(setup)]
    assert offered
    for words, keys, promised in offered:
        assert setup_for(changed(preset, dict(keys))) == promised, words


@pytest.mark.parametrize(("batch", "accumulation"), [(4, 4), (2, 1), (3, 2), (6, 1), (5, 1), (7, 1), (9, 4)])
def test_half_the_batch_leaves_the_effective_batch_as_it_is(batch: int, accumulation: int) -> None:
    """It says so: 'same effective batch as …'."""
    words, keys, after = next(levers(plain_setup(batch=batch, micro_steps=accumulation)))
    assert words.startswith("same effective batch as")
    assert (
        dict(keys).items()
        >= {
            "train.per_device_train_batch_size": after.batch,
            "train.gradient_accumulation_steps": after.micro_steps,
        }.items()
    )
    assert after.batch * after.micro_steps == batch * accumulation
    assert after.batch < batch


def test_rows_are_cut_only_if_nothing_else_helps() -> None:
    setup = plain_setup(batch=1, micro_steps=16, length=8192, eval_batch=1, eval_length=8192)
    assert not list(levers(setup))
    lever = Predictor(RTX_4090).predict(setup).lever
    assert lever is not None and lever.changes == (("train.max_length", 4096),)


# What presets ask for


def test_a_preset_becomes_a_setup() -> None:
    setup = setup_of(PRESET, LLAMA_8B, Stack())
    assert (setup.quantization, setup.weight_bytes, setup.adapter_bytes) == ("nf4-dq", 2, 2)
    assert (setup.batch, setup.micro_steps, setup.length, setup.eval_batch) == (4, 4, 2048, 4)
    assert set(setup.targets) == set(LLAMA_8B.linear_names)
    assert setup.checkpointing and setup.masked and not setup.trains_all


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"quantization.bnb_4bit_use_double_quant": False}, {"quantization": "nf4"}),
        (
            {"quantization.load_in_4bit": False},
            {"quantization": "none", "adapter_bytes": 4, "weight_bytes": 2},
        ),
        ({"model.dtype": "float16"}, {"adapter_bytes": 4, "stream_bytes": 2}),
        ({"model.dtype": "float32"}, {"weight_bytes": 4, "stream_bytes": 4, "adapter_bytes": 4}),
        (
            {"quantization.load_in_4bit": False, "lora.use_peft": False},
            {"trains_all": True, "weight_bytes": 4, "stream_bytes": 4, "targets": ()},
        ),
        ({"lora.target_modules": ["v_proj", "q_proj"]}, {"targets": ("v_proj", "q_proj")}),
        ({"eval.per_device_eval_batch_size": 9}, {"eval_batch": 9}),
        ({"train.max_length": 1024}, {"length": 1024, "eval_length": 1024}),
        ({"train.max_length": 4096}, {"length": 3000, "eval_length": 2500}),
        ({"train.max_length": 4096, "train.packing": True}, {"length": 4096, "packed": True}),
    ],
    ids=str,
)
def test_a_setting_reaches_the_setup(changes: dict[str, object], fields: dict[str, object]) -> None:
    setup = setup_for(changed(PRESET, changes))
    assert {name: getattr(setup, name) for name in fields} == fields


def test_bfd_split_does_not_cut_the_rows_that_are_evaluated() -> None:
    """They are not packed, and with bfd_split nothing is cut before packing (length_limit in train/tokenise.py)."""
    preset = changed(PRESET, {"train.packing": True, "train.packing_strategy": "bfd_split"})
    assert setup_of(preset, LLAMA_8B, Stack(), eval_longest=9000).eval_length == 9000


def test_on_cards_without_bf16_adapters_are_held_in_fp32() -> None:
    assert setup_of(PRESET, LLAMA_8B, Stack(), has_bf16=False).adapter_bytes == 4


def test_hopper_has_a_larger_workspace() -> None:
    older, hopper = (
        setup_of(PRESET, LLAMA_8B, Stack(), compute_capability=c).cublas_mib for c in ((8, 9), (9, 0))
    )
    assert (older, hopper) == (16.25, 64.0)


@pytest.mark.parametrize(
    ("preset", "model", "card"),
    [
        ("qlora-quickstart", "Qwen3-0.6B", Card("any GPU with 6 GB", 6144, 5700, (8, 6), 28)),
        ("qlora-8b-24gb", "Qwen3-8B", find_card("RTX 3090")),
        ("qlora-8b-24gb", "Qwen3-8B", find_card("RTX 4090")),
        ("qlora-8b-80gb", "Qwen3-8B", find_card("A100 80GB")),
        ("qlora-8b-80gb", "Qwen3-8B", find_card("H100")),
    ],
)
def test_shipped_presets_fit_the_card_they_are_for(
    preset: str, model: str, card: Card, tmp_path: Path
) -> None:
    loaded = files.load(preset, tmp_path).preset
    setup = setup_of(loaded, read_architecture(CONFIGS[model]), Stack(), compute_capability=card.capability)
    assert Predictor(card).predict(setup).fit is Fit.FITS


# Versions


@pytest.mark.parametrize(
    ("trl", "kernel", "copies", "known"),
    [
        (None, "trl_fused", False, True),
        ("1.6.0", "materialised", False, True),
        ("0.25.1", "materialised", False, True),
        ("1.7", "trl_chunked", True, True),
        ("1.7.0", "trl_chunked", True, True),
        ("1.12.3", "trl_chunked", True, True),
        ("1.13.0", "trl_chunked", False, True),
        ("1.14.9", "trl_chunked", False, True),
        ("1.15.0", "trl_fused", False, True),
        ("1.15", "trl_fused", False, True),
        ("1.16.4", "trl_fused", False, True),
        ("1.17.0", "trl_fused", False, False),
        ("2.0.0", "trl_fused", False, False),
    ],
)
def test_formulas_follow_the_version_of_trl(trl: str | None, kernel: str, copies: bool, known: bool) -> None:
    stack = Stack(parse_version(trl))
    assert (stack.loss_kernel, stack.copies_head, stack.known) == (kernel, copies, known)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.16.0", (1, 16, 0)),
        ("1.16.0.dev0", (1, 16, 0)),
        ("1.16.0rc1", (1, 16)),
        ("2", (2,)),
        (None, None),
        ("", None),
        ("main", None),
    ],
)
def test_versions_are_read(text: str | None, version: tuple[int, ...] | None) -> None:
    assert parse_version(text) == version


def test_records_are_comparable_within_a_minor_version() -> None:
    assert Stack((1, 16, 0)).name == Stack((1, 16, 3)).name == "trl 1.16"
    assert Stack((1, 15, 0)).name != Stack((1, 16, 0)).name


def test_newer_heads_need_less() -> None:
    older, chunked, fused = (
        terms(setup_of(PRESET, LLAMA_8B, Stack(parse_version(text)))).allocated
        for text in ("1.6", "1.14", "1.16")
    )
    assert older > chunked >= fused


# Cards


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4090", "RTX 4090"),
        ("rtx4090", "RTX 4090"),
        ("RTX-4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 4090", "RTX 4090"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("a100 80gb", "A100 80GB"),
        ("A100 80 GB", "A100 80GB"),
        ("NVIDIA A100 80GB PCIe", "A100 80GB"),
        ("a100", "A100 40GB"),
        ("H100", "H100"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("H200", "H200"),
        ("T4", "Tesla T4"),
        ("L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("A10", "A10"),
        ("NVIDIA A10G", "A10G"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada"),
        ("NVIDIA RTX A6000", "RTX A6000"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "RTX PRO 6000"),
    ],
)
def test_cards_are_found_by_name(text: str, name: str) -> None:
    assert find_card(text).name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA A100-PCIE-40GB", "A100 40GB"),
        ("Tesla V100-SXM2-16GB", "Tesla V100 16GB"),
        ("Tesla V100-SXM2-32GB", "Tesla V100 32GB"),
    ],
)
def test_cards_are_found_by_the_names_nvml_gives_them(text: str, name: str) -> None:
    """Form factor and memory come after the name; an A100 is no A10."""
    assert find_card(text).name == name
    assert multiprocessors(text) == CARDS[name].multiprocessors


@pytest.mark.parametrize("name", sorted(CARDS))
def test_every_card_is_found_by_its_own_name(name: str) -> None:
    assert find_card(name).name == name
    assert find_card(f"NVIDIA {name}").name == name
    card = CARDS[name]
    assert 0 < card.free_mib < card.total_mib
    assert card.multiprocessors == multiprocessors(name)


@pytest.mark.parametrize(
    ("text", "near"), [("RTX 4095", "RTX 4090"), ("", "Tesla T4"), ("NVIDIA", "Tesla T4")]
)
def test_an_unknown_card_names_known_ones(text: str, near: str) -> None:
    with pytest.raises(KeyError, match=near):
        find_card(text)
    assert multiprocessors(text) is None


@pytest.mark.parametrize(
    ("name", "mib"),
    [("Tesla T4", 140.9), ("RTX 3090", 256), ("RTX 6000 Ada", 426), ("RTX PRO 6000", 555), ("B200", 612)],
)
def test_contexts_are_those_measured(name: str, mib: float) -> None:
    assert CARDS[name].context_mib == pytest.approx(mib, abs=1.7)


@pytest.mark.parametrize(
    ("capability", "has"), [((7, 0), False), ((7, 5), False), ((8, 0), True), ((12, 0), True), (None, True)]
)
def test_bf16_begins_with_ampere(capability: tuple[int, int] | None, has: bool) -> None:
    assert Card("x", 1, 1, capability).has_bf16 is has


# Calibration


def record(**changes: Any) -> MemoryRecord:
    """A run that used exactly what was predicted: 6,000 MiB static, 4,000 of activations."""
    base = MemoryRecord(
        model_type="llama",
        gpu="RTX 4090",
        stack="trl 1.16",
        allocator="expandable",
        predicted_static=6000.0,
        predicted_activations=4000.0,
        static=6000.0,
        peak_allocated=10000.0,
        peak_reserved=10200.0,
        shown=11000.0,
    )
    return replace(base, **changes)


def fit(*records: MemoryRecord) -> Calibration:
    return calibrate(records, "llama", "RTX 4090", "trl 1.16", "expandable")


def test_without_runs_nothing_is_corrected() -> None:
    assert fit() == Calibration()
    assert fit().basis == "formulas alone, no run on this GPU yet"


def test_runs_as_predicted_correct_nothing() -> None:
    found = fit(*[record()] * 3)
    assert found.kappa == 1.0
    assert found.basis == "3 runs on this GPU"
    assert fit(record()).basis == "1 run on this GPU"


def test_ten_percent_more_is_believed_as_far_as_eight_runs_outweigh_two() -> None:
    assert fit(*[record(peak_allocated=10400.0)] * 8).kappa == pytest.approx(1.08)


def test_the_static_part_is_taken_as_measured() -> None:
    """A wrong static part is no reason to correct the activations."""
    found = fit(record(static=6300.0, peak_allocated=10300.0))
    assert found.kappa == pytest.approx(1.0)


@pytest.mark.parametrize(("peak", "kappa"), [(99_999.0, 1.25), (6_000.0, 0.8)])
def test_corrections_have_bounds(peak: float, kappa: float) -> None:
    assert fit(*[record(peak_allocated=peak)] * 40).kappa == kappa


@pytest.mark.parametrize("ratio", [1.1, 1.25, 1.6])
def test_a_run_out_of_memory_is_a_lower_bound(ratio: float) -> None:
    out = record(oom=True, peak_allocated=6000 + 4000 * ratio, peak_reserved=None, shown=None)
    found = fit(out, *[record()] * 5)
    assert found.kappa >= ratio - 1e-9


def test_a_run_out_of_memory_that_proves_nothing_changes_nothing() -> None:
    assert fit(record(oom=True, peak_allocated=8000.0), record()).kappa == 1.0


@pytest.mark.parametrize(
    "other", [{"model_type": "qwen3"}, {"stack": "trl 1.14"}, {"allocator": "default"}, {"gpu": "H100"}]
)
def test_runs_of_another_kind_do_not_correct_activations(other: dict[str, str]) -> None:
    found = fit(*[record(peak_allocated=12000.0, **other)] * 8)
    assert (found.kappa, found.runs, found.reserve_share) == (1.0, 0, None)


def test_runs_on_other_cards_say_nothing_at_all() -> None:
    assert fit(*[record(gpu="H100")] * 8) == Calibration()


def test_memory_outside_the_allocator_is_that_of_all_runs_on_the_card() -> None:
    found = fit(
        record(shown=10_900.0),
        record(shown=11_100.0, model_type="qwen3"),
        record(shown=14_200.0),
        # Not measured, or impossible.
        record(shown=None),
        record(peak_reserved=None),
        record(shown=9_000.0),
    )
    assert found.outside_mib == pytest.approx(900.0)


def test_other_models_are_named_as_the_basis_when_there_is_nothing_else() -> None:
    two = fit(*[record(model_type="qwen3")] * 2)
    assert two.basis == "2 runs of other models on this GPU"
    assert fit(record(model_type="qwen3")).basis == "1 run of other models on this GPU"


def test_what_the_allocator_holds_back_is_a_share_of_the_activations() -> None:
    shares = fit(*(record(peak_reserved=10000.0 + mib) for mib in (100.0, 200.0, 4000.0)))
    assert shares.reserve_share == pytest.approx(200 / 4000)


def test_a_calibrated_prediction_uses_what_was_measured() -> None:
    setup = plain_setup()
    prior = Predictor(RTX_4090).predict(setup, with_lever=False)
    found = Predictor(RTX_4090, fit(*[record(peak_allocated=10400.0, peak_reserved=10400.0)] * 8)).predict(
        setup, with_lever=False
    )
    parts, before = dict(found.parts), dict(prior.parts)
    assert parts["activations"] == pytest.approx(1.08 * before["activations"])
    assert parts["context"] == pytest.approx(600 + 16.25)
    assert "fragmentation" not in parts
    assert found.basis == "8 runs on this GPU"


RECORD = {
    "model_type": "llama",
    "gpu": "RTX 4090",
    "stack": "trl 1.16",
    "allocator": "expandable",
    "predicted_static": 6000,
    "predicted_activations": 4000.5,
}


def test_a_record_is_read() -> None:
    found = MemoryRecord.from_json({**RECORD, "static": 1, "oom": True, "stages": {}})
    assert found is not None
    assert (found.predicted_static, found.static, found.shown, found.oom) == (6000.0, 1.0, None, True)


@pytest.mark.parametrize("missing", sorted(RECORD))
def test_a_record_without_a_figure_is_none(missing: str) -> None:
    assert MemoryRecord.from_json({key: value for key, value in RECORD.items() if key != missing}) is None


@pytest.mark.parametrize(
    "key", ["predicted_static", "predicted_activations", "static", "shown", "peak_reserved"]
)
@pytest.mark.parametrize(
    "garbage",
    ["much", [1], {}, math.nan, math.inf, 10**400],
    ids=["word", "list", "mapping", "nan", "inf", "too large"],
)
def test_a_record_with_garbage_is_none(key: str, garbage: object) -> None:
    """json reads NaN and Infinity; one such record would make every prediction NaN."""
    assert MemoryRecord.from_json({**RECORD, key: garbage}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
FIGURES = ("predicted_static", "predicted_activations", "static", "peak_allocated", "peak_reserved", "shown")


@example([{"peak_allocated": math.nan}])
@example([{"peak_reserved": math.nan, "shown": 5.0}])
@given(st.lists(st.dictionaries(st.sampled_from(FIGURES), st.floats() | json_values), max_size=4))
def test_no_record_makes_a_correction_that_is_no_number(garbage: list[dict[str, Any]]) -> None:
    read = [MemoryRecord.from_json(json.loads(json.dumps({**RECORD, **one}))) for one in garbage]
    found = fit(*(one for one in read if one is not None))
    assert 0.8 <= found.kappa <= 1.25
    for figure in (found.outside_mib, found.reserve_share):
        assert figure is None or not math.isnan(figure)
