"""The benchmark of the CUDA engine, where there is no GPU: its stages run, small, on the CPU."""

import json

import numpy as np
import oracle
import pytest

from bench import gpu as bench
from bench import workloads
from bench.peers.custatevec import fused, widened
from qjax.engine import gpu


@pytest.mark.skipif(gpu.missing() is None, reason="there is a GPU")
def test_without_a_gpu_it_says_so(capsys):
    assert bench.main(["--stages", "forward"]) == 2
    assert "needs an NVIDIA GPU" in capsys.readouterr().err


@pytest.fixture
def x64():
    """The benchmark switches to 64-bit numbers; here they are on."""
    import jax

    before = jax.config.jax_enable_x64
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.mark.slow
def test_a_dry_run_writes_a_line_for_each_stage(tmp_path, x64, capsys):
    out = tmp_path / "lines.jsonl"
    assert bench.main(["--dry-run", "--out", str(out)]) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["what"] for line in lines] == [
        f"gpu {stage}" for stage in bench.STAGES if stage not in ("tests", "sanitize")
    ]
    rows = {line["what"][4:]: line["rows"] for line in lines}
    assert all("failed" not in row for found in rows.values() for row in found)
    assert all(row["good"] for row in (*rows["check"], *rows["large"]))
    assert all(line["device"] == "cpu (dry run)" for line in lines)


def test_a_stage_that_fails_does_not_stop_the_others(tmp_path, x64, monkeypatch, capsys):
    def failing(sizes, clock):
        raise RuntimeError("no")

    stages = {"limits": failing, "large": bench.large_stage, "batch": bench.batch_stage}
    monkeypatch.setattr(bench, "STAGES", stages)
    out = tmp_path / "lines.jsonl"
    assert bench.main(["--dry-run", "--stages", "limits,large", "--out", str(out)]) == 1
    first, second = [json.loads(line)["rows"] for line in out.read_text().splitlines()]
    assert first == [{"failed": "RuntimeError: no"}]
    assert second[0]["good"]
    out.unlink()
    bench.main(["--dry-run", "--stages", "batch", "--seconds", "0", "--out", str(out)])
    assert json.loads(out.read_text())["rows"] == [{"skipped": "no time left"}]


@pytest.mark.parametrize("most", [1, 2, 3, 5])
@pytest.mark.parametrize("build", [workloads.ansatz, workloads.random_grid, workloads.qaoa])
def test_matrices_for_custatevec_are_the_circuit(build, most):
    workload = build(6, 2)
    blocks = fused(workload.bound(), most)
    assert max(len(qubits) for _, qubits in blocks) <= max(most, 2)
    assert most == 1 or len(blocks) < len(workload.steps)
    state = np.eye(1, 2**6, dtype=complex)[0]
    for matrix, qubits in blocks:
        state = widened(matrix, qubits, tuple(range(6))) @ state
    circuit = workload.circuit()
    bound = circuit.bind(workload.values) if workload.values.size else circuit
    assert np.max(np.abs(state - oracle.statevector(bound))) < 1e-12
