"""What quality estimation computes of a pair besides the scorers: lexical and language models.

Everything is counted from text: the aligner and the frequencies from the training split's own
pairs (of its own rows from four fifths that they are not in), the English language models from
English text that has nothing to do with the pairs.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import gold
import numpy as np

from xltpipe.alignment import HMM
from xltpipe.alignment.bitext import keys
from xltpipe.alignment.hmm_parameters import HMMParameters
from xltpipe.alignment.similarity import signatures, similarity
from xltpipe.protocols import Pair
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Words

FOLDS = 5
LEAST = 1e-3
"""Probability of a word that nothing explains."""
UNLIKELY = 0.05

LEXICAL = (
    "linked_source", "linked_target", "link_score", "forward", "backward", "forward_unlikely",
    "backward_unlikely", "distortion", "unknown_target", "unknown_source",
)  # fmt: skip
FREQUENCY = ("mean", "least", "unseen")
LANGUAGE = ("characters", "characters_worst", "words", "unigram", "unigram_least", "unigram_rare")

Columns = dict[str, np.ndarray]


def lexical(train: Sequence[Pair], others: Sequence[Sequence[Pair]]) -> list[Columns]:
    """Alignment features of the training pairs, out of fold, and of other pairs."""
    rows = np.zeros((len(train), len(LEXICAL)))
    for fold in range(FOLDS):
        mine = [n for n in range(len(train)) if n % FOLDS == fold]
        learnt = [pair for n, pair in enumerate(train) if n % FOLDS != fold]
        rows[mine] = _lexical(learnt, [train[n] for n in mine])
    done = [rows, *(_lexical(train, pairs) for pairs in others)]
    return [dict(zip(LEXICAL, found.T, strict=True)) for found in done]


def _lexical(train: Sequence[Pair], pairs: Sequence[Pair]) -> np.ndarray:
    home = Path(tempfile.mkdtemp())
    HMM().train(train, home)
    aligner = HMM().build(home, "und", "eng")
    found = aligner.align(pairs)
    return np.array([_row(aligner.parameters, *p, a) for p, a in zip(pairs, found, strict=True)])


def _row(model: HMMParameters, source: Words, target: Words, links: Alignment) -> list[float]:
    """Model 1 read both ways: of each word the probability under its best partner."""
    ours, theirs = keys(source), keys(target)
    if not ours or not theirs:
        return [np.nan] * len(LEXICAL)
    i, j = model.source.find(ours), model.target.find(theirs)
    counts = model.find(np.repeat(i, len(j)), np.tile(j, len(i))).reshape(len(i), len(j))
    counts = counts + _likeness(ours, theirs)
    forward = np.log(np.maximum((counts / model.source_totals[i][:, None]).max(0), LEAST))
    backward = np.log(np.maximum((counts / model.target_totals[j]).max(1), LEAST))
    places = [abs(a / len(i) - b / len(j)) for a, b in links.links]
    return [
        len({a for a, _ in links.links}) / len(i),
        len({b for _, b in links.links}) / len(j),
        float(np.mean(links.scores)) if links.scores else 0.0,
        forward.mean(),
        backward.mean(),
        (forward < np.log(UNLIKELY)).mean(),
        (backward < np.log(UNLIKELY)).mean(),
        float(np.mean(places)) if places else 0.5,
        (j == 0).mean(),
        (i == 0).mean(),
    ]


def _likeness(ours: Sequence[str], theirs: Sequence[str]) -> np.ndarray:
    one, other = signatures(ours), signatures(theirs)
    like = similarity(np.repeat(one, len(theirs), 0), np.tile(other, (len(ours), 1)))
    return np.where(like >= 0.5, like, 0).reshape(len(ours), len(theirs))


def frequencies(train: Sequence[str], texts: Sequence[str], *, own: bool) -> Columns:
    """Log frequency of a text's words in the training texts; with `own` without its own words."""
    counts = Counter(word for text in train for word in keys(tokenise(text)))
    rows = []
    for text in texts:
        words = keys(tokenise(text))
        mine = Counter(words) if own else Counter()
        logs = np.log([max(0, counts[w] - mine[w]) + 0.1 for w in words] or [1.0])
        rows.append((logs.mean(), logs.min(), (logs < 0).mean()))
    return dict(zip(FREQUENCY, np.array(rows).T, strict=True))


