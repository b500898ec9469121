"""Drawings show each instruction once, in order, where it acts, in text, SVG and matplotlib."""

import importlib
import math
import pickle
import subprocess
import sys
from fractions import Fraction
from io import BytesIO
from textwrap import indent
from xml.etree import ElementTree

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.draw import draw, draw_mpl, draw_svg, draw_text, text
from qjax.draw.columns import place, wires
from qjax.draw.labels import Labels, number_text
from qjax.draw.palette import Family, family
from qjax.draw.symbols import Mark, symbol
from qjax.errors import CircuitError, MissingExtraError
from qjax.gates import GATES, Gate

SVG = "{http://www.w3.org/2000/svg}"


def drawing(circuit, **options):
    """A drawing as it is written in this file: indented, below an empty line."""
    return f"\n{indent(draw_text(circuit, **options), '    ')}\n"


def svg_words(circuit, **options):
    root = ElementTree.fromstring(draw_svg(circuit, **options))
    return [element.text for element in root.iter(f"{SVG}text")]


def gate_on_its_own(gate):
    angles = tuple(0.1 * (k + 1) for k in range(len(gate.params)))
    return Circuit(gate.num_qubits).append(gate, tuple(range(gate.num_qubits)), angles)


def special_circuits():
    """Gates made from an argument, extra controls, and what is no gate."""
    n = 4
    return [
        Circuit(n).unitary(np.eye(4), (2, 0), controls=[1], control_values=[0]),
        Circuit(n).diagonal(np.ones(8), (0, 1, 3)),
        Circuit(n).permutation([0, 2, 1, 3], (3, 1)),
        Circuit(n).pauli_rotation("XYZ", 0.5, (0, 3, 1)),
        Circuit(6).pauli_rotation("ZIXYYX", 0.5, range(6)),
        Circuit(n).mcx([0, 1, 3], 2, control_values=[1, 0, 1]),
        Circuit(n).swap(0, 3, controls=[1], control_values=[0]),
        Circuit(n).gphase(0.5, controls=[0, 2], control_values=[0, 0]),
        Circuit(n).barrier().barrier([0, 2]),
        Circuit(n).measure([0, 3], [1, 0]),
    ]


ALL = [gate_on_its_own(gate) for gate in GATES.values()] + special_circuits()


@st.composite
def circuits(draw_, most_qubits=5, most_instructions=20):
    n = draw_(st.integers(1, most_qubits))
    rows = [gate for gate in GATES.values() if gate.num_qubits <= n]
    circuit = Circuit(n)
    for _ in range(draw_(st.integers(0, most_instructions))):
        order = draw_(st.permutations(range(n)))
        kind = draw_(st.sampled_from(["gate"] * 6 + ["controlled", "barrier", "measure"]))
        if kind == "barrier":
            circuit.barrier(order[: draw_(st.integers(0, n))])
        elif kind == "measure":
            circuit.measure(order[0], draw_(st.integers(0, 2)))
        else:
            gate = draw_(st.sampled_from(rows))
            k = gate.num_qubits
            extra = order[k : draw_(st.integers(k, n))] if kind == "controlled" else ()
            values = [draw_(st.integers(0, 1)) for _ in extra]
            angles = [draw_(st.sampled_from([0.5, math.pi / 2, -1.25])) for _ in gate.params]
            circuit.append(gate, order[:k], angles, controls=extra, control_values=values)
    return circuit


# --- pinned drawings ------------------------------------------------------------------------------


def test_a_bell_pair():
    assert (
        drawing(Circuit(2).h(0).cx(0, 1))
        == """
    q0: ─H─●─
           │
    q1: ───X─
"""
    )


def test_a_line_crosses_the_wires_between_its_ends():
    assert (
        drawing(Circuit(3).cx(0, 2).cz(2, 0).h(1))
        == """
    q0: ─●─●───
         │ │
    q1: ─┼─┼─H─
         │ │
    q2: ─X─●───
"""
    )


def test_controls_at_one_are_filled_and_controls_at_zero_hollow():
    circuit = Circuit(3).mcx([0, 1], 2, control_values=[1, 0]).cswap(1, 0, 2)
    assert (
        drawing(circuit)
        == """
    q0: ─●─×─
         │ │
    q1: ─○─●─
         │ │
    q2: ─X─×─
"""
    )


