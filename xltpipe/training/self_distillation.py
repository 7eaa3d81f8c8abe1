"""SelfDistillation: answers across languages, learnt from oneself (Carrino et al., 2023).

Parallel QA is mixed so that a question in one language meets its context in another; the model of
the epoch before teaches, as far as it ranks the right places itself (mAP@k).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from xltpipe.errors import DataError, require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.training.answers import CONTEXT
from xltpipe.training.crossing import Crossed, cross
from xltpipe.training.fine_tuning import FineTuning
from xltpipe.training.fitting import fit, watched
from xltpipe.training.labelled import check_task
from xltpipe.training.resumable import Resumable
from xltpipe.training.self_distillation_answers import gold, passages, place
from xltpipe.training.sentences import make_home
from xltpipe.training.small_bert import SmallBert
from xltpipe.training.transformers_heads import make, save
from xltpipe.types import Example

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Row = dict[str, Any]


class SelfDistillation(FineTuning):
    """Settings; defaults are the paper's: 3 epochs, temperature 2, 5 languages of questions.

    Its `model` had learnt from SQuAD before; one without a head for answers gets a new one, whose
    first epoch is learnt from the labels nearly alone.
    """

    kind: Literal["self_distillation"] = "self_distillation"
    tasks: ClassVar[frozenset[Task]] = frozenset({"qa"})
    config: SmallBert | None = None
    question_languages: int = Field(default=5, ge=1)  # of each context, drawn; 1: no mixing
    cross_entropy: float = Field(default=1.0, ge=0)  # the labels' weight
    temperature: float = Field(default=2.0, gt=0)
    k: int = Field(default=10, ge=1)  # of mAP@k
    tolerance: int = Field(
        default=5, ge=1
    )  # a hit is at most so many tokens before, or fewer after
    max_answer_tokens: int = Field(default=30, ge=1)
    n_best: int = Field(default=1, ge=1, le=100)
    """Answers to give to a question, best first; the metric `retrieval` looks down the list."""

    def build(self, seed: int, task: Task = "qa") -> Trainer:
        """Make the trainer; the seed draws new weights, languages, the order and dropout.

        Raises:
            RecipeError: the task is another than `qa`.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return SelfDistillationTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        from xltpipe.training.self_distillation_tagger import SelfDistillationTagger

        return SelfDistillationTagger(
            home,
            self.kind,
            device=self.device,
            batch_size=self.predict_batch_size,
            n_best=self.n_best,
        )


