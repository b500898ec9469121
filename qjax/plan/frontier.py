"""Which ops may run next: the order of a plan's ops, up to those that commute.

On each qubit that it touches, an op commutes with Z, with X, with Y, or with none of them. Two ops
that commute with the same letter on every qubit that they share commute. So the ops on a qubit fall
into runs of one letter each, and only the order of the runs matters.
"""

from collections.abc import Sequence

from qjax.plan.op import Op


class Frontier:
    """The ops that were not run yet, and which of them are ready.

    Attributes:
        ready: Ops that may run now, as keys of a dictionary, which keeps their order.
        runs: runs[i] holds the runs that op i is in.
        members: members[r] holds the ops of run r.
        after: after[r] is the next run on the same qubit, or -1.
        left: left[r] counts the ops of run r that did not run yet.
        waits: waits[i] counts the qubits on which op i waits for an earlier run.
    """

    def __init__(self, num_qubits: int, ops: Sequence[Op]) -> None:
        self.runs: list[list[int]] = []
        self.members: list[list[int]] = []
        self.after: list[int] = []
        last: list[tuple[int, str]] = [(-1, "")] * num_qubits
        for index, op in enumerate(ops):
            own = []
            for qubit in op.controls + op.targets:
                letter = op.axis(qubit)
                if letter == "I":
                    continue
                run, previous = last[qubit]
                if run < 0 or not letter or letter != previous:
                    new = len(self.members)
                    self.members.append([])
                    self.after.append(-1)
                    if run >= 0:
                        self.after[run] = new
                    last[qubit] = new, letter
                    run = new
                self.members[run].append(index)
                own.append(run)
            self.runs.append(own)
        self.waits = [0] * len(ops)
        for run in self.after:
            if run >= 0:
                for member in self.members[run]:
                    self.waits[member] += 1
        self.left = [len(group) for group in self.members]
        self.ready = {i: None for i, waits in enumerate(self.waits) if not waits}

    def before(self) -> list[int]:
        """before[r] is the run before run r on the same qubit, or -1."""
        before = [-1] * len(self.after)
        for run, after in enumerate(self.after):
            if after >= 0:
                before[after] = run
        return before

    def copy(self) -> "Frontier":
        """A frontier that runs on its own from here; what never changes is shared."""
        new = object.__new__(Frontier)
        new.runs, new.members, new.after = self.runs, self.members, self.after
        new.left, new.waits, new.ready = self.left[:], self.waits[:], self.ready.copy()
        return new

    def run(self, index: int) -> list[int]:
        """Run a ready op; gives the ops that become ready by it."""
        del self.ready[index]
        found = []
        for run in self.runs[index]:
            self.left[run] -= 1
            if not self.left[run]:
                after = self.after[run]
                if after >= 0:
                    for member in self.members[after]:
                        self.waits[member] -= 1
                        if not self.waits[member]:
                            self.ready[member] = None
                            found.append(member)
        return found

    def undo(self, done: Sequence[int]) -> None:
        """Take back the ops that ran last, given in the order in which they ran."""
        for index in reversed(done):
            for run in self.runs[index]:
                if not self.left[run]:
                    after = self.after[run]
                    if after >= 0:
                        for member in self.members[after]:
                            if not self.waits[member]:
                                del self.ready[member]
                            self.waits[member] += 1
                self.left[run] += 1
            self.ready[index] = None
