"""`xltpipe models`: which translation models there are, what they do, and making new ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from xltpipe.cli import FAILED, OK, Store_, data, where
from xltpipe.translation.converted_weights import Quantization

if TYPE_CHECKING:
    from xltpipe.translation.inventory import Entry

app = App(name="models", help="List, inspect, convert, train and verify translation models.")

Json_ = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON, for programs.")]
Folder_ = Annotated[
    tuple[Path, ...],
    Parameter(name="--models", negative=(), help="A further folder of models; may be repeated."),
]


@app.command(name="list")
def list_(*, models: Folder_ = (), store: Store_ = None, json: Json_ = False) -> int:
    """List models: those that ship, those in the data folder, and those in --models folders."""
    from xltpipe.cli import models_tables
    from xltpipe.errors import RecipeError
    from xltpipe.translation.inventory import entries

    for folder in models:
        if not folder.is_dir():
            raise RecipeError(f"Folder of models must be there, was: {folder}")
    found = entries([data(store) / "models", *models])
    models_tables.listed(found, as_json=json)
    return OK


@app.command
def info(name: str, *, models: Folder_ = (), store: Store_ = None, json: Json_ = False) -> int:
    """Show what a model is: family, languages, limits, files, licence, and its card's header.

    Parameters
    ----------
    name
        "embedded", a name from `xltpipe models list`, or a directory.
    """
    from xltpipe.cli import models_tables

    models_tables.info(_entry(name, models, store), as_json=json)
    return OK


@app.command
def convert(
    source: Path,
    output: Path,
    *,
    quantization: Quantization = "int8",
    languages: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    prompt: str | None = None,
    licence: str | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    check: bool = True,
    json: Json_ = False,
) -> int:
    """Convert a Hugging Face model for CTranslate2; needs pip install "xltpipe[train]".

    OPUS-MT (Marian), NLLB, M2M-100, mBART-50, MADLAD and T5, from a local directory. The result
    describes itself (xltpipe.json) and has a card and checksums; it is whole or not there.

    Parameters
    ----------
    source
        Directory with config.json, weights and tokenizer.
    output
        Directory to write.
    quantization
        How weights are stored.
    languages
        Directions of a model that does not tell them (eng-spa eng-fra), or the languages of a
        many-to-many model to keep to (eng spa).
    prompt
        Words before each text of a T5, with {source} and {target}.
    licence
        Such as cc-by-4.0; else as the source's card says.
    force
        Replace a model that is there already.
    check
        Compare the result with the original on random text.
    """
    from xltpipe.cli import models_tables
    from xltpipe.translation.convert import convert as converted

    done = converted(
        source,
        output,
        quantization=quantization,
        languages=[one for text in languages for one in text.replace(",", " ").split()],
        prompt=prompt,
        licence=licence,
        force=force,
        check=check,
    )
    models_tables.converted(done, as_json=json)
    return OK


@app.command
def train(
    recipe: Path,
    *,
    output: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    store: Store_ = None,
    verbose: bool = False,
) -> int:
    """Train a translation model from files of sentence pairs; needs pip install "xltpipe[train]".

    Vocabulary, word alignment, training and export run as the Prefect flow train-mt; what is done
    is not done again, and a training that was stopped or killed goes on from its last checkpoint.
    The model describes itself and has a card and checksums. docs/training-mt.md is the guide.

    Parameters
    ----------
    recipe
        The training's TOML file (flows/recipes/train-mt.toml is one to start from).
    output
        Folder to write (else models/NAME in the data folder).
    force
        Replace a model that is there already.
    verbose
        Show the log of the run instead of progress bars.
    """
    from xltpipe.cli.running import execute_training
    from xltpipe.mt.recipe import load

    loaded = load(recipe)
    loaded.check()
    place = output or data(store) / "models" / loaded.name
    return execute_training(loaded, place, where(store), force=force, verbose=verbose)


@app.command
def export(name: str, output: Path, *, models: Folder_ = (), store: Store_ = None) -> int:
    """Write a model trained here as a checkpoint of transformers.

    Needs pip install "xltpipe[train]". MarianMTModel in float32 (int8 weights are de-quantised), a
    fast tokenizer, description, card and checksums: for `AutoModelForSeq2SeqLM`, for the engine
    `transformers`, or to push to a hub.

    Parameters
    ----------
    name
        "embedded", a name from `xltpipe models list`, or a directory.
    output
        Folder to write, new or empty.
    """
    from xltpipe.cli.render import console
    from xltpipe.errors import require

    require("torch", "train")
    from xltpipe.mt.checkpoint_folder import export_checkpoint

    parameters = export_checkpoint(_entry(name, models, store).home, output)
    console.print(f"{output}: {parameters:,} parameters", markup=False, highlight=False)
    return OK


@app.command
def average(
    output: Path,
    *checkpoints: Path,
    allow_head_mismatch: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Average the weights of fine-tuned models: epochs of one run, or runs with one head_seed.

    For models that recipes train (safetensors). Architecture, label map, vocabulary and the seed
    of the head must be the same; what differs is named. docs/transfer-recipes.md is the guide.

    Parameters
    ----------
    output
        Folder to write, new or empty.
    checkpoints
        Folders of two or more models.
    allow_head_mismatch
        Do not ask for the same seed of the head, or for one to be known.
    """
    from xltpipe.cli.render import console
    from xltpipe.training.averaging import average as averaged

    done = averaged(checkpoints, output, allow_head_mismatch=allow_head_mismatch)
    counts = done["tensors"]
    console.print(
        f"{output}: mean of {done['checkpoints']} checkpoints, {counts['averaged']} tensors "
        f"averaged, {counts['kept']} of integers taken from the first",
        markup=False,
        highlight=False,
    )
    return OK


@app.command
def verify(
    name: str,
    *,
    sample: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    models: Folder_ = (),
    store: Store_ = None,
    json: Json_ = False,
) -> int:
    """Verify a model: checksums, tokenizer, language tokens, and a sentence translated.

    Ends with 1 if a check failed. A warning is about quality: outputs in another language, cut
    short, or with markers lost.

    Parameters
    ----------
    name
        "embedded", a name from `xltpipe models list`, or a directory.
    sample
        Directions to translate in, at most.
    """
    from xltpipe.cli import models_tables
    from xltpipe.quality.language_guess import rather
    from xltpipe.translation.verification import verify as verified

    found = _entry(name, models, store)
    checks = verified(found.home, sample=sample, recognise=rather)
    models_tables.checks(found, checks, as_json=json)
    return FAILED if any(one.state == "failed" for one in checks) else OK


def _entry(name: str, models: tuple[Path, ...], store: str | None) -> Entry:
    """A model by its name in one of the folders, else as recipes name it.

    Raises:
        RecipeError: there is none.
    """
    from xltpipe.translation.inventory import entry
    from xltpipe.translation.models import find_model

    plain = Path(name).name == name
    for folder in (*models, data(store) / "models") if plain else ():
        if (folder / name / "model.bin").is_file():
            return entry(folder / name)
    return entry(find_model(name))
