"""Bundle: circuits ready for a machine, and how their counts become numbers."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from qjax._atomic import whole_file
from qjax._progress import Bar
from qjax._version import __version__
from qjax.circuit import Circuit
from qjax.errors import FileError, SamplingError
from qjax.hardware.outcomes import Outcomes, outcomes
from qjax.hardware.readout import Readout
from qjax.hardware.route import Router
from qjax.qasm import dumps
from qjax.qasm.targets import find_target

FORMAT = "qjax-bundle"
VERSION = 1
_MANIFEST = "manifest.json"
_LONG = 20  # circuits, from which on a progress bar is shown


@dataclass(frozen=True)
class Experiment:
    """One circuit of a bundle, and what its counts mean.

    Each shot with the bits b gives the number a(b) = sum of weight * (-1)**(parity of b & mask),
    and the mean of a over the shots enters output j with the factor `outputs[j]`.

    Attributes:
        circuit: The circuit, which measures qubit q into bit q; None in a bundle that was loaded.
        shots: How often it is run.
        masks: The bits of each term.
        weights: The weight of each term.
        outputs: From the index of an output to a factor.
        label: What it is, in words.
        layout: The machine's qubit of each bit's qubit at its measurement, once it is known.
        text: The program, in a bundle that was loaded.
    """

    circuit: Circuit | None
    shots: int
    masks: tuple[int, ...]
    weights: tuple[float, ...]
    outputs: Mapping[int, float]
    label: str
    layout: tuple[int, ...] | None = None
    text: str | None = field(default=None, repr=False)

    def mean(self, found: Outcomes, values: np.ndarray | None = None) -> tuple[float, float]:
        """Mean of a(b) and the variance of this mean.

        Args:
            found: The outcomes.
            values: What the outcomes of a bit count as for Z, shape (2, bits); (1, -1) if None.
        """
        columns = 1.0 - 2.0 * found.bits if values is None else np.where(
            found.bits == 1, values[1], values[0])  # fmt: skip
        a = np.zeros(len(found.bits))
        for mask, weight in zip(self.masks, self.weights, strict=True):
            chosen = [c for c in range(columns.shape[1]) if mask >> c & 1]
            a += weight * np.prod(columns[:, chosen], axis=1)
        shots = found.shots
        mean = float(found.numbers @ a / shots)
        spread = float(found.numbers @ (a - mean) ** 2)
        return mean, spread / (shots * max(shots - 1, 1))


@dataclass(frozen=True)
class Estimate:
    """What a machine's counts say.

    Attributes:
        value: The expectation value, or NaN if the bundle holds the gradient only.
        value_error: Its standard error.
        gradient: The gradient, float64 of shape (parameters,) in the order of flat `params`; None
            if the bundle has none.
        gradient_error: The standard error of each element.
    """

    value: float
    value_error: float
    gradient: np.ndarray | None = None
    gradient_error: np.ndarray | None = None

    def __str__(self) -> str:
        lines = (
            []
            if np.isnan(self.value)
            else [f"value     {self.value:+.6f} ± {self.value_error:.6f}"]
        )
        if self.gradient is not None and self.gradient_error is not None:
            lines += [
                f"d/d[{k}]".ljust(9) + f" {g:+.6f} ± {e:.6f}"
                for k, (g, e) in enumerate(zip(self.gradient, self.gradient_error, strict=True))
            ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Bundle:
    """Circuits ready for a machine, and how their counts become numbers.

    `measure` and `gradient_job` make one. `run` carries it out with a function; or `save` writes
    its circuits as files with a manifest, which `load` reads on another day, and `evaluate` turns
    the counts into value, gradient and standard errors.

    Attributes:
        experiments: The circuits; calibration circuits come last.
        num_bits: Classical bits of each circuit.
        constant: The part of the expectation value that needs no circuit.
        has_value: Whether the value is asked for.
        num_parameters: Length of the gradient; None if it is not asked for.
        calibrated: Whether the last two experiments calibrate the readout.
        target: Who the saved programs are for, or None.
        form: The form of counts that the target's client gives, or None.
    """

    experiments: tuple[Experiment, ...]
    num_bits: int
    constant: float
    has_value: bool = True
    num_parameters: int | None = None
    calibrated: bool = False
    target: str | None = None
    form: str | None = None

    def __len__(self) -> int:
        return len(self.experiments)

    @property
    def circuits(self) -> list[Circuit]:
        """The circuits, in order.

        Raises:
            SamplingError: If the bundle was loaded from files, which hold programs instead.
        """
        found = [e.circuit for e in self.experiments]
        if any(c is None for c in found):
            raise SamplingError(
                "A bundle that was loaded has programs, bundle.programs, and no circuits."
            )
        return found  # type: ignore[return-value]

    @property
    def shots(self) -> list[int]:
        """Shots of each circuit, in order."""
        return [e.shots for e in self.experiments]

    @property
    def programs(self) -> list[str]:
        """The programs of a bundle that was loaded, in order."""
        return [e.text or "" for e in self.experiments]

    def run(self, executor: Callable[[list[Circuit], list[int]], Any], **options: Any) -> Estimate:
        """Carry out all circuits and evaluate their counts.

        Args:
            executor: Called with the circuits and the shots of each; returns counts in order.
            **options: Passed to `evaluate`.
        """
        return self.evaluate(executor(self.circuits, self.shots), **options)

    def evaluate(self, counts: Sequence[Any], *, form: str | None = None) -> Estimate:
        """Value, gradient and standard errors from counts.

        Args:
            counts: One for each circuit, in order.
            form: How a vendor's client writes outcomes: "qiskit", "braket", "ionq", "pytket" or
                "bits"; by default that of the target. See `qjax.hardware.outcomes`.

        Returns:
            The estimate. Errors are those of finite shots, the calibration's included; they do not
            know what noise is left.

        Raises:
            SamplingError: If there are too few counts, or they have another form.
        """
        counts = list(counts)
        if len(counts) != len(self.experiments):
            raise SamplingError(
                f"evaluate: counts must be {len(self.experiments)}, one for each circuit, but are "
                f"{len(counts)}."
            )
        form = form or self.form
        found = [
            outcomes(c, self.num_bits, form, e.shots)
            for c, e in zip(counts, self.experiments, strict=True)
        ]
        experiments = self.experiments
        readout = None
        if self.calibrated:
            readout = Readout(*_wrong(found[-2:]), (int(found[-2].shots), int(found[-1].shots)))
            experiments, found = experiments[:-2], found[:-2]
        width = 1 + (self.num_parameters or 0)
        total, variance = np.zeros(width), np.zeros(width)
        values = None if readout is None else readout.values()
        for e, o in zip(experiments, found, strict=True):
            mean, error = e.mean(o, values)
            for j, factor in e.outputs.items():
                total[j] += factor * mean
                variance[j] += factor**2 * error
        if readout is not None:
            variance += self._calibration_variance(experiments, found, readout, width)
        total[0] += self.constant
        errors = np.sqrt(variance)
        has_gradient = self.num_parameters is not None
        return Estimate(
            float(total[0]) if self.has_value else float("nan"),
            float(errors[0]) if self.has_value else float("nan"),
            total[1:] if has_gradient else None,
            errors[1:] if has_gradient else None,
        )

    def _calibration_variance(
        self, experiments: Sequence[Experiment], found: list[Outcomes], readout: Readout, width: int
    ) -> np.ndarray:
        """What the errors of the calibration add, to first order, by central differences."""
        step = 1e-4
        variance = np.zeros(width)
        used = [
            c for c in range(self.num_bits) if any(m >> c & 1 for e in experiments for m in e.masks)
        ]
        for which in (0, 1):
            for bit in used:
                slope = np.zeros(width)
                up, down = (readout.moved(which, bit, s) for s in (step, -step))
                for e, o in zip(experiments, found, strict=True):
                    if any(m >> bit & 1 for m in e.masks):
                        change = (e.mean(o, up)[0] - e.mean(o, down)[0]) / (2 * step)
                        for j, factor in e.outputs.items():
                            slope[j] += factor * change
                variance += slope**2 * readout.variances[which, bit]
        return variance

    # --- files ------------------------------------------------------------------------------------

    def save(
        self,
        folder: str | os.PathLike,
        target: str = "openqasm3",
        *,
        coupling_map: Any = None,
        backend: Any = None,
        transpiler: str = "qiskit",
        seed: int = 0,
        progress: bool | None = None,
    ) -> "Bundle":
        """Write one program per circuit, and a manifest.

        Args:
            folder: A new or empty folder.
            target: A name of `qjax.qasm.TARGETS`.
            coupling_map: Pairs of the machine's qubits that a two-qubit gate can act on; circuits
                are routed to it.
            backend: Or a backend of Qiskit, which tells its coupling map and its errors.
            transpiler: What finds layout and routing: "qiskit" or "pytket".
            seed: Seed of the transpiler.
            progress: Whether to show a progress bar: True needs tqdm, None shows it for 20 circuits
                or more if tqdm is installed.

        Returns:
            The bundle as saved, with the layout of each circuit.

        Raises:
            FileError: If the folder is not empty or cannot be written.
            QasmError: If the target is unknown, or cannot say a circuit.
            MissingExtraError: If routing is asked for, and the transpiler is not installed.
        """
        chosen = find_target(target)
        path = Path(folder)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileError(f"save: {str(path)!r} must be a new or empty folder.")
        router = Router(coupling_map, backend, transpiler=transpiler, seed=seed)
        made, texts = [], []
        show = progress if progress is not None or len(self) >= _LONG else False
        with Bar(show, len(self), what="save", unit="circuit") as bar:
            for e, circuit in zip(self.experiments, self.circuits, strict=True):
                routed = router.route(circuit, chosen, alike=True)
                texts.append(
                    dumps(routed.circuit, target=chosen, physical_qubits=routed.physical_qubits)
                )
                made.append(replace(e, layout=routed.measured))
                bar.move(1, e.label)
        digits = max(3, len(str(len(made) - 1)))
        names = [f"circuit_{k:0{digits}}{chosen.suffix}" for k in range(len(made))]
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "qjax": __version__,
            "target": chosen.name,
            "form": chosen.counts,
            "num_bits": self.num_bits,
            "constant": self.constant,
            "has_value": self.has_value,
            "num_parameters": self.num_parameters,
            "calibrated": self.calibrated,
            "circuits": [
                {
                    "file": name,
                    "label": e.label,
                    "shots": e.shots,
                    "layout": None if e.layout is None else list(e.layout),
                    "terms": [[m, w] for m, w in zip(e.masks, e.weights, strict=True)],
                    "outputs": [[j, f] for j, f in e.outputs.items()],
                }
                for name, e in zip(names, made, strict=True)
            ],
        }
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name, text in zip(names, texts, strict=True):
                with whole_file(path / name) as file:
                    file.write(text.encode())
            with whole_file(path / _MANIFEST) as file:  # last: a folder with it is complete
                file.write((json.dumps(manifest, indent=1) + "\n").encode())
        except OSError as error:
            raise FileError(f"save: {str(path)!r} cannot be written: {error}") from error
        return replace(self, experiments=tuple(made), target=chosen.name, form=chosen.counts)


def load(folder: str | os.PathLike) -> Bundle:
    """A bundle from a folder that `Bundle.save` wrote: its programs, and how to evaluate counts.

    Args:
        folder: The folder.

    Returns:
        The bundle that `Bundle.save` gave back.

    Raises:
        FileError: If there is no bundle, it is damaged, or of an unknown version.

    Examples:
        >>> import tempfile
        >>> from qjax.hardware import measure
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "bell"
        ...     _ = measure(Circuit(2).h(0).cx(0, 1), "Z0 Z1", shots=100).save(path)
        ...     bundle = load(path)
        >>> print(bundle.evaluate([{"00": 49, "11": 51}]))
        value     +1.000000 ± 0.000000
    """
    path = Path(folder)
    try:
        data = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"load: {str(path)!r} holds no bundle: {error}") from error
    except ValueError as error:
        raise FileError(f"load: {str(path / _MANIFEST)!r} is damaged: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FileError(f"load: {str(path / _MANIFEST)!r} is no manifest of a bundle.")
    if data.get("version") != VERSION:
        raise FileError(
            f"load: the bundle must be of version {VERSION}, but is of {data.get('version')!r}."
        )
    try:
        experiments = tuple(
            Experiment(
                None,
                int(c["shots"]),
                tuple(int(m) for m, _ in c["terms"]),
                tuple(float(w) for _, w in c["terms"]),
                {int(j): float(f) for j, f in c["outputs"]},
                str(c["label"]),
                None if c["layout"] is None else tuple(c["layout"]),
                (path / Path(c["file"]).name).read_text(encoding="utf-8"),
            )
            for c in data["circuits"]
        )
        return Bundle(
            experiments,
            int(data["num_bits"]),
            float(data["constant"]),
            bool(data["has_value"]),
            None if data["num_parameters"] is None else int(data["num_parameters"]),
            bool(data["calibrated"]),
            str(data["target"]),
            str(data["form"]),
        )
    except OSError as error:
        raise FileError(f"load: a program of the bundle cannot be read: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"load: {str(path / _MANIFEST)!r} is damaged: {error!r}") from error


def _wrong(calibration: list[Outcomes]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of 1 for |0> and of 0 for |1>, for each bit."""
    ones = [o.numbers @ o.bits / o.shots for o in calibration]
    return ones[0], 1 - ones[1]
