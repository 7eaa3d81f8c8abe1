"""`xltpipe compare projections`: tables, exit codes, files, and the page in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.compared_recipe import matrix_recipe, run_missing
from tests.test_comparison import GOLD
from tests.toy_recipe import TRAIN, write_data
from xltpipe import progress
from xltpipe.cli import FAILED, OK, WRONG, _main, matrix
from xltpipe.cli.page import page
from xltpipe.comparison import Comparison, Finding, InLanguage
from xltpipe.errors import RecipeError
from xltpipe.store import Store
from xltpipe.types import Example, Placement, Span, Unit
from xltpipe.visible import visible

RECIPE = """\
name = "toy"
targets = ["spa"]
train = { kind = "conll", path = "train.conll" }
translation = { kind = "copy" }
projection = { kind = "markers", style = "letters" }

[compare]
gold = [{ lang = "spa", data = { kind = "conll", path = "gold.conll" } }]

[[compare.projections]]
name = "hmm"
projection = { kind = "aligned", aligner = { kind = "hmm" } }

[[compare.projections]]
name = "runs"
projection = { kind = "aligned", aligner = { kind = "hmm" }, mode = "longest_run" }
"""
FAILING = """
[[compare.projections]]
name = "no-model"
projection = { kind = "aligned", aligner = { kind = "attention" } }
"""


@dataclass
class Terminal:
    home: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        recipe, store = str(self.home / "toy.toml"), str(self.home / "data")
        code = _main(["compare", "projections", recipe, "--store", store, *arguments])
        out, err = self.capsys.readouterr()
        return code, out, err


@pytest.fixture(autouse=True)
def no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "notes", [])  # other tests leave theirs


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    write_data(tmp_path)
    (tmp_path / "gold.conll").write_text(GOLD, encoding="utf-8")
    (tmp_path / "toy.toml").write_text(RECIPE, encoding="utf-8")
    return Terminal(tmp_path, capsys)


def test_the_tables(terminal: Terminal) -> None:
    code, out, err = terminal()
    assert (code, err) == (OK, "")
    assert "English → Spanish, 6 rows, beside gold labels" in out
    assert re.search(r"method +aligner +spans +F1 strict +95 % +precision +recall +F1 part", out)
    assert re.search(r"hmm +hmm +9 +[01]\.\d{4}", out)
    assert re.search(r"outcome +hmm +runs +meaning", out)
    assert re.search(r"too wide +\d +\d +around the gold span, but longer", out)
    assert re.search(r"type +method +F1 strict +F1 partial +exact", out)
    assert re.search(r"PER +runs +\d\.\d{4}", out)
    assert re.search(r"method +spans/s +project s +align s +train s", out)
    signature = r"  projection_f1\|mode:partial\|method:runs\|\S+\|v:\S+ = \d\.\d{4}\n"
    assert len(re.findall(signature, out)) == 1


def test_without_gold_methods_judge_each_other(terminal: Terminal) -> None:
    recipe = terminal.home / "toy.toml"
    recipe.write_text(re.sub("gold = .*", "rows = 4", RECIPE), encoding="utf-8")
    code, out, _ = terminal("--errors", "any")
    assert code == OK
    assert "4 rows, translated: the methods judge each other; 2 further rows left out" in out
    assert re.search(r"agreement +hmm +runs\n", out)
    assert re.search(r"hmm +[01]\.\d{4} of \d", out)
    assert "projection_agreement|method:hmm|" in out


def test_errors_side_by_side(terminal: Terminal) -> None:
    other = GOLD.replace("Max B-PER", "Max O").replace("Bob B-PER", "Bob O")
    (terminal.home / "gold.conll").write_text(other, encoding="utf-8")
    code, out, _ = terminal("--errors", "any", "--rows", "1")
    assert code == OK
    listed = re.search(r"spa: (\d+) rows with errors of any kind(?:, (\d+) more not shown)?", out)
    assert listed
    assert int(listed[2] or 0) == int(listed[1]) - 1
    block = out[listed.end() :]
    assert block.count("  source") == block.count("  gold") == block.count("\nrow ") == 1
    assert block.count("  hmm ") == block.count("  runs ") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--errors", "wrong"], "Errors must be one of any, exact, clipped, .*was: 'wrong'"),
        (["--html", "/no/such/folder/x.html"], "File must lie in a folder that is there"),
        (["--json", "/"], "File must lie in a folder that is there"),
        (["--rows", "many"], "rows|many"),
    ],
)
def test_wrong_arguments(terminal: Terminal, arguments: list[str], message: str) -> None:
    code, out, err = terminal(*arguments)
    assert (code, out) == (WRONG, "")
    assert re.search(message, err)
    assert not (terminal.home / "data" / "store" / "project").exists()  # told before the work


def test_a_mismatch_is_the_datas_fault(terminal: Terminal) -> None:
    (terminal.home / "gold.conll").write_text("Ana B-PER\n", encoding="utf-8")
    code, _, err = terminal()
    assert code == WRONG
    assert re.search(r"row 1: train has 'train-2' \['Bob left Paris yesterday'\], gold has no", err)


def test_a_failed_method_is_shown_and_ends_with_1(terminal: Terminal) -> None:
    with (terminal.home / "toy.toml").open("a", encoding="utf-8") as recipe:
        recipe.write(FAILING)
    file = terminal.home / "out.html"
    code, out, err = terminal("--html", str(file))
    assert (code, err) == (FAILED, f"wrote {file}\n")
    assert re.search(r"no-model \(aligned\) failed: Attention aligner must have a CTransl", out)
    assert re.search(r"hmm +hmm +9", out)
    assert "failed: Attention aligner must have" in file.read_text(encoding="utf-8")


def test_json(terminal: Terminal) -> None:
    file = terminal.home / "out.json"
    code, _, _ = terminal("--json", str(file))
    made = json.loads(file.read_text(encoding="utf-8"))
    assert (code, made["recipe"], made["languages"][0]["rows"]) == (OK, "toy", 6)
    assert made["languages"][0]["methods"][0]["scores"][0]["signature"].startswith("projection_f1|")


def test_help_names_it(terminal: Terminal) -> None:
    terminal.capsys.readouterr()
    assert _main(["compare", "--help"]) == OK
    assert "projections" in terminal.capsys.readouterr().out


def test_control_characters_are_shown_not_obeyed() -> None:
    assert visible("a\x1b[31mb\x00\x9b\x7f\tc\nd") == "a␛[31mb␀\ufffd␡\tc\nd"
    assert visible("a\u202eb\u200fc") == "a\ufffdb\u200fc"  # a mark is text, an override is not


# The page

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
in_browser = pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")

EVIL = '<script>document.title="ran"</script>'
TEXTS = [
    (f"{EVIL} \"Ana\" & 'Bo'</script>", "Ana", "PER"),
    ('<img src=x onerror="document.title=1"> ]]> --> <!-- Rome', "Rome", "LOC"),
    ("زارت ليلى القاهرة أمس", "القاهرة", "LOC"),
    ("王芳在北京工作。", "北京", "LOC"),
    ("Zoë 👩‍👩‍👧 {{x}} $body ${title} \x1b[31m \u202eabc", "👩‍👩‍👧", "<b>&amp;"),
]


def made(text: str, covered: str, label: str, id: str, *, move: int, lost: bool) -> Unit:
    """A unit whose one span is lost or placed, `move` characters too far to the right."""
    start = text.index(covered)
    source = Example(id, "eng", (text,), (Span(start, start + len(covered), label),))
    if lost:
        return Unit(source, Example(id, "spa", (text,)), placements=(_lost(),))
    put = Span(start - move, start + len(covered) - move, label)
    placed = (Placement(0, 0, "toy"),)
    return Unit(source, Example(id, "spa", (text,), (put,)), placements=placed)


def _lost() -> Placement:
    return Placement(0, None, "toy", None, "no_alignment")


def hostile(times: int = 1) -> Comparison:
    """Method `one` loses every second span and `two` puts all of them one character off."""
    rows = [(*row, f"{n}-<i>{n}</i>") for n, row in enumerate(TEXTS * times)]
    gold = tuple(made(*row, move=0, lost=False).target for row in rows)
    one = tuple(made(*row, move=0, lost=n % 2 == 0) for n, row in enumerate(rows))
    two = tuple(made(*row, move=1, lost=False) for row in rows)
    findings = (
        Finding("one", "aligned", "abc", units=one),
        Finding("two", "aligned", "def", units=two),
        Finding("bad", "aligned", "x", "failed", f"no {EVIL}"),
    )
    return Comparison("toy", (InLanguage("eng", "spa", len(rows), 0, gold, findings),))


@dataclass
class Dom(HTMLParser):
    """What is left of a page after its script ran."""

    shown: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    of: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._in_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        if given.get("class") == "case":
            (self.hidden if "hidden" in given else self.shown).append("")
            self._case = self.hidden if "hidden" in given else self.shown
        if given.get("class") == "text":
            self.texts.append("")
            self._in_text = True
        self._open.append(tag)

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        if tag == "title" and "svg" in self._open:
            tag = "tooltip"
        self.of[tag] = self.of.get(tag, "") + data
        if tag == "bdi" and hasattr(self, "_case") and not self._case[-1]:
            self._case[-1] = data
        if self._in_text and tag in {"div", "mark", "u"}:  # not the labels behind spans
            self.texts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._in_text &= tag != "div"
        while self._open and self._open.pop() != tag:
            pass


def browse(file: Path, fragment: str = "") -> Dom:
    """The page as Chromium has it, after the script ran."""
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={file.parent / 'profile'}", "--virtual-time-budget=3000"]
    done = subprocess.run(
        [*command, f"{file.as_uri()}{fragment}"],
        capture_output=True,
        check=True,
        timeout=120,
        env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
    )
    dom = Dom()
    dom.feed(done.stdout.decode("utf-8"))
    return dom


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text(page(hostile(), 100), encoding="utf-8")
    return path


def test_the_page_needs_nothing_from_outside() -> None:
    text = page(hostile(), 100)
    assert "default-src 'none'" in text
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?!x onerror)\w+:""", text)
    assert not re.search(r"<link|@import|<img|<iframe", text)
    assert text.count("<script>") == text.count("</script>") == 1
    assert "$body" in text  # a text's own, not the template's
    assert EVIL not in text
    assert text == page(hostile(), 100)


