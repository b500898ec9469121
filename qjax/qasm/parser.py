"""From tokens to statements: OpenQASM 2 and 3 by recursive descent."""

import math
from typing import Any

from qjax.errors import QasmError
from qjax.qasm.lexer import Source, Token
from qjax.qasm.syntax import (
    Alias,
    Assignment,
    Barrier,
    Binary,
    Call,
    Cast,
    Declaration,
    Evaluate,
    For,
    GateCall,
    GateDefinition,
    If,
    Include,
    Index,
    Jump,
    Literal,
    Measurement,
    Modifier,
    Name,
    Range,
    Register,
    Reset,
    Set,
    Subroutine,
    Switch,
    Unary,
    While,
)

_DEPTH = 100  # how deep brackets, blocks and operators may be nested
_TYPES = frozenset("int uint float angle bool complex array duration stretch".split())
_UNSUPPORTED = {
    "cal": "pulse calibrations are", "defcal": "pulse calibrations are",
    "defcalgrammar": "pulse calibrations are", "extern": "extern functions are",
    "delay": "timing is", "box": "timing is", "duration": "timing is", "stretch": "timing is",
    "durationof": "timing is", "output": "output is",
    "pragma": "pragmas are", "#": "pragmas are", "nop": "nop is",
}  # fmt: skip
_BINARY = {
    "||": 1, "&&": 2, "|": 3, "^": 4, "&": 5, "==": 6, "!=": 6, "<": 7, ">": 7, "<=": 7, ">=": 7,
    "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10, "**": 12, "++": 0,
}  # fmt: skip
_UNARY = 11  # binds less than a power, more than a product
_ASSIGNMENTS = frozenset("= += -= *= /= %= **= |= &= ^= <<= >>= ~=".split())


