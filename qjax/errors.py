"""What qjax raises: one base class, and one class per area."""


class QjaxError(Exception):
    """Base of every error that qjax raises on purpose."""


class CircuitError(QjaxError, ValueError):
    """A circuit that cannot be: unknown gate, wrong qubits, wrong angles, a matrix not unitary."""


class ParameterError(QjaxError, ValueError):
    """Values that do not fit the parameters of a circuit: missing, unknown, or of wrong shape."""


class ObservableError(QjaxError, ValueError):
    """An observable that cannot be: bad Pauli text, wrong qubits, a matrix not Hermitian."""


class StateError(QjaxError, ValueError):
    """A state that cannot be: wrong length, wrong bitstring, norm not one."""


class EngineError(QjaxError, RuntimeError):
    """An engine that cannot run what it was asked to run, or not here."""


class PrecisionError(QjaxError, TypeError):
    """A dtype that is not a complex dtype, or that JAX's settings do not allow."""


class SamplingError(QjaxError, ValueError):
    """Sampling that cannot be: no shots, two bit orders mixed, a derivative of a random draw."""


class QasmError(QjaxError, ValueError):
    """A circuit that OpenQASM cannot say, or a text that is not OpenQASM."""


class DistributedError(QjaxError, RuntimeError):
    """A run of several processes that cannot be: one is missing, or does not fit the others."""


class FileError(QjaxError, ValueError):
    """A saved file that is damaged, or of an unknown kind or version."""


class TrainingError(QjaxError, RuntimeError):
    """A training run that cannot go on: a loss not finite, a checkpoint that does not fit."""


class LearningError(QjaxError, ValueError):
    """A model, kernel or layer that cannot be: data, weights, labels or sizes that do not fit."""


class MissingExtraError(QjaxError, ImportError):
    """An optional package that is not installed; the message holds the line that installs it."""


class AppError(QjaxError, ValueError):
    """An application that cannot run so: an unknown name or option, a folder of another run."""
