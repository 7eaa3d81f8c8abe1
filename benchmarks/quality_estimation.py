"""Quality estimation: our combined score beside human judgements, and critical errors.

    python benchmarks/quality_estimation.py mlqe [--pairs et-en ro-en en-de] [--log FILE]
    python benchmarks/quality_estimation.py critical

mlqe: the combination (`deciding.learning.fit`, the model that `xltpipe quality suggest` writes) is
trained on the train split (7,000 pairs; good = mean direct assessment of 50 or more); groups of
scores are compared on dev; test figures were seen while building. `log-probability` is the column
that comes with the data, of the engine that made the translations.

critical: WMT21 critical errors en-de. The data say only whether a sentence has a critical error,
so errors of numbers, negation and names are told by rules of ours (see `_subsets`), and recall is
at 5 % false alarms on sentences without. Trained on train, tested on dev (test has no labels).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gold
import numpy as np
import regex
from quality_features import Columns, English, frequencies, lexical

from xltpipe import tables
from xltpipe.alignment.bitext import keys
from xltpipe.deciding.learning import fit
from xltpipe.quality import SCORERS, Rules
from xltpipe.quality.corruption import corrupt
from xltpipe.quality.stage import score
from xltpipe.text import tokenise
from xltpipe.types import Example, Span, Translation, Unit

SPLITS = ("train", "dev", "test")
ISO = {"et": "est", "ro": "ron", "en": "eng", "de": "deu"}
FALSE_ALARMS = 0.05


@dataclass(frozen=True)
class Pairs:
    """One split: texts, and what people and the engine said (NaN where nobody did)."""

    source: list[str]
    target: list[str]
    mean: np.ndarray
    z_mean: np.ndarray
    log: np.ndarray


def mlqe(pair: str, split: str) -> Pairs:
    rows = [r.split("\t") for r in gold._text(f"qe/mlqe_pe/{pair}.{split}.tsv").split("\n")[1:]]  # noqa: SLF001
    numbers = np.array([[float(r[n]) for n in (4, 6, 7)] for r in rows]).T
    return Pairs([r[1] for r in rows], [r[2] for r in rows], *numbers)


def groups(pair: str, splits: Mapping[str, Pairs], english: English | None) -> dict[str, dict]:
    """Scores by group and split."""
    langs = [ISO[code] for code in pair.split("-")]
    out: dict[str, dict[str, Columns]] = {"log-probability": {}, "scorers": {}, "frequency": {}}
    for name, part in splits.items():
        out["log-probability"][name] = {"log": part.log}
        out["scorers"][name] = _scorers(part, langs)
        out["frequency"][name] = {
            f"{side}_{key}": values
            for side in ("source", "target")
            for key, values in frequencies(
                getattr(splits["train"], side), getattr(part, side), own=name == "train"
            ).items()
        }
    texts = {n: _words(p) for n, p in splits.items()}
    others = [name for name in splits if name != "train"]
    found = lexical(texts["train"], [texts[name] for name in others])
    out["alignment"] = dict(zip(["train", *others], found, strict=True))
    if english is not None:
        out["language model"] = {n: english.features(p.target) for n, p in splits.items()}
    return out


def _words(part: Pairs) -> list:
    return [(tokenise(s), tokenise(t)) for s, t in zip(part.source, part.target, strict=True)]


def _scorers(part: Pairs, langs: Sequence[str]) -> Columns:
    """Every scorer that needs no settings, and lengths as such."""
    units = [
        Unit(
            Example(str(n), langs[0], (s,)),
            Example(str(n), langs[1], (t,)),
            (s,),
            (Translation(t),),
        )
        for n, (s, t) in enumerate(zip(part.source, part.target, strict=True))
    ]
    found = dict(score(tables.units_to_table(units), SCORERS).columns)
    sizes = np.array([[len(tokenise(s)), len(tokenise(t)), len(s), len(t)]
                      for s, t in zip(part.source, part.target, strict=True)])  # fmt: skip
    logs = np.log(np.maximum(sizes, 1)).T
    names = ("source_words_log", "target_words_log", "source_characters", "target_characters")
    found |= dict(zip(names, logs, strict=True))
    found |= {"words_ratio": logs[1] - logs[0], "characters_ratio": logs[3] - logs[2]}
    return found


def _joined(found: Mapping[str, dict], wanted: Sequence[str], split: str) -> Columns:
    return {f"{g}:{k}": v for g in wanted for k, v in found[g][split].items()}


def mlqe_table(pairs: Sequence[str]) -> None:
    english = English() if any(p.endswith("-en") for p in pairs) else None
    for pair in pairs:
        started = time.perf_counter()
        splits = {name: mlqe(pair, name) for name in SPLITS}
        found = groups(pair, splits, english if pair.endswith("-en") else None)
        print(f"# {pair}: scores of {sum(len(p.source) for p in splits.values())} pairs in "
              f"{time.perf_counter() - started:.0f} s")  # fmt: skip
        every = list(found)
        ours = [g for g in every if g != "log-probability"]
        choices = {"log-probability alone": None, **{f"{g} only": [g] for g in ours}}
        choices |= {"all but log-probability": ours, "all (combined)": every}
        choices |= {f"all but {g}": [h for h in every if h != g] for g in ours}
        for name, wanted in choices.items():
            given = _given(found, wanted, splits)
            _line(pair, "dev", name, splits["dev"], given["dev"])
            if name.startswith(("log-prob", "all (", "all but log")):
                _line(pair, "test", name, splits["test"], given["test"])
        _boosted(pair, found, every, splits)


def _given(found: dict, wanted: Sequence[str] | None, splits: Mapping[str, Pairs]) -> Columns:
    """What the combination of these groups gives to each split; None is the plain column."""
    if wanted is None:
        return {name: part.log for name, part in splits.items()}
    model = fit(_joined(found, wanted, "train"), splits["train"].mean >= 50)
    return {name: model.combined(_joined(found, wanted, name)) for name in splits}


def _boosted(pair: str, found: dict, wanted: Sequence[str], splits: Mapping[str, Pairs]) -> None:
    """Gradient boosting on the same scores, for comparison; on dev only."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    train, dev = (_joined(found, wanted, n) for n in ("train", "dev"))
    names = [k for k, v in train.items() if len(np.unique(v[~np.isnan(v)])) > 1]
    table = {n: np.column_stack([part[k] for k in names])
             for n, part in (("train", train), ("dev", dev))}  # fmt: skip
    trees = HistGradientBoostingRegressor(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=15, random_state=1
    ).fit(table["train"], splits["train"].z_mean)
    _line(pair, "dev", "gradient boosting", splits["dev"], trees.predict(table["dev"]))


