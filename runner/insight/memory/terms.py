"""The closed form: bytes of every part of a run's memory.

Read from the sources of transformers 5, TRL 1, PEFT 0.21 and bitsandbytes 0.50, and held against byte-exact
measurements on A100s (tests/data/memory-cases.csv). Letters as in the literature: h hidden, f intermediate, q and k
the widths of queries and keys, L layers, V vocabulary, r rank, N tokens of a forward pass, s length of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

from runner.insight.memory.architecture import Layer
from runner.insight.memory.inputs import MemoryInputs

MIB = 1 << 20

# Bytes a weight: NF4 holds 4 bits and one fp32 scale per 64 weights; double quantisation holds the scales in 8 bits and
# one fp32 scale per 256 of them.
QUANTISED_BYTES = {"nf4-dq": 0.5 + 1 / 64 + 4 / (64 * 256), "nf4": 0.5 + 4 / 64, "int8": 1.0}
FUSED_ROWS = 4096
FUSED_COLUMNS = 32768
CHUNK_TOKENS = 256
# bitsandbytes' 8-bit states: one byte and an fp32 scale per 256, twice for Adam.
EIGHT_BIT_STATE = 1 + 4 / 256


@dataclass(frozen=True)
class Terms:
    """Parts of the peak in bytes. `activations` is the greatest of the phases in `phases`, and the part that the
    allocator's fragmentation grows with; `evaluation` is the same for a forward pass without gradients.
    """

    weights: float
    adapter: float
    optimizer: float
    workspace: float
    gradients: float
    activations: float
    evaluation: float
    phases: dict[str, float]

    @property
    def static(self) -> float:
        """What lies in memory between two steps."""
        return self.weights + self.adapter + self.optimizer + self.workspace

    @property
    def allocated(self) -> float:
        """torch.cuda.max_memory_allocated() of a training step."""
        return self.static + self.gradients + self.activations


def terms(setup: MemoryInputs) -> Terms:
    """All parts of one run."""
    phases = {
        "one layer, recomputed": layer_phase(setup),
        "loss": loss_phase(setup),
        "optimizer step": optimizer_temporary(setup),
    }
    evaluation_loss = loss_bytes(setup, setup.eval_batch * setup.eval_length, backward=False)
    return Terms(
        weights=weights(setup),
        adapter=adapter(setup),
        optimizer=setup.trainable * optimizer_bytes(setup),
        workspace=setup.cublas_mib * MIB,
        gradients=gradients(setup),
        activations=max(phases.values()) + autocast_copy(setup),
        evaluation=evaluation(setup, evaluation_loss) + autocast_copy(setup),
        phases=phases,
    )


def weights(setup: MemoryInputs) -> float:
    """The base model: quantised linear layers, the rest in the format it was loaded in."""
    one = setup.architecture
    if setup.quantization == "none":
        return one.parameters * float(setup.weight_bytes)
    packed = one.quantised_parameters
    linear = packed * QUANTISED_BYTES[setup.quantization]
    if setup.quantization == "int8":
        linear += 4 * sum(times * linear.outputs for times, linear in one.linears)
    return linear + (one.parameters - packed) * setup.weight_bytes


def adapter(setup: MemoryInputs) -> float:
    """LoRA matrices, and trainable copies of whole modules (PEFT's modules_to_save)."""
    return 0.0 if setup.trains_all else float(setup.trainable * setup.adapter_bytes)


def trained_bytes(setup: MemoryInputs) -> int:
    """Bytes of one trained parameter."""
    return setup.weight_bytes if setup.trains_all else setup.adapter_bytes


def gradients(setup: MemoryInputs) -> float:
    """They have their parameter's format, and outlive a forward pass only when steps are accumulated."""
    if setup.micro_steps < 2:
        return 0.0
    return float(setup.trainable * trained_bytes(setup))


def optimizer_bytes(setup: MemoryInputs) -> float:
    """Bytes of optimizer state a trained parameter. torch's AdamW holds its two states in the parameter's format."""
    width = float(trained_bytes(setup))
    return {
        "adamw_8bit": 2 * EIGHT_BIT_STATE,
        "adamw_bnb_8bit": 2 * EIGHT_BIT_STATE,
        "paged_adamw_8bit": 2 * EIGHT_BIT_STATE,
        "paged_adamw_32bit": 8.0,
        "lion_8bit": EIGHT_BIT_STATE,
        "lion_32bit": 4.0,
        "adafactor": 4.0 / max(1, setup.r) if not setup.trains_all else 0.01,
        "sgd": 0.0,
    }.get(setup.optimizer, 2 * width)


def optimizer_temporary(setup: MemoryInputs) -> float:
    """What the step itself needs: the gradients, and one more copy for torch's multi-tensor AdamW."""
    count, width = setup.trainable, trained_bytes(setup)
    held = 0 if setup.micro_steps > 1 else count * width
    extra = count * width if setup.optimizer == "adamw_torch" else 0
    return float(held + extra)


def autocast_copy(setup: MemoryInputs) -> float:
    """fp32 weights that are trained under bf16 autocast are held a second time in bf16 during a pass."""
    return 2.0 * setup.trainable if trained_bytes(setup) == 4 else 0.0


def saved_per_token(setup: MemoryInputs, kind: Layer | None = None) -> float:
    """Bytes that one decoder layer saves for its backward pass, a token; of the first kind when none is named. Exact
    for Llama-shaped layers.
    """
    one = setup.architecture
    kind = kind or one.kinds[0]
    h, q, k, f, heads = one.hidden, kind.queries, kind.keys, kind.width, kind.heads
    targets = setup.targeted(kind)
    roles = {linear.role for linear in targets}
    attention, mlp_in, mlp_out = "mix_in" in roles, "mlp_in" in roles, "mlp_out" in roles
    if setup.stream_bytes == 4:
        saved = 16.0 * h + 4 * q + 4 * k + 12 * f + 4 * heads + 8
    else:
        saved = 10.0 * h + 4 * q + 4 * k + 6 * f + 4 * heads + 8
    middle = sum(linear.inputs for linear in targets if linear.role == "mlp_out")
    saved += 2 * h * (mlp_in - (not attention)) + 2 * middle * mlp_out
    if setup.trains_all:
        # Linear layers that are trained keep their inputs.
        saved += 4 * h + 2 * q + 2 * f
    saved += 2 * setup.r * len(targets)
    if setup.dropout:
        # Each module gets its own dropped-out input in place of the shared one, and a mask of one byte.
        own = sum(linear.inputs for linear in targets)
        saved += 3 * own - 2 * h * attention - 2 * h * mlp_in - 2 * middle * mlp_out
    return saved + kind.saved + attention_extra(setup, kind, setup.length)


def attention_extra(setup: MemoryInputs, kind: Layer, length: int) -> float:
    """Bytes a token that a mask or unfused attention adds to a layer: keys and values expanded to all heads, the mask
    and its 16-bit copy, the probabilities. A packed batch is one long row, and so is its mask.
    """
    if not kind.heads:
        return 0.0
    span = setup.batch * length if setup.packed else length
    if setup.eager:
        return 6.0 * kind.heads * span
    if setup.masked:
        return 4.0 * (kind.queries - kind.keys) + 3.0 * span
    return 0.0


def layer_phase(setup: MemoryInputs) -> float:
    """The peak inside the backward pass: with checkpointing the inputs of all layers, and the widest one in full."""
    one, tokens = setup.architecture, setup.tokens
    h, f = one.hidden, max(kind.width for kind in one.kinds)
    dequantised = largest_dequantised(setup)
    if not setup.checkpointing:
        return all_saved(setup) + tokens * 6.0 * h + max(tokens * (6.0 * f + 2.0 * h), dequantised)
    return (
        checkpoints(setup)
        + max(_recomputed(setup, kind, dequantised) for kind in one.kinds)
        + 4.0 * one.head_dim * setup.length
    )


def _recomputed(setup: MemoryInputs, kind: Layer, dequantised: float) -> float:
    """Bytes of one layer of a kind while it is recomputed and differentiated."""
    h, f, tokens = setup.architecture.hidden, kind.width, setup.tokens
    stream = 4 * h if setup.stream_bytes == 2 else 8 * f + 10 * h
    transient = 0.0
    if setup.stream_bytes == 2:
        # The backward pass of a quantised layer dequantises its weight: 2 · in · out bytes at once.
        last = max(2.0 * f, dequantised / max(1, tokens))
        adapted = any(linear.role == "mlp_out" for linear in setup.targeted(kind))
        transient = (2 * f if adapted else 4 * f) + last
    return tokens * (saved_per_token(setup, kind) + stream + transient)


def all_saved(setup: MemoryInputs) -> float:
    """What all layers save when nothing is recomputed."""
    return setup.tokens * sum(kind.count * saved_per_token(setup, kind) for kind in setup.architecture.kinds)


def checkpoints(setup: MemoryInputs) -> float:
    """The input of every layer, kept for recomputation."""
    one = setup.architecture
    return float(setup.tokens * setup.stream_bytes * one.hidden * one.layers)


def loss_phase(setup: MemoryInputs) -> float:
    """The peak around the output head, when all checkpoints are held."""
    one, tokens = setup.architecture, setup.tokens
    held = checkpoints(setup) if setup.checkpointing else all_saved(setup)
    return held + tokens * 6.0 * one.hidden + loss_bytes(setup, tokens, backward=True)


def loss_bytes(setup: MemoryInputs, tokens: int, backward: bool) -> float:
    """The output head and the loss, by what computes them."""
    h, v = setup.architecture.hidden, setup.architecture.vocabulary
    if setup.loss_kernel == "materialised":
        return (14.0 if backward else 10.0) * v * tokens
    trained_head = 4.0 * v * h if "lm_head" in setup.whole_modules or setup.trains_all else 0.0
    if setup.loss_kernel == "trl_chunked":
        copy = 4.0 * v * h if setup.copies_head else 0.0
        return 14.0 * min(CHUNK_TOKENS, tokens) * v + 2.0 * tokens * h + copy + trained_head
    tile = 2.0 * min(tokens, FUSED_ROWS) * FUSED_COLUMNS
    gathered = (8.0 if backward else 2.0) * tokens * h
    return tile + gathered + 36.0 * tokens + (trained_head if backward else 0.0)


def largest_dequantised(setup: MemoryInputs) -> float:
    """Bytes of the largest weight that bitsandbytes writes out in 16 bit to multiply with it; 0 for none."""
    if setup.quantization == "none":
        return 0.0
    return 2.0 * max((linear.parameters for _, linear in setup.architecture.linears), default=0)


def evaluation(setup: MemoryInputs, loss: float) -> float:
    """A forward pass keeps one layer's activations beside the weight it multiplies with, then the loss."""
    one = setup.architecture
    tokens = setup.eval_batch * setup.eval_length
    scale = setup.stream_bytes / 2
    layer = max(tokens * max(8.0 * kind.width, kind.saved) * scale for kind in one.kinds)
    layer += tokens * 4.0 * one.hidden * scale
    if setup.eval_batch > 1 and not setup.flash:
        layer += tokens * max(
            (4.0 * (kind.queries - kind.keys) + 3.0 * setup.eval_length for kind in one.kinds if kind.heads),
            default=0.0,
        )
    return max(layer + largest_dequantised(setup), tokens * 2.0 * one.hidden * scale + loss)