class NGrams:
    """An n-gram model with Witten-Bell smoothing (1991) over characters or words."""

    def __init__(self, texts: Iterable[Sequence[str]], order: int, unseen: float) -> None:
        self.order, self._unseen = order, unseen
        self._counts: list[Counter] = [Counter() for _ in range(order + 1)]
        for items in texts:
            whole = self._framed(items)
            for end in range(order, len(whole) + 1):
                for size in range(1, order + 1):
                    self._counts[size][whole[end - size : end]] += 1
        self._totals: list[Counter] = [Counter() for _ in range(order + 1)]
        self._types: list[Counter] = [Counter() for _ in range(order + 1)]
        for size in range(1, order + 1):
            for gram, count in self._counts[size].items():
                self._totals[size][gram[:-1]] += count
                self._types[size][gram[:-1]] += 1

    def _framed(self, items: Sequence[str]) -> tuple[str, ...] | str:
        if isinstance(items, str):
            return " " * (self.order - 1) + items + " "
        return ("<s>",) * (self.order - 1) + tuple(items) + ("</s>",)

    def logs(self, items: Sequence[str]) -> np.ndarray:
        """Log-probability of each item and of the end."""
        whole, out = self._framed(items), []
        for end in range(self.order, len(whole) + 1):
            chance = self._unseen
            for size in range(1, self.order + 1):
                gram = whole[end - size : end]
                total = self._totals[size].get(gram[:-1], 0)
                if not total:
                    break
                types = self._types[size][gram[:-1]]
                chance = (self._counts[size].get(gram, 0) + types * chance) / (total + types)
            out.append(np.log(chance))
        return np.array(out)

    def frequency(self, item: str) -> int:
        return self._counts[1].get((item,), 0)


class English:
    """Two language models of English: six characters, three words."""

    def __init__(self) -> None:
        texts = english()
        self._characters = NGrams((t.lower() for t in texts), 6, 1 / 500)
        self._words = NGrams((keys(tokenise(t)) for t in texts), 3, 1e-6)

    def features(self, texts: Sequence[str]) -> Columns:
        rows = []
        for text in texts:
            characters = self._characters.logs(text.lower())
            words = keys(tokenise(text))
            counts = np.log([self._words.frequency(w) + 0.1 for w in words] or [1.0])
            worst = np.sort(characters)[: max(1, len(characters) // 5)].mean()
            logs = self._words.logs(words)
            rows.append(
                (characters.mean(), worst, logs.mean(), counts.mean(), counts.min(),
                 (counts < 0).mean())
            )  # fmt: skip
        return dict(zip(LANGUAGE, np.array(rows).T, strict=True))


def english() -> list[str]:
    """English that is no translation of the pairs: encyclopaedia, news, everyday sentences."""
    blocks = gold._text("ner/wikineural/en.val.conllu").split("\n\n")  # noqa: SLF001
    wiki = [
        " ".join(line.split("\t")[1] for line in block.split("\n") if line and line[0] != "#")
        for block in blocks
    ]
    tatoeba = [source for source, _ in gold._columns("parallel/tatoeba.en-es.tsv")]  # noqa: SLF001
    news = [source for source, _ in gold._columns("parallel/mafand/en-swa.train.tsv")]  # noqa: SLF001
    direct = [s for s, _ in gold._columns("qe/mlqe_pe/en-de.train.tsv", first=1)[1:]]  # noqa: SLF001
    return [text for text in (*wiki, *tatoeba[::2], *news, *direct) if text]
