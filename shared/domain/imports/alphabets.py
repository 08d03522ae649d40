"""Alphabets: how well a text fits the languages that an encoding is used for.

A library that guesses encodings needs more text than a short list of names has: several encodings lead to letters, but
only one to letters that occur together in a language.
"""

import re
from collections.abc import Callable
from typing import Final

#: Letters other than a to z, of languages that occur together in lists of names; at the end, those of several.
_WESTERN: Final = (
    *("äöüß", "éèêëàâçîïôûùüÿœæ", "áéíóúüñ", "áâãàçéêíóôõúü", "àèéìíòóùú", "éëïóöü", "æøåéöä", "åäöéü"),
    *("áéíóúýþæðö", "äöüßéèêëàâçîïôûùœìò", "äöüßéèêëàâáíóúñçãõìòåæøîïôûùœ"),
)
_CENTRAL: Final = (
    *(
        "ąćęłńóśźżäöüß",
        "áčďéěíňóřšťúůýžäöüß",
        "áäčďéíĺľňóôŕšťúýžěřůü",
        "áéíóöőúüűäß",
        "ăâîșțşţáéíóöőúüű",
        "čćđšžäöüß",
        "çë",
    ),
    "áčďéěíňóřšťúůýžľĺŕôąćęłńśźżäöüßőűçë",
)
_TURKISH: Final = ("çğıöşüâîû",)
_BALTIC: Final = ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöüšž")
_CYRILLIC: Final = (
    "абвгдежзийклмнопрстуфхцчшщъыьэюяё",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш",
)
_GREEK: Final = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)
_HEBREW: Final = ("".join(map(chr, range(0x05D0, 0x05EB))),)
_ARABIC: Final = ("".join(map(chr, range(0x0621, 0x0653))) + "پچژگکی",)
_THAI: Final = ("".join(map(chr, range(0x0E01, 0x0E4F))),)
#: Alphabets by encoding. Those of East Asia have characters in place of letters.
_ALPHABETS: Final = {
    **dict.fromkeys(("cp1252", "iso8859_15", "cp850", "mac_roman"), _WESTERN),
    **dict.fromkeys(("cp1250", "iso8859_2", "cp852"), _CENTRAL),
    "cp1254": _TURKISH,
    "cp1257": _BALTIC,
    **dict.fromkeys(("cp1251", "koi8_r", "cp866", "mac_cyrillic"), _CYRILLIC),
    **dict.fromkeys(("cp1253", "iso8859_7"), _GREEK),
    "cp1255": _HEBREW,
    "cp1256": _ARABIC,
    "cp874": _THAI,
}
#: The encoding whose first byte of a character says how common it is, and the largest of common ones.
#: Source: JIS X 0208, GB 2312 and Big5 sort the common characters (level 1) before the others.
_LEVELS: Final = {
    "cp932": ("euc_jp", 0xCF),
    "euc_jp": ("euc_jp", 0xCF),
    "gb18030": ("gb2312", 0xD7),
    "big5": ("big5", 0xC6),
}
_KANA: Final = re.compile("[\u3005-\u3007\u3040-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_IDEOGRAPH: Final = re.compile("[\u3400-\u9fff]")
#: Signs that occur beside words in every language.
_SIGNS: Final = frozenset(
    "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2013\u2014\u2026\u00b7\u00b0\u00a0"
    "\u3001\u3002\u30fb\u300c\u300d\uff08\uff09\u30fc"
)
#: Size of a common syllable of Hangul in EUC-KR, in bytes; the codec composes others of several.
_SYLLABLE: Final = 2
_EURO: Final = "\u20ac"
#: Weight of letters of several languages.
_SEVERAL: Final = 0.9
#: Weight of names without any capital letter, in scripts that have them.
_LOWER: Final = 0.9
#: Weight of an ideograph that is not common.
_RARE: Final = 0.5


def plausibility(text: str, encoding: str) -> float:
    """Return the share of the text's characters other than ASCII that one language of the encoding has: 0..1."""
    others = [index for index, letter in enumerate(text) if not letter.isascii() and not _is_sign(text, index)]
    if not others:
        return 1.0
    if (alphabets := _ALPHABETS.get(encoding)) is None:
        weight = _weight(encoding)
        return sum(weight(text[index]) for index in others) / len(others)
    latin = alphabets in {_WESTERN, _CENTRAL, _TURKISH, _BALTIC}
    letters = "".join(text[index].lower()[:1] for index in others if _fits(text, index, latin=latin))
    shares = [sum(map(alphabet.__contains__, letters)) / len(others) for alphabet in alphabets]
    if alphabets in {_WESTERN, _CENTRAL}:
        shares[-1] *= _SEVERAL
    share = max(shares)
    without_capitals = alphabets in {_CYRILLIC, _GREEK} and text == text.lower()
    return share * _LOWER if without_capitals else share


def _is_sign(text: str, index: int) -> bool:
    """Return whether a character is a sign that occurs beside words. A currency is not written inside a word."""
    around = text[max(0, index - 1) : index] + text[index + 1 : index + 2]
    return text[index] in _SIGNS or (text[index] == _EURO and not any(map(str.isalpha, around)))


def _fits(text: str, index: int, *, latin: bool) -> bool:
    """Return whether a letter has the case of a letter in a word, and is not in a word of another script."""
    before, after = text[index - 1 : index], text[index + 1 : index + 2]
    if text[index].isupper() and before.isalpha() and (before.islower() or after.islower()):
        return False
    return latin or not any(letter.isascii() and letter.isalpha() for letter in (before, after))


def _weight(encoding: str) -> Callable[[str], float]:
    """Return how much a character belongs to the language of an encoding: 0..1."""

    def weight(letter: str) -> float:
        if encoding == "cp949":
            common = len(letter.encode("euc_kr", "ignore")) == _SYLLABLE
            return (1.0 if common else _RARE) * (_HANGUL.match(letter) is not None)
        if _KANA.match(letter):
            return float(encoding in {"cp932", "euc_jp"})
        if not _IDEOGRAPH.match(letter):
            return 0.0
        codec, last_common = _LEVELS[encoding]
        code = letter.encode(codec, "ignore")
        return 1.0 if code and code[0] <= last_common else _RARE

    return weight
