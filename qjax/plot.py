"""Plots of results: counts, training curves and landscapes. They need matplotlib."""

from qjax.draw import counts_histogram as counts_histogram
from qjax.draw import landscape as landscape
from qjax.draw import training_curve as training_curve
