"""Ground states of chains that need no circuit: closed forms, and mean fields."""

import numpy as np

from qjax.library.lattices import chain


def ising_ring_energy(spins: int, field: float) -> float:
    """The lowest energy of H = - sum Z_a Z_(a+1) - h sum X_a on a ring of an even number of spins.

    Free fermions with the momenta k = pi / n, 3 pi / n, ...: minus the sum of
    sqrt(1 + h^2 - 2 h cos k). At h = 1 it is -2 / sin(pi / (2 n)).

    References:
        P. Pfeuty, The one-dimensional Ising model with a transverse field, Ann. Phys. 57, 79
        (1970).

    Examples:
        >>> round(ising_ring_energy(4, 1.0), 6)
        -5.226252
    """
    k = np.pi * (2 * np.arange(spins) + 1) / spins
    return -float(np.sqrt(1 + field**2 - 2 * field * np.cos(k)).sum())


def ising_mean_field(spins: int, field: float) -> float:
    """The lowest energy of a product state of equal spins on the ring.

    With <X> = s it is -n (1 - s^2 + h s), least at s = h / 2, or at s = 1 for strong fields.
    """
    s = min(field / 2, 1.0)
    return -spins * (1 - s**2 + field * s)


def hubbard_dimer_energy(interaction: float) -> float:
    """Two sites and two electrons: U / 2 - sqrt(U^2 / 4 + 4 t^2), in units of t.

    Examples:
        >>> round(hubbard_dimer_energy(4.0), 6)
        -0.828427
    """
    return interaction / 2 - float(np.sqrt(interaction**2 / 4 + 4))


def lieb_wu_energy(interaction: float) -> float:
    """Energy per site of the infinite half-filled Hubbard chain, in units of t.

    It is -4 times the integral over x > 0 of J_0(x) J_1(x) / (x (1 + exp(U x / 2))).

    References:
        E. H. Lieb, F. Y. Wu, Absence of Mott transition in an exact solution of the short-range,
        one-band model in one dimension, Phys. Rev. Lett. 20, 1445 (1968).

    Examples:
        >>> round(lieb_wu_energy(4.0), 6)
        -0.573729
    """
    from scipy.integrate import quad
    from scipy.special import j0, j1

    def integrand(x: float) -> float:
        return j0(x) * j1(x) / x * np.exp(-interaction * x / 2) / (1 + np.exp(-interaction * x / 2))

    return -4 * float(quad(integrand, 0, np.inf, limit=200)[0])


def hubbard_mean_field(sites: int, interaction: float, rounds: int = 2000) -> float:
    """The unrestricted Hartree-Fock energy of an open half-filled chain, in units of t.

    Each spin moves in the mean density of the other; iterated from alternating spins.
    """
    hops = np.zeros((sites, sites))
    for a, b in chain(sites):
        hops[a, b] = hops[b, a] = -1.0
    tilt = 0.4 * (-1.0) ** np.arange(sites)
    up, down = 0.5 + tilt, 0.5 - tilt
    now = before = np.inf
    for _ in range(rounds):
        density = []
        levels = 0.0
        for other in (down, up):
            energies, orbitals = np.linalg.eigh(hops + interaction * np.diag(other))
            levels += energies[: sites // 2].sum()
            density.append((orbitals[:, : sites // 2] ** 2).sum(axis=1))
        now = levels - interaction * float(up @ down)  # exact once the densities agree
        if abs(now - before) < 1e-12:
            break
        before = now
        up, down = 0.5 * (up + density[0]), 0.5 * (down + density[1])
    return float(now)
