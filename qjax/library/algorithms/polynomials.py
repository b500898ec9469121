"""Polynomials for quantum signal processing, as Chebyshev coefficients with one parity.

Each is bounded by 1 in modulus on [-1, 1], up to its accuracy: multiply by 0.99 or so for
`signal_phases`.
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np

from qjax._checks import as_positive
from qjax.errors import CircuitError


class ScaledPolynomial(NamedTuple):
    """A polynomial that is a function up to a factor.

    Attributes:
        coefficients: Chebyshev coefficients.
        scale: The function is scale times the polynomial.
    """

    coefficients: np.ndarray
    scale: float


def cosine_polynomial(time: float, degree: int) -> np.ndarray:
    """cos(time x), by the Jacobi-Anger expansion; the error falls fast once degree > |time|.

    Args:
        time: Any real number.
        degree: Even.

    Returns:
        float64 array of shape (degree + 1,).

    Raises:
        CircuitError: If the degree is not even and positive.

    Examples:
        >>> c = cosine_polynomial(1.0, 8)
        >>> bool(abs(np.polynomial.chebyshev.chebval(0.3, c) - np.cos(0.3)) < 1e-8)
        True

    References:
        G. H. Low, I. L. Chuang, Optimal Hamiltonian simulation by quantum signal processing, Phys.
        Rev. Lett. 118, 010501 (2017).
    """
    return _bessel(time, _of_parity(degree, 0, "cosine_polynomial"))


def sine_polynomial(time: float, degree: int) -> np.ndarray:
    """sin(time x), as `cosine_polynomial`, of odd degree.

    Args:
        time: Any real number.
        degree: Odd; the error falls fast once degree > |time|.

    Returns:
        float64 array of shape (degree + 1,): Chebyshev coefficients, those of even index 0.

    Raises:
        CircuitError: If the degree is not odd and positive.

    Examples:
        >>> c = sine_polynomial(1.0, 9)
        >>> bool(abs(np.polynomial.chebyshev.chebval(0.3, c) - np.sin(0.3)) < 1e-8)
        True

    References:
        As of `cosine_polynomial`.
    """
    return _bessel(time, _of_parity(degree, 1, "sine_polynomial"))


def _bessel(time: float, degree: int) -> np.ndarray:
    """exp(i t x) = J_0(t) + 2 sum_k i^k J_k(t) T_k(x), its real or imaginary part."""
    from scipy.special import jv

    k = np.arange(degree + 1)
    signs = np.where(k % 2 == degree % 2, (-1.0) ** (k // 2), 0.0)
    return signs * jv(k, float(time)) * np.where(k, 2.0, 1.0)


def sign_polynomial(gap: float, degree: int) -> np.ndarray:
    """The sign of x for |x| >= gap: erf(k x), with k such that its two errors are about equal.

    Args:
        gap: In (0, 1); the error is near exp(-degree gap / 2).
        degree: Odd.

    Returns:
        float64 array of shape (degree + 1,).

    Raises:
        CircuitError: If the gap or degree does not fit.

    Examples:
        >>> c = sign_polynomial(0.2, 71)
        >>> values = np.polynomial.chebyshev.chebval([-0.7, 0.2, 1.0], c)
        >>> bool(abs(values - [-1, 1, 1]).max() < 1e-3)
        True

    References:
        G. H. Low, I. L. Chuang, Hamiltonian simulation by uniform spectral amplification,
        arXiv:1707.05391.
    """
    from scipy.special import erf

    d = _of_parity(degree, 1, "sign_polynomial")
    if not 0 < gap < 1:
        raise CircuitError(f"sign_polynomial: gap must be in (0, 1), but is {gap}.")
    # erfc(k gap) ~ exp(-(k gap)^2), and the coefficient of T_d is ~ exp(-(d / 2 k)^2).
    k = sqrt(d / (2 * gap))
    return _interpolated(lambda x: erf(k * x), d)


def inverse_polynomial(condition: float, degree: int) -> ScaledPolynomial:
    """1 / x for |x| >= 1 / condition, up to a scale.

    (1 - (1 - x^2)^b) / x, interpolated; b is as large as the degree allows.

    Args:
        condition: kappa > 1; the relative error is near exp(-degree / (2 kappa)).
        degree: Odd.

    Returns:
        Coefficients of a polynomial p with |p| <= 1, and the scale s: 1 / x is nearly s p(x).

    Raises:
        CircuitError: If the condition or degree does not fit.

    Examples:
        >>> c, scale = inverse_polynomial(4.0, 101)
        >>> values = scale * np.polynomial.chebyshev.chebval([0.25, -0.5, 1.0], c)
        >>> bool(abs(values - [4, -2, 1]).max() < 1e-3)
        True

    References:
        A. M. Childs, R. Kothari, R. D. Somma, Quantum algorithm for systems of linear equations
        with exponentially improved dependence on precision, SIAM J. Comput. 46, 1920 (2017).
    """
    d = _of_parity(degree, 1, "inverse_polynomial")
    if not condition > 1:
        raise CircuitError(f"inverse_polynomial: condition must be more than 1, not {condition}.")
    # (1 - 1 / kappa^2)^b is the error at the edge; the interpolation's is ~ exp(-d^2 / 4 b).
    b = max(ceil(d * condition / 2), 1)

    def regular(x: np.ndarray) -> np.ndarray:
        safe = np.where(x == 0, 1.0, x)
        return np.where(
            x == 0, 0.0, -np.expm1(b * np.log1p(-np.minimum(safe**2, 1 - 1e-16))) / safe
        )

    coefficients = _interpolated(regular, d)
    # Between points at cos(j pi / m), a polynomial of degree d is at most 1 / cos(pi d / 2 m) times
    # as large as on them (Ehlich, Zeller 1964).
    grid = np.cos(np.linspace(0, np.pi, 16 * d + 1))
    largest = float(np.max(np.abs(np.polynomial.chebyshev.chebval(grid, coefficients))))
    scale = largest / np.cos(np.pi / 32)
    return ScaledPolynomial(coefficients / scale, float(scale))


def _of_parity(degree: int, parity: int, what: str) -> int:
    d = as_positive(degree, f"{what}: degree")
    if d % 2 != parity:
        raise CircuitError(f"{what}: degree must be {'odd' if parity else 'even'}, but is {d}.")
    return d


def _interpolated(function: Callable[[np.ndarray], np.ndarray], degree: int) -> np.ndarray:
    """Chebyshev interpolation of an odd function; the coefficients of even index are exact 0."""
    nodes = np.polynomial.chebyshev.chebpts1(degree + 1)
    rows = np.polynomial.chebyshev.chebvander(nodes, degree)  # orthogonal columns
    coefficients = rows.T @ function(nodes) * 2 / (degree + 1)
    coefficients[0::2] = 0.0
    return coefficients
