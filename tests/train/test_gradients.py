"""Gradients through 4-bit weights on the CPU are those of an unquantised model that holds the dequantised weights.

bitsandbytes repacks a layer at its first evaluation on CPUs with AVX512-BF16, after which gradients to the layers below
are lost, without an error; and it takes another path for a batch of a single row.
"""

from __future__ import annotations

from pathlib import Path

import bitsandbytes.functional as bnb
import pytest
import torch
from bitsandbytes.nn import Linear4bit
from peft import PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from runner.preset import files
from runner.train import model

Gradients = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[PeftModel, PeftModel]:
    """The demo's model with a LoRA adapter: quantised to NF4, and unquantised with the dequantised weights."""
    preset = files.load("demo", tmp_path_factory.mktemp("home")).preset
    quantised = model.load_model(preset)
    exact = AutoModelForCausalLM.from_pretrained(preset.model.model_name_or_path, dtype=torch.float32)
    for name, layer in quantised.named_modules():
        if isinstance(layer, Linear4bit):
            weight = bnb.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
            exact.get_submodule(name).weight.data = weight.float()
    adapted = []
    for base in (quantised, exact):
        torch.manual_seed(0)
        one = get_peft_model(base, model.lora_config(preset))
        for name, parameter in one.named_parameters():
            # B starts at zero, which would leave every gradient of A at zero.
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(len(name)))
        adapted.append(one)
    return adapted[0], adapted[1]


def gradients(network: PeftModel, ids: torch.Tensor) -> Gradients:
    network.train()
    network.zero_grad()
    network(input_ids=ids, labels=ids).loss.backward()
    return {
        name: p.grad.clone()
        for name, p in network.named_parameters()
        if p.requires_grad and p.grad is not None
    }


def evaluate(network: PeftModel, ids: torch.Tensor) -> None:
    network.eval()
    with torch.no_grad():
        network(input_ids=ids)


@pytest.mark.parametrize("shape", [(4, 32), (1, 32), (1, 3)], ids=str)
@pytest.mark.parametrize("evaluated", [False, True], ids=["before evaluation", "after evaluation"])
def test_every_lora_gradient_is_right(
    pair: tuple[PeftModel, PeftModel], shape: tuple[int, int], evaluated: bool
) -> None:
    quantised, exact = pair
    ids = torch.randint(3, 500, shape, generator=torch.Generator().manual_seed(1))
    if evaluated:
        evaluate(quantised, ids)
        evaluate(quantised, ids[:1, :1])
    found, wanted = gradients(quantised, ids), gradients(exact, ids)
    assert len(found) == 4 * 7 * 2
    assert found.keys() == wanted.keys()
    for name, gradient in found.items():
        assert torch.linalg.vector_norm(wanted[name]) > 0, name
        torch.testing.assert_close(
            gradient, wanted[name], rtol=1e-3, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_the_trap_is_real_where_the_cpu_has_it(tmp_path: Path) -> None:
    """Without keep_gradients_on_cpu an evaluation costs the gradient, so the test above can fail."""
    preset = files.load("demo", tmp_path).preset
    layer = next(m for m in model.load_model(preset).modules() if isinstance(m, Linear4bit))
    fresh = Linear4bit(layer.in_features, layer.out_features, bias=False, quant_type="nf4")
    if not fresh.support_avx512bf16_for_cpu:
        pytest.skip("this CPU has no AVX512-BF16, so bitsandbytes does not repack")
    assert not layer.support_avx512bf16_for_cpu
    layer.support_avx512bf16_for_cpu = True
    x = torch.randn(2, 8, layer.in_features)
    layer.eval()
    with torch.no_grad():
        layer(x)
    layer.train()
    given = x.clone().requires_grad_()
    before = given.grad
    try:
        layer(given).sum().backward()
    except RuntimeError:
        return
    assert given.grad is before is None
