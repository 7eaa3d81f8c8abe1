"""Apertium: real pairs, texts that break streams, programs that die, and pairs that are not there."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import example
from tests.translation.apertium_here import need
from xltpipe import stages
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.projection.tools import Plain
from xltpipe.protocols import Translator
from xltpipe.translation import Apertium, Fallback, Pivot
from xltpipe.translation.apertium_modes import installed, licences
from xltpipe.translation.apertium_stream import decode, encode
from xltpipe.translation.tags import Tagged, read, write

MODES = Apertium().modes
pytestmark = need("spa-glg")


@pytest.fixture(scope="module")
def galician() -> Translator:
    return Apertium().build("spa", "glg")


def texts(translator: Translator, *given: str) -> list[str]:
    done = translator.translate(given, "spa", "glg")
    assert [one.fault for one in done] == [None] * len(given)
    return [one.text for one in done]


# Translation

PAIRS = [
    ("spa", "glg", "El rey vive en Ginebra.", "O rei vive en Xenebra."),
    ("spa", "cat", "Las niñas viven en Ginebra.", "Les nenes viuen a Ginebra."),
    ("spa", "por", "El Banco de España subió los tipos.", "O Banco de Espanha subiu os tipos."),
    ("spa", "ast", "El Banco de España subió los tipos.", "El Bancu d'España xubió los tipos."),
    ("spa", "ast", "En la serie, Ana vive.", "Na serie, Ana vive."),
    ("spa", "arg", "Vive en Ginebra.", "Vive en Chinebra."),
    ("spa", "eng", "La casa es roja.", "The house is red."),
    ("eng", "spa", "The house is red.", "La casa es roja."),
    ("eng", "cat", "The king died in Geneva.", "El rei mort en Ginebra."),
    ("eng", "glg", "The house is red.", "A casa é vermella."),
    ("eng", "epo", "The house is red.", "La domo estas ruĝa."),
    ("eus", "eng", "Etxea", "The house"),
]


@pytest.mark.parametrize(
    ("source", "target", "text", "expected"),
    [pytest.param(*row, marks=need(f"{row[0]}-{row[1]}"), id="-".join(row[:2])) for row in PAIRS],
)
def test_pairs(source: str, target: str, text: str, expected: str) -> None:
    (done,) = Apertium().build(source, target).translate([text], source, target)
    assert done.text == expected
    assert done.tokens_in > 0
    assert done.tokens_out > 0
    assert not done.truncated


def test_the_final_full_stop_is_neither_lost_nor_added(galician: Translator) -> None:
    given = ["Hola.", "Hola", "Hola...", "¿Hola?", "Hola .", "Hola.\n"]
    assert texts(galician, *given) == ["Ola.", "Ola", "Ola...", "Ola?", "Ola .", "Ola.\n"]


def test_unknown_words_are_counted_and_not_marked(galician: Translator) -> None:
    before = dict(galician.counts)  # type: ignore[attr-defined]
    assert texts(galician, "El xyzzy vive.") == ["O xyzzy vive."]
    after = galician.counts  # type: ignore[attr-defined]
    assert after["unknown_words"] - before["unknown_words"] == 1
    assert after["words"] - before["words"] == 4


def test_marks_of_the_stream_in_a_text_are_text_and_not_counted(galician: Translator) -> None:
    before = galician.counts["unknown_words"]  # type: ignore[attr-defined]
    assert texts(galician, "^casa/*casa$ *casa #casa @casa") == ["^casa/*casa$ *casa #casa @casa"]
    assert galician.counts["unknown_words"] == before  # type: ignore[attr-defined]


NASTY = [
    "a\0b",
    "\0",
    "[x] <y> ^z$ {w} @ / \\ & ~",
    "[[t:s:0]]Ginebra[[/]]",
    "[<0>].[]",
    "\\",
    "\\\\[",
    "~~ ~casa",
    "\ufeffcasa",
    "casa\uffff casa",
    "\ufdd8\ufddf\ufdd9",
    "uno\ndos\r\n\ntres\t",
    "  dos  espacios  ",
    "👩‍👩‍👧 🇪🇸 e\u0301",
    "ليلى في القاهرة",
    "王芳在北京",
    "\u202eabc\u200b\u2028",
    "<p>casa</p> &amp; &lt;",
    '"".,;:!?()*#+=%|_`',
]


def test_texts_that_break_streams_survive_beside_each_other(galician: Translator) -> None:
    done = texts(galician, *NASTY, *NASTY[::-1])
    assert done[: len(NASTY)] == done[len(NASTY) :][::-1]
    kept = set("\0[]<>^${}@/\\&~\n\r\t\ufeff\uffff\ufdd8\ufddf👩🇪لي王\u202e\u200b\u2028*#+=%|_`")
    for text, one in zip(NASTY, done, strict=False):
        assert [c for c in one if c in kept] == [c for c in text if c in kept], text


@settings(max_examples=40, deadline=None)
@given(
    given=st.lists(
        st.text(st.sampled_from("ab ~\0\ufddf\ufdd8[]{}<>\\/^$@*.é\nل👩"), max_size=12), max_size=6
    )
)
def test_rows_are_never_mixed_up(galician: Translator, given: list[str]) -> None:
    blank = [not text.strip() for text in given]
    done = texts(galician, *given)
    assert [not one for one in done if not one] == [True for b in blank if b]
    for text, one in zip(given, done, strict=True):
        if text.strip():
            marks = [c for c in text if not c.isalpha() and not c.isspace()]
            assert [c for c in one if not c.isalpha() and not c.isspace()] == marks


@given(st.text(max_size=20), st.integers(0, 9))
def test_the_stream_gives_back_what_it_was_given(text: str, number: int) -> None:
    block = encode(Tagged(text), number)
    assert b"\0" not in block
    assert decode(block, number) == Tagged(text)
    assert decode(block, number + 1) is None


def test_a_text_never_depends_on_those_before_it(galician: Translator) -> None:
    # words with sets of tags that the tagger was not trained on make it forget what it has learnt
    given = [
        "Cuando llegó en total a ocho , fue mejor .",
        "Los tres hijos debido a motivos raciales por parte de los afrikáners .",
        "La siguiente historia es acerca de una viuda y de sus tres hijos .",
        "Catorce y cero .",
    ]
    alone = [texts(galician, text)[0] for text in given]
    assert texts(galician, *given) == alone
    assert texts(galician, *given[::-1] * 3) == alone[::-1] * 3


def test_a_very_long_text_is_whole(galician: Translator) -> None:
    text = "Cuando el rey vive en Ginebra, total, ocho hijos viven. " * 300
    (done,) = texts(galician, text)
    assert done == texts(galician, text[:56])[0] * 300


def test_half_a_surrogate_pair_is_the_fault_of_its_row_alone(galician: Translator) -> None:
    done = galician.translate(["Hola", "a\ud83d", "casa"], "spa", "glg")
    assert [one.text for one in done] == ["Ola", "", "casa"]
    assert [(one.fault or "").split(":")[0] for one in done] == ["", "text_not_encodable", ""]


def test_tags_go_with_their_words(galician: Translator) -> None:
    text = "Ayer Ana vio Ginebra"
    done = read(texts(galician, write(text, [(5, 8, 0), (13, 20, 1), (13, 20, 2)]))[0])
    assert {(done.text[a:b], id) for a, b, id in done.pieces} == {
        ("Ana", 0),
        ("Xenebra", 1),
        ("Xenebra", 2),
    }


# Variants and pairs


@need("eng-cat")
def test_variants() -> None:
    plain, own = (
        Apertium(variant=v).build("eng", "cat").translate(["My service"], "eng", "cat")[0].text
        for v in ("", "valencia")
    )
    assert (plain, own) == ("El meu servei", "El meu servici")
    with pytest.raises(RecipeError, match=r"variant .* must be one of '', .*'valencia'.*was: 'x'"):
        Apertium(variant="x").build("eng", "cat")


def test_a_missing_pair_names_those_installed_and_the_package() -> None:
    with pytest.raises(MissingExtraError, match=r"was: eng-swa; installed in .*spa-glg") as error:
        Apertium().build("eng", "swa")
    assert "apertium-en-sw, apertium-eng-swa" in str(error.value)
    assert "apt-get install" in str(error.value)


def test_languages_go_through_the_registry() -> None:
    assert {"spa", "glg"} <= {lang for m in installed(MODES) for lang in (m.source, m.target)}
    assert Apertium().mode("es", "gl") == Apertium().mode("spa", "glg")


def test_a_missing_program_is_met_before_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        MissingExtraError, match=r'"apertium-wblank-mode" must be .*apt-get install'
    ):
        Apertium().build("spa", "glg")


def test_a_program_of_the_pair_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for program in ("apertium-wblank-mode", "lt-proc"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r'"apertium-.*" must be installed'):
        Apertium().build("spa", "glg")


def test_no_modes_at_all(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"was: spa-glg; installed in .*: none"):
        Apertium(modes=tmp_path).build("spa", "glg")


# Faults


def poisoned(tmp_path: Path, command: str, timeout: float = 60.0) -> Apertium:
    """The pair with a further program, which does this to an answer that matches."""
    folder = tmp_path / "modes"
    folder.mkdir()
    mode = Apertium().mode("spa", "glg").path.read_text("utf-8").rstrip()
    (folder / "es-gl.mode").write_text(f"{mode} | sed -z -u -e '{command}'\n", "utf-8")
    return Apertium(modes=folder, timeout=timeout)


def translated(spec: Apertium, given: list[str]) -> list[tuple[str, str | None]]:
    done = spec.build("spa", "glg").translate(given, "spa", "glg")
    return [(one.text, one.fault) for one in done]


def test_a_text_that_kills_the_programs_is_at_fault_alone(tmp_path: Path) -> None:
    given = [f"La casa {n}." for n in range(300)]
    given[7] = given[150] = given[299] = "boom"
    done = translated(poisoned(tmp_path, "/boom/Q1"), given)
    for n, (text, fault) in enumerate(done):
        if given[n] == "boom":
            assert (text, fault) == ("", "engine_died: the programs ended")
        else:
            assert (text, fault) == (f"A casa {n}.", None)


def test_a_text_on_which_the_programs_stand_still_is_given_up(tmp_path: Path) -> None:
    spec = poisoned(tmp_path, "/boom/s/.*/sleep 60/e", timeout=2.0)
    done = translated(spec, ["Una casa", "boom", "casa"])
    assert done == [("Unha casa", None), ("", "engine_died: no answer in 2 s"), ("casa", None)]


def test_an_answer_to_another_text_is_none(tmp_path: Path) -> None:
    done = translated(poisoned(tmp_path, "/boom/s/<[0-9]*>/<99>/"), ["Una casa", "boom", "casa"])
    assert [fault for _, fault in done] == [
        None,
        "engine_died: the answer was not to this text",
        None,
    ]


def test_programs_that_do_not_run_at_all_are_the_recipes_fault(tmp_path: Path) -> None:
    spec = poisoned(tmp_path, "no such command")
    with pytest.raises(RecipeError, match=r"Mode of Apertium must run, was: .*sed"):
        spec.build("spa", "glg").translate(["casa"], "spa", "glg")


@pytest.mark.parametrize("program", ["lt-proc", "apertium-tagger", "cg-proc"])
def test_nothing_is_lost_when_a_program_is_killed(galician: Translator, program: str) -> None:
    given = [f"La casa {n} es roja." for n in range(400)]
    expected = texts(galician, *given)
    killed = threading.Event()

    def kill() -> None:
        time.sleep(0.05)
        while not killed.is_set():
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if child.name() == program[:15] and not killed.is_set():
                        child.kill()
                        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    done = texts(galician, *given)
    killer.join()
    assert killed.is_set()
    assert done == expected


def test_a_faulty_row_is_quarantined_or_told(tmp_path: Path) -> None:
    translator = poisoned(tmp_path, "/boom/Q1").build("spa", "glg")
    rows = [example("Una casa", lang="spa"), example("boom", id="2", lang="spa")]
    done = stages.translate(rows, translator, Plain(), "glg", "quarantine")
    assert [u.error for u in done] == [None, "translate: engine_died: the programs ended"]
    with pytest.raises(DataError, match="engine_died"):
        stages.translate(rows, translator, Plain(), "glg", "fail")


# Processes


def _child(translator: Translator) -> str:
    return translator.translate(["Una casa"], "spa", "glg")[0].text


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_have_programs_of_their_own(galician: Translator, method: str) -> None:
    assert _child(galician) == "Unha casa"
    again = pickle.loads(pickle.dumps(galician))  # noqa: S301 - our own
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as pool:
        assert pool.submit(_child, again).result() == "Unha casa"
    assert _child(galician) == "Unha casa"


def test_shards_beside_each_other_do_not_meet(galician: Translator) -> None:
    def one(number: int) -> Iterator[bool]:
        given = [f"La casa {number} {n}." for n in range(200)]
        yield texts(galician, *given) == [f"A casa {number} {n}." for n in range(200)]

    right: list[bool] = []
    threads = [threading.Thread(target=lambda n=n: right.extend(one(n))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


# Keys


def test_the_key_follows_the_data_and_not_the_place(tmp_path: Path) -> None:
    def copy(name: str) -> Apertium:
        home = tmp_path / name
        (home / "modes").mkdir(parents=True)
        (home / "data.bin").write_bytes(b"1")
        shutil.copy(Apertium().mode("spa", "glg").path, home / "modes")
        return Apertium(modes=home / "modes")

    one, two = copy("one"), copy("two")
    assert one.identity() == two.identity()
    (tmp_path / "two/data.bin").write_bytes(b"2")
    assert one.identity() != two.identity()
    assert one.identity() != Apertium(modes=one.modes, variant="x").identity()


@need("eng-spa", "spa-ast")
def test_tags_go_on_through_a_third_language() -> None:
    rules = {"kind": "apertium"}
    pivot = Pivot.model_validate({"through": "spa", "first": rules, "second": rules})
    translator = pivot.build("eng", "ast")
    (done,) = translator.translate([write("The red house of Ana", [(17, 20, 4)])], "eng", "ast")
    came = read(done.text)
    assert came.text == "La casa colorada d'Ana"
    assert [(came.text[a:b], id) for a, b, id in came.pieces] == [("d'Ana", 4)]
    assert translator.counts["words"] > 8  # type: ignore[attr-defined]


def test_a_chain_carries_tags_if_all_its_engines_do() -> None:
    rules, model = {"kind": "apertium"}, {"kind": "ctranslate2"}
    for engines, carried in (([rules, {"kind": "copy"}], True), ([rules, model], False)):
        chain = Fallback.model_validate({"engines": engines})
        assert chain.native_tags() == carried
        pivot = {"through": "spa", "first": engines[0], "second": engines[1]}
        assert Pivot.model_validate(pivot).native_tags() == carried


def test_a_chain_counts_what_its_engines_do() -> None:
    engines = [{"kind": "apertium"}, {"kind": "copy"}]
    translator = Fallback.model_validate({"engines": engines}).build("spa", "glg")
    (done,) = translator.translate(["Una xyzzy"], "spa", "glg")
    assert (done.text, done.engine) == ("Unha xyzzy", "apertium")
    assert translator.counts == {"words": 2, "unknown_words": 1}  # type: ignore[attr-defined]


def test_capabilities() -> None:
    spec = Apertium()
    assert (spec.native_tags(), spec.native_markers(), spec.aligning_model()) == (True, False, None)


def test_licences_of_the_data_are_read_from_the_packages() -> None:
    found = licences(Apertium().mode("spa", "glg"))
    assert found in ({"apertium-es-gl": "gpl-2.0"}, {"apertium-es-gl": ""})
