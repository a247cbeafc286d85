"""burnish: make a language model write code that compiles, passes its tests and reads well."""

__version__ = "0.1.0"
