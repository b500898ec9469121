"""From a circuit's structure to a plan that engines execute. Sees no number of a run."""

from qjax.plan.compile import compile_plan as compile_plan
from qjax.plan.op import Op as Op
from qjax.plan.op import OpKind as OpKind
from qjax.plan.plan import Plan as Plan
