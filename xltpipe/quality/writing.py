"""Writing: whether the characters of a text are those of its language, or of any."""

from __future__ import annotations

from functools import cache
from math import nan

import numpy as np

from xltpipe.languages import resolve
from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import LETTER, SPACE, Codes, of_script
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.language_text import apart
from xltpipe.quality.side import Side

FEW = 3
"""Fewer words than this outside the spans do not tell the script of a text."""


class Writing:
    """Letters among a text's characters, words of the right script, and what is no text at all.

    Texts in spans from end to end have no share of letters: a labelled number is right as it is.
    """

    columns = (
        Column(
            "target_script",
            "wrong_script",
            "share",
            "Words of the target outside spans that are in the script of its language.",
            "OpusFilter CharacterScoreFilter",
            high=1.0,
            limits=Limits(min=0.5),
            usual=Limits(min=1.0),
        ),
        Column(
            "control_characters",
            "control_characters",
            "characters",
            "Control and private-use characters in the target beyond those in the source.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "target_alphabet",
            "target_symbols",
            "share",
            "Letters, marks, and as many digits as the source has, among the target's characters.",
            "bicleaner-hardrules no_only_symbols; usual: OpusCleaner alpha_ratio",
            high=1.0,
            limits=Limits(min=0.1),
            usual=Limits(min=0.5),
        ),
        Column(
            "source_alphabet",
            "source_symbols",
            "share",
            "Letters and their marks among the source's characters that are no white space.",
            "OpusFilter AlphabetRatioFilter, OpusCleaner alpha_ratio",
            high=1.0,
            usual=Limits(min=0.5),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        beyond = np.maximum(_no_text(target) - _no_text(source), 0).astype(np.float64)
        # a date may come over as 12/05/2020: digits for digits are no symbols
        digits = np.minimum(_digits(target), _digits(source))
        none = np.zeros(batch.rows, np.int64)
        return [_script(target), beyond, _alphabet(target, digits), _alphabet(source, none)]


def _script(side: Side) -> Floats:
    words = side.words
    letters = words.plain & ((words.first & LETTER) > 0)
    others = apart(side)
    if others is not None:  # links are Latin everywhere
        letters &= ~others[words.start]
    found = np.bincount(words.row, letters, side.rows)
    if not len(words.row):
        return np.full(side.rows, nan)
    right = letters & _of_scripts(side.codes[words.start], side.lang)
    share = np.bincount(words.row, right, side.rows) / np.maximum(found, 1)
    share[found < FEW] = nan
    return share


def _of_scripts(codes: Codes, lang: str) -> Mask:
    """Characters of the language's script; of any of its scripts where the code names none."""
    out = np.zeros(len(codes), np.bool_)
    for script in _scripts(lang):
        out |= of_script(codes, script)
    return out


@cache
def _scripts(lang: str) -> tuple[str, ...]:
    language = resolve(lang)
    subtags = lang.replace("_", "-").split("-")[1:]
    named = any(len(subtag) == 4 for subtag in subtags)
    return (language.script,) if named else language.scripts


def _digits(side: Side) -> Ints:
    return np.bincount(side.row_of[side.texts_at(side.digits)], minlength=side.rows)


def _alphabet(side: Side, digits: Ints) -> Floats:
    """Share of letters, and of so many digits."""
    words = side.words
    letters = np.bincount(words.row, words.end - words.start, side.rows)
    letters += digits - _digits(side)
    characters = side.per_row(side.visible)
    share: Floats = letters / np.maximum(characters, 1)
    share[characters == 0] = nan
    if len(side.spans.row):
        outside = side.count(side.content & ~side.inside & ((side.flags & SPACE) == 0))
        share[outside == 0] = nan
    return share


def _no_text(side: Side) -> Ints:
    """Control and private-use characters of each row (white space and unassigned are none)."""
    at = side.signs[side.flags[side.signs] == 0]
    codes = side.codes[at]
    control = (codes < 0x20) | ((codes >= 0x7F) & (codes < 0xA0))
    private = ((codes >= 0xE000) & (codes < 0xF900)) | (codes >= 0xF0000)
    rows = side.row_of[side.texts_at(at[control | private])]
    return np.bincount(rows, minlength=side.rows)


SCORERS = (Writing(),)