class Parser:
    """Reads one program.

    Attributes:
        version: (major, minor) of the language.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tokens = source.tokens()
        self.position = 0
        self.depth = 0
        self.version = (3, 0)

    # --- tokens -------------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        """The token that is read next."""
        return self.tokens[self.position]

    def error(self, token: Token, wanted: str) -> QasmError:
        """What was expected, and what is there."""
        found = token.text if token.kind == "end" else repr(token.text)
        return self.source.error(token.at, f"{wanted} must stand here, but there is {found}.")

    def take(self, text: str) -> Token:
        """The next token, which must be this one."""
        token = self.tokens[self.position]
        if token.text != text or token.kind == "string":
            raise self.error(token, repr(text))
        self.position += 1
        return token

    def accept(self, text: str) -> bool:
        """Whether the next token is this one; it is read then."""
        token = self.tokens[self.position]
        if token.text == text and token.kind != "string":
            self.position += 1
            return True
        return False

    def name(self, what: str) -> str:
        """A name."""
        token = self.tokens[self.position]
        if token.kind != "name":
            raise self.error(token, what)
        self.position += 1
        return token.text

    def deeper(self, token: Token) -> None:
        """One level of nesting more."""
        self.depth += 1
        if self.depth > _DEPTH:
            raise self.source.error(token.at, f"nesting must be at most {_DEPTH} deep.")

    # --- statements ---------------------------------------------------------------------------

    def program(self) -> list[Any]:
        """All statements."""
        if self.accept("OPENQASM"):
            token = self.next
            if token.kind not in ("float", "int"):
                raise self.error(token, "a version")
            self.position += 1
            major, _, minor = token.text.partition(".")
            if major not in ("2", "3") or not (minor or "0").isdigit():
                raise self.source.error(
                    token.at, f"the version must be 2 or 3, but is {token.text[:20]}."
                )
            self.version = (int(major), int((minor or "0")[:3]))
            self.take(";")
        statements: list[Any] = []
        while self.next.kind != "end":
            statements += self.statement()
        return statements

    def block(self) -> list[Any]:
        """{ statements }, or one statement."""
        token = self.next
        self.deeper(token)
        statements: list[Any] = []
        if self.accept("{"):
            while not self.accept("}"):
                if self.next.kind == "end":
                    raise self.error(self.next, "'}'")
                statements += self.statement()
        else:
            statements += self.statement()
        self.depth -= 1
        return statements

    def statement(self) -> list[Any]:
        """One statement; none for what says nothing, as an annotation."""
        token = self.next
        text = token.text
        if token.kind == "name":
            method = _STATEMENTS.get(text)
            if method is not None:
                self.position += 1
                return [method(self, token)]
            if text in _TYPES:
                return [self.declaration("variable", token)]
            if text in _UNSUPPORTED:
                raise self.source.error(token.at, f"{_UNSUPPORTED[text]} not supported.")
        elif text == "{" and token.kind == "symbol":
            return self.block()
        elif text == ";":
            self.position += 1
            return []
        elif text == "@":  # an annotation, which ends with its line
            end = self.source.text.find("\n", token.at)
            while self.next.kind != "end" and (end < 0 or self.next.at < end):
                self.position += 1
            return []
        elif text == "#":
            raise self.source.error(token.at, "pragmas are not supported.")
        return [self.operation()]

    def operation(self) -> Any:
        """A gate call, an assignment, or an expression that stands alone."""
        token = self.next
        modifiers = []
        while self.next.text in ("ctrl", "negctrl", "inv", "pow"):
            word = self.next
            self.position += 1
            argument = None
            if self.accept("("):
                argument = self.expression()
                self.take(")")
            if word.text == "pow" and argument is None:
                raise self.error(self.next, "'(' and an exponent")
            self.take("@")
            modifiers.append(Modifier(word.text, argument, word.at))
        head = self.next
        if head.kind != "name":
            raise self.error(head, "a statement")
        target = self.postfix()
        after = self.next
        is_call = isinstance(target, Call)
        if modifiers or after.kind in ("name", "physical") or (is_call and target.name == "gphase"):
            if after.text != "measure" or modifiers:
                return self.gate_call(modifiers, target, token)
        if after.text in _ASSIGNMENTS:
            self.position += 1
            value = self.value()
            self.take(";")
            return Assignment(target, after.text, value, token.at)
        self.take(";")
        return Evaluate(target, token.at)

    def gate_call(self, modifiers: list[Modifier], target: Any, token: Token) -> GateCall:
        """The operands of a gate, whose name and angles are read."""
        if not isinstance(target, (Name, Call)):
            raise self.source.error(token.at, "a gate's name must stand before its qubits.")
        operands = self.operands()
        arguments = target.arguments if isinstance(target, Call) else []
        return GateCall(modifiers, target.name, arguments, operands, target.at)

    def operands(self) -> list[Any]:
        """Qubits in a row, and the end of the statement."""
        operands = []
        while self.next.text != ";":
            operands.append(self.postfix())
            if not self.accept(","):
                break
        self.take(";")
        return operands

    def include(self, token: Token) -> Include:
        """The name of a file in quotes."""
        file = self.next
        if file.kind != "string":
            raise self.error(file, "the name of a file in quotes")
        self.position += 1
        self.take(";")
        return Include(file.text[1:-1], token.at)

    def register(self, token: Token) -> Register:
        """Qreg q[n]; qubit[n] q; and the same for bits."""
        old = token.text in ("qreg", "creg")
        kind = "qubit" if token.text in ("qreg", "qubit") else "bit"
        size = None if old else self.size()
        name = self.name(f"a name for the {kind}s")
        if old:
            size = self.size()
        value = None
        if kind == "bit" and self.accept("="):
            value = self.value()
        self.take(";")
        return Register(kind, name, size, token.at, value)

    def size(self) -> Any:
        """[n], or None."""
        if not self.accept("["):
            return None
        size = self.expression()
        self.take("]")
        return size

    def gate(self, token: Token) -> GateDefinition:
        """Gate name(parameters) qubits { body }, and opaque ones."""
        name = self.name("a gate's name")
        parameters: list[str] = []
        if self.accept("("):
            while not self.accept(")"):
                parameters.append(self.name("a parameter's name"))
                if self.next.text != ")":
                    self.take(",")
        qubits: list[str] = []
        while self.next.kind == "name":
            qubits.append(self.name("a qubit's name"))
            if not self.accept(","):
                break
        for names, what in ((parameters, "parameters"), (qubits, "qubits")):
            if len(set(names)) != len(names):
                raise self.source.error(token.at, f"gate {name}: {what} must have distinct names.")
        if token.text == "opaque":
            self.take(";")
            return GateDefinition(name, parameters, qubits, None, token.at)
        if self.next.text != "{":
            raise self.error(self.next, "'{'")
        return GateDefinition(name, parameters, qubits, self.block(), token.at)

    def subroutine(self, token: Token) -> Subroutine:
        """Def name(parameters) -> type { body }."""
        name = self.name("a subroutine's name")
        self.take("(")
        parameters: list[tuple[str, Any, str]] = []
        while not self.accept(")"):
            if self.next.text in ("readonly", "mutable", "array"):
                raise self.source.error(self.next.at, "arrays as arguments are not supported.")
            kind = self.name("a type")
            if kind not in _TYPES and kind not in ("qubit", "bit", "qreg", "creg"):
                raise self.error(self.tokens[self.position - 1], "a type")
            size = self.size()
            own = self.name("an argument's name")
            if kind in ("qreg", "creg"):
                size, kind = self.size(), "qubit" if kind == "qreg" else "bit"
            parameters.append((kind, size, own))
            if self.next.text != ")":
                self.take(",")
        if self.accept("->"):
            self.name("a type")
            self.size()
        if self.next.text != "{":
            raise self.error(self.next, "'{'")
        return Subroutine(name, parameters, self.block(), token.at)

    def declaration(self, kind: str, token: Token) -> Declaration:
        """Type name = value; kind is "const", "variable" or "input"."""
        word = self.next
        if word.text in ("duration", "stretch"):
            raise self.source.error(word.at, "timing is not supported.")
        if word.text not in _TYPES and word.text != "bit":
            raise self.error(word, "a type")
        self.position += 1
        sizes = []
        type_name = word.text
        if type_name == "array":
            self.take("[")
            type_name = self.name("a type")
            if type_name not in _TYPES:
                raise self.error(self.tokens[self.position - 1], "a type")
            self.size()
            while self.accept(","):
                sizes.append(self.expression())
            self.take("]")
        elif self.accept("["):
            if type_name == "complex":
                self.name("a type")
                self.size()
            else:
                self.expression()
            self.take("]")
        name = self.name("a name")
        value = None
        if kind != "input" and self.accept("="):
            value = self.value()
        if kind == "const" and value is None:
            raise self.error(self.next, "'=' and the value of the constant")
        self.take(";")
        return Declaration(kind, type_name, sizes, name, value, token.at)

    def alias(self, token: Token) -> Alias:
        """The words name = value."""
        name = self.name("a name")
        self.take("=")
        value = self.expression()
        self.take(";")
        return Alias(name, value, token.at)

    def loop(self, token: Token) -> For:
        """For type name in values body."""
        if self.next.text in _TYPES or self.next.text == "bit":
            self.position += 1
            self.size()
        name = self.name("a name for the loop's variable")
        self.take("in")
        if self.accept("["):
            values: Any = self.range()
            self.take("]")
        else:
            values = self.braces() if self.next.text == "{" else self.expression()
        return For(name, values, self.block(), token.at)

    def while_loop(self, token: Token) -> While:
        """While (condition) body."""
        self.take("(")
        condition = self.expression()
        self.take(")")
        return While(condition, self.block(), token.at)

    def branch(self, token: Token) -> If:
        """If (condition) body else body."""
        self.take("(")
        condition = self.expression()
        self.take(")")
        body = self.block()
        otherwise: list[Any] = []
        if self.accept("else"):
            otherwise = self.block()
        return If(condition, body, otherwise, token.at)

    def switch(self, token: Token) -> Switch:
        """Switch (value) { case a, b body ... default body }."""
        self.take("(")
        value = self.expression()
        self.take(")")
        self.take("{")
        cases: list[tuple[list[Any], list[Any]]] = []
        while self.accept("case"):
            labels = [self.expression()]
            while self.accept(","):
                labels.append(self.expression())
            cases.append((labels, self.braced()))
        otherwise = self.braced() if self.accept("default") else []
        self.take("}")
        return Switch(value, cases, otherwise, token.at)

    def braced(self) -> list[Any]:
        """A block that must have braces."""
        if self.next.text != "{":
            raise self.error(self.next, "'{'")
        return self.block()

    def barrier(self, token: Token) -> Barrier:
        """The operands of a barrier."""
        operands = self.operands()
        return Barrier(operands, token.at)

    def reset(self, token: Token) -> Reset:
        """The operand of a reset."""
        operand = self.postfix()
        self.take(";")
        return Reset(operand, token.at)

    def measure(self, token: Token) -> Any:
        """The words operand -> target."""
        value = Measurement(self.postfix(), token.at)
        if self.accept("->"):
            target = self.postfix()
            self.take(";")
            return Assignment(target, "=", value, token.at)
        self.take(";")
        return Evaluate(value, token.at)

    def jump(self, token: Token) -> Jump:
        """What stands behind break, continue, end or return."""
        value = None
        if token.text == "return" and self.next.text != ";":
            value = self.value()
        self.take(";")
        return Jump(token.text, value, token.at)

    # --- expressions --------------------------------------------------------------------------

    def value(self) -> Any:
        """The right side of an assignment."""
        token = self.next
        if token.text == "measure" and token.kind == "name":
            self.position += 1
            return Measurement(self.postfix(), token.at)
        if token.text == "{":
            return self.braces()
        return self.expression()

    def braces(self) -> Set:
        """{a, b, c}."""
        token = self.take("{")
        self.deeper(token)
        items = []
        while not self.accept("}"):
            items.append(self.value())
            if self.next.text != "}":
                self.take(",")
        self.depth -= 1
        return Set(items, token.at)

    def range(self) -> Any:
        """A : b : c, or one expression, or {a, b}."""
        token = self.next
        if token.text == "{":
            return self.braces()
        parts: list[Any] = [None]
        if self.next.text != ":":
            parts[0] = self.expression()
        while self.accept(":"):
            ends = self.next.text in (":", "]", ",")
            parts.append(None if ends else self.expression())
        if len(parts) == 1:
            return parts[0]
        if len(parts) > 3:
            raise self.source.error(token.at, "a range must have at most a start, step and stop.")
        step = parts[1] if len(parts) == 3 else None
        return Range(parts[0], step, parts[-1], token.at)

    def expression(self, least: int = 0) -> Any:
        """An expression whose operators bind at least so much."""
        token = self.next
        self.deeper(token)
        left = self.unary()
        chain = 0
        while True:
            operator = self.next
            binding = _BINARY.get(operator.text)
            power = operator.text == "**"
            if operator.text == "^" and self.version[0] == 2:
                power, binding = True, _BINARY["**"]
            if binding is None or binding < least or operator.kind != "symbol":
                break
            chain += 1
            if chain > 2 * _DEPTH:
                raise self.source.error(
                    operator.at, f"a chain must have at most {2 * _DEPTH} operators."
                )
            self.position += 1
            right = self.expression(binding if power else binding + 1)
            left = Binary("**" if power else operator.text, left, right, operator.at)
        self.depth -= 1
        return left

    def unary(self) -> Any:
        """-x, !x, ~x, or an operand."""
        token = self.next
        if token.kind == "symbol" and token.text in "-+!~":
            self.position += 1
            operand = self.expression(_UNARY)
            return operand if token.text == "+" else Unary(token.text, operand, token.at)
        return self.postfix()

    def postfix(self) -> Any:
        """An operand with its indices."""
        value = self.primary()
        count = 0
        while self.next.text == "[":
            token = self.next
            self.deeper(token)
            count += 1
            self.position += 1
            index = self.range()
            value = Index(value, index, token.at)
            while self.accept(","):
                value = Index(value, self.range(), token.at)
            self.take("]")
        self.depth -= count
        return value

    def primary(self) -> Any:
        """A number, a name, a call, or an expression in brackets."""
        token = self.next
        kind, text = token.kind, token.text
        self.position += 1
        if kind == "int" or kind == "float":
            return Literal(self.number(token), token.at)
        if kind == "physical":
            return Name(text, token.at)
        if kind == "string":
            bits = text[1:-1].replace("_", "")
            if not bits or set(bits) - {"0", "1"}:
                raise self.error(token, "a string of bits")
            return Literal([bit == "1" for bit in reversed(bits)], token.at)
        if kind == "name":
            if text in ("true", "false"):
                return Literal(text == "true", token.at)
            if text in _UNSUPPORTED:
                raise self.source.error(token.at, f"{_UNSUPPORTED[text]} not supported.")
            if text in _TYPES or text == "bit":
                self.size()
                self.take("(")
                value = self.expression()
                self.take(")")
                return Cast(text, value, token.at)
            if not self.accept("("):
                return Name(text, token.at)
            arguments = []
            while not self.accept(")"):
                arguments.append(self.expression())
                if self.next.text != ")":
                    self.take(",")
            return Call(text, arguments, token.at)
        if text == "(":
            value = self.expression()
            self.take(")")
            return value
        self.position -= 1
        raise self.error(token, "a value")

    def number(self, token: Token) -> int | float:
        """The value of a number, which must not have a unit."""
        after = self.next
        units = ("dt", "ns", "us", "ms", "s", "µs", "im")
        if after.at == token.at + len(token.text) and after.text in units:
            what = "complex numbers are" if after.text == "im" else "timing is"
            raise self.source.error(token.at, f"{what} not supported.")
        digits = token.text.replace("_", "")
        if token.kind == "float":
            value = float(digits)
            if not math.isfinite(value):
                raise self.source.error(token.at, "a number must be finite, but this is too large.")
            return value
        if len(digits) > 400:
            raise self.source.error(token.at, "an integer must have at most 400 digits.")
        base = {"x": 16, "b": 2, "o": 8}.get(digits[1:2].lower(), 10)
        return int(digits[2:], base) if base != 10 else int(digits)


_STATEMENTS: dict[str, Any] = {
    "include": Parser.include,
    "qreg": Parser.register, "creg": Parser.register,
    "qubit": Parser.register, "bit": Parser.register,
    "gate": Parser.gate, "opaque": Parser.gate,
    "def": Parser.subroutine,
    "const": lambda self, token: self.declaration("const", token),
    "input": lambda self, token: self.declaration("input", token),
    "let": Parser.alias,
    "for": Parser.loop, "while": Parser.while_loop, "if": Parser.branch,
    "switch": Parser.switch,
    "barrier": Parser.barrier, "reset": Parser.reset, "measure": Parser.measure,
    "break": Parser.jump, "continue": Parser.jump, "end": Parser.jump, "return": Parser.jump,
}  # fmt: skip
