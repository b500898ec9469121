"""Builder methods, one per row of the gate table. Written by `qjax.circuit._generate`."""

from typing import Any, Self

from qjax.circuit._place import Angles, Qubits
from qjax.gates import GATES, Gate


class Builders:
    """The methods that append a gate; `Circuit` adds the rest."""

    def _gate(
        self,
        gate: Gate,
        params: tuple[Any, ...],
        places: tuple[Any, ...],
        controls: Any,
        control_values: Any,
    ) -> Self:
        raise AttributeError("Builders is a part of Circuit.")

    def gphase(
        self, gamma: Angles, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `gphase`: exp(i gamma).

        Source: OpenQASM 3, gphase.
        """
        gate = GATES["gphase"]
        return self._gate(gate, (gamma,), (), controls, control_values)

    def id(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `id`: identity.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["id"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def i(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `i`: identity; another name of `id`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["id"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def x(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `x`: Pauli X.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["x"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def y(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `y`: Pauli Y.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["y"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def z(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `z`: Pauli Z.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["z"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def h(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `h`: Hadamard, (X + Z) / sqrt 2.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["h"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def s(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `s`: diag(1, i).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["s"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def sdg(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `sdg`: diag(1, -i).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["sdg"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def t(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `t`: diag(1, exp(i pi/4)).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["t"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def tdg(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `tdg`: diag(1, exp(-i pi/4)).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["tdg"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def sx(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `sx`: square root of X, H S H.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["sx"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def v(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `v`: square root of X, H S H; another name of `sx`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["sx"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def sxdg(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `sxdg`: inverse of sx, H Sdg H.

        Source: Qiskit, SXdgGate.
        """
        gate = GATES["sxdg"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def vdg(
        self, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `vdg`: inverse of sx, H Sdg H; another name of `sxdg`.

        Source: Qiskit, SXdgGate.
        """
        gate = GATES["sxdg"]
        return self._gate(gate, (), (qubit,), controls, control_values)

    def rx(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `rx`: exp(-i theta X / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["rx"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def ry(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ry`: exp(-i theta Y / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["ry"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def rz(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `rz`: exp(-i theta Z / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["rz"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def p(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `p`: diag(1, exp(i theta)).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["p"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def phase(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `phase`: diag(1, exp(i theta)); another name of `p`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["p"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def u1(
        self, theta: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `u1`: diag(1, exp(i theta)); another name of `p`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["p"]
        return self._gate(gate, (theta,), (qubit,), controls, control_values)

    def u(
        self, theta: Angles, phi: Angles, lam: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `u`: P(phi) RY(theta) P(lam).

        Source: Qiskit, UGate.
        """
        gate = GATES["u"]
        return self._gate(gate, (theta, phi, lam), (qubit,), controls, control_values)

    def u2(
        self, phi: Angles, lam: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `u2`: RZ(phi) RY(pi/2) RZ(lam).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["u2"]
        return self._gate(gate, (phi, lam), (qubit,), controls, control_values)

    def u3(
        self, theta: Angles, phi: Angles, lam: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `u3`: RZ(phi) RY(theta) RZ(lam).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["u3"]
        return self._gate(gate, (theta, phi, lam), (qubit,), controls, control_values)

    def phased_u(
        self, theta: Angles, phi: Angles, lam: Angles, gamma: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `phased_u`: exp(i gamma) P(phi) RY(theta) P(lam).

        Source: the gate that stdgates.inc's cu controls.
        """
        gate = GATES["phased_u"]
        return self._gate(gate, (theta, phi, lam, gamma), (qubit,), controls, control_values)

    def prx(
        self, theta: Angles, phi: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `prx`: exp(-i theta (cos phi X + sin phi Y) / 2).

        Source: Amazon Braket, PRx; Qiskit, RGate.
        """
        gate = GATES["prx"]
        return self._gate(gate, (theta, phi), (qubit,), controls, control_values)

    def r(
        self, theta: Angles, phi: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `r`: exp(-i theta (cos phi X + sin phi Y) / 2); another name of `prx`.

        Source: Amazon Braket, PRx; Qiskit, RGate.
        """
        gate = GATES["prx"]
        return self._gate(gate, (theta, phi), (qubit,), controls, control_values)

    def gpi(
        self, phi: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `gpi`: cos phi X + sin phi Y, phi in radians.

        Source: IonQ native gates, GPi (there in turns); Amazon Braket, GPi.
        """
        gate = GATES["gpi"]
        return self._gate(gate, (phi,), (qubit,), controls, control_values)

    def gpi2(
        self, phi: Angles, qubit: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `gpi2`: exp(-i pi (cos phi X + sin phi Y) / 4), phi in radians.

        Source: IonQ native gates, GPi2 (there in turns); Amazon Braket, GPi2.
        """
        gate = GATES["gpi2"]
        return self._gate(gate, (phi,), (qubit,), controls, control_values)

    def swap(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `swap`: exchanges the two qubits.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["swap"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def iswap(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `iswap`: exp(i pi (XX + YY) / 4).

        Source: Qiskit, iSwapGate.
        """
        gate = GATES["iswap"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def iswapdg(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `iswapdg`: exp(-i pi (XX + YY) / 4).

        Source: inverse of iswap.
        """
        gate = GATES["iswapdg"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def sqrt_iswap(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `sqrt_iswap`: exp(i pi (XX + YY) / 8).

        Source: Cirq, SQRT_ISWAP.
        """
        gate = GATES["sqrt_iswap"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def siswap(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `siswap`: exp(i pi (XX + YY) / 8); another name of `sqrt_iswap`.

        Source: Cirq, SQRT_ISWAP.
        """
        gate = GATES["sqrt_iswap"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def sqrt_iswapdg(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `sqrt_iswapdg`: exp(-i pi (XX + YY) / 8).

        Source: Cirq, SQRT_ISWAP_INV.
        """
        gate = GATES["sqrt_iswapdg"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def siswapdg(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `siswapdg`: exp(-i pi (XX + YY) / 8); another name of `sqrt_iswapdg`.

        Source: Cirq, SQRT_ISWAP_INV.
        """
        gate = GATES["sqrt_iswapdg"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def ecr(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ecr`: echoed cross-resonance, RZX(-pi/4) X0 RZX(pi/4).

        Source: Qiskit, ECRGate.
        """
        gate = GATES["ecr"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def dcx(
        self, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `dcx`: CX(0, 1) then CX(1, 0).

        Source: Qiskit, DCXGate.
        """
        gate = GATES["dcx"]
        return self._gate(gate, (), (qubit0, qubit1), controls, control_values)

    def rxx(
        self, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `rxx`: exp(-i theta XX / 2).

        Source: Qiskit, RXXGate.
        """
        gate = GATES["rxx"]
        return self._gate(gate, (theta,), (qubit0, qubit1), controls, control_values)

    def ryy(
        self, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ryy`: exp(-i theta YY / 2).

        Source: Qiskit, RYYGate.
        """
        gate = GATES["ryy"]
        return self._gate(gate, (theta,), (qubit0, qubit1), controls, control_values)

    def rzz(
        self, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `rzz`: exp(-i theta ZZ / 2).

        Source: Qiskit, RZZGate.
        """
        gate = GATES["rzz"]
        return self._gate(gate, (theta,), (qubit0, qubit1), controls, control_values)

    def rzx(
        self, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `rzx`: exp(-i theta Z0 X1 / 2).

        Source: Qiskit, RZXGate.
        """
        gate = GATES["rzx"]
        return self._gate(gate, (theta,), (qubit0, qubit1), controls, control_values)

    def xx_plus_yy(
        self, theta: Angles, beta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `xx_plus_yy`: RZ0(-beta) exp(-i theta (XX + YY) / 4) RZ0(beta).

        Source: Qiskit, XXPlusYYGate.
        """
        gate = GATES["xx_plus_yy"]
        return self._gate(gate, (theta, beta), (qubit0, qubit1), controls, control_values)

    def xx_minus_yy(
        self, theta: Angles, beta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `xx_minus_yy`: RZ1(beta) exp(-i theta (XX - YY) / 4) RZ1(-beta).

        Source: Qiskit, XXMinusYYGate.
        """
        gate = GATES["xx_minus_yy"]
        return self._gate(gate, (theta, beta), (qubit0, qubit1), controls, control_values)

    def fsim(
        self, theta: Angles, phi: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `fsim`: exp(-i theta (XX + YY) / 2) CP(-phi).

        Source: Cirq, FSimGate.
        """
        gate = GATES["fsim"]
        return self._gate(gate, (theta, phi), (qubit0, qubit1), controls, control_values)

    def givens(
        self, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `givens`: exp(i theta (X0 Y1 - Y0 X1) / 2).

        Source: Cirq, givens.
        """
        gate = GATES["givens"]
        return self._gate(gate, (theta,), (qubit0, qubit1), controls, control_values)

    def ms(
        self, phi0: Angles, phi1: Angles, theta: Angles, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ms`: exp(-i theta GPi(phi0) GPi(phi1) / 2), angles in radians.

        Source: IonQ native gates, MS (there in turns); Amazon Braket, MS.
        """
        gate = GATES["ms"]
        return self._gate(gate, (phi0, phi1, theta), (qubit0, qubit1), controls, control_values)

    def cx(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cx`: x with 1 control: Pauli X.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cx"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def CX(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `CX`: x with 1 control: Pauli X; another name of `cx`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cx"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def cnot(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cnot`: x with 1 control: Pauli X; another name of `cx`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cx"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def cy(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cy`: y with 1 control: Pauli Y.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cy"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def cz(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cz`: z with 1 control: Pauli Z.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cz"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def ch(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ch`: h with 1 control: Hadamard, (X + Z) / sqrt 2.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["ch"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def cs(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cs`: s with 1 control: diag(1, i).

        Source: Qiskit, CSGate.
        """
        gate = GATES["cs"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def csdg(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `csdg`: sdg with 1 control: diag(1, -i).

        Source: Qiskit, CSdgGate.
        """
        gate = GATES["csdg"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def csx(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `csx`: sx with 1 control: square root of X, H S H.

        Source: Qiskit, CSXGate.
        """
        gate = GATES["csx"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def csxdg(
        self, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `csxdg`: sxdg with 1 control: inverse of sx, H Sdg H.

        Source: inverse of csx.
        """
        gate = GATES["csxdg"]
        return self._gate(gate, (), (control, target), controls, control_values)

    def cp(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cp`: p with 1 control: diag(1, exp(i theta)).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cp"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def cphase(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cphase`: p with 1 control: diag(1, exp(i theta)); another name of `cp`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cp"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def cu1(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cu1`: p with 1 control: diag(1, exp(i theta)); another name of `cp`.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cp"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def crx(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `crx`: rx with 1 control: exp(-i theta X / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["crx"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def cry(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cry`: ry with 1 control: exp(-i theta Y / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cry"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def crz(
        self, theta: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `crz`: rz with 1 control: exp(-i theta Z / 2).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["crz"]
        return self._gate(gate, (theta,), (control, target), controls, control_values)

    def cu(
        self, theta: Angles, phi: Angles, lam: Angles, gamma: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cu`: phased_u with 1 control: exp(i gamma) P(phi) RY(theta) P(lam).

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cu"]
        return self._gate(gate, (theta, phi, lam, gamma), (control, target), controls, control_values)

    def cu3(
        self, theta: Angles, phi: Angles, lam: Angles, control: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cu3`: u with 1 control: P(phi) RY(theta) P(lam).

        Source: Qiskit, CU3Gate.
        """
        gate = GATES["cu3"]
        return self._gate(gate, (theta, phi, lam), (control, target), controls, control_values)

    def cswap(
        self, control: Qubits, qubit0: Qubits, qubit1: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `cswap`: swap with 1 control: exchanges the two qubits.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["cswap"]
        return self._gate(gate, (), (control, qubit0, qubit1), controls, control_values)

    def ccx(
        self, control0: Qubits, control1: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ccx`: x with 2 controls: Pauli X.

        Source: OpenQASM 3, stdgates.inc.
        """
        gate = GATES["ccx"]
        return self._gate(gate, (), (control0, control1, target), controls, control_values)

    def ccz(
        self, control0: Qubits, control1: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `ccz`: z with 2 controls: Pauli Z.

        Source: Qiskit, CCZGate.
        """
        gate = GATES["ccz"]
        return self._gate(gate, (), (control0, control1, target), controls, control_values)

    def c3x(
        self, control0: Qubits, control1: Qubits, control2: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `c3x`: x with 3 controls: Pauli X.

        Source: Qiskit, C3XGate.
        """
        gate = GATES["c3x"]
        return self._gate(gate, (), (control0, control1, control2, target), controls, control_values)

    def c4x(
        self, control0: Qubits, control1: Qubits, control2: Qubits, control3: Qubits, target: Qubits, *, controls: Qubits = (), control_values: Any = None
    ) -> Self:
        """Append `c4x`: x with 4 controls: Pauli X.

        Source: Qiskit, C4XGate.
        """
        gate = GATES["c4x"]
        return self._gate(gate, (), (control0, control1, control2, control3, target), controls, control_values)