def test_angles_are_numbers_fractions_of_pi_and_expressions():
    theta = ParameterVector("theta", 4)
    circuit = Circuit(2).rx(0.5, 0).rx(2 * theta[3] + 0.1, 1).crz(-3 * math.pi / 4, 0, 1)
    assert (
        drawing(circuit)
        == """
    q0: ───────RX(0.5)────────────●─────
                                  │
    q1: ─RX(2*theta[3] + 0.1)─RZ(-3π/4)─
"""
    )


def test_letters_or_positions_show_which_qubit_is_which_where_it_matters():
    circuit = Circuit(3).rzz(0.5, 0, 1).rzx(0.5, 1, 0).pauli_rotation("XYZ", 0.5, (2, 1, 0))
    assert (
        drawing(circuit.unitary(np.eye(4), (2, 0)))
        == """
    q0: ─RZZ(0.5)─X:RZX(0.5)─Z:RXYZ(0.5)─1:U─
            │         │           │       │
    q1: ───RZZ──────Z:RZX───────Y:RXYZ────┼──
                                  │       │
    q2: ────────────────────────X:RXYZ───0:U─
"""
    )


def test_barriers_hold_back_and_measurements_name_their_bit():
    circuit = Circuit(3).h(0).barrier([0, 1]).x(1).h(2).measure([1, 2], [0, 4])
    assert (
        drawing(circuit)
        == """
    q0: ─H──░──────────
            ░
    q1: ────░───X─M→c0─

    q2: ─H─M→c4────────
"""
    )


def test_global_phases_are_added_up_above_the_circuit():
    circuit = Circuit(1).gphase(math.pi / 2).h(0).gphase(-math.pi / 4).gphase(2 * Parameter("a"))
    assert (
        drawing(circuit)
        == """
    global phase: 2*a + π/4
    q0: ─H─
"""
    )


def test_a_controlled_global_phase_is_drawn_on_its_controls():
    assert (
        drawing(Circuit(2).gphase(0.5, controls=[1, 0], control_values=[0, 0]))
        == """
    q0: ─if 0:phase(0.5)─
                │
    q1: ────────○────────
"""
    )
    assert (
        drawing(Circuit(2).gphase(0.5, controls=[1, 0]))
        == """
    q0: ─P(0.5)─
           │
    q1: ───●────
"""
    )


def test_qubit_zero_can_be_at_the_bottom():
    assert (
        drawing(Circuit(3).h(0).ccx(0, 1, 2), reverse_bits=True)
        == """
    q2: ───X─
           │
    q1: ───●─
           │
    q0: ─H─●─
"""
    )


def test_ascii_drawings_use_ascii_characters_only():
    circuit = Circuit(2).sdg(0).rx(math.pi / 2, 1).cx(1, 0).barrier().swap(0, 1).measure_all()
    circuit.ry(Parameter("θ"), 0, controls=[1], control_values=[0]).permutation([1, 0], 0)
    picture = draw_text(circuit.gphase(math.pi), ascii=True, max_columns=6)
    assert picture.isascii()
    assert (
        drawing(Circuit(2).sdg(0).cx(1, 0).rx(math.pi / 2, 1), ascii=True)
        == """
    q0: -SDG-X----------
             |
    q1: -----*-RX(pi/2)-
"""
    )


def test_circuits_without_instructions_or_qubits():
    assert (
        drawing(Circuit(2))
        == """
    q0: ─

    q1: ─
"""
    )
    assert (
        drawing(Circuit(0).gphase(1.5))
        == """
    global phase: 1.5
    (no qubits)
"""
    )
    assert (
        drawing(Circuit(1).barrier([]))
        == """
    q0: ─
"""
    )


def test_names_of_wires_are_aligned():
    lines = draw_text(Circuit(11).h(0)).split("\n")
    assert lines[0] == "q0:  ─H─"
    assert lines[20] == "q10: ───"


def test_a_long_circuit_continues_below():
    circuit = Circuit(2)
    for _ in range(4):
        circuit.h(0).cx(0, 1)
    assert (
        drawing(circuit, width=14)
        == """
    q0: ─H─●─H─…
           │
    q1: ───X───…

    q0: …─●─H─●─…
          │   │
    q1: …─X───X─…

    q0: …─H─●─
            │
    q1: …───X─
"""
    )


