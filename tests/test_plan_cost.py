"""What a run over many devices is told to take: counts that follow from the circuit, and errors."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

import qjax as qj
from qjax.errors import CircuitError, EngineError
from qjax.profiles import PROFILES, Link

GIB = 2**30


def layer(n):
    return qj.Circuit(n).h(range(n))


def test_counts_of_a_layer_of_hadamards():
    """The top 3 qubits come once, in one exchange of 7/8 of the state."""
    cost = qj.plan_cost(layer(34), 8, device="h100")
    assert cost.memory == 2 * 16 * GIB
    assert cost.exchanges == 1
    assert cost.bytes_per_device == cost.least == 14 * GIB
    assert cost.gate_by_gate == 3 * 16 * GIB  # half of the state there and back, for each
    assert cost.total_bytes == 8 * 14 * GIB
    assert cost.fits
    assert cost.seconds == pytest.approx(
        cost.exchange_seconds + cost.memory_seconds + cost.arithmetic_seconds + cost.call_seconds
    )


def test_an_exchange_within_a_node_takes_nvlink_and_others_what_is_between_nodes():
    h100 = replace(PROFILES["h100"], bandwidth=float("inf"))
    within = qj.plan_cost(layer(34), 8, device=h100)
    assert within.exchange_seconds == pytest.approx(14 * GIB / 370e9)
    beyond = qj.plan_cost(layer(35), 16, device=h100)
    expected = 7 * GIB / 370e9 + 8 * GIB / 46e9  # of 16 devices 7 are near, and 8 are not
    assert beyond.exchange_seconds == pytest.approx(expected)


def test_a_gradient_exchanges_two_states_more_and_holds_one_more():
    forward = qj.plan_cost(layer(34), 8, device="h200")
    gradient = qj.plan_cost(layer(34), 8, device="h200", gradient=True)
    assert gradient.bytes_per_device == 3 * forward.bytes_per_device
    assert gradient.memory == forward.memory + 16 * GIB
    assert gradient.seconds > 3 * forward.seconds


def test_natural_order_costs_an_exchange_more():
    circuit = layer(34).cx(list(range(33)), list(range(1, 34))).h(range(34))
    named, natural = (
        qj.plan_cost(circuit, 8, device="h100", restore=restore) for restore in (False, True)
    )
    assert natural.exchanges == named.exchanges + 1
    assert natural.bytes_per_device == named.bytes_per_device + 14 * GIB


def test_a_state_on_one_device_is_not_exchanged():
    cost = qj.plan_cost(layer(30), 1, device="h100")
    assert (cost.exchanges, cost.bytes_per_device, cost.least, cost.exchange_seconds) == (0,) * 4
    assert cost.memory == 8 * GIB


def test_a_batch_is_divided_over_groups_of_devices():
    mesh = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("batch", "qubits"))
    one, four = (qj.plan_cost(layer(20), mesh, device="h100", batch=batch) for batch in (1, 4))
    assert four.flops == 4 * one.flops
    assert four.memory == 4 * one.memory


def test_a_state_that_is_too_large_is_told():
    cost = qj.plan_cost(layer(40), 8, device="h100")
    assert not cost.fits
    assert "does not fit" in str(cost)


def test_the_table_tells_what_is_exchanged():
    text = str(qj.plan_cost(layer(40), 1024, device="h100", gradient=True))
    for words in ("1,024 share a state: h100", "value and gradient", "per device", "at least"):
        assert words in text


def test_other_links_are_a_profile_with_others():
    fast = replace(PROFILES["h100"], name="fast", links=(Link(None, 1e15),))
    slow = qj.plan_cost(layer(40), 1024, device="h100")
    assert qj.plan_cost(layer(40), 1024, device=fast).exchange_seconds < slow.exchange_seconds / 10


def test_devices_at_hand_are_measured(dtype):
    mesh = qj.device_mesh(qubits=1)
    profile = qj.measure_devices(mesh, dtype=dtype)
    known = profile.single if dtype == np.complex64 else profile.double
    assert known is not None
    assert min(profile.bandwidth, known.flops, known.passes, known.backward_passes) > 0
    assert qj.plan_cost(layer(20), mesh, dtype=dtype, device=profile).seconds > 0


def test_errors():
    with pytest.raises(CircuitError, match="must be a Circuit"):
        qj.plan_cost("h", 8, device="h100")  # pyright: ignore[reportArgumentType]
    with pytest.raises(EngineError, match=r'one of "h100", "h200"'):
        qj.plan_cost(layer(4), 2, device="h300")
    with pytest.raises(EngineError, match="device must be"):
        qj.plan_cost(layer(4), 2)
    with pytest.raises(EngineError, match="power of two"):
        qj.plan_cost(layer(4), 3, device="h100")
    with pytest.raises(EngineError, match="Use at most 8 devices"):
        qj.plan_cost(layer(4), 16, device="h100")
    with pytest.raises(EngineError, match="must know the kernels in complex64"):
        qj.plan_cost(layer(4), 2, device=replace(PROFILES["h100"], single=None))
