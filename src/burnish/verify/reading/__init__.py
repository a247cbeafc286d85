"""Extract the program from a model's text. Nothing is cut or repaired to make a program compile.

Start with `extract`: ``spoken`` finds the answer in the text, ``several`` makes one program of its blocks, ``prompt``
joins it with the prompt's code.
"""

from burnish.verify.reading.extract import extract

__all__ = ["extract"]
