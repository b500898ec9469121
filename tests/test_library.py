"""The C++ library is found, says what it is, and shows nothing but its own names."""

import os
import shutil
import subprocess
import sys

import pytest

from qjax.engine import gpu
from qjax.engine.library import HANDLERS, library, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason="the library was not built")


def run(code, **environment):
    """Output of a Python program in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_the_instruction_set_in_use_runs_here():
    assert library().isa in library().isas
    assert library().isas[0] == "portable"


def test_an_instruction_set_can_be_asked_for():
    code = "from qjax.engine.library import library; print(library().isa)"
    assert run(code, QJAX_ISA="portable").stdout.split() == ["portable"]


def test_an_unknown_instruction_set_is_refused_by_name():
    code = "import qjax as qj; qj.statevector(qj.Circuit(1).h(0))"
    error = run(code, QJAX_ISA="mmx").stderr
    assert "QJAX_ISA must be one of portable" in error
    assert "but is mmx" in error


@pytest.mark.skipif(shutil.which("nm") is None, reason="nm is not installed")
def test_only_its_own_names_are_shown():
    command = ["nm", "-D", "--defined-only", str(library().path)]
    shown = {line.split()[-1] for line in subprocess.check_output(command, text=True).splitlines()}
    own = {"qjax_isa", "qjax_isas", "qjax_error", "qjax_tape_version"}
    cuda = {"tape_version", "add_image", "initialize", *gpu.HANDLERS}
    assert shown == own | set(HANDLERS) | {f"qjax_cuda_{name}" for name in cuda}


def test_without_the_library_everything_runs_on_xla_and_it_is_said_once(tmp_path):
    code = (
        "import logging, pathlib\n"
        "logging.basicConfig()\n"
        "from qjax.engine import library\n"
        f"library._PATH = pathlib.Path({str(tmp_path)!r}) / 'none.so'\n"
        "import qjax as qj\n"
        "for _ in range(2): print(qj.probabilities(qj.Circuit(1).h(0)))\n"
        "try: qj.statevector(qj.Circuit(1), engine='cpu')\n"
        "except qj.QjaxError as error: print(error)\n"
    )
    result = run(code)
    assert result.stdout.count("[0.") == 2, result.stderr
    assert 'engine="cpu" needs the C++ library' in result.stdout
    assert result.stderr.count("Running on") == 1
