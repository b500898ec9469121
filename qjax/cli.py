"""The command `qjax`: one function per command."""

import hashlib
import json
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
from jax.sharding import Mesh

from qjax import distributed, qasm
from qjax._extras import require
from qjax.circuit import Circuit
from qjax.diagnose import info, info_text, verify
from qjax.distributed.agree import agreed
from qjax.dynamic import is_dynamic, without_final_measurements
from qjax.engine.mesh import device_mesh
from qjax.errors import DistributedError, FileError, ParameterError, QjaxError
from qjax.estimate import cost
from qjax.files import load
from qjax.plan import compile_plan
from qjax.simulate import counts, expectation


def read_circuit(path: Path) -> Circuit:
    """A circuit from a file that `qjax.save` wrote, in OpenQASM, or a Python file with `circuit`.

    Raises:
        FileError: If there is no file, or no circuit in it.
        QasmError: If it is OpenQASM that cannot be read.
    """
    if path.suffix in (".qasm", ".qasm2", ".qasm3"):
        try:
            return qasm.load(path)
        except OSError as error:
            raise FileError(f"{str(path)!r} cannot be read: {error}") from error
    if path.suffix == ".py":
        if not path.is_file():
            raise FileError(f"There is no file {str(path)!r}.")
        found = runpy.run_path(str(path)).get("circuit")
        wanted = "must define a Circuit named `circuit`"
    else:
        found = load(path)
        wanted = "must hold a Circuit that qjax.save wrote"
    if not isinstance(found, Circuit):
        raise FileError(f"{str(path)!r} {wanted}, but holds {type(found).__name__}.")
    return found


def write_picture(picture: Any, path: Path) -> None:
    """Write the text of an SVG, or a figure of matplotlib in the format that the ending names.

    Raises:
        FileError: If the file cannot be written, or its format is not known.
    """
    try:
        if isinstance(picture, str):
            path.write_text(picture, encoding="utf-8")
        else:
            picture.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise FileError(f"The picture {str(path)!r} cannot be written: {error}") from error


