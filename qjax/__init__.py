"""qjax: a differentiable statevector simulator for JAX."""

from qjax._version import __version__ as __version__
from qjax.circuit import Circuit as Circuit
from qjax.circuit import Instruction as Instruction
from qjax.circuit import Parameter as Parameter
from qjax.circuit import ParameterExpression as ParameterExpression
from qjax.circuit import ParameterVector as ParameterVector
from qjax.gates import GATES as GATES
from qjax.gates import Gate as Gate
