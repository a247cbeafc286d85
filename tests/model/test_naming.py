from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.errors import ConfigError
from burnish.model.naming import (
    METHODS,
    PLAIN_BITS,
    ModelName,
    QuantizationTag,
    clean,
    parse_model_name,
    parse_tag,
    quantization_tag,
)

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
numbers = st.none() | st.integers(1, 256)
narrow = st.none() | st.integers(1, 64).filter(lambda bits: bits not in PLAIN_BITS)
keys = st.text(LETTERS, min_size=1, max_size=6).filter(
    lambda key: key not in ("w", "g", "a", "kv") and not key.startswith("head")
)
values = st.just(True) | st.builds(
    str.__add__, st.sampled_from(list(DIGITS)), st.text(LETTERS + DIGITS + ".-", max_size=4)
)


@st.composite
def tags(draw: st.DrawFn) -> QuantizationTag:
    method = draw(st.sampled_from(METHODS))
    quantised = method != "NoQuant"
    return QuantizationTag(
        method,
        weights_bits=draw(numbers) if quantised else None,
        group_size=draw(numbers) if quantised else None,
        activations_bits=draw(narrow),
        kv_cache_bits=draw(narrow),
        lm_head_dtype=draw(st.none() | st.text("abf0123468.-", min_size=1, max_size=5)) if quantised else None,
        extras=draw(st.dictionaries(keys, values, max_size=3)),
    )


@st.composite
def names(draw: st.DrawFn) -> ModelName:
    base = draw(st.text(LETTERS + DIGITS + ".-", min_size=1, max_size=12))
    if draw(st.booleans()):
        return ModelName(base, quantization=draw(tags()))
    return ModelName(
        base,
        draw(st.text(LETTERS + DIGITS + ".", min_size=1, max_size=8).filter(lambda text: text != "base")),
        draw(st.from_regex(r"[A-Z][A-Z0-9]{0,3}", fullmatch=True)),
        draw(st.text(LETTERS, min_size=1, max_size=6)),
        draw(numbers),
        draw(tags()),
    )


@given(tags())
def test_a_tag_that_is_written_is_read_as_it_was(tag: QuantizationTag) -> None:
    assert parse_tag(str(tag)) == tag


@given(names())
def test_a_name_that_is_written_is_read_as_it_was(name: ModelName) -> None:
    assert parse_model_name(str(name)) == name


@given(st.text(max_size=30) | st.text("abNoQuantGPTQ_-w4g.0head", max_size=30))
def test_any_other_text_is_refused_or_says_the_same_again(text: str) -> None:
    try:
        name = parse_model_name(text)
    except ConfigError:
        return
    assert parse_model_name(str(name)) == name


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        (quantization_tag("noquant", weights_bits=16, lm_head_dtype="bf16"), "NoQuant"),
        (quantization_tag("QLORA", weights_bits=4, activations_bits=16, lm_head_dtype="bf16"), "QLORA_w4_headbf16"),
        (quantization_tag("gptq", weights_bits=4, group_size=64, lm_head_dtype="fp16"), "GPTQ_w4_g64_headfp16"),
        (quantization_tag("AWQ", weights_bits=4, group_size=128, kv_cache_bits=8), "AWQ_w4_g128"),
        (
            quantization_tag("smooth-quant", weights_bits=8, activations_bits=4, kv_cache_bits=6),
            "SmoothQuant_w8_a4_kv6",
        ),
        (
            QuantizationTag("GPTQ", 4, extras={"sym": True, "act": "2"}, lm_head_dtype="fp16"),
            "GPTQ_w4_act2_headfp16_sym",
        ),
    ],
)
def test_tags_read_as_the_grammar_says(tag: QuantizationTag, text: str) -> None:
    assert str(tag) == text


def test_names_read_as_the_grammar_says() -> None:
    plain = QuantizationTag("NoQuant")
    qlora = QuantizationTag("QLORA", 4, lm_head_dtype="bf16")
    assert str(ModelName("Qwen3-8B", "openmath", "SFT", "LoRa", 256, plain)) == "Qwen3-8B-openmath_SFT_LoRa256_NoQuant"
    assert str(ModelName("Qwen3-8B", "arc", "SFT", "VeRa", 512, qlora)) == "Qwen3-8B-arc_SFT_VeRa512_QLORA_w4_headbf16"
    assert str(ModelName("Qwen3-4B", "arc", "SFT", "NoPeft", None, plain)) == "Qwen3-4B-arc_SFT_NoPeft_NoQuant"
    assert str(ModelName("Qwen3-8B")) == "Qwen3-8B-base"
    assert str(ModelName("Qwen3-8B", quantization=qlora)) == "Qwen3-8B-base_QLORA_w4_headbf16"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nano",
        "nano-rust",
        "nano-rust_SFT_LoRa16",
        "nano-base_NoQuant",
        "nano-rust_SFT_16_NoQuant",
        "nano-rust_SFT_LoRa16_X4",
    ],
)
def test_what_breaks_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_model_name(text)


def test_a_quantisation_tag_states_what_was_done_and_not_what_was_planned() -> None:
    with pytest.raises(ConfigError, match="NoQuant has neither"):
        QuantizationTag("NoQuant", weights_bits=4)
    with pytest.raises(ConfigError, match="one of"):
        quantization_tag("ptq_planned")


def test_cleaning_removes_characters_that_a_name_cannot_hold() -> None:
    assert clean("Meta Llama_3.1-8B (it)") == "MetaLlama3.1-8Bit"
    assert clean("the-stack.rust", keep=".") == "thestack.rust"
