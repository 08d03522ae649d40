"""Encodings that are guessed from a few names."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from shared.domain.imports.alphabets import plausibility
from shared.domain.imports.encodings import detect
from shared.errors import Rejected

NAMES = json.loads((Path(__file__).parent / "names_by_language.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *[("German", name) for name in ("cp1252", "cp850", "mac_roman")],
        *[("French", name) for name in ("cp1252", "iso8859_15", "mac_roman")],
        *[("Polish", name) for name in ("cp1250", "iso8859_2", "cp852")],
        *[("Czech", name) for name in ("cp1250", "iso8859_2")],
        ("Hungarian", "cp1250"),
        *[("Russian", name) for name in ("cp1251", "koi8_r", "cp866", "mac_cyrillic")],
        *[("Greek", name) for name in ("cp1253", "iso8859_7")],
        *[("Turkish", "cp1254"), ("Latvian", "cp1257"), ("Hebrew", "cp1255"), ("Arabic", "cp1256"), ("Thai", "cp874")],
        *[("Japanese", name) for name in ("cp932", "euc_jp")],
        *[("Chinese", "gb18030"), ("Traditional", "big5"), ("Korean", "cp949")],
    ],
)
def test_a_few_names_are_enough(language: str, encoding: str) -> None:
    """Of the encodings that lead to letters, the one whose letters belong to a language."""
    text = f"Name\n{NAMES[language]}"
    found = detect(BytesIO(text.encode(encoding)))
    assert (text.encode(encoding).decode(found.name), found.guessed) == (text, True)


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("Ann", "cp1252", 1.0),
        ("Müller", "cp1252", 1.0),
        ("M\u00b8ller", "cp1252", 0.0),
        ("MŸller", "cp1252", 0.0),
        ("Иванов", "cp1251", 1.0),
        ("Mьller", "cp1251", 0.0),
        ("хЮМНБ", "cp1251", 0.8),
        ("金太郎", "cp932", 1.0),
        ("ﾊﾁ", "cp932", 0.0),
    ],
)
def test_plausibility(text: str, encoding: str, expected: float) -> None:
    """Signs, capitals and other scripts inside words do not belong to a language."""
    assert plausibility(text, encoding) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [NAMES["German"], NAMES["Chinese"], "一一\n山田一郎\n"])
def test_utf_16_without_a_mark(kind: str, text: str) -> None:
    """Also with letters that contain zero bytes."""
    assert detect(BytesIO(f"Name\tMail\n{text}".encode(kind))) == (kind, False)


@pytest.mark.parametrize(
    ("charset", "encoding", "text"),
    [
        ("ISO-8859-1", "cp1252", "Bœuf"),
        ("iso-8859-9", "cp1254", "\u2019Şule"),
        ("Shift_JIS", "cp932", "\u9ad9\u2460"),
        ("gb2312", "gb18030", "\u6594\u9555"),
        ("EUC-KR", "cp949", "\ub620"),
        ("TIS-620", "cp874", "\u2026\u0e01"),
    ],
)
def test_declared_names_of_smaller_sets(charset: str, encoding: str, text: str) -> None:
    """As on the web: programs declare a standard, and send the characters that Windows has added to it."""
    assert text.encode(encoding).decode(detect(BytesIO(), charset).name) == text


@pytest.mark.parametrize(
    "charset",
    [
        "\x00", "a\x00b", "unicode_escape", "Unicode-Escape", "raw_unicode_escape", "charmap", "idna", "utf-7", "rot13",
        "x" * 20_000, "../os",
    ],
)  # fmt: skip
def test_what_is_no_charset_of_files_is_refused(charset: str) -> None:
    """Python's codecs for other purposes, too, however they are written."""
    with pytest.raises(Rejected) as refused:
        detect(BytesIO(b"Name"), charset)
    assert refused.value.code == "invalid_header"


@pytest.mark.parametrize(("valid", "invalid", "refused"), [(0, 1, False), (1, 1, True), (2, 1, True), (1, 2, False)])
def test_stray_bytes_are_told_from_another_encoding(valid: int, invalid: int, refused: bool) -> None:  # noqa: FBT001 - a table
    """Sequences of UTF-8 are rarely there by chance: one is enough, if no more of the others are invalid."""
    rows = ["Jos\u00e9".encode()] * valid + ["M\u00fcller".encode("cp1252")] * invalid
    file = BytesIO(b"\n".join([b"Name", *rows]))
    if refused:
        with pytest.raises(Rejected, match=f"these lines contain other bytes: {valid + 2}"):
            detect(file)
    else:
        assert detect(file).guessed
