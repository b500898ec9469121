"""OpenQASM: circuits as text that other tools read."""

from qjax.qasm.dialects import DIALECTS as DIALECTS
from qjax.qasm.dialects import Dialect as Dialect
from qjax.qasm.dump import dump as dump
from qjax.qasm.dump import dumps as dumps
from qjax.qasm.load import load as load
from qjax.qasm.load import loads as loads
from qjax.qasm.targets import TARGETS as TARGETS
from qjax.qasm.targets import Target as Target
