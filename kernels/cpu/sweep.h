// Running a plan, forward and backward: arguments and results. The tape is described in tape.h.

#ifndef QJAX_KERNELS_CPU_SWEEP_H_
#define QJAX_KERNELS_CPU_SWEEP_H_

#include <stdint.h>

#include "pool.h"

namespace qjax {

// Arrays are contiguous; amplitudes are interleaved (re, im). A count of rows is the batch or 1,
// and one row then serves every sample. R is float or double.
struct ApplyArgs {
  const int32_t* tape;
  const void* state;  // state_rows x 2^n complex
  int64_t state_rows;
  const void* numbers;  // number_rows x V real
  int64_t number_rows;
  const void* constants;  // real
  void* out;  // batch x 2^n complex; may be `state`
  int64_t batch;
};

struct AdjointArgs {
  const int32_t* tape;
  const void* out;  // out_rows x 2^n complex: the state after the run
  int64_t out_rows;
  const void* cotangent;  // cotangent_rows x 2^n complex: its cotangent
  int64_t cotangent_rows;
  const void* numbers;  // number_rows x V real
  int64_t number_rows;
  const void* constants;  // real
  void* psi;  // batch x 2^n complex: scratch; may be `out`
  void* by_state;  // batch x 2^n complex: cotangent of the state before the run; may be `cotangent`
  void* by_numbers;  // number_rows x V real: cotangent of the numbers
  int64_t batch;
};

// Functions for [0] float and [1] double. They return null or why they failed.
struct SweepKernels {
  const char* (*apply[2])(Pool& pool, const ApplyArgs& args);
  const char* (*adjoint[2])(Pool& pool, const AdjointArgs& args);
};

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_SWEEP_H_
