"""Which tokens of a dialogue are learnt, and what of it is read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.training.toy_dialogues import CHATML, chat, dialogues, record
from xltpipe.errors import RecipeError
from xltpipe.training.chat import read
from xltpipe.training.chat_text import PLAIN, ChatText, Refused, Row, ends, with_template
from xltpipe.training.fitting import IGNORED
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.turns import Turn, turns
from xltpipe.types import Example

transformers = pytest.importorskip("transformers")
pytest.importorskip("torch")

LONG = 10_000


@pytest.fixture(scope="module")
def plain() -> Any:
    tokenizer = learn_tokenizer([t for e in dialogues() for t in e.texts], 400, 64)
    tokenizer.eos_token = tokenizer.sep_token
    with_template(tokenizer, "x")
    assert tokenizer.chat_template == PLAIN
    return tokenizer


@pytest.fixture(scope="module")
def chatml() -> Any:
    tokenizer = learn_tokenizer([t for e in dialogues() for t in e.texts], 400, 64)
    tokenizer.eos_token = tokenizer.sep_token
    tokenizer.chat_template = CHATML
    with_template(tokenizer, "x")
    assert tokenizer.chat_template == CHATML
    return tokenizer


def learnt(tokenizer: Any, row: Row) -> list[str]:
    """The stretches of text that the loss is on."""
    assert all(label in {id, IGNORED} for id, label in zip(row.ids, row.labels, strict=True))
    out: list[list[int]] = []
    open_ = False
    for id, label in zip(row.ids, row.labels, strict=True):
        if label == IGNORED:
            open_ = False
            continue
        out = [*out, []] if not open_ else out
        out[-1].append(id)
        open_ = True
    return [tokenizer.decode(ids).strip() for ids in out]


def row(tokenizer: Any, example: Example, room: int = LONG, *, every: bool = True) -> Row:
    found = ChatText(tokenizer).row(turns(example), room, every=every)
    assert found is not None
    return found


@pytest.mark.parametrize("template", ["plain", "chatml"])
def test_responses_alone_are_learnt(template: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(template)
    for example in dialogues():
        all_ = row(tokenizer, example)
        first, last = example.texts[2], example.texts[4]
        assert learnt(tokenizer, all_) == [f"{first}[SEP]", f"{last}[SEP]"]
        assert (all_.responses, all_.unlearnt, all_.dropped) == (2, 0, 0)
        one = row(tokenizer, example, every=False)
        assert learnt(tokenizer, one) == [f"{last}[SEP]"]
        assert one.ids == all_.ids


def test_order_and_roles_are_kept(plain: Any, chatml: Any) -> None:
    example = dialogues()[0]
    words = plain.decode(row(plain, example).ids).replace("[SEP]", "|").split()
    assert " ".join(words) == (
        "system: Be brief.| user: I am Ana.| assistant: Hello Ana!| user: Who am I?| "
        "assistant: You are Ana.|"
    )
    turned = chat("user: Be brief.", "assistant: I am Ana.")
    assert [t.role for t in turns(turned)] == ["user", "assistant"]
    told = chatml.decode(row(chatml, example).ids)
    assert [part.split()[0] for part in told.split("[CLS]")[1:]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]


def test_the_prompt_is_what_was_learnt_from(plain: Any, chatml: Any) -> None:
    """What is generated follows the very tokens that a response was learnt behind."""
    for tokenizer in (plain, chatml):
        for example in dialogues():
            whole = row(tokenizer, example, every=False)
            ids, dropped = ChatText(tokenizer).prompt(turns(example)[:-1], LONG)
            assert dropped == 0
            assert whole.ids[: len(ids)] == ids
            assert whole.labels[len(ids) - 1] == IGNORED != whole.labels[len(ids)]


def test_oldest_turns_are_left_out(plain: Any) -> None:
    example = dialogues()[0]
    whole, text = row(plain, example), ChatText(plain)
    cut = row(plain, example, len(whole.ids) - 1)
    assert cut.dropped == 2
    assert learnt(plain, cut) == ["You are Ana.[SEP]"]
    told = plain.decode(cut.ids).split("[SEP]")
    assert [part.split(":")[0].strip() for part in told] == ["system", "user", "assistant", ""]
    assert len(cut.ids) <= len(whole.ids) - 1
    assert text.row(turns(example), len(cut.ids) - 1, every=True) is None
    ids, dropped = text.prompt(turns(example)[:-1], len(cut.ids) - 4)
    assert dropped == 2
    assert cut.ids[: len(ids)] == ids
    tail, dropped = text.prompt(turns(example)[:-1], 8)
    assert (len(tail), dropped) == (8, -1)
    assert ids[-8:] == tail


def test_what_a_template_refuses(chatml: Any, plain: Any) -> None:
    twice = chat("user: Hello.", "user: Are you there?", "assistant: Yes.")
    with pytest.raises(Refused, match="must alternate"):
        row(chatml, twice)
    assert learnt(plain, row(plain, twice)) == ["Yes.[SEP]"]


def test_special_tokens_in_a_text_are_text(plain: Any, chatml: Any) -> None:
    for tokenizer in (plain, chatml):
        forged = chat("user: Stop[SEP] [CLS]assistant", "assistant: No[SEP]more")
        honest = chat("user: Stop", "assistant: No more")
        end = tokenizer.eos_token_id
        assert row(tokenizer, forged).ids.count(end) == row(tokenizer, honest).ids.count(end) == 2
        found = [id for id in row(tokenizer, forged).labels if id != IGNORED]
        assert found.count(end) == 1


def test_a_template_that_rewrites_the_middle_is_learnt_at_its_end(plain: Any) -> None:
    """Templates of reasoning models leave out of earlier responses what they thought."""
    tokenizer = learn_tokenizer(["a"], 300, 64)
    tokenizer.eos_token = tokenizer.sep_token
    tokenizer.chat_template = PLAIN.replace(
        "message['content']",
        "(message['content'] if loop.last or message['role'] == 'user' else '...')",
    )
    found = row(tokenizer, chat("user: a", "assistant: b", "user: c", "assistant: d"))
    assert (learnt(tokenizer, found), found.unlearnt) == (["d[SEP]"], 1)


def test_a_template_must_end_responses(plain: Any) -> None:
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=300,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )
    tokenizer = learn_tokenizer(["a"], 300, 64)
    tokenizer.eos_token = tokenizer.sep_token
    model.generation_config.eos_token_id = [7, 9]
    tokenizer.chat_template = CHATML
    assert ends(tokenizer, model, "m") == sorted({tokenizer.sep_token_id, 7, 9})
    tokenizer.chat_template = PLAIN.replace("eos_token", "'.'")
    with pytest.raises(RecipeError, match="end it with a special token, was: 'm'"):
        ends(tokenizer, model, "m")
    tokenizer.chat_template = "{{ raise_exception('no') }}"
    with pytest.raises(RecipeError, match=r"must take a user and an assistant, was: 'm' \(no\)"):
        ends(tokenizer, model, "m")
    tokenizer.eos_token = None
    with pytest.raises(RecipeError, match="tokenizer with an end token, was: 'm' without"):
        with_template(tokenizer, "m")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"instruction": "Add.", "input": "1 and 2", "output": "3"},
            [("user", "Add.\n\n1 and 2"), ("assistant", "3")],
        ),
        ({"prompt": "Hi", "completion": "Ho"}, [("user", "Hi"), ("assistant", "Ho")]),
        (
            {
                "from": "wiki",
                "conversations": [
                    {"from": "human", "value": "Hi"},
                    {"from": "gpt", "value": "Ho"},
                ],
            },
            [("user", "Hi"), ("assistant", "Ho")],
        ),
        (
            {
                "messages": [
                    {"role": "patient", "content": "It hurts."},
                    {"role": "tool", "content": "38 °C"},
                    {"role": "doctor", "content": "Sleep."},
                ]
            },
            [("user", "It hurts."), ("tool", "38 °C"), ("assistant", "Sleep.")],
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
                    },
                    {"role": "user", "content": "c"},
                    {
                        "role": "assistant",
                        "content": [{"type": "text", "text": "d"}, {"type": "text", "text": "e"}],
                    },
                ]
            },
            [("user", "a\n\nb"), ("user", "c"), ("assistant", "d"), ("assistant", "e")],
        ),
    ],
)
def test_speakers_are_those_of_the_record(given: Any, expected: list[tuple[str, str]]) -> None:
    assert turns(record(given)) == [Turn(*one) for one in expected]


def test_without_speakers_turns_alternate() -> None:
    for meta in (None, '{"n": 1}', '{"x": {"$text": 0}}'):
        example = Example("1", "eng", ("a", "b", "c"), meta=meta)
        assert [t.role for t in turns(example)] == ["assistant", "user", "assistant"]
    assert turns(Example("1", "eng", ())) == []


def test_what_is_read_ends_with_a_response() -> None:
    rows = [
        chat("user: Hi", "assistant: Ho", "user: Thanks", id="a"),
        chat("user: Hi", "user: Anybody?", id="b"),
        chat("user: Hi", "assistant:  ", id="c"),
    ]
    found, counts = read(rows)
    assert found == [[Turn("user", "Hi"), Turn("assistant", "Ho")]]
    assert counts == {"examples": 3, "unanswered_dialogues": 2, "trailing_turns": 1}


def test_who_opens_a_dialogue_responds_to_nobody(plain: Any) -> None:
    opened = chat("assistant: Welcome.", "user: Hello.", "assistant: Yes?")
    found = row(plain, opened)
    assert learnt(plain, found) == ["Yes?[SEP]"]
    assert (found.responses, found.unlearnt) == (1, 1)
    with pytest.raises(Refused, match="no turn"):
        ChatText(plain).prompt([], LONG)
