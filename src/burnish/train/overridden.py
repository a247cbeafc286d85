"""List the private methods of transformers' and TRL's trainers that ours override or call.

A new version may change any of them without notice: the versions are pinned to the minor they were proven with, and a
test compares this table with what is installed and with what our classes override. After raising a pin, read what
changed in each method, then correct its line here.

Not covered: attributes of these classes, and the order in which they call these methods (tests of trainings hold it).
"""

from __future__ import annotations

from collections.abc import Mapping

PINNED = ("torch", "transformers", "trl", "peft", "accelerate")
"""Packages whose minor version ``pyproject.toml`` pins."""

OVERRIDDEN: Mapping[str, Mapping[str, str]] = {
    "transformers.trainer.Trainer": {
        "_clip_grad_norm": "(self, model)",
        "_get_train_sampler": "(self, train_dataset=None)",
        "_load_from_checkpoint": "(self, resume_from_checkpoint, model=None)",
        "_load_optimizer_and_scheduler": "(self, checkpoint)",
        "_save": "(self, output_dir=None, state_dict=None)",
        "_save_optimizer_and_scheduler": "(self, output_dir)",
        "compute_loss": "(self, model, inputs, return_outputs=False, num_items_in_batch=None)",
        "create_optimizer": "(self, model=None)",
        "create_scheduler": "(self, num_training_steps, optimizer=None)",
        "floating_point_ops": "(self, inputs)",
        "get_batch_samples": "(self, epoch_iterator, num_batches, device)",
        "get_train_dataloader": "(self)",
        "save_model": "(self, output_dir=None, _internal_call=False)",
        "training_step": "(self, model, inputs, num_items_in_batch=None)",
    },
    "trl.trainer.base_trainer._BaseTrainer": {
        "_send_telemetry": "(self)",
        "create_model_card": "(self, model_name=None, dataset_name=None, tags=None)",
    },
    "trl.trainer.dpo_trainer.DPOTrainer": {
        "_prepare_dataset": "(self, dataset, processing_class, args, dataset_name)",
        "compute_loss": "(self, model, inputs, return_outputs=False, num_items_in_batch=None)",
        "log": "(self, logs, start_time=None)",
        "training_step": "(self, *args, **kwargs)",
    },
    "trl.trainer.grpo_trainer.GRPOTrainer": {
        "_calculate_rewards": "(self, inputs, prompts, completions, completion_ids_list)",
        "_compute_loss": "(self, model, inputs)",
        "_generate": "(self, prompts)",
        "_generate_and_score_completions": "(self, inputs)",
        "_get_per_token_logps_and_entropies": (
            "(self, model, input_ids, attention_mask, logits_to_keep, batch_size=None, compute_entropy=False, "
            "compute_aux_loss=False, pixel_values=None, image_grid_thw=None, num_images=None, "
            "pixel_attention_mask=None, spatial_shapes=None, num_tiles=None, image_sizes=None, token_type_ids=None, "
            "mm_token_type_ids=None, "
            "image_position_ids=None)"
        ),
        "_prepare_inputs": "(self, generation_batch)",
        "_save_checkpoint": "(self, model, trial)",
        "get_train_dataloader": "(self)",
        "log": "(self, logs, start_time=None)",
        "training_step": "(self, model, inputs, num_items_in_batch)",
    },
    "trl.trainer.kto_trainer.KTOTrainer": {
        "_get_train_sampler": "(self, train_dataset=None)",
        "_prepare_dataset": "(self, dataset, processing_class, args, dataset_name)",
        "compute_loss": "(self, model, inputs, return_outputs=False, num_items_in_batch=None)",
        "log": "(self, logs, start_time=None)",
        "training_step": "(self, *args, **kwargs)",
    },
}
"""Overridden methods: class, method, and its parameters with their defaults."""

CALLED: Mapping[str, Mapping[str, str]] = {
    "transformers.trainer.Trainer": {"_prepare_inputs": "(self, inputs)"},
    "trl.trainer.grpo_trainer.GRPOTrainer": {
        "_generate_single_turn": (
            "(self, prompt_ids, images, multimodal_fields, num_generations, has_tool_images=False)"
        ),
    },
}
"""The same of private methods that are only called."""
