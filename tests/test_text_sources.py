"""Text as people have it: kinds of files, encodings, and what is said of damaged ones."""

import gzip
import io
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from languages import LANGUAGES, TEXTS, book

from fastembed._errors import UserError
from fastembed.text import sources
from fastembed.text.sources import Texts, default_text, find

USUAL = {
    "Korean": ["cp949", "utf-16-le", "utf-16-be"],
    "Japanese": ["cp932", "euc_jp", "utf-16-le"],
    "Chinese": ["gb18030", "big5", "utf-16-le"],
    "English": ["cp1252", "utf-16-le", "utf-16-be"],
    "Thai": ["cp874"],
}
TRADITIONAL = """天亮以前雨就停了，可是街上還是濕的。
「你來得真早，」麵包店的老闆娘一邊說，一邊拍掉手上的麵粉。
他並不介意等待，屋裡很暖和，光是那香味就值得走這一趟。
"""


def read(*arguments, **options):
    return "".join(find(arguments, **options))


def refused(*arguments, **options):
    """The one line of the error."""
    with pytest.raises(UserError) as error:
        read(*arguments, **options)
    line = str(error.value)
    assert "\n" not in line
    for argument in filter(None, map(str, arguments)):
        assert line.count(argument) <= 1
    return line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_have_a_blank_line_between_them(folder):
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    (folder / "b").write_bytes(b"three\rfour\n")
    (folder / "c.txt").write_bytes(b"five\n\n")
    (folder / "empty.txt").write_bytes(b"")
    assert read("a.txt", "b", "empty.txt", folder / "c.txt", "b") == (
        "one\ntwo\n\nthree\nfour\n\nfive\n\nthree\nfour\n"
    )


def test_folders_and_patterns(folder):
    (folder / "in/deep").mkdir(parents=True)
    for name in ("in/b.txt", "in/deep/a.md", "in/.hidden.txt", "in/picture.png", "in/deep/c.py"):
        (folder / name).write_text(name)
    (folder / "in/z.TXT.gz").write_bytes(gzip.compress(b"zipped"))
    assert read("in") == "in/b.txt\n\nin/deep/a.md\n\nzipped"
    assert read("in/**/*.py", "in/*.txt") == "in/deep/c.py\n\nin/b.txt"
    (folder / "odd[1].txt").write_text("brackets")
    assert read("odd[1].txt") == "brackets"
    assert refused("*.none") == "no file matches *.none"
    assert refused("in/deep/c") == "cannot read in/deep/c: No such file or directory"
    (folder / "bare").mkdir()
    assert "folder bare holds no text: no .txt, " in refused("bare")
    assert "name other files by a pattern, such as 'src/**/*.py'" in refused("bare")


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_columns_of_tables(folder, ending):
    rows = [["1", 'He said "no",\ntwice', "x"], ["2", "", "y"], ["3", "日本;語", "z"]]
    if ending == ".jsonl":
        names = ["id", "text", "label"]
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        data = "\n".join([*lines, "", '{"text": null, "label": ""}'])
    elif ending == ".csv":
        data = 'id,text,label\r\n1,"He said ""no"",\r\ntwice",x\r\n2,,y\r\n3,日本;語,z\r\n'
    else:
        data = 'id\ttext\tlabel\n1\tHe said "no\tx\n3\t日本;語\tz\n'
    (folder / f"t{ending}").write_text(data, newline="")
    quoted = 'He said "no",\ntwice' if ending != ".tsv" else 'He said "no'
    assert read(f"t{ending}") == f"{quoted}\n\n日本;語"
    assert read(f"t{ending}", column="label").startswith("x\n\n")
    assert "no column 'size': --column id or text or label" in refused(f"t{ending}", column="size")


def test_tables_without_a_clear_column(folder):
    (folder / "one.csv").write_text("review\nfirst\nsecond\n")
    assert read("one.csv") == "first\n\nsecond"
    (folder / "two.csv").write_text("a;b\n1,0;2\n")
    assert read("two.csv", column="b") == "2"
    assert refused("two.csv") == "two.csv: name its column of text: --column a or b"
    (folder / "plain.txt").write_text("plain")
    assert "--column is of .csv, .tsv, .jsonl; plain.txt is none" in refused(
        "plain.txt", column="a"
    )
    (folder / "empty.csv").write_text("")
    assert "empty.csv: name its column of text" in refused("empty.csv")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", '{"text": "x"}\n{"text": ', "a.jsonl, line 2: not JSON"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1: not JSON"),
        ("a.jsonl", "3\n", "a.jsonl, line 1: not an object of JSON"),
        ("a.jsonl", '{"text": 3}', "a.jsonl, line 1: name its column of text: --column NAME"),
        ("b.csv", 'text,n\n"x,1\n', "b.csv, line 2: unexpected end of data"),
        ("b.csv", "n,text\n1,x\n2\n", "b.csv, line 3: no column 'text'"),
    ],
)
def test_damaged_tables(folder, name, data, message):
    (folder / name).write_text(data)
    assert message in refused(name)


