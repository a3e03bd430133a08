"""What a run's memory depends on beside the model: one plain value, from a preset or from a row of measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.insight.memory.architecture import Architecture, Layer, Linear, Quantization
from runner.preset.schema import Preset

LossKernel = Literal["materialised", "trl_chunked", "trl_fused"]
Version = tuple[int, ...]

# The newest versions the formulas were read from; anything newer is taken to be like them, with less confidence.
NEWEST_TRL = (1, 16)
FUSED_HEAD = (1, 15)
CHUNKED_WITHOUT_COPY = (1, 13)
CHUNKED = (1, 7)


@dataclass(frozen=True)
class Stack:
    """The installed versions that change the formulas; None means not installed, taken as the newest known."""

    trl: Version | None = None

    @property
    def loss_kernel(self) -> LossKernel:
        """TRL ≥ 1.15 fuses the output head, 1.7 to 1.14 computes it in chunks, older ones build all logits."""
        if self.trl is None or self.trl >= FUSED_HEAD:
            return "trl_fused"
        return "trl_chunked" if self.trl >= CHUNKED else "materialised"

    @property
    def copies_head(self) -> bool:
        """TRL before 1.13 makes an fp32 copy of the output head for each chunk."""
        return self.trl is not None and CHUNKED <= self.trl < CHUNKED_WITHOUT_COPY

    @property
    def name(self) -> str:
        """The versions a measurement is comparable within: those that change what is held in memory."""
        return f"trl {'.'.join(str(part) for part in self.trl[:2])}" if self.trl else "trl ?"

    @property
    def known(self) -> bool:
        return self.trl is None or self.trl[:2] <= NEWEST_TRL


def parse_version(text: str | None) -> Version | None:
    """The leading numbers of a version: '1.16.0.dev0' is (1, 16, 0). None for None or no numbers."""
    parts: list[int] = []
    for part in (text or "").split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts) or None


@dataclass(frozen=True)
class MemoryInputs:
    """Everything the closed form takes. Bytes are a parameter's; `length` is the padded length of a row in tokens.

    `stream_bytes` is the residual stream's (2, or 4 when the embeddings are fp32). `flash` says that attention
    needs no mask. `micro_steps` above 1 means that gradients wait while the next batch is computed.
    """

    architecture: Architecture
    quantization: Quantization = "nf4-dq"
    weight_bytes: int = 2
    stream_bytes: int = 2
    trains_all: bool = False
    r: int = 16
    targets: tuple[str, ...] = ()
    dropout: bool = False
    dora: bool = False
    whole_modules: tuple[str, ...] = ()
    adapter_bytes: int = 2
    optimizer: str = "adamw_torch_fused"
    batch: int = 1
    length: int = 2048
    packed: bool = False
    flash: bool = False
    eager: bool = False
    checkpointing: bool = True
    micro_steps: int = 1
    eval_batch: int = 1
    eval_length: int = 2048
    loss_kernel: LossKernel = "trl_fused"
    copies_head: bool = False
    cublas_mib: float = 16.25

    @property
    def tokens(self) -> int:
        """Tokens of one forward pass."""
        return self.batch * self.length

    @property
    def masked(self) -> bool:
        """Whether training builds a mask: for padding, or to keep packed rows apart."""
        return not self.flash and (self.batch > 1 or self.packed)

    @property
    def trainable(self) -> int:
        """Parameters that are trained."""
        if self.trains_all:
            # A tower is never run on text, and so never trained.
            return self.architecture.language_parameters
        extra = sum(self._whole(name) for name in self.whole_modules)
        return self.adapter_parameters + extra

    @property
    def adapter_parameters(self) -> int:
        """r · (in + out) for each targeted linear layer; DoRA adds a magnitude for each output."""
        return sum(
            times * (self.r * (one.inputs + one.outputs) + (one.outputs if self.dora else 0))
            for times, one in self.architecture.linears
            if self._is_target(one)
        )

    def targeted(self, kind: Layer) -> tuple[Linear, ...]:
        """The linear layers of one decoder layer that have an adapter."""
        return tuple(one for one in kind.linears if self._is_target(one))

    def _is_target(self, one: Linear) -> bool:
        return one.adapted and any(one.is_named(target) for target in self.targets)

    def _whole(self, name: str) -> int:
        one = self.architecture
        if name in ("embed_tokens", "lm_head"):
            return one.vocabulary * one.hidden
        return sum(times * linear.parameters for times, linear in one.linears if linear.is_named(name))


def setup_of(
    preset: Preset,
    architecture: Architecture,
    stack: Stack,
    longest: int | None = None,
    eval_longest: int | None = None,
    has_bf16: bool = True,
    compute_capability: tuple[int, int] | None = None,
) -> MemoryInputs:
    """What a preset asks of memory on a GPU. `longest` is the longest row of the data in tokens (None: as long as
    max_length); `has_bf16` that the GPU computes in bf16.
    """
    train, lora = preset.train, preset.lora
    length = train.max_length if longest is None or train.packing else min(longest, train.max_length)
    eval_length = train.max_length if eval_longest is None else min(eval_longest, train.max_length)
    if train.packing and train.packing_strategy == "bfd_split" and eval_longest is not None:
        eval_length = eval_longest
    eval_batch = preset.eval.per_device_eval_batch_size
    fp32 = preset.model.dtype == "float32"
    full = not lora.use_peft
    in_fp32 = fp32 or (full and preset.model.dtype == "auto")
    bf16 = preset.model.dtype == "bfloat16" or (preset.model.dtype == "auto" and has_bf16)
    # TRL casts the adapters of a quantised model to bf16; ftui holds them in fp32 when the computation is fp16.
    quantization = _quantization(preset, architecture)
    narrow = quantization != "none"
    batch = train.per_device_train_batch_size
    return MemoryInputs(
        architecture=architecture,
        quantization=quantization,
        weight_bytes=4 if in_fp32 else 2,
        stream_bytes=4 if in_fp32 else 2,
        trains_all=full,
        r=lora.r,
        targets=targets_of(preset, architecture) if lora.use_peft else (),
        dropout=lora.use_peft and lora.lora_dropout > 0,
        dora=lora.use_dora,
        whole_modules=tuple(lora.modules_to_save),
        adapter_bytes=2 if narrow and bf16 else 4,
        optimizer=train.optim,
        batch=batch,
        length=length,
        packed=train.packing,
        flash=preset.model.attn_implementation == "flash_attention_2",
        eager=preset.model.attn_implementation == "eager",
        checkpointing=train.gradient_checkpointing,
        micro_steps=train.gradient_accumulation_steps,
        eval_batch=batch if eval_batch == "auto" else eval_batch,
        eval_length=eval_length,
        loss_kernel=stack.loss_kernel,
        copies_head=stack.copies_head,
        cublas_mib=64.0 if compute_capability is not None and compute_capability >= (9, 0) else 16.25,
    )


def targets_of(preset: Preset, architecture: Architecture) -> tuple[str, ...]:
    """The linear layers that get an adapter."""
    wanted = preset.lora.target_modules
    if wanted == "all-linear":
        return architecture.linear_names
    return tuple(name for name in wanted if any(one.is_named(name) for _, one in architecture.linears))


def _quantization(preset: Preset, architecture: Architecture) -> Quantization:
    """How the weights lie in memory: as the repository stores them where it is quantised, else as the preset says."""
    if architecture.stored is not None:
        return architecture.stored.quantization
    quantization = preset.quantization
    if quantization.load_in_8bit:
        return "int8"
    if quantization.load_in_4bit:
        return "nf4-dq" if quantization.bnb_4bit_use_double_quant else "nf4"
    return "none"
