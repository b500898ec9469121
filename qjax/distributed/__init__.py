"""Runs of several processes on one or many hosts: start them together, end them together."""

from qjax.distributed.start import start as start
