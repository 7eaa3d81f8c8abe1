"""Settings and models: recipes, model folders, cards, manifests, records of runs."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from hypothesis import strategies as st

from tests.fuzz.mutation import bent, json_text, noise, words
from tests.fuzz.target import Target, scratch
from tests.toy_recipe import settings
from xltpipe import front_matter
from xltpipe.alignment import hmm_parameters
from xltpipe.checksums import compare_checksums
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.mt import recipe as training
from xltpipe.quality.combination import read as read_combination
from xltpipe.recipe_file import load, parse
from xltpipe.runs import records
from xltpipe.store import Step, Store
from xltpipe.training.sentences import SETTINGS, read_settings
from xltpipe.translation.codec import frame
from xltpipe.translation.description import Description, describe, pieces
from xltpipe.translation.tokenisers import HuggingFace, SentencePiece

ROOT = Path(__file__).parents[2]
RECIPES = [
    settings(),
    settings(
        translation={
            "kind": "vllm",
            "url": "http://localhost:1/v1",
            "model": "m",
            "prompt": {"kind": "few_shot", "examples": "p.tsv"},
        },
        projection={
            "kind": "chain",
            "methods": [{"kind": "markers"}, {"kind": "aligned", "aligner": {"kind": "hmm"}}],
        },
        quality={"duplicates": {}, "languages": {}},
    ),
    settings(
        translation={
            "kind": "pivot",
            "through": "fra",
            "first": {"kind": "copy"},
            "second": {"kind": "ctranslate2"},
        },
        projection={"kind": "aligned"},
        compare={"projections": [{"name": "a", "projection": {"kind": "aligned"}}]},
        supervised=[{"lang": "spa", "data": {"kind": "jsonl", "path": "a.jsonl"}}],
    ),
]
_TRAINING = tomllib.loads((ROOT / "flows/recipes/train-mt.toml").read_text("utf-8"))
_TOML = [tomli_w.dumps(one).encode() for one in (*RECIPES, _TRAINING)]
_DESCRIPTION = json.loads((ROOT / "data/models/en-multi/xltpipe.json").read_bytes())
_T5 = {**_DESCRIPTION, "family": "t5", "prompt": "translate {source} to {target}: "}
_SPM = (ROOT / "data/models/en-es-tatoeba/spm.model").read_bytes()
_CARD = b"---\nlicense: cc0-1.0\nlanguage: [en, es]\nx: &a [1, 2]\n---\n\n# A card\n"
_COMBINED = {
    "format": 1,
    "terms": [{"column": "copied", "center": 0, "scale": 1, "below": 1, "above": 1, "missing": 0}],
    "intercept": 0.5,
    "most": 4,
    "threshold": 0.5,
    "false_alarms": 0.1,
    "signature": {"n": 3},
}
_TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"a": 0, "[UNK]": 1}, "unk_token": "[UNK]"},
}


def _parsed(data: Any) -> object:
    if not isinstance(data, dict):
        return None  # TOML gives a table
    return parse(data, scratch("r.toml", b"")).run


def _described(data: bytes) -> object:
    home = scratch("model/xltpipe.json", data).parent
    said = describe(home)
    return said, said.pairs(3), frame(said, resolve("eng"), resolve("spa"), frozenset(["<2es>"]))


def _undescribed(data: bytes) -> object:
    home = scratch("model2/shared_vocabulary.json", data).parent
    pieces(home)
    return describe(home)


def _spm(data: bytes) -> object:
    path = scratch("x.model", data)
    made = SentencePiece(path, path)
    return made.decode(made.encode(["Ana lives", "", "北京"])), len(made.pieces("source"))


def _npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, codes=np.arange(3), counts=np.ones(3))
    return stream.getvalue()


_HMM = [(ROOT / "data/models/en-es-tatoeba-hmm" / name).read_bytes() for name in ("settings.json",)]


def _hmm(given: tuple[bytes, bytes, bytes]) -> object:
    for name, data in zip(
        ("settings.json", "vocabulary.json", "parameters.npz"), given, strict=True
    ):
        home = scratch(f"hmm/{name}", data).parent
    return hmm_parameters.load(home)


_KEY = "ab" * 32
_STEP_KEY = Step("translate", 1, {"a": 1}, (), lambda _: {"rows": 1}).key
_MANIFEST = {
    "stage": "translate",
    "version": 1,
    "key": _STEP_KEY,
    "rows": 1,
    "counts": {"rows": 1},
    "identity": {"a": 1},
    "inputs": [],
    "files": [
        {
            "name": "part-00000.parquet",
            "bytes": 1,
            "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        }
    ],
    "seconds": 0.1,
    "made": "2026-01-01T00:00:00Z",
    "libraries": {},
}
_RECORD = {
    "run": "toy-1",
    "name": "toy",
    "state": "completed",
    "started": "2026-01-01T00:00:00Z",
    "ended": "2026-01-01T00:01:00Z",
    "error": None,
    "recipe": settings(),
    "outcomes": [
        {
            "strategy": "corpus",
            "target": "spa",
            "shards": [
                [
                    "train",
                    {
                        "stage": "judge",
                        "key": _STEP_KEY,
                        "rows": 1,
                        "part": "part-00000.parquet",
                        "content": "",
                    },
                ]
            ],
            "scores": [{"stage": "evaluate", "key": _KEY, "rows": 1, "part": "", "content": ""}],
        }
    ],
}


def _manifest(data: bytes) -> object:
    store = Store(scratch("store"))
    step = Step("translate", 1, {"a": 1}, (), lambda _: {"rows": 1})
    folder = store.folder(step.shard)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "part-00000.parquet").write_bytes(b"x")
    (folder / "manifest.json").write_bytes(data)
    return store.find(step)


def _record(data: bytes) -> object:
    from xltpipe.catalogue import _results, _run
    from xltpipe.shelved import _listed

    store = Store(scratch("store2"))
    (store.root / "runs").mkdir(exist_ok=True)
    (store.root / "runs" / "toy-1.json").write_bytes(data)
    return [(_run(r), list(_listed([r])), list(_results(store, r))) for r in records(store)]


def _sums(data: bytes) -> object:
    home = scratch("summed/SHA256SUMS", data).parent
    (home / "model.bin").write_bytes(b"x")
    return compare_checksums(home)


def _settings(data: bytes) -> object:
    home = scratch(f"tagger/{SETTINGS}", data).parent
    return read_settings(home, "crf")


def _tokenizer(data: bytes) -> object:
    made = HuggingFace(scratch("tokenizer.json", data))
    return made.encode(["Ana a"])


def _formatted(prompt: str) -> object:
    try:
        said = Description.model_validate({**_T5, "prompt": prompt})
    except ValueError as error:  # describe() says it as a RecipeError
        raise RecipeError(str(error)) from error
    return frame(said, resolve("eng"), resolve("spa"), frozenset())


_SUMS = f"{'0' * 64}  model.bin\n{'1' * 64}  sub/x.json\n".encode()
_codes = st.one_of(
    words, st.sampled_from(["spa", "zh-Hant", "eng_Latn", "pt-BR", "zho_Hans_CN", "x-y-z"])
)
_prompts = st.one_of(
    words,
    noise([b"translate {source} to {target}: ", b"{source!r:>10}", b"{target.name}"]).map(
        lambda b: b.decode("latin-1")
    ),
)

TARGETS = [
    Target("recipe text", noise(_TOML), lambda d: load(scratch("recipe.toml", d)), 0.5),
    Target("recipe values", bent(RECIPES, 6), _parsed, 2.0),
    Target(
        "training text of a recipe",
        noise(_TOML[-1:]),
        lambda d: training.load(scratch("t.toml", d)),
        0.5,
    ),
    Target("training values", bent([_TRAINING], 6), lambda d: training.load(_toml(d)), 1.0),
    Target("model description", json_text([_DESCRIPTION, _T5]), _described),
    Target("model prompt", _prompts, _formatted, 0.5),
    Target(
        "model vocabulary",
        json_text([["<unk>", "a", "<2es>"], [">>spa<<", "eng_Latn"]]),
        _undescribed,
        0.3,
    ),
    Target("SentencePiece model", noise([_SPM[:20000], _SPM], 4), _spm, 0.3),
    Target("tokenizer.json", json_text([_TOKENIZER]), _tokenizer, 0.5),
    Target("checksums", noise([_SUMS]), _sums),
    Target("card", noise([_CARD]), lambda d: front_matter.read(d.decode("utf-8", "replace"))),
    Target(
        "combined model", json_text([_COMBINED]), lambda d: read_combination(scratch("c.json", d))
    ),
    Target("tagger's settings", json_text([{"kind": "crf", "scheme": "bio"}]), _settings, 0.5),
    Target(
        "aligner artefact",
        st.tuples(noise(_HMM), json_text([{"source": ["a"], "target": ["b"]}]), noise([_npz()])),
        _hmm,
        0.5,
    ),
    Target("language code", _codes, resolve, 0.5),
    Target("manifest", json_text([_MANIFEST]), _manifest),
    Target("record of a run", json_text([_RECORD]), _record),
]


def _toml(data: Any) -> Path:
    """The values as a file; empty where TOML has no words for them."""
    try:
        text = tomli_w.dumps(data).encode()
    except (TypeError, AttributeError, ValueError, RecursionError):
        text = b""
    return scratch("t2.toml", text)
