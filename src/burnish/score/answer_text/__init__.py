"""Reading an answer out of a text: what is visible, where it is stated, what is an option list, numbers, notation."""
