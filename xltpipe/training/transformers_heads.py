"""What trainers on transformers share: a model with a head, its losses, its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xltpipe.errors import DataError, require
from xltpipe.training import checkpoint
from xltpipe.training.fitting import IGNORED, Loss
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.labelled import balanced
from xltpipe.training.sentences import REPORT, SETTINGS, write_json
from xltpipe.training.small_bert import SmallBert, new_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from xltpipe.training.fine_tuning import FineTuning

Head = Literal[
    "TokenClassification",
    "SequenceClassification",
    "QuestionAnswering",
    "MultipleChoice",
    "CausalLM",
    "Seq2SeqLM",
]
"""The last part of the names of transformers' auto classes."""


def make(
    spec: FineTuning, seed: int, head: Head, labels: Sequence[str], texts: Iterable[str]
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A model to fit, with a new head, and its tokenizer; `head_seed`, or the seed, draws it.

    Raises:
        RecipeError: the checkpoint cannot be loaded or does not fit.
    """
    names, length = dict(enumerate(labels)), spec.max_tokens
    require("transformers", "train").set_seed(spec.drawing(seed))
    if isinstance(spec.config, SmallBert):
        tokenizer = learn_tokenizer(texts, spec.config.vocabulary, length)
        return new_model(spec.config, tokenizer, names, length, head), tokenizer
    settings: dict[str, Any] = {"ignore_mismatched_sizes": True}  # another head is drawn anew
    if names:
        settings |= {"id2label": names, "label2id": {label: i for i, label in names.items()}}
    elif head == "QuestionAnswering":
        settings["num_labels"] = 2  # the beginning and the end, whatever the checkpoint had
    name = spec.model or ""
    return checkpoint.load_as(f"AutoModelFor{head}", name, spec.revision, settings, length)


def save(
    home: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    settings: Mapping[str, Any],
    report: Mapping[str, Any],
) -> None:
    """Write a fitted model as safetensors, and what is known of it."""
    with checkpoint.quiet():
        model.save_pretrained(home)
        tokenizer.save_pretrained(home)
    write_json(home / SETTINGS, dict(settings))
    write_json(home / REPORT, dict(report))


class Opened:
    """A fitted model, its tokenizer and its device.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(self, home: Path, head: Head, device: Literal["auto", "cpu"]) -> None:
        torch, transformers = require("torch", "train"), require("transformers", "train")
        gpu = device == "auto" and torch.cuda.is_available()
        self.device = torch.device("cuda" if gpu else "cpu")
        try:
            with checkpoint.quiet():
                self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
                    home, local_files_only=True, trust_remote_code=False
                )
                auto = getattr(transformers, f"AutoModelFor{head}")
                self.model: Any = auto.from_pretrained(
                    home, local_files_only=True, trust_remote_code=False, use_safetensors=True
                )
        except (OSError, ValueError) as error:
            raise DataError(
                f"Model must be a folder that training wrote, was: {home} ({error}); "
                "train the model again"
            ) from error
        self.model.to(self.device).eval()


def weighted(targets: Iterable[int], labels: int) -> Loss:
    """Cross entropy in which all labels weigh the same in sum, as often as targets has them."""
    torch = require("torch", "train")
    seen = Counter(str(target) for target in targets if target != IGNORED)
    weight = torch.tensor(balanced(seen, [str(number) for number in range(labels)]))

    def loss(outputs: Any, truth: Any, **_: Any) -> Any:
        logits = outputs["logits"].float()
        return torch.nn.functional.cross_entropy(
            logits.view(-1, labels), truth.view(-1), weight.to(logits.device), ignore_index=IGNORED
        )

    return loss


def among_options(outputs: Any, truth: Any, **_: Any) -> Any:
    """Cross entropy over options: truth is 1 for the right one, IGNORED where there is none."""
    logits = outputs["logits"].float().masked_fill(truth == IGNORED, float("-inf"))
    torch = require("torch", "train")
    return torch.nn.functional.cross_entropy(logits, truth.argmax(-1))
