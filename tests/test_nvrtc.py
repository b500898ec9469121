"""The CUDA kernels compile, keep to their registers, and are compiled once."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from qjax.engine import nvrtc
from qjax.errors import EngineError

compiles = pytest.mark.skipif(nvrtc.missing() is not None, reason="NVRTC is not installed")


def usage(log):
    """By kernel: registers of a thread, bytes of its stack, and bytes of spilled loads."""
    patterns = (r"Used (\d+) registers", r"(\d+) bytes stack frame", r"(\d+) bytes spill loads")
    return {
        block.split("'")[0]: tuple(int(re.search(p, block)[1]) for p in patterns)
        for block in log.split("Compiling entry function '")[1:]
    }


def check_usage(part, architecture):
    code, log = nvrtc.compiled(part, architecture)
    assert code[:4] == b"\x7fELF"
    kernels = usage(log)
    assert kernels
    for name, (registers, stack, spilled) in kernels.items():
        # Two blocks of 256 threads share the 65,536 registers of a multiprocessor; two states in
        # double precision have one.
        assert registers <= (256 if "backward_d" in name else 128), name
        # What runs most keeps all it has in registers; matrices of two bits, and rarer ops, spill
        # where blocks are many for their registers. The result of a matrix on any bits of a tile
        # stands in local memory.
        assert spilled <= (1500 if "f4" in name or "f5" in name else 64), name
        assert stack <= (400 if "ward" in name else 32), name


@compiles
@pytest.mark.parametrize("architecture", [80, 90, 100])
def test_kernels_compile_and_keep_to_their_registers(architecture):
    check_usage(nvrtc.PARTS["other", 8], architecture)


@compiles
@pytest.mark.parametrize("part", [("forward", 16), ("plain forward", 8)])
def test_sweeps_keep_to_their_registers(part):
    check_usage(nvrtc.PARTS[part], 90)


@compiles
@pytest.mark.slow
@pytest.mark.parametrize("architecture", [75, 80, 90, 100, 120])
@pytest.mark.parametrize("part", sorted(nvrtc.PARTS.values()))
def test_every_part_compiles_and_keeps_to_its_registers(part, architecture):
    check_usage(part, architecture)


@compiles
def test_an_architecture_that_nvrtc_does_not_know_is_an_error():
    with pytest.raises(EngineError, match=r"did not compile the CUDA kernels .*sm_12345"):
        nvrtc.compiled(0, 12345)


def test_without_nvrtc_it_is_said_how_to_get_it(monkeypatch):
    nvrtc._nvrtc.cache_clear()
    monkeypatch.setattr(nvrtc, "_candidates", list)
    assert "NVRTC, CUDA's run-time compiler, which is not installed" in nvrtc.missing()
    assert 'pip install "jax[cuda13]"' in nvrtc.missing()
    nvrtc._nvrtc.cache_clear()


# --- the cache of compiled kernels --------------------------------------------------------------


@pytest.fixture
def compilations(monkeypatch, tmp_path):
    """The parts that were compiled, by a compiler that takes no time."""
    done = []

    def compiled(part, architecture):
        done.append((part, architecture))
        return f"code {part} {architecture}".encode(), ""

    monkeypatch.setattr(nvrtc, "compiled", compiled)
    monkeypatch.setattr(nvrtc, "_nvrtc", lambda: (None, (13, 0)))
    monkeypatch.setenv("QJAX_CACHE_DIR", str(tmp_path / "kernels"))
    return done


def test_kernels_are_compiled_once_for_each_part_and_architecture(compilations, caplog):
    for _ in range(2):
        assert nvrtc.cubin(0, 90) == b"code 0 90"
        assert nvrtc.cubin(1, 90) == b"code 1 90"
        assert nvrtc.cubin(0, 80) == b"code 0 80"
    assert compilations == [(0, 90), (1, 90), (0, 80)]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert "Compiling CUDA kernels for compute capability 9.0" in said[0]


def test_other_sources_and_versions_are_compiled_anew(compilations, monkeypatch, tmp_path):
    nvrtc.cubin(0, 90)
    monkeypatch.setattr(nvrtc, "_nvrtc", lambda: (None, (13, 1)))
    nvrtc.cubin(0, 90)
    changed = tmp_path / "sources"
    changed.mkdir()
    for source in nvrtc.SOURCES.iterdir():
        (changed / source.name).write_bytes(source.read_bytes() + b"\n")
    monkeypatch.setattr(nvrtc, "SOURCES", changed)
    nvrtc.cubin(0, 90)
    assert len(compilations) == 3


def test_many_at_once_read_whole_kernels(compilations):
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: nvrtc.cubin(3, 100), range(200)))
    assert found == {b"code 3 100"}
    assert len(list(nvrtc._folder().iterdir())) == 1


@pytest.mark.parametrize(
    "spoil", [lambda kept: kept[:-1], lambda kept: b"x" + kept[1:], lambda _: b""]
)
def test_what_a_disk_spoilt_is_compiled_again(compilations, spoil):
    nvrtc.cubin(0, 90)
    (path,) = nvrtc._folder().iterdir()
    path.write_bytes(spoil(path.read_bytes()))
    assert nvrtc.cubin(0, 90) == nvrtc.cubin(0, 90) == b"code 0 90"
    assert len(compilations) == 2


def test_a_folder_that_cannot_be_written_costs_no_more_than_time(
    compilations, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QJAX_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    assert nvrtc.cubin(0, 90) == nvrtc.cubin(0, 90)
    assert len(compilations) == 2


def test_where_kernels_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("QJAX_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert nvrtc._folder() == tmp_path / "qjax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert nvrtc._folder().parts[-2:] == (".cache", "qjax")


class Compiler:
    """An NVRTC that knows nothing but its version."""

    def __init__(self, major):
        self.major = major

    def nvrtcVersion(self, major, minor):
        major._obj.value, minor._obj.value = self.major, 4


@pytest.mark.parametrize(
    ("driver", "compilers", "chosen"),
    [
        (13, (13, 12), 13),
        (12, (13, 12), 12),
        (12, (13,), 13),
        (None, (13, 12), 13),
        (14, (12,), 12),
    ],
)
def test_the_compiler_is_one_that_the_driver_knows(
    driver, compilers, chosen, monkeypatch, tmp_path
):
    nvrtc._nvrtc.cache_clear()
    monkeypatch.setattr(nvrtc, "_driver_version", lambda: driver)
    monkeypatch.setattr(nvrtc, "_candidates", lambda: [tmp_path / str(c) for c in compilers])
    monkeypatch.setattr(nvrtc.ctypes, "CDLL", lambda path: Compiler(int(Path(path).name)))
    assert nvrtc._nvrtc()[1] == (chosen, 4)
    nvrtc._nvrtc.cache_clear()
