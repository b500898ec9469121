"""Pauli text: from "0.5 * X0 Z3 - 1.2 * Y1" to masks and numbers.

    sum     = {sign} term {sign {sign} term}
    term    = number ["*"] [string] | string
    string  = indexed | label
    indexed = letter index {["*"] letter index}      letter on the qubit of that index: "X0 Z3"
    label   = letter {letter}                        leftmost letter on the highest qubit: "XIZ"
    number  = as Python writes floats, or a complex number in parentheses

Blanks may stand between any two of these.
"""

import re
from typing import Any, NamedTuple, NoReturn

from qjax._checks import check_index
from qjax.errors import ObservableError

MAX_QUBITS = 62  # masks of qubits are 64-bit integers

_BITS = {"I": (0, 0), "X": (1, 0), "Y": (1, 1), "Z": (0, 1)}
_SEPARATOR = re.compile(r"\s*\*?\s*")
_BLANKS = re.compile(r"\s*")
_FACTOR = re.compile(r"([IXYZ])(\d+)")
_LABEL = re.compile(r"[IXYZ]+(?![IXYZ\d])")
_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|\([^()]*\)")


class Word(NamedTuple):
    """A Pauli string as it was written.

    Attributes:
        x: Bit q is set if X or Y acts on qubit q.
        z: Bit q is set if Z or Y acts on qubit q.
        size: Lowest number of qubits that holds every qubit named.
        label: A label such as "XIZ", as it was written; "" if it was written with indices. A lone
            "I" is the identity on any number of qubits, and no label.
    """

    x: int
    z: int
    size: int
    label: str = ""


IDENTITY = Word(0, 0, 0)


def parse_string(text: str) -> Word:
    """Read one Pauli string, with indices or as a label; "" and "I" are the identity.

    Raises:
        ObservableError: If the text is anything else; the message shows the place.

    Examples:
        >>> parse_string("X0 Z3")
        Word(x=1, z=8, size=4, label='')
        >>> parse_string("XIZ")
        Word(x=4, z=1, size=3, label='XIZ')
    """
    start = _skip(_BLANKS, text, 0)
    if start == len(text):
        return IDENTITY
    word, end = _read_string(text, start)
    end = _skip(_BLANKS, text, end)
    if end != len(text):
        _fail(text, end, "the end or a letter with an index, as X0")
    return word


def parse_letters(text: str, qubits: Any) -> Word:
    """Read letters that act on chosen qubits: letter k on `qubits[k]`.

    Raises:
        ObservableError: If there are other signs than letters, or qubits do not fit.

    Examples:
        >>> parse_letters("ZX", (1, 4))
        Word(x=16, z=2, size=5, label='')
    """
    if not text or text.strip("IXYZ"):
        raise ObservableError(
            f"Pauli text must be letters of I, X, Y, Z when qubits are given, but is {text!r}."
        )
    places = checked_qubits(f"Pauli text {text!r}", qubits, len(text), "letters")
    x = z = 0
    for letter, q in zip(text, places, strict=True):
        flips, signs = _BITS[letter]
        x |= flips << q
        z |= signs << q
    return Word(x, z, max(places) + 1)


def parse_sum(text: str) -> list[tuple[Word, float | complex]]:
    """Read a sum of Pauli strings with numbers in front; a number alone stands for the identity.

    Raises:
        ObservableError: If the text is anything else; the message shows the place.

    Examples:
        >>> parse_sum("Y1 - 2")
        [(Word(x=2, z=2, size=2, label=''), 1.0), (Word(x=0, z=0, size=0, label=''), -2.0)]
    """
    terms = []
    at = _skip(_BLANKS, text, 0)
    while True:
        sign, at, signed = 1.0, at, False
        while text[at : at + 1] in ("+", "-"):
            sign, signed = (-sign if text[at] == "-" else sign), True
            at = _skip(_BLANKS, text, at + 1)
        if terms and not signed:
            _fail(text, at, "+ or - between two terms")
        word, number, at = _read_term(text, at)
        terms.append((word, sign * number))
        at = _skip(_BLANKS, text, at)
        if at == len(text):
            return terms


def checked_qubits(what: str, qubits: Any, count: int, things: str) -> tuple[int, ...]:
    """As many distinct qubits as there are things to put on them.

    Raises:
        ObservableError: If the number differs, a qubit repeats, or is out of range.
    """
    given = tuple(qubits) if hasattr(qubits, "__iter__") else (qubits,)
    places = tuple(
        check_index(q, MAX_QUBITS, f"{what}: qubit", f"{MAX_QUBITS} qubits", ObservableError)
        for q in given
    )
    if len(places) != count:
        raise ObservableError(
            f"{what}: qubits must be as many as its {things} ({count}), but are {places}."
        )
    if len(set(places)) != count:
        raise ObservableError(f"{what}: qubits must be distinct, but are {places}.")
    return places


def _read_term(text: str, at: int) -> tuple[Word, float | complex, int]:
    match = _NUMBER.match(text, at)
    if match is None:
        word, end = _read_string(text, at)
        return word, 1.0, end
    number = _read_number(text, match)
    end = match.end()
    after = _skip(_SEPARATOR, text, end)
    if text[after : after + 1] in _BITS or "*" in text[end:after]:
        word, end = _read_string(text, after)
        return word, number, end
    return IDENTITY, number, end


def _read_number(text: str, match: re.Match[str]) -> float | complex:
    written = match.group()
    if not written.startswith("("):
        return float(written)
    try:
        return complex(written)
    except ValueError:
        _fail(text, match.start(), "a complex number, as (0.5-2j),", written)


def _read_string(text: str, at: int) -> tuple[Word, int]:
    match = _FACTOR.match(text, at)
    if match is None:
        return _read_label(text, at)
    x = z = seen = 0
    end = at
    while match is not None:
        letter, index = match.groups()
        q = int(index)
        if q >= MAX_QUBITS:
            _fail(text, match.start(), f"a qubit in 0..{MAX_QUBITS - 1}", match.group())
        if seen >> q & 1:
            _fail(text, match.start(), "a qubit not yet named", match.group())
        flips, signs = _BITS[letter]
        x |= flips << q
        z |= signs << q
        seen |= 1 << q
        end = match.end()
        match = _FACTOR.match(text, _skip(_SEPARATOR, text, end))
    return Word(x, z, seen.bit_length()), end


def _read_label(text: str, at: int) -> tuple[Word, int]:
    match = _LABEL.match(text, at)
    if match is None:
        _fail(text, at, "a Pauli string, as X0 Z3 or XIZ,")
    label = match.group()
    if label == "I":
        return IDENTITY, match.end()
    if len(label) > MAX_QUBITS:
        _fail(text, at, f"at most {MAX_QUBITS} letters")
    x = z = 0
    for letter in label:
        flips, signs = _BITS[letter]
        x = x << 1 | flips
        z = z << 1 | signs
    return Word(x, z, len(label), label), match.end()


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


def _fail(text: str, at: int, wanted: str, found: str = "") -> NoReturn:
    """Raise, with the place marked."""
    found = found or text[at : at + 1]
    what = repr(found) if found else "the text's end"
    start = max(at - 30, 0)
    excerpt = re.sub(r"\s", " ", text[start : at + 30])
    raise ObservableError(
        f"Pauli text must have {wanted} at position {at}, but has {what}:\n"
        f"  {excerpt}\n  {' ' * (at - start)}^"
    )