class SelfDistillationTrainer(Resumable):
    """Fits with transformers' Trainer; after each epoch the student becomes the teacher."""

    def __init__(self, spec: SelfDistillation, seed: int) -> None:
        self._spec, self._seed = spec, seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:
        """Write the model of the last epoch, its tokenizer, `settings.json` and `report.json`.

        `examples` hold the same questions (by id) in several languages. `dev` decides when to
        stop, with `patience`; without, its loss stands in the report.

        Raises:
            DataError: nothing to learn from, no question in two languages, or `home` not empty.
            RecipeError: the checkpoint cannot be loaded or does not fit.
        """
        from xltpipe.training.self_distillation_network import SelfDistillingQuestionAnswering

        usable, counts = _usable(examples)
        if not usable:
            raise DataError(
                "Training data must hold at least one question with a context, was: none in "
                f"{counts['examples']} examples; look at the rejected rows: were all dropped?"
            )
        crossed = self._crossed(usable, counts["masked_examples"])
        spec, texts = self._spec, (text for example in usable for text in example.texts)
        model, tokenizer = make(spec, self._seed, "QuestionAnswering", [], texts)
        make_home(home)
        rows = self._rows([one.example for one in crossed], tokenizer)
        dev_rows = self._rows(_usable(dev)[0], tokenizer)
        network = SelfDistillingQuestionAnswering(
            model,
            cross_entropy_weight=spec.cross_entropy,
            temperature=spec.temperature,
            k=spec.k,
            tolerance=spec.tolerance,
        )
        work = self._work(home)
        with watched(_advancing(network)):
            fitted = fit(
                network,
                tokenizer,
                rows,
                dev_rows,
                spec.schedule(self._seed),
                work,
                _collator(tokenizer),
            )
        told = {"seed": self._seed, "task": "qa", "unanswered": counts["unanswered"] > 0}
        counts |= {"rows": len(crossed), "crossed": sum(one.crosses for one in crossed)}
        counts["windows"] = len(rows)
        report = counts | fitted | {"coefficients": network.coefficients}
        save(home, model, tokenizer, spec.identity() | told, report)

    def _crossed(self, examples: Sequence[Example], masked: int) -> list[Crossed]:
        crossed = cross(examples, self._spec.question_languages, self._seed)
        if self._spec.question_languages > 1 and not any(one.crosses for one in crossed):
            raise DataError(
                "Training data of self_distillation must hold questions in two languages with one "
                f"id, was: {_one_language(examples, masked)}; or set question_languages = 1"
            )
        return crossed

    def _rows(self, examples: Sequence[Example], tokenizer: PreTrainedTokenizerFast) -> list[Row]:
        rows: list[Row] = []
        for example in examples:
            answer = gold(example)
            for window in passages(tokenizer, example, self._spec.max_tokens, self._spec.overlap):
                none = window.none, window.none
                first, last = none if answer is None else place(window, answer)
                rows.append(window.inputs | {"start_positions": first, "end_positions": last})
        return rows


def _one_language(examples: Sequence[Example], masked: int) -> str:
    """What is wrong with examples that cannot be crossed, and the remedy."""
    langs = sorted({e.lang for e in examples})
    lost = f", and {masked} more whose answer was lost" if masked else ""
    if len(langs) > 1:
        return (
            f"none in {len(examples)} examples ({', '.join(langs)}){lost}; give the same question "
            "the same id in each language"
        )
    return (
        f"no row of a language but {langs[0]} ({len(examples)} examples{lost}); with the strategy "
        "translate_train_all that means that no translated row was kept: `xltpipe quality preview` "
        "shows what rejects them; the other strategies learn one language alone: choose that one"
    )


def _usable(examples: Iterable[Example]) -> tuple[list[Example], dict[str, int]]:
    """Examples to learn from: not those whose answer was lost, which nobody knows."""
    kept: list[Example] = []
    counts = {"examples": 0, "unanswered": 0, "masked_examples": 0, "without_context": 0}
    for example in examples:
        counts["examples"] += 1
        context = example.texts[CONTEXT] if len(example.texts) > CONTEXT else ""
        if not context.strip():
            counts["without_context"] += 1
        elif CONTEXT in example.masked and gold(example) is None:
            counts["masked_examples"] += 1
        else:
            kept.append(example)
            counts["unanswered"] += gold(example) is None
    return kept, counts


def _collator(tokenizer: PreTrainedTokenizerFast) -> Any:
    torch = require("torch", "train")
    marks = ("start_positions", "end_positions")

    def collate(rows: Sequence[Row]) -> dict[str, Any]:
        inputs = [{k: v for k, v in row.items() if k not in marks} for row in rows]
        batch = dict(tokenizer.pad(inputs, return_tensors="pt", padding_side="right"))
        return batch | {mark: torch.tensor([row[mark] for row in rows]) for mark in marks}

    return collate


def _advancing(network: Any) -> Any:
    class Advancing(require("transformers", "train").TrainerCallback):  # type: ignore[misc]
        """Tells the network that an epoch is over; its coefficients are kept with checkpoints."""

        def on_epoch_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            network.advance()
            state.log_history.append({"coefficient": network.coefficients[-1]})

        def on_train_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            told = state.log_history  # of a training that went on: also of the epochs before
            network.coefficients = [one["coefficient"] for one in told if "coefficient" in one]

    return Advancing()