def test_the_middle_of_a_huge_circuit_is_left_out():
    circuit = Circuit(1)
    for k in range(10_000):
        circuit.rx(0.001 * k, 0)
    assert "\n\n… 9,900 more columns …\n\n" in str(circuit)
    assert (
        drawing(Circuit(1).h(0).x(0).y(0).z(0).t(0), max_columns=3)
        == """
    q0: ─H─X─…

    … 2 more columns …

    q0: …─T─
"""
    )
    assert (
        drawing(Circuit(5).cx(0, 4), max_rows=3)
        == """
    q0: ─●─
         │
    q1: ─┼─
    ⋮ 2 more qubits
    q4: ─X─
"""
    )


def test_only_what_is_shown_of_a_huge_circuit_is_looked_at(monkeypatch):
    seen = []
    monkeypatch.setattr(text, "symbol", lambda i: seen.append(i) or symbol(i))
    circuit = Circuit(2).h([0, 1]).power(2000)
    draw_text(circuit, max_columns=10)
    assert len(seen) == 2 * 10


def test_traced_angles_are_named_so():
    def build(x):
        circuit = Circuit(1).rx(x, 0).ry(x * Parameter("a"), 0).gphase(x)
        pictures.append(drawing(circuit))
        pictures.append(svg_words(circuit))
        return circuit

    pictures = []
    jax.jit(build)(0.5)
    assert (
        pictures[0]
        == """
    global phase: <traced>
    q0: ─RX(<traced>)─RY(<traced>*a + <traced>)─
"""
    )
    assert "<traced>·a + <traced>" in pictures[1]


def test_a_circuit_that_went_through_jit_is_drawn_with_its_numbers():
    circuit = jax.jit(lambda x: Circuit(1).rx(2 * x, 0))(0.25)
    assert str(circuit) == "q0: ─RX(0.5)─"


def test_a_batch_of_circuits_is_drawn():
    batch = jax.vmap(lambda x: Circuit(1).rx(x, 0))(np.arange(3.0))
    for output in ("text", "svg", "mpl"):
        assert draw(batch, output) is not None


def test_a_console_shows_the_drawing_without_quotes():
    picture = draw(Circuit(1).h(0))
    assert repr(picture) == str(picture) == "q0: ─H─"
    assert str(Circuit(1).h(0)) == picture


def test_lines_are_as_long_as_the_terminal_is_wide(monkeypatch):
    circuit = Circuit(1).h([0]).power(40)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert 20 < max(map(len, draw_text(circuit).split("\n"))) <= 30
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert 90 < max(map(len, draw_text(circuit.power(3), max_columns=None).split("\n"))) <= 100


# --- properties -----------------------------------------------------------------------------------


@given(circuits())
@settings(max_examples=60, deadline=None)
def test_each_instruction_stands_in_one_column_in_order_and_alone_on_its_wires(circuit):
    columns = place(circuit)
    placed = [instruction for column in columns for instruction in column]
    drawn = [i for i in circuit if i.all_qubits]
    assert sorted(map(id, placed)) == sorted(map(id, drawn))
    for column in columns:
        covered = [wire for instruction in column for wire in wires(instruction)]
        assert len(covered) == len(set(covered))
    for q in range(circuit.num_qubits):
        assert [i for i in placed if q in i.all_qubits] == [i for i in drawn if q in i.all_qubits]
    for c in range(circuit.num_clbits):
        assert [i for i in placed if c in i.clbits] == [i for i in drawn if c in i.clbits]


@given(circuits())
@settings(max_examples=40, deadline=None)
def test_no_instruction_could_stand_further_left(circuit):
    columns = place(circuit)
    for left, column in zip([[], *columns], columns, strict=False):
        bits = {c for i in left for c in i.clbits}
        taken = {wire for i in left for wire in wires(i)}
        for instruction in column if left else ():
            assert taken.intersection(wires(instruction)) or bits.intersection(instruction.clbits)


