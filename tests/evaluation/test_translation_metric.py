from __future__ import annotations

from pathlib import Path

import pytest
from sacrebleu.metrics import BLEU, CHRF

from xltpipe.errors import DataError
from xltpipe.evaluation import Translation
from xltpipe.types import Example

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "parallel.eng-spa.tsv"
PAIRS = [line.split("\t") for line in SAMPLE.read_text("utf-8").splitlines()][:60]
RIGHT = [target for _, target in PAIRS]
GUESS = [" ".join(t.split()[i % 3 == 0 :]).lower() if i % 2 else t for i, t in enumerate(RIGHT)]


def examples(texts: list[str], lang: str = "spa") -> list[Example]:
    return [Example(str(i), lang, (PAIRS[i][0], text)) for i, text in enumerate(texts)]


@pytest.mark.parametrize("word_order", [0, 2])
def test_equals_sacrebleu(word_order: int) -> None:
    metric = Translation(word_order=word_order).build({"lang": "spa"})
    result = metric.measure(examples(RIGHT), examples(GUESS))
    chrf, bleu = CHRF(word_order=word_order), BLEU()
    assert result.name == "chrf"
    assert result.value == pytest.approx(chrf.corpus_score(GUESS, [RIGHT]).score)
    assert result.details["bleu"] == pytest.approx(bleu.corpus_score(GUESS, [RIGHT]).score)
    assert result.details["chrf_low"] < result.value < result.details["chrf_high"]
    for name, engine in (("chrf", chrf), ("bleu", bleu)):
        said = str(engine.get_signature()).replace("|", ",").replace(":", "=")
        assert f"|{name}:{said}|" in result.signature


def test_interval_is_about_that_of_sacrebleu() -> None:
    result = Translation(main="bleu").build({}).measure(examples(RIGHT), examples(GUESS))
    theirs = BLEU().corpus_score(GUESS, [RIGHT], n_bootstrap=1000)
    low, high = result.details["bleu_low"], result.details["bleu_high"]
    assert (high - low) / 2 == pytest.approx(theirs._ci, rel=0.15)


def test_chinese_is_cut_by_character() -> None:
    right, guess = ["北京大学很大。"] * 3, ["北京大学不大。"] * 3
    result = Translation().build({}).measure(examples(right, "zho"), examples(guess, "zho"))
    assert result.details["bleu"] == pytest.approx(
        BLEU(tokenize="zh").corpus_score(guess, [right]).score
    )
    assert "tok=zh" in result.signature
    assert "tok=char" in Translation(tokenise="char").build({}).measure(
        examples(right), examples(guess)
    ).signature  # fmt: skip


def test_only_the_last_text_may_differ() -> None:
    gold = [Example("1", "eng", ("Hello?", "Yes."))]
    metric = Translation().build({})
    assert metric.measure(gold, [Example("1", "eng", ("Hello?", "No."))]).value < 100
    for texts in (("Hullo?", "Yes."), ("Hello?",), ("Hello?", "Yes.", "No.")):
        with pytest.raises(DataError, match="must have the id and texts"):
            metric.measure(gold, [Example("1", "eng", texts)])
