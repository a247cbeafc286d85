"""Predict the peak memory of one training process from shapes, in bytes.

Constant parts:

    weights    = frozen x bytes each + quantised x bytes each + trained x bytes each + the reference
    optimiser  = trained x bytes each x 2; under Muon x 1 for its matrices
    buckets    = gradients once more, where several processes average them (DistributedDataParallel)

Added to them is the largest of three moments:

    backward   activations + logits, + gradients where micro batches are accumulated
    step       gradients, on an accelerator once more for AdamW's temporaries (all weights in one kernel)
    rollouts   key-value cache of the completions that are written together (GRPO)

Gradients of a first micro batch appear as activations go, hence not at the same moment. They are in the dtype of the
trained weights: float32 here, 4 bytes, so AdamW (Kingma and Ba 2015) keeps 8 bytes per weight and Muon (Jordan et al.
2024) 4.

Activations are counted as in Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer
Models", section 4.1, which finds s b h (34 + 5 a s / h) bytes per layer for GPT in 16 bits; here for the layers of
today (RMSNorm, rotary positions, SwiGLU, no dropout, frozen weights). Bytes per token and layer, with h the hidden
size, q = heads x head size, f the feed-forward size, c the bytes that products are computed in (2 under autocast), r
those of the residual:

    two norms        2 x h x (4 + r where trained)      input in float32; normalised, for the gradient of its scale
    attention        4 x q x c                          queries, keys, values, output
      eager          + heads x tokens x (4, + c if c < 4)   probabilities in float32, and as they are multiplied
    feed-forward     3 x f x c (2 x f x c not gated)    gate, its activation, up; the product is an input below
    trained matrices inputs x c                         what they keep for their gradient, once per different input

With gradient checkpointing (Chen et al. 2016) h x r per token and layer remain, and one layer whole. While one layer
goes back, its own gradients are there: 3 f + 2 h elements per token. Under autocast, 2 bytes for each trained float32
weight are its copy.

Logits: three float32 copies of tokens x vocabulary for a cross-entropy (log-probabilities, their gradient, that of the
logits), of trained tokens alone in SFT; where TRL computes log-probabilities tile by tile (DPO, KTO, GRPO), six copies
of 4,096 x 32,768 at most.

Not covered: experts of a mixture, state-space layers, sharded weights, fused kernels, DoRA, VeRA (the caller reports
these as unknown); evaluation while training; what an allocator wastes in gaps, the code and the device's context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FLOAT = 4
"""Bytes of a float32."""
WHOLE_COPIES = 3
TILE_COPIES, TILE_TOKENS, TILE_WIDTH = 6, 4096, 32768
"""Tiles of TRL's log-probabilities, and tensors of that size which its fallback without Triton makes."""


@dataclass(frozen=True)
class TrainingShape:
    """The shapes that decide the memory of one process; weights are counted per process."""

    frozen: int
    trained: int
    layers: int
    hidden: int
    attended: int
    """Heads x head size."""
    heads: int
    feed_forward: int
    vocabulary: int
    sequences: int
    """Sequences in one forward pass: a micro batch, of pairs both answers."""
    tokens: int
    """Tokens of the longest sequence."""
    inputs: float
    """Elements per token and layer that trained matrices keep of their inputs."""
    trains_norms: bool = False
    trained_matrices: int = 0
    """Trained weights whose optimiser is Muon."""
    frozen_bytes: float = FLOAT
    """Bytes of one frozen weight."""
    trained_bytes: float = FLOAT
    """Bytes of one trained weight, of its gradient, and of each of its optimiser states."""
    quantised: int = 0
    quantised_bytes: float = 0.0
    """Bytes of one quantised weight, with its share of block constants: see `quantised_weight_bytes`."""
    reference_bytes: int = 0
    """Bytes of the reference model."""
    compute_bytes: int = FLOAT
    residual_bytes: int = FLOAT
    gated: bool = True
    eager: bool = False
    """Whether attention stores its probabilities; SDPA and flash attention do not."""
    checkpointing: bool = False
    accumulates: bool = False
    """Whether a step has several micro batches."""
    averages: bool = False
    """Whether several processes train together."""
    tiled_logits: bool = False
    logit_tokens: int | None = None
    """Tokens of a sequence that have logits, where only trained ones do; None for all."""
    fused_step: bool = False
    """Whether AdamW updates all weights at once, as on an accelerator."""
    decoded: int = 0
    """Completions that are generated together."""
    cached: int = 0
    """Elements of a token's keys and values in all layers."""