def test_jsonl_of_a_column_that_is_no_text(folder):
    (folder / "a.jsonl").write_text('{"a": 3, "b": "x"}\n')
    assert refused("a.jsonl", column="a") == "a.jsonl, line 1: 'a' is not text but 3"


def test_gzip_is_known_by_its_content(folder):
    data = gzip.compress("déjà vu".encode())
    (folder / "a.txt").write_bytes(data)
    (folder / "b.csv.gz").write_bytes(gzip.compress(b"text\nrow\n"))
    assert read("a.txt", "b.csv.gz") == "déjà vu\n\nrow"
    (folder / "cut.gz").write_bytes(data[:-5])
    assert "cannot read cut.gz: Compressed file ended before" in refused("cut.gz")
    (folder / "bad.gz").write_bytes(data[:12] + b"\xff\xff\xff" + data[15:])
    assert "cannot read bad.gz: " in refused("bad.gz")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(folder, encoding):
    for language in LANGUAGES:
        (folder / "x.txt").write_text(TEXTS[language], encoding=encoding)
        assert read("x.txt") == TEXTS[language]
        assert read("x.txt", encoding=encoding) == TEXTS[language]


@pytest.mark.parametrize(
    ("language", "encoding"), [(one, name) for one, names in USUAL.items() for name in names]
)
def test_another_encoding_is_named_and_then_read(folder, language, encoding):
    text = TRADITIONAL if encoding == "big5" else TEXTS[language]
    if encoding == "euc_jp" or encoding == "cp874":
        text = text.replace("“", '"').replace("”", '"')
    (folder / "x.txt").write_text(text, encoding=encoding, newline="\n")
    line = refused("x.txt")
    assert "at position " in line or "null character after " in line
    assert line.endswith(f"; it looks like {encoding}: --encoding {encoding}")
    assert read("x.txt", encoding=encoding) == text


@pytest.mark.parametrize(
    ("encoding", "found", "text"),
    [
        (
            "cp1252",
            "cp1252",
            "Eines Tages ging der Junge in den Wald, um Holz für den Winter zu sammeln. "
            "Unter der alten Weide saß ein Fuchs und hörte nichts.",
        ),
        (
            "cp1250",
            "cp1250",
            "Jednoho dne šel chlapec do lesa nasbírat dříví na zimu. "
            "Pod starou vrbou seděla liška a dívala se na něj.",
        ),
        ("cp1252", "cp1252 or cp1250", "Café, naïve, rôle: three words, the others are plain."),
        (
            "cp1250",
            "cp1252 or cp1250",
            "Egy nap a fiú elment az erdőbe, hogy fát gyűjtsön a télre.",
        ),
    ],
)
def test_all_encodings_that_are_as_likely_are_named(folder, encoding, found, text):
    (folder / "x.txt").write_bytes(f"{text}\n".encode(encoding) * 3)
    options = " or ".join(f"--encoding {name}" for name in found.split(" or "))
    assert refused("x.txt").endswith(f"; it looks like {found}: {options}")


def test_the_place_of_a_wrong_byte_is_counted_from_the_files_begin(folder):
    for before in (3, sources.BLOCK - 1, sources.BLOCK, 2 * sources.BLOCK + 5):
        (folder / "x.txt").write_bytes(b"a" * before + b"\xe9t\xe9 " + b"b" * 9)
        assert f"is not UTF-8 text (byte 0xe9 at position {before})" in refused("x.txt")
        (folder / "x.txt").write_bytes(b"a" * before + b"\xed\x95")  # a character cut off
        assert f"is not UTF-8 text (byte 0xed at position {before})" in refused("x.txt")


