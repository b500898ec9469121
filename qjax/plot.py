"""Plots of results: counts and training curves. They need matplotlib."""

from qjax.draw import counts_histogram as counts_histogram
from qjax.draw import training_curve as training_curve
