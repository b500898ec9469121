"""From what a user gives to terms: mappings, pairs and text, checked."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from qjax._checks import as_integer
from qjax.errors import ObservableError
from qjax.observables.coefficients import is_scalar, is_traced, stack
from qjax.observables.masks import PauliStructure
from qjax.observables.parse import MAX_QUBITS, Word, parse_letters, parse_string, parse_sum
from qjax.observables.terms import Terms, merged
from qjax.observables.write import write_string


def pairs_of(terms: Any, qubits: Any) -> list[tuple[Any, Any]]:
    """Pairs (string, coefficient) of text, a mapping, or pairs; strings may still be text.

    Raises:
        ObservableError: If it is none of these.
    """
    if isinstance(terms, str):
        return parse_sum(terms) if qubits is None else [(parse_letters(terms, qubits), 1.0)]
    given = terms.items() if isinstance(terms, Mapping) else terms
    pairs = list(given) if isinstance(given, Iterable) else [given]
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ObservableError(
                "PauliSum: terms must be text, a mapping from strings to coefficients, or pairs "
                f"(string, coefficient), but one is {pair!r}."
            )
    return [(key, value) for key, value in pairs]


def collected(pairs: list[tuple[Any, Any]], qubits: Any, num_qubits: Any) -> Terms:
    """Terms of pairs (string, coefficient); equal strings add up.

    Raises:
        ObservableError: If a string or a coefficient is none, or a string does not fit.
    """
    words = [_word(key, qubits) for key, _ in pairs]
    numbers = stack([_coefficient(key, value) for key, value in pairs])
    lowest = max((word.size for word in words), default=0)
    size = lowest if num_qubits is None else _checked_size(num_qubits, lowest)
    for word in words:
        if word.label and len(word.label) != size:
            raise ObservableError(
                f"PauliSum: a label must have one letter for each of the {size} qubits, but "
                f'{word.label!r} has {len(word.label)}. Name qubits by index, as in "Z0 Z1", or '
                "give qubits."
            )
    x = np.array([word.x for word in words], np.int64)
    z = np.array([word.z for word in words], np.int64)
    return merged(size, x, z, numbers)


def resized(terms: Terms, num_qubits: Any) -> Terms:
    """The same terms on another number of qubits; None leaves them as they are.

    Raises:
        ObservableError: If it does not hold every string.
    """
    if num_qubits is None:
        return terms
    x, z = terms.structure.x_masks, terms.structure.z_masks
    lowest = int(np.bitwise_or.reduce(x | z, initial=0)).bit_length()
    structure = PauliStructure(_checked_size(num_qubits, lowest), x, z)
    return Terms(structure, terms.coefficients)


def _checked_size(num_qubits: Any, lowest: int) -> int:
    size = as_integer(num_qubits, "PauliSum: num_qubits", ObservableError)
    if not lowest <= size <= MAX_QUBITS:
        raise ObservableError(
            f"PauliSum: num_qubits must be in {lowest}..{MAX_QUBITS} for these strings, "
            f"but is {size}."
        )
    return size


def _word(key: Any, qubits: Any) -> Word:
    if isinstance(key, str):
        return parse_string(key) if qubits is None else parse_letters(key, qubits)
    if not isinstance(key, Word):
        raise ObservableError(f"PauliSum: a string must be text or a PauliString, but is {key!r}.")
    return key


def _coefficient(key: Any, value: Any) -> Any:
    name = write_string(key.x, key.z) if isinstance(key, Word) else key
    what = f"PauliSum: the coefficient of {name!r}"
    if not is_scalar(value):
        shape = getattr(value, "shape", None)
        found = repr(value) if shape is None else f"an array of shape {shape}"
        raise ObservableError(f"{what} must be a number or a traced scalar, but is {found}.")
    if not is_traced(value) and not np.isfinite(complex(value)):
        raise ObservableError(f"{what} must be finite, but is {value}.")
    return value
