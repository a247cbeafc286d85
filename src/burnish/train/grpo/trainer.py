"""Train with GRPO: TRL's losses on our rollouts.

Formulas are TRL's (`GRPOTrainer`): a completion's advantage is its reward less its group's mean, over the group's
standard deviation; the loss is - min(ratio A, clip(ratio) A) per token, plus ``beta`` times the KL term. Its inputs are
ours: prompts are drawn when needed (`train.grpo.prompt_pool`), answered and judged chunk by chunk
(`train.grpo.rollouts`), and cut into micro batches of similar length without surplus padding.

Completions without a verdict, and groups without signal if ``dynamic_sampling`` skips them, are in neither numerator
nor denominator of the loss. Completions with the advantage 0 are left out of the forward pass when that changes
nothing, which is without a KL term and an entropy bonus.

Not covered: several processes; images, tools and environments.

Shapes: B completions, T tokens.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from trl.trainer.grpo_trainer import GRPOTrainer

from burnish.errors import UserError
from burnish.records.layout import GRPO_STATE
from burnish.train.grpo.rollout_metrics import PREFIX, rollout_metrics
from burnish.train.grpo.rollouts import Group, Rollouts, Sample
from burnish.train.grpo.shared_prompts import log_probabilities, share_prompts, shares_prompts
from burnish.train.watch.meter import StepMeter
from burnish.train.watch.nan_guard import StopsAtNoNumber
from burnish.train.weights.adapters import merged_adapter
from burnish.train.weights.reference import NoTrlExtras

logger = logging.getLogger("burnish.train")

MOST_OF_SHARING = 0.01, 0.02
"""Largest mean difference of log-probabilities between prompts read once and with each completion: in nats, and per nat
of the mean. 1e-6 is usual in float32; bfloat16 keeps three digits."""
MISMATCH = PREFIX + "logprob_mismatch"
MOST_MISMATCH = 1e-3
"""Largest mean difference of log-probabilities between sampler and trainer, in nats, in float32 on a CPU; 1e-6
is usual."""
OF_TRL = ("num_tokens", "step_time", "frac_reward_zero_std", "rewards/judged_elsewhere/")
"""Prefixes of TRL's log entries that ours replace."""
INACTIVE = 1 << 20
"""Added to the length of a completion without gradient, so that such completions share a micro batch."""
ROW_MEANS = ("grpo", "sapo", "luspo", "dr_grpo")
"""Losses that average over the completions of a micro batch."""


def judged_elsewhere(**_: Any) -> list[float | None]:
    """Stand in for TRL's reward function, which is never called."""
    raise AssertionError("rewards come with the rollouts")


