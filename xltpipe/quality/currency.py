"""Currency: an amount in dollars is not one in euros."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import nan

import numpy as np
import regex
from numpy.typing import NDArray

from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.quality.keys import Ints, keys_of
from xltpipe.quality.side import Side

NAMES: Mapping[str, str] = {
    "$": "USD CAD AUD NZD HKD SGD MXN",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY CNY RMB",
    "₹": "INR",
    "₦": "NGN",
    "₽": "RUB",
    "₩": "KRW",
    "₫": "VND",
    "฿": "THB",
    "₺": "",
    "₴": "UAH",
    "₪": "ILS",
    "₱": "",
    "₵": "GHS",
    "Fr": "CHF",
    "R": "ZAR",
    "KSh": "KES",
}
"""Signs, and codes of ISO 4217 that mean the same but those that are words too (TRY)."""

SIGNS = "".join(sign for sign in NAMES if len(sign) == 1 and not sign.isalpha()) + "￥＄"

_KINDS = {code: sign for sign, codes in NAMES.items() for code in codes.split()}
_KINDS |= {sign: sign for sign in SIGNS} | {"￥": "¥", "＄": "$"}
_CODE = "|".join(filter(str.isalpha, _KINDS))
_FOUND = regex.compile(rf"[{regex.escape(SIGNS)}]|(?<!\p{{L}})(?:{_CODE})(?!\p{{L}})")


class Currency:
    """Agreement of the currencies of both sides, |∩| / |∪|.

    NaN where a side has neither sign nor code: amounts are often written out ("5 dólares").
    """

    columns = (
        Column(
            "currency",
            "currency_changed",
            "share",
            "Currencies (signs, codes) of both sides, of those of either; null if a side has none.",
            "OpusCleaner currency_mismatch",
            high=1.0,
            limits=Limits(min=0.5),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        out = np.full(batch.rows, nan)
        both = _suspicious(batch.source) & _suspicious(batch.target)
        for row in np.flatnonzero(both).tolist():
            ours, theirs = (_kinds(signs.joined(s, row)) for s in (batch.source, batch.target))
            if ours and theirs:
                out[row] = len(ours & theirs) / len(ours | theirs)
        return [out]


def _kinds(text: str) -> set[str]:
    return {_KINDS[found] for found in _FOUND.findall(text)}


def _suspicious(side: Side) -> NDArray[np.bool_]:
    """Rows with a sign of currency, or with a word that may be a code."""
    out = np.zeros(side.rows, np.bool_)
    out[side.row_of[side.texts_at(signs.places(side, SIGNS))]] = True
    words = side.words
    out[words.row[_codes().take(_slots(words.key))]] = True
    return out


@cache
def _codes() -> NDArray[np.bool_]:
    """Which slots codes of currencies fall in."""
    table = np.zeros(1 << 16, np.bool_)
    for code in filter(str.isalpha, _KINDS):
        letters = np.array(list(map(ord, code)), np.uint32)
        key = keys_of(letters, np.array([0]), np.array([len(code)]))
        table[_slots(key)] = True
    return table


def _slots(keys: NDArray[np.uint64]) -> Ints:
    return (keys >> np.uint64(48)).astype(np.int64)


SCORERS = (Currency(),)
