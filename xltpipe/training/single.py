"""The trainers that learn from single examples: what others may wrap."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.training.answer_ranker import AnswerRanker
from xltpipe.training.averaged import Averaged
from xltpipe.training.chat import Chat
from xltpipe.training.crf import Crf
from xltpipe.training.event_crf import EventCrf
from xltpipe.training.neural import BiGru, CharCnn
from xltpipe.training.self_distillation import SelfDistillation
from xltpipe.training.seq2seq import Seq2Seq
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.tfidf import Tfidf
from xltpipe.training.transformers import Transformers

SingleTrainerSpec = Annotated[
    Crf
    | EventCrf
    | Tfidf
    | AnswerRanker
    | CharCnn
    | BiGru
    | Transformers
    | TextToText
    | Chat
    | Seq2Seq
    | Averaged
    | SelfDistillation,
    Field(discriminator="kind"),
]
