"""The command line does what its help says."""

import json

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

import qjax as qj
from qjax import cli
from qjax.demo import run_demo
from qjax.engine.library import library, missing


@pytest.fixture
def bell(tmp_path):
    file = tmp_path / "bell.json"
    qj.save(qj.Circuit(2).h(0).cx(0, 1), file)
    return file


def invoke(*args):
    return CliRunner().invoke(cli.build(), [str(a) for a in args])


def test_info_shows_version_and_engines():
    result = invoke("info")
    assert result.exit_code == 0
    assert qj.__version__ in result.output
    assert "xla" in result.output
    facts = json.loads(invoke("info", "--json").output)
    assert facts["engine"] == ("cpu" if missing() is None else "xla")
    if missing() is None:
        assert library().isa in facts["library"]


def test_draw_prints_and_writes_pictures(bell, tmp_path):
    assert invoke("draw", bell).output.startswith("q0: ─H─●─")
    for name in ("bell.png", "bell.svg"):
        assert invoke("draw", bell, "--output", tmp_path / name).exit_code == 0
        assert (tmp_path / name).stat().st_size > 500


def test_run_prints_counts(bell, tmp_path):
    result = invoke("run", bell, "--shots", 100, "--json", "--plot", tmp_path / "bell.png")
    assert set(json.loads(result.output)) == {"00", "11"}
    assert (tmp_path / "bell.png").exists()
    assert "%" in invoke("run", bell).output


def test_a_python_file_that_defines_a_circuit_runs(tmp_path):
    file = tmp_path / "flip.py"
    file.write_text("import qjax as qj\ncircuit = qj.Circuit(1).x(0)\n")
    assert json.loads(invoke("run", file, "--json", "--shots", 5).output) == {"1": 5}


def test_a_circuit_with_parameters_runs_with_their_values(tmp_path):
    file, params = tmp_path / "turn.json", tmp_path / "params.json"
    qj.save(qj.Circuit(1).rx(qj.Parameter("theta"), 0), file)
    qj.save({"theta": np.pi}, params)
    result = invoke("run", file, "--params", params, "--json", "--shots", 5)
    assert json.loads(result.output) == {"1": 5}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("run", "params.json"), "must hold a Circuit"),
        (("run", "none.json"), "there is no file"),
        (("run", "none.py"), "There is no file"),
        (("run", "empty.py"), "must define a Circuit named `circuit`"),
        (("run", "turn.json"), "has open parameters: give their values"),
        (("draw", "turn.json", "--output", "turn.xyz"), "'turn.xyz' cannot be written"),
        (("draw", "turn.json", "--output", "none/turn.svg"), "cannot be written"),
        (("run", "bell.json", "--plot", "none/bell.png"), "cannot be written"),
        (("demo", "--output", "bell.json"), "The folder 'bell.json' cannot be made"),
    ],
)
def test_errors_are_one_line_without_a_traceback(
    args, message, bell, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.py").write_text("")
    qj.save([1.0], "params.json")
    qj.save(qj.Circuit(1).rx(qj.Parameter("theta"), 0), "turn.json")
    monkeypatch.setattr("sys.argv", ["qjax", *args])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("qjax: ") and error.count("\n") == 1
    assert message in error


def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "typer", None)
    with pytest.raises(SystemExit):
        cli.main()
    assert 'pip install "qjax[cli]"' in capsys.readouterr().err


def test_the_demo_reaches_the_exact_energy_and_writes_a_program_that_qiskit_reads(tmp_path):
    lines = []
    before = jax.config.read("jax_enable_x64")
    result = run_demo(tmp_path, progress=False, say=lines.append)
    assert jax.config.read("jax_enable_x64") == before
    exact = qj.library.load_molecule("h2").exact_energy
    assert -1e-12 < float(result.best_loss) - exact < 1e-6
    report = "\n".join(lines)
    assert "fidelity 1.000000000000" in report
    for name in ("training.png", "circuit.png", "counts.png", "trained.qasm"):
        assert (tmp_path / name).stat().st_size > 300
    assert np.asarray(result.history).shape == (result.steps,)


def test_a_file_in_openqasm_runs_is_drawn_and_converted(tmp_path):
    file, other = tmp_path / "bell.qasm", tmp_path / "bell3.qasm"
    file.write_text(qj.qasm.dumps(qj.Circuit(2).h(0).cx(0, 1).measure_all(), 2))
    result = invoke("run", file, "--shots", 100, "--seed", 1, "--observable", "Z0 Z1", "--json")
    facts = json.loads(result.output)
    assert set(facts["counts"]) == {"00", "11"}
    assert abs(facts["expectation"] - 1) < 1e-6
    assert "<Z0 Z1> = 1" in invoke("run", file, "--observable", "Z0 Z1").output
    assert invoke("draw", file).output.startswith("q0: ─H─●")
    assert invoke("convert", file, other, "--to", 3).exit_code == 0
    native = tmp_path / "native.qasm"
    assert invoke("convert", file, native, "--target", "ibm").exit_code == 0
    assert "cz q[0], q[1];" in native.read_text()
    assert other.read_text().startswith("OPENQASM 3.0;")
    assert qj.qasm.load(other) == qj.qasm.load(file)
    file.write_text("OPENQASM 2.0;\nqreg q[1];\nh q[0];")
    error = invoke("run", file).exception
    assert "bell.qasm, line 3, column 1: gate 'h' must be defined" in str(error)
    assert "cannot be read" in str(invoke("run", tmp_path / "none.qasm").exception)


def test_cost_plan_and_verify_report(bell):
    assert "peak memory" in invoke("cost", bell, "--grad", "--observable", "Z0").output
    assert "sweep over" in invoke("plan", bell).output
    result = invoke("verify", bell)
    assert result.exit_code == 0
    assert "complex128" in result.output


def test_a_file_that_goes_on_after_measurements_runs(tmp_path):
    file = tmp_path / "feedback.qasm"
    file.write_text(
        'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; c[0] = measure q[0]; '
        "if (c[0]) x q[1]; reset q[0]; c[1] = measure q[1];"
    )
    result = invoke("run", file, "--shots", 200, "--observable", "Z0", "--json")
    facts = json.loads(result.output)
    assert set(facts["counts"]) == {"00", "11"}
    assert abs(facts["expectation"] - 1) < 1e-6
