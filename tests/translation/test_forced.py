"""Forced scoring: our own pass over the weights against the engine's, and bounds that hold."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import ctranslate2
import numpy as np
import pytest

from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.projection.constrained_backends import Framing
from xltpipe.text import tokenise
from xltpipe.translation.engines import EngineKey
from xltpipe.translation.forced import Forced, _check, open_forced
from xltpipe.translation.forced_engine import EngineScorer
from xltpipe.translation.forced_flat import FlatTree, grow
from xltpipe.translation.forced_tree import Template, Tree
from xltpipe.translation.models import find_model

MODEL = find_model("en-es-tatoeba")  # one decoder layer: a flat tree will do
TOLERANCE = 1e-3  # sums of up to 20 log-probabilities, float32 in another order

PAIRS = [
    ("The hotel near the station was cheap.", "El hotel cerca de la estación era barato."),
    ("My sister works in Berlin.", "Mi hermana trabaja en Berlín."),
    ("Where is the key?", "¿Dónde está la llave?"),
    ("Zürich 12:30 – 😀 ok", "Zúrich a las 12:30 😀 vale"),
    ("No.", "No."),
]


def framed(source: str, target: str) -> tuple[list[str], list[str]]:
    framing = Framing(MODEL, resolve("eng"), resolve("spa"))
    ((pieces, _),) = framing.codec.encode([source], limit=1000)
    return pieces, framing.cutter.cut(tokenise(target)).tokens


def tree(source: str, target: str, kind: type[Tree] = Tree) -> Tree:
    forced = open_forced(MODEL)
    given, wanted = framed(source, target)
    first, last = forced.target_ids(["▁[A]", "▁[/A]"])
    places = np.arange(len(wanted))
    return kind(
        forced,
        Template(
            forced.source_ids(given),
            forced.target_ids(wanted),
            0,
            places,
            places + 1,
            (int(first), int(last)),
        ),
    )


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_log_probabilities_are_those_of_the_engine_in_float32(source, target):
    forced, (given, wanted) = open_forced(MODEL), framed(source, target)
    engine = ctranslate2.Translator(str(MODEL), compute_type="float32", intra_threads=1)
    expected = engine.score_batch([given], [wanted])[0].log_probs
    memory = forced.encode(forced.source_ids(given))
    (found,) = forced.score(memory, [forced.target_ids(wanted)])
    np.testing.assert_allclose(found, expected, atol=TOLERANCE / 10)


def test_tokens_off_the_vocabulary_are_scored_as_unknown_by_both():
    forced, (given, _) = open_forced(MODEL), framed("Look!", "Mira")
    engine = ctranslate2.Translator(str(MODEL), compute_type="float32", intra_threads=1)
    wanted = ["▁Mira", "☃no-such-piece"]
    expected = engine.score_batch([given], [wanted])[0].log_probs
    memory = forced.encode(forced.source_ids(given))
    (found,) = forced.score(memory, [forced.target_ids(wanted)])
    np.testing.assert_allclose(found, expected, atol=TOLERANCE / 10)
    assert not forced.knows(wanted[1])


def test_scores_do_not_depend_on_what_else_is_scored():
    forced, (given, wanted) = open_forced(MODEL), framed(*PAIRS[0])
    memory, ids = forced.encode(forced.source_ids(given)), forced.target_ids(wanted)
    rows = forced.score(memory, [ids, ids[:3], ids[:0], ids[2:], ids[:3]])
    assert [len(row) for row in rows] == [len(ids) + 1, 4, 1, len(ids) - 1, 4]
    for row, alone in zip(rows, (ids, ids[:3], ids[:0], ids[2:], ids[:3]), strict=True):
        np.testing.assert_allclose(row, forced.score(memory, [alone])[0], atol=1e-5)
    assert forced.score(memory, []) == []


@pytest.mark.parametrize("kind", [Tree, FlatTree])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_bounds_are_never_under_the_score_and_tighten(source, target, kind):
    grown = tree(source, target, kind)
    count = len(grown.template.openings)
    pairs = [(i, j) for i in range(count) for j in range(i, count)]
    scores = dict(zip(pairs, grown.exact(pairs), strict=True))
    branches = grown.open(np.arange(count))
    kept = np.isfinite(branches.bounds)
    assert {tuple(map(int, pair)) for pair in np.argwhere(kept)} == set(pairs)
    bounds = grown.close(branches, kept, -np.inf)
    for (i, j), score in scores.items():
        assert score <= bounds[i, j] + TOLERANCE
        assert bounds[i, j] <= branches.bounds[i, j] + TOLERANCE
        assert branches.bounds[i, j] <= grown.before[i] + TOLERANCE


@pytest.mark.parametrize("kind", [Tree, FlatTree])
def test_a_part_of_the_openings_has_the_same_bounds_as_all(kind):
    grown = tree(*PAIRS[0], kind)
    every = grown.open(np.arange(len(grown.template.openings)))
    some = grown.open(np.array([2, 5]))
    np.testing.assert_allclose(some.bounds, every.bounds[[2, 5]], atol=TOLERANCE)
    kept = np.isfinite(every.bounds)
    whole = grown.close(every, kept, -np.inf)
    part = grown.close(some, kept[[2, 5]], -np.inf)
    np.testing.assert_allclose(part, whole[[2, 5]], atol=TOLERANCE)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_flat_tree_has_the_bounds_of_a_tree(source, target, monkeypatch):
    deep, flat = tree(source, target, Tree), tree(source, target, FlatTree)
    assert type(grow(deep.model, deep.template)) is FlatTree
    rows = np.arange(len(deep.template.openings))
    a, b = deep.open(rows), flat.open(rows)
    np.testing.assert_allclose(a.bounds, b.bounds, atol=TOLERANCE / 10)
    np.testing.assert_allclose(np.triu(a.steps), np.triu(b.steps), atol=TOLERANCE / 10)
    kept = np.isfinite(a.bounds)
    whole = deep.close(a, kept, -np.inf)
    np.testing.assert_allclose(whole, flat.close(b, kept, -np.inf), atol=TOLERANCE / 10)
    monkeypatch.setattr("xltpipe.translation.forced_flat._VANISHED", np.inf)  # the careful way
    np.testing.assert_allclose(whole, flat.close(b, kept, -np.inf), atol=TOLERANCE / 10)
    floor = float(whole[kept].max()) - 1
    pruned = flat.close(b, kept, floor)
    assert ((pruned >= floor) == (whole >= floor)).all()


def test_steps_end_in_the_score():
    grown = tree(*PAIRS[1])
    assert grown.steps((1, 2))[-1] == pytest.approx(grown.exact([(1, 2)])[0], abs=TOLERANCE)


def test_the_engine_scores_rows_in_their_order_whatever_their_length():
    forced, scorer = open_forced(MODEL), EngineScorer(EngineKey(MODEL, "cpu", "float32", 1, 1))
    rows = [(*framed(source, target), 0) for source, target in PAIRS]
    for row, score in zip(rows, scorer.score(rows), strict=True):
        memory = forced.encode(forced.source_ids(row[0]))
        (found,) = forced.score(memory, [forced.target_ids(row[1])])
        assert float(found.sum()) == pytest.approx(score, abs=TOLERANCE)
    assert scorer.score([]) == []


def test_markers_are_looked_up_on_the_side_where_they_are_written(tmp_path):
    (tmp_path / "source_vocabulary.json").write_text('["<unk>", "<a>"]')
    (tmp_path / "target_vocabulary.txt").write_text("<unk>\n<b>\n")
    scorer = EngineScorer(EngineKey(tmp_path, "cpu", "float32", 1, 1))
    assert scorer.knows(["<b>"])
    assert not scorer.knows(["<a>"])
    assert not scorer.knows([""])


def test_a_model_with_other_parts_is_refused():
    with pytest.raises(RecipeError, match=r"plain encoder-decoder Transformer.*rotary"):
        _check({"decoder/layer_0/self_attention/rotary_dim": np.ones(1, np.float32)}, MODEL)
    with pytest.raises(RecipeError, match="activation"):
        _check({"decoder/activation": np.ones((), np.float32)}, MODEL)


@pytest.mark.slow
@pytest.mark.parametrize("quantization", ["float32", "int8", "float16"])
@pytest.mark.parametrize("family", ["marian", "m2m100"])
def test_random_models_of_other_families_are_scored_as_by_the_engine(
    tmp_path: Path, family, quantization
):
    """Two layers, post-norm and pre-norm, biased output, forced language token."""
    home = random_model(tmp_path, family, quantization)
    forced = Forced(home)
    engine = ctranslate2.Translator(str(home), compute_type="float32", intra_threads=1)
    given, wanted = ["▁a", "▁b", "▁c", "</s>"], ["▁c", "▁b", "▁a", "▁d", "▁e"]
    for skipped in (0, 1):
        expected = engine.score_batch([given], [wanted], offset=skipped)[0].log_probs
        memory = forced.encode(forced.source_ids(given))
        ids = forced.target_ids(wanted)
        (found,) = forced.score(memory, [ids], skipped)
        np.testing.assert_allclose(found, expected, atol=2e-3)
    places = np.arange(1, 5)
    template = Template(forced.source_ids(given), ids, 1, places, places + 1, (5, 6))
    grown = Tree(forced, template)
    branches = grown.open(np.arange(4))
    kept = np.isfinite(branches.bounds)
    bounds = grown.close(branches, kept, -np.inf)
    pairs = [(int(i), int(j)) for i, j in np.argwhere(kept)]
    for pair, score in zip(pairs, grown.exact(pairs), strict=True):
        assert score <= bounds[pair] + TOLERANCE
        inserted = [forced_name(k) for k in template.inserted(pair[0] + 1, pair[1] + 2)]
        engine_score = sum(engine.score_batch([given], [inserted], offset=1)[0].log_probs)
        assert score == pytest.approx(engine_score, abs=5e-3)


LETTERS = [f"▁{c}" for c in "abcdefghijklmnopqrstuvwxyz"]


def forced_name(id: int) -> str:
    return ["</s>", "<unk>", *LETTERS][id]


def random_model(tmp_path: Path, family: str, quantization: str) -> Path:
    """A converted model with random weights and a vocabulary of letters."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    names = ["</s>", "<unk>", *LETTERS]
    size = {
        "vocab_size": len(names) + 1,
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 64,
        "activation_function": "relu",
        "scale_embedding": True,
        "pad_token_id": len(names),
        "eos_token_id": 0,
        "init_std": 0.3,
    }
    if family == "marian":
        config = transformers.MarianConfig(decoder_start_token_id=len(names), **size)
        model = transformers.MarianMTModel(config)
        model.final_logits_bias.normal_()
    else:
        config = transformers.M2M100Config(decoder_start_token_id=0, **size)
        model = transformers.M2M100ForConditionalGeneration(config)
    return converted(model.eval(), names, tmp_path, family, quantization)


def converted(model, names: list[str], tmp_path: Path, family: str, quantization: str) -> Path:
    from ctranslate2.converters import transformers as loaders

    loader = loaders._MODEL_LOADERS["MarianConfig" if family == "marian" else "M2M100Config"]
    if family == "marian":
        model.config.decoder_start_token_id = len(names)

    class Letters:
        """As much of a tokenizer as the converter asks for."""

        unk_token, eos_token, bos_token, pad_token = "<unk>", "</s>", "</s>", "<pad>"
        lang_code_to_token: Mapping[str, str] = MappingProxyType({})
        additional_special_tokens: Sequence[str] = ()
        special_tokens_map: Mapping[str, str] = MappingProxyType({})

        def get_vocab(self) -> dict[str, int]:
            return {name: k for k, name in enumerate([*names, "<pad>"])}

        def convert_ids_to_tokens(self, id: int) -> str:
            return [*names, "<pad>"][id]

    spec = loader.get_model_spec(model)
    loader.set_config(spec.config, model, Letters())
    loader.set_vocabulary(spec, loader.get_vocabulary(model, Letters()))
    spec.validate()
    spec.optimize(quantization)
    home = tmp_path / "converted"
    home.mkdir()
    spec.save(str(home))
    return home
