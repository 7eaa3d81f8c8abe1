"""Answers with transformers: where an answer begins and ends in its context (Devlin et al., 2019).

A context of any length is read in windows that overlap, each beside the question. The first token
of a window means that it has no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.training.answer_windows import AnswerWindow, cut, ends, shortened
from xltpipe.training.answers import CONTEXT, QUESTION, Questions, answered, answers, check_texts
from xltpipe.training.continuing import GoingOn, settings_of
from xltpipe.training.fitting import Row, fit
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import make_home, read_settings
from xltpipe.training.transformers_beginning import after, begin
from xltpipe.training.transformers_heads import Opened, save
from xltpipe.types import Bounds, Example

if TYPE_CHECKING:
    from xltpipe.training.transformers import Transformers

BEST = 20
"""Beginnings and ends of a window that are tried with each other."""
LONGEST = 30
"""Tokens of the longest answer (as in the SQuAD code of BERT)."""
CHUNK = 64


class Windowing:
    """Cuts contexts into windows beside their questions; long questions are cut off and counted."""

    def __init__(self, tokenizer: Any, length: int, overlap: int) -> None:
        self._tokenizer, self._length, self._overlap = tokenizer, length, overlap
        self.counts = {"windows": 0, "truncated_questions": 0}

    def __call__(self, question: str, context: str) -> list[AnswerWindow]:
        """The windows of one example, in order; its question fills half of one at most."""
        short, size = shortened(self._tokenizer, question, self._length // 2 - 4)
        room = self._length - size - 4  # special tokens of a pair
        stride = max(0, min(self._overlap, room // 2))
        out = cut(self._tokenizer, short, context, self._length, stride)
        self.counts["truncated_questions"] += short != question
        self.counts["windows"] += len(out)
        return out


class TransformersAnswerTrainer(GoingOn, Resumable):
    """Fine-tunes two scores per token, of being the first and the last of the answer."""

    def __init__(self, spec: Transformers, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: no answered question, `patience` without dev, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        spec = self._spec
        reading = Questions()
        taught = list(reading.examples(examples))
        reading.check()
        texts = dict.fromkeys(text for example in taught for text in example.texts)
        model, tokenizer, _ = begin(spec, self._seed, "qa", [], texts, self._earlier)
        make_home(home)
        cut = Windowing(tokenizer, spec.max_tokens, spec.overlap)
        rows = [row for example in taught for row in _rows(cut, example)]
        counts = dict(cut.counts)
        watched = [row for e in Questions().examples(dev) for row in _rows(cut, e)]
        collator = require("transformers", "train").DataCollatorWithPadding(tokenizer)
        work = self._work(home)
        schedule = after(spec.schedule(self._seed), self._earlier)
        fitted = fit(model, tokenizer, rows, watched, schedule, work, collator)
        null = reading.counts["unanswerable"] > 0
        if self._earlier is not None:  # what it has learnt to leave unanswered may stay so
            null = null or settings_of(self._earlier, spec.kind, "qa")["null_answers"]
        settings = {"seed": self._seed, "task": "qa", "null_answers": null}
        save(home, model, tokenizer, spec.identity() | settings, reading.counts | counts | fitted)


def _rows(cut: Windowing, example: Example) -> list[Row]:
    """Windows with the places of the first answer that stands whole in them, else of none."""
    return [
        window.inputs | dict(zip(("start_positions", "end_positions"), place, strict=True))
        for window in cut(example.texts[QUESTION], example.texts[CONTEXT])
        for place in [_place(window, example)]
    ]


def _place(window: AnswerWindow, example: Example) -> tuple[int, int]:
    places, bounds = window.places, window.bounds
    for span in answers(example):
        inside = [i for i, (a, b) in enumerate(bounds) if a < span.end and b > span.start]
        if not inside:
            continue
        first, last = inside[0], inside[-1]
        if bounds[first][0] <= span.start and bounds[last][1] >= span.end:
            return places[first], places[last]
    return 0, 0


class TransformersAnswerTagger:
    """A trained model for answers. Batches and threads do not change them.

    Where every question of training had an answer, every question gets one.
    """

    def __init__(self, home: Path, *, device: Any, batch_size: int) -> None:
        settings = read_settings(home, "transformers")
        self._opened = Opened(home, "QuestionAnswering", device)
        self._null: bool = settings["null_answers"]
        self._size = (int(settings["max_tokens"]), int(settings["overlap"]))
        self._batch_size = batch_size

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with their answer, a span `answer` in the second text, or none.

        Raises:
            DataError: an example does not have two texts.
        """
        cut = Windowing(self._opened.tokenizer, *self._size)
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            for example in batch:
                check_texts(example)
            windows = [cut(e.texts[QUESTION], e.texts[CONTEXT]) for e in batch]
            flat = [window for part in windows for window in part]
            scores = iter(ends(self._opened, flat, self._batch_size))
            for example, part in zip(batch, windows, strict=True):
                found = [best_answer(w, *(s.tolist() for s in next(scores))) for w in part]
                out.append(self._answer(example, found))
            progress.tick("predict", len(batch))
        if cut.counts["truncated_questions"]:
            progress.note(f"transformers: {cut.counts['truncated_questions']} questions cut off")
        return out

    def _answer(self, example: Example, found: Sequence[tuple[float, Bounds] | None]) -> Example:
        best = max((one for one in found if one is not None), default=None, key=lambda o: o[0])
        if best is None or (self._null and best[0] <= 0):
            return answered(example)
        start, end = best[1]
        covered = example.texts[CONTEXT][start:end]
        start += len(covered) - len(covered.lstrip())
        end -= len(covered) - len(covered.rstrip())
        return answered(example, *([(start, end)] if start < end else []))


def best_answer(
    window: AnswerWindow, starts: Sequence[float], ends: Sequence[float]
) -> tuple[float, Bounds] | None:
    """How far the best stretch of the context is ahead of no answer, and its bounds."""
    places, bounds = window.places, window.bounds
    count = len(places)
    firsts = sorted(range(count), key=lambda i: -starts[places[i]])[:BEST]
    lasts = sorted(range(count), key=lambda i: -ends[places[i]])[:BEST]
    pairs = [(i, j) for i in firsts for j in lasts if i <= j < i + LONGEST]
    if not pairs:  # the likely ends stand before the likely beginnings: single tokens remain
        pairs = [(i, i) for i in range(count)]
    if not pairs:
        return None
    i, j = max(pairs, key=lambda p: starts[places[p[0]]] + ends[places[p[1]]])
    ahead = starts[places[i]] + ends[places[j]] - starts[0] - ends[0]
    return ahead, (bounds[i][0], bounds[j][1])
