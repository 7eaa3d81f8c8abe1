"""Effects: how many rows each rule fails, alone and with the others, in one scan of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe.deciding import sql
from xltpipe.quality.column import Limits

if TYPE_CHECKING:
    import duckdb

    from xltpipe.deciding.rules import Decision


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one language and split: `rows` = `kept` + `rejected` + `quarantined`.

    `before` are those that the run itself kept; of these rules `gained` are kept now and were
    not, `lost` were kept and are not.
    """

    lang: str
    split: str
    rows: int
    kept: int
    rejected: int
    quarantined: int
    before: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """Rows of one language and split that a rule fails, and those that no other rule fails."""

    column: str
    lang: str
    split: str
    fails: int
    only: int


@dataclass(frozen=True, slots=True)
class Effects:
    """What rules do to a run; `unscored` are rules whose scores no row of the run has."""

    limits: dict[str, Limits]
    parts: list[Part]
    rules: list[RuleEffect]
    unscored: list[str]

    def of(self, column: str) -> tuple[int, int]:
        """Rows of all languages and splits that a rule fails, and that only it fails."""
        found = [e for e in self.rules if e.column == column]
        return sum(e.fails for e in found), sum(e.only for e in found)

    @property
    def changed(self) -> bool:
        """Whether any row is decided otherwise than in the run."""
        return any(p.gained or p.lost for p in self.parts)


def effects(connection: duckdb.DuckDBPyConnection, run: str, decided: Decision) -> Effects:
    """Count what these rules do to a run's rows; rows in error stay in quarantine."""
    found = sql.expressions(connection, decided.model)
    limits = decided.rules.limits()
    here = {name: rule for name, rule in limits.items() if name in found}
    tests = [sql.fails(found[name], rule) for name, rule in here.items()]
    flags = [f"{test} AS f{n}" for n, test in enumerate(tests)]
    flags += [f"({found[name]}) IS NOT NULL AS s{n}" for n, name in enumerate(here)]
    failed = " + ".join(f"f{n}::INTEGER" for n in range(len(tests))) or "0"
    per_rule = [
        f"count(*) FILTER (sound AND f{n}), "
        f"count(*) FILTER (sound AND f{n} AND failed = 1), count(*) FILTER (s{n})"
        for n in range(len(tests))
    ]
    numbers = [
        "count(*)",
        "count(*) FILTER (sound AND failed = 0)",
        "count(*) FILTER (sound AND failed > 0)",
        "count(*) FILTER (NOT sound)",
        "count(*) FILTER (sound AND kept)",
        "count(*) FILTER (sound AND failed = 0 AND NOT kept)",
        "count(*) FILTER (sound AND failed > 0 AND kept)",
        *per_rule,
    ]
    # no name of a user stands in it, and scores are quoted
    rows = connection.execute(
        f"""SELECT lang, split, {", ".join(numbers)}
        FROM (SELECT *, {failed} AS failed
              FROM (SELECT {
            ", ".join(["lang", "split", "error IS NULL AS sound", "reason IS NULL AS kept", *flags])
        }
                    FROM units WHERE run = $1))
        GROUP BY lang, split ORDER BY lang, split""",  # noqa: S608
        [run],
    ).fetchall()
    scored = {name for n, name in enumerate(here) if any(row[11 + 3 * n] for row in rows)}
    return Effects(
        {name: rule for name, rule in here.items() if name in scored},
        [Part(*row[:9]) for row in rows],
        [
            RuleEffect(name, *row[:2], *row[9 + 3 * n : 11 + 3 * n])
            for row in rows
            for n, name in enumerate(here)
            if name in scored
        ],
        [name for name in limits if name not in scored],
    )
