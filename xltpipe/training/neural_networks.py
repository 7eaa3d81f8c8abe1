"""Networks from scratch: a CNN over characters, and a bidirectional GRU over words of characters.

Padding never reaches a result: a text's logits do not depend on the batch that it stands in.
Imported only where PyTorch is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

Text = list[list[int]]
"""A text for a network: the characters of each word; one word for `CharacterCnn`."""


def padded(rows: Sequence[Sequence[int]], more: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of numbers as a table, filled up with zeros and `more` of them, and their lengths."""
    lengths = torch.tensor([len(row) for row in rows])
    width = int(lengths.max()) + more
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows]), lengths


class CharacterCnn(nn.Module):
    """Filters of several widths over characters, the largest answer of each (Kim, 2014)."""

    def __init__(self, characters: int, depth: int, filters: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.embed = nn.Embedding(characters, depth, padding_idx=0)
        self.filters = nn.ModuleList(nn.Conv1d(depth, filters, width) for width in widths)
        self.more = max(widths) - 1
        self.width = filters * len(widths)

    def pooled(self, words: Sequence[Sequence[int]]) -> Tensor:
        """(words, width)."""
        table, lengths = padded(words, self.more)
        embedded = self.embed(table).transpose(1, 2)
        out = []
        for layer in self.filters:
            answers = layer(embedded)
            inside = torch.arange(answers.shape[2])[None] < lengths[:, None]
            out.append(answers.masked_fill(~inside[:, None], -torch.inf).amax(2).relu())
        return torch.cat(out, 1)

    def forward(self, texts: Sequence[Text]) -> Tensor:
        """(texts, width)."""
        return self.pooled([text[0] for text in texts])


class WordGru(nn.Module):
    """Words by their characters, in context by a bidirectional GRU (after Lample et al., 2016)."""

    def __init__(
        self,
        characters: int,
        depth: int,
        filters: int,
        widths: Sequence[int],
        hidden: int,
        drop: float,
    ) -> None:
        super().__init__()
        self.words = CharacterCnn(characters, depth, filters, widths)
        self.drop = nn.Dropout(drop)
        self.gru = nn.GRU(self.words.width, hidden, batch_first=True, bidirectional=True)
        self.width = 2 * hidden

    def states(self, texts: Sequence[Text]) -> tuple[Tensor, Tensor]:
        """(texts, words, width), and the number of words of each text."""
        distinct = {
            word: at for at, word in enumerate(dict.fromkeys(tuple(w) for t in texts for w in t))
        }
        table, lengths = padded([[distinct[tuple(word)] for word in text] for text in texts])
        # as an embedding: gradients of `pooled[table]` are added up in whichever order threads end
        inputs = self.drop(F.embedding(table, self.words.pooled(list(distinct))))
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        return states, lengths

    def forward(self, texts: Sequence[Text]) -> Tensor:
        """(texts, width): the largest value of each state."""
        states, lengths = self.states(texts)
        inside = torch.arange(states.shape[1])[None] < lengths[:, None]
        return states.masked_fill(~inside[:, :, None], -torch.inf).amax(1)


class LabelNetwork(nn.Module):
    """One label of one text, or of two by their states, difference and product (Conneau, 2017)."""

    def __init__(
        self, encoder: CharacterCnn | WordGru, sides: int, labels: int, drop: float
    ) -> None:
        super().__init__()
        self.encoder, self.sides = encoder, sides
        width = encoder.width * (4 if sides == 2 else 1)
        self.head = nn.Sequential(nn.Dropout(drop), nn.Linear(width, labels))
        if sides == 2:
            inner = encoder.width
            layers = [nn.Dropout(drop), nn.Linear(width, inner), nn.ReLU(), nn.Dropout(drop)]
            self.head = nn.Sequential(*layers, nn.Linear(inner, labels))

    def forward(self, rows: Sequence[Sequence[Text]]) -> Tensor:
        """(rows, labels)."""
        flat = self.encoder([text for row in rows for text in row])
        if self.sides == 1:
            logits: Tensor = self.head(flat)
            return logits
        one, two = flat[0::2], flat[1::2]
        both: Tensor = self.head(torch.cat([one, two, (one - two).abs(), one * two], 1))
        return both


class TagNetwork(nn.Module):
    """One tag per word."""

    def __init__(self, encoder: WordGru, tags: int, drop: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Dropout(drop), nn.Linear(encoder.width, tags))

    def forward(self, rows: Sequence[Sequence[Text]]) -> Tensor:
        """(all words, tags), text after text."""
        states, lengths = self.encoder.states([row[0] for row in rows])
        inside = torch.arange(states.shape[1])[None] < lengths[:, None]
        logits: Tensor = self.head(states[inside])
        return logits


def loss(logits: Tensor, targets: Sequence[int], weight: Tensor | None, ignored: int) -> Tensor:
    """Weighted mean cross entropy; 0 where nothing is asked."""
    truth = torch.tensor(targets)
    if not bool((truth != ignored).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, truth, weight, ignore_index=ignored)
