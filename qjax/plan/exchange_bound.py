"""What any stages of a plan must exchange at least."""

from collections.abc import Sequence

from qjax.plan.frontier import Frontier
from qjax.plan.locality import Task

_Front = list[tuple[float, int]]  # (moved, mask), the highest first


def least_moved(task: Task) -> float:
    """A lower bound on what a device sends, as a multiple of its state.

    It holds for all stages whose local qubits are m of n, in any order of the ops that `Frontier`
    allows, whatever the qubits of each stage. An exchange by which k qubits become local moves
    1 - 2**-k. As this is concave in k, and k is at most K = min(m, n - m), exchanges by which j
    qubits become local in all move at least

        price(j) = floor(j / K) (1 - 2**-K) + 1 - 2**-(j mod K).

    Let every op x have a bound c(x) on what is moved before it runs. For a number c, the ops y that
    must run before x and have c(y) >= c, and x, all run after c was moved. If they need s qubits
    together, s - m became local since the first of them ran, at which time m were. So

        c(x) = max over c of c + price(s - m),

    and the bound is the largest c(x). For c, only the values that c(y) takes matter; for each is
    kept the mask of the qubits that are needed, unless it is too low to make a difference. An op
    before all others needs the qubits that are local at first, if these are given, and one after
    all others those that must be local at last.
    """
    m = task.num_local
    most = min(m, task.num_qubits - m)
    if not most:
        return 0.0
    more = range(task.num_qubits - m + 1)
    price = [(j // most) * (1 - 2.0**-most) + 1 - 2.0 ** -(j % most) for j in more]
    frontier = Frontier(task.num_qubits, task.ops)
    before = frontier.before()
    begin: _Front = [(0.0, task.begin)]
    fronts: list[_Front] = [begin] * len(before)  # of each run: its ops and all before them
    for op, runs in zip(task.ops, frontier.runs, strict=True):
        front = begin
        for run in runs:
            if before[run] >= 0:
                front = _join(front, fronts[before[run]])
        if op.needs:
            front = _with_op(front, op.needs, m, price)
        for run in runs:
            fronts[run] = _join(fronts[run], front)
    whole = begin
    for run, after in enumerate(frontier.after):
        if after < 0:
            whole = _join(whole, fronts[run])
    return _with_op(whole, task.end, m, price)[0][0]


def _join(a: _Front, b: _Front) -> _Front:
    """For each value the qubits that are needed in one or the other."""
    if a is b:
        return a
    joined: _Front = []
    i = j = mask = 0
    while i < len(a) or j < len(b):
        moved = max(front[at][0] for front, at in ((a, i), (b, j)) if at < len(front))
        new = mask
        if i < len(a) and a[i][0] == moved:
            new |= a[i][1]
            i += 1
        if j < len(b) and b[j][0] == moved:
            new |= b[j][1]
            j += 1
        if new != mask or not joined:
            joined.append((moved, new))
        mask = new
    return joined


def _with_op(front: _Front, needs: int, num_local: int, price: Sequence[float]) -> _Front:
    """The front of an op that comes after those of a front."""
    highest = front[0][0]
    for moved, mask in front:
        more = (mask | needs).bit_count() - num_local
        if more > 0:
            highest = max(highest, moved + price[more])
    new, last = ([(highest, needs)], needs) if highest > front[0][0] else ([], -1)
    for moved, mask in front:
        if mask | needs != last and moved + price[-1] > highest:
            last = mask | needs
            new.append((moved, last))
    return new
