"""From a circuit's structure to a plan that engines execute. Sees no number of a run."""

from qjax.plan.compile import compile_plan as compile_plan
from qjax.plan.op import Op as Op
from qjax.plan.op import OpKind as OpKind
from qjax.plan.plan import Plan as Plan
from qjax.plan.plan import max_width as max_width
from qjax.plan.sweep import Stage as Stage
from qjax.plan.sweep import Step as Step
from qjax.plan.sweep import StepKind as StepKind
from qjax.plan.sweep import Sweep as Sweep
