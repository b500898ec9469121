"""What an op costs: the one place that fusion and estimates ask."""

from qjax.plan.op import Op, OpKind

_GRADIENT = {"fixed": 2.0, "dense": 2.5, "other": 1.5}
_MATRIX_WORK = 1024.0


def multiply_adds(op: Op) -> float:
    """Real multiply-adds per amplitude of the state, in a forward run.

    A dense op on k targets makes 2**k complex products per amplitude, of four each, or of two if
    its matrix is real; a rotation one of a real and one of an imaginary number. Diagonal ops share
    their passes, so one on a qubit or two counts as one. A permutation only moves amplitudes. A
    control halves the amplitudes that are touched.

    Examples:
        >>> multiply_adds(Op(OpKind.ROTATION, (0, 1), x_mask=0b11))
        4.0
    """
    k = len(op.targets)
    if op.kind is OpKind.DENSE:
        per_amplitude = (2.0 if op.real else 4.0) * 2**k
    elif op.kind is OpKind.PERMUTATION:
        per_amplitude = 0.5
    elif op.kind is OpKind.ROTATION:
        per_amplitude = 4.0 if op.x_mask else 1.0
    else:
        per_amplitude = 1.0 if k <= 2 else 4.0
    return per_amplitude / 2 ** len(op.controls)


def work(op: Op, num_qubits: int) -> float:
    """What fusion makes less of: multiply-adds per amplitude of a value and its gradient.

    Un-applying an op on two states costs twice a forward run of it, less where a rotation's
    generator is all that is summed, more where each entry of a matrix is. And a matrix that
    depends on parameters is itself a product, made once per run: as much work as about
    1,024 * 4**(k - 1) multiply-adds of amplitudes for each of its factors, which counts where the
    state is small.
    """
    if op.fixed:
        return (1 + _GRADIENT["fixed"]) * multiply_adds(op)
    if op.kind is not OpKind.DENSE:
        return (1 + _GRADIENT["other"]) * multiply_adds(op)
    product = _MATRIX_WORK * 4 ** (len(op.targets) - 1) * len(op.factors) / 2**num_qubits
    return (1 + _GRADIENT["dense"]) * multiply_adds(op) + product