def test_a_page_that_lists_less_says_so() -> None:
    text = page(hostile(times=4), 3)
    assert text.count('<article class="case"') == 3
    assert "20 of 20 rows hold an error or a disagreement. 3 are listed" in text
    assert "17 are left out (--cases lists more)" in text
    assert "All are listed" in page(hostile(), 5)


def test_a_page_about_nothing() -> None:
    bad = Finding("bad", "aligned", "x", "failed", "no")
    text = page(Comparison("toy", (InLanguage("eng", "spa", 2, 0, None, (bad,)),)), 10)
    assert "failed: no" in text
    assert "0 of 2 rows" in text


@in_browser
def test_texts_are_shown_as_texts_and_nothing_of_them_runs(file: Path) -> None:
    dom = browse(file)
    assert dom.of["title"] == "Projections compared: toy"
    assert not dom.tags & {"img", "b", "i", "iframe"}
    for text, _, _ in TEXTS:
        assert dom.texts.count(visible(text)) == 4  # source, gold and two methods
    assert dom.of["output"] == "5 of 5 listed rows"
    assert len(dom.shown) == 5
    assert dom.shown[0] == "0-<i>0</i>"
    assert "<b>&amp;" in dom.of["span"]  # the label behind its span


FILTERS = [
    ("#kind=lost&method=one", 3),
    ("#type=%3Cb%3E%26amp%3B", 1),
    ("#%22%3E%3Cscript%3E&kind=nonsense", 5),  # what is unknown filters nothing
    *(
        pytest.param(*row, marks=pytest.mark.slow)  # each starts a browser
        for row in [
            ("#kind=lost", 3),
            ("#kind=exact", 2),
            ("#kind=lost&method=two", 0),
            ("#kind=shifted&method=two&type=LOC", 3),
            ("#kind=lost&type=LOC", 1),
            ("#method=two", 5),
        ]
    ),
]


