"""Circuits: what the user wrote."""

from qjax.circuit.circuit import Circuit as Circuit
from qjax.circuit.clbit import Clbit as Clbit
from qjax.circuit.instruction import Instruction as Instruction
from qjax.circuit.parameter import Parameter as Parameter
from qjax.circuit.parameter import ParameterExpression as ParameterExpression
from qjax.circuit.parameter import ParameterVector as ParameterVector
