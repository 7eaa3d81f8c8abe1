import errno
import math
import sqlite3
from collections.abc import Sequence

import pytest

from tests.examples import SCRIPTS, Echo, Identity, unit
from tests.projection.toy_tools import ToyTools
from xltpipe import progress, stages
from xltpipe.errors import DataError, RecipeError, TransientError
from xltpipe.projection import Aligned, Markers
from xltpipe.types import Example, Span, Translation, Unit

PLAIN = Aligned().build(ToyTools(None))


def test_translate_gives_every_row_back_in_order() -> None:
    units = stages.translate(SCRIPTS, Echo(), PLAIN, "spa")
    assert [u.source for u in units] == SCRIPTS
    assert [u.target.texts for u in units] == [e.texts for e in SCRIPTS]
    assert {u.target.lang for u in units} == {"spa"}
    assert stages.translate([], Echo(), PLAIN, "spa") == []


def test_a_fault_fails_the_shard_unless_told_otherwise() -> None:
    with pytest.raises(
        DataError, match=r'translate must not fail.*fell over.*on_error = "quarantine"'
    ):
        stages.translate(SCRIPTS, Echo("北京"), PLAIN, "spa")


def test_quarantine_takes_only_the_rows_that_fail() -> None:
    units = stages.translate(SCRIPTS, Echo("北京"), PLAIN, "spa", "quarantine")
    bad = [u for u in units if u.error]
    assert [u.source.lang for u in bad] == ["zho"]
    assert bad[0].error == "translate: ValueError: the engine fell over"
    assert len(units) == len(SCRIPTS)
    projected = stages.project(units, Aligned().build(ToyTools(Identity())), "quarantine")
    assert [u.error for u in projected] == [u.error for u in units]


def test_quarantine_does_not_hide_a_wrong_recipe() -> None:
    class Wrong(Echo):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            raise RecipeError("no such pair")

    with pytest.raises(RecipeError, match="no such pair"):
        stages.translate(SCRIPTS, Wrong(), PLAIN, "spa", "quarantine")


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (MemoryError("std::bad_alloc"), "enough memory"),
        (RuntimeError("mkl_malloc: failed to allocate memory"), "enough memory"),
        (OSError(errno.EMFILE, "Too many open files"), "enough open files"),
        (FULL, "space left on its disk"),
    ],
)
@pytest.mark.parametrize("on_error", ["fail", "quarantine"])
def test_what_the_machine_lacks_is_no_fault_of_a_row(
    fault: Exception, what: str, on_error: stages.OnError
) -> None:
    class Lacking(Echo):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            raise fault

    with pytest.raises(TransientError, match=f"Machine must have {what}.*, was: "):
        stages.translate(SCRIPTS, Lacking(), PLAIN, "spa", on_error)


def test_answers_that_cannot_be_kept_or_read_are_no_fault_of_a_row() -> None:
    class Full(Echo):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            try:
                raise sqlite3.OperationalError("database or disk is full")
            except sqlite3.Error as error:
                raise DataError("Answers must be kept before they are used") from error

    with pytest.raises(DataError, match="Answers must be kept"):
        stages.translate(SCRIPTS, Full(), PLAIN, "spa", "quarantine")


