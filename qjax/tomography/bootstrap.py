"""From counts to a density matrix and its errors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from qjax._checks import as_positive, check_key
from qjax._progress import Bar
from qjax.errors import SamplingError
from qjax.hardware.outcomes import outcomes
from qjax.shadows.estimated import Estimated
from qjax.state import checked_state
from qjax.tomography.effects import Effects, drawn_counts, effects_of, from_settings
from qjax.tomography.likelihood import likeliest, projected
from qjax.tomography.settings import settings

_LONG = 100  # resamples, from which on a progress bar is shown


class Tomography(NamedTuple):
    """What counts say of a state.

    Attributes:
        density_matrix: The most likely density matrix, complex128 of shape (2**k, 2**k); bit j of
            an index is the j-th qubit that was measured.
        linear_inversion: The matrix with the counted mean of every Pauli string, of trace 1 but
            perhaps with negative eigenvalues; unbiased.
        log_likelihood: Of the counts, without the multinomial's constant.
        gap: A proven bound on how much higher the log-likelihood of any density matrix is.
        converged: Whether the gap is at most the tolerance.
        steps: How many steps it took.
        counts: How often each outcome was seen, float of shape (6,) * k; see `tomography.effects`.
        effects: What was measured.
        limits: Most steps and tolerance, for the resamples.
    """

    density_matrix: np.ndarray
    linear_inversion: np.ndarray
    log_likelihood: float
    gap: float
    converged: bool
    steps: int
    counts: np.ndarray
    effects: Effects
    limits: tuple[int, float]

    def resampled(
        self, resamples: int, key: jax.Array, *, progress: bool | None = None
    ) -> np.ndarray:
        """Density matrices of counts drawn anew from the most likely one: a parametric bootstrap.

        Args:
            resamples: How many.
            key: A `jax.random` key.
            progress: Whether to show a progress bar; None shows one for 100 and more.

        Returns:
            complex128 array of shape (resamples, 2**k, 2**k).

        Raises:
            SamplingError: If resamples is not positive, or the key is none.
        """
        count = as_positive(resamples, "resampled: resamples", SamplingError)
        check_key(key, "resampled: key")
        rng = np.random.default_rng(np.asarray(jax.random.bits(key, (8,))))
        chances = self.effects.probabilities(self.density_matrix)
        start = _full_rank(self.density_matrix)
        found = []
        show = progress if progress is not None or count >= _LONG else False
        with Bar(show, count, what="bootstrap", unit="resample") as bar:
            for _ in range(count):
                counts = drawn_counts(chances, self.counts, rng)
                found.append(likeliest(self.effects, counts, start, *self.limits).rho)
                bar.move(1)
        return np.array(found)

    def estimate(
        self, function: Callable[[np.ndarray], Any], *, key: jax.Array, resamples: int = 100
    ) -> Estimated:
        """A function of the density matrix, with its standard error by `resampled`.

        Args:
            function: From a density matrix to a real number.
            key: A `jax.random` key.
            resamples: How many, at least 2.

        Note:
            Where the state is nearly pure, the most likely one is more mixed in directions that
            counts do not see, and the estimate is biased by about its standard error.

        Raises:
            SamplingError: If there are fewer than 2 resamples, or the key is none.
        """
        if as_positive(resamples, "estimate: resamples", SamplingError) < 2:
            raise SamplingError("estimate: resamples must be at least 2, but are 1.")
        values = [float(function(rho)) for rho in self.resampled(resamples, key)]
        return Estimated(float(function(self.density_matrix)), float(np.std(values, ddof=1)))

    def fidelity(self, state: Any, *, key: jax.Array, resamples: int = 100) -> Estimated:
        """The fidelity <psi|rho|psi> with a pure state, with its standard error.

        Args:
            state: Statevector of shape (2**k,), of norm 1.
            key: A `jax.random` key.
            resamples: As in `estimate`.

        Raises:
            StateError: If the state does not fit.
            SamplingError: As in `estimate`.
        """
        n = len(self.density_matrix).bit_length() - 1
        checked_state(state, n, "fidelity: state", np.dtype(np.complex64))
        psi = np.asarray(state, complex)
        overlap = lambda rho: (psi.conj() @ rho @ psi).real
        return self.estimate(overlap, key=key, resamples=resamples)


def fit(
    counts: Sequence[Any] | Mapping[str, Any],
    *,
    readout: Sequence[tuple[float, float]] | None = None,
    form: str | None = None,
    steps: int = 5000,
    tolerance: float = 1e-3,
) -> Tomography:
    """The density matrix that makes measured counts most likely.

    Args:
        counts: The counts of the circuits of `tomography.circuits`, in their order; or a mapping
            from bases such as "XZ", letter j for qubit j, to counts, where bases may be missing.
            Each is a `Counts`, or in the form of a vendor.
        readout: For each qubit, the probabilities to read 1 for 0, and 0 for 1; none if None.
        form: Form of counts: "qiskit" (the default), "braket", "ionq", "pytket" or "bits".
        steps: The most steps.
        tolerance: The proven bound on what the log-likelihood of all counts can still gain at which
            to stop. A gain of 1/2 is one standard error.

    Returns:
        A `Tomography`. Where `converged` is false, more steps are needed.

    Raises:
        SamplingError: If there are no counts for a setting, they have another form, or they do not
            tell of every Pauli string.

    Note:
        Time O(steps * (k 6**k + 8**k)).

    Examples:
        >>> found = fit({"X": {"0": 500, "1": 500}, "Y": {"0": 500, "1": 500}, "Z": {"0": 1000}})
        >>> found.density_matrix.real.round(2) + 0.0
        array([[1., 0.],
               [0., 0.]])
    """
    total = _steps_and_tolerance(steps, tolerance)
    rows, k = _rows(counts, form)
    pairs = [(0.0, 0.0)] * k if readout is None else _pairs(readout, k)
    effects = effects_of(pairs)
    tensor = from_settings(rows, k)
    shots = float(tensor.sum())
    linear = effects.linear_inversion(tensor)
    limits = total, tolerance / shots
    found = likeliest(effects, tensor, _full_rank(projected(linear)), *limits)
    return Tomography(
        found.rho, linear, shots * found.value, shots * found.gap, found.gap <= limits[1],
        found.steps, tensor, effects, limits,
    )  # fmt: skip


def _full_rank(rho: np.ndarray) -> np.ndarray:
    return 0.9 * rho + 0.1 * np.eye(len(rho)) / len(rho)


def _steps_and_tolerance(steps: Any, tolerance: Any) -> int:
    if not tolerance > 0:
        raise SamplingError(f"tomography: tolerance must be positive, but is {tolerance}.")
    return as_positive(steps, "tomography: steps", SamplingError)


def _rows(counts: Any, form: str | None) -> tuple[np.ndarray, int]:
    """How often each outcome of each setting was seen, (3**k, 2**k)."""
    if isinstance(counts, Mapping):
        sizes = {len(letters) for letters in counts if isinstance(letters, str)}
        if len(sizes) != 1 or any(set(str(letters)) - set("XYZ") for letters in counts):
            raise SamplingError(
                "tomography: bases must be texts of X, Y, Z of one length, but are "
                f"{', '.join(map(repr, counts)) or 'none'}."
            )
        (k,) = sizes
        given = dict(counts)
    else:
        k = round(float(np.log(max(len(counts), 1)) / np.log(3)))
        if k < 1 or 3**k != len(counts):
            raise SamplingError(
                "tomography: there must be counts for 3**k circuits, those of "
                f"tomography.circuits, but there are {len(counts)}. Give a mapping from bases to "
                "counts if some are missing."
            )
        given = dict(zip(settings(k), counts, strict=True))
    rows = np.zeros((3**k, 2**k))
    for row, letters in zip(rows, settings(k), strict=True):
        if letters in given:
            found = outcomes(given[letters], k, form, 1)
            np.add.at(row, found.bits.astype(np.int64) @ (1 << np.arange(k)), found.numbers)
    return rows, k


def _pairs(readout: Any, k: int) -> list[tuple[float, float]]:
    pairs = np.asarray(readout, float)
    if pairs.shape != (k, 2) or not np.all((pairs >= 0) & (pairs <= 1)):
        raise SamplingError(
            f"tomography: readout must be {k} pairs of probabilities, but is {readout!r}."
        )
    if np.any(pairs.sum(axis=1) > 0.95):
        raise SamplingError(
            f"tomography: readout must leave each bit some meaning, but is {readout!r}."
        )
    return [(float(up), float(down)) for up, down in pairs]
