"""Hamiltonians of spins and of electrons on lattices.

A lattice is a sequence of edges: (a, b), or (a, b, weight), where the weight multiplies what the
edge contributes. `qjax.library.lattices` makes chains, rings and grids. Couplings are numbers, and
may be traced: the strings then stay static, and the coefficients can be differentiated.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from qjax.errors import ObservableError
from qjax.library.fermions import FermionSum, to_qubits
from qjax.library.lattices import Graph, as_graph
from qjax.observables import PauliSum


def transverse_field_ising(
    graph: Any,
    *,
    coupling: Any = 1.0,
    field: Any = 1.0,
    longitudinal: Any = 0.0,
    num_qubits: int | None = None,
) -> PauliSum:
    r"""The Ising model in a transverse field.

        H = -J sum_ab w_ab Z_a Z_b - h sum_a X_a - g sum_a Z_a

    Args:
        graph: Edges; see `qjax.library.lattices.as_graph`.
        coupling: J; positive is ferromagnetic.
        field: h.
        longitudinal: g; left out if it is 0.
        num_qubits: By default the lowest that holds every edge.

    Returns:
        A sum on one qubit per site.

    Raises:
        ObservableError: If an edge does not fit.

    Examples:
        >>> from qjax.library.lattices import chain
        >>> transverse_field_ising(chain(3), field=0.5)
        PauliSum('-Z0 Z1 - Z1 Z2 - 0.5 * X0 - 0.5 * X1 - 0.5 * X2', num_qubits=3)

    References:
        P. Pfeuty, The one-dimensional Ising model with a transverse field, Ann. Phys. 57, 79
        (1970).
    """
    sites = as_graph(graph, "transverse_field_ising", num_qubits)
    return _total(sites, {"ZZ": _minus(coupling)}, {"X": _minus(field), "Z": _minus(longitudinal)})


def heisenberg(
    graph: Any, *, coupling: Any = 1.0, field: Any = 0.0, num_qubits: int | None = None
) -> PauliSum:
    r"""The Heisenberg model, with Pauli matrices (spins are half of them).

        H = J sum_ab w_ab (X_a X_b + Y_a Y_b + Z_a Z_b) + h sum_a Z_a

    Args:
        graph: Edges; see `qjax.library.lattices.as_graph`.
        coupling: J; positive is antiferromagnetic.
        field: h; left out if it is 0.
        num_qubits: By default the lowest that holds every edge.

    Returns:
        A sum on one qubit per site.

    Raises:
        ObservableError: If an edge does not fit.

    Examples:
        >>> heisenberg([(0, 1)]).ground_state()[0]
        array([-3.])
    """
    sites = as_graph(graph, "heisenberg", num_qubits)
    return _total(sites, dict.fromkeys(("XX", "YY", "ZZ"), coupling), {"Z": field})


def xxz(
    graph: Any,
    *,
    coupling: Any = 1.0,
    anisotropy: Any = 1.0,
    field: Any = 0.0,
    num_qubits: int | None = None,
) -> PauliSum:
    r"""The XXZ model, with Pauli matrices.

        H = J sum_ab w_ab (X_a X_b + Y_a Y_b + D Z_a Z_b) + h sum_a Z_a

    Args:
        graph: Edges; see `qjax.library.lattices.as_graph`.
        coupling: J.
        anisotropy: D; 1 is the Heisenberg model.
        field: h; left out if it is 0.
        num_qubits: By default the lowest that holds every edge.

    Returns:
        A sum on one qubit per site.

    Raises:
        ObservableError: If an edge does not fit.

    Examples:
        >>> xxz([(0, 1)], anisotropy=0.5)
        PauliSum('X0 X1 + Y0 Y1 + 0.5 * Z0 Z1', num_qubits=2)
    """
    sites = as_graph(graph, "xxz", num_qubits)
    pairs = {"XX": coupling, "YY": coupling, "ZZ": coupling * anisotropy}
    return _total(sites, pairs, {"Z": field})


def xy(
    graph: Any,
    *,
    coupling: Any = 1.0,
    anisotropy: Any = 0.0,
    field: Any = 0.0,
    num_qubits: int | None = None,
) -> PauliSum:
    r"""The XY model, with Pauli matrices.

        H = J/2 sum_ab w_ab ((1 + g) X_a X_b + (1 - g) Y_a Y_b) + h sum_a Z_a

    Args:
        graph: Edges; see `qjax.library.lattices.as_graph`.
        coupling: J.
        anisotropy: g; 0 is isotropic, 1 the Ising model.
        field: h; left out if it is 0.
        num_qubits: By default the lowest that holds every edge.

    Returns:
        A sum on one qubit per site.

    Raises:
        ObservableError: If an edge does not fit.

    Examples:
        >>> xy([(0, 1)])
        PauliSum('0.5 * X0 X1 + 0.5 * Y0 Y1', num_qubits=2)

    References:
        E. Lieb, T. Schultz, D. Mattis, Two soluble models of an antiferromagnetic chain, Ann. Phys.
        16, 407 (1961).
    """
    sites = as_graph(graph, "xy", num_qubits)
    half = 0.5 * coupling
    pairs = {"XX": half * (1 + anisotropy), "YY": half * (1 - anisotropy)}
    return _total(sites, pairs, {"Z": field})


def fermi_hubbard(
    graph: Any,
    *,
    tunneling: Any = 1.0,
    interaction: Any = 4.0,
    chemical_potential: Any = 0.0,
    mapping: str = "jordan-wigner",
    num_sites: int | None = None,
) -> PauliSum:
    r"""The Fermi-Hubbard model.

        H = -t sum_ab,s w_ab (a+_as a_bs + a+_bs a_as) + U sum_a n_a,up n_a,down - mu sum_as n_as

    Args:
        graph: Edges between sites; see `qjax.library.lattices.as_graph`.
        tunneling: t.
        interaction: U.
        chemical_potential: mu; left out if it is 0.
        mapping: "jordan-wigner", "parity" or "bravyi-kitaev".
        num_sites: By default the lowest that holds every edge.

    Returns:
        A sum on two qubits per site: mode 2 a is site a with spin up, 2 a + 1 with spin down.
        Strings whose coefficient is known to be 0 are left out.

    Raises:
        ObservableError: If an edge does not fit, or there is no such map.

    Examples:
        >>> dimer = fermi_hubbard([(0, 1)], chemical_potential=2.0)  # half filled
        >>> dimer.ground_state()[0] + 2 * 2.0  # U/2 - sqrt(U^2/4 + 4 t^2)
        array([-0.8284])

    References:
        J. Hubbard, Electron correlations in narrow energy bands, Proc. R. Soc. A 276, 238 (1963).
    """
    sites = as_graph(graph, "fermi_hubbard", num_sites)
    modes = 2 * sites.num_vertices
    spin_orbitals = [(2 * site + s) for site in range(sites.num_vertices) for s in (0, 1)]
    on_qubits = lambda terms: to_qubits(FermionSum(terms, num_modes=modes), mapping)
    total = PauliSum({}, num_qubits=modes)
    for (a, b), weight in zip(sites.edges, sites.weights, strict=True):
        pairs = [(2 * a + s, 2 * b + s) for s in (0, 1)]
        hops = on_qubits({f"{i}^ {j}": 1.0 for p, q in pairs for i, j in ((p, q), (q, p))})
        if not (_is_zero(tunneling) or _is_zero(weight)):
            total = total + hops * (_minus(tunneling) * weight)
    doubles = {f"{2 * a}^ {2 * a} {2 * a + 1}^ {2 * a + 1}": 1.0 for a in range(modes // 2)}
    meetings = on_qubits(doubles)
    if not _is_zero(interaction):
        total = total + meetings * interaction
    if not _is_zero(chemical_potential):
        occupied = on_qubits({f"{mode}^ {mode}": 1.0 for mode in spin_orbitals})
        total = total + occupied * _minus(chemical_potential)
    return total.simplify()  # where mu = U / 2 the strings of one Z cancel


def _total(graph: Graph, pairs: Mapping[str, Any], singles: Mapping[str, Any]) -> PauliSum:
    """Letters on every edge and on every site, without those whose number is known to be 0."""
    n = graph.num_vertices
    total = PauliSum({}, num_qubits=n)
    for letters, number in pairs.items():
        if graph.edges and not _is_zero(number):
            p, q = letters
            strings = [(f"{p}{a} {q}{b}", w) for (a, b), w in zip(graph.edges, graph.weights,
                                                                   strict=True)]  # fmt: skip
            total = total + PauliSum(strings, num_qubits=n) * number
    for letter, number in singles.items():
        if not _is_zero(number):
            strings = [(f"{letter}{a}", 1.0) for a in range(n)]
            total = total + PauliSum(strings, num_qubits=n) * number
    return total


def _is_zero(number: Any) -> bool:
    return isinstance(number, (int, float, np.number)) and number == 0


def _minus(number: Any) -> Any:
    """The negative; a bool or text gets the message of numbers, not Python's."""
    try:
        return -number
    except TypeError:
        raise ObservableError(f"A coupling must be a number, but is {number!r}.") from None