class Refusing(Echo):
    """Gives a fault for texts that hold a word, and tells the rest as it is."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        return [
            Translation("", tokens_in=3, fault="refused: I cannot do that")
            if "北京" in text
            else done
            for text, done in zip(texts, super().translate(texts, source, target), strict=True)
        ]


def test_a_text_that_cannot_be_translated_quarantines_its_row_with_what_came_back() -> None:
    units = stages.translate(SCRIPTS, Refusing(), PLAIN, "spa", "quarantine")
    (bad,) = [u for u in units if u.error is not None]
    assert (bad.source.lang, bad.error) == ("zho", "translate: refused: I cannot do that")
    assert (bad.target.texts, bad.received[0].tokens_in) == (("",), 3)
    assert [u.source for u in units] == SCRIPTS


def test_a_text_that_cannot_be_translated_fails_the_shard_unless_told_otherwise() -> None:
    with pytest.raises(
        DataError,
        match=r"must be one that the engine can translate, was: translate: refused: I .*"
        r"\(example '1'\); set on_error = \"quarantine\"",
    ):
        stages.translate(SCRIPTS, Refusing(), PLAIN, "spa")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_a_fault_of_its_row(value: float) -> None:
    class Odd(Echo):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            return [Translation(t, value if "北京" in t else -0.5) for t in texts]

    with pytest.raises(DataError, match=r"Score of a translation must be finite, was: -?(nan|inf)"):
        stages.translate(SCRIPTS, Odd(), PLAIN, "spa")
    units = stages.translate(SCRIPTS, Odd(), PLAIN, "spa", "quarantine")
    assert [u.source.lang for u in units if u.error] == ["zho"]


def test_a_translator_that_loses_a_row_is_caught() -> None:
    class Short(Echo):
        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            return super().translate(texts, source, target)[:-1]

    with pytest.raises(DataError, match="Translator must give one result per input, was: 7 for 8"):
        stages.translate(SCRIPTS, Short(), PLAIN, "spa")


def test_a_projector_that_drops_a_span_in_silence_is_caught() -> None:
    class Silent:
        in_place = True

        def prepare(self, example: Example) -> tuple[str, ...]:
            return example.texts

        def project(self, units: Sequence[Unit]) -> list[Unit]:
            return list(units)

    with pytest.raises(DataError, match="must place each source span or say why not"):
        stages.project([unit(SCRIPTS[0], "Ana vive")], Silent())


@pytest.mark.parametrize(
    "spec", [Aligned(), Markers(style="letters"), Markers(style="xml"), Markers()]
)
def test_identity_translation_round_trips(spec) -> None:
    projector = spec.build(ToyTools(Identity()))
    units = stages.translate(SCRIPTS, Echo(), projector, "spa")
    for done, given in zip(stages.project(units, projector), SCRIPTS, strict=True):
        covered = [done.target.covered(s) for s in done.target.spans]
        assert covered == [given.covered(s) for s in given.spans], done
        assert [s.label for s in done.target.spans] == [s.label for s in given.spans]


def test_predict_hides_the_gold_labels() -> None:
    class Spy:
        def predict(self, examples: Sequence[Example]) -> list[Example]:
            assert not any(e.spans for e in examples)
            return list(examples)

    assert [e.id for e in stages.predict(SCRIPTS, Spy())] == [e.id for e in SCRIPTS]


def test_a_stop_ends_a_stage_at_its_next_tick() -> None:
    progress.stop()
    try:
        with pytest.raises(progress.Stopped):
            stages.project([unit(SCRIPTS[0], "Ana")], Aligned().build(ToyTools(Identity())))
    finally:
        progress.resume()


def test_a_text_that_occurs_again_is_sent_once_and_costs_nothing_more() -> None:
    class Counted(Echo):
        sent: list[str]

        def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
            self.sent = list(texts)
            return [Translation(text.upper(), tokens_in=3, tokens_out=4) for text in texts]

    rows = [Example(f"q{n}", "eng", (f"What {n}?", "One context.")) for n in range(3)]
    engine = Counted()
    units = stages.translate(rows, engine, PLAIN, "spa")
    assert engine.sent == ["What 0?", "One context.", "What 1?", "What 2?"]
    assert [u.target.texts for u in units] == [(f"WHAT {n}?", "ONE CONTEXT.") for n in range(3)]
    assert sum(t.tokens_in for u in units for t in u.received) == 4 * 3


def test_what_was_lost_before_stays_masked() -> None:
    given = Example("a", "eng", ("Ana left.", "Bob stays."), (), masked=(1,))
    (made,) = stages.translate([given], Echo(), PLAIN, "spa")
    assert made.target.masked == (1,)


class Parrot:
    """Writes what it was shown as the last text."""

    writes_last = True

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        return list(examples)


def test_who_writes_the_last_text_is_not_shown_it() -> None:
    given = [Example("1", "eng", ("Who?", "Ana."), (Span(0, 3, "PER"), Span(0, 3, "PER", 1)))]
    (done,) = stages.predict(given, Parrot())
    assert (done.texts, done.spans) == (("Who?", ""), ())
