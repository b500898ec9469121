"""Algorithms: circuits whose outcome is known beforehand, and what is read from it."""

from qjax.library.algorithms.amplification import AmplitudeEstimate as AmplitudeEstimate
from qjax.library.algorithms.amplification import amplitude_amplification as amplitude_amplification
from qjax.library.algorithms.amplification import amplitude_estimation as amplitude_estimation
from qjax.library.algorithms.amplification import amplitude_from_counts as amplitude_from_counts
from qjax.library.algorithms.amplification import grover as grover
from qjax.library.algorithms.amplification import grover_iterations as grover_iterations
from qjax.library.algorithms.amplification import grover_operator as grover_operator
from qjax.library.algorithms.amplification import (
    maximum_likelihood_amplitude as maximum_likelihood_amplitude,
)
from qjax.library.algorithms.amplification import phase_oracle as phase_oracle
from qjax.library.algorithms.block_encoding import BlockEncoding as BlockEncoding
from qjax.library.algorithms.block_encoding import block_encoding as block_encoding
from qjax.library.algorithms.fourier import qft as qft
from qjax.library.algorithms.iterative_amplitude import AmplitudeInterval as AmplitudeInterval
from qjax.library.algorithms.iterative_amplitude import (
    iterative_amplitude_estimation as iterative_amplitude_estimation,
)
from qjax.library.algorithms.linear_systems import LinearSystem as LinearSystem
from qjax.library.algorithms.linear_systems import solve_linear_system as solve_linear_system
from qjax.library.algorithms.overlap_tests import hadamard_test as hadamard_test
from qjax.library.algorithms.overlap_tests import swap_test as swap_test
from qjax.library.algorithms.phase_estimation import (
    iterative_phase_estimation as iterative_phase_estimation,
)
from qjax.library.algorithms.phase_estimation import phase_distribution as phase_distribution
from qjax.library.algorithms.phase_estimation import phase_estimation as phase_estimation
from qjax.library.algorithms.phase_estimation import phase_from_counts as phase_from_counts
from qjax.library.algorithms.polynomials import ScaledPolynomial as ScaledPolynomial
from qjax.library.algorithms.polynomials import cosine_polynomial as cosine_polynomial
from qjax.library.algorithms.polynomials import inverse_polynomial as inverse_polynomial
from qjax.library.algorithms.polynomials import sign_polynomial as sign_polynomial
from qjax.library.algorithms.polynomials import sine_polynomial as sine_polynomial
from qjax.library.algorithms.registers import Algorithm as Algorithm
from qjax.library.algorithms.signal_processing import signal_phases as signal_phases
from qjax.library.algorithms.signal_processing import signal_response as signal_response
from qjax.library.algorithms.singular_values import (
    singular_value_transformation as singular_value_transformation,
)
