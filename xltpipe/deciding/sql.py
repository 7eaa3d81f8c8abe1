"""SQL over the catalogue's `units`: scores by name, a rule's failure, a combined model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xltpipe.quality.column import Limits
from xltpipe.quality.combination import COLUMN, Model

if TYPE_CHECKING:
    import duckdb

Expressions = dict[str, str]
"""SQL of each score's value, NULL where it has no meaning."""


def expressions(connection: duckdb.DuckDBPyConnection, model: Model | None) -> Expressions:
    """The scores that rows may have, in the order they were stored; `combined` by a model.

    Files of other runs may hold further columns: these are NULL here.
    """
    described = connection.execute("SELECT scores FROM units LIMIT 0").description or []
    found = {str(name): score(str(name)) for name, _ in described[0][1].children}
    if model is not None and all(name in found for name in model.columns):
        found[COLUMN.name] = combined(model, found)
    return found


def score(name: str) -> str:
    """One score of a row."""
    quoted = name.replace('"', '""')
    return f'scores."{quoted}"'


def fails(value: str, limits: Limits) -> str:
    """Whether a row's score lies outside; false where it has none."""
    sides = []
    if limits.min is not None:
        sides.append(f"{value} < {number(limits.min)}")
    if limits.max is not None:
        sides.append(f"{value} > {number(limits.max)}")
    return f"coalesce({' OR '.join(sides) or 'false'}, false)"


def combined(model: Model, found: Expressions) -> str:
    """The model's probability, as `Model.combined` computes it."""
    total, absent = number(model.intercept), []
    most = number(model.most)
    for term in model.terms:
        value = found[term.column]
        away = f"(({value} - {number(term.center)}) / {number(term.scale)})"
        total += (
            f" + CASE WHEN {value} IS NULL THEN {number(term.missing)} "
            f"ELSE {number(term.below)} * least(greatest(-{away}, 0), {most}) "
            f"+ {number(term.above)} * least(greatest({away}, 0), {most}) END"
        )
        absent.append(f"{value} IS NULL")
    # exp overflows to an error beyond 709
    return (
        f"CASE WHEN {' AND '.join(absent)} THEN NULL "
        f"ELSE 1 / (1 + exp(least(greatest(-({total}), -700), 700))) END"
    )


def number(value: float) -> str:
    return f"({value!r}::DOUBLE)"
