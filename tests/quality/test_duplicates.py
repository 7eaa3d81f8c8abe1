"""Equal and nearly equal rows of several scripts, and which of them stays."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from xltpipe import tables
from xltpipe.quality.batch import Batch
from xltpipe.quality.duplicates import COLUMNS, GROUPS, By, Duplicates, find
from xltpipe.quality.duplicates_choice import CHOICES, STANDING, choose
from xltpipe.quality.duplicates_search import connected
from xltpipe.quality.duplicates_shingles import band_rows, bands, sides, signatures, text_keys
from xltpipe.types import Example, Unit

EXACT = Duplicates(near=False)

PAIRS = [
    # rows 0, 3 and 5 are equal; 1 and 6 nearly; 2 and 7 are equal on the source side only
    ("The ferry to the island leaves at nine.", "El ferry a la isla sale a las nueve."),
    (
        "Farmers in the north of the country are waiting for the first rain of the year.",
        "Los agricultores del norte del país esperan la primera lluvia del año.",
    ),
    ("Good morning!", "¡Buenos días!"),
    ("The ferry to  the island leaves at nine. ", "El ferry a la isla sale a las nueve."),
    ("我哥哥在一家小餐馆里做厨师。", "Mi hermano es cocinero en un pequeño restaurante."),
    ("The ferry to the island leaves at nine.", "El\u00a0ferry a la isla sale\na las nueve."),
    (
        "farmers in the north of the country are waiting for the first rain of the year",
        "Los agricultores del norte del país esperan la primera lluvia de año.",
    ),
    ("Good morning!", "Muy buenas."),
    ("हमारे गाँव में एक नया स्कूल बना है।", "Hay una escuela nueva en nuestro pueblo."),
]


def units(pairs: Sequence[tuple[str, str]]) -> list[Unit]:
    return [
        Unit(Example(str(i), "eng", (a,)), Example(str(i), "spa", (b,)), (a,))
        for i, (a, b) in enumerate(pairs)
    ]


def shards(rows: Sequence[Unit], *sizes: int) -> Iterator[tuple[int, pa.Table]]:
    """The rows in shards of these sizes, the last of what is left."""
    at = 0
    for number, size in enumerate([*sizes, len(rows) - sum(sizes)]):
        yield number, tables.units_to_table(rows[at : at + size])
        at += size


def found(
    pairs: Sequence[tuple[str, str]], settings: Duplicates, scratch: Path
) -> list[tuple[str, list[int]]]:
    """Kind and rows of each group."""
    groups = find(shards(units(pairs)), settings, scratch)
    out: dict[tuple[str, int], list[int]] = {}
    for row in groups.to_pylist():
        out.setdefault((row["kind"], row["group"]), []).append(row["row"])
    return [(kind, rows) for (kind, _), rows in out.items()]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("pair", [("exact", [0, 3, 5]), ("near", [1, 6])]),
        ("source", [("exact", [0, 3, 5]), ("exact", [2, 7]), ("near", [1, 6])]),
        ("target", [("exact", [0, 3, 5]), ("near", [1, 6])]),
    ],
)
def test_groups(by: By, expected: list[tuple[str, list[int]]], tmp_path: Path) -> None:
    assert found(PAIRS, Duplicates(by=by), tmp_path) == expected
    only_exact = [group for group in expected if group[0] == "exact"]
    assert found(PAIRS, Duplicates(by=by, near=False), tmp_path) == only_exact


def test_words_as_shingles(tmp_path: Path) -> None:
    settings = Duplicates(shingle="words", size=3, threshold=0.7)
    assert ("near", [1, 6]) in found(PAIRS, settings, tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana canta", "Ana  canta ", True),
        ("café", "cafe\u0301", True),  # composed or not
        ("Ana canta", "ana canta", False),  # another case is another text
        ("Ana canta", "Ana canta.", False),
        ("王芳 在", "王芳\u3000在", True),
        ("王芳在", "王芳 在", False),
        ("a\x00b", "ab", False),
    ],
)
def test_equal(one: str, other: str, same: bool) -> None:  # noqa: FBT001
    keys = text_keys(sides(Batch.of(units([(one, "x"), (other, "x")])), "pair"))
    assert (keys[0] == keys[1]) == same


def test_texts_do_not_run_into_each_other(tmp_path: Path) -> None:
    def row(source: tuple[str, ...], target: tuple[str, ...]) -> Unit:
        return Unit(Example("1", "eng", source), Example("1", "spa", target))

    rows = [row(("a b",), ("c",)), row(("a",), ("b c",)), row(("a", "b"), ("c",)), row((), ("a",))]
    rows += [row(("a", "b"), ("c",)), row(("a",), ())]
    assert [r["row"] for r in find(shards(rows), EXACT, tmp_path).to_pylist()] == [2, 4]


def test_blank_rows_and_rows_in_error_have_no_company(tmp_path: Path) -> None:
    rows = units([("", ""), (" ", "\n"), ("…", "…"), ("!", "!")] + [PAIRS[0]] * 3)
    rows[5] = replace(rows[5], error="DataError: cut")
    groups = find(shards(rows), Duplicates(), tmp_path)
    assert groups.column("row").to_pylist() == [4, 6]
    assert find(iter([]), Duplicates(), tmp_path).schema == GROUPS
    none = find(shards([]), Duplicates(), tmp_path)
    assert none.num_rows == 0
    assert choose(none, [], Duplicates()).schema == CHOICES


def test_groups_do_not_depend_on_the_cut(tmp_path: Path) -> None:
    rows = units(many(600))
    reference = None
    for sizes in [(), (1,), (300,), (7, 200, 0, 100)]:
        groups = find(shards(rows, *sizes), Duplicates(), tmp_path)
        first = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        where = first[groups.column("shard").to_numpy()] + groups.column("row").to_numpy()
        told = (where.tolist(), groups.drop_columns(["shard", "row"]))
        reference = reference or told
        assert told[0] == reference[0]
        assert told[1].equals(reference[1])
    assert reference is not None
    assert len(reference[0]) > 100


WORDS = [
    "river",
    "market",
    "teacher",
    "bread",
    "winter",
    "letter",
    "window",
    "harbour",
    "village",
    "garden",
    "morning",
    "bridge",
    "doctor",
    "silver",
    "mountain",
    "kitchen",
    "station",
    "island",
    "summer",
    "paper",
]


def many(count: int, seed: int = 3) -> list[tuple[str, str]]:
    """Random rows; of every ten one is a copy and one is changed in a letter."""
    draw = random.Random(seed)
    out: list[tuple[str, str]] = []
    for k in range(count):
        source = " ".join(draw.choices(WORDS, k=14))
        target = " ".join(draw.choices(WORDS, k=14))[::-1]
        if k % 10 == 8:
            source, target = out[draw.randrange(k)]
        elif k % 10 == 9:
            source, target = out[k - 5][0] + "s", out[k - 5][1]
        out.append((source, target))
    return out


def test_near_rows_are_found_and_others_are_not(tmp_path: Path) -> None:
    pairs = many(1000)
    groups = find(shards(units(pairs)), Duplicates(), tmp_path).to_pylist()
    near: dict[int, set[int]] = {}
    for row in groups:
        if row["kind"] == "near":
            near.setdefault(row["group"], set()).add(row["row"])
            assert row["similarity"] >= 0.8
    changed = [k for k in range(1000) if k % 10 == 9]
    caught = [k for k in changed if any({k, k - 5} <= rows for rows in near.values())]
    assert len(caught) == len(changed)
    # whoever is near is a changed one, what it was changed from, or a copy of either
    known = {text for k in changed for text in (pairs[k], pairs[k - 5])}
    assert all(pairs[row] in known for rows in near.values() for row in rows)


def test_estimates_are_near_the_jaccard_similarity() -> None:
    pairs = [(text, "") for text, _ in many(60)]
    turned = [
        (" ".join([*a.split()[5:], *b.split()[:5]]), "") for (a, _), (b, _) in pairwise(pairs)
    ]
    both = [*pairs[:-1], *turned]
    numbers, known = signatures(sides(Batch.of(units(both)), "source"), Duplicates())
    assert known.all()
    told, true = [], []
    for k in range(len(turned)):
        one, other = (
            {text[i : i + 5] for i in range(len(text) - 4)}
            for text in (both[k][0], both[k + len(turned)][0])
        )
        true.append(len(one & other) / len(one | other))
        told.append((numbers[k] == numbers[k + len(turned)]).mean())
    assert min(true) < 0.5 < 0.6 < max(true)
    assert np.abs(np.array(told) - true).max() < 0.18  # 4 standard deviations of 128 draws
    assert abs(np.mean(np.array(told) - true)) < 0.03


def test_a_small_memory_suffices(tmp_path: Path) -> None:
    rows = units(many(4000))
    small = find(shards(rows), Duplicates(memory_mb=64), tmp_path)
    assert small.equals(find(shards(rows), Duplicates(memory_mb=1024), tmp_path))
    assert Duplicates(memory_mb=64).identity() == Duplicates().identity()


def test_a_text_of_a_megabyte(tmp_path: Path) -> None:
    long = "The ferry leaves at nine. " * 40_000
    pairs = [(long, "x"), PAIRS[0], (long + " ", "x"), ("\x00\x1b", "\x00"), PAIRS[0]]
    assert found(pairs, Duplicates(), tmp_path) == [("exact", [0, 2]), ("exact", [1, 4])]


def test_bands() -> None:
    assert [band_rows(t) for t in (0.3, 0.5, 0.6, 0.8, 0.95, 1.0)] == [2, 2, 4, 8, 16, 16]
    marks = np.array([range(128), range(128), range(1, 129)], np.uint16)
    for rows in (2, 4, 8, 16):
        keys = bands(marks, rows)
        assert keys.shape == (3, 128 // rows)
        assert (keys[0] == keys[1]).all()
        assert not (keys[0] == keys[2]).any()


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_connected(edges: list[tuple[int, int]]) -> None:
    sets = {k: {k} for edge in edges for k in edge}
    for a, b in edges:
        merged = sets[a] | sets[b]
        for k in merged:
            sets[k] = merged
    one, other = (np.array([e[k] for e in edges], np.int64) for k in (0, 1))
    members, root = connected(one, other)
    assert dict(zip(members.tolist(), root.tolist(), strict=True)) == {
        k: min(own) for k, own in sets.items()
    }


def standing(*rows: tuple[int, int, bool, float | None, float | None, float | None]) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.Table.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, STANDING, strict=True)], schema=STANDING
    )


def exact_group(*rows: tuple[int, int]) -> pa.Table:
    lines = [
        {"shard": s, "row": r, "group": 0, "kind": "exact", "similarity": 1.0, "signature": None}
        for s, r in rows
    ]
    return pa.Table.from_pylist(lines, schema=GROUPS)


@pytest.mark.parametrize(
    ("rows", "stays"),
    [
        # passes, spans placed, log-probability, length
        ([(True, 1, -0.5, 10), (True, 1, -0.5, 10)], 0),
        ([(False, 1, -0.1, 10), (True, 0, -0.9, 5)], 1),
        ([(False, 0.5, -0.1, 10), (False, 1, -0.9, 5)], 1),
        ([(True, 1, -0.5, 10), (True, 1, -0.4, 5)], 1),
        ([(True, 1, None, 10), (True, 1, -9.0, 5)], 1),
        ([(True, 1, float("nan"), 10), (True, 1, -9.0, 5)], 1),
        ([(True, 1, None, 10), (True, 1, None, 11)], 1),
        ([(True, None, None, None), (True, None, None, None)], 0),
    ],
)
def test_the_best_row_stays(
    rows: list[tuple[bool, float | None, float | None, float | None]], stays: int
) -> None:
    groups = exact_group((0, 4), (2, 1))
    tables_ = [standing((0, 4, *rows[0]), (0, 5, True, 9, 0.0, 99)), standing((2, 1, *rows[1]))]
    for order in (tables_, tables_[::-1]):
        chosen = choose(groups, order, EXACT).to_pylist()
        assert [row["duplicate"] for row in chosen] == [float(stays != 0), float(stays != 1)]
        kept = [(0, 4), (2, 1)][stays]
        assert all((row["kept_shard"], row["kept_row"]) == kept for row in chosen)
        assert [row["near_duplicate"] for row in chosen] == [0.0, 0.0]


def test_rows_that_are_not_told_of_are_an_error() -> None:
    with pytest.raises(ValueError, match="each row of the groups once"):
        choose(exact_group((0, 4), (2, 1)), [standing((0, 4, True, 1, None, 1))], EXACT)


def level(count: int, *bad: int) -> pa.Table:
    return standing(*((0, k, k not in bad, 1.0, None, 1.0) for k in range(count)))


def test_equal_and_near_rows_together(tmp_path: Path) -> None:
    near = (PAIRS[1][0].replace("first", "next"), PAIRS[1][1])
    pairs = [PAIRS[1], near, PAIRS[1], PAIRS[0], near]
    groups = find(shards(units(pairs)), Duplicates(), tmp_path)
    chosen = choose(groups, [level(5)], Duplicates()).to_pylist()
    assert [(r["row"], r["duplicate"], r["kept_row"]) for r in chosen] == [
        (0, 0.0, 0),
        (1, 0.0, 0),
        (2, 1.0, 0),
        (4, 1.0, 1),
    ]
    alike = [r["near_duplicate"] for r in chosen]
    assert alike[0] == alike[2] == 0.0  # a copy stands beside the row that it equals
    assert 0.8 <= alike[1] == alike[3] < 1.0
    # other rules decide otherwise, on the same groups
    chosen = choose(groups, [level(5, 0, 2)], Duplicates()).to_pylist()
    assert [(r["row"], r["duplicate"], r["kept_row"]) for r in chosen] == [
        (0, 0.0, 1),
        (1, 0.0, 1),
        (2, 1.0, 0),
        (4, 1.0, 1),
    ]


def test_a_chain_does_not_take_along_what_lies_far_apart(tmp_path: Path) -> None:
    words = [f"{WORDS[k]}{WORDS[-k]}" for k in range(20)]
    # each row has two words other than the row before
    chain = [
        " ".join(["x" * 3 * (j + 1) if j < 2 * k else w for j, w in enumerate(words)])
        for k in range(6)
    ]
    groups = find(
        shards(units([(text, "x") for text in chain])),
        Duplicates(by="source", threshold=0.7),
        tmp_path,
    )
    assert groups.column("row").to_pylist() == list(range(6))
    assert set(groups.column("group").to_pylist()) == {0}
    alike = groups.column("similarity").to_pylist()
    assert alike[0] == 1.0
    assert alike[5] < 0.7
    chosen = choose(groups, [level(6)], Duplicates(threshold=0.7)).to_pylist()
    stay = [row["row"] for row in chosen if row["near_duplicate"] < 0.7]
    assert stay[0] == 0
    assert 2 <= len(stay) < 6
    assert all(row["kept_row"] in stay for row in chosen)


@pytest.mark.parametrize(
    "settings", [{"by": "both"}, {"threshold": 0.1}, {"threshold": 1.1}, {"size": 0}, {"fuzzy": 1}]
)
def test_wrong_settings(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Duplicates.model_validate(settings)


def test_columns() -> None:
    assert [c.name for c in COLUMNS] == ["label_conflict", "duplicate", "near_duplicate"]
    assert COLUMNS[1].limits is not None
    assert COLUMNS[1].limits.fails(np.array([0.0, 1.0])).tolist() == [False, True]
    assert COLUMNS[0].limits is COLUMNS[2].limits is None