def test_what_is_no_text_is_refused(folder):
    (folder / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 30)
    assert "x.png is not UTF-8 text (byte 0x89 at position 0)" in refused("x.png")
    (folder / "x.bin").write_bytes(b"ab\0cd")
    assert refused("x.bin") == (
        "x.bin is not text (null character after 2 bytes); if it is text, name its encoding: "
        "--encoding NAME"
    )
    (folder / "x.txt").write_text("한국어", encoding="utf-8")
    assert refused("x.txt", encoding="cp949").endswith("; it looks like utf-8: --encoding utf-8")
    assert "x.txt is not ascii text (byte 0xed at position 0)" in refused("x.txt", encoding="ascii")
    assert "x.txt is not UTF-16 text" in refused("x.txt", encoding="utf-16")
    for bad in ("cp99999", "hex", "a\0b"):
        assert "Python knows no such encoding" in refused("x.txt", encoding=bad)
    assert "cannot read" in refused("a\0b.txt")
    assert refused("") == "cannot read '': No such file or directory"


def test_a_file_that_may_not_be_read(folder, monkeypatch):
    def refuse(name, mode):  # permissions do not bind the superuser, who may run this test
        raise PermissionError(13, "Permission denied", name)

    (folder / "x.txt").write_text("x")
    monkeypatch.setattr(sources, "open", refuse, raising=False)
    assert refused("x.txt") == "cannot read x.txt: Permission denied"


def test_a_folder_that_goes_away_meanwhile(folder, monkeypatch):
    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    (folder / "deep/er").mkdir(parents=True)
    monkeypatch.setattr(os, "scandir", gone)
    assert refused(folder) == f"cannot read {str(folder)!r}: No such file or directory"


def piped(code, **options):
    command = [sys.executable, "-c", f"from fastembed.text.sources import find\n{code}"]
    return subprocess.run(command, capture_output=True, timeout=60, check=True, **options).stdout


def test_standard_input(folder):
    code = "print(ascii(''.join(find(%s))), find().name)"
    for arguments in ("", "['-']"):
        found = piped(code % arguments, input="déjà\r\nvu".encode())
        assert found.split(b" ", 1) == [
            b"'d\\xe9j\\xe0\\nvu'",
            b"standard input\n".replace(b"\n", os.linesep.encode()),
        ]
    found = piped(code % "['-'], column='a'", input=b'{"a": "b"}\n')
    assert found.startswith(b"'b' ")
    found = piped(code % "['-'], column='a'", input=gzip.compress(b"a,b\n1,2\n"))
    assert found.startswith(b"'1' ")
    (folder / "x.txt").write_text("from a file")
    with open(folder / "x.txt") as file:
        assert piped(code % "", stdin=file).startswith(b"'from a file'")
    assert "only once" in refused("-", "-")


def test_without_a_pipe_the_reference_is_read():
    name = piped("print(find().name)", stdin=subprocess.DEVNULL)
    assert name.startswith(b"the Python language reference")


def test_the_default_text_has_no_marks_of_emphasis_and_no_rulers():
    text = default_text()
    assert len(text) > 400_000
    assert "*name*" not in text and "\n\n\n" not in text
    assert not [line for line in text.splitlines() if line and not line.strip("-=+*|. ")]
    assert "".join(Texts([], "")) == text


def test_pieces_are_short_and_end_where_a_paragraph_does(folder):
    text = "".join(book("English", seed=seed) for seed in range(60))
    assert len(text) > 4 * sources.BLOCK
    (folder / "x.txt").write_text(text)
    pieces = list(find(["x.txt"]))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 2 * sources.BLOCK
    assert all(piece.endswith("\n\n") for piece in pieces[:-1])


@given(st.lists(st.text("ab \n", max_size=30), max_size=8), st.integers(1, 20))
def test_pieces_are_the_text(documents, size):
    before, sources.BLOCK = sources.BLOCK, size
    try:
        pieces = list(sources._blocks(sources._joined([text] for text in documents)))
    finally:
        sources.BLOCK = before
    text = "".join(pieces)
    kept = [one for one in documents if one]
    assert all(pieces)
    assert text.replace("\n", "") == "".join(kept).replace("\n", "")
    for first, second in zip(kept, kept[1:], strict=False):
        ends = len(first) - len(first.rstrip("\n"))
        assert first + "\n" * max(0, 2 - ends) + second in text


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(data):
    for encoding in (None, "cp949", "utf-16"):
        try:
            text = "".join(sources._decoded(io.BytesIO(data), "x", encoding))
        except UserError as error:
            assert str(error).startswith("x is not ")
        else:
            assert "\0" not in text and "\r" not in text
