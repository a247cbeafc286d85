"""How a model learns from answers that were judged against each other: DPO and KTO. A union keyed by ``kind``.

Not covered: where the judged answers come from.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from burnish.config.base import Config


class DpoConfig(Config):
    """DPO (Rafailov et al. 2023): raise the chosen answer against the rejected one of the same prompt."""

    kind: Literal["dpo"] = "dpo"
    beta: float = Field(0.1, gt=0)
    """How strongly the model is held to what it was before: larger stays closer."""
    loss: Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down", "sigmoid_norm"] = "sigmoid"
    """``sigmoid`` is DPO itself; ``hinge`` SLiC, ``ipo`` IPO, ``robust`` DPO that reckons with wrong labels,
    ``apo_zero`` and ``apo_down`` anchor the answers one by one, ``sigmoid_norm`` divides by length."""
    label_smoothing: float = Field(0.0, ge=0, lt=0.5)
    """Share of pairs that are taken to be the wrong way round, with the loss ``robust``; the others need 0."""


class KtoConfig(Config):
    """KTO (Ethayarajh et al. 2024): raise good answers and lower bad ones, which need not be of the same prompt.

    The KL term is estimated inside a micro batch, which therefore needs two rows or more.
    """

    kind: Literal["kto"] = "kto"
    beta: float = Field(0.1, gt=0)
    """How strongly the model is held to what it was before: larger stays closer."""
    loss: Literal["kto", "apo_zero_unpaired"] = "kto"
    """``apo_zero_unpaired`` has no KL term."""
    desirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of good answers; with unequal numbers raise that of the rarer kind."""
    undesirable_weight: float = Field(1.0, gt=0)
    """Weight of the loss of bad answers."""


PreferenceMethod = Annotated[DpoConfig | KtoConfig, Field(discriminator="kind")]
