"""EventCrf: a CRF that finds triggers and arguments, and a linear model that joins them.

A pipeline of two models without weights: no sharing between the decisions as in Li, Ji & Huang
(2013), but seconds on one core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Spec
from xltpipe.training.crf import CHUNK, MODEL, Crf, Fitting, Model
from xltpipe.training.event_links import Links
from xltpipe.training.event_reading import ROLE, TRIGGER, UNKNOWN, EventReading
from xltpipe.training.labelled import check_task
from xltpipe.training.sentences import REPORT, SETTINGS, make_home, read_settings, write_json
from xltpipe.training.tfidf_model import damaged
from xltpipe.types import Example, Link, Span


class EventCrf(Spec):
    """Settings of the CRF and of the model that joins."""

    tasks: ClassVar[frozenset[Task]] = frozenset({"events"})

    kind: Literal["event_crf"] = "event_crf"
    crf: Crf = Crf()
    """Of the CRF that finds triggers and arguments."""
    triggers: tuple[str, ...] | None = None
    """Labels of triggers; by default those of spans from which links go out (`EventReading`)."""
    c: float = Field(default=1.0, gt=0)
    """Inverse strength of the L2 penalty of the model that joins."""
    max_iterations: int = Field(default=300, ge=1)

    def check(self) -> None:
        require("sklearn", "train")
        require("safetensors", "train")

    def build(self, seed: int, task: Task = "events") -> Trainer:  # noqa: ARG002 - draws nothing
        """Make the trainer; every seed gives the same model.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return EventCrfTrainer(self)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        return EventCrfTagger(home)


class EventCrfTrainer:
    """Holds the examples in memory: what is a trigger shows in the whole of them."""

    def __init__(self, spec: EventCrf) -> None:
        self._spec = spec

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Write `model.crfsuite`, `model.safetensors` and three JSON files.

        They are `vocabulary.json`, `settings.json` and `report.json`, which counts what was not
        learnt (`EventReading`). `dev` is not looked at.

        Raises:
            DataError: no sentence or no trigger to learn from, or `home` is not empty.
            OSError: the disk is full.
        """
        spec = self._spec
        reading = EventReading(list(examples), spec.crf.scheme, spec.triggers)
        fitting = Fitting(spec.crf)
        rows = []
        for row in reading.sentences():
            fitting.add(row.sentence)
            if row.joined or row.unsure:
                rows.append(row)
        reading.check()
        make_home(home)
        fitting.write(home / MODEL)
        links = Links.fit(rows, reading.labels(), spec.c, spec.max_iterations)
        links.save(home)
        write_json(home / SETTINGS, spec.identity() | {"task": "events"})
        names = {"types": reading.names(TRIGGER), "roles": reading.names(ROLE)}
        write_json(home / REPORT, reading.counts | names | {"terms": len(links.vocabulary)})


class EventCrfTagger:
    """A trained pipeline; not to be shared between threads."""

    def __init__(self, home: Path) -> None:
        settings = read_settings(home, "event_crf")
        try:
            scheme = Crf.model_validate(settings["crf"]).scheme
        except (ValueError, KeyError) as error:
            raise damaged(home / SETTINGS, error) from error
        self._model = Model(home / MODEL, scheme)
        self._links = Links.load(home)
        self._alone = 0

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted triggers, arguments and links.

        An argument in a text without a trigger is left out, and a note tells how many were.
        """
        out: list[Example] = []
        self._alone = 0
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += [self._read(example) for example in batch]
            progress.tick("predict", len(batch))
        if self._alone:
            progress.note(
                f"event_crf: {self._alone} arguments left out, in texts without a trigger, "
                f"of {len(examples)} examples"
            )
        return out

    def _read(self, example: Example) -> Example:
        spans: list[Span] = []
        links: list[Link] = []
        for index in range(len(example.texts)):
            sentence, found = self._model.tag(example, index)
            if not any(span.label.startswith(TRIGGER) for span in found):
                self._alone += len(found)
                continue
            links += [
                Link(head + len(spans), tail + len(spans), found[tail].label.removeprefix(ROLE))
                for head, tail in self._links.join(sentence, found)
            ]
            spans += [replace(span, label=self._label(span.label), text=index) for span in found]
        return replace(example, spans=tuple(spans), links=tuple(links))

    def _label(self, tag: str) -> str:
        """A trigger's type, or the most frequent label of the role's arguments in training."""
        if tag.startswith(TRIGGER):
            return tag.removeprefix(TRIGGER)
        return self._links.labels.get(tag.removeprefix(ROLE), UNKNOWN)
