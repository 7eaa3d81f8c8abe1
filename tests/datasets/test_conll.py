"""CoNLL and IOB2 files: layouts, comments, scripts, repairs and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from pydantic import ValidationError

from xltpipe.datasets import Conll, Iob2
from xltpipe.datasets.raw import place_tokens
from xltpipe.errors import DataError
from xltpipe.types import Example


def read(folder: Path, content: str | bytes, **settings: object) -> list[Example]:
    """The examples of a file `s.conll` with this content."""
    raw = content.encode() if isinstance(content, str) else content
    (folder / "s.conll").write_bytes(raw)
    spec = Conll.model_validate({"path": "s.conll"} | settings)
    return list(spec.read("eng", folder))


def labelled(example: Example) -> list[tuple[str, str]]:
    return [(example.covered(span), span.label) for span in example.spans]


SCRIPTS = [
    # tokens and tags, covered text by label
    ("O O\nŚródmieście B-LOC\nW O\n", [("Śródmieście", "LOC")]),
    ("Ìbàdàn B-LOC\nni O\n", [("Ìbàdàn", "LOC")]),  # combining marks, not composed
    (
        "في O\nالرباط B-LOC\nيوم O\n١٢ B-DATE\nمايو I-DATE\n",
        [("الرباط", "LOC"), ("١٢ مايو", "DATE")],
    ),
    ("東 B-LOC\n京 I-LOC\nは O\n", [("東京", "LOC")]),
    ("नई B-LOC\nदिल्ली I-LOC\nमें O\n", [("नई दिल्ली", "LOC")]),
    ("👩‍👩‍👧 O\nAna B-PER\n🇪🇸 B-LOC\n", [("Ana", "PER"), ("🇪🇸", "LOC")]),
    ("２０２４ B-DATE\n年 I-DATE\n", [("２０２４ 年", "DATE")]),
    ("10\u00a0000 B-NUM\nkm O\n", [("10\u00a0000", "NUM")]),
    ("a\u2028b B-X\nc\u0085d O\n", [("a\u2028b", "X")]),  # not line ends
]


@pytest.mark.parametrize(("rows", "expected"), SCRIPTS)
@pytest.mark.parametrize("separator", [" ", "\t"])
def test_scripts(
    tmp_path: Path, rows: str, expected: list[tuple[str, str]], separator: str
) -> None:
    (example,) = read(tmp_path, rows.replace(" ", separator))
    assert labelled(example) == expected
    words = [line.rpartition(" ")[0] for line in rows.strip("\n").split("\n")]
    assert [example.texts[0][a:b] for a, b in example.tokens] == words
    assert example.texts[0] == place_tokens(words, None)[0]


LAYOUTS = [
    "Ana B-PER\nsings O\n",
    "Ana\tB-PER\nsings\tO\n",
    "Ana NNP B-NP B-PER\nsings VBZ B-VP O\n",  # CoNLL-2003
    "0\tAna\tB-PER\n1\tsings\tO\n",  # WikiNEuRal
    "1\tAna\tB-PER\t-\tann\n2\tsings\tO\t-\t-\n",  # Universal NER
    "Ana B-PER HighQuality\nsings O -\n",  # projected by hand, with a verdict
    "Ana   B-PER\nsings  O \n",  # aligned by eye
    "Ana B-PER\r\nsings O\r\n",
    "\ufeffAna B-PER\nsings O",
    "\n\n-DOCSTART- -X- O\n\nAna B-PER\nsings O\n\n\n",
    "-DOCSTART- O\nAna B-PER\nsings O\n",
    " \t\nAna B-PER\nsings O\n\t\n",
    "# a remark\n#another\nAna B-PER\nsings O\n",
]


@pytest.mark.parametrize("content", LAYOUTS)
def test_layouts(tmp_path: Path, content: str) -> None:
    (example,) = read(tmp_path, content)
    assert example.texts == ("Ana sings",)
    assert labelled(example) == [("Ana", "PER")]
    assert example.tokens == ((0, 3), (4, 9))
    assert example.id == "s-1"
    assert example.lang == "eng"


def test_given_columns_win(tmp_path: Path) -> None:
    content = "B-LOC Ana x B-PER\nO sings y O\n"
    (example,) = read(tmp_path, content, token=1, tag=0)
    assert labelled(example) == [("Ana", "LOC")]
    (example,) = read(tmp_path, content, token=-3, tag=-1)
    assert labelled(example) == [("Ana", "PER")]


def test_all_tokens_of_a_file_may_begin_with_a_number_sign(tmp_path: Path) -> None:
    first, second = read(tmp_path, "# sent_id = a\n# B-X\n\n#x O\n#1 B-Y\n")
    assert (first.id, first.texts, [s.label for s in first.spans]) == ("a", ("#",), ["X"])
    assert [s.label for s in second.spans] == ["Y"]
    (only,) = read(tmp_path, "# sent_id = b\n# a note\n")
    assert (only.id, only.texts) == ("b", ("",))


def test_a_hash_with_a_tag_is_a_token(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, "# O\n1 O\n\n#1. O\n# B-X\n\n# note\n#x B-Y\nb O\n")
    assert first.texts == ("# 1",)
    assert labelled(second) == [("#", "X")]
    assert third.texts == ("#x b",)


def test_ids_count_sentences_or_come_from_comments(tmp_path: Path) -> None:
    content = "a O\n\n# sent_id = doc-7\nb O\n\n\nc O\n"
    assert [e.id for e in read(tmp_path, content)] == ["s-1", "doc-7", "s-3"]


RAW = [
    # raw text, tokens, text, covered by X on the last token
    ("Don't go!", "Do n't go !", "Don't go!"),
    ("Er  kam\u00a0heim.", "Er kam heim .", "Er  kam\u00a0heim."),
    ("東京は晴れ", "東京 は 晴れ", "東京は晴れ"),
    ("قالَ: «نعم»", "قالَ : « نعم »", "قالَ: «نعم»"),
    (" a b ", "a b", " a b "),
    ("del mar", "de el mar", "de el mar"),  # not in it: the tokens make the text
    ("a x b", "a b", "a b"),
    ("a b c", "a b", "a b"),
    ("", "a b", "a b"),
]


@pytest.mark.parametrize(("raw", "tokens", "text"), RAW)
def test_raw_text(tmp_path: Path, raw: str, tokens: str, text: str) -> None:
    words = tokens.split(" ")
    rows = "".join(f"{word}\tO\n" for word in words[:-1]) + f"{words[-1]}\tB-X\n"
    (example,) = read(tmp_path, f"# text = {raw}\n{rows}")
    assert example.texts == (text,)
    assert [text[a:b] for a, b in example.tokens] == words
    assert labelled(example) == [(words[-1], "X")]


def test_iob2_takes_ids_and_texts_from_comments(tmp_path: Path) -> None:
    content = (
        "# newdoc id = n01\n# sent_id = n01-1\n# text = „Ana“ sang.\n"
        "1\t„\tO\t-\t-\n2\tAna\tB-PER\t-\tx\n3\t“\tO\t-\t-\n4\tsang\tO\t-\t-\n5\t.\tO\t-\t-\n"
        "\n# sent_id = n01-2\n# text = \n\n"
    )
    (tmp_path / "de.iob2").write_text(content, "utf-8")
    first, empty = Iob2(path="de.iob2").read("deu", tmp_path)
    assert first == Example(
        "n01-1",
        "deu",
        ("„Ana“ sang.",),
        first.spans,
        tokens=((0, 1), (1, 4), (4, 5), (6, 10), (10, 11)),
    )
    assert labelled(first) == [("Ana", "PER")]
    assert (empty.id, empty.texts, empty.tokens) == ("n01-2", ("",), ())


@pytest.mark.parametrize("content", ["", "\n\n", "# only a remark\n", "-DOCSTART- -X- O\n\n"])
def test_nothing_gives_nothing(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == []


def test_repairs_are_counted_and_refused_when_strict(tmp_path: Path) -> None:
    (tmp_path / "io.conll").write_text("x O\n\nWiki I-ORG\nGold I-ORG\nand O\nAna I-PER\n")
    reader = Conll(path="io.conll").read("eng", tmp_path)
    assert [labelled(e) for e in reader] == [[], [("Wiki Gold", "ORG"), ("Ana", "PER")]]
    assert reader.repairs == 2
    list(reader)
    assert reader.repairs == 2  # a second pass counts anew
    plain = Conll(path="io.conll", scheme="io", strict=True).read("eng", tmp_path)
    assert sum(len(e.spans) for e in plain) == 2
    with pytest.raises(DataError, match=r"'I-ORG' after the start.*io\.conll:3\)"):
        list(Conll(path="io.conll", strict=True).read("eng", tmp_path))


def test_gzip_limit_and_encodings(tmp_path: Path) -> None:
    content = "".join(f"w{n} B-X\n\n" for n in range(5))
    (tmp_path / "a.b.conll.gz").write_bytes(gzip.compress(content.encode()))
    reader = Conll(path="a.b.conll.gz", limit=2).read("eng", tmp_path)
    assert [e.id for e in reader] == ["a.b-1", "a.b-2"]
    for encoding in ("utf-16", "utf-8-sig", "latin-1"):
        (example,) = read(tmp_path, "Möwe B-X\n".encode(encoding), encoding=encoding)
        assert example.texts == ("Möwe",)


REFUSED: list[tuple[str | bytes, str]] = [
    ("a O\nb O\n\nc\n", r"must have 2 columns between spaces.*'c' \(.*s\.conll:4\)"),
    ("a\tO\n\tO\n", r"columns between tabs.*s\.conll:2"),
    ("a O\nb O\nNew York B-LOC\n", r"'New York B-LOC' \(.*s\.conll:3\)"),
    ("a O\n# late remark here\nb O\n", r"Comment must stand before.*s\.conll:2"),
    ("a b\nc d\n", r"must have a column of tags.*2 columns without.*set tag"),
    ("a\nb\n", r"must have a column of tags.*1 columns"),
    (b"a O\nb O\nM\xf6we O\n", r"must be utf-8 text, was: byte 0xf6 at offset 9 .*:3\).*latin-1"),
    ("# sent_id = x\na O\n\n# sent_id = x\nb O\n", r"'x' at .*:1 and again at .*s\.conll:4"),
    ("a O\n\na\0b O\n", r"Text must be valid Unicode without NUL.*s\.conll:3"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_wrong_encoding_far_into_a_file_names_line_and_offset(tmp_path: Path) -> None:
    good = "wörd O\n" * 40_000  # more than one chunk, and a chunk may end within the ö
    message = rf"byte 0xff at offset {len(good.encode())} .*s\.conll:40001"
    with pytest.raises(DataError, match=message):
        read(tmp_path, good.encode() + b"\xff O\n")


def test_a_missing_column_a_damaged_archive_an_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Column tag must be one of the file's 2, was: 4"):
        read(tmp_path, "a O\n", tag=4)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a O\n" * 1000)[:-12])
    with pytest.raises(DataError, match="whole gzip archive"):
        list(Conll(path="cut.gz").read("eng", tmp_path))
    with pytest.raises(ValidationError, match="encoding must be one Python knows, was: 'utf-9'"):
        Conll(path="x", encoding="utf-9")


@pytest.mark.parametrize(
    ("tokens", "natural"),
    [
        ("Anna 's dog does n't bite .", "Anna's dog doesn't bite."),
        ('¿ Dónde está " La Casa " ?', '¿Dónde está "La Casa"?'),
        ("He ( Bob ) paid $ 5 , thanks", "He (Bob) paid $ 5, thanks"),
        ("王 芳 在 北京 工作 。", "王芳在北京工作。"),
        ("قال نعم ، شكرا", "قال نعم، شكرا"),
        ("a ' quoted ' word", "a ' quoted ' word"),
        ("", ""),
    ],
)
def test_tokens_are_spaced_as_people_write(tokens: str, natural: str) -> None:
    text, bounds = place_tokens(tokens.split(), None)
    assert text == natural
    assert [text[a:b] for a, b in bounds] == tokens.split()


def test_one_space_each_where_asked(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("Anna B-PER\n's O\n. O\n")
    (example,) = Conll(path="a.conll", join="space").read("eng", tmp_path)
    assert example.texts == ("Anna 's .",)
