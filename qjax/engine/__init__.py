"""From a plan and numbers to amplitudes. The only room that knows JAX's rules and kernels."""
