"""What an op costs: the one place that fusion and estimates ask."""

from qjax.plan.op import Op, OpKind


def multiply_adds(op: Op) -> float:
    """Real multiply-adds per amplitude of the state.

    A dense op on k targets makes 2**k complex products per amplitude, of four each; a diagonal op
    one; a rotation one of a real and an imaginary number each; a permutation none. A control halves
    the amplitudes that are touched.
    """
    per_amplitude = {
        OpKind.DENSE: 4.0 * 2 ** len(op.targets),
        OpKind.DIAGONAL: 4.0,
        OpKind.ROTATION: 4.0,
        OpKind.PERMUTATION: 0.0,
    }[op.kind]
    return per_amplitude / 2 ** len(op.controls)