@given(circuits(), st.integers(20, 60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_broken_lines_say_the_same_as_one_long_line(circuit, width, reverse):
    whole = draw_text(circuit, width=None, reverse_bits=reverse).split("\n")
    broken = draw_text(circuit, width=width, reverse_bits=reverse).split("\n")
    height = 2 * circuit.num_qubits - 1
    first = len(whole) - height  # a line of global phases
    assert whole[:first] == broken[:first]
    blocks = [broken[k : k + height] for k in range(first, len(broken), height + 1)]
    for row in range(0, height, 2):
        name = f"q{circuit.num_qubits - 1 - row // 2 if reverse else row // 2}: "
        parts = [block[row].removeprefix(name).strip("…")[1:] for block in blocks]
        assert name + "─" + "".join(parts) == whole[first + row]
    alone = draw_text(circuit, width=1, reverse_bits=reverse).split("\n")  # a column in each line
    widest = max(map(len, alone[first:]))
    assert all(len(line) <= max(width, widest) for line in broken[first:])


@given(circuits())
@settings(max_examples=40, deadline=None)
def test_each_wire_shows_its_controls_and_measurements(circuit):
    lines = draw_text(circuit, width=0, max_columns=None).split("\n")
    lines = lines[len(lines) - (2 * circuit.num_qubits - 1) :: 2]
    for q, line in enumerate(lines):
        marks = [symbol(i).marks[q] for i in circuit if q in i.all_qubits]
        assert line.count("●") == marks.count(Mark.CONTROL)
        assert line.count("○") == marks.count(Mark.OPEN_CONTROL)
        assert line.count("×") == marks.count(Mark.CROSS)
        assert line.count("░") == marks.count(Mark.BARRIER)
        assert line.count("M→c") == marks.count(Mark.METER)


@given(circuits())
@settings(max_examples=25, deadline=None)
def test_an_svg_has_a_titled_group_for_each_instruction_and_lies_inside_its_frame(circuit):
    root = ElementTree.fromstring(draw_svg(circuit, max_columns=None))
    titles = [group.find(f"{SVG}title").text for group in root.findall(f"{SVG}g")]
    assert sorted(titles) == sorted(str(i) for i in circuit if i.all_qubits)
    width, height = (float(root.get(side)) for side in ("width", "height"))
    for box in root.iter(f"{SVG}rect"):
        x, y = float(box.get("x", 0)), float(box.get("y", 0))
        assert 0 <= x <= x + float(box.get("width")) <= width
        assert 0 <= y <= y + float(box.get("height")) <= height


# --- the gate table -------------------------------------------------------------------------------


@pytest.mark.parametrize("circuit", ALL, ids=lambda c: str(c[0]))
def test_every_gate_is_drawn_by_every_drawer(circuit):
    instruction = circuit[0]
    symbols = symbol(instruction)
    words = svg_words(circuit)
    if not instruction.all_qubits:
        assert words[0] == "global phase: 0.1"
        assert str(circuit) == "global phase: 0.1\n(no qubits)"
    elif Mark.BOX in symbols.marks.values():
        assert Labels().name(instruction) in words
        assert Labels().full(instruction) in str(circuit)
        if angles := Labels().angles(instruction):
            assert angles in words
    for slot in symbols.slots.values():
        assert slot in words
    figure = draw_mpl(circuit)
    assert sorted(t.get_text() for t in figure.axes[0].texts) == sorted(words)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    assert buffer.getvalue().startswith(b"\x89PNG")
    pixels = np.asarray(figure.canvas.buffer_rgba())
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 10


@pytest.mark.parametrize("circuit", ALL, ids=lambda c: str(c[0]))
def test_words_stay_inside_their_boxes(circuit):
    figure = draw_mpl(circuit)
    (ax,) = figure.axes
    figure.draw_without_rendering()
    boxes = [patch.get_window_extent() for patch in ax.patches]
    frame = [f"q{q}" for q in range(circuit.num_qubits)] + ["global phase: 0.1", "no qubits"]
    for words in ax.texts:
        extent = words.get_window_extent()
        assert ax.bbox.x0 <= extent.x0 and extent.x1 <= ax.bbox.x1
        assert ax.bbox.y0 <= extent.y0 and extent.y1 <= ax.bbox.y1
        if words.get_text() not in frame:
            assert any(b.x0 <= extent.x0 and extent.x1 <= b.x1 for b in boxes), words


def test_labels_of_a_users_own_gate_are_escaped():
    gate = Gate(
        "odd", 1, (), "identity", "a test", matrix=GATES["id"].matrix,
        inverse=lambda: ("id", (), (0,)), label="<&\">",
    )  # fmt: skip
    circuit = Circuit(1).append(gate, 0)
    assert svg_words(circuit) == ["q0", '<&">']


@pytest.mark.parametrize("gate", [g for g in GATES.values() if g.num_qubits - g.num_controls == 2])
def test_qubits_are_told_apart_just_where_their_exchange_changes_the_gate(gate):
    exchange = np.eye(4)[[0, 2, 1, 3]]
    angles = [0.7, 0.2, 1.1][: len(gate.params)]
    matrix = gate.matrix(*angles)
    same = np.allclose(exchange @ matrix @ exchange, matrix)
    assert bool(symbol(gate_on_its_own(gate)[0]).slots) == (not same)


def test_families_tell_fixed_numbered_open_and_matrix_gates():
    circuit = Circuit(2).h(0).rx(0.5, 0).rx(Parameter("a"), 0).unitary(np.eye(2), 0)
    circuit.permutation([1, 0], 0).pauli_rotation("XY", 0.5, (0, 1)).measure(0)
    assert [family(i) for i in circuit] == [
        Family.FIXED, Family.ANGLE, Family.OPEN, Family.MATRIX, Family.MATRIX, Family.ANGLE,
        Family.OTHER,
    ]  # fmt: skip


def test_long_pauli_strings_are_shortened_and_their_letters_shown():
    circuit = Circuit(6).pauli_rotation("XXXXXX", 0.5, range(6))
    assert "q0: ─X:RXXXX…(0.5)─" in str(circuit)
    assert svg_words(circuit).count("X") == 6


# --- angles ---------------------------------------------------------------------------------------


@given(st.integers(-64, 64).filter(bool), st.integers(1, 64))
def test_fractions_of_pi_are_written_as_such(p, q):
    written = number_text(p * math.pi / q)
    numerator, _, denominator = written.partition("/")
    factor = {"π": 1, "-π": -1}.get(numerator) or int(numerator.removesuffix("π"))
    assert Fraction(factor, int(denominator or 1)) == Fraction(p, q)


@pytest.mark.parametrize("offset", [1e-11, -1e-11])
def test_what_only_looks_like_a_fraction_of_pi_is_a_number(offset):
    assert number_text(math.pi / 2 + offset) == "1.571"


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (-0.0, "0"), (1e-13, "1e-13"), (1.0, "1"), (123456.0, "1.235e+05"),
     (math.pi, "π"), (-math.pi, "-π"), (math.pi / 1024, "π/1024"), (6 * math.pi, "6π")],
)  # fmt: skip
def test_numbers(value, written):
    assert number_text(value) == written


