"""Compose two cooperating functions: a helper on one number or word, and a function that uses it on many."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from burnish.data.rust_tasks.advanced.pieces import Ending, case, chain, draw_condition
from burnish.data.rust_tasks.draft import FUNCTION_NAMES, SLICE_NAMES, TEXT_NAMES, Draft, Head, function, function_draft
from burnish.data.rust_tasks.values import Some, Value, debug_text
from burnish.records import ValueCase


@dataclass(frozen=True)
class Helper:
    """A function of one ``n: i64`` (at least 0) or one ``w: &str``, to ``i64``."""

    names: tuple[str, ...]
    phrase: str
    """Follows "returns"."""
    body: str
    value: Callable[..., int]

    @property
    def key(self) -> str:
        """Return its name in the combination."""
        return self.names[0].replace("_", "-")


def _digit_loop(start: int, update: str) -> str:
    return f"let mut rest = n;\nlet mut out = {start};\nwhile rest > 0 {{\n    {update}\n    rest /= 10;\n}}\nout"


def _collatz(n: int) -> int:
    steps = 0
    while n > 1:
        n, steps = (n // 2 if n % 2 == 0 else 3 * n + 1), steps + 1
    return steps


def _digits(n: int) -> list[int]:
    return [int(digit) for digit in str(n)]


def _number_helpers(rng: random.Random) -> tuple[Helper, ...]:
    k = rng.choice((6, 12, 30, 36, 60))
    collatz = (
        "let mut x = n;\nlet mut steps = 0;\nwhile x > 1 {\n    x = if x % 2 == 0 { x / 2 } else { 3 * x + 1 };\n"
        "    steps += 1;\n}\nsteps"
    )
    euclid = f"let (mut a, mut b) = (n, {k});\nwhile b != 0 {{\n    (a, b) = (b, a % b);\n}}\na"
    root = "let mut root = 0;\nwhile (root + 1) * (root + 1) <= n {\n    root += 1;\n}\nroot"
    divisors = "let mut count = 0;\nfor d in 1..=n {\n    if n % d == 0 {\n        count += 1;\n    }\n}\ncount"
    return (
        Helper(("digit_sum", "sum_of_digits", "cross_sum"), "the sum of the decimal digits of n",
               _digit_loop(0, "out += rest % 10;"), lambda n: sum(_digits(n))),
        Helper(("largest_digit", "top_digit"), "the largest decimal digit of n",
               _digit_loop(0, "out = out.max(rest % 10);"), lambda n: max(_digits(n))),
        Helper(("reversed_digits", "mirrored"), "the number whose decimal digits are those of n in reverse order (120 "
               "gives 21)", _digit_loop(0, "out = out * 10 + rest % 10;"), lambda n: int(str(n)[::-1])),
        Helper(("nonzero_digits", "count_nonzero_digits"), "the number of decimal digits of n that are not 0",
               _digit_loop(0, "out += (rest % 10).min(1);"), lambda n: sum(digit > 0 for digit in _digits(n))),
        Helper(("divisors", "divisor_count"), "the number of positive divisors of n (0 for n = 0)", divisors,
               lambda n: sum(n % d == 0 for d in range(1, n + 1))),
        Helper(("collatz", "collatz_steps"), "how many steps lead from n to 1 when an even number is halved and an "
               "odd one "
               "becomes three times itself plus 1 (0 for n = 0)", collatz, _collatz),
        Helper(("least_factor", "smallest_factor"), "the smallest divisor of n greater than 1 (0 for n below 2)",
               "(2..=n).find(|d| n % d == 0).unwrap_or(0)",
               lambda n: next((d for d in range(2, n + 1) if n % d == 0), 0)),
        Helper(("ones", "bit_count"), "how many bits of n are 1", "i64::from(n.count_ones())", int.bit_count),
        Helper(("triangular", "sum_up_to"), "the sum of the integers from 1 to n", "n * (n + 1) / 2",
               lambda n: sum(range(1, n + 1))),
        Helper(("root", "whole_root"), "the largest integer whose square is at most n", root, math.isqrt),
        Helper(("common", "common_divisor"), f"the greatest common divisor of n and {k}", euclid,
               lambda n: math.gcd(n, k)),
    )  # fmt: skip


def _chosen(best: Callable[..., int], *, last: bool) -> Callable[[list[int], Callable[[int], int]], Value]:
    """Return a function that finds the value with the best helper result, of equals the last or the first."""
    return lambda v, h: Some(best(v[::-1] if last else v, key=h)) if v else None


def _uses(rng: random.Random, v: str, h: str) -> tuple[Ending, ...]:
    """Return the uses of helper ``h`` on the slice ``v``."""
    predicate = draw_condition(rng)
    holds, word = predicate.holds, predicate.predicate
    rust = f"x = {h}(x);\n    {predicate.rust}"
    test = f"|&x| {{\n    let {rust}\n}}"
    copied = f"{v}.iter().copied()"
    kept = f"the values for which `{h}` is {word}"
    pick = f"with the {{}} `{h}`, of several such values the {{}}, or None for an empty slice"
    return (
        Ending("sum", f"returns the sum of `{h}` over all values", f"{copied}.map({h}).sum()", "i64",
            lambda v, h: sum(map(h, v))),
        Ending("collect", f"returns a vector of `{h}` of each value", f"{copied}.map({h}).collect()", "Vec<i64>",
            lambda v, h: [h(x) for x in v]),
        Ending("count-" + predicate.key, f"counts {kept}",
            chain(v, "iter()", "copied()", f"map({h})", f"filter(|&x| {predicate.rust})", "count()"), "usize",
            lambda v, h: sum(holds(h(x)) for x in v)),
        Ending("keep-" + predicate.key, f"returns a vector of {kept}",
            chain(v, "iter()", "copied()", f"filter({test})", "collect()"), "Vec<i64>",
            lambda v, h: [x for x in v if holds(h(x))]),
        Ending("position-" + predicate.key, f"returns the index of the first value for which `{h}` is {word}, or None",
            chain(v, "iter()", "copied()", f"map({h})", f"position(|x| {predicate.rust})"), "Option<usize>",
            lambda v, h: next((Some(i) for i, x in enumerate(v) if holds(h(x))), None)),
        Ending("largest-last", "returns the value " + pick.format("largest", "last"),
            chain(v, "iter()", "copied()", f"max_by_key(|&x| {h}(x))"), "Option<i64>",
            _chosen(max, last=True)),
        Ending("largest-first", "returns the value " + pick.format("largest", "first"),
            chain(v, "iter()", "copied()", "rev()", f"max_by_key(|&x| {h}(x))"), "Option<i64>",
            _chosen(max, last=False)),
        Ending("smallest-last", "returns the value " + pick.format("smallest", "last"),
            chain(v, "iter()", "copied()", "rev()", f"min_by_key(|&x| {h}(x))"), "Option<i64>",
            _chosen(min, last=True)),
        Ending("smallest-first", "returns the value " + pick.format("smallest", "first"),
            chain(v, "iter()", "copied()", f"min_by_key(|&x| {h}(x))"), "Option<i64>",
            _chosen(min, last=False)),
        Ending("sorted", f"returns the values sorted by `{h}`, smallest first, equals in their old order",
            f"let mut out = {v}.to_vec();\nout.sort_by_key(|&x| {h}(x));\nout", "Vec<i64>", lambda v, h: sorted(v,
            key=h)),
        Ending("pairs", f"returns a vector of pairs of each value and its `{h}`",
            chain(v, "iter()", f"map(|&x| (x, {h}(x)))", "collect()"), "Vec<(i64, i64)>", lambda v, h: [(x,
            h(x)) for x in v]),
        Ending("rising", f"counts the values, the last one aside, whose `{h}` is less than that of the next value",
            chain(v, "windows(2)", f"filter(|w| {h}(w[0]) < {h}(w[1]))", "count()"), "usize",
            lambda v, h: sum(h(a) < h(b) for a, b in itertools.pairwise(v))),
    )  # fmt: skip


def draw_helpers(rng: random.Random) -> Draft:
    """Draw a public helper on a number that is not negative, and a function that uses it on a slice."""
    helper = rng.choice(_number_helpers(rng))
    own_name, name, slice_name = rng.choice(helper.names), rng.choice(FUNCTION_NAMES), rng.choice(SLICE_NAMES)
    use = rng.choice(_uses(rng, slice_name, own_name))
    signature = f"pub fn {own_name}(n: i64) -> i64"
    purpose = (
        f"{use.phrase}, where `{signature.removeprefix('pub ')}` is a public function as well and returns "
        f"{helper.phrase}; "
        "no number is negative"
    )
    draft = function_draft(
        combination=f"helpers/{helper.key}/{use.key}",
        level=4,
        head=Head(name, ((slice_name, "&[i64]"),), use.returns),
        purpose=purpose,
        body=use.rust,
        draw=lambda r: (_counts(r),),
        oracle=lambda values: use.value(values, helper.value),
        before=function(signature, helper.body) + "\n",
    )

    def helper_case(r: random.Random) -> ValueCase:
        n = r.randint(0, 130)
        return case(f"{own_name}({n})", "i64", helper.value(n))

    return replace(draft, helper_case=helper_case)


def _counts(rng: random.Random) -> list[Value]:
    length = rng.choice((0, 1, 2)) if rng.random() < 0.2 else rng.randint(3, 7)
    return [rng.randint(0, rng.choice((20, 130))) for _ in range(length)]


def _longest_run(word: str) -> int:
    longest = run = 0
    last = ""
    for c in word:
        run, last = (run + 1 if c == last else 1), c
        longest = max(longest, run)
    return longest


def _word_helpers(rng: random.Random) -> tuple[Helper, ...]:
    letter = rng.choice("aeiost")
    run = (
        "let mut longest = 0;\nlet mut run = 0;\nlet mut last = None;\nfor c in w.chars() {\n"
        "    run = if last == Some(c) { run + 1 } else { 1 };\n    last = Some(c);\n    longest = longest.max(run);\n"
        "}\nlongest"
    )
    distinct = "let mut seen: Vec<char> = w.chars().collect();\nseen.sort_unstable();\nseen.dedup();\nseen.len() as i64"
    count = "w.chars().filter(|{}| {}).count() as i64"
    return (
        Helper(("vowels", "count_vowels"), "how many of its characters are one of `aeiou`",
               count.format("&c", '"aeiou".contains(c)'), lambda w: sum(c in "aeiou" for c in w)),
        Helper(("letter_count", "count_letter"), f"how many of its characters are '{letter}'",
               count.format("&c", f"c == '{letter}'"), lambda w: w.count(letter)),
        Helper(("digits", "count_digits"), "how many of its characters are ASCII digits",
               count.format("c", "c.is_ascii_digit()"), lambda w: sum(c.isdigit() for c in w)),
        Helper(("longest_run", "longest_repeat"), "the length of its longest run of one character (0 for an empty "
               "word)",
               run, _longest_run),
        Helper(("distinct", "distinct_chars"), "how many different characters it has", distinct, lambda w: len(set(w))),
        Helper(("width", "doubled_uppercase"), "its length in characters, ASCII uppercase letters counted twice",
               "w.chars()\n    .map(|c| if c.is_ascii_uppercase() { 2 } else { 1 })\n    .sum()",
               lambda w: sum(2 if c.isupper() else 1 for c in w)),
    )  # fmt: skip


def _word_uses(rng: random.Random, s: str, h: str) -> tuple[Ending, ...]:
    k = rng.randint(1, 3)
    words = f"{s}.split_whitespace()"
    pick = f"returns the word with the {{}} `{h}`, of several the {{}}, or None if there is no word"
    at_least = f"`{h}` is at least {k}"
    return (
        Ending("sum", f"returns the sum of `{h}` over the words", f"{words}.map({h}).sum()", "i64",
            lambda v, h: sum(map(h, v))),
        Ending("top", f"returns the largest `{h}` of a word, or None if there is no word", f"{words}.map({h}).max()",
            "Option<i64>", lambda v, h: Some(max(map(h, v))) if v else None),
        Ending("keep", f"returns a vector of the words whose {at_least}",
            chain(s, "split_whitespace()", f"filter(|w| {h}(w) >= {k})", "map(str::to_string)", "collect()"),
            "Vec<String>", lambda v, h: [w for w in v if h(w) >= k]),
        Ending("join", f'joins the words whose {at_least} with "-"',
            chain(s, "split_whitespace()", f"filter(|w| {h}(w) >= {k})", "collect::<Vec<_>>()", 'join("-")'), "String",
            lambda v, h: "-".join(w for w in v if h(w) >= k)),
        Ending("largest-first", pick.format("largest", "first"),
            chain(s, "split_whitespace()", "rev()", f"max_by_key(|w| {h}(w))"), "Option<&str>",
            _chosen(max, last=False)),
        Ending("largest-last", pick.format("largest", "last"),
            chain(s, "split_whitespace()", f"max_by_key(|w| {h}(w))"), "Option<&str>", _chosen(max, last=True)),
        Ending("smallest-first", pick.format("smallest", "first"),
            chain(s, "split_whitespace()", f"min_by_key(|w| {h}(w))"), "Option<&str>",
            _chosen(min, last=False)),
        Ending("sorted", f"returns the words sorted by `{h}`, smallest first, equals in their old order",
            f"let mut out: Vec<String> = {words}.map(str::to_string).collect();\nout.sort_by_key(|w| {h}(w));\nout",
            "Vec<String>", lambda v, h: sorted(v, key=h)),
    )  # fmt: skip


def draw_word_helpers(rng: random.Random) -> Draft:
    """Draw a public helper on a word, and a function that uses it on the words of a text."""
    helper = rng.choice(_word_helpers(rng))
    own_name, name, text = rng.choice(helper.names), rng.choice(FUNCTION_NAMES), rng.choice(TEXT_NAMES)
    use = rng.choice(_word_uses(rng, text, own_name))
    signature = f"pub fn {own_name}(w: &str) -> i64"
    purpose = (
        f"{use.phrase}; words are what white space separates in `{text}`, and the public function "
        f"`{signature.removeprefix('pub ')}` returns of one word {helper.phrase}"
    )
    draft = function_draft(
        combination=f"word-helpers/{helper.key}/{use.key}",
        level=4,
        head=Head(name, ((text, "&str"),), use.returns),
        purpose=purpose,
        body=use.rust,
        draw=lambda r: (" ".join(_words(r)),),
        oracle=lambda sentence: use.value(sentence.split(), helper.value),
        before=function(signature, helper.body) + "\n",
    )

    def helper_case(r: random.Random) -> ValueCase:
        word = r.choice(["", *_words(r)])
        return case(f"{own_name}({debug_text(word)})", "i64", helper.value(word))

    return replace(draft, helper_case=helper_case)


def _words(rng: random.Random) -> list[str]:
    return ["".join(rng.choice("aaeiioosstT12R") for _ in range(rng.randint(1, 7))) for _ in range(rng.randint(0, 6))]
