"""`xltpipe report`: the numbers, and the page in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isclose, log2
from pathlib import Path

import pytest

from tests.chromium import Tab, chromium, in_browser
from tests.report_shelf import EVIL, HOSTILE, LABEL, RUN, rows, scores, shelve
from tests.toy_recipe import RULES, toy_recipe
from tests.toy_run import run
from tests.toy_shelf import row
from xltpipe.catalogue import connect
from xltpipe.cli import OK, WRONG, _main
from xltpipe.quality.column import Limits
from xltpipe.reporting import charts, summary
from xltpipe.reporting.artefacts import artefacts, record
from xltpipe.reporting.counts import Took, took
from xltpipe.reporting.findings import Findings, findings
from xltpipe.reporting.funnel import Part
from xltpipe.reporting.labels import Labels, Survival
from xltpipe.reporting.page import page
from xltpipe.reporting.rows import TEXT, sample
from xltpipe.reporting.scores import BINS, distributions
from xltpipe.store import Store


def find(store: Store, size: int = 100, seed: int = 0) -> Findings:
    with connect(store) as connection:
        return findings(store, connection, RUN, size, seed)


def ones(rows: int) -> dict[str, list[float]]:
    return {"length_ratio": [1.0] * rows}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return shelve(tmp_path_factory.mktemp("report"), rows(), scores())


@pytest.fixture(scope="module")
def found(store: Store) -> Findings:
    return find(store)


@pytest.fixture(scope="module")
def written(found: Findings) -> str:
    return page(found)


def test_the_funnel_adds_up(found: Findings) -> None:
    (part,) = found.essentials.parts
    assert dict(part.stages) == {
        "read": 8, "translate": 8, "project": 8, "judge": 8, "materialise": 5
    }  # fmt: skip
    assert (part.read, part.kept, part.rejected, part.quarantined) == (8, 5, 2, 1)
    assert (part.missing, part.astray, found.essentials.sound) == (0, 0, True)


@pytest.mark.parametrize(
    ("state", "told", "css"),
    [
        ("completed", "11 read ≠ 5 kept + 2 rejected + 1 quarantined: 3 rows not acc", "sum wrong"),
        ("failed", "11 read = 5 kept + 2 rejected + 1 quarantined + 3 not reached", "sum open"),
    ],
)
def test_rows_that_vanished_are_red_and_rows_not_reached_are_not(
    tmp_path: Path, state: str, told: str, css: str
) -> None:
    one = find(shelve(tmp_path, rows(), scores(), lost=3, state=state))
    assert [part.missing for part in one.essentials.parts] == [3]
    text = re.sub("</?b>", "", page(one))
    assert told in text
    assert f'class="{css}"' in text
    assert "rows not accounted for" in summary.markdown(one.essentials)


def test_a_damaged_file_is_seen(tmp_path: Path) -> None:
    store = shelve(tmp_path, rows(), scores())
    file = next((store.root / "judge").glob("??/*/part-00000.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    from xltpipe.catalogue import refresh

    refresh(store)
    one = find(store)
    assert [part.missing for part in one.essentials.parts] == [4]
    assert 'class="sum wrong"' in page(one)


def test_a_kept_row_that_is_not_in_the_corpus_is_seen() -> None:
    part = Part("spa", "train", {"read": 3, "materialise": 1}, 3, 2, 1)
    assert (part.missing, part.astray) == (0, 1)
    assert Part("spa", "train", {"read": 3}, 3, 2, 1).astray == 0  # no corpus yet
    back = Part("spa", "back", {"translate": 3}, 3, 2, 1)  # kept rows of "train" on their way back
    assert (back.read, back.missing) == (3, 0)
    again = Part("spa", "train", {"read": 5, "materialise": 4}, 3, 2, 1, repeated=2)
    assert (again.missing, again.astray) == (0, 0)


def test_reasons_count_rows_of_all_rules(found: Findings) -> None:
    counted = {r.name: (r.rows, r.first, r.alone) for r in found.essentials.reasons}
    assert counted == {"length_ratio": (2, 1, 1), "span_lost": (1, 1, 0)}
    (fault,) = found.essentials.faults
    assert (fault.kind, fault.rows) == ("translate: RuntimeError", 1)
    assert fault.texts == (f"translate: RuntimeError: boom {EVIL}",)


def test_scores_are_counted_where_they_lie(found: Findings) -> None:
    by = {one.name: one for one in found.scores}
    assert list(by) == ["spans_placed", "length_ratio", "truncated", "brand_new"]  # not `never`
    ratio = by["length_ratio"]
    assert (ratio.rows, ratio.without, ratio.least, ratio.most) == (7, 1, 0.7, 4.5)
    assert (ratio.median, ratio.outside) == (1.0, 2)
    assert sum(b.kept for b in ratio.bins) == 5
    assert sum(b.dropped for b in ratio.bins) == 2
    assert by["truncated"].bins[0].kept == 5
    assert by["brand_new"].outside == 0


def test_a_far_value_does_not_flatten_the_picture(tmp_path: Path) -> None:
    many = [row(f"n{n}", ("It rains",), ("Llueve",)) for n in range(400)]
    values = [n / 100 for n in range(399)] + [1e9]
    values[7], values[9] = float("inf"), float("nan")
    store = shelve(tmp_path, many, {"length_ratio": values})
    with connect(store) as connection:
        (one,) = distributions(connection, RUN, {"length_ratio": Limits(max=3.5)})
    assert (one.most, one.above, one.below) == (1e9, 1, 0)
    assert (one.rows, one.without, one.outside) == (398, 2, 50)
    assert len(one.bins) == BINS
    assert 3.98 <= one.bins[-1].high < 8
    assert sum(b.kept for b in one.bins) == 397
    assert 1.95 < one.median < 2.05


def test_a_value_that_nearly_all_rows_have_does_not_fill_the_picture(tmp_path: Path) -> None:
    many = [row(f"n{n}", ("It rains",), ("Llueve",)) for n in range(400)]
    store = shelve(tmp_path, many, {"loops": [0.0] * 399 + [1.0]})
    with connect(store) as connection:
        (one,) = distributions(connection, RUN, {})
    assert (one.below, one.above, one.median) == (0, 0, 0.0)
    assert (one.bins[0].kept, one.bins[-1].kept, one.bins[-1].high) == (399, 1, 1.0)


def test_labels_survive_or_not(found: Findings) -> None:
    (one,) = found.labels
    told = {s.label: (s.source, s.placed, s.lost.total(), s.kept) for s in one.found}
    # the quarantined row's span has a placement in this shelf: lost, for span_lost
    assert told == {"PER": (6, 4, 2, 4), "LOC": (4, 4, 0, 3), LABEL: (1, 1, 0, 1)}


def test_drift_is_measured_as_the_page_says() -> None:
    moved = Labels("spa", "train", "spans", (Survival("A", 3, kept=1), Survival("B", 1, kept=1)))
    assert dict(moved.drift.shares) == {"A": (0.75, 0.5), "B": (0.25, 0.5)}
    assert moved.drift.total_variation == 0.25
    p, q, m = (0.75, 0.25), (0.5, 0.5), (0.625, 0.375)
    wanted = sum(a * log2(a / c) + b * log2(b / c) for a, b, c in zip(p, q, m, strict=True)) / 2
    assert isclose(moved.drift.divergence, wanted)


def test_time_and_counts_are_of_all_that_was_made(found: Findings) -> None:
    by = {one.stage: one for one in found.took}
    assert list(by) == [
        *("read", "translate", "align", "project", "judge", "materialise", "evaluate")
    ]
    assert (by["project"].made, by["project"].reused, by["project"].rows) == (2, 0, 8)
    assert (by["align"].made, by["align"].rows) == (1, 5)  # used by two, made once
    assert {one.what: one.number for one in found.counted} == {
        "thinned": 7, "truncated": 4, "lost:span_lost": 2, "table_faults": 6
    }  # fmt: skip
    assert sum(found.libraries["xltpipe"].values()) == 11


def test_work_done_before_the_run_is_reused(store: Store) -> None:
    made = artefacts(store, record(store, RUN))
    assert {(one.made, one.reused) for one in took(made, "2999") if one.stage == "read"} == {(0, 2)}


def test_every_reason_is_sampled(tmp_path: Path) -> None:
    common = [row(f"k{n}", (f"It rains {n}",), ("Llueve",)) for n in range(200)]
    dull = [row(f"d{n}", (f"No {n}",), ("No",), reasons=("empty",)) for n in range(100)]
    rare = [
        row("rare", ("x",), ("y",), reasons=("empty", "wrong_language")),
        row("odd", ("x",), ("",), error="judge: KeyError: 7"),
    ]
    with connect(shelve(tmp_path, [*common, *dull, *rare], ones(302))) as connection:
        some = sample(connection, RUN, 20, 0)
        assert len(some.rows) == 20
        assert dict(some.totals) == {"kept": 200, "rejected": 101, "quarantined": 1}
        assert {"rare", "odd"} <= {one.source.id for one in some.rows}
        assert some.listed("kept") == 10
        assert some == sample(connection, RUN, 20, 0)
        assert some != sample(connection, RUN, 20, 1)
        assert len(sample(connection, RUN, 1000, 0).rows) == 302
        assert sample(connection, RUN, 0, 0).rows == ()


def test_rows_that_are_alike_do_not_make_it_grow(tmp_path: Path) -> None:
    alike = [row("same", ("It rains",), ("Llueve",)) for _ in range(500)]
    with connect(shelve(tmp_path, alike, ones(500))) as connection:
        some = sample(connection, RUN, 50, 0)
    assert len(some.rows) == 1
    assert some.totals["kept"] == 500


def test_a_huge_text_is_cut_and_that_is_said(tmp_path: Path) -> None:
    huge = "Ana " + "x" * 1_000_000 + " Rome"
    one = row("huge", (huge,), (huge,), [("Ana", "PER", "Ana"), ("Rome", "LOC", "Rome")])
    one = replace(one, reasons=("length_ratio",))
    text = page(find(shelve(tmp_path, [one], ones(1))))
    assert len(text) < 200_000
    assert f"{2 * (len(huge) - TEXT):,} characters and 2 spans of this row are not shown" in text


def test_the_page_tells_everything(written: str) -> None:
    for told in (
        "8 read = 5 kept + 2 rejected + 1 quarantined",
        "All 8 rows are listed: 5 of 5 kept, 2 of 2 rejected, 1 of 1 quarantined",
        "lost <bdi>PER</bdi> “<bdi>Max</bdi>”: span_lost",
        "length_ratio 4.5 &gt; 3",
        "spans_placed 0.5 &lt; 1",
        "texts that met a length limit of the engine</td><td>4",
        "table faults</td><td>6",
        "0.7500",
        "2026-01-01 00:00:00 UTC</time>, 1 min 5 s",
        "run:toy-0a1b2c3d|source:eng|targets:spa",
        "CC0" if "CC0" in written else "not stated",
        "<summary>The whole recipe",
        f"xltpipe {__import__('xltpipe').__version__}",
    ):
        assert told in written, told
    assert "never" not in re.findall(r"<h3>(\w+)", written)


def test_the_page_says_what_it_leaves_out(store: Store) -> None:
    text = page(find(store, size=3))
    assert "3 of 8 rows are listed" in text
    assert "5 are <b>not</b> listed" in text
    assert text.count("<article") == 3


def test_the_page_needs_nothing_from_outside(written: str, found: Findings) -> None:
    assert "default-src 'none'" in written
    assert not re.search(
        r"<link|@import|<img|<iframe|url\(|\bstyle=|\bon\w+=\"(?!document)", written
    )
    addresses = set(re.findall(r"""\b(?:src|href|xmlns)=["']?([^"'>\s]+)""", written))
    assert {a for a in addresses if not a.startswith("#")} <= {"x", "http://www.w3.org/2000/svg"}
    assert written.count("<script>") == written.count("</script>") == 1
    assert EVIL not in written
    assert HOSTILE not in written
    assert LABEL not in written
    assert not re.search(r"[\x00\x1b]", written)
    assert written == page(found)  # the same again, also in the same process


def test_rows_that_are_groups_of_duplicates_make_no_rate() -> None:
    of = {stage: Took("spa", stage, 1, 0, 10, 2.0, 1) for stage in ("judge", "duplicates")}
    assert of["judge"].rate == 5
    assert of["duplicates"].rate is None


def test_an_empty_or_failed_run_has_a_page(tmp_path: Path) -> None:
    one = find(shelve(tmp_path, [], {}, state="failed", value=None))
    text = page(one)
    assert "No row has been scored" in text
    assert "This run scored no tagger" in text
    assert '<span class="pill failed">failed</span>' in text
    assert EVIL not in text
    assert "All 0 rows are listed" in text
    assert '<div class="kept"><dd>0</dd><dt>kept</dt></div>' in text


def test_a_recipe_of_another_version_is_said(store: Store, tmp_path: Path) -> None:
    one = find(store)
    old = replace(one.essentials.run, recipe=None)
    text = page(replace(one, essentials=replace(one.essentials, run=old)))
    assert "cannot read the run's recipe, so limits are not shown" in text


def test_charts_bear_no_ids_and_no_styles(found: Findings) -> None:
    drawn = charts.histogram(found.scores[1], Limits(min=1 / 3, max=3.0))
    assert drawn == charts.histogram(found.scores[1], Limits(min=1 / 3, max=3.0))
    assert not re.search(r"\b(?:id|style|class)=", drawn.replace('class="chart"', ""))
    assert 'role="img" aria-label="length_ratio: 7 rows from 0.7 to 4.5' in drawn
    assert "stroke-dasharray" in drawn
    known = {
        charts.MAIN,
        charts.BAD,
        charts.HELD,
        charts.PALE,
        charts.INK,
        charts.SOFT,
        charts.LINE,
    }
    template = Path(charts.__file__).with_name("report.css").read_text(encoding="utf-8")
    for kind, colour in set(re.findall(r'(fill|stroke)="(#\w+)"', drawn)):
        assert colour in known
        assert f'.chart [{kind}="{colour}"]' in template  # turned where it is dark


def test_markdown_obeys_nothing(found: Findings) -> None:
    text = summary.markdown(found.essentials)
    assert "| Spanish, train | 8 | 5 | 2 | 1 | read = kept + rejected + quarantined |" in text
    assert "0.7500 = `span_f1|" in text
    assert "<script>" not in re.sub(r"`[^`]*`", "", text)
    assert summary.escaped("a|b\n<i>`*_\x00") == r"a\|b \<i\>\`\*\_␀"
    assert [one["reason"] for one in summary.reasons(found.essentials)] == [
        "length_ratio",
        "span_lost",
    ]


def test_the_summary_says_what_stopped_the_run(found: Findings) -> None:
    first = found.essentials
    run = replace(first.run, state="failed", error="DataError: Row must hold, was: <b>")
    text = summary.markdown(replace(first, run=run))
    assert "**Stopped by** DataError: Row must hold, was: \\<b\\>" in text


def test_scores_stand_in_one_row_a_language(found: Findings) -> None:
    def one(lang: str, strategy: str, value: float) -> dict[str, object]:
        return {"lang": lang, "test": "t", "metric": "f1", "strategy": strategy, "value": value}

    results = one("spa", "zero_shot", 0.5), one("spa", "corpus", 0.25), one("fra", "corpus", 1 / 3)
    assert summary.scores(replace(found.essentials, results=results)) == [
        {"language": "French", "test": "t", "metric": "f1", "corpus": 0.3333, "zero_shot": ""},
        {"language": "Spanish", "test": "t", "metric": "f1", "corpus": 0.25, "zero_shot": 0.5},
    ]


def test_a_run_of_the_real_steps_in_two_languages(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, rules=RULES | {"copied": {"max": 0.5}}, targets=["spa", "fra"])
    store = Store(tmp_path / "store")
    run(recipe, store)
    with connect(store) as connection:
        one = findings(store, connection, recipe.run, 100, 0)
    assert [(p.lang, p.read, p.missing, p.astray) for p in one.essentials.parts] == [
        ("fra", 6, 0, 0),
        ("spa", 6, 0, 0),
    ]
    assert {r.name for r in one.essentials.reasons} >= {"untranslated"}
    assert {m.method for m in one.methods} == {"markers:letters"}
    assert {t.stage for t in one.took} >= {
        "read",
        "translate",
        "project",
        "score",
        "judge",
        "train",
    }
    text = page(one)
    assert '<select name="lang">' in text
    assert "French, train" in text
    assert all(row["signature"] in text for row in one.essentials.results)
    assert "not stated" in text  # nobody said under which licence the toy data stand


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], store: Store) -> object:
    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = _main(["report", *arguments, "--store", str(store.root.parent)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def test_the_verb(terminal: object, store: Store, tmp_path: Path) -> None:
    code, said = terminal("toy", "--out", str(tmp_path / "x.html"), "--rows", "4")
    assert code == OK
    assert re.search(r"wrote \S+/x\.html \(\d\.\d\d MB\)", said)
    assert (tmp_path / "x.html").read_text(encoding="utf-8").count("<article") == 4
    assert terminal("toy")[0] == OK
    assert (store.root.parent / "reports" / f"{RUN}.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], r"Run must be one of the catalogue's, was: 'nothing' \(newest: toy-0a1b"),
        (["toy", "--out", "/no/such/folder/x.html"], "File must lie in a folder that is there"),
        (["toy", "--rows", "-1"], "rows"),
    ],
)
def test_wrong_arguments(terminal: object, arguments: list[str], message: str) -> None:
    code, said = terminal(*arguments)
    assert code == WRONG
    assert re.search(message, said)


def test_missing_packages_are_told(terminal: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    code, said = terminal("toy")
    assert code == WRONG
    assert 'pip install "xltpipe[report]"' in said


# In a browser


@dataclass
class Shown:
    tab: Tab
    address: str

    def open(self, fragment: str = "") -> None:
        self.tab.open(self.address + fragment)

    @property
    def ids(self) -> list[str]:
        """The ids of the rows that are shown."""
        shown = "[...document.querySelectorAll('.row:not([hidden]) .of bdi')]"
        return list(self.tab.ask(f"{shown}.map((id) => id.textContent)"))

    @property
    def count(self) -> str:
        return str(self.tab.ask("document.getElementById('count').textContent"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with chromium(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.fixture(scope="module")
def shown(browser: Tab, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    more = [row(f"m{n}", (f"Row number {n}",), (f"Fila {n}",)) for n in range(40)]
    given = {name: [*values, *[1.0] * 40] for name, values in scores().items()}
    home = tmp_path_factory.mktemp("shown")
    file = home / "report.html"
    file.write_text(page(find(shelve(home, [*rows(), *more], given))), encoding="utf-8")
    return Shown(browser, file.as_uri())


@in_browser
def test_it_opens_from_disk_and_asks_for_nothing(shown: Shown) -> None:
    shown.open()
    assert shown.tab.requests == [shown.address]
    assert shown.tab.faults == []
    assert shown.tab.ask("document.title") == f"{RUN}: report"
    assert shown.count == "48 of 48 listed rows"
    assert len(shown.ids) == 20
    assert shown.tab.ask("document.querySelectorAll('img, b, i').length") == shown.tab.ask(
        "document.querySelectorAll('.sum b, .under b, td b, td i, th i, p i, p b').length"
    )


@in_browser
def test_the_search_searches(shown: Shown) -> None:
    shown.open()
    shown.tab.type("input[type=search]", "NUMBER 17")
    assert shown.ids == ["m17"]
    assert shown.count == "1 of 48 listed rows"
    assert shown.tab.ask("location.hash") == "#rows?q=NUMBER+17"
    shown.tab.press("button[type=reset]")
    time.sleep(0.05)
    assert shown.count == "48 of 48 listed rows"
    shown.tab.type("input[type=search]", "القاهرة")
    assert shown.ids == ["rtl"]
    shown.tab.press("button[type=reset]")
    time.sleep(0.05)
    shown.tab.type("input[type=search]", "Ana lives")  # the label behind Ana is not in between
    assert len(shown.ids) == 1


@in_browser
def test_the_filters_filter(shown: Shown) -> None:
    shown.open()
    shown.tab.choose("state", "rejected")
    assert set(shown.ids) == {"lost", "long"}
    shown.tab.choose("reason", "span_lost")
    assert shown.ids == ["lost"]
    shown.tab.choose("state", "")
    shown.tab.choose("reason", "translate: RuntimeError")
    assert shown.ids == ["bad"]
    shown.tab.choose("reason", "")
    shown.tab.choose("label", LABEL)
    assert shown.ids == ["k2"]


@in_browser
def test_pages_turn(shown: Shown) -> None:
    shown.open()
    first, page_of = shown.ids, "document.getElementById('page').textContent"
    assert shown.tab.ask(page_of) == "page 1 of 3"
    assert shown.tab.ask("document.getElementById('previous').disabled") is True
    shown.tab.press("#next")
    assert shown.tab.ask(page_of) == "page 2 of 3"
    assert not set(first) & set(shown.ids)
    shown.tab.press("#next")
    assert len(shown.ids) == 8
    assert shown.tab.ask("document.getElementById('next').disabled") is True
    shown.tab.press("#previous")
    assert shown.tab.ask("location.hash") == "#rows?page=2"


@in_browser
def test_links_lead_there(shown: Shown) -> None:
    shown.open("#rows?state=quarantined")
    assert shown.ids == ["bad"]
    shown.tab.wait("document.getElementById('rows').getBoundingClientRect().top < 120")
    shown.open("#rows?state=%22%3E%3Cscript%3E&page=99&reason=nonsense")
    assert shown.count == "48 of 48 listed rows"  # what is unknown filters nothing
    assert len(shown.ids) == 8
    shown.open("#r30")
    assert shown.tab.ask("document.querySelector('.found').id") == "r30"
    assert shown.tab.ask("document.getElementById('r30').hidden") is False
    shown.open("#labels")
    shown.tab.wait("document.getElementById('labels').getBoundingClientRect().top < 120")


@in_browser
def test_right_to_left_is_shown_right(shown: Shown) -> None:
    shown.open()
    text = "[...document.querySelectorAll('.text')].find((t) => t.textContent.includes('زارت'))"
    assert shown.tab.ask(f"getComputedStyle({text}).direction") == "rtl"
    assert shown.tab.ask(f"{text}.lang") == "ar"
    latin = "[...document.querySelectorAll('.text')].find((t) => t.textContent.includes('vive'))"
    assert shown.tab.ask(f"getComputedStyle({latin}).direction") == "ltr"


@in_browser
def test_colours_follow_the_scheme_and_narrow_windows_do_not_scroll(shown: Shown) -> None:
    fill = "getComputedStyle(document.querySelector('.chart text')).fill"
    shown.tab.look(400, 800)
    shown.open()
    light = shown.tab.ask(fill)
    assert shown.tab.ask("document.documentElement.scrollWidth") <= 400
    shown.tab.look(1200, 900, dark=True)
    assert shown.tab.ask(fill) != light
    shown.tab.look(1200, 900)
    assert shown.tab.faults == []


@in_browser
def test_a_script_that_got_in_would_not_run(browser: Tab, written: str, tmp_path: Path) -> None:
    broken = written.replace("<main>", f"<main>{EVIL}<p onclick='x' style='color: red'></p>", 1)
    file = tmp_path / "broken.html"
    file.write_text(broken, encoding="utf-8")
    browser.open(file.as_uri())
    assert browser.ask("document.title") == f"{RUN}: report"
    assert browser.ask("document.getElementById('count').textContent") == "8 of 8 listed rows"
    assert any("Content Security Policy" in fault for fault in browser.faults)
