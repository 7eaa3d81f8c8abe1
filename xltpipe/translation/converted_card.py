"""The card of a converted model: from what, how, for which languages, under which licence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from xltpipe import front_matter
from xltpipe.languages import resolve
from xltpipe.translation.converted_source import Source
from xltpipe.translation.converted_weights import Quantization
from xltpipe.translation.description import Description
from xltpipe.translation.fidelity import Fidelity

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Conversion:
    """All that a card tells; `stated` is the licence that the user gave, if any."""

    name: str
    source: Source
    description: Description
    quantization: Quantization
    fidelity: Fidelity | None
    stated: str | None

    @property
    def licence(self) -> str:
        """As stated, else as the original's card says, else unknown."""
        found = front_matter.licence_in(self.source.home)
        return self.stated or (found[0] if found else UNKNOWN)


def card(done: Conversion, model: Path) -> str:
    """The Markdown text; the sizes are those of the files in `model`."""
    said = done.description
    ids = list(dict.fromkeys([*(i for pair in said.directions for i in pair), *said.languages]))
    fields: dict[str, object] = {
        "license": done.licence,
        "language": [resolve(one).opus for one in ids],
        "base_model": done.source.home.name,
        "library_name": "ctranslate2",
        "pipeline_tag": "translation",
    }
    size = (model / "model.bin").stat().st_size / 1e6
    source = f"{done.source.home.name} ({done.source.model_type})"
    made = f"by `xltpipe models convert` on {datetime.now(tz=UTC):%Y-%m-%d}"
    lines = [
        f"# {done.name}",
        "",
        f"{source} for CTranslate2, converted {made}.",
        "",
        f"* **Family**: {said.family}",
        f"* **Languages**: {said.pairs()}",
        f"* **Weights**: {done.quantization}, {size:.1f} MB, {_shape(done.source)}",
        f"* **Tokenizer**: {said.tokenizer.source}"
        + (f", {said.tokenizer.target}" if said.tokenizer.target else "")
        + (f"; prompt `{said.prompt}`" if said.prompt else ""),
        f"* **Longest input**: {said.max_positions} tokens, with special ones",
        f"* **Licence**: {done.licence}"
        + ("" if done.licence != UNKNOWN else " (state it before you publish what it translates)"),
        f"* **Compared with the original**: {_compared(done)}",
        f"* **Written with**: {', '.join(_versions())}",
        "* **Checksums**: SHA256SUMS (`sha256sum --check SHA256SUMS`, `xltpipe models verify`)",
        "",
    ]
    return front_matter.write(fields) + "\n".join(lines)


def _shape(source: Source) -> str:
    config = source.config
    layers = [config.get("encoder_layers", config.get("num_layers"))]
    layers.append(config.get("decoder_layers", config.get("num_decoder_layers")) or layers[0])
    return (
        f"{layers[0]} + {layers[1]} layers, width {config.get('d_model')}, "
        f"{config.get('vocab_size')} rows of vocabulary"
    )


def _compared(done: Conversion) -> str:
    found = done.fidelity
    if found is None:
        return "no"
    return (
        f"log-probabilities of {found.sequences} random sequences differ by {found.mean:.2g} nats "
        f"per piece on average, {found.greatest:.2g} at most"
    )


def _versions() -> list[str]:
    out = []
    for name in ("xltpipe", "ctranslate2", "transformers", "torch"):
        try:
            out.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return out
