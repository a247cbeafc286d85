"""Read training rows from files, folders of crates and the Hugging Face hub, one by one.

`reading` is the way in; one module per kind of source yields raw rows, `forms` makes examples of them.

Not covered: tool calls, content made of parts, filters and mixtures.
"""