class GrpoTrainer(StopsAtNoNumber, NoTrlExtras, GRPOTrainer):
    """Trainer of GRPO on `Rollouts`. The data loader gives empty batches, since every step generates its own."""

    args: Any
    model: Any
    rollouts: Rollouts
    dynamic_sampling: str
    stop_ids: frozenset[int]
    """Tokens that end a completion."""
    meter: StepMeter | None = None
    _buffered_inputs: Any
    _groups: Sequence[Group] = ()
    _samples: Sequence[Sample] = ()
    _trainer_logps: torch.Tensor | None = None
    _prompts_once: bool | None = None
    """Whether prompts are read once for all their completions; None before the first completions."""
    _described: list[dict[str, Any]]

    # ------------------------------------------------------------------ data

    def get_train_dataloader(self) -> Any:
        """Return one empty batch per micro batch."""
        count = self.args.max_steps * self.args.gradient_accumulation_steps
        return DataLoader(range(count), batch_size=1, collate_fn=list)  # type: ignore[arg-type]

    def floating_point_ops(self, inputs: Any) -> int:
        """Return 0: batches are empty here, and the meter counts."""
        return 0

    def batch_of(self, inputs: Any) -> Any:
        """Return a list that is filled once the micro batch is known."""
        self._described = []
        return self._described

    def described(self, batch: Any) -> list[dict[str, Any]]:
        """Return task and text of each completion."""
        return list(batch)

    def _prepare_inputs(self, inputs: Any) -> dict[str, Any]:
        """Return the next micro batch; generate completions at the start of a generation batch."""
        every = self.args.steps_per_generation * self.num_iterations
        if self._buffered_inputs is None or self._step % every == 0:
            self._buffered_inputs = self._micro_batches(self._generate_and_score_completions(inputs))
        batch: dict[str, Any] = self._buffered_inputs[self._step % self.args.steps_per_generation]
        rows = [self._samples[row] for row in batch["row"].tolist()] if self._samples else []
        self._described += [{"id": sample.completion.task_id, "text": sample.completion.text} for sample in rows]
        return batch

    def _generate_and_score_completions(self, inputs: Any) -> dict[str, Any]:
        rollouts, step = self.rollouts, self.state.global_step
        count = self.args.generation_batch_size // self.num_generations
        model = self.accelerator.unwrap_model(self.model)
        verify_s = rollouts.verify_s
        model.eval()
        with self._writing(model):
            self._samples = rollouts.write(model, rollouts.pool.draw(count), step=step)
        self._groups = ()
        # `_groups` are trained on; `everything` also has groups that were replaced, since metrics cover all answers.
        everything: Sequence[Group] = ()
        if self.dynamic_sampling == "replace":
            everything = self._with_replacements(model, step)
            # A stable sort: groups with signal first, in their order; then others, so that the batch size stays fixed.
            self._groups = sorted(everything, key=lambda group: not group.has_signal)[:count]
            self._samples = [sample for group in self._groups for sample in group.samples]
        model.train()
        # TRL pads and computes advantages. Prompts are placeholders: `_generate` returns the samples written above.
        output = super()._generate_and_score_completions([{"prompt": ""}] * len(self._samples))
        everything = everything or self._groups
        if self.meter is not None:
            self.meter.beside("verify", rollouts.verify_s - verify_s)
        self._log_rollouts(everything)
        return self._masked(output)

    def _with_replacements(self, model: Any, step: int) -> list[Group]:
        with self._phase("verifier_stall"):
            groups = self.rollouts.judged(step)
        with self._writing(model):
            return groups + self.rollouts.replaced(model, groups, step=step)

    def _generate(self, prompts: Any) -> Any:
        """Return the written samples as TRL's tuple of prompts, completions, texts and log-probabilities."""
        answers = [sample.answer for sample in self._samples]
        ids = [self.rollouts.prompts[sample.task] for sample in self._samples]
        logprobs = [answer.logprobs for answer in answers]
        known_logprobs = None if any(row is None for row in logprobs) else logprobs
        self.state.num_input_tokens_seen += sum(map(len, ids)) + sum(len(answer.ids) for answer in answers)
        written, texts = [answer.ids for answer in answers], [answer.text for answer in answers]
        return ids, written, None, texts, known_logprobs, {}, None, []

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> torch.Tensor:
        """Return rewards (B, 1); NaN is unscored."""
        if not self._groups:
            with self._phase("verifier_stall"):
                self._groups = self.rollouts.judged(self.state.global_step)
        rewards = [float("nan") if reward is None else reward for group in self._groups for reward in group.rewards]
        return torch.tensor(rewards, dtype=torch.float32, device=self.accelerator.device)[:, None]

    def _masked(self, output: dict[str, Any]) -> dict[str, Any]:
        """Remove uninformative completions from the loss; set advantages of equal rewards to 0."""
        signal = torch.tensor([group.has_signal for group in self._groups for _ in group.samples])
        scored = torch.tensor([reward is not None for group in self._groups for reward in group.rewards])
        device = output["advantages"].device
        # A mask of zeros removes a completion from the loss and from the denominator (`num_items_in_batch`).
        kept = scored if self.dynamic_sampling == "off" else scored & signal
        output["advantages"] = output["advantages"] * signal.to(device)
        output["completion_mask"] = output["completion_mask"] * kept.to(device)[:, None].int()
        output["num_items_in_batch"] = output["completion_mask"].sum()
        output["row"] = torch.arange(len(kept), device=device)
        return output

    # ------------------------------------------------------------------ micro batches

    def _micro_batches(self, output: dict[str, Any]) -> list[dict[str, Any]]:
        """Split randomly into optimiser steps, and each step into micro batches of similar length."""
        total, together = len(output["advantages"]), int(self.args.num_generations)
        size = total // self.args.steps_per_generation
        steps = self.args.steps_per_generation // self.args.gradient_accumulation_steps
        random = torch.Generator().manual_seed(self.args.seed + self.state.global_step)
        order = torch.arange(total)
        # "bnpo" normalises in each micro batch, so its micro batches must be random, not sorted by length.
        if self.loss_type == "bnpo":
            order = torch.randperm(total, generator=random)
        elif steps > 1:  # groups stay whole, so that their prompt is read once
            order = order.view(-1, together)[torch.randperm(total // together, generator=random)].flatten()
        batches: list[dict[str, Any]] = []
        for part in order.chunk(steps):
            # Sort groups by length against padding; rows without gradient go last (INACTIVE is added), so whole micro
            # batches of them are skipped. The order inside an optimiser step does not change its loss.
            active = self._active(output)[part].cpu()
            lengths = (output["completion_mask"][part].sum(1) + output["prompt_mask"][part].sum(1)).cpu()
            groups = part // together
            longest = torch.zeros(int(groups.max()) + 1, dtype=lengths.dtype)
            longest = longest.scatter_reduce(0, groups, lengths * active, "amax")[groups]
            key = (longest + INACTIVE * ~active) * total + groups
            rows = part if self.loss_type == "bnpo" else part[torch.argsort(key, stable=True)]
            in_loss = {"rows_in_step": output["completion_mask"][part].any(1).sum()}
            batches += [take_rows(output, rows[start : start + size]) | in_loss for start in range(0, len(rows), size)]
        return batches

    def _active(self, output: dict[str, Any]) -> torch.Tensor:
        """Return the completions (B) that have a gradient."""
        seen: torch.Tensor = output["completion_mask"].any(1)
        if self.beta or self._entropy_bonus_enabled:
            return seen
        moved: torch.Tensor = output["advantages"] != 0
        return seen & moved

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        active = self._active(inputs)
        # A zero that depends on a weight, so that backward still runs and finds a graph.
        if not active.any():
            free: torch.Tensor = next(weight for weight in model.parameters() if weight.requires_grad)
            return free.sum() * 0.0
        taken = take_rows(inputs, active.nonzero()[:, 0])
        if self.meter is not None:
            self.meter.count(_as_one(taken))
        loss: torch.Tensor = super()._compute_loss(model, taken)  # type: ignore[no-untyped-call]
        self._note_mismatch(taken)
        loss = loss * self._share(inputs, taken)
        return loss

    def _share(self, inputs: dict[str, Any], taken: dict[str, Any]) -> Any:
        """Return the factor from TRL's mean over taken rows to the mean over all rows in the loss."""
        if self.loss_type in ROW_MEANS:
            # TRL divides by the rows of the micro batch and by the accumulation steps; the loss is a mean over the rows
            # of the whole optimiser step.
            in_step = inputs["rows_in_step"] / self.current_gradient_accumulation_steps
            return len(taken["advantages"]) / in_step
        # "bnpo" divides by the tokens of its micro batch: scale from the taken rows to all rows of that micro batch.
        if self.loss_type == "bnpo":
            return taken["completion_mask"].sum() / inputs["completion_mask"].sum()
        # The other losses divide by the tokens of the whole step (`num_items_in_batch`), which already counts all rows.
        return 1.0

    # ------------------------------------------------------------------ the sampler's log-probabilities

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        *,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **options: Any,
    ) -> Any:
        """Return log-probabilities and entropies (B, K); prompts are read once where the model's attention allows."""
        given = (model, input_ids, attention_mask, logits_to_keep)
        if options.get("compute_aux_loss") or not self._reads_prompts_once(*given):
            options |= {"batch_size": batch_size, "compute_entropy": compute_entropy}
            computed = super()._get_per_token_logps_and_entropies(*given, **options)
        else:
            size = batch_size or len(input_ids)
            starts = range(0, len(input_ids), size)
            parts = [(input_ids[at : at + size], attention_mask[at : at + size]) for at in starts]
            chunks = [self._of_shared_prompts(model, *part, logits_to_keep) for part in parts]
            logps, entropies = (torch.cat(values) for values in zip(*chunks, strict=True))
            computed = (logps, entropies if compute_entropy else None, None)
        self._trainer_logps = computed[0].detach()
        return computed

    def _of_shared_prompts(
        self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, kept: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        width = self.accelerator.unwrap_model(model).config.hidden_size
        with self.accelerator.autocast():
            shared = share_prompts(input_ids, attention_mask, kept, width)
            return log_probabilities(model, shared, kept, len(input_ids))

    def _reads_prompts_once(self, model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor, kept: int) -> bool:
        """Return whether prompts are read once; at the first call, compare with every row read alone."""
        if self._prompts_once is None:
            self._prompts_once = shares_prompts(self.accelerator.unwrap_model(model))
            seen = attention_mask[:, -kept:] > 0
            if self._prompts_once and seen.any():
                with torch.no_grad():
                    alone = super()._get_per_token_logps_and_entropies(model, input_ids, attention_mask, kept)[0]
                    shared = self._of_shared_prompts(model, input_ids, attention_mask, kept)[0]
                difference = float((alone - shared)[seen].abs().mean())
                fixed, per_nat = MOST_OF_SHARING
                self._prompts_once = difference <= fixed + per_nat * float(alone[seen].abs().mean())
                logger.info(
                    "prompts are read %s (log-probabilities differ by %.2g nats)",
                    "once for all their completions" if self._prompts_once else "with each completion",
                    difference,
                )
        return self._prompts_once

    def _note_mismatch(self, taken: dict[str, Any]) -> None:
        sampler_logps = taken.get("sampling_per_token_logps")
        trainer_logps = taken.get("old_per_token_logps", self._trainer_logps)
        if sampler_logps is None or trainer_logps is None:
            return
        mask = taken["completion_mask"]
        mean = float(((trainer_logps - sampler_logps).abs() * mask).nansum() / mask.sum())
        self._metrics["train"][MISMATCH].append(mean)
        weight = next(iter(self.model.parameters()))
        if weight.device.type == "cpu" and weight.dtype == torch.float32 and mean > MOST_MISMATCH:
            raise UserError(
                f"the sampler's log-probabilities differ from the trainer's by {mean:.2g} nats on average in step "
                f"{self.state.global_step + 1}: the ratio would be biased.",
                "In float32 on a CPU both must agree: the model's cache or attention computes something else.",
            )

    # ------------------------------------------------------------------ logs and checkpoints

    def _log_rollouts(self, groups: Sequence[Group]) -> None:
        log = self._metrics["train"]
        for name, value in rollout_metrics(groups).items():
            if name in ("reward", "reward_std"):  # replace TRL's value, which covers only the trained groups
                log[name] = log[name][:-1]
            log[name].append(value)
        log[PREFIX + "tasks_seen"].append(float(self.rollouts.pool.seen))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log TRL's row, without the entries that ours replace."""
        log = self._metrics["train"]
        for name in [name for name in log if name.startswith(OF_TRL)]:
            del log[name]
        for name in [name for name, values in log.items() if all(math.isnan(value) for value in values)]:
            del log[name]  # no completion was scored
        super().log(logs, start_time)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)  # type: ignore[no-untyped-call]
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        every = self.args.steps_per_generation * self.num_iterations
        unused = self._buffered_inputs if self._step % every else None
        state = {"step": self._step, "left": unused, "pool": self.rollouts.pool.state()}
        torch.save(state, folder / GRPO_STATE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        stored = Path(resume_from_checkpoint) / GRPO_STATE
        state = torch.load(stored, map_location=self.accelerator.device, weights_only=True)
        self._step, self._buffered_inputs = state["step"], state["left"]
        self._samples = ()
        self.rollouts.pool.restore(state["pool"])

    @contextmanager
    def _writing(self, model: Any) -> Iterator[None]:
        with self._phase("generate"), self.accelerator.autocast(), merged_adapter(model):
            yield

    def _phase(self, name: str) -> Any:
        return nullcontext() if self.meter is None else self.meter.phase(name)


def take_rows(output: dict[str, Any], rows: torch.Tensor) -> dict[str, Any]:
    """Return some completions, without the padding columns that none of them needs."""
    total, prompt, tokens = len(output["advantages"]), output["prompt_ids"].shape[1], output["completion_ids"].shape[1]
    rows = rows.to(output["advantages"].device)
    prompts_B = output["prompt_mask"][rows].sum(1)
    # Prompts are padded on the left, completions on the right.
    begin = prompt - int(prompts_B.max())
    end = max(1, int(output["completion_mask"][rows].sum(1).max()))
    taken: dict[str, Any] = {}
    for name, tensor in output.items():
        if not isinstance(tensor, torch.Tensor) or tensor.ndim == 0 or len(tensor) != total:
            taken[name] = tensor
        elif name in ("prompt_ids", "prompt_mask"):
            taken[name] = tensor[rows, begin:]
        elif tensor.ndim == 2 and tensor.shape[1] == tokens:
            taken[name] = tensor[rows, :end]
        else:
            taken[name] = tensor[rows]
    return taken


def _as_one(taken: dict[str, Any]) -> dict[str, Any]:
    """Join prompt and completion, as the meter expects."""
    prompts, answers = taken["prompt_mask"], taken["completion_mask"]
    return {
        "input_ids": torch.cat([taken["prompt_ids"], taken["completion_ids"]], 1),
        "attention_mask": torch.cat([prompts, answers], 1),
        "completion_mask": torch.cat([torch.zeros_like(prompts), answers], 1),
    }
