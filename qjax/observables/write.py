"""Pauli text: from masks and numbers to "0.5 * X0 Z3 - 1.2 * Y1", which `parse` reads back."""

from collections.abc import Sequence

LETTERS = "IXZY"  # by (x bit) + 2 * (z bit)


def write_string(x: int, z: int) -> str:
    """A Pauli string with indices; the identity is "I".

    Examples:
        >>> write_string(0b0011, 0b1010)
        'X0 Y1 Z3'
    """
    named = range((x | z).bit_length())
    bits = ((q, (x >> q & 1) + 2 * (z >> q & 1)) for q in named)
    return " ".join(f"{LETTERS[both]}{q}" for q, both in bits if both) or "I"


def write_sum(strings: Sequence[str], numbers: Sequence[float | complex] | None) -> str:
    """A sum of strings; every double is written so that it reads back the same.

    Args:
        strings: Pauli strings as text.
        numbers: A coefficient for each; None if they are not known, and then c[k] stands for them.

    Examples:
        >>> write_sum(["Z0", "X1", "I"], [1.0, -0.5, 2j])
        'Z0 - 0.5 * X1 + (2j)'
        >>> write_sum(["Z0", "I"], None)
        'c[0] * Z0 + c[1]'
    """
    text = ""
    for k, string in enumerate(strings):
        sign, number = (" + ", f"c[{k}]") if numbers is None else _signed(numbers[k])
        if string == "I":
            text += sign + number
        elif number == "1":
            text += sign + string
        else:
            text += f"{sign}{number} * {string}"
    if not text:
        return "0"
    return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _signed(number: float | complex) -> tuple[str, str]:
    if number.imag:
        return " + ", f"({str(number).strip('()')})"
    sign = " - " if number.real < 0 else " + "
    return sign, repr(abs(number.real)).removesuffix(".0")