def test_digits_are_chosen():
    assert str(draw(Circuit(1).rx(0.123456, 0), digits=2)) == "q0: ─RX(0.12)─"
    assert "0.12346" in svg_words(Circuit(1).rx(0.123456, 0), digits=5)


@pytest.mark.parametrize(
    ("name", "written"),
    [("theta", "θ"), ("theta_1", "θ_1"), ("theta2", "θ2"), ("my_theta", "my_theta"),
     ("thetas", "thetas"), ("x", "x"), ("eta", "η")],
)  # fmt: skip
def test_pictures_write_greek_names_in_greek_letters(name, written):
    assert svg_words(Circuit(1).rx(2 * Parameter(name), 0)) == ["q0", "RX", f"2·{written}"]


# --- pictures -------------------------------------------------------------------------------------


def test_neighbouring_qubits_share_a_box_and_others_are_joined_by_a_line():
    def boxes(circuit):
        root = ElementTree.fromstring(draw_svg(circuit))
        return [e for e in root.iter(f"{SVG}rect") if e.get("class") == "box"]

    assert len(boxes(Circuit(3).rzz(0.5, 0, 1))) == 1
    assert len(boxes(Circuit(3).rzz(0.5, 0, 2))) == 2
    assert len(boxes(Circuit(4).unitary(np.eye(8), (3, 0, 1)))) == 2


def test_a_long_picture_continues_below_and_a_huge_one_leaves_its_middle_out():
    circuit = Circuit(2).h(0).cx(0, 1).power(100)
    narrow, wide = (ElementTree.fromstring(draw_svg(circuit, width=w)) for w in (300, None))
    assert float(narrow.get("width")) <= 300 < float(wide.get("width"))
    assert float(narrow.get("height")) > float(wide.get("height"))
    assert "… 100 more columns …" in svg_words(circuit)
    assert "… 100 more columns …" not in svg_words(circuit, max_columns=None)


