"""Answers: what engines, servers and language models may send back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.examples import SCRIPTS, example, unit
from tests.fuzz.mutation import bent, json_text, noise, texts, words
from tests.fuzz.target import Target
from xltpipe.hypertext import marked
from xltpipe.languages import resolve
from xltpipe.projection.llm_tasks import Bounded, Task, read, task
from xltpipe.projection.markers import MarkerProjector
from xltpipe.projection.tags import TagProjector
from xltpipe.projection.traits import Traits
from xltpipe.schemes import spans_from_tags, tags_from_spans
from xltpipe.text import tokenise
from xltpipe.translation import tags
from xltpipe.translation.apertium_stream import decode, encode
from xltpipe.translation.chat_checks import Checks, judge
from xltpipe.translation.chat_request import GarbledError, Reply, replied
from xltpipe.translation.chat_retries import overlong, retry_after
from xltpipe.translation.prompts import Chat, Lmt
from xltpipe.translation.server_answers import (
    Answer,
    chatted,
    completed,
    model_names,
    prompt_tokens,
)
from xltpipe.translation.server_faults import message, wait
from xltpipe.types import Example, Span, Translation, Unit

TWO = example("Ana lives in São Paulo .", ("Ana", "PER"), ("São Paulo", "LOC"))
SOURCES = [*SCRIPTS, TWO, replace(TWO, spans=(*TWO.spans, Span(0, 24, "EVENT")))]

CHAT = {
    "id": "x",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": '{"translation": "Hola"}', "refusal": None},
            "finish_reason": "stop",
            "logprobs": {
                "content": [
                    {"token": "a", "logprob": -0.1, "top_logprobs": [{"token": "1", "logprob": -1}]}
                ]
            },
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
TEXT = {
    "choices": [
        {
            "text": "Hola",
            "finish_reason": "length",
            "logprobs": {"token_logprobs": [-0.1, -2]},
            "prompt_token_ids": [1, 2],
            "prompt_logprobs": [None, {"2": {"logprob": -1.5}}],
        }
    ]
}
NAMES = {"data": [{"id": "qwen"}, {"id": "b"}]}
FAULTS = [
    {"error": {"message": "maximum context length is 512 tokens; has 900 input tokens"}},
    {"message": "no"},
]


def _unit(source: Example, texts: list[str]) -> Unit:
    """The source with these texts for what came back, as many as were sent or faulty ones."""
    received = tuple(Translation(text) for text in texts)
    return replace(unit(source, texts[0] if texts else ""), received=received)


@st.composite
def _come_back(draw: st.DrawFn, projector: Any) -> Unit:
    """What was sent, bent; or other words."""
    source = draw(st.sampled_from(SOURCES))
    sent = projector.prepare(source)
    texts = [
        draw(st.one_of(words, noise([one.encode()]).map(lambda b: b.decode("utf-8", "replace"))))
        for one in sent
    ]
    return _unit(source, texts)


def _projected(projector: Any) -> Any:
    def parse(given: Unit) -> object:
        (out,) = projector.project([given])
        if len(out.placements) != len(given.source.spans):
            raise AssertionError("a span has no placement")
        return out

    return parse


def _markers(style: Any, *, repair: bool) -> Target:
    one = MarkerProjector(style, repair=repair)
    name = f"markers {style}{' repaired' if repair else ''}"
    return Target(name, _come_back(one), _projected(one))


def _replied(body: bytes) -> object:
    try:
        return replied(body)
    except GarbledError:  # asked again, then a fault of the row
        return None


@st.composite
def _said(draw: st.DrawFn) -> tuple[Task, Answer]:
    given = unit(draw(st.sampled_from(SOURCES)), draw(texts))
    spans = given.source.spans or (Span(0, 1, "X"),)
    source = given.source if given.source.spans else replace(TWO, spans=TWO.spans)
    given = replace(given, source=source)
    mode = draw(st.sampled_from(["choice", "regex", "free"]))
    made = task(
        given, draw(st.sampled_from(list(source.spans or spans))), "?", Bounded(mode, 2.0, 40), 1
    )
    if isinstance(made, str):
        made = Task(given.target.texts[0], "free", None, {}, (), None)  # type: ignore[arg-type]
    answer = draw(
        st.one_of(
            words, st.just(given.target.texts[0]), st.sampled_from(list(made.options) or [""])
        )
    )
    return made, Answer(answer, draw(st.booleans()), (-0.1,))


def _read(given: tuple[Task, Answer]) -> object:
    asked, answer = given
    return read(asked, answer) if asked.cells else None


_ENG, _SPA = resolve("eng"), resolve("spa")


@st.composite
def _chat(draw: st.DrawFn) -> tuple[Reply, str, Any]:
    text = draw(texts)
    prompter = draw(st.sampled_from([Chat(), Chat(mode="free"), Lmt()])).bind(_ENG, _SPA)
    said = draw(
        st.one_of(
            texts,
            texts.map(lambda w: json.dumps({"translation": w})),
            json_text([{"translation": "x"}]).map(lambda b: b.decode("utf-8", "replace")),
        )
    )
    return Reply(said, draw(st.booleans()), draw(st.booleans())), text, prompter.ask(text)


def _tagged(given: tuple[list[str], str]) -> object:
    labels, scheme = given
    bounds = [(2 * n, 2 * n + 1) for n in range(len(labels))]
    spans, _ = spans_from_tags(labels, bounds, scheme)  # type: ignore[arg-type]
    return tags_from_spans(spans, bounds, scheme)  # type: ignore[arg-type]


def _shown(given: tuple[str, list[tuple[int, int]]]) -> str:
    text, pairs = given
    spans = [Span(a, b, "<i>") for a, b in pairs if a < b <= len(text)]
    out = marked(text, spans, {"<i>": 0})
    if "<script" in out.lower() or "<i>" in out:
        raise AssertionError("a text got through unescaped")
    return out


_tags = st.lists(
    st.one_of(
        st.sampled_from(["O", "B-PER", "I-PER", "E-PER", "S-X", "L-", "U-", "-", "", "B"]), words
    ),
    max_size=8,
)
_places = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), max_size=4)
_noisy = noise([b"120", b"Wed, 21 Oct 2026 07:28:00 GMT"]).map(lambda b: b.decode("latin-1"))
_block = encode(tags.Tagged("Ana lives [x] @ ~ Rome", ((0, 3, 0), (18, 22, 1))), 7)

TARGETS = [
    _markers("letters", repair=True),
    _markers("letters", repair=False),
    _markers("xml", repair=True),
    _markers("brackets", repair=True),
    _markers("brackets", repair=False),
    Target(
        "tags",
        _come_back(TagProjector(Traits("eng"), Traits("spa"))),
        _projected(TagProjector(Traits("eng"), Traits("spa"))),
    ),
    Target("tags read", words, tags.read),
    Target("apertium stream", noise([_block]), lambda b: decode(b, 7)),
    Target(
        "BIO tags",
        st.tuples(_tags, st.sampled_from(["bio", "io", "iob1", "bilou", "bioes"])),
        _tagged,
    ),
    Target("words", words, tokenise),
    Target("marked hypertext", st.tuples(words, _places), _shown),
    Target("chat completion", json_text([CHAT]), _replied),
    Target("chat answer", bent([CHAT]), chatted),
    Target("completion", bent([TEXT]), completed),
    Target("prompt tokens", bent([TEXT]), prompt_tokens),
    Target("model names", bent([NAMES]), model_names, 0.5),
    Target("server's fault", json_text(FAULTS), lambda b: overlong(message(b)).fault("m", "")),
    Target(
        "retry-after",
        _noisy,
        lambda s: (wait(1, {"retry-after": s}), retry_after({"Retry-After": s})),
        0.5,
    ),
    Target("answer checks", _chat(), lambda g: judge(g[0], g[1], g[2], Checks(), ("eng", "spa"))),
    Target("span answer", _said(), _read),
]
