// The kernels for a GPU: one program, compiled by NVRTC.

#include "args.h"
#include "tape.h"
// The order matters: each builds on those before it.
#include "block.cuh"
#include "gates.cuh"
#include "tensor.cuh"
#include "sweep.cuh"
#include "gather.cuh"
#include "pauli.cuh"
#include "sample.cuh"

using namespace qjax_cuda;

#define QJAX_KERNEL(name, Args, threads, blocks, body)                           \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Args args) { \
    const Block block;                                                           \
    body;                                                                        \
  }
#include "kernels.cuh"
