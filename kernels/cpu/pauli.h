// Pauli strings on states: arguments and results. The definitions are those of qjax/engine/pauli.py.

#ifndef QJAX_KERNELS_CPU_PAULI_H_
#define QJAX_KERNELS_CPU_PAULI_H_

#include <stdint.h>

#include "pool.h"

namespace qjax {

// Terms as int32, grouped by the qubits that they flip:
//   [n, terms, groups, then per group: x low, x high, first term, number of terms,
//    then per term: z low, z high, letters Y, place of its coefficient]
// where masks are two words of 32 bits and the terms of a group stand together.
struct PauliTerms {
  const int32_t* words;

  int qubits() const { return words[0]; }
  int terms() const { return words[1]; }
  int groups() const { return words[2]; }
  const int32_t* group(int g) const { return words + 3 + 4 * g; }
  const int32_t* term(int t) const { return words + 3 + 4 * groups() + 4 * t; }
  static int64_t mask(const int32_t* at) {
    return static_cast<int64_t>(static_cast<uint32_t>(at[0])) | static_cast<int64_t>(at[1]) << 32;
  }
};

// Amplitudes are interleaved (re, im); a count of rows is the batch or 1.
struct OverlapArgs {
  PauliTerms terms;
  const void* a;  // a_rows x 2^n complex
  int64_t a_rows;
  const void* b;  // b_rows x 2^n complex
  int64_t b_rows;
  // Either batch x terms complex: sum_j a[j] (P b)[j]; or, if `real`, batch x terms real:
  // Re sum_j conj(a[j]) (P b)[j].
  void* out;
  bool real;
  int64_t batch;
};

struct CombinationArgs {
  PauliTerms terms;
  const void* b;  // b_rows x 2^n complex
  int64_t b_rows;
  const void* weights;  // weight_rows x terms: complex, or real if `real`
  int64_t weight_rows;
  // batch x 2^n complex: sum_t w_t P_t b; or, if `real`, twice its conjugate. Must not be b.
  void* out;
  bool real;
  int64_t batch;
};

// Functions for [0] float and [1] double. They return null or why they failed.
struct PauliKernels {
  const char* (*overlaps[2])(Pool& pool, const OverlapArgs& args);
  const char* (*combination[2])(Pool& pool, const CombinationArgs& args);
};

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_PAULI_H_