def _line(pair: str, split: str, name: str, part: Pairs, given: np.ndarray) -> None:
    bad = part.mean < 50
    spearman = np.corrcoef(_ranks(given), _ranks(part.z_mean))[0, 1]
    told = f"Spearman {spearman:.3f}  AUC(<50) {_area(given, bad):.3f}"
    print(f"mlqe|{pair}|{split}|{name:<26} {told}  n {len(given)}, bad {bad.sum()}", flush=True)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, equal values sharing theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]


def _area(given: np.ndarray, bad: np.ndarray) -> float:
    """Chance that a bad row has a lower score than a good one."""
    ranks = _ranks(-given)
    n, m = int(bad.sum()), int((~bad).sum())
    return float((ranks[bad].sum() - n * (n + 1) / 2) / (n * m)) if n and m else float("nan")


def critical(split: str) -> tuple[Pairs, np.ndarray]:
    """Sentence pairs and whether a majority saw a critical error; others are left out."""
    rows = [r.split("\t") for r in gold._text(f"qe/catastrophic/en-de.{split}.tsv").split("\n")]  # noqa: SLF001
    rows = [r for r in rows if len(r) >= 5 and r[4] in {"ERR", "NOT"}]
    nan = np.full(len(rows), np.nan)
    part = Pairs([r[1] for r in rows], [r[2] for r in rows], nan, nan, nan)
    return part, np.array([r[4] == "ERR" for r in rows])


_NO = {
    "eng": regex.compile(
        r"(?i)\b(?:no|not|never|none|nobody|nothing|neither|nor|cannot|without)\b|n['’]t\b"
    ),
    "deu": regex.compile(
        r"(?i)\b(?:nicht|nie|niemals|kein\w*|niemand\w*|nichts|weder|ohne|un\p{L}{4,})\b"
    ),
}


def subsets(part: Pairs) -> dict[str, np.ndarray]:
    """Sentences where a rule of ours sees a difference in numbers, negation or names.

    numbers: the multiset of digits runs differs. negation: one side denies, the other does not.
    names: an English word with a capital inside the sentence is neither in the German nor like
    any of its words (first four letters).
    """
    out = {name: np.zeros(len(part.source), np.bool_) for name in ("number", "negation", "name")}
    for n, (s, t) in enumerate(zip(part.source, part.target, strict=True)):
        out["number"][n] = _digits(s) != _digits(t)
        out["negation"][n] = bool(_NO["eng"].search(s)) != bool(_NO["deu"].search(t))
        german = {w[:4] for w in keys(tokenise(t))}
        names = regex.findall(r"(?<=[\p{Ll},] )\p{Lu}\p{Ll}{3,}", s)
        out["name"][n] = any(w.lower()[:4] not in german for w in names)
    return out


def _digits(text: str) -> list[str]:
    return sorted(regex.findall(r"\p{Nd}+", text))


FAULTS = ("number_changed", "negation_dropped", "name_changed")


