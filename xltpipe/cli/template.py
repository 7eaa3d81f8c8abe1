"""The recipe that `xltpipe recipe new` writes."""

from __future__ import annotations

import re
from pathlib import Path

from xltpipe.errors import RecipeError

TEMPLATE = """\
# One experiment. Paths are relative to this file. `xltpipe plan {name}.toml` checks it.
name = "{name}"
source = "eng"                    # ISO 639-3, 639-1 or BCP 47
targets = ["spa"]                 # one or several
strategies = ["zero_shot", "translate_test", "translate_train"]   # also:
# "supervised" (gold target data), "corpus" (no training: the labelled corpus is all you want),
# "control", "ensemble" and others: docs/strategies.md
seed = 1
# task = "spans"                  # spans | events | classification | pairs | qa | choice |
#                                 # instructions | parallel: docs/tasks.md; with another than spans
#                                 # leave [training] and [evaluation] out, or name what suits it
# labels = ["PER", "LOC", "ORG"]  # leave out spans with other labels (they are counted)
# on_error = "quarantine"         # set rows aside that an engine fails on; default: "fail"
# shard_rows = 2000               # rows per unit of work, at most

[train]                           # labelled source-language data
kind = "conll"                    # conll | iob2 | jsonl | parquet | hub | squad | table |
                                  # instructions | choice | events: docs/formats.md
path = "train.conll"
# limit = 1000                    # first rows only
# licence = "cc-by-4.0"           # else that of a README.md beside the file; shown in the card

# [dev]
# kind = "conll"
# path = "dev.conll"

[[tests]]                         # gold target-language data to score on; repeat as needed
name = "test"
lang = "spa"
data = {{ kind = "conll", path = "test.spa.conll" }}

# [[supervised]]                  # gold target-language training data: the upper bound
# lang = "spa"
# data = {{ kind = "conll", path = "train.spa.conll" }}

[translation]
kind = "ctranslate2"              # others, chains and pivots: docs/engines.md
model = "embedded"                # or the path of a CTranslate2 model directory
beam = 2

[projection]
kind = "aligned"                  # others: docs/projection.md
mode = "min_max"                  # min_max | gap | longest_run | elp
aligner = {{ kind = "auto" }}       # hmm | attention | ensemble | …

[rules]                           # a row outside a limit is rejected, with the reason
spans_placed = {{ min = 1.0 }}      # span_lost
length_ratio = {{ min = 0.333, max = 3.0 }}
target_language = {{ min = 0.5 }}   # wrong_language
# span_case = {{ min = 1.0 }}       # span_doubtful: for names of people, places, organisations
# copied = false                  # switches a rule off; the score is stored all the same

# [quality.agreement]             # a second projector as a score; others: docs/quality.md
# projection = {{ kind = "aligned", aligner = {{ kind = "ensemble" }} }}

[training]
kind = "crf"                      # crf | event_crf | tfidf | answer_ranker | charcnn | bigru |
                                  # transformers | text_to_text | chat | seq2seq | averaged |
                                  # filter | self_distillation | subsample: docs/training.md

[evaluation]
kind = "span_f1"                  # others: docs/metrics.md
mode = "strict"                   # strict | partial

# [compare]                       # `xltpipe compare projections {name}.toml`; no part of a run
# rows = 300                      # the first rows of train; without: all
# gold = [{{ lang = "spa", data = {{ kind = "conll", path = "train.spa.conll" }} }}]
# [[compare.projections]]         # without any: [projection] and others that suit the engine
# name = "hmm"
# projection = {{ kind = "aligned", aligner = {{ kind = "hmm" }} }}
"""


def write(name: str, folder: Path) -> Path:
    """Write the template under this name.

    Raises:
        RecipeError: the name is not one, or the file is there already.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
        raise RecipeError(
            f"Recipe name must be lower-case letters, digits, dots and dashes, was: {name!r}"
        )
    path = folder / f"{name}.toml"
    if path.exists():
        raise RecipeError(f"Recipe must be a new file, was: {path} (exists); choose another name")
    try:
        path.write_text(TEMPLATE.format(name=name), encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"Folder must be one to write to, was: {folder} ({error})") from error
    return path
