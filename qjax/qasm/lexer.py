"""Tokens of OpenQASM 2 and 3, and places in a text."""

import re
from typing import NamedTuple

from qjax.errors import QasmError

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|//[^\n]*|/\*.*?\*/)
    | (?P<float>(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?
        |[0-9][0-9_]*[eE][+-]?[0-9]+)
    | (?P<int>0[xX]_*[0-9a-fA-F][0-9a-fA-F_]*|0[bB]_*[01][01_]*|0[oO]_*[0-7][0-7_]*|[0-9][0-9_]*)
    | (?P<name>[^\W\d]\w*)
    | (?P<physical>\$[0-9]+)
    | (?P<string>"[^"\n]*"|'[^'\n]*')
    | (?P<symbol>\+\+|\*\*=?|->|==|!=|<=|>=|&&|\|\||<<=?|>>=?|[-+*/%^&|~]=
        |[-+*/%^&|~!<>=(){}\[\],;:@.\#])
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A word of the language.

    Attributes:
        kind: "float", "int", "name", "physical", "string", "symbol" or "end".
        text: What stands there.
        at: Its offset in the program.
    """

    kind: str
    text: str
    at: int


class Source:
    """A program's text, which knows lines and columns."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def error(self, at: int, message: str) -> QasmError:
        """An error at an offset."""
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        return QasmError(f"{self.name}, line {line}, column {column}: {message}")

    def tokens(self) -> list[Token]:
        """All tokens, and one of kind "end".

        Raises:
            QasmError: If there is a character that begins no token.
        """
        found, at, text = [], 0, self.text
        match = _TOKEN.match
        while at < len(text):
            token = match(text, at)
            if token is None:
                raise self.error(at, f"no word of OpenQASM begins with {text[at]!r}.")
            kind = token.lastgroup
            assert kind is not None
            if kind != "space":
                found.append(Token(kind, token.group(), at))
            at = token.end()
        found.append(Token("end", "the end of the program", len(text)))
        return found
