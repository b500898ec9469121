"""Names that a program may use: valid, not reserved, and each for one thing."""

from unicodedata import category

from qjax.errors import QasmError
from qjax.qasm.dialects import Dialect

_LETTERS = {"Lu", "Ll", "Lt", "Lm", "Lo", "Nl"}


class Names:
    """Gives out names of a program, each once.

    Args:
        dialect: What is a valid name, and what is reserved.
        taken: Further names that are not to be given out.

    Examples:
        >>> from qjax.qasm.dialects import DIALECTS
        >>> names = Names(DIALECTS[3])
        >>> names.new("theta"), names.new("theta"), names.new("t"), names.new("θ²")
        ('theta', 'theta_', 't_', 'θ_b2')
    """

    def __init__(self, dialect: Dialect, taken: frozenset[str] | set[str] = frozenset()) -> None:
        self._dialect = dialect
        self.taken = set(dialect.reserved | taken)

    def new(self, wanted: str, avoid: frozenset[str] = frozenset()) -> str:
        """A free name as near to `wanted` as can be: itself, with _ behind it, or with a number."""
        base = _spelled(wanted)
        if not self._dialect.identifier.fullmatch(base):
            base = f"g_{base}" if base.isascii() else "g_" + "_".join(f"{ord(c):x}" for c in base)
        name, count = base, 1
        while name in self.taken or name in avoid:
            name, count = f"{base}_{count if count > 1 else ''}", count + 1
        self.taken.add(name)
        return name

    def claim(self, name: str, what: str) -> str:
        """The name itself.

        Raises:
            QasmError: If it is not valid or not free.
        """
        rule = self._dialect.identifier_rule
        if (
            not isinstance(name, str)
            or not self._dialect.identifier.fullmatch(name)
            or _spelled(name) != name
        ):
            raise QasmError(
                f"{what} must be a name of {self._dialect.name} ({rule}), but is {name!r}."
            )
        if name in self.taken:
            raise QasmError(
                f"{what} must be a name that {self._dialect.name} does not use for something else, "
                f"but is {name!r}."
            )
        self.taken.add(name)
        return name


def _spelled(name: str) -> str:
    """The name with every character that is no letter, _ or digit 0 to 9 as _ and its code."""
    return "".join(
        c if c == "_" or (c.isascii() and c.isdigit()) or category(c) in _LETTERS
        else f"_{ord(c):x}"
        for c in name
    )  # fmt: skip
