"""Runs of several processes on one or many hosts: start them together, end them together."""

from qjax.distributed.agree import on_host as on_host
from qjax.distributed.start import fail as fail
from qjax.distributed.start import start as start
from qjax.distributed.states import load_state as load_state
from qjax.distributed.states import save_state as save_state
