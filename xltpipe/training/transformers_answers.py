"""Answers with transformers: where an answer begins and ends in its context (Devlin et al., 2019).

A context of any length is read in windows that overlap, each beside the question. The first token
of a window means that it has no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.training.answers import CONTEXT, QUESTION, Questions, answered, answers, check_texts
from xltpipe.training.continuing import GoingOn, settings_of
from xltpipe.training.fitting import Row, fit
from xltpipe.training.sentences import make_home, read_settings
from xltpipe.training.transformers_beginning import after, begin
from xltpipe.training.transformers_heads import Opened, save
from xltpipe.training.windows import Inputs
from xltpipe.types import Bounds, Example

if TYPE_CHECKING:
    from xltpipe.training.transformers import Transformers

BEST = 20
"""Beginnings and ends of a window that are tried with each other."""
LONGEST = 30
"""Tokens of the longest answer (as in the SQuAD code of BERT)."""
CHUNK = 64


@dataclass(frozen=True, slots=True)
class Window:
    """One window: what the model takes, and the bounds of its tokens of the context."""

    inputs: Inputs
    first: int
    """Place of the first token of the context."""
    bounds: list[Bounds]


class Windowing:
    """Cuts contexts into windows beside their questions; long questions are cut off and counted."""

    def __init__(self, tokenizer: Any, length: int, overlap: int) -> None:
        self._tokenizer, self._length, self._overlap = tokenizer, length, overlap
        self.counts = {"windows": 0, "truncated_questions": 0}

    def __call__(self, question: str, context: str) -> list[Window]:
        """The windows of one example, in order."""
        short, size = self._question(question)
        room = self._length - size - 4  # special tokens of a pair
        encoded = self._tokenizer(
            [short],
            [context],
            truncation="only_second",
            max_length=self._length,
            stride=max(0, min(self._overlap, room // 2)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        names = [n for n in encoded if n not in {"offset_mapping", "overflow_to_sample_mapping"}]
        out = []
        for number, offsets in enumerate(encoded["offset_mapping"]):
            places = [i for i, side in enumerate(encoded.sequence_ids(number)) if side == 1]
            first = places[0] if places else 0
            bounds = [tuple(offsets[i]) for i in places]
            out.append(Window({n: encoded[n][number] for n in names}, first, bounds))
        self.counts["windows"] += len(out)
        return out

    def _question(self, question: str) -> tuple[str, int]:
        """The question in half a window at most, and its number of tokens."""
        plain = {"add_special_tokens": False, "return_offsets_mapping": True, "verbose": False}
        offsets = self._tokenizer(question, **plain)["offset_mapping"]
        most = self._length // 2 - 4
        if len(offsets) <= most:
            return question, len(offsets)
        self.counts["truncated_questions"] += 1
        return question[: offsets[most - 1][1]], most


class TransformersAnswerTrainer(GoingOn):
    """Fine-tunes two scores per token, of being the first and the last of the answer."""

    def __init__(self, spec: Transformers, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._work: Path | None = None

    def keep(self, folder: Path) -> None:
        """Where checkpoints go until the training is done."""
        self._work = folder

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
        work = self._work or home.with_name(f"{home.name}.work")
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


def _place(window: Window, example: Example) -> tuple[int, int]:
    for span in answers(example):
        inside = [i for i, (a, b) in enumerate(window.bounds) if a < span.end and b > span.start]
        if not inside:
            continue
        whole = (
            window.bounds[inside[0]][0] <= span.start and window.bounds[inside[-1]][1] >= span.end
        )
        if whole:
            return window.first + inside[0], window.first + inside[-1]
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
            found = iter(self._best([window for part in windows for window in part]))
            for example, part in zip(batch, windows, strict=True):
                out.append(self._answer(example, [next(found) for _ in part]))
            progress.tick("predict", len(batch))
        if cut.counts["truncated_questions"]:
            progress.note(f"transformers: {cut.counts['truncated_questions']} questions cut off")
        return out

    def _answer(self, example: Example, found: Sequence[tuple[float, Bounds] | None]) -> Example:
        best = max((one for one in found if one is not None), default=None, key=lambda o: o[0])
        if best is None or (self._null and best[0] <= 0):
            return answered(example, None)
        start, end = best[1]
        covered = example.texts[CONTEXT][start:end]
        start += len(covered) - len(covered.lstrip())
        end -= len(covered) - len(covered.rstrip())
        return answered(example, (start, end) if start < end else None)

    def _best(self, windows: Sequence[Window]) -> list[tuple[float, Bounds] | None]:
        torch = require("torch", "train")
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].inputs["input_ids"]))
        out: list[tuple[float, Bounds] | None] = [None] * len(windows)
        for at in range(0, len(order), self._batch_size):
            places = order[at : at + self._batch_size]
            inputs = [windows[i].inputs for i in places]
            batch = self._opened.tokenizer.pad(inputs, return_tensors="pt").to(self._opened.device)
            with torch.inference_mode():
                logits = self._opened.model(**batch)
            starts, ends = logits.start_logits.tolist(), logits.end_logits.tolist()
            for i, one, two in zip(places, starts, ends, strict=True):
                out[i] = best_answer(windows[i], one, two)
        return out


def best_answer(
    window: Window, starts: Sequence[float], ends: Sequence[float]
) -> tuple[float, Bounds] | None:
    """How far the best stretch of the context is ahead of no answer, and its bounds."""
    count, first = len(window.bounds), window.first
    firsts = sorted(range(count), key=lambda i: -starts[first + i])[:BEST]
    lasts = sorted(range(count), key=lambda i: -ends[first + i])[:BEST]
    pairs = [(i, j) for i in firsts for j in lasts if i <= j < i + LONGEST]
    if not pairs:  # the likely ends stand before the likely beginnings: single tokens remain
        pairs = [(i, i) for i in range(count)]
    if not pairs:
        return None
    i, j = max(pairs, key=lambda p: starts[first + p[0]] + ends[first + p[1]])
    ahead = starts[first + i] + ends[first + j] - starts[0] - ends[0]
    return ahead, (window.bounds[i][0], window.bounds[j][1])
