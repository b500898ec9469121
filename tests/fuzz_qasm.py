"""Coverage-guided fuzzing of the reader of OpenQASM, with atheris (libFuzzer).

    pip install atheris
    python tests/fuzz_qasm.py -max_total_time=300 -timeout=10 -rss_limit_mb=4096 CORPUS

Any text must become a circuit or a `QasmError` with line and column; and a circuit that was read is
written and read again. What was found stands in `test_qasm_load.py`.
"""

import sys

WORDS = (
    "OPENQASM 3.0; OPENQASM 2.0; include \"stdgates.inc\"; include \"qelib1.inc\"; qubit[2] q; "
    "bit[2] c; qreg q[2]; creg c[2]; gate g(a) b { rx(a) b; } ctrl @ negctrl(2) @ inv @ pow(2) @ "
    "U(0.1,0.2,0.3) q[0]; gphase(pi); h cx measure q -> c; c = measure q; if (c == 1) { } else "
    "for int i in [0:2] { } while (true) { } def f(qubit a, int n) -> bit { return 1; } let a = "
    "q[0:1]; const int n = 3; input float[64] t; input angle s; reset barrier q; array[int, 3] "
    "break; continue; end; true false sin( sqrt( popcount( ** << >> && || ++ $0 1e308 0x1f 0b11"
).split()  # fmt: skip


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["qjax.qasm", "qjax.circuit"]):
        from qjax.errors import QasmError
        from qjax.qasm import dumps, loads

    def one_input(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        parts = []
        while provider.remaining_bytes() and len(parts) < 400:
            if provider.ConsumeBool():
                parts.append(WORDS[provider.ConsumeIntInRange(0, len(WORDS) - 1)])
            else:
                parts.append(provider.ConsumeUnicodeNoSurrogates(provider.ConsumeIntInRange(1, 12)))
        for text in (" ".join(parts), data.decode("utf-8", "replace")):
            try:
                circuit = loads(text, max_instructions=2000)
            except QasmError:
                continue
            if circuit.num_qubits:
                again = loads(dumps(circuit))
                assert again.num_qubits == circuit.num_qubits
                assert again.num_clbits == circuit.num_clbits

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
