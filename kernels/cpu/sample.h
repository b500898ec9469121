// Outcomes of measurements: drawn indices, and probabilities of some of the qubits.

#ifndef QJAX_KERNELS_CPU_SAMPLE_H_
#define QJAX_KERNELS_CPU_SAMPLE_H_

#include <stdint.h>

#include "pool.h"

namespace qjax {

struct DrawArgs {
  int qubits;
  const void* state;      // batch x 2^n complex, interleaved
  const uint32_t* words;  // batch x shots x 2: random bits of each shot
  int32_t* out;           // batch x shots: indices, each with its share of the sum of |amplitude|^2
  int64_t shots;
  int64_t batch;
};

struct MarginalArgs {
  int qubits;
  const void* state;      // batch x 2^n complex
  const int32_t* chosen;  // k distinct qubits; chosen[b] is bit b of an outcome
  int k;
  void* out;  // batch x 2^k real: sums of |amplitude|^2
  int64_t batch;
};

// They return null or why they failed. T is float or double.
template <class T>
const char* draw(Pool& pool, const DrawArgs& args);
template <class T>
const char* marginals(Pool& pool, const MarginalArgs& args);

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_SAMPLE_H_
