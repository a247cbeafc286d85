"""The parts of answer extraction: what is visible, where an answer is stated, what is an option list, notation."""
