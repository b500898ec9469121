"""Rooms import downwards only, and importing qjax changes no setting of JAX."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import qjax

ROOT = Path(qjax.__file__).parent
THIRD_PARTY = {"jax", "jaxlib", "numpy", "optax", "scipy"}  # scipy comes with JAX

# The floor of each room. A room may import rooms of lower floors, and itself.
FLOORS = {
    "errors": 0, "_version": 0, "_units": 0, "profiles": 0,
    "_extras": 0.1, "_atomic": 0.1, "_progress": 0.2, "_checks": 0.1,
    "gates": 1, "counts": 1, "channels": 1.5,
    "circuit": 2, "observables": 2,
    "plan": 3, "dense": 3,
    "engine": 4,
    "distributed": 4.5,
    "state": 5, "dynamic": 5.05, "noise": 5.07, "shots": 5.08, "simulate": 5.1,
    "estimate": 5.2, "diagnose": 5.2, "measure": 5.2, "sharded_cost": 5.25,
    "gradients": 5.3, "shadows": 5.3, "krylov": 5.3, "optimize": 5.4,
    "train": 6,
    "variational": 8,  # above train, and it takes pools from the library
    "hardware": 8, "tomography": 8.1, "learning": 8,
    "cli": 9, "demo": 8, "apps": 8.5,
}  # fmt: skip
# Side wings need no engine: they may import floors 0 to 2, and what is named here.
WINGS = {
    "draw": set(),
    "library": set(),
    "interop": set(),
    "qasm": {"dense"},
    "files": set(),
    "plot": {"draw"},
}
# scipy is imported where it is needed; the command line needs its extras at the top.
FILES = sorted(p for p in ROOT.rglob("*.py") if p.name != "__init__.py" or p.parent != ROOT)


def room_of(module):
    return module.split(".")[1]


def imports_of(file):
    """Every module that a file imports, at the top or inside functions."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            if node.module == "qjax":
                yield from (f"qjax.{alias.name}" for alias in node.names)
            else:
                yield node.module


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(file):
    room = file.relative_to(ROOT).parts[0].removesuffix(".py")
    for module in imports_of(file):
        if not module.startswith("qjax."):
            continue
        other = room_of(module)
        if other == room:
            continue
        if room in WINGS:
            assert other in WINGS[room] or FLOORS.get(other, 9) <= 2, f"{room} imports {module}"
        elif other in WINGS:
            assert FLOORS[room] >= 8, f"{room} imports {module}"
        else:
            assert FLOORS[other] < FLOORS[room], f"{room} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_top_of_a_file_needs_the_core_packages_only(file):
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else (
            [node.module] if isinstance(node, ast.ImportFrom) else [])  # fmt: skip
        for name in names:
            top = name.split(".")[0]
            assert top in THIRD_PARTY | {"qjax"} | set(sys.stdlib_module_names), f"{name} on top"


@pytest.mark.parametrize("file", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_jax_is_used_by_its_public_names(file):
    assert not any(m.startswith("jax._src") for m in imports_of(file))


def test_the_plan_sees_no_traced_number():
    for file in (ROOT / "plan").glob("*.py"):
        assert not any(m.startswith("jax") for m in imports_of(file)), file


def test_importing_qjax_changes_no_setting_of_jax():
    code = (
        "import jax; before = dict(jax.config.values); import qjax; "
        "after = jax.config.values; "
        "print([k for k in before if before[k] != after[k]])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
