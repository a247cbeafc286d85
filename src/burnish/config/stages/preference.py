"""Configure learning from preferences: DPO and KTO, a union keyed by ``kind``.

Not covered: the source of the judged answers.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from burnish.config.base import Config


class DpoConfig(Config):
    """DPO (Rafailov et al. 2023): prefer the chosen to the rejected answer of a prompt."""

    kind: Literal["dpo"] = "dpo"
    beta: float = Field(0.1, gt=0)
    """Strength of the pull towards the reference model: larger stays closer."""
    loss: Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down", "sigmoid_norm"] = "sigmoid"
    """``sigmoid`` is DPO itself; ``hinge`` SLiC, ``ipo`` IPO, ``robust`` DPO that allows for wrong labels,
    ``apo_zero`` and ``apo_down`` anchor the answers one by one, ``sigmoid_norm`` divides by length."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Assumed share of swapped pairs, with the loss ``robust``; the others need 0."""


class KtoConfig(Config):
    """KTO (Ethayarajh et al. 2024): raise good answers and lower bad ones, also of different prompts.

    The KL term is estimated inside a micro batch, which therefore needs two rows or more.
    """

    kind: Literal["kto"] = "kto"
    beta: float = Field(0.1, gt=0)
    """Strength of the pull towards the reference model: larger stays closer."""
    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    """``apo_zero_unpaired`` has no KL term."""
    desirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of good answers; with unequal numbers raise that of the rarer kind."""
    undesirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of bad answers."""


PreferenceMethod = Annotated[DpoConfig | KtoConfig, Field(discriminator="kind")]
