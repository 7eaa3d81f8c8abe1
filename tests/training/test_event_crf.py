from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import run
from tests.training.toy_tasks import event, events
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.evaluating import result
from xltpipe.evaluation.events import Events
from xltpipe.protocols import Tagger
from xltpipe.store import Store
from xltpipe.training import EventCrf
from xltpipe.types import Example, Link, Span

COUNTS = [
    "learnt_links",
    "trigger_tails",
    "other_roles",
    "links_between_texts",
    "headless_links",
    "masked_links",
    "dropped_links",
]


def trained(home: Path, examples: list[Example], **spec: object) -> Tagger:
    settings = EventCrf.model_validate(spec)
    settings.build(1, "events").train(iter(examples), iter([]), home)
    return settings.load(home)


def report(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "report.json").read_text("utf-8"))
    assert found["links"] == sum(found[name] for name in COUNTS)
    return found


def bare(examples: list[Example]) -> list[Example]:
    return [replace(e, spans=(), links=()) for e in examples]


def score(gold: list[Example], predicted: list[Example]) -> dict[str, float]:
    return Events().build({}).measure(gold, predicted).details


def nearest(example: Example, types: set[str]) -> Example:
    """Every argument joined to the trigger that is nearest to it, in its own role."""
    spans, links = example.spans, {}
    heads = [n for n, span in enumerate(spans) if span.label in types]
    for link in example.links:
        end = spans[link.tail]
        gaps = [max(spans[n].start, end.start) - min(spans[n].end, end.end) for n in heads]
        links[Link(heads[gaps.index(min(gaps))], link.tail, link.label)] = None
    return replace(example, links=tuple(links))


def test_finds_events_it_has_not_seen_and_joins_better_than_the_nearest(tmp_path: Path) -> None:
    held = [e for e in events() if "Grace" in e.texts[0].split()[:3]]
    taught = [e for e in events() if e not in held]
    tagger = trained(tmp_path / "m", taught)
    done = tagger.predict(bare(held))
    found = score(held, done)
    assert found["f1:trigger_classification"] == 1
    assert found["f1:argument_classification"] >= 0.95
    both = [n for n, e in enumerate(held) if "attacked" in e.texts[0] and "met" in e.texts[0]]
    near = [nearest(done[n], {"Attack", "Meet"}) for n in both]
    assert score([held[n] for n in both], near)["f1:argument_classification"] <= 0.9
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert names == [
        "model.crfsuite",
        "model.safetensors",
        "report.json",
        "settings.json",
        "vocabulary.json",
    ]
    told = report(tmp_path / "m")
    assert told["links"] == told["learnt_links"] == sum(len(e.links) for e in taught)
    assert told["types"] == ["Attack", "Meet"]
    assert told["roles"] == ["Agent", "Person", "Place", "Target", "Weapon"]


