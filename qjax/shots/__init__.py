"""Expectation values from finite shots, and derivatives by values at other points."""

from qjax.shots.batch import shot_values as shot_values
from qjax.shots.draws import ALLOCATIONS as ALLOCATIONS
from qjax.shots.draws import own_key as own_key
from qjax.shots.estimator import Estimator as Estimator
from qjax.shots.estimator import mapped as mapped
from qjax.shots.opened import Opened as Opened
from qjax.shots.opened import opened as opened
from qjax.shots.value import DIFFS as DIFFS
from qjax.shots.value import Method as Method
from qjax.shots.value import shot_mean as shot_mean