def join(
    coordinator: str | None, processes: int | None, index: int | None, timeout: float
) -> Mesh | None:
    """The mesh over the devices of all processes, if this is one of several.

    Raises:
        DistributedError: As `qjax.distributed.start`.
    """
    if coordinator is None and processes is None and index is None:
        return None
    if coordinator == "slurm":
        coordinator = None
        if processes is not None or index is not None:
            raise DistributedError("--coordinator slurm needs neither --processes nor --index.")
    elif None in (coordinator, processes, index):
        raise DistributedError(
            "--coordinator, --processes and --index must be given together; under Slurm, "
            "--coordinator slurm alone."
        )
    distributed.start(coordinator, processes, index, timeout=timeout)
    return device_mesh()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """What libraries print goes to stderr: gloo tells of its connections, among the results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def same_in_all_processes(files: Sequence[Path | None], *options: Any) -> None:
    """Check that all processes were given the same.

    Raises:
        DistributedError: If this one was given something else than process 0.
    """
    texts = [file.read_bytes() for file in files if file is not None and file.is_file()]
    digest = hashlib.sha256(repr((texts, options)).encode()).digest()
    mine = np.frombuffer(digest, np.uint8)
    with quiet_libraries():
        first = agreed(mine)
    if not np.array_equal(first, mine):
        raise DistributedError(
            "all processes must be given the same files and options, but those of process "
            f"{jax.process_index()} differ from those of process 0."
        )


def build() -> Any:
    """The application, on typer."""
    typer = require("typer", "cli", "The qjax command")
    app = typer.Typer(
        name="qjax",
        help="A differentiable statevector simulator for JAX.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    file_argument = typer.Argument(
        help="A .qasm file, a .json file of qjax.save, or a .py file that defines `circuit`.",
        metavar="FILE",
    )

    @app.command("info")
    def show_info(
        as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    ) -> None:
        """Show versions, devices and engines.

        Example: qjax info
        """
        facts = info()
        typer.echo(json.dumps(facts, indent=2) if as_json else info_text(facts))

    @app.command()
    def demo(
        output: Annotated[Path, typer.Option(help="Folder for the files it writes.")] = Path(
            "qjax-demo"
        ),
        steps: Annotated[int, typer.Option(min=1, help="Steps of the optimizer.")] = 200,
        seed: Annotated[int, typer.Option(help="Seed of starting angles and shots.")] = 0,
    ) -> None:
        """Train the ground state of molecular hydrogen and export it.

        Example: qjax demo --output h2
        """
        from qjax.demo import run_demo

        run_demo(output, steps=steps, seed=seed, progress=None, say=typer.echo)

    @app.command(
        "app",
        add_help_option=False,  # --help goes on to the application
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    def application(
        name: Annotated[str | None, typer.Argument(help="Its name; none lists them.")] = None,
        arguments: Annotated[list[str] | None, typer.Argument(help="Its options.")] = None,
    ) -> None:
        """Run an application on real data beside a classical baseline, or list them.

        Example: qjax app gradient_descent --quick
        """
        from qjax import apps

        if name in (None, "--help"):
            typer.echo(apps.listing())
        else:
            apps.main(apps.find_app(str(name)), arguments or ())

    @app.command()
    def draw(
        file: Annotated[Path, file_argument],
        output: Annotated[
            Path | None, typer.Option(help="Write a .png, .pdf or .svg picture, not text.")
        ] = None,
    ) -> None:
        """Draw a circuit.

        Example: qjax draw bell.json --output bell.png
        """
        circuit = read_circuit(file)
        if output is None:
            typer.echo(str(circuit))
        elif output.suffix == ".svg":
            write_picture(circuit.draw("svg"), output)
        else:
            write_picture(circuit.draw("mpl"), output)

    @app.command()
    def convert(
        file: Annotated[Path, file_argument],
        output: Annotated[Path, typer.Argument(help="The file to write.")],
        to: Annotated[int | None, typer.Option(help="Version of OpenQASM: 2 or 3.")] = None,
        target: Annotated[
            str | None,
            typer.Option(help=f"Or who is to read it: {', '.join(qasm.TARGETS)}."),
        ] = None,
    ) -> None:
        """Write a circuit as OpenQASM, or for a machine in its native gates.

        Example: qjax convert bell.qasm bell_ibm.qasm --target ibm
        """
        circuit = read_circuit(file)
        try:
            qasm.dump(circuit, output, version=to, target=target)
        except OSError as error:
            raise FileError(f"{str(output)!r} cannot be written: {error}") from error

    @app.command("cost")
    def show_cost(
        file: Annotated[Path, file_argument],
        observable: Annotated[
            str | None, typer.Option(help="Pauli strings, such as 'Z0 Z1 + 0.5 X0'.")
        ] = None,
        batch: Annotated[int, typer.Option(min=1, help="How many samples run together.")] = 1,
        grad: Annotated[bool, typer.Option("--grad", help="With the gradient.")] = False,
        dtype: Annotated[str, typer.Option(help="complex64 or complex128.")] = "complex64",
        engine: Annotated[str | None, typer.Option(help="The engine, if not the best.")] = None,
    ) -> None:
        """Tell what a run would take: memory, operations, time.

        Example: qjax cost bell.json --batch 100
        """
        with jax.enable_x64(True):
            estimate = cost(read_circuit(file), observable, batch, grad, dtype=dtype, engine=engine)
        typer.echo(str(estimate))

    @app.command("plan")
    def show_plan(file: Annotated[Path, file_argument]) -> None:
        """Show how a circuit is run: sweeps over tiles of the state, and the ops of each.

        Example: qjax plan bell.json
        """
        typer.echo(str(compile_plan(read_circuit(file).structure)))

    @app.command("verify")
    def check(file: Annotated[Path, file_argument]) -> None:
        """Compare every engine with the definition of the circuit, for a bug report.

        Example: qjax verify bell.json
        """
        if not verify(read_circuit(file)).passed:
            raise typer.Exit(1)

    @app.command()
    def run(
        file: Annotated[Path, file_argument],
        shots: Annotated[int, typer.Option(min=1, help="How many shots.")] = 1024,
        seed: Annotated[int, typer.Option(help="Seed of the shots.")] = 0,
        params: Annotated[
            Path | None, typer.Option(help="Values of its parameters, a file of qjax.save.")
        ] = None,
        plot: Annotated[
            Path | None, typer.Option(help="Write a histogram to this picture.")
        ] = None,
        observable: Annotated[
            str | None, typer.Option(help="Also its exact expectation value: 'Z0 Z1 + 0.5 X0'.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
        coordinator: Annotated[
            str | None,
            typer.Option(help="HOST:PORT of process 0, or slurm: one of several processes."),
        ] = None,
        processes: Annotated[int | None, typer.Option(min=1, help="How many there are.")] = None,
        index: Annotated[
            int | None, typer.Option(min=0, help="Which one this is, counted from 0.")
        ] = None,
        timeout: Annotated[
            float, typer.Option(min=1, help="Seconds to wait until all are there.")
        ] = 60.0,
    ) -> None:
        """Simulate a circuit and print the counts, highest qubit first.

        Example: qjax run bell.qasm --shots 1000 --seed 1 --observable "Z0 Z1" --plot bell.png

        With --coordinator, --processes and --index the state is divided over the devices of
        several processes, on one or many hosts. All get the same files and options but the index,
        and process 0 prints. If one is late or lost, all end with an error.

        On two hosts: qjax run big.qasm --coordinator node1:5921 --processes 2 --index 0
        (on the other one: --index 1).

        Under Slurm: srun --nodes 8 --ntasks-per-node 1 qjax run big.qasm --coordinator slurm
        """
        mesh = join(coordinator, processes, index, timeout)
        if mesh is not None:
            same_in_all_processes([file, params], shots, seed, observable)
        circuit = read_circuit(file)
        if circuit.num_parameters and params is None:
            raise ParameterError(
                f"{str(file)!r} has open parameters: give their values with --params, in a file "
                "that qjax.save wrote."
            )
        values = None if params is None else load(params)
        with quiet_libraries() if mesh is not None else nullcontext():
            found = counts(circuit, shots, jax.random.key(seed), values, mesh=mesh)
            value = None
            if observable is not None:
                ended = without_final_measurements(circuit)
                if not is_dynamic(ended):
                    ended = ended.remove_measurements()  # its bits
                value = float(expectation(ended, observable, values, mesh=mesh))
        if mesh is not None and jax.process_index():
            return
        if as_json:
            shown = dict(found) if value is None else {"counts": dict(found), "expectation": value}
            typer.echo(json.dumps(shown))
        else:
            if value is not None:
                typer.echo(f"<{observable}> = {value:.6g}")
            for bits, number in found.most_common():
                typer.echo(f"{bits}  {number:>8}  {number / shots:7.2%}")
        if plot is not None:
            from qjax.plot import counts_histogram

            write_picture(counts_histogram(found), plot)

    return app


def main() -> None:
    """Run the command; errors of qjax are printed without a traceback."""
    try:
        build()()
    except QjaxError as error:
        print(f"qjax: {error}", file=sys.stderr)
        distributed.fail(str(error))
        sys.exit(1)