def test_a_weapon_is_the_attacks_though_the_meeting_is_nearer(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", events())
    (done,) = tagger.predict(
        [Example("1", "eng", ("Musa attacked Jos and Eva met Ali with bows .",))]
    )
    told = {
        (k.label, done.covered(done.spans[k.head]), done.covered(done.spans[k.tail]))
        for k in done.links
    }
    assert told == {
        ("Agent", "attacked", "Musa"),
        ("Target", "attacked", "Jos"),
        ("Person", "met", "Eva"),
        ("Person", "met", "Ali"),
        ("Weapon", "attacked", "bows"),
    }
    labels = {done.covered(s): s.label for s in done.spans}
    assert (labels["bows"], labels["Jos"], labels["Musa"]) == ("argument", "LOC", "PER")


def test_an_argument_of_two_events_is_joined_to_both(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", events())
    (done,) = tagger.predict(
        [Example("1", "eng", ("In Accra Musa attacked Jos and Eva met Ali .",))]
    )
    heads = {done.spans[k.head].label for k in done.links if k.label == "Place"}
    assert heads == {"Attack", "Meet"}


def test_two_trainings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        trained(tmp_path / name, events())
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_what_is_not_learnt_is_counted(tmp_path: Path) -> None:
    base = [
        event("Ana met in {p} .", [("met", "Meet")], {"p": ("Kano", "LOC", {0: "Place"})}),
        event("Bo killed {v} .", [("killed", "Die")], {"v": ("Ana", "PER", {0: "Victim"})}),
    ]
    texts = ("The attack on Kano killed Ana .", "Bo met Eva .")
    spans = (
        Span(4, 10, "Attack"),
        Span(19, 25, "Die"),
        Span(26, 29, "PER"),
        Span(14, 18, "LOC"),
        Span(3, 6, "Meet", 1),
        Span(0, 18, "EVENT"),  # longer than the trigger and the place in it
    )
    links = (
        Link(1, 2, "Victim"),
        Link(1, 0, "Cause"),  # an event is another's argument
        Link(0, 2, "Target"),  # of a trigger that is dropped
        Link(1, 5, "Cause"),
        Link(4, 2, "Person"),  # in another text
    )
    nested = Example("1", "eng", texts, spans, links=links)
    lost = replace(nested, id="2", masked=(0,))
    roles = Example(
        "3",
        "eng",
        ("Ana attacked and killed Bo .",),
        (Span(4, 12, "Attack"), Span(17, 23, "Die"), Span(24, 26, "PER"), Span(0, 3, "argument")),
        links=(Link(0, 2, "Target"), Link(1, 2, "Victim")),
    )
    trained(tmp_path / "m", [*base, nested, lost, roles])
    told = report(tmp_path / "m")
    assert {name: told[name] for name in [*COUNTS, "untagged_spans", "dropped_spans"]} == {
        "learnt_links": 5,  # two of the base, Victim and one Cause of the first, one of the third
        "trigger_tails": 2,
        "other_roles": 1,
        "links_between_texts": 2,
        "headless_links": 0,
        "masked_links": 3,
        "dropped_links": 1,
        "untagged_spans": 2,  # a place and an argument that no link touches
        "dropped_spans": 1,
    }


def test_triggers_can_be_named(tmp_path: Path) -> None:
    rows = [replace(e, links=()) for e in events()]
    rows.append(events()[0])
    trained(tmp_path / "m", rows, triggers=["Attack"])
    told = report(tmp_path / "m")
    assert (told["types"], told["learnt_links"]) == (["Attack"], 3)
    with pytest.raises(DataError, match="at least one trigger, was: none among"):
        trained(tmp_path / "n", [events()[2]], triggers=["Attack"])


def test_without_links_triggers_alone_are_learnt(tmp_path: Path) -> None:
    rows = [
        Example(f"{n}", "eng", (f"{n} fell near Kano .",), (Span(len(n) + 1, len(n) + 5, "Fall"),))
        for n in ("Ana", "Bo", "Eva")
    ]
    rows = [replace(e, spans=(*e.spans, Span(0, 2, "argument"))) for e in rows]
    tagger = trained(tmp_path / "m", rows)
    done = tagger.predict(bare(rows))
    assert [[s.label for s in e.spans] for e in done] == [["Fall"]] * 3
    assert not any(e.links for e in done)
    assert report(tmp_path / "m")["untagged_spans"] == 3


def test_arguments_without_a_trigger_are_left_out_and_told(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", events())
    text = "In Accra Amina"
    progress.notes.clear()
    (done,) = tagger.predict([Example("1", "eng", (text,))])
    assert (done.spans, done.links) == ((), ())
    assert any("arguments left out, in texts without a trigger" in n for n in progress.notes)
    two = tagger.predict([Example("1", "eng", ("Amina met Bello in Kano .",) * 2)])[0]
    assert {s.text for s in two.spans} == {0, 1}
    assert all(two.spans[k.head].text == two.spans[k.tail].text for k in two.links)


def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    home = tmp_path / "m"
    trained(home, events()[:6])
    for name in ("model.crfsuite", "model.safetensors", "vocabulary.json", "settings.json"):
        file = home / name
        whole = file.read_bytes()
        for broken in (whole[: len(whole) // 2], b"", b'{"labels": {}, "terms": ["one"]}'):
            file.write_bytes(broken)
            with pytest.raises(DataError, match="train the model again"):
                EventCrf().load(home)
        file.unlink()
        with pytest.raises(DataError, match="train the model again"):
            EventCrf().load(home)
        file.write_bytes(whole)
    (home / "settings.json").write_text('{"kind": "event_crf"}')
    with pytest.raises(DataError, match="train the model again"):
        EventCrf().load(home)


def test_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one sentence"):
        trained(tmp_path / "m", [])
    with pytest.raises(DataError, match="at least one span"):
        trained(tmp_path / "m", bare(events()))
    with pytest.raises(RecipeError, match='one of events, was: "spans"'):
        EventCrf().build(1, "spans")


def test_a_recipe_of_events_is_trained_and_scored(tmp_path: Path) -> None:
    def lines(name: str, rows: list[Example]) -> dict[str, str]:
        text = ""
        for number, e in enumerate(rows):
            spans = [{"start": s.start, "end": s.end, "label": s.label} for s in e.spans]
            links = [{"head": k.head, "tail": k.tail, "label": k.label} for k in e.links]
            row = {"id": str(number), "text": e.texts[0], "spans": spans, "links": links}
            text += json.dumps(row, ensure_ascii=False) + "\n"
        (tmp_path / name).write_text(text, "utf-8")
        return {"kind": "jsonl", "path": name}

    held = [e for e in events() if "Grace" in e.texts[0]]
    recipe = toy_recipe(
        tmp_path,
        task="events",
        train=lines("train.jsonl", [e for e in events() if e not in held]),
        tests=[{"name": "toy", "lang": "spa", "data": lines("test.jsonl", held)}],
        training={"kind": "event_crf", "crf": {"max_iterations": 50}},
    )
    store = Store(tmp_path / "store")
    (outcome,) = run(recipe, store)
    found = result(store, outcome.scores[0])
    assert found.name == "argument_classification_f1"
    assert found.value >= 0.9
