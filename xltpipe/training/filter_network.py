"""FilterNetwork: an encoder over two languages at once, joined in some layers (Fang et al., 2021).

The first layers run on each language alone, the next on the concatenation [target; source], the
rest alone again. Positions count from the start of each language, since they enter at the
embeddings; the two sides are padded each for itself and the padding between them is masked. The
same head reads both parts: of a target sequence at index 0, of the source at len(target).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers.masking_utils import create_bidirectional_mask

from xltpipe.errors import RecipeError
from xltpipe.training.distillation import distilled
from xltpipe.training.fitting import IGNORED

Batch = Mapping[str, Tensor]
"""input_ids, attention_mask and perhaps token_type_ids, each of (rows, tokens)."""


class FilterNetwork(nn.Module):
    """Layers `local` to `local + fused` of the encoder of `model` see both languages.

    `both` learns from the labels of both sides (else the source's), as long as no teacher speaks.
    With a teacher's logits: (1 - alpha) CE(target) + alpha T² KL(teacher ‖ student) + CE(source).

    Raises:
        RecipeError: the model is not built like BERT or XLM-R, or has too few layers.
    """

    def __init__(
        self, model: Any, *, local: int, fused: int, both: bool, alpha: float, temperature: float
    ) -> None:
        super().__init__()
        base = model.base_model
        layers = getattr(getattr(base, "encoder", None), "layer", None)
        if layers is None or not hasattr(base, "embeddings"):
            raise RecipeError(
                "Model of filter must be an encoder with embeddings and encoder.layer, as BERT and "
                f"XLM-R are, was: {type(model).__name__}; take another model"
            )
        if local + fused > len(layers):
            raise RecipeError(
                f"local_layers + fusion_layers must be at most the model's {len(layers)} layers, "
                f"was: {local} + {fused}"
            )
        self.model, self.config = model, model.config
        self._local, self._fused, self._both = local, fused, both
        self._alpha, self._temperature = alpha, temperature

    def hidden(self, target: Batch, source: Batch) -> tuple[Tensor, Tensor]:
        """The last states of both parts, (rows, tokens, width) each."""
        base = self.model.base_model
        seen = [target["attention_mask"], source["attention_mask"]]
        parts = [
            base.embeddings(**{k: v for k, v in side.items() if k != "attention_mask"})
            for side in (target, source)
        ]
        masks = [self._mask(part, mask) for part, mask in zip(parts, seen, strict=True)]
        sizes = [part.size(1) for part in parts]
        for number, layer in enumerate(base.encoder.layer):
            if self._local <= number < self._local + self._fused:
                joined = torch.cat(parts, 1)
                mask = self._mask(joined, torch.cat(seen, 1))
                parts = list(layer(joined, mask).split(sizes, 1))
            else:
                parts = [layer(part, mask) for part, mask in zip(parts, masks, strict=True)]
        return parts[0], parts[1]

    def _mask(self, states: Tensor, seen: Tensor) -> Tensor | None:
        return create_bidirectional_mask(
            config=self.config, inputs_embeds=states, attention_mask=seen
        )

    def head(self, states: Tensor) -> Tensor:
        """Logits of each token, or of each row where the model has one label a row."""
        model = self.model
        if "TokenClassification" in type(model).__name__:
            return model.classifier(model.dropout(states))
        pooler = getattr(model.base_model, "pooler", None)
        if pooler is None:
            return model.classifier(states)
        return model.classifier(model.dropout(pooler(states)))

    def logits(self, target: Batch, source: Batch) -> tuple[Tensor, Tensor]:
        """Of the target part and of the source part."""
        states = self.hidden(target, source)
        return self.head(states[0]), self.head(states[1])

    def forward(
        self,
        target: Batch,
        source: Batch,
        target_labels: Tensor,
        source_labels: Tensor,
        places: Tensor,
        soft: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The loss, and the logits of the target.

        `places` are those whose logits a teacher gives: (rows, tokens) or (rows,); `soft` are
        these logits, one row a place.
        """
        mine, other = self.logits(target, source)
        loss = _mean_loss(other, source_labels)
        if soft is not None:
            taught = distilled(mine[places], soft, self._temperature)
            loss = loss + (1 - self._alpha) * _mean_loss(mine, target_labels) + self._alpha * taught
        elif self._both:
            loss = loss + _mean_loss(mine, target_labels)
        return {"loss": loss, "logits": mine}


def _mean_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy per label that is given; 0 where none is."""
    total = cross_entropy(
        logits.reshape(-1, logits.size(-1)),
        labels.reshape(-1),
        ignore_index=IGNORED,
        reduction="sum",
    )
    return total / (labels != IGNORED).sum().clamp(min=1)
