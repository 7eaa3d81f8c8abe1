"""Labels with transformers: classes and pairs by a sequence's head, choices by one per option."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.training.continuing import GoingOn
from xltpipe.training.fitting import IGNORED, Loss, Row, fit
from xltpipe.training.labelled import Labelled, LabelTagger, parts
from xltpipe.training.resumable import Resumable
from xltpipe.training.sentences import make_home, read_settings
from xltpipe.training.transformers_beginning import HEADS, after, begin
from xltpipe.training.transformers_heads import Opened, among_options, save, weighted
from xltpipe.training.windows import Inputs
from xltpipe.types import Example

if TYPE_CHECKING:
    from xltpipe.training.transformers import Transformers


class TransformersLabelTrainer(GoingOn, Resumable):
    """Fine-tunes for labels; long texts are cut off at `max_tokens`, and counted."""

    def __init__(self, spec: Transformers, seed: int, task: Task) -> None:
        self._spec = spec
        self._seed = seed
        self._task: Task = task

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model, its tokenizer, `settings.json` and `report.json`.

        `dev` decides when to stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: nothing to learn from, `patience` without dev, or `home` is not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        spec = self._spec
        reading = Labelled(self._task, spec.prompts)
        taught = list(reading.examples(examples))
        reading.check()
        labels = [] if self._task == "choice" else sorted(reading.labels)
        texts = (text for example in taught for text in example.texts)
        model, tokenizer, labels = begin(spec, self._seed, self._task, labels, texts, self._earlier)
        held = list(Labelled(self._task, spec.prompts, labels or None).examples(dev))
        make_home(home)
        encode = Encoding(tokenizer, spec.max_tokens)
        rows, watched = ([self._row(encode, e, labels) for e in part] for part in (taught, held))
        fitted = fit(
            model,
            tokenizer,
            rows,
            watched,
            after(spec.schedule(self._seed), self._earlier),
            self._work(home),
            Collator(tokenizer) if self._task == "choice" else _padding(tokenizer),
            self._loss(rows, labels),
        )
        settings = {"seed": self._seed, "task": self._task, "labels": labels}
        counts = {"truncated_texts": encode.truncated, "labels": labels}
        save(home, model, tokenizer, spec.identity() | settings, reading.counts | counts | fitted)

    def _row(self, encode: Encoding, example: Example, labels: Sequence[str]) -> Row:
        found = parts(example, self._task, self._spec.prompts)
        if self._task == "choice":
            right = [int(str(n) == example.label) for n in range(len(found) - 1)]
            return {"options": [encode(found[0], option) for option in found[1:]], "labels": right}
        return encode(*found) | {"labels": labels.index(str(example.label))}

    def _loss(self, rows: Sequence[Row], labels: Sequence[str]) -> Loss | None:
        if self._task == "choice":
            return among_options
        if self._spec.class_weights == "balanced":
            return weighted((row["labels"] for row in rows), len(labels))
        return None


class Encoding:
    """Tokens of one text or two, cut off where there is no room, the longer text first."""

    def __init__(self, tokenizer: Any, length: int) -> None:
        self._tokenizer, self._length = tokenizer, length
        self.truncated = 0

    def __call__(self, *texts: str) -> Inputs:
        """What the model takes."""
        whole = self._tokenizer(*texts, verbose=False)
        if len(whole["input_ids"]) <= self._length:
            return dict(whole)
        self.truncated += 1
        return dict(self._tokenizer(*texts, truncation=True, max_length=self._length))


def _padding(tokenizer: Any) -> Any:
    return require("transformers", "train").DataCollatorWithPadding(tokenizer)


class Collator:
    """Batches of options: (rows, options, tokens); rows with fewer are filled up with the first."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        torch = require("torch", "train")
        most = max(len(row["options"]) for row in rows)
        flat = [
            option
            for row in rows
            for option in [*row["options"], *row["options"][:1] * (most - len(row["options"]))]
        ]
        batch = self._tokenizer.pad(flat, return_tensors="pt")
        out = {name: table.view(len(rows), most, -1) for name, table in batch.items()}
        truth = [row["labels"] + [IGNORED] * (most - len(row["labels"])) for row in rows]
        return out | {"labels": torch.tensor(truth)}


class TransformersLabelTagger(LabelTagger):
    """A trained model for labels. Batches and threads do not change its labels."""

    def __init__(self, home: Path, *, device: Any, batch_size: int) -> None:
        settings = read_settings(home, "transformers")
        super().__init__(settings["task"], int(settings["prompts"]))
        self._opened = Opened(home, HEADS[self._task], device)
        self._labels: list[str] = settings["labels"]
        self._length, self._batch_size = int(settings["max_tokens"]), batch_size

    def probabilities(self, examples: Sequence[Example]) -> list[dict[str, float]]:
        """The probability of every label, for each example; what is cut off is told."""
        self._encode = Encoding(self._opened.tokenizer, self._length)
        found = super().probabilities(examples)
        if self._encode.truncated:
            told = f"{self._encode.truncated} texts of {len(examples)} examples"
            progress.note(f"transformers: {told} cut off at {self._length} tokens")
        return found

    def _likely(self, rows: Sequence[tuple[str, ...]]) -> list[dict[str, float]]:
        if self._task != "choice":
            logits = self._logits([self._encode(*row) for row in rows])
            return [
                dict(zip(self._labels, one.softmax(-1).tolist(), strict=True)) for one in logits
            ]
        flat = [self._encode(row[0], option) for row in rows for option in row[1:]]
        scores = iter(self._logits(flat))
        torch = require("torch", "train")
        likely = [torch.cat([next(scores) for _ in row[1:]]).softmax(-1).tolist() for row in rows]
        return [{str(number): p for number, p in enumerate(one)} for one in likely]

    def _logits(self, inputs: Sequence[Inputs]) -> list[Any]:
        """The logits of each, in double precision; of an option its one score."""
        torch = require("torch", "train")
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]["input_ids"]))
        out: list[Any] = [None] * len(inputs)
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            padded = self._opened.tokenizer.pad([inputs[i] for i in places], return_tensors="pt")
            batch = dict(padded.to(self._opened.device))
            if self._task == "choice":  # each as a row of one option
                batch = {name: table[:, None] for name, table in batch.items()}
            with torch.inference_mode():
                logits = self._opened.model(**batch).logits.double().cpu()
            for i, one in zip(places, logits, strict=True):
                out[i] = one
        return out
