"""xltpipe: labelled data, and models, in languages that have none."""

__version__ = "0.1.0"
