"""The shape of a language model as memory sees it: kinds of layers, what they hold, and a tower beside them.

Whatever a family does is put together of these parts (layers.py); which parts it has stands in the tables dense.py,
mixtures.py, hybrids.py and towers.py. bitsandbytes replaces exactly the modules of type torch.nn.Linear
(transformers/integrations/bitsandbytes.py), so a weight is either in a Linear, or it keeps its 16 bits: embeddings,
norms, routers, convolutions, and the experts of a mixture, which transformers 5 holds as two fused tensors a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

Quantization = Literal["none", "nf4-dq", "nf4", "int8"]
# What a linear layer reads and writes: the normed input of attention (or of what takes its place), attention's output,
# the normed input of the MLP, the MLP's wide middle; "aside" is everything smaller.
Role = Literal["mix_in", "mix_out", "mlp_in", "mlp_out", "aside"]


class NotCoveredError(Exception):
    """A model whose memory is not predicted; the message says why."""


@dataclass(frozen=True)
class Linear:
    """A torch.nn.Linear by its path in a layer ('self_attn.q_proj'). `adapted` says that all-linear targets it."""

    path: str
    inputs: int
    outputs: int
    role: Role = "aside"
    adapted: bool = True

    @property
    def name(self) -> str:
        """The last part of its path, which lora.target_modules names."""
        return self.path.rpartition(".")[2]

    @property
    def parameters(self) -> int:
        """Weights, without a bias."""
        return self.inputs * self.outputs

    def is_named(self, target: str) -> bool:
        """Whether PEFT would find it under a name of target_modules: its path ends in that name."""
        return f".{self.path}".endswith(f".{target}")


@dataclass(frozen=True)
class Layer:
    """One kind of decoder layer, or a part of one; parts are added up.

    Parameters of one layer: `linears`; `other`, norms and everything else that is never quantised; `experts`, fused
    expert tensors, all of them resident and never quantised. For the activations of a token, in elements: `queries` and
    `keys` widths of attention, `width` of the MLP's middle (of all experts a token passes), and `saved`, bytes that are
    saved beyond a Llama layer of the same widths.
    """

    linears: tuple[Linear, ...] = ()
    other: int = 0
    experts: int = 0
    queries: int = 0
    keys: int = 0
    heads: int = 0
    kv_heads: int = 0
    width: int = 0
    saved: float = 0.0
    count: int = 1
    tracked: bool = True

    def __add__(self, more: Layer) -> Layer:
        """Both parts in one layer."""
        return Layer(
            linears=self.linears + more.linears,
            other=self.other + more.other,
            experts=self.experts + more.experts,
            queries=self.queries + more.queries,
            keys=self.keys + more.keys,
            heads=self.heads + more.heads,
            kv_heads=self.kv_heads + more.kv_heads,
            width=self.width + more.width,
            saved=self.saved + more.saved,
            tracked=self.tracked and more.tracked,
        )

    def times(self, count: int) -> Layer:
        """The same layer, `count` times in the model."""
        return replace(self, count=count)

    @property
    def parameters(self) -> int:
        """Of one such layer."""
        return sum(linear.parameters for linear in self.linears) + self.other + self.experts


@dataclass(frozen=True)
class Tower:
    """Vision or audio parts that are loaded and never run on text: parameters in torch.nn.Linear, and all others."""

    linear: int
    other: int

    @property
    def parameters(self) -> int:
        return self.linear + self.other


@dataclass(frozen=True)
class Stored:
    """A repository that is quantised already: how, and which modules it left in 16 bits, as patterns of transformers'
    llm_int8_skip_modules.
    """

    quantization: Quantization
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """A decoder-only language model. Widths are elements.

    `order` says of which kind each layer is, empty when there is but one. `outside` are parameters outside of the
    layers beside embeddings and output head, `outside_linears` those of them that are quantised.
    """

    model_type: str
    hidden: int
    kinds: tuple[Layer, ...]
    head_dim: int
    vocabulary: int
    tied: bool
    max_positions: int | None = None
    order: tuple[int, ...] = ()
    outside: int = 0
    outside_linears: tuple[Linear, ...] = ()
    tower: Tower | None = None
    stored: Stored | None = None

    @property
    def layers(self) -> int:
        """How many decoder layers there are."""
        return sum(kind.count for kind in self.kinds)

    @property
    def linears(self) -> Iterator[tuple[int, Linear]]:
        """Each linear layer of the language part with how often it occurs; the output head is none of them."""
        for kind in self.kinds:
            for linear in kind.linears:
                yield kind.count, linear
        for linear in self.outside_linears:
            yield 1, linear

    @property
    def linear_names(self) -> tuple[str, ...]:
        """The names that all-linear stands for, each once, in the order of a layer."""
        return tuple(dict.fromkeys(linear.name for _, linear in self.linears if linear.adapted))

    @property
    def experts(self) -> int:
        """Parameters of all experts of all layers."""
        return sum(kind.count * kind.experts for kind in self.kinds)

    @property
    def language_parameters(self) -> int:
        """Without a tower."""
        embeddings = self.vocabulary * self.hidden * (1 if self.tied else 2)
        aside = self.outside + sum(linear.parameters for linear in self.outside_linears)
        return embeddings + aside + sum(kind.count * kind.parameters for kind in self.kinds)

    @property
    def parameters(self) -> int:
        """All that is loaded."""
        return self.language_parameters + (self.tower.parameters if self.tower is not None else 0)

    @property
    def quantised_parameters(self) -> int:
        """Weights that bitsandbytes packs: all linear layers but the output head, those of a tower too."""
        linear = sum(times * linear.parameters for times, linear in self.linears)
        linear += self.tower.linear if self.tower is not None else 0
        return linear - (skipped_parameters(self, self.stored.skipped) if self.stored is not None else 0)

    @property
    def tracked(self) -> bool:
        """Whether the activations of all its layers were held against the real stack."""
        return all(kind.tracked for kind in self.kinds)

    def layer_kind(self, index: int) -> Layer:
        """The kind of the layer at an index. IndexError when there is none."""
        if self.order:
            return self.kinds[self.order[index]]
        if not 0 <= index < self.layers:
            raise IndexError(index)
        return self.kinds[0]


def skipped_parameters(one: Architecture, patterns: tuple[str, ...]) -> int:
    """Parameters of linear layers that a repository's llm_int8_skip_modules left in 16 bits: a whole tower, one layer's
    part ('model.layers.3.mlp'), or a name in every layer ('q_proj'); see should_convert_module of transformers.
    """
    found: set[tuple[int, str]] = set()
    tower = 0
    for pattern in patterns:
        head, _, tail = pattern.rpartition("layers.")
        index, _, path = tail.partition(".")
        if head and index.isdigit() and not _is_tower(head):
            found |= {
                (int(index), linear.path) for linear in _of_layer(one, int(index)) if _under(linear, path)
            }
        elif _is_tower(pattern) and one.tower is not None:
            tower = one.tower.linear
        else:
            found |= {
                (index, linear.path)
                for index in range(one.layers)
                for linear in one.layer_kind(index).linears
                if linear.is_named(pattern)
            }
    sizes = [{linear.path: linear.parameters for linear in kind.linears} for kind in one.kinds]
    places = one.order or (0,) * one.layers
    return tower + sum(sizes[places[index]][path] for index, path in found)


def _of_layer(one: Architecture, index: int) -> tuple[Linear, ...]:
    return one.layer_kind(index).linears if index < one.layers else ()


def _under(linear: Linear, path: str) -> bool:
    return not path or linear.path == path or linear.path.startswith(f"{path}.")


def _is_tower(path: str) -> bool:
    return any(word in path for word in ("vision", "visual", "audio", "multi_modal_projector", "connector"))
