"""`xltpipe quality`: what is scored, what rules would drop, and thresholds worth a try."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from xltpipe.cli import OK, Store_, shelf_of
from xltpipe.errors import RecipeError

if TYPE_CHECKING:
    import duckdb

    from xltpipe.quality.column import Limits
    from xltpipe.reporting.run import Run
    from xltpipe.store import Store

app = App(name="quality", help="See scores, preview rules, and choose thresholds.")

Rate = Annotated[float, Parameter(validator=Number(gte=0, lt=1))]


@app.command
def scorers() -> int:
    """List every score: what it says, its unit and range, its rule, and where it comes from."""
    from xltpipe.cli import quality_tables

    quality_tables.scorers()
    return OK


@app.command
def preview(
    run: str,
    *,
    recipe: Path | None = None,
    changes: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    rows: Annotated[int, Parameter(validator=Number(gte=0))] = 2,
    store: Store_ = None,
) -> int:
    """Show what rules drop, each alone and all together, and the rows at their borders.

    Counts stored scores: nothing is scored again, and nothing is changed. Without options it
    shows the run's own rules. Of equal rows the one that the run chose is taken to stay; a run
    with other rules may choose another.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    recipe
        Look at the rules of this recipe instead.
    changes
        Change a rule: length_ratio.max=2.5, length_ratio.max=off, length_ratio=false. May be
        given several times.
    rows
        Show so many rows on each side of each threshold.
    """
    from xltpipe.catalogue import connect
    from xltpipe.cli import quality_tables
    from xltpipe.deciding import decision, effects
    from xltpipe.deciding.border import border
    from xltpipe.recipe_file import load
    from xltpipe.reporting.run import find

    other = None if recipe is None else load(recipe)
    with connect(shelf_of(store)) as connection:
        found = find(connection, run)
        decided = decision(found, other, changes)
        counted = effects(connection, found.id, decided)
        quality_tables.effects(found.id, counted)
        failing = {name for name in counted.limits if counted.of(name)[0]}
        quality_tables.border(border(connection, found.id, decided, rows, failing))
    return OK


@app.command
def suggest(
    run: str,
    *,
    method: Literal["percentile", "learned"] | None = None,
    percentile: float = 1.0,
    labelled: Path | None = None,
    false_alarms: Rate = 0.02,
    seed: int = 1,
    write: Path | None = None,
    store: Store_ = None,
) -> int:
    """Suggest thresholds, show what they would drop, and write a block to paste into a recipe.

    A recipe is never changed. What is suggested follows from this run's rows: look at the border
    with `xltpipe quality preview RUN --set …` before you use it.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    method
        percentile: each threshold drops this share of the rows. learned: one probability from all
        scores, by logistic regression; needs pip install "xltpipe[suggest]". Without a method,
        learned if rows are labelled, else percentile.
    percentile
        Per cent of the rows beyond each threshold.
    labelled
        Learn from these rows: JSONL with id, ok (true or false) and, if need be, lang. Without
        it, from the run's kept rows, spoilt on purpose.
    false_alarms
        Share of good rows that a learned threshold may drop.
    seed
        Of faults made on purpose, and of the parting of rows.
    write
        Write the block to this TOML file, and a learned model to a JSON file beside it, without
        which a learned block is of no use. Nothing else is written.
    """
    from xltpipe.catalogue import connect
    from xltpipe.cli import destination
    from xltpipe.reporting.run import find

    chosen = method or ("learned" if labelled else "percentile")
    if labelled and chosen == "percentile":
        raise RecipeError("Labelled rows must be for --method learned, was: percentile")
    if write is not None:
        if write.suffix != ".toml":
            raise RecipeError(f"File to write must end in .toml, was: {write}")
        destination.check(write)
    shelf = shelf_of(store)
    with connect(shelf) as connection:
        found = find(connection, run)
        if chosen == "percentile":
            _percentile(connection, found, percentile, write)
        else:
            _learned(connection, shelf, found, labelled, false_alarms, seed, write)
    return OK


def _percentile(
    connection: duckdb.DuckDBPyConnection, run: Run, percent: float, write: Path | None
) -> None:
    from xltpipe.cli import quality_tables, render
    from xltpipe.deciding import Decision, decision, effects
    from xltpipe.deciding.block import block
    from xltpipe.deciding.percentile import loosest, percentiles
    from xltpipe.deciding.rules import replaced

    own = decision(run).rules
    thresholds = percentiles(connection, run.id, percent, own.limits())
    if not thresholds:
        now = effects(connection, run.id, Decision(own))
        if now.parts:
            render.console.print(f"no threshold drops any row at {percent:g} %")
        else:
            quality_tables.effects(run.id, now)  # it says that there are no rows
        return
    rules = loosest(thresholds)
    decided = Decision(replaced(own, rules))
    counted = effects(connection, run.id, decided)
    quality_tables.thresholds(thresholds, own.limits())
    quality_tables.effects(run.id, counted, only=set(rules))
    notes = {name: f"drops {counted.of(name)[0]} rows" for name in rules}
    title = f"xltpipe quality suggest {run.id} --percentile {percent:g}"
    _out(block(title, rules, notes), write)


def _learned(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    run: Run,
    labelled: Path | None,
    false_alarms: float,
    seed: int,
    write: Path | None,
) -> None:
    from xltpipe import progress
    from xltpipe.cli import quality_tables, render
    from xltpipe.deciding import Decision, effects
    from xltpipe.deciding.block import block
    from xltpipe.deciding.rules import decision, replaced
    from xltpipe.deciding.suggestion import learnt
    from xltpipe.quality.column import Limits
    from xltpipe.quality.combination import COLUMN
    from xltpipe.quality.combination import write as write_model

    found = learnt(connection, store, run, labelled, seed=seed, false_alarms=false_alarms)
    rules: dict[str, Limits] = {COLUMN.name: Limits(min=found.model.threshold)}
    decided = Decision(replaced(decision(run).rules, rules), found.model)
    counted = effects(connection, run.id, decided)
    quality_tables.learnt(found)
    quality_tables.effects(run.id, counted, only=set(rules))
    file = None if write is None else write.with_suffix(".json")
    notes = {COLUMN.name: f"drops {counted.of(COLUMN.name)[0]} rows"}
    title = f"xltpipe quality suggest {run.id} --method learned --seed {seed}"
    name = file.name if file else "FILE.json"
    text = block(title, rules, notes, name, written=file is not None)
    if file is not None:
        write_model(found.model, file)
    _out(text, write)
    told = f"wrote {file}" if file else _UNWRITTEN
    render.console.print(told, markup=False, soft_wrap=True)
    for note in progress.notes:
        render.console.print(f"note: {note}", markup=False, soft_wrap=True)


_UNWRITTEN = (
    "note: nothing was written, and the block cannot be used without its model; the same command "
    "with --write FILE.toml writes both, the model to FILE.json"
)


def _out(text: str, write: Path | None) -> None:
    from xltpipe.cli.render import console
    from xltpipe.durable import write_whole

    console.print()
    console.print(text, markup=False, soft_wrap=True, end="")
    if write is not None:
        write_whole(write, text)
        console.print(f"wrote {write}", markup=False, soft_wrap=True)
