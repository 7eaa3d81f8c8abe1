"""Checks: answers that can, and cannot, be the translation of their text."""

from __future__ import annotations

import json

import pytest

from xltpipe.translation.chat_checks import Checks, judge, loops
from xltpipe.translation.chat_request import GarbledError, Reply, replied
from xltpipe.translation.prompts import Asked, Chat

TEXT = "The cat sleeps in the house of my grandmother every single day."
GOOD = "El gato duerme en la casa de mi abuela todos los días."
FREE, JSON = Asked((), "free", "text-0123"), Asked((), "json")


def word(answer: str, text: str = TEXT, pair: tuple[str, str] = ("eng", "spa")) -> str | None:
    return judge(Reply(answer), text, FREE, Checks(), pair).word


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (GOOD, None),
        ("", "empty"),
        (" … ", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("Lo siento, pero no puedo traducir este texto.", "refusal"),
        ("Claro, aquí tienes: " + GOOD, "preamble"),
        (GOOD + " (Note: informal)", "preamble"),
        (GOOD + "\n\nEspero que te sirva mucho.", "lines"),
        ("Muy bien. " * 40, "loop"),
        ("El gato no no no no no no no duerme en la casa de mi abuela", "loop"),
        ("a" * 60, "loop"),
        (" ".join(f"palabra{n}" for n in range(60)), "length"),
        ("ok", "length"),
        (TEXT, "language"),
        ("<|im_start|>" + GOOD, "prompt_leak"),
        ("<think>Let me see", "preamble"),
    ],
)
def test_answers_that_are_no_translations(answer: str, expected: str | None) -> None:
    found = word(answer)
    assert found == expected or (expected == "preamble" and found == "prompt_leak")


@pytest.mark.parametrize(
    ("text", "answer", "pair"),
    [
        ("Hello, hello, hello!", "¡Hola, hola, hola!", ("eng", "spa")),
        ("I'm sorry, I can't come.", "Lo siento, no puedo ir.", ("eng", "spa")),
        ("Wow!!!!!!!!", "¡¡¡Guau!!!!!!!!", ("eng", "spa")),
        ("Angela Merkel, Berlin", "Angela Merkel, Berlin", ("eng", "spa")),
        ("El gato duerme en la casa.", "O gato durme na casa.", ("spa", "glg")),
        ("我住在北京的一个小房子里。", "I live in a little house in Beijing.", ("zho", "eng")),
        ("I live in a little house in Beijing.", "我住在北京的一个小房子里。", ("eng", "zho")),
        ("Note: he said:\n- yes\n- no", "Nota: dijo:\n- sí\n- no", ("eng", "spa")),
        ("...", "...", ("eng", "spa")),
        ("OK", "OK", ("eng", "spa")),
        ("👍", "👍", ("eng", "spa")),
        ("As an AI, I sleep not.", "Como una IA, no duermo.", ("eng", "spa")),
    ],
)
def test_right_answers_are_let_through(text: str, answer: str, pair: tuple[str, str]) -> None:
    verdict = judge(Reply(answer), text, FREE, Checks(), pair)
    assert (verdict.fault, verdict.text) == (None, answer)


@pytest.mark.parametrize(
    ("answer", "mended"),
    [
        (f"Sure! Here is the translation:\n{GOOD}", ("preamble",)),
        (f"Aquí tienes la traducción:\n\n{GOOD}", ("preamble",)),
        (f"Spanish: {GOOD}", ("label",)),
        (f'"{GOOD}"', ("quotes",)),
        (f"«{GOOD}»", ("quotes",)),
        (f"<text-0123>\n{GOOD}\n</text-0123>", ("tags",)),
        (f"<think>It is Spanish.</think>\n{GOOD}", ("thought",)),
        (f'Here is the translation:\n"{GOOD}"', ("preamble", "quotes")),
    ],
)
def test_what_surely_frames_an_answer_is_taken_off_and_told(
    answer: str, mended: tuple[str, ...]
) -> None:
    verdict = judge(Reply(answer), TEXT, FREE, Checks(), ("eng", "spa"))
    assert (verdict.text, verdict.fault, verdict.mended) == (GOOD, None, mended)


@pytest.mark.parametrize("answer", ['"Sí", dijo, "y no"', "Nota: no hay pan en casa hoy."])
def test_what_may_belong_to_the_text_is_not_taken_off(answer: str) -> None:
    text = 'He said yes and "no"' if answer[0] == '"' else "Note: there is no bread today."
    assert judge(Reply(answer), text, FREE, Checks(), ("eng", "spa")).text == answer


def test_answers_in_json() -> None:
    def read(said: str, *, whole: bool = True) -> tuple[str, str | None]:
        verdict = judge(Reply(said, whole=whole), TEXT, JSON, Checks(), ("eng", "spa"))
        return verdict.text, verdict.word

    good = json.dumps({"translation": GOOD})
    assert read(good) == (GOOD, None)
    assert read(f"```json\n{good}\n```") == (GOOD, None)
    assert read(GOOD) == ("", "not_json")
    assert read('{"translation": 3}') == ("", "not_json")
    assert read(good[:30], whole=False) == ("", "cut_off")
    assert read(json.dumps({"translation": f"Here is the translation: {GOOD}"}))[1] == "preamble"


def test_faults_can_be_switched_off() -> None:
    answer = Reply("I'm sorry, but I can't do that.\nNo.")
    off = Checks(refusal=False, lines=False, language=False)
    assert judge(answer, TEXT, FREE, off, ("eng", "spa")).fault is None


def test_what_the_server_declines_is_a_refusal() -> None:
    verdict = judge(Reply("", refused=True), TEXT, FREE, Checks(), ("eng", "spa"))
    assert verdict.word == "refusal"


def test_loops_count_what_follows_itself() -> None:
    assert loops("one two three") == 0
    assert loops("no no no") == 2
    assert loops("I am I am I am I am") == 3
    assert loops("哈哈哈哈") == 3
    assert loops("") == 0


def reply(**choice: object) -> bytes:
    return json.dumps({"choices": [{"index": 0, **choice}], "usage": None}).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (reply(message={"content": "x"}, finish_reason="stop"), Reply("x")),
        (reply(message={"content": "x"}, finish_reason="length"), Reply("x", whole=False)),
        (
            reply(message={"content": None, "refusal": "no"}, finish_reason="stop"),
            Reply("", refused=True),
        ),
        (reply(message={"content": None}, finish_reason="content_filter"), Reply("", refused=True)),
        (reply(message={"content": "\ud83d"}, finish_reason="stop"), Reply("\ufffd")),
    ],
)
def test_replies_are_read(body: bytes, expected: Reply) -> None:
    assert replied(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
        b'{"choices": [{"message": {"content": null}}]}',
        b"\xff\xfe",
    ],
)
def test_what_is_no_reply_is_garbled(body: bytes) -> None:
    with pytest.raises(GarbledError):
        replied(body)


def test_the_default_prompt_is_held_to_json() -> None:
    assert Chat().mode == "json"
