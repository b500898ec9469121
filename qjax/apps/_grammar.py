"""Sentences about food or computers from a small grammar, and the circuits that they become."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit import Circuit, ParameterVector
from qjax.dynamic import branches

SUBJECTS = ("woman", "man", "student")
OF_SUBJECTS = ("skilful", "young")
SHARED_VERBS = ("prepares", "improves")
# Topic: verbs, adjectives and objects of its own.
TOPICS = {
    "food": (("cooks", "bakes"), ("tasty", "fresh"), ("meal", "soup", "sauce", "bread")),
    "computers": (("debugs", "runs"), ("useful", "fast"), ("program", "code", "server", "script")),
}
WIRES = {"N": 1, "A": 2, "V": 3}  # noun: n; adjective: n n^l; transitive verb: n^r s n^l


@dataclass(frozen=True)
class Sentence:
    """A sentence with its grammar.

    Attributes:
        words: Its words.
        types: A letter a word: N noun, A adjective, V transitive verb.
        topic: 1 for food, 0 for computers.
    """

    words: tuple[str, ...]
    types: str
    topic: int


def all_sentences(topic: str) -> list[Sentence]:
    """What the grammar says on a topic: [adjective] subject verb [adjective] object."""
    verbs, adjectives, objects = TOPICS[topic]
    phrases = lambda nouns, adjs: [
        (*before, noun) for noun in nouns for before in ((), *((a,) for a in adjs))
    ]
    found = []
    for subject, verb, thing in itertools.product(
        phrases(SUBJECTS, OF_SUBJECTS), SHARED_VERBS + verbs, phrases(objects, adjectives)
    ):
        types = "AN"[2 - len(subject) :] + "V" + "AN"[2 - len(thing) :]
        found.append(Sentence((*subject, verb, *thing), types, int(topic == "food")))
    return found


def drawn_sentences(count: int, rng: np.random.Generator) -> list[Sentence]:
    """Different sentences in random order, half of them on each topic."""
    half = [all_sentences(topic) for topic in TOPICS]
    chosen = [
        group[i]
        for group, size in zip(half, (count - count // 2, count // 2), strict=True)
        for i in rng.choice(len(group), size, replace=False)
    ]
    return [chosen[i] for i in rng.permutation(count)]


def angles_of(kind: str, layers: int) -> int:
    """How many angles the state of a word of this type has."""
    return 3 if kind == "N" else layers * (WIRES[kind] - 1)


@cache
def sentence_circuit(types: str, layers: int) -> tuple[Circuit, int]:
    r"""The circuit of a sentence with this grammar, and the qubit that holds its meaning.

    Every word is a state on the wires of its type: of a noun RX RZ RX |0>; of the others in every
    layer H on each wire and CRZ between neighbours. A cup joins a wire n with n^l or n^r: the Bell
    effect (<00| + <11|) / sqrt 2, which is CX, H and two outcomes 0. What is left is the wire s.

    Args:
        types: A letter a word.
        layers: Layers of the states of adjectives and verbs.

    Returns:
        The circuit, with parameters word0, word1, ..., whose measurements are all to give 0; and
        the qubit s.

    References:
        B. Coecke, M. Sadrzadeh and S. Clark, Mathematical foundations for a compositional
        distributional model of meaning, arXiv:1003.4394. R. Lorenz et al., QNLP in practice:
        running compositional models of meaning on a quantum computer, JAIR 76, 1305 (2023).
    """
    firsts = [0, *itertools.accumulate(WIRES[kind] for kind in types)]
    circuit = Circuit(firsts[-1])
    for place, (kind, first) in enumerate(zip(types, firsts, strict=False)):
        angles = ParameterVector(f"word{place}", angles_of(kind, layers))
        if kind == "N":
            circuit.rx(angles[0], first).rz(angles[1], first).rx(angles[2], first)
            continue
        wires, number = range(first, first + WIRES[kind]), iter(range(len(angles)))
        for _ in range(layers):
            circuit.h(wires)
            for one, other in itertools.pairwise(wires):
                circuit.crz(angles[next(number)], one, other)
    verb = types.index("V")
    pairs = [(firsts[a] + 1, firsts[a + 1]) for a, kind in enumerate(types) if kind == "A"]
    # The first wire of a phrase is its n, whether a noun or an adjective stands there.
    pairs += [(firsts[0], firsts[verb]), (firsts[verb] + 2, firsts[verb + 1])]
    for one, other in pairs:
        circuit.cx(one, other).h(one)
    joined = list(itertools.chain.from_iterable(pairs))
    circuit.measure(joined, range(len(joined)))
    return circuit, firsts[verb] + 1


def meanings(types: str, layers: int, angles: Sequence[jax.Array]) -> tuple[jax.Array, jax.Array]:
    """Probability that the cups succeed, and that the meaning then is 1, of sentences alike.

    Args:
        types: Their grammar.
        layers: As in `sentence_circuit`.
        angles: For each word an array of shape (sentences, angles).

    Returns:
        Two arrays of shape (sentences,).
    """
    circuit, wire = sentence_circuit(types, layers)
    given = dict.fromkeys(range(circuit.num_clbits), 0)

    def one(values: dict[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        found = branches(circuit, values, given=given)
        weights = jnp.abs(found.states[0].reshape(-1, 2, 2**wire)) ** 2
        return found.probabilities[0], jnp.sum(weights[:, 1])

    return jax.vmap(one)({f"word{place}": own for place, own in enumerate(angles)})
