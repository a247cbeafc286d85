from __future__ import annotations

import copy
import functools
import logging
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.data.encode.chat import render_prompt
from burnish.errors import ConfigError, DeviceMemoryError
from burnish.generate.sampling import sample_seed
from burnish.generate.stop_strings import StopStrings
from burnish.generate.transformers_engine import TransformersGenerator, stop_ids
from burnish.model.base import LoadedModel, load_model
from burnish.records import Completion, Message, Task
from tests.tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return load_model(make_tiny_model(tmp_path_factory.mktemp("llama")), ModelConfig(device="cpu"))


def some_tasks(count: int) -> list[Task]:
    return [
        Task(
            id=f"t{index}",
            family="f",
            prompt=(Message(role="user", content="Write a Rust function " + "again " * (index * 7 % 11)),),
        )
        for index in range(count)
    ]


def make(loaded: LoadedModel, seed: int = 0, **sampling: Any) -> TransformersGenerator:
    return TransformersGenerator(
        loaded.model,
        loaded.tokenizer,
        sampling=SamplingConfig(**sampling),
        seed=seed,
        model_digest=loaded.digest,
        render=lambda messages: render_prompt(messages, loaded.tokenizer),
    )


def texts(completions: list[Completion]) -> dict[tuple[str, int], str]:
    return {(completion.task_id, completion.sample_index): completion.text for completion in completions}


def flat(batches: Any) -> list[Completion]:
    return [completion for batch in batches for completion in batch]


def test_every_task_gets_its_samples_with_counts(loaded: LoadedModel) -> None:
    tasks = some_tasks(10)
    batches = list(make(loaded, samples=2, temperature=1.0, batch_size=8, max_new_tokens=9).generate(tasks))
    completions = flat(batches)
    assert [len(batch) % 2 for batch in batches] == [0] * len(batches)
    assert batches[0] == []
    assert set(texts(completions)) == {(f"t{index}", sample) for index in range(10) for sample in range(2)}
    lengths = [completion.prompt_tokens for completion in completions]
    assert lengths == sorted(lengths, reverse=True)
    tokenizer: Any = loaded.tokenizer
    by_id = {task.id: task for task in tasks}
    for completion in completions:
        prompt = render_prompt(by_id[completion.task_id].prompt, tokenizer)
        assert completion.prompt_tokens == len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        assert 0 < completion.completion_tokens <= 9
        assert completion.finish_reason == "stop" or completion.completion_tokens == 9
        assert completion.model_digest == loaded.digest
        assert completion.sampling["temperature"] == 1.0
    assert len({completion.text for completion in completions if completion.task_id == "t0"}) == 2


def test_a_resumed_run_writes_what_is_missing_as_an_unbroken_one_would(loaded: LoadedModel) -> None:
    options: dict[str, Any] = {"samples": 2, "temperature": 1.0, "batch_size": 4, "max_new_tokens": 8}
    tasks = some_tasks(7)
    whole = texts(flat(make(loaded, **options).generate(tasks)))
    finished = {"t1", "t4", "t5"}
    rest = texts(flat(make(loaded, **options | {"batch_size": 64}).generate(tasks, finished)))
    assert rest == {key: text for key, text in whole.items() if key[0] not in finished}


@pytest.mark.parametrize("batch", [{"batch_size": 1}, {"batch_size": 3}, {"batch_tokens": 60}])
def test_a_sample_does_not_depend_on_what_is_decoded_beside_it(loaded: LoadedModel, batch: dict[str, int]) -> None:
    options: dict[str, Any] = {"samples": 3, "temperature": 1.0, "max_new_tokens": 8, "top_k": 40, "top_p": 0.95}
    tasks = some_tasks(7)
    whole = texts(flat(make(loaded, **options).generate(tasks)))
    assert texts(flat(make(loaded, **options, **batch).generate(list(reversed(tasks))))) == whole


