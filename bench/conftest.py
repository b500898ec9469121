import platform

import jax

collect_ignore = ["peers", "compare.py", "machine.py"]  # they need what may not be installed


def pytest_configure(config):
    config.addinivalue_line("python_files", "bench_*.py")
    config.addinivalue_line("python_functions", "bench_*")


def pytest_benchmark_update_machine_info(config, machine_info):
    machine_info["jax"] = jax.__version__
    machine_info["devices"] = [str(d) for d in jax.devices()]
    machine_info["processor_name"] = platform.processor()