@in_browser
@pytest.mark.parametrize(("fragment", "count"), FILTERS)
def test_the_filters_filter(file: Path, fragment: str, count: int) -> None:
    dom = browse(file, fragment)
    assert (len(dom.shown), len(dom.hidden)) == (count, 5 - count)
    assert dom.of["output"] == f"{count} of 5 listed rows"


@in_browser
def test_a_script_that_got_in_would_not_run(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    broken = text.replace("<h2>Cases</h2>", f"{EVIL}<h2 onclick='x'>Cases</h2>", 1)
    assert broken != text
    file.write_text(broken, encoding="utf-8")
    dom = browse(file)
    assert dom.of["title"] == "Projections compared: toy"
    assert dom.of["output"] == "5 of 5 listed rows"  # ours runs


def test_leaks_of_cells_that_are_recorded_are_told_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))  # a run settles some of it
    write_data(tmp_path)
    (tmp_path / "test.conll").write_text(TRAIN[: TRAIN.index("\n\n")] + "\n", encoding="utf-8")
    axes = {"strategies": ["zero_shot"], "seeds": [1], "rounds": 99}
    data, told = str(tmp_path / "data"), tmp_path / "told.json"

    def compare(*, strict: bool) -> tuple[str, str]:
        recipe = matrix_recipe(tmp_path, axes, strict=strict)
        run_missing(Store(tmp_path / "data" / "store"), recipe)
        progress.notes.clear()
        matrix.execute(recipe, data, html=None, json_file=told, verbose=False)
        return capsys.readouterr()

    for _ in range(2):  # looked for, then from the shelf
        out, err = compare(strict=False)
        assert "1 cells, 1 recorded before, 0 run now" in out
        assert "note: leak: 1 row of test small (spa) are in train: " in err
        (leak,) = json.loads(told.read_text("utf-8"))["leaks"]
        assert (leak["kind"], leak["count"]) == ("duplicate", 1)
    with pytest.raises(RecipeError, match="must not leak where strict = true"):
        compare(strict=True)
