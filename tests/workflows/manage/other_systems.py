"""Configurations of other systems, with the keys and values that they ship, written down for tests."""

from __future__ import annotations

SIGIL_PHASE_1 = """
model_name: meta-llama/Meta-Llama-3.1-8B-Instruct
dataset:
  names: [ammarnasr/the-stack-rust-clean]
  use_cache: true
  min_length: 64
  max_length: 200000
  exclude_tests: true
  exclude_examples: false
  exclude_benches: true
  prefer_idiomatic: false
  prefer_documented: false
  shuffle_seed: 42
max_seq_len: 4096
pack: true
lora:
  r: 16
  alpha: 16
  dropout: 0.05
  target_modules:
    - q_proj; k_proj; v_proj; o_proj; up_proj; down_proj; gate_proj
train:
  micro_batch_size: 16
  gradient_accumulation: 4
  lr: 1.0e-4
  weight_decay: 0.0
  num_steps: 12000
  warmup_steps: 250
  logging_steps: 12
  save_every: 1000
  bf16: true
  grad_checkpointing: true
  max_grad_norm: 1.0
  log_backend: tensorboard
  lr_scheduler_type: cosine
  optimizer: paged_adamw_8bit
  save_total_limit: 3
  use_flash_attention: true
  dataloader_num_workers: 48
  dataloader_pin_memory: true
  dataloader_prefetch_factor: 4
  clear_cache_every_n_steps: 500
bnb_4bit:
  quant_type: nf4
  compute_dtype: bfloat16
  use_double_quant: true
misc:
  output_dir: out/llama8b-rust-qlora-phase1
  logging_dir: out/llama8b-rust-qlora-phase1/logs
  seed: 42
  deterministic: false
"""

SIGIL_PHASE_2 = (
    SIGIL_PHASE_1.replace("phase1", "phase2")
    .replace("min_length: 64", "min_length: 128")
    .replace("max_length: 200000", "max_length: 100000")
    .replace("exclude_examples: false", "exclude_examples: true")
    .replace("prefer_idiomatic: false", "prefer_idiomatic: true")
    .replace("prefer_documented: false", "prefer_documented: true\n  idiomatic_quality_ratio: 2.0")
    .replace("max_seq_len: 4096", "max_seq_len: 2048")
    .replace("lr: 1.0e-4", "lr: 5.0e-5")
    .replace("num_steps: 12000", "num_steps: 4000")
    .replace("warmup_steps: 250", "warmup_steps: 100")
    .replace("save_every: 1000", "save_every: 500")
)

MOVIELENS_8B = """
stage: sft
do_train: true
do_eval: true
model_name_or_path: Qwen/Qwen3-8B
template: qwen
finetuning_type: lora
dataset_dir: data
dataset: movielens_qwen3_train
eval_dataset: movielens_qwen3_eval
cutoff_len: 1024
max_samples: null
max_eval_samples: 100
packing: true
output_dir: output/qwen3-8b-movielens-qlora
logging_steps: 10
save_steps: 2000
eval_steps: 1000
eval_accumulation_steps: 5
save_total_limit: 2
per_device_train_batch_size: 4
per_device_eval_batch_size: 16
gradient_accumulation_steps: 4
learning_rate: 3.0e-4
num_train_epochs: 3
lr_scheduler_type: cosine
warmup_ratio: 0.03
weight_decay: 0.0
adam_beta1: 0.9
adam_beta2: 0.999
adam_epsilon: 1.0e-8
max_grad_norm: 1.0
lora_target: qv
lora_rank: 16
lora_alpha: 32
lora_dropout: 0.05
use_rslora: false
use_qlora: true
gradient_checkpointing: true
flash_attn: auto
ddp_timeout: 180000000
early_stopping_patience: 5
loss_plateau_patience: 5
loss_plateau_min_delta: 0.002
multi_metric_patience: 4
fp16: false
bf16: true
eval_strategy: steps
prediction_loss_only: false
report_to:
  - tensorboard
inference:
  test_file: data/movielens_qwen3/test_raw.jsonl
  max_samples: 200
"""

LLM_TRAINING = """
import torch

train = True
DATASET_CHOICE = "squad"
TRUNC_TRAIN = None
FINETUNING = "SFT"
MODEL_NAME = "Qwen/Qwen3-8B"
device_map = {"": 0} if torch.cuda.is_available() else {"": "cpu"}
PEFT_CONFIG = "LoRa"
lora_r = 256
target_modules = ["q_proj", "k_proj", "v_proj", "o_proj"]
lora_alpha = 16
lora_dropout = 0.1
vera_r = 512
target_modules = ["q_proj", "k_proj", "v_proj", "o_proj"]
vera_dropout = 0.1
vera_d_initial = 0.1
QUANT_METHOD = "QLORA"
PTQ_TARGET_WEIGHTS_BITS = 4
PTQ_TARGET_GROUP_SIZE = 64
PTQ_TARGET_ACTS_BITS = 8
PTQ_TARGET_KV_BITS = 8
merge_after_train = True
MERGE_AFTER_TRAIN = False
per_device_train_batch_size = 1
per_device_eval_batch_size = 8
gradient_accumulation_steps = 8
learning_rate = 1e-5
weight_decay = 0.0
max_grad_norm = 1.0
num_train_epochs = 1
max_steps = -1
warmup_ratio = 0.06
logging_steps = 10
group_by_length = False
gradient_checkpointing = True
packing = False
assistant_only_loss = False
max_length = 1024


def preprocess(df):
    raise SystemExit("nothing of this file may run")


PEFT_CONFIG = None
raise SystemExit("nothing of this file may run")
"""
