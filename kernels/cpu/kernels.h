// What every instruction set gives: one table of functions, filled once per instruction set.

#ifndef QJAX_KERNELS_CPU_KERNELS_H_
#define QJAX_KERNELS_CPU_KERNELS_H_

#include "pauli.h"
#include "sweep.h"

namespace qjax {

struct Kernels {
  const char* isa;
  SweepKernels sweep;
  PauliKernels pauli;
};

// The kernels of the instruction set in use (dispatch.cc).
const Kernels& active();

// One function per instruction set and part; each is compiled in a file of its own.
#define QJAX_DECLARE(isa)       \
  namespace isa {               \
  SweepKernels sweep_kernels(); \
  PauliKernels pauli_kernels(); \
  }
QJAX_DECLARE(portable)
#if defined(__x86_64__)
QJAX_DECLARE(avx2)
QJAX_DECLARE(avx512)
#endif
#undef QJAX_DECLARE

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_KERNELS_H_
