r"""The forms in which models write answers, and what each one says: a table to test against and to print.

    python -m tests.score.forms

Sources: ``gsm8k`` (the data set's own marks), ``boxed`` (mathematics prompts), ``cot`` (prose that ends in an answer),
``bare``, ``markdown``, ``latex``, ``list`` (options repeated), ``heading``, ``negated``, ``several``, ``cut`` (at the
limit of tokens), ``thinking``. None means: nothing can be read. Not covered: whether an answer is right.
"""

from __future__ import annotations

import sys
from typing import Literal, NamedTuple

from burnish.score.answer_text.extraction import extract_label, extract_number, extract_text
from burnish.score.answer_text.letters import extract_choice

Kind = Literal["choice", "label", "number", "text"]
CITIES = {"A": "Paris", "B": "London", "C": "Rome", "D": "Berlin"}
NINE = dict(zip("ABCDEFGHI", ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"), strict=True))
VALUES = {"A": "3", "B": "12", "C": r"\frac{1}{2}", "D": "a cat"}


class Form(NamedTuple):
    """A text of one source, what is asked of it, and the answer in it."""

    source: str
    text: str
    answer: str | None
    of: dict[str, str] | tuple[str, ...] | None = None
    """Choices or labels, where others than the usual ones."""


CHOICE = [
    Form("bare", "B", "B"),
    Form("bare", "(b)", "B"),
    Form("bare", "B.", "B"),
    Form("bare", "b", "B"),
    Form("bare", "London", "B"),
    Form("bare", "B) London", "B"),
    Form("bare", "B: London", "B"),
    Form("bare", "A: Paris", "A"),
    Form("bare", "(B) London", "B"),
    Form("bare", "B - London", "B"),
    Form("bare", "B\n\nLondon is the capital of England.", "B"),
    Form("bare", "B. because it is large", "B"),
    Form("bare", "It is large and old.\n\nB", "B"),
    Form("bare", "Option C is correct", "C"),
    Form("markdown", "**B**", "B"),
    Form("markdown", "**B.** London", "B"),
    Form("markdown", "**(B) London**", "B"),
    Form("markdown", "`C`", "C"),
    Form("markdown", "> **Answer:** C", "C"),
    Form("markdown", "### Answer\nB", "B"),
    Form("markdown", "### Answer: B", "B"),
    Form("markdown", "**Answer**: B", "B"),
    Form("markdown", "**Final Answer:** (D)", "D"),
    Form("markdown", "#### B", "B"),
    Form("markdown", "__Answer:__ **C. Rome**", "C"),
    Form("cot", "The answer is C.", "C"),
    Form("cot", "The answer is (C).", "C"),
    Form("cot", "The answer is C because it is old.", "C"),
    Form("cot", "The answer is A because it is old.", "A"),
    Form("cot", "The answer is b.", "B"),
    Form("cot", "The answer is: C) Rome", "C"),
    Form("cot", "The correct option is C.", "C"),
    Form("cot", "The correct answer is option B.", "B"),
    Form("cot", "The correct answer is Rome.", "C"),
    Form("cot", "The answer is Rome, because it is old.", "C"),
    Form("cot", "The best choice would be B.", "B"),
    Form("cot", "Correct: B", "B"),
    Form("cot", "My choice: **B**", "B"),
    Form("cot", "I choose D.", "D"),
    Form("cot", "I'd go with B.", "B"),
    Form("cot", "I think B is the right answer.", "B"),
    Form("cot", "A is tempting, but C is correct.", "C"),
    Form("cot", "Not Paris. So it must be C.", "C"),
    Form("cot", "A and B are too small, therefore D.", "D"),
    Form("cot", "The answer is A. Wait, no. The answer is B.", "B"),
    Form("cot", "First I thought option A is correct, but the answer is D", "D"),
    Form("cot", "The answer to the question is B.", "B"),
    Form("cot", "Answer -> C", "C"),
    Form("cot", "A: B", "B"),
    Form("cot", "Q: which?\nA: London", "B"),
    Form("cot", "The answer is D Berlin", "D"),
    Form(
        "list", "Let us go through the options.\nA: Paris\nB: London\nC: Rome\nD: Berlin\nThe correct option is C.", "C"
    ),
    Form("list", "Options:\nA: Paris\nB: London\n\nCorrect: B", "B"),
    Form("list", "A: Paris - capital of France\nB: London - capital of England\nC: Rome - Italy\n\nI choose D.", "D"),
    Form("list", "**A: Paris**\n**B: London**\n\nMy choice: **B**", "B"),
    Form("list", "A. Paris\nB. London\nC. Rome\nD. Berlin\n\nThe correct option is C.", "C"),
    Form("list", "A: Paris\nB: London\nC: Rome\nD: Berlin", None),
    Form("list", "A: Paris\nB: London", None),
    Form("list", "Options:\nA: Paris", None),
    Form("list", "(A) Paris\n(B) London\n(C) Rome\n(D) Berlin\n\n(B) London", "B"),
    Form("list", "A) Paris B) London C) Rome D) Berlin", None),
    Form("list", "A) Paris, B) London, C) Rome, D) Berlin. The answer is C.", "C"),
    Form("list", "- A: Paris\n- B: London\n- C: Rome\n\nAnswer: C", "C"),
    Form("list", "| A | Paris |\n| B | London |\n\nB", "B"),
    Form("list", "a) Paris\nb) London\nc) Rome\n\nc", "C"),
    Form("list", "Option A: Paris\nOption B: London\n\nOption B", "B"),
    Form("list", "A: Paris is in France, so no.\nB: London is in England, so yes.\nHence, B.", "B"),
    Form("list", "Which answer is right?\nA: Paris\nB: London\nC: Rome\nAnswer: London", "B"),
    Form("list", "B\n\nA: Paris is wrong.\nC: Rome is wrong.", "B"),
    Form("list", "A - Paris\nB - London\nC - Rome\n\nAnswer: A", "A"),
    Form("boxed", r"\boxed{B}", "B"),
    Form("boxed", r"\boxed{(C)}", "C"),
    Form("boxed", r"\boxed{\text{B}}", "B"),
    Form("boxed", r"\boxed{\textbf{(C)}\ 12}", "C"),
    Form("boxed", r"\boxed{C. Rome}", "C"),
    Form("boxed", r"\boxed{C) Rome}", "C"),
    Form("boxed", r"\boxed{\text{Option B}}", "B"),
    Form("boxed", r"\boxed{Rome}", "C"),
    Form("boxed", r"\boxed{12}", "B", VALUES),
    Form("boxed", r"\boxed{\dfrac12}", "C", VALUES),
    Form("boxed", r"\boxed{B \quad 12}", "B", VALUES),
    Form("boxed", "The bound gives\n\\boxed{\\langle H\\rangle \\ll \\Delta E}\n\n**Answer: D**", "D", NINE),
    Form("boxed", r"We find \boxed{x = 3}." + "\n\n**Answer: D**", "D", NINE),
    Form("boxed", r"So $\boxed{E = mc^2}$ and the answer is B.", "B", NINE),
    Form("boxed", r"\boxed{E = mc^2}", None, NINE),
    Form("boxed", r"\boxed{A \cup B}", None),
    Form("boxed", r"\boxed{P(A) = 0.5}, so the answer is D.", "D"),
    Form("boxed", r"\boxed{A, B}", None),
    Form("boxed", r"First \boxed{A}. No: \boxed{C}", "C"),
    Form("boxed", r"\boxed{B}, and the formula \boxed{D = b^2 - 4ac}", "B"),
    Form("boxed", r"$\boxed{\mathrm{B}}$. The answer is not A.", "B"),
    Form("latex", r"The answer is $B$.", "B"),
    Form("latex", r"The answer is \(B\).", "B"),
    Form("latex", r"The answer is $\textbf{(B)}$.", "B"),
    Form("latex", r"The answer is $E = mc^2$", None, NINE),
    Form("negated", "I don't know", None, NINE),
    Form("negated", "The answer is I don't know.", None, NINE),
    Form("negated", "I'm not sure.", None, NINE),
    Form("negated", "I, for one, cannot tell.", None, NINE),
    Form("bare", "I", "I", NINE),
    Form("cot", "The answer is I.", "I", NINE),
    Form("negated", "The answer is not B.", None),
    Form("negated", "The answer is **not** B.", None),
    Form("markdown", "<answer>B</answer>", "B"),
    Form("markdown", "The answer is <b>B</b>", "B"),
    Form("cot", "I choose London.", "B"),
    Form("cot", "A because it is Paris", "A"),
    Form("negated", "B is not correct.", None),
    Form("negated", "The answer is not A but C is correct.", "C"),
    Form("several", "A or B", None),
    Form("several", "The answer is B or C.", None),
    Form("several", "Both B and C", None),
    Form("several", "The answer is A/B", None),
    Form("bare", "A dog is an animal", None),
    Form("cot", "The answer is a secret", None),
    Form("cot", "Answer: A cat", "D", VALUES),
    Form("bare", "E", None),
    Form("cut", "Let us look at C first", None),
    Form("cut", "A: Paris\nB: Lon", None),
    Form("cut", "A: Par", None),
    Form("cut", "The answer is B because of", "B"),
    Form("cut", r"So the box is \boxed{B", None),
    Form("thinking", "<think>The answer is A.</think>\n\nB", "B"),
    Form("thinking", "<think>The answer is A.", None),
    Form("thinking", "is it A? </think> The answer is C.", "C"),
]
LABEL = [
    Form("bare", "Yes", "Yes"),
    Form("bare", "no.", "No"),
    Form("bare", "n", "No"),
    Form("bare", "Yes, because they like it", "Yes"),
    Form("bare", "I would say yes.", "Yes"),
    Form("markdown", "**Yes**, they will", "Yes"),
    Form("markdown", "**Answer:** No", "No"),
    Form("markdown", "#### Yes", "Yes"),
    Form("cot", "No, wait. The answer is yes.", "Yes"),
    Form("cot", "Yes or no? They like films of this kind.\n\nYes", "Yes"),
    Form("cot", "Label: spam", "spam", ("spam", "ham")),
    Form("cot", "Sentiment: **positive**", "positive", ("positive", "negative")),
    Form("cot", "The sentiment of this review is negative.", "negative", ("positive", "negative")),
    Form("cot", "It is not spam: ham", None, ("spam", "ham")),
    Form("cot", "The category is not spam", "not spam", ("spam", "not spam")),
    Form("cot", "Rating: 4 out of 5", "4", ("1", "2", "3", "4", "5")),
    Form("cot", "Rating: 4.5", None, ("1", "2", "3", "4", "5")),
    Form("cot", "the correct answer is answer3", "answer3", ("answer1", "answer2", "answer3", "answer4")),
    Form("list", "Options: positive, negative.\nAnswer: positive", "positive", ("positive", "negative")),
    Form("boxed", r"\boxed{\text{Yes}}", "Yes"),
    Form("boxed", r"\boxed{true}", "Yes"),
    Form("boxed", r"No. \boxed{yes}", "Yes"),
    Form("boxed", r"\boxed{1}", "Yes"),
    Form("boxed", r"\boxed{maybe}", None),
    Form("boxed", r"\boxed{x > 0}, so the answer is no", "No"),
    Form("several", "Yes or no? Hard to say.", None),
    Form("several", "The answer is yes or no", None),
    Form("negated", "It is not true.", None),
    Form("negated", "It isn't true.", None),
    Form("bare", "spammer", None, ("spam", "ham")),
    Form("bare", "This is non-spam", None, ("spam", "ham")),
    Form("cut", "I think they would say yes to", None),
    Form("cut", "Yes, because of the", "Yes"),
    Form("thinking", "<think>no no</think>\n\nYes", "Yes"),
]
NUMBER = [
    Form("gsm8k", "3 x 6 is 18\nA: 18", "18"),
    Form("gsm8k", "She sells 9 * 2 = <<9*2=18>>18.\n#### 18", "18"),
    Form("gsm8k", "#### 1,018", "1018"),
    Form("gsm8k", "#### $14 a day", "14"),
    Form("gsm8k", "####14", "14"),
    Form("gsm8k", "#### -5", "-5"),
    Form("gsm8k", "#### **14**", "14"),
    Form("gsm8k", r"#### \boxed{14}", "14"),
    Form("gsm8k", "#### 1 000 000", "1000000"),
    Form("gsm8k", "#### 3/4", "3/4"),
    Form("heading", "#### Step 1: add\n3 + 4 = 7\n\n#### Step 2: double it\n7 * 2 = 14\n\nShe has 14 apples.", "14"),
    Form("heading", "#### 1. Count the apples\n3 + 4 = 7\n#### 2. Double\n7 x 2 = 14\n**14 apples**", "14"),
    Form("heading", "## Solution\n#### Conclusion\nThe total is 14.", "14"),
    Form("heading", "#### Step 1: add\n7\n#### 14", "14"),
    Form("heading", "#### 1) Add\n3 + 4 = 7", "7"),
    Form("heading", "#### 1st step\nIt is 9", "9"),
    Form("markdown", "3 and 4: <answer>18 eggs</answer>", "18"),
    Form("heading", "#### Answer\n14", "14"),
    Form("heading", "### Final Answer\n\n**14**", "14"),
    Form("heading", "#### Answer: 14", "14"),
    Form("cot", "The answer is 5.", "5"),
    Form("cot", "The answer is 5 apples, not 6.", "5"),
    Form("cot", "The answer is $9 * 2 = $18 since 5 eggs remain", "18"),
    Form("cot", "The answer is 7 = 3 + 4", "7"),
    Form("cot", "The answer is x = 5", "5"),
    Form("cot", "The final answer is: 1,234.50", "2469/2"),
    Form("cot", "The answer is not 5. The answer is 6.", "6"),
    Form("cot", "The answer is 5. That answer is correct, I checked 3 times.", "5"),
    Form("cot", "The answer to the first part is 3. The answer is 4", "4"),
    Form("cot", "Answer:\n\n42", "42"),
    Form("cot", "**Answer:** 42", "42"),
    Form("cot", "The answer is eighteen, of 20", None),
    Form("cot", "so there are 40 cows, 2 more than 38", "38"),
    Form("bare", "42", "42"),
    Form("bare", "−3", "-3"),
    Form("bare", "1 000 000", "1000000"),
    Form("bare", "1'000'000", "1000000"),
    Form("bare", "10,00,000", "1000000"),
    Form("bare", "1.000.000", "1000000"),
    Form("bare", "12 500 people", "12500"),
    Form("bare", "50%", "50%"),
    Form("bare", "2 1/2", "5/2"),
    Form("bare", "1.5 million", "1500000"),
    Form("bare", "17 000/5", "3400"),
    Form("bare", "It costs $80 000.", "80000"),
    Form("bare", "It is a 20-minute walk.", "20"),
    Form("bare", "They meet at 10:30", None),
    Form("bare", "It takes 3-5 days", None),
    Form("bare", "it costs 1,5 euros", None),
    Form("bare", "There are 10^6 of them", None),
    Form("bare", "eighteen", None),
    Form("boxed", r"first \boxed{3}, no: \boxed{\frac{1}{2}} of 7", "1/2"),
    Form("boxed", r"\boxed{18 \text{ eggs}}", "18"),
    Form("boxed", r"\boxed{x = 5}", "5"),
    Form("boxed", r"\boxed{1{,}000}", "1000"),
    Form("boxed", r"$\boxed 5$", "5"),
    Form("boxed", r"\fbox{7}", "7"),
    Form("boxed", r"\boxed{n^2 + 1}. For n = 3 the answer is 10", "10"),
    Form("boxed", r"3 and 4, so \boxed{eighteen}", None),
    Form("boxed", r"\boxed{5, 6}", None),
    Form("boxed", r"\boxed{12} and \boxed{13", "12"),
    Form("list", "A: 18\nB: 20\nC: 30\nThe total is 20", "20"),
    Form("several", "The answer is 5 or 6", None),
    Form("latex", r"The answer is $\frac{3}{4}$.", "3/4"),
    Form("latex", r"The answer is $1.5 \times 10^{3}$", "1500"),
    Form("latex", r"The answer is \(12\text{ cm}^2\).", "12"),
    Form("cut", "she has 16 - 3 = 13 eggs and", None),
    Form("cut", "A: 13 eggs and", "13"),
    Form("thinking", "<think>3 and 4</think>7", "7"),
]
TEXT = [
    Form("cot", "The answer is **Paris**.", "Paris"),
    Form("cot", 'The answer is "Paris".', "Paris"),
    Form("cot", 'The answer is "Paris."', "Paris"),
    Form("cot", "The answer is `Paris`.", "Paris"),
    Form("cot", "The answer is Paris.", "Paris"),
    Form("cot", "The answer is 'to be'.", "to be"),
    Form("cot", "The answer is **Paris**!", "Paris"),
    Form("cot", "The answer is “Paris”.", "Paris"),
    Form("cot", 'The answer is **"Paris"**.', "Paris"),
    Form("cot", "The answer is **Paris**. It is the capital of France.", "Paris"),
    Form("cot", "The answer is Mr. Smith.", "Mr. Smith"),
    Form("cot", "The answer is the dogs' home", "the dogs' home"),
    Form("cot", "The answer is 5!", "5!"),
    Form("cot", "thus\nThe answer is: the Rhine.", "the Rhine"),
    Form("cot", "Answer:\n\nthe Rhine", "the Rhine"),
    Form("cot", "Q: which river?\nA: the Rhine", "the Rhine"),
    Form("latex", r"The answer is $\frac{1}{2}$.", r"\frac{1}{2}"),
    Form("latex", r"The answer is \(x^2\).", "x^2"),
    Form("latex", r"The answer is $n!$.", "n!"),
    Form("latex", r"The answer is $x$ and $y$.", "$x$ and $y$"),
    Form("markdown", "**Paris**.", "Paris"),
    Form("markdown", "**Answer: Paris**", "Paris"),
    Form("markdown", "### Final Answer\nParis", "Paris"),
    Form("bare", "the Rhine", "the Rhine"),
    Form("bare", "the Rhine\nor the Ruhr", None),
    Form("boxed", r"So \boxed{x^2}", "x^2"),
    Form("boxed", r"\boxed{}", None),
    Form("boxed", r"\boxed{3} or \boxed{}", "3"),
    Form("list", "A: Paris\nB: London\nThe answer is Rome.", "Rome"),
    Form("list", "A: Paris\nB: London", None),
    Form("cut", "The river is", None),
    Form("thinking", "<think>The answer is no.</think>the Rhine", "the Rhine"),
]
FORMS: dict[Kind, list[Form]] = {"choice": CHOICE, "label": LABEL, "number": NUMBER, "text": TEXT}


def read(kind: Kind, form: Form) -> str | None:
    """The answer that burnish takes out of a form."""
    cut_off = form.source == "cut"
    match kind:
        case "choice":
            choices = form.of if isinstance(form.of, dict) else CITIES
            return extract_choice(form.text, choices, cut_off=cut_off).answer
        case "label":
            labels = form.of if isinstance(form.of, tuple) else ("Yes", "No")
            return extract_label(form.text, labels, cut_off=cut_off).answer
        case "number":
            return extract_number(form.text, cut_off=cut_off).answer
        case "text":
            return extract_text(form.text, cut_off=cut_off).answer


def main() -> int:
    """Print the table; 1 when a form is read wrongly."""
    wrong = 0
    for kind, forms in FORMS.items():
        for form in forms:
            found = read(kind, form)
            wrong += found != form.answer
            mark = "ok   " if found == form.answer else "WRONG"
            sys.stdout.write(f"{mark} {kind:6} {form.source:8} {form.answer!s:16} {found!s:16} {form.text!r}\n")
    total = sum(map(len, FORMS.values()))
    sys.stdout.write(f"{total} forms, {wrong} read wrongly\n")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