@dataclass(frozen=True)
class MemoryPrediction:
    """Bytes at the peak, by part; the parts add up."""

    moment: str
    """``backward``, ``step`` or ``rollouts``."""
    parts: Mapping[str, int]
    """Weights, gradients, optimiser, activations, logits, cache."""

    @property
    def total(self) -> int:
        """Return the sum of all parts: the peak of an accelerator."""
        return sum(self.parts.values())

    @property
    def added(self) -> int:
        """Return the growth of a CPU process: the sum without the weights."""
        return self.total - self.parts["weights"]


def predict_memory(shape: TrainingShape) -> MemoryPrediction:
    """Return the parts at the largest moment; see the module docstring."""
    gradients = shape.trained * shape.trained_bytes
    states = 2 * gradients - shape.trained_matrices * shape.trained_bytes
    buckets = gradients if shape.averages else 0
    moments: dict[str, dict[str, float]] = {
        "backward": {
            "gradients": buckets + (gradients if shape.accumulates else 0),
            "activations": activation_bytes(shape),
            "logits": logit_bytes(shape),
        },
        "step": {
            "gradients": buckets + gradients,
            "optimiser": (gradients - shape.trained_matrices * shape.trained_bytes) if shape.fused_step else 0,
        },
        "rollouts": {
            "gradients": buckets,
            "cache": shape.decoded * shape.tokens * shape.cached * shape.compute_bytes,
        },
    }
    moment = max(moments, key=lambda name: sum(moments[name].values()))
    parts = {"weights": weight_bytes(shape), "optimiser": states}
    for part, size in moments[moment].items():
        parts[part] = parts.get(part, 0) + size
    return MemoryPrediction(moment, {part: int(size) for part, size in parts.items() if size or part == "weights"})


def weight_bytes(shape: TrainingShape) -> float:
    """Count the bytes of all weights."""
    return (
        shape.frozen * shape.frozen_bytes
        + shape.quantised * shape.quantised_bytes
        + shape.trained * shape.trained_bytes
        + shape.reference_bytes
    )


def activation_bytes(shape: TrainingShape) -> float:
    """Count the bytes of activations after a forward pass, and of one layer's gradients."""
    tokens, compute = shape.sequences * shape.tokens, shape.compute_bytes
    layer: float = 2 * shape.hidden * (FLOAT + (shape.residual_bytes if shape.trains_norms else 0))
    layer += (4 * shape.attended + (3 if shape.gated else 2) * shape.feed_forward + shape.inputs) * compute
    if shape.eager:
        layer += shape.heads * shape.tokens * (FLOAT + (compute if compute < FLOAT else 0))
    going_back = (3 * shape.feed_forward + 2 * shape.hidden) * compute
    kept = shape.layers * layer
    if shape.checkpointing:
        kept = shape.layers * shape.hidden * shape.residual_bytes + layer
    copies = shape.trained * compute if compute < shape.trained_bytes else 0
    return tokens * (kept + going_back) + copies


def logit_bytes(shape: TrainingShape) -> float:
    """Count the bytes of logits and of the tensors derived from them."""
    tokens = shape.sequences * (shape.tokens if shape.logit_tokens is None else shape.logit_tokens)
    if shape.tiled_logits:
        return TILE_COPIES * min(tokens, TILE_TOKENS) * min(shape.vocabulary, TILE_WIDTH) * FLOAT
    return WHOLE_COPIES * tokens * shape.vocabulary * FLOAT


def quantised_weight_bytes(bits: float, block: int, constants: float = FLOAT) -> float:
    """Compute bytes per weight of ``bits`` in blocks of ``block`` with ``constants`` bytes each.

    NF4 and FP4 (Dettmers et al. 2023): 0.5 and a float32 per 64; with double quantisation the constants are a byte each
    and a float32 per 256 of them. LLM.int8: 1 and a float32 per row. HQQ: its bits, scale and zero per group.
    """
    return bits / 8 + constants / block
