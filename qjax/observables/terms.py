"""Terms: strings with their coefficients, and the arithmetic of operators on them."""

from typing import Any, NamedTuple

import numpy as np

from qjax.errors import ObservableError
from qjax.observables.coefficients import (
    concatenate,
    first_not_finite,
    is_scalar,
    is_traced,
    known,
    phased,
    scaled,
    stack,
    summed,
)
from qjax.observables.masks import PauliStructure, distinct, products
from qjax.observables.write import write_string


class Terms(NamedTuple):
    """A sum of Pauli strings, each string once.

    Attributes:
        structure: The strings.
        coefficients: Array of shape (..., terms): NumPy in double precision, or traced.
    """

    structure: PauliStructure
    coefficients: Any


def checked(structure: PauliStructure, coefficients: Any) -> Terms:
    """Terms whose coefficients, if known, are float64 or complex128, finite and read-only.

    Raises:
        ObservableError: If one is not finite.
    """
    numbers = coefficients if is_traced(coefficients) else known(coefficients)
    k = first_not_finite(numbers)
    if k is not None:
        string = write_string(int(structure.x_masks[k]), int(structure.z_masks[k]))
        raise ObservableError(
            f"PauliSum: coefficients must be finite, but that of {string} is {numbers[..., k]}."
        )
    if isinstance(numbers, np.ndarray):
        numbers.setflags(write=False)
    return Terms(structure, numbers)


def merged(num_qubits: int, x: np.ndarray, z: np.ndarray, coefficients: Any) -> Terms:
    """Terms in which equal strings are added up, in order of first appearance."""
    first, which = distinct(x, z)
    if len(first) < len(x):
        coefficients = summed(coefficients, which, len(first))
    return checked(PauliStructure(num_qubits, x[first], z[first]), coefficients)


def single(x: int, z: int, coefficient: Any = 1.0) -> Terms:
    """One string, on the lowest number of qubits that holds it."""
    masks = (np.array([mask], np.int64) for mask in (x, z))
    return checked(PauliStructure((x | z).bit_length(), *masks), stack([coefficient]))


def multiple_of_identity(value: Any) -> Terms | None:
    """A scalar as an operator; None if it is no scalar.

    The known number 0 has no terms, so that the built-in `sum` adds none of its own.
    """
    if not is_scalar(value):
        return None
    if is_traced(value) or value != 0:
        return single(0, 0, value)
    none = np.zeros(0, np.int64)
    return Terms(PauliStructure(0, none, none), np.zeros(0))


def times(a: Terms, factor: Any) -> Terms:
    """A scalar times an operator."""
    return checked(a.structure, scaled(a.coefficients, factor))


def plus(a: Terms, b: Terms) -> Terms:
    """The sum of two operators."""
    return merged(
        max(a.structure.num_qubits, b.structure.num_qubits),
        np.concatenate([a.structure.x_masks, b.structure.x_masks]),
        np.concatenate([a.structure.z_masks, b.structure.z_masks]),
        concatenate(a.coefficients, b.coefficients),
    )


def product(a: Terms, b: Terms, *, commutator: bool = False) -> Terms:
    """The operator product a b, or the commutator a b - b a."""
    x, z, power, anticommute = (pairs.ravel() for pairs in products(a.structure, b.structure))
    numbers = scaled(a.coefficients[..., :, None], b.coefficients[..., None, :])
    numbers = numbers.reshape(*numbers.shape[:-2], len(x))
    if commutator:  # P Q - Q P is 2 P Q if they anticommute, else 0
        x, z, power = x[anticommute], z[anticommute], power[anticommute]
        numbers = scaled(numbers[..., anticommute], 2.0)
    size = max(a.structure.num_qubits, b.structure.num_qubits)
    return merged(size, x, z, phased(numbers, power))


def simplified(a: Terms, atol: float = 0.0) -> Terms:
    """Without known coefficients, and without imaginary parts, of at most `atol`."""
    if is_traced(a.coefficients):
        return a
    numbers = known(a.coefficients)
    if largest_imaginary_part(numbers) <= atol:
        numbers = np.real(numbers)
    structure = a.structure
    keep = (np.abs(numbers) > atol).any(axis=tuple(range(numbers.ndim - 1)))
    kept = PauliStructure(structure.num_qubits, structure.x_masks[keep], structure.z_masks[keep])
    return checked(kept, numbers[..., keep])


def canonical(a: Terms) -> Terms:
    """The same operator with known coefficients, none of them 0, strings in order of masks."""
    structure, numbers = simplified(a)
    order = np.lexsort((structure.z_masks, structure.x_masks))
    x, z = structure.x_masks[order], structure.z_masks[order]
    return Terms(PauliStructure(structure.num_qubits, x, z), numbers[..., order])


def largest_imaginary_part(numbers: np.ndarray) -> float:
    """Of known numbers, in modulus; 0 if there are none."""
    return float(np.abs(np.imag(numbers)).max(initial=0.0))
