// The kernels for a GPU: one program, compiled by NVRTC.

#include "gather.cuh"
#include "pauli.cuh"
#include "sample.cuh"
#include "sweep.cuh"

using namespace qjax_cuda;

#define QJAX_KERNEL(name, Args, threads, blocks, body)                           \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Args args) { \
    const Block block;                                                           \
    body;                                                                        \
  }
#include "kernels.cuh"
