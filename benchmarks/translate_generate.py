"""`generate` of transformers on the same weights in float32, and bytes moved against a ceiling."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import sentencepiece
import torch
from transformers import GenerationConfig, MarianMTModel
from transformers.utils import logging
from translate_arms import limit
from translate_laps import Lap

from xltpipe.languages import resolve
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import codec
from xltpipe.translation.models import find_model

BATCH = 64  # sentences; 16 to 64 are alike here
BYTES = {"int8": 1, "float16": 2, "float32": 4}


class Generate:
    """Batches sorted by length, of rows that share an output limit; holes in texts are forbidden.

    A batch is decoded until its last row ends, and a text that the model raves on ends at its limit
    only: batches that mix limits are slower, so Hugging Face gets these.
    """

    def __init__(
        self, home: Path, spec: CTranslate2, texts: Sequence[str], cores: int, device: str
    ) -> None:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(cores)
        self.dtype = "float32" if device == "cpu" else "float16"
        self.device, self.spec = device, spec
        self.model = MarianMTModel.from_pretrained(home, dtype=getattr(torch, self.dtype))
        self.model = self.model.eval().to(device)
        self.model.generation_config = GenerationConfig()
        self._pieces = sentencepiece.SentencePieceProcessor(model_file=str(home / "source.spm"))
        self._codec = codec(find_model("en-es-tatoeba"), resolve("eng"), resolve("spa"))
        encoded = self._codec.encode(list(texts), spec.max_input_tokens)
        rows = [[self._pieces.piece_to_id(piece) for piece in one] for one, _ in encoded]
        self._batches = self._sorted(rows)
        self._rows, self._outputs = rows, [[0]] * len(rows)
        self.steps = 0

    def _sorted(self, rows: list[list[int]]) -> list[list[int]]:
        batches: list[list[int]] = []
        for place in sorted(range(len(rows)), key=lambda k: -len(rows[k])):
            last = batches[-1] if batches else []
            cap = limit(self.spec, len(rows[place]))
            if not last or len(last) == BATCH or limit(self.spec, len(rows[last[0]])) != cap:
                batches.append([])
            batches[-1].append(place)
        return batches

    def __call__(self) -> int:
        self.steps = tokens = 0
        for batch in self._batches:
            out = self._generate([self._rows[place] for place in batch])
            self.steps += out.shape[1] - 1
            for place, row in zip(batch, out.tolist(), strict=True):
                end = row.index(0, 1) + 1 if 0 in row[1:] else len(row)
                self._outputs[place] = row[1:end]
                tokens += end - 1
        return tokens

    def _generate(self, rows: list[list[int]]) -> torch.Tensor:
        width, pad = max(map(len, rows)), self.model.config.pad_token_id
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows], device=self.device)
        search = GenerationConfig(
            num_beams=self.spec.beam,
            do_sample=False,
            # as CTranslate2: over when `beam` hypotheses are complete
            **({"early_stopping": True} if self.spec.beam > 1 else {}),
            repetition_penalty=self.spec.repetition_penalty,
            max_new_tokens=limit(self.spec, width),
            suppress_tokens=[pad, self._pieces.unk_id()],
            decoder_start_token_id=pad,
            eos_token_id=0,
            pad_token_id=pad,
        )
        with torch.inference_mode():
            out: torch.Tensor = self.model.generate(
                input_ids=ids, attention_mask=(ids != pad).long(), generation_config=search
            )
        if self.device == "cuda":
            torch.cuda.synchronize()
        return out

    def texts(self) -> list[str]:
        """Of the last lap; joined from pieces as ours are."""
        return self._codec.decode(
            [[self._pieces.id_to_piece(piece) for piece in one] for one in self._outputs]
        )

    def step_weights(self) -> int:
        """Weights that one step of the decoder reads: its layers, and all embeddings once."""
        layers = sum(weight.numel() for weight in self.model.model.decoder.layers.parameters())
        return layers + self.model.get_output_embeddings().weight.numel()


def moved(generate: Generate) -> dict[str, int]:
    """Bytes of weights that a lap reads step by step, by arm; the encoder's are left out.

    Ours are counted with the steps of Hugging Face's batches: its own are of other sizes, and the
    engine does not tell them. Read as an estimate.
    """
    weights = generate.step_weights() * generate.steps
    return {
        "xltpipe stage": weights * BYTES[generate.spec.compute_type.split("_")[0]],
        "transformers generate": weights * BYTES[generate.dtype],
    }


def ceiling(device: str, size: int = 1 << 28) -> float:
    """Bytes a second that a plain copy in the device's memory moves, read and written."""
    one = torch.empty(size, dtype=torch.uint8, device=device)
    other = torch.empty_like(one)
    seconds = []
    for _ in range(5):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        other.copy_(one)
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return 2 * size / min(seconds)


def bandwidth(laps: dict[str, list[Lap]], bytes_moved: dict[str, int], device: str) -> str:
    """Weights read a second beside what the memory gives: far below it, a step is not bound by it.

    A small model stays in the caches of a CPU, so that there the share says little.
    """
    most = ceiling(device)
    told = []
    for name, number in bytes_moved.items():
        rate = number / median(one.seconds for one in laps[name])
        told.append(f"{name} {rate / 1e9:.2f} GB/s ({rate / most:.1%})")
    return f"weights read: {', '.join(told)} of {most / 1e9:.1f} GB/s that a copy moves"
