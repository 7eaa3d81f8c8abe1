"""Recipe: one experiment, checked as a whole before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from xltpipe.datasets import Choice, SourceSpec
from xltpipe.durable import digest_json
from xltpipe.errors import RecipeError
from xltpipe.evaluation import METRICS, MetricSpec, SpanF1, default_metric
from xltpipe.kinds import TASKS, WRITTEN, Task
from xltpipe.matrix import Matrix
from xltpipe.projection import Aligned, ProjectorSpec, Tags
from xltpipe.projection.tags import UNTAGGED
from xltpipe.quality import Rules
from xltpipe.quality.settings import Quality
from xltpipe.recipe_parts import Compare, Lang, Name, Sequential, Supervised, TargetDev, Test
from xltpipe.spec import Incidental, Spec
from xltpipe.strategies import LABELLING, LABELS_NEEDED, TESTING, Strategy
from xltpipe.training import (
    CONTINUING,
    Crf,
    TrainerSpec,
    asked_by,
    continues,
    default_trainer,
    innermost,
)
from xltpipe.translation import Copy, CTranslate2, TranslatorSpec


def _asking(source: Any) -> int:
    """The texts of a choice before its options, of a source that may be still to check."""
    told = source.get("context") if isinstance(source, dict) else getattr(source, "context", None)
    return 1 if told is None else 2


_NAMED = 4
"""Target languages that a title names."""
PAIRED = frozenset({"filter"})
"""Kinds of trainers that learn texts with their translations."""
_WITHOUT_GOLD = frozenset({"supervised", "translate_test", "round_trip", "fused"})
"""Strategies that `gold_rows` adds nothing to: they have it all, or learn the source language."""


class Recipe(Spec):
    """One experiment: labelled source data, target languages, and how to get there."""

    name: Name
    """Begins the names of its runs."""
    source: Lang = "eng"
    """The language of the labelled data; ISO 639 or an engine's own code."""
    targets: tuple[Lang, ...] = Field(min_length=1)
    """Languages to carry the labels into."""
    strategies: tuple[Strategy, ...] = Field(("translate_train",), min_length=1)
    """`corpus` trains nothing; the others train a model and score it on `tests`."""
    task: Task = "spans"
    """What the examples are: decides what trainers and metrics there are (docs/tasks.md)."""
    seed: int = Field(1, ge=0)
    """Of everything that is drawn by chance."""
    labels: tuple[str, ...] | None = None
    """Labels to keep; spans with others are left out when reading, and counted."""
    on_error: Literal["fail", "quarantine"] = "fail"
    """A row that a component falls over ends the run, or is set aside and counted."""
    incomplete: Literal["drop", "keep", "mask"] = "drop"
    """What becomes of a row that lost a span: `drop` rejects it (by the rule spans_placed), `keep`
    takes the lost span's words for unlabelled, `mask` keeps the row but not that claim."""
    shard_rows: int = Field(2000, ge=1)
    """Rows of one shard, at most."""
    reuse_aligner: float = Field(0.8, ge=0, le=1)
    """An aligner of an earlier revision of the data is kept, and with it what was projected, if it
    was trained on at least this share of the rows; 1: each revision trains its own."""

    train: SourceSpec
    """Labelled data in the source language."""
    dev: SourceSpec | None = None
    """More of it, by which training is judged while it goes on."""
    tests: tuple[Test, ...] = ()
    """Gold data in target languages, for `sequential` also the source's; what is scored."""
    supervised: tuple[Supervised, ...] = ()
    """Gold training data in target languages, for `supervised` and `few_shot`."""
    gold_rows: int | None = Field(None, ge=1)
    """So many rows of `supervised` are added to what every other strategy learns from."""
    switched: float = Field(0.5, gt=0, le=1)
    """`code_switched`: the share of words that are translated, of those that can be."""
    ensemble: Literal["union", "intersection"] = "union"
    """`ensemble`, for spans: those of `translate_train` and such of `translate_test` as overlap
    none of them, or those that both found. Labels: the highest mean probability."""
    sequence: Sequential = Sequential()
    """`sequential`: the order of languages, and what is learnt of each."""
    strict: bool = False
    """Test rows that something in the recipe has seen before end the run; else they are told."""
    oracle: bool = False
    """Judge training by `target_dev`, which a language without labelled data does not have: every
    score says so in its signature."""
    target_dev: tuple[TargetDev, ...] = ()
    """Gold development data in target languages; for `oracle` alone."""

    translation: TranslatorSpec = CTranslate2()
    """The engine that translates."""
    projection: ProjectorSpec = Aligned()
    """How labels find their place in the translation."""
    quality: Quality = Quality()
    """Scores beyond those that every row gets."""
    rules: Rules = Rules()
    """Thresholds on scores; a row outside is rejected, with the reason."""
    training: TrainerSpec = Crf()
    """What is trained; unset, one without weights that suits the task (docs/training.md)."""
    evaluation: MetricSpec = SpanF1()
    """The metric; unset, that of the task (docs/metrics.md)."""

    # not part of a run: what is compared does not change what a run makes
    compare: Annotated[Compare | None, Incidental] = None
    """What `xltpipe compare projections` sets side by side."""
    matrix: Annotated[Matrix | None, Incidental] = None
    """What `xltpipe compare` varies, run by run."""

    folder: Annotated[str, Incidental] = "."
    """Where the recipe lies; its relative paths start there."""
    store: Annotated[str | None, Incidental] = None
    """The data folder, or its address, for processes that work for this one; set when it runs."""
    executor: Annotated[Literal["threads", "dask", "ray"], Incidental] = "threads"
    """Where shards are worked on: in this process, or in processes of Dask or Ray."""
    address: Annotated[str | None, Incidental] = None
    """A Dask scheduler or Ray cluster that is there; None starts one for the run, here."""
    workers: Annotated[int, Incidental] = Field(2, ge=1)
    """Shards under way at once; engines use all cores by themselves. With dask or ray, processes
    to start, which share the cores; a cluster that is there has as many as it has."""

    @model_validator(mode="before")
    @classmethod
    def _by_task(cls, data: Any) -> Any:
        """What is not set, as the task needs it."""
        task: Any = data.get("task", "spans") if isinstance(data, dict) else "spans"
        if task == "spans" or task not in TASKS:
            return data
        found: dict[str, Any] = {"evaluation": default_metric(task)}
        if set(data.get("strategies", ())) != {"corpus"} and "training" not in data:
            try:
                found["training"] = default_trainer(task, _asking(data.get("train")))
            except RecipeError as error:
                raise ValueError(str(error)) from error
        return found | data

    @model_validator(mode="after")
    def _suited(self) -> Recipe:
        """What learns and what measures can do so with examples of this kind."""
        if set(self.strategies) == {"corpus"}:
            return self
        if self.task not in self.training.tasks:
            raise ValueError(
                f"training must be of a kind that learns {self.task}, was: {self.training.kind!r}, "
                f"which learns {', '.join(sorted(self.training.tasks))}; leave [training] out for "
                "one that does (docs/training.md)"
            )
        alone = [s for s in self.strategies if s not in {"fused", "corpus"}]
        paired = self.training.kind in PAIRED
        if paired and alone:
            raise ValueError(
                f"training {self.training.kind} learns texts with their translations, which only "
                f'the strategy "fused" gives it, was: {alone[0]}'
            )
        if "fused" in self.strategies and not paired:
            raise ValueError(
                f"fused needs a trainer of pairs of texts ({', '.join(sorted(PAIRED))}), was: "
                f"{self.training.kind!r}"
            )
        if "sequential" in self.strategies and not continues(self.training):
            raise ValueError(
                f"sequential needs a trainer whose models can learn further "
                f"({', '.join(sorted(CONTINUING))}), was: {self.training.kind!r}"
            )
        self._check_written()
        self._check_asked()
        if self.evaluation.kind not in METRICS[self.task]:
            raise ValueError(
                f"evaluation must be of a kind that measures {self.task}, "
                f"{' or '.join(METRICS[self.task])}, was: {self.evaluation.kind!r}"
            )
        return self

    def _check_written(self) -> None:
        """Of texts that are written: what can be made of them, and in which language they are."""
        if self.task not in WRITTEN:
            return
        needing = [s for s in self.strategies if s in LABELS_NEEDED]
        if needing:
            raise ValueError(
                f"{needing[0]} needs a task with labels, was: {self.task}, whose model writes "
                f"texts; leave {needing[0]} out"
            )
        into = getattr(innermost(self.training), "into", None)
        if into in {self.source, *self.targets}:
            raise ValueError(
                f"training.into must be the language of the references, beside source and "
                f"targets, was: {into}; a model from {self.source} into a target is made by "
                "xltpipe models train"
            )

    def _check_asked(self) -> None:
        """What is asked is no option, and answers that are asked for can be given."""
        turning = [s for s in self.strategies if s in TESTING]
        count = getattr(innermost(self.training), "n_best", 1)
        if turning and count > 1:
            raise ValueError(
                f"n_best must be 1 with {turning[0]}, was: {count}; "
                "answers that overlap cannot all be carried back"
            )
        if self.task != "choice":
            return
        data = [self.train, self.dev, *(test.data for test in self.tests)]
        data += [gold.data for gold in self.supervised] + [dev.data for dev in self.target_dev]
        told = asked_by(self.training)
        for source in data:
            asking = _asking(source)
            if isinstance(source, Choice) and told is not None and asking != told:
                raise ValueError(
                    f"training.prompts must be the texts before the options, {asking} in "
                    f"{source.path} (question{', context' if asking > 1 else ''}), was: {told}"
                )

    @model_validator(mode="after")
    def _tagging(self) -> Recipe:
        if isinstance(self.projection.marking, Tags) and not self.translation.native_tags():
            raise ValueError(f"{UNTAGGED} (translation {self.translation.kind!r})")
        return self

    @model_validator(mode="after")
    def _reachable(self) -> Recipe:
        if self.address is not None and self.executor == "threads":
            raise ValueError(
                f"address must be of a Dask or Ray cluster, was: {self.address} with executor "
                '"threads"; set executor = "dask" or "ray"'
            )
        return self

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        if self.source in self.targets:
            raise ValueError(f"targets must not contain the source language, was: {self.source}")
        testing = [s for s in self.strategies if s in TESTING - {"fused"}]
        if testing and not self.projection.in_place:
            raise ValueError(
                f"{testing[0]} needs a projector that labels a given text, was: projection "
                f"{self.projection.kind!r}, which writes its own; choose aligned, or leave "
                f"{testing[0]} out"
            )
        if "code_switched" in self.strategies and not self.projection.aligners():
            raise ValueError(
                f"code_switched needs a projector with a word aligner, was: projection "
                f"{self.projection.kind!r}; choose aligned, or leave code_switched out"
            )
        for key in ("targets", "strategies"):
            listed = getattr(self, key)
            if len(set(listed)) != len(listed):
                raise ValueError(f"{key} must each be named once, was: {', '.join(listed)}")
        names = [(t.lang, t.name) for t in self.tests]
        if len(set(names)) != len(names):
            raise ValueError("tests of one language must have different names")
        known = (self.source, *self.targets)
        gold = {self.source, *(s.lang for s in self.supervised)}
        self.sequence.fit(known, gold if "sequential" in self.strategies else None)
        strays = {t.lang for t in self.tests} - set(self.targets)
        if self._sequenced and self.source in self.order:
            strays -= {self.source}
        if strays:
            raise ValueError(
                f"tests must be in a target language, was: {', '.join(sorted(strays))}"
            )
        self._check_gold()
        unknown = {g.lang for g in self.compare.gold} - set(self.targets) if self.compare else set()
        if unknown:
            raise ValueError(
                f"compare.gold must be in a target language, was: {', '.join(sorted(unknown))}"
            )
        return self

    @property
    def _sequenced(self) -> bool:
        """The strategy `sequential` is run, or compared with others."""
        compared = (self.matrix.strategies if self.matrix else None) or ()
        return "sequential" in (*self.strategies, *compared)

    def _check_gold(self) -> None:
        asking: list[str] = [s for s in self.strategies if s in {"supervised", "few_shot"}]
        asking += ["gold_rows"] if self.gold_rows is not None else []
        missing = set(self.targets) - {s.lang for s in self.supervised}
        if asking and missing:
            raise ValueError(
                f"{asking[0]} needs training data for each target, was: none for "
                f"{', '.join(sorted(missing))}; add [[supervised]] with lang and data"
            )
        for key in ("supervised", "target_dev"):
            langs = [one.lang for one in getattr(self, key)]
            if len(set(langs)) != len(langs):
                raise ValueError(
                    f"{key} must be given once for a language, was: {', '.join(langs)}"
                )
        if "few_shot" in self.strategies and self.gold_rows is None:
            raise ValueError("few_shot needs gold_rows, the number of rows, was: none")
        missing = set(self.targets) - {d.lang for d in self.target_dev}
        if self.oracle and missing:
            raise ValueError(
                f"oracle needs development data for each target, was: none for "
                f"{', '.join(sorted(missing))}; add [[target_dev]] with lang and data"
            )
        if self.target_dev and not self.oracle:
            raise ValueError(
                "target_dev would choose models by data that a new language does not have, was: "
                "given without oracle = true; set that, and signatures will tell it, or leave "
                "target_dev out"
            )

    @property
    def verdicts(self) -> Rules:
        """The rules that apply: none on lost spans where incomplete rows are kept."""
        if self.incomplete == "drop":
            return self.rules
        return self.rules.model_copy(update={"spans_placed": None})

    @property
    def root(self) -> Path:
        return Path(self.folder)

    @property
    def run(self) -> str:
        """The run's id: the name and a digest of all that decides its result, data included."""
        digests = [source.digest(self.root) for source in self.sources]
        return f"{self.name}-{digest_json([self.identity(), digests])[:8]}"

    @property
    def title(self) -> str:
        """The run's id with its languages and strategies, for whoever looks through many runs."""
        named, more = ", ".join(self.targets[:_NAMED]), len(self.targets) - _NAMED
        targets = f"{named} and {more} more" if more > 0 else named
        strategies = ", ".join(self.strategies).replace("_", "-")
        return f"{self.run} {self.source}→{targets}: {strategies}"

    @property
    def sources(self) -> list[SourceSpec]:
        """Every source of data."""
        out = [self.train, *([self.dev] if self.dev else [])]
        out += [t.data for t in self.tests] + [s.data for s in self.supervised]
        return out + [d.data for d in self.target_dev]

    @property
    def order(self) -> tuple[str, ...]:
        """The languages that `sequential` learns, one after another."""
        return self.sequence.order or (self.source, *self.targets)

    @property
    def arms(self) -> list[tuple[str, tuple[Strategy, ...]]]:
        """Every language with the strategies that are run for it.

        `sequential` is run for each language of its order, and tested there after each stage; for
        the source language only where it has tests: they show what was forgotten.
        """
        found = [(target, self._strategies_for(target)) for target in self.targets]
        if self.tests_in(self.source) and (alone := self._strategies_for(self.source)):
            found = [(self.source, alone), *found]
        return found

    def _strategies_for(self, lang: str) -> tuple[Strategy, ...]:
        usual = [] if lang == self.source else [s for s in self.strategies if s != "sequential"]
        last: list[Strategy] = ["sequential"]
        sequenced = "sequential" in self.strategies and lang in self.order
        return (*usual, *(last if sequenced else ()))

    @property
    def labelling(self) -> bool:
        """Some strategy translates and labels the training data."""
        gold = {"sequential"} if self.sequence.data == "supervised" else set()
        return bool((LABELLING - gold) & set(self.strategies))

    @property
    def testing(self) -> bool:
        """Some strategy translates the test data into the source language."""
        return bool(TESTING & set(self.strategies))

    @property
    def back(self) -> Recipe:
        """The recipe of the way back from its first target; for that from one of several take
        `into(target).back`.
        """
        return self.model_copy(update={"source": self.targets[0], "targets": (self.source,)})

    def into(self, target: str) -> Recipe:
        """The recipe for one of its targets alone."""
        return self.model_copy(update={"targets": (target,)})

    def tests_in(self, target: str) -> tuple[Test, ...]:
        return tuple(t for t in self.tests if t.lang == target)

    def signed(self, strategy: Strategy) -> dict[str, str]:
        """What the signatures of a strategy's scores must tell besides its name."""
        out = {}
        if self.oracle and strategy not in TESTING - {"ensemble"}:
            out["selection"] = "oracle"
        learnt = self.sequence.data if strategy == "sequential" else strategy
        if self.gold_rows is not None and learnt not in _WITHOUT_GOLD:
            out["gold_rows"] = str(self.gold_rows)
        if strategy == "code_switched":
            out["switched"] = f"{self.switched:g}"
        if strategy == "ensemble":
            out["ensemble"] = self.joined_by
        translating = strategy in TESTING or learnt in LABELLING
        if translating and isinstance(self.translation, Copy):
            out["engine"] = "copy"  # a control: nothing was translated
        return out

    def signed_stage(self, stage: int) -> dict[str, str]:
        """What signatures of `sequential` tell of a stage: its number, from 0, what was learnt
        until then in this order, and whether that was a corpus or gold.
        """
        return self.sequence.signed(self.order[: stage + 1])

    @property
    def joined_by(self) -> Literal["union", "intersection", "first"]:
        """How `ensemble` joins spans: of answers to a question only one can be meant."""
        return "first" if self.task == "qa" and self.ensemble == "union" else self.ensemble

    def dev_of(self, target: str) -> SourceSpec | None:
        """Gold development data of a target language, where the recipe says `oracle`."""
        return next((d.data for d in self.target_dev if d.lang == target), None)

    def gold(self, target: str) -> Supervised:
        """The supervised training data of a target language; the recipe was checked to have it."""
        return next(s for s in self.supervised if s.lang == target)