def test_scale_enlarges_pictures():
    bell = Circuit(2).h(0).cx(0, 1)
    one, two = (ElementTree.fromstring(draw_svg(bell, scale=s)) for s in (1.0, 2.0))
    assert float(two.get("width")) == 2 * float(one.get("width"))
    assert one.get("viewBox") == two.get("viewBox")
    small, large = (draw_mpl(bell, scale=s) for s in (1.0, 2.0))
    np.testing.assert_allclose(large.get_size_inches(), 2 * small.get_size_inches())


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_an_svg_says_what_it_shows_in_light_and_dark(theme):
    picture = draw_svg(Circuit(2).h(0).cx(0, 1), theme=theme)
    assert "<title>Quantum circuit with 2 qubits and 2 instructions</title>" in picture
    assert ("prefers-color-scheme" in picture) == (theme == "auto")
    assert picture._repr_svg_() == picture
    assert Circuit(1)._repr_svg_().startswith("<svg")


@pytest.mark.parametrize("circuit", [Circuit(0), Circuit(0).gphase(0.5), Circuit(3)])
def test_pictures_of_circuits_without_instructions_or_qubits(circuit):
    assert ElementTree.fromstring(draw_svg(circuit)).tag == f"{SVG}svg"
    assert draw_mpl(circuit)._repr_png_().startswith(b"\x89PNG")


def test_a_picture_is_drawn_into_given_axes():
    figure = Figure(figsize=(6, 2))
    left, _ = figure.subplots(1, 2)
    assert draw_mpl(Circuit(2).h(0), ax=left) is figure
    assert {words.get_text() for words in left.texts} == {"q0", "q1", "H"}
    assert draw_mpl(Circuit(1), ax=Figure().subfigures().subplots()).axes


def test_a_figure_can_be_pickled():
    figure = pickle.loads(pickle.dumps(draw_mpl(Circuit(1).h(0))))
    assert [words.get_text() for words in figure.axes[0].texts] == ["q0", "H"]


# --- errors and imports ---------------------------------------------------------------------------


def test_unknown_outputs_and_bad_options_are_refused():
    bell = Circuit(2).h(0).cx(0, 1)
    with pytest.raises(CircuitError, match='output must be one of "text", "mpl", "svg", but is'):
        draw(bell, "latex")
    with pytest.raises(CircuitError, match="max_columns must be at least 1, but is 0"):
        draw(bell, max_columns=0)
    with pytest.raises(CircuitError, match="max_rows must be at least 1, but is 0"):
        draw(bell, max_rows=0)
    with pytest.raises(CircuitError, match="width must be at least 0, but is -3"):
        draw(bell, width=-3)
    with pytest.raises(CircuitError, match="width must be an integer, but is 'wide'"):
        draw(bell, width="wide")
    with pytest.raises(CircuitError, match="width must be a number of points or None"):
        draw(bell, "svg", width=math.nan)
    with pytest.raises(CircuitError, match="scale must be positive, but is 0"):
        draw(bell, "mpl", scale=0)
    with pytest.raises(CircuitError, match='theme must be "auto", "light" or "dark"'):
        draw(bell, "svg", theme="blue")


def test_without_matplotlib_text_and_svg_work_and_mpl_says_what_to_install(monkeypatch):
    find = importlib.import_module

    def without_matplotlib(name, package=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")
        return find(name, package)

    monkeypatch.setattr(importlib, "import_module", without_matplotlib)
    bell = Circuit(2).h(0).cx(0, 1)
    assert draw(bell) and draw(bell, "svg")
    with pytest.raises(MissingExtraError, match=r'pip install "qjax\[plot\]"'):
        draw(bell, "mpl")


def test_text_and_svg_import_no_matplotlib_and_mpl_no_pyplot():
    code = """
import sys
from qjax.circuit import Circuit
bell = Circuit(2).h(0).cx(0, 1)
bell.draw(), bell.draw("svg")
assert "matplotlib" not in sys.modules
bell.draw("mpl").savefig(__import__("io").BytesIO())
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_directives_have_marks_of_their_own():
    circuit = Circuit(1).barrier().measure(0)
    assert [i.operation for i in circuit] == [BARRIER, MEASURE]
    assert [symbol(i).marks[0] for i in circuit] == [Mark.BARRIER, Mark.METER]
