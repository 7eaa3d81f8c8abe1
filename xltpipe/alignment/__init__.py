"""Aligners: link the words of sentence pairs."""

from __future__ import annotations

from xltpipe.alignment.hmm import HMM

__all__ = ["HMM"]