def test_another_seed_draws_other_samples(loaded: LoadedModel) -> None:
    options: dict[str, Any] = {"temperature": 1.0, "max_new_tokens": 12}
    tasks = some_tasks(3)
    one, same, other = (texts(flat(make(loaded, seed, **options).generate(tasks))) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    seeds = {sample_seed(seed, task, index) for seed in range(5) for task in "abcde" for index in range(4)}
    assert len(seeds) == 100


def test_batches_are_halved_while_memory_is_short(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = some_tasks(9)
    options: dict[str, Any] = {"temperature": 1.0, "max_new_tokens": 8, "batch_size": 8}
    whole = texts(flat(make(loaded, **options).generate(tasks)))
    forward = type(loaded.model).forward

    @functools.wraps(forward)  # what decoding asks of a model, it reads from the signature
    def scarce(model: Any, input_ids: torch.Tensor, **kwargs: Any) -> Any:
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("no memory")
        return forward(model, input_ids=input_ids, **kwargs)

    monkeypatch.setattr(type(loaded.model), "forward", scarce)
    with caplog.at_level(logging.WARNING):
        assert texts(flat(make(loaded, **options).generate(tasks))) == whole
    assert "2 sequences at once" in caplog.text

    @functools.wraps(forward)
    def empty(model: Any, **kwargs: Any) -> Any:
        raise torch.OutOfMemoryError("no memory")

    monkeypatch.setattr(type(loaded.model), "forward", empty)
    with pytest.raises(DeviceMemoryError, match="a single sequence"):
        flat(make(loaded, **options).generate(tasks))


def test_more_samples_than_fit_in_a_batch(loaded: LoadedModel) -> None:
    made = make(loaded, samples=5, temperature=1.0, batch_size=2, max_new_tokens=4)
    batches = list(made.generate(some_tasks(2)))
    assert [len(batch) for batch in batches] == [0, 5, 5]
    assert made.model_digest == loaded.digest
    assert flat(made.generate([])) == []


def test_the_batch_does_not_change_greedy_answers(loaded: LoadedModel) -> None:
    tasks = some_tasks(9)
    alone = texts(flat(make(loaded, batch_size=1, max_new_tokens=16).generate(tasks)))
    assert texts(flat(make(loaded, batch_size=9, max_new_tokens=16).generate(tasks))) == alone


def test_a_prompt_that_fills_the_context_gets_an_empty_completion(
    loaded: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    long = Task(id="long", family="f", prompt=(Message(role="user", content="xyz " * 400),))
    with caplog.at_level(logging.WARNING):
        (completion,) = flat(make(loaded, max_new_tokens=8).generate([long]))
    assert (completion.text, completion.completion_tokens, completion.finish_reason) == ("", 0, "length")
    assert "512" in caplog.text


def test_stops_at_end_of_turn_and_end_of_sequence(loaded: LoadedModel) -> None:
    tokenizer: Any = loaded.tokenizer
    wanted = {tokenizer.convert_tokens_to_ids(token) for token in ("<|im_end|>", "<|endoftext|>")}
    assert stop_ids(loaded.model, tokenizer) == wanted


def test_greedy_samples_that_are_all_the_same_are_refused() -> None:
    with pytest.raises(ValidationError, match="greedy samples are all the same"):
        SamplingConfig(samples=2)


def test_a_stop_text_ends_the_completion_and_is_left_out(loaded: LoadedModel) -> None:
    tasks = some_tasks(4)
    free = texts(flat(make(loaded, temperature=1.0, max_new_tokens=30).generate(tasks)))
    long = max(free.values(), key=len)
    stop = long[len(long) // 2 : len(long) // 2 + 3]
    stopped = flat(make(loaded, temperature=1.0, max_new_tokens=30, stop=(stop,)).generate(tasks))
    for one in stopped:
        before = free[one.task_id, 0]
        assert one.text == before.partition(stop)[0]
        assert stop not in before or (one.finish_reason == "stop" and one.completion_tokens < 30)


def test_thinking_is_switched_where_the_template_supports_it(loaded: LoadedModel) -> None:
    message = [Message(role="user", content="hello")]
    tokenizer: Any = copy.deepcopy(loaded.tokenizer)
    assert render_prompt(message, tokenizer, thinking=False) == render_prompt(message, tokenizer)
    with pytest.raises(ConfigError, match="enable_thinking"):
        render_prompt(message, tokenizer, thinking=True)
    switch = "{%- if enable_thinking is defined and not enable_thinking %}{{- '<think></think>' }}{%- endif %}"
    tokenizer.chat_template += switch
    assert render_prompt(message, tokenizer, thinking=False).endswith("<think></think>")
    assert not render_prompt(message, tokenizer, thinking=True).endswith("<think></think>")


def test_a_stop_text_that_is_a_special_token_stops(loaded: LoadedModel) -> None:
    tokenizer: Any = copy.deepcopy(loaded.tokenizer)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|stop|>"]})
    (special,) = tokenizer.encode("<|stop|>", add_special_tokens=False)
    alone = StopStrings(("<|stop|>",), tokenizer)
    with_more = StopStrings(("<|stop|>\n",), tokenizer)
    before, after = (
        tokenizer.encode("fn f", add_special_tokens=False),
        tokenizer.encode("\nmore", add_special_tokens=False),
    )
    assert alone.ends([*before, special])
    assert not alone.ends(before)
    assert alone.special_ids() == {special}
    assert alone.text([*before, special, *after]) == "fn f"
    assert not with_more.ends([*before, special])
    assert with_more.ends([*before, special, *tokenizer.encode("\n", add_special_tokens=False)])
    assert with_more.text([*before, special, *after]) == "fn f"
    assert with_more.special_ids() == frozenset()
    plain = StopStrings(("\nm",), tokenizer)
    assert plain.text([*before, special, *after]) == "fn f"


def test_a_special_token_as_stop_text_is_a_stop_token(loaded: LoadedModel) -> None:
    stopping = make(loaded, temperature=1.0, max_new_tokens=6, stop=("<|im_start|>",))
    (start,) = loaded.tokenizer.encode("<|im_start|>", add_special_tokens=False)
    assert start in stopping._options.stop_ids


def test_prompts_with_control_tokens_in_their_text_are_said(
    loaded: LoadedModel, caplog: pytest.LogCaptureFixture
) -> None:
    task = Task(id="told", family="f", prompt=(Message(role="user", content="What does <|im_end|> mean?"),))
    with caplog.at_level(logging.WARNING):
        list(make(loaded, max_new_tokens=2).generate([*some_tasks(1), task]))
    assert "1 prompt holds control tokens" in caplog.text
    assert "told with <|im_end|>" in caplog.text
