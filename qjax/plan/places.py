"""Where qubits lie in successive stages on many devices, given which are local in each."""

from collections.abc import Sequence
from dataclasses import dataclass

Places = tuple[int, ...]


@dataclass(frozen=True)
class Ends:
    """What is asked of the first and the last places.

    Attributes:
        num_local: How many places are local; the others are device places.
        start: Places of the qubits of the state that is given; None if they may be chosen.
        target: Places at which the result is in natural order.
        restore: Whether it must end there.
    """

    num_local: int
    start: Places | None
    target: Places
    restore: bool


def place(ends: Ends, masks: Sequence[int]) -> tuple[Places, list[Places]]:
    """(places at the start, places of each stage, and of stages without ops that restore them).

    A qubit in a device place keeps it until it is local, so that no exchange is among devices only.
    Qubits that become local take the highest local places, and those whose places they take go
    where there is room, so that an exchange has nothing to do afterwards.

    Args:
        ends: What is asked for.
        masks: The local qubits of each stage, as masks.
    """
    first = ends.start or _first(ends, masks[0])
    backward = _backward(ends, masks) if ends.restore else []
    now, placed, fixed = first, [], False
    for i, mask in enumerate(masks):
        fixed = fixed or (bool(backward) and _agree(ends, now, backward[i]))
        now = _next(ends, now, mask, backward[i] if fixed else {})
        placed.append(now)
    return first, placed + (_home(ends, now) if ends.restore else [])


def _first(ends: Ends, mask: int) -> Places:
    """Places with given local qubits, as many as possible where they end."""
    n = len(ends.target)
    places = [-1] * n
    for q, wanted in enumerate(ends.target):
        if (wanted < ends.num_local) == bool(mask >> q & 1):
            places[q] = wanted
    free = sorted(set(range(n)) - set(places))
    for q in range(n):
        if places[q] < 0:
            places[q] = free.pop(0 if mask >> q & 1 else -1)
    return tuple(places)


def _backward(ends: Ends, masks: Sequence[int]) -> list[dict[int, int]]:
    """Device places of the qubits outside in each stage, from which all get home at once."""
    m = ends.num_local
    later = {q: p for q, p in enumerate(ends.target) if p >= m}
    found = []
    for mask in reversed(masks):
        outside = [q for q in range(len(ends.target)) if not mask >> q & 1]
        here = {q: later[q] for q in outside if q in later}
        free = sorted(set(later.values()) - set(here.values()))
        for q in outside:
            if q not in here:
                wanted = ends.target[q]
                here[q] = free.pop(free.index(wanted) if wanted in free else 0)
        found.append(here)
        later = here
    return found[::-1]


def _agree(ends: Ends, now: Places, wanted: dict[int, int]) -> bool:
    """Whether one exchange gets the qubits from their places to wanted device places."""
    return all(now[q] in (p, *range(ends.num_local)) for q, p in wanted.items())


def _next(ends: Ends, now: Places, mask: int, wanted: dict[int, int]) -> Places:
    """Places with other local qubits, the device places as wanted where something is."""
    m, n = ends.num_local, len(now)
    arrives = sorted((now[q], q) for q in range(n) if now[q] >= m and mask >> q & 1)
    leaves = sorted((now[q], q) for q in range(n) if now[q] < m and not mask >> q & 1)
    new, top = list(now), m - len(arrives)
    vacated, late = [p for p, _ in arrives], []
    for _, q in leaves:
        goal = wanted.get(q, ends.target[q] if ends.restore else -1)
        if goal in vacated:
            new[q] = goal
            vacated.remove(goal)
        else:
            late.append(q)
    for q, p in zip(late, vacated, strict=True):
        new[q] = p
    room = [p for p, _ in leaves if p < top]
    for q in range(n):
        if top <= now[q] < m and mask >> q & 1:
            new[q] = room.pop(0)
    for i, (_, q) in enumerate(arrives):
        new[q] = top + i
    return tuple(new)


def _home(ends: Ends, now: Places) -> list[Places]:
    """Places of stages without ops, the last in the natural order of the result.

    Device places change through local ones: a local qubit that belongs in a device place goes
    there, and others make room for qubits that are in a wrong device place.
    """
    m, target = ends.num_local, ends.target
    placed = []
    while now != target:
        inside = [q for q, p in enumerate(now) if p < m]
        wrong = [q for q, p in enumerate(now) if p >= m and target[q] not in (p, *range(m))]
        if not wrong:
            placed.append(target)
            break
        at = {p: q for q, p in enumerate(now)}
        right = {at[target[q]]: q for q in inside if target[q] >= m}
        rest = [q for q in inside if target[q] < m]
        pairs = list(right.items())
        pairs += list(zip([q for q in wrong if q not in right], rest, strict=False))
        mask = sum(1 << q for q in inside)
        for arrives, leaves in pairs:
            mask ^= 1 << arrives | 1 << leaves
        now = _next(ends, now, mask, {})
        placed.append(now)
    return placed