def made(part: Pairs, fine: np.ndarray, seed: int) -> dict[str, Pairs]:
    """Translations that people found fine, with one fault of each kind made on purpose.

    Names are words with a capital that stand alike on both sides, not at the beginning.
    """
    units = []
    for n in np.flatnonzero(fine):
        s, t = part.source[n], part.target[n]
        names = [m for m in regex.finditer(r"(?<=\p{Ll},? )\p{Lu}\p{L}{3,}", t) if m[0] in s]
        spans = tuple(Span(*m.span(), "NAME") for m in names)
        units.append(Unit(Example(str(n), "eng", (s,)), Example(str(n), "deu", (t,), spans)))
    out = {}
    for kind in FAULTS:
        found = [m.unit for m in corrupt(units, kind, seed) if m is not None]
        nan = np.full(len(found), np.nan)
        texts = [[e.texts[0] for e in side] for side in
                 ([u.source for u in found], [u.target for u in found])]  # fmt: skip
        out[kind] = Pairs(*texts, nan, nan, nan)
    return out


def critical_table() -> None:
    (train, wrong), (dev, errors) = critical("train"), critical("dev")
    splits = {"train": train, "dev": dev}
    for name, part, fine in (("train", train, ~wrong), ("dev", dev, ~errors)):
        splits |= {f"{name}:{kind}": p for kind, p in made(part, fine, 1).items()}
    found = groups("en-de", splits, None)
    del found["log-probability"]
    for name, part in splits.items():
        seen = {k: v.astype(np.float64) for k, v in subsets(part).items()}
        found.setdefault("rules of this file", {})[name] = seen
    print(f"# train {len(wrong)} ({wrong.sum()} critical), dev {len(errors)} ({errors.sum()})")
    groups_of = [g for g in found if g != "rules of this file"]
    people = np.where(wrong, 0.5 / wrong.mean(), 0.5 / (~wrong).mean())
    ways = {
        "people, scorers": _labelled(found, ["scorers"], ~wrong, people),
        "people, all scores": _labelled(found, groups_of, ~wrong, people),
        "people, all and rules": _labelled(found, list(found), ~wrong, people),
        # what is learnt of the training pairs knows them: only scores of a row by itself
        "made faults, scorers": _made(found, ["scorers"], ~wrong),
        "made faults, and rules": _made(found, ["scorers", "rules of this file"], ~wrong),
    }
    for name, (wanted, model) in ways.items():
        given = {part: model.combined(_joined(found, wanted, part)) for part in splits}
        limit = np.quantile(given["dev"][~errors], FALSE_ALARMS)
        alarms = (given["dev"][~errors] < limit).mean()
        print(f"critical|en-de|dev|{name}: AUC {_area(given['dev'], errors):.3f}, false alarms "
              f"{alarms:.3f} of {(~errors).sum()}")  # fmt: skip
        kinds = {"all": errors, **{k: v & errors for k, v in subsets(dev).items()}}
        for kind, mine in kinds.items():
            print(f"critical|en-de|dev|{name}|{kind} errors: recall "
                  f"{(given['dev'][mine] < limit).mean():.3f} of {mine.sum()}")  # fmt: skip
        for kind in FAULTS:
            some = given[f"dev:{kind}"]
            print(f"critical|en-de|dev|{name}|made {kind}: recall {(some < limit).mean():.3f} "
                  f"of {len(some)}")  # fmt: skip
    _rules(found, errors, subsets(dev))


def _labelled(found: dict, wanted: list[str], good: np.ndarray, weights: np.ndarray) -> tuple:
    return wanted, fit(_joined(found, wanted, "train"), good, weights)


def _made(found: dict, wanted: list[str], fine: np.ndarray) -> tuple:
    """Learnt from translations that people found fine, and the faults made of them."""
    parts = [{k: v[fine] for k, v in _joined(found, wanted, "train").items()}]
    parts += [_joined(found, wanted, f"train:{kind}") for kind in FAULTS]
    sizes = [len(next(iter(p.values()))) for p in parts]
    taught = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    weights = np.repeat([0.5 / sizes[0], *(0.5 / len(FAULTS) / n for n in sizes[1:])], sizes)
    good = np.repeat([True, *([False] * len(FAULTS))], sizes)
    return wanted, fit(taught, good, weights * sum(sizes))


def _rules(found: dict, errors: np.ndarray, kinds: Mapping[str, np.ndarray]) -> None:
    """What our default rules drop, and single rules on numbers."""
    for name, rules in (("default rules", Rules()), ("numbers < 1", None)):

        def fails(part: str, rules: Rules | None = rules) -> np.ndarray:
            scores = found["scorers"][part]
            if rules is None:
                return scores["numbers"] < 1
            masks = rules.failures(scores).values()
            return np.any(list(masks), axis=0)

        gone = fails("dev")
        told = {
            k: f"{gone[v & errors].mean():.3f} of {(v & errors).sum()}" for k, v in kinds.items()
        }
        synthetic = {k: f"{fails(f'dev:{k}').mean():.3f}" for k in FAULTS}
        print(f"critical|en-de|dev|{name}: false alarms {gone[~errors].mean():.3f}, all errors "
              f"{gone[errors].mean():.3f}, {told}, made {synthetic}")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("table", choices=["mlqe", "critical"])
    parser.add_argument("--pairs", nargs="+", default=["et-en", "ro-en", "en-de"])
    options = parser.parse_args(arguments)
    if options.table == "mlqe":
        mlqe_table(options.pairs)
    else:
        critical_table()


if __name__ == "__main__":
    main()
