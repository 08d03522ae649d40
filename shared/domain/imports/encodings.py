"""Character encodings of files: declared by the sender, marked, recognised, or guessed."""

import codecs
import re
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from typing import IO, Final, NamedTuple

from shared.domain.imports.alphabets import plausibility
from shared.errors import Rejected

#: How much of a file is read together, in bytes.
_CHUNK: Final = 1 << 16
#: Byte order marks. That of UTF-32 begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Declared names with another meaning on the web: programs on Windows send their code page as Latin-1, for example.
#: Source: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT: Final = {
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
}
#: Python's codecs that are not charsets of text files.
_NO_CHARSETS: Final = frozenset(
    {"charmap", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
)
#: What programs on Windows, DOS, Unix and old Macs write, the more common ones first.
CODE_PAGES: Final = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("cp932", "gb18030", "big5", "cp949", "koi8_r", "cp850", "cp866", "cp852"),
    *("iso8859_2", "iso8859_7", "iso8859_15", "euc_jp", "mac_roman", "mac_cyrillic"),
]
#: Smallest plausibility of a guess.
_PLAUSIBLE: Final = 0.6
#: Longest sample for guessing, in lines with other than ASCII characters.
_SAMPLE_LINES: Final = 1_000
#: Number of characters and stray bytes after which it is known whether a file is UTF-8 with strays.
_JUDGED: Final = 100_000
_OTHER: Final = re.compile(rb"[\x80-\xff]")
_INVALID: Final = re.compile("[\udc80-\udcff]+")
_MULTI_BYTE: Final = re.compile("[^\x00-\x7f\udc80-\udcff]")
#: How many lines with stray bytes are named.
_NAMED: Final = 10


class Encoding(NamedTuple):
    """A Python codec, and whether it was guessed."""

    name: str
    guessed: bool = False


def detect(file: IO[bytes], charset: str = "") -> Encoding:
    """Return the encoding of a file. `charset` is what the sender declared; a byte order mark takes precedence.

    Raises Rejected (`invalid_csv`) if none is plausible, with the lines of stray bytes in UTF-8; and (`invalid_header`)
    if the charset is unknown.
    """
    file.seek(0)
    head = file.read(4)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name)
    name = _declared(charset) if charset else _with_zeros(file) or "utf-8"
    if name != "utf-8":
        return Encoding(name)
    try:
        for _ in _decoded(file, "strict"):
            pass
    except UnicodeDecodeError:
        return _without_utf8(file, declared=bool(charset))
    return Encoding("utf-8")


def _declared(charset: str) -> str:
    try:
        codec = codecs.lookup(charset)
        "".encode(codec.name)
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.name.replace("_", "-") in _NO_CHARSETS:
        raise Rejected(f"Unknown charset {charset[:80]!r}: use a name such as utf-8.", code="invalid_header")
    return _MEANT.get(codec.name, codec.name)


def _with_zeros(file: IO[bytes]) -> str:
    """Return the kind of UTF-16 without a mark, empty if the file has no zero bytes. Raises Rejected for others.

    Letters of other scripts can have zero bytes too, but fewer than delimiters and line ends.
    """
    file.seek(0)
    head = file.read(_CHUNK)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if not (even or odd):
        return ""
    name = "utf-16-be" if even > odd else "utf-16-le"
    try:
        text = codecs.getincrementaldecoder(name)().decode(head)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or not ("\n" in text or "\r" in text):
        raise Rejected("The file contains zero bytes, so it is not text. Save it as CSV (UTF-8).", code="invalid_csv")
    return name


def _decoded(file: IO[bytes], errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield decoder.decode(chunk)
    yield decoder.decode(b"", final=True)


def _without_utf8(file: IO[bytes], *, declared: bool) -> Encoding:
    """Guess an encoding, unless the file is UTF-8 with stray bytes, which other programs have put into it."""
    valid = invalid = 0
    line, stray = 1, dict[int, None]()
    for text in _decoded(file, "surrogateescape"):
        valid += len(_MULTI_BYTE.findall(text))
        for match in _INVALID.finditer(text):
            invalid += 1
            if len(stray) < _NAMED:
                stray[line + text.count("\n", 0, match.start())] = None
        line += text.count("\n")
        if invalid and valid + invalid >= _JUDGED:
            break
    if declared or (valid and invalid <= valid):
        lines = ", ".join(map(str, stray))
        raise Rejected(
            f"The file is UTF-8, but these lines contain other bytes: {lines}{', ...' if invalid > _NAMED else ''}. "
            "Correct these characters, or save the whole file again as CSV (UTF-8).",
            code="invalid_csv",
        )
    return Encoding(_guess(file), guessed=True)


def _foreign_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines with other than ASCII characters, however many others there are. Long lines are cut."""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        chunk += file.readline(_CHUNK)
        end = 0
        while other := _OTHER.search(chunk, end):
            start, end = chunk.rfind(b"\n", end, other.start()) + 1 or end, chunk.find(b"\n", other.start()) + 1
            end = end or len(chunk)
            yield chunk[start:end]


def _guess(file: IO[bytes]) -> str:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - takes 160 ms, and few files need it

    sample = b"".join(islice(_foreign_lines(file), _SAMPLE_LINES))[: 4 * _CHUNK]
    matches = from_bytes(sample, cp_isolation=CODE_PAGES, preemptive_behaviour=False, enable_fallback=False)
    found = {name for match in matches for name in match.could_be_from_charset}
    from_mac = b"\n" not in sample and b"\r" in sample
    # Hangul has fewer characters than Chinese text would lead to.
    ranked = [
        (plausibility(sample.decode(name, "ignore"), name), name == "cp949" or (from_mac and "mac" in name), name)
        for name in CODE_PAGES
        if name in found
    ]
    best = max(ranked, key=itemgetter(0, 1), default=(0.0, False, ""))
    if best[0] < _PLAUSIBLE:
        raise Rejected(
            "The encoding of the file is not recognised. Save it as CSV (UTF-8), or declare its charset.",
            code="invalid_csv",
        )
    return best[2]
