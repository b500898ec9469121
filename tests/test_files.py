"""What is saved is read back equal; what is damaged is refused."""

import json

import jax
import numpy as np
import pytest
from hypothesis import given
from strategies import random_circuit, random_template, random_unitary, seeds

import qjax as qj


@pytest.fixture
def file(tmp_path):
    return tmp_path / "saved.json"


@given(seed=seeds)
def test_circuits_are_read_back_equal(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    file = tmp_path_factory.mktemp("files") / "circuit.json"
    for circuit in (random_circuit(5, 30, rng), random_template(3, 20, 4, rng)):
        circuit.barrier([0, 1]).measure([0, 2], [1, 0])
        qj.save(circuit, file)
        again = qj.load(file)
        assert again == circuit
        assert again.structure == circuit.structure
        assert again.parameters == circuit.parameters


def test_large_arrays_lie_beside(file, rng):
    circuit = qj.Circuit(5).unitary(random_unitary(32, rng), range(5)).h(0)
    qj.save(circuit, file)
    assert file.with_name("saved.json.npz").exists()
    assert qj.load(file) == circuit
    qj.save(qj.Circuit(1), file)
    assert not file.with_name("saved.json.npz").exists()


def test_observables_are_read_back_equal(file, rng):
    matrix = random_unitary(4, rng)
    for observable in (
        qj.PauliSum({"Z0 Z1": -1.0, "X0": 0.1, "": 1 / 3}, num_qubits=4),
        qj.PauliSum({"X0": 1j}),
        qj.Projector("0101"),
        qj.Projector(random_unitary(4, rng)[0], [2, 0]),
        qj.Diagonal(rng.normal(size=512)),
        qj.Hermitian(matrix + matrix.conj().T, [1, 3]),
    ):
        qj.save(observable, file)
        assert qj.load(file) == observable


def test_parameters_keep_every_bit_and_their_shape(file, rng):
    params = {
        "theta": rng.normal(size=(3, 4)).astype(np.float32),
        "pair": (1.0 / 3, [2, True]),
        "big": rng.normal(size=1000),
        "jax": jax.numpy.arange(3.0),
        "odd": np.array([np.nan, np.inf, -0.0]),
    }
    qj.save(params, file)
    again = qj.load(file)
    assert again["theta"].dtype == np.float32
    for key in ("theta", "big", "jax", "odd"):
        assert np.asarray(params[key]).tobytes() == again[key].tobytes()
    assert again["pair"] == (1.0 / 3, [2, True])


def test_bad_files_are_refused(file, rng):
    qj.save(qj.Circuit(2).rx(0.5, 0).unitary(random_unitary(4, rng), [0, 1]), file)
    text = file.read_text()
    for damaged, message in (
        (text[: len(text) // 2], "damaged"),
        (text.replace("0.5", "0.6"), "digest does not fit"),
        (text.replace('"version":1', '"version":99'), "version 1, but is of version 99"),
        ("[1, 2]", "must be a file that qjax.save wrote"),
        ("", "damaged"),
    ):
        file.write_text(damaged)
        with pytest.raises(qj.QjaxError, match=message):
            qj.load(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(qj.QjaxError, match="damaged"):
        qj.load(file)
    with pytest.raises(qj.QjaxError, match="there is no file"):
        qj.load(file.with_name("other.json"))


def test_a_damaged_or_missing_array_file_is_refused(file, rng):
    beside = file.with_name("saved.json.npz")
    qj.save(rng.normal(size=1000), file)
    data = bytearray(beside.read_bytes())
    data[len(data) // 2] ^= 1
    beside.write_bytes(bytes(data))
    with pytest.raises(qj.QjaxError, match="damaged"):
        qj.load(file)
    beside.unlink()
    with pytest.raises(qj.QjaxError, match="missing"):
        qj.load(file)


def test_what_cannot_be_saved_is_refused(file):
    step = ("mine", (), (0,))
    own = qj.Gate("mine", 1, (), "mine", "here", lambda xp=np: np.eye(2), lambda: step)
    for value, message in (
        (qj.Circuit(1).append(own, 0), "'mine' is a gate of your own"),
        (object(), "found object"),
        ({1: 2}, "keys must be text"),
        (np.array(["a"]), "must hold numbers"),
    ):
        with pytest.raises(qj.QjaxError, match=message):
            qj.save(value, file)
        assert not file.exists()
    with pytest.raises(qj.QjaxError, match="traced"):
        jax.jit(lambda x: qj.save(qj.Circuit(1).rx(x, 0), file))(0.1)


def test_an_unknown_gate_is_refused(file):
    import hashlib

    qj.save(qj.Circuit(1).h(0), file)
    document = json.loads(file.read_text())
    document["data"]["instructions"][0]["name"] = "warp"
    body = json.dumps(document["data"], ensure_ascii=False, separators=(",", ":")).encode()
    document["sha256"] = hashlib.sha256(body).hexdigest()
    file.write_text(json.dumps(document))
    with pytest.raises(qj.QjaxError, match="unknown gate 'warp'"):
        qj.load(file)


def test_a_file_needs_a_folder_and_a_place(tmp_path):
    circuit = qj.Circuit(1).h(0)
    with pytest.raises(FileNotFoundError, match=r"none/a\.json: the folder to write to must exist"):
        qj.save(circuit, tmp_path / "none" / "a.json")
    with pytest.raises(IsADirectoryError, match="must be a file, but is a folder"):
        qj.save(circuit, tmp_path)
    with pytest.raises(qj.QjaxError, match="there is no file"):
        qj.load(tmp_path)
