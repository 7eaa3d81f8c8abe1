"""Evaluation: scores that carry their signatures. One member so far."""

from __future__ import annotations

from xltpipe.evaluation.span_f1 import SpanF1

MetricSpec = SpanF1
"""With a second member: `Annotated[SpanF1 | Other, Field(discriminator="kind")]`."""

__all__ = ["MetricSpec", "SpanF1"]
