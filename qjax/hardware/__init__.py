"""From an observable to circuits for a machine, and from its counts to numbers."""

from qjax.hardware import executors as executors
from qjax.hardware.bundle import Bundle as Bundle
from qjax.hardware.bundle import Estimate as Estimate
from qjax.hardware.bundle import Experiment as Experiment
from qjax.hardware.bundle import load as load
from qjax.hardware.estimate import gradient_job as gradient_job
from qjax.hardware.estimate import measure as measure
from qjax.hardware.objective import Objective as Objective
from qjax.hardware.objective import objective as objective
from qjax.hardware.route import Routed as Routed
from qjax.hardware.route import route as route
