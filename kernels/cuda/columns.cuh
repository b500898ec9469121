// Indices that are linear over bits: sums (exclusive or) of a column for each bit that is set.

#ifndef QJAX_KERNELS_CUDA_COLUMNS_CUH_
#define QJAX_KERNELS_CUDA_COLUMNS_CUH_

#include "block.cuh"

namespace qjax_cuda {

QJAX_DEVICE u32 column_sum(const int* columns, int count, u32 bits) {
  u32 total = 0;
  QJAX_ROLLED
  for (int b = 0; b < count; ++b) total ^= bits >> b & 1 ? static_cast<u32>(columns[b]) : 0;
  return total;
}

QJAX_DEVICE u32 thread_sum(const int* sums, u32 thread) {
  return static_cast<u32>(sums[thread & 15] ^ sums[16 + (thread >> 4)]);
}

// Columns of register bits, kept so that the sum for a constant register costs little.
template <int B>
struct RegisterColumns {
  u32 of[B];
  // `unit` scales the columns, so that the sums need not be.
  QJAX_DEVICE explicit RegisterColumns(const int* columns, u32 unit = 1) {
    QJAX_UNROLL
    for (int k = 0; k < B; k += 4) {
      const Words4 words = four_words(columns + k);
      QJAX_UNROLL
      for (int b = k; b < B && b < k + 4; ++b) {
        of[b] = static_cast<u32>(words.of[b - k]);
        if (unit != 1) of[b] = kept(of[b] * unit);
      }
    }
  }
  // The same from words that start anywhere.
  QJAX_DEVICE static RegisterColumns from(const int* columns) {
    RegisterColumns out;
    QJAX_UNROLL
    for (int b = 0; b < B; ++b) out.of[b] = static_cast<u32>(columns[b]);
    return out;
  }
  QJAX_DEVICE u32 operator()(int i) const {
    u32 total = 0;
    QJAX_UNROLL
    for (int b = 0; b < B; ++b) total ^= i >> b & 1 ? of[b] : 0;
    return total;
  }
  // Calls use(i, first ^ sum for i) for each register; each sum is that of i without its lowest bit
  // and one column.
  template <class Use>
  QJAX_DEVICE void each(u32 first, const Use& use) const {
    u32 sums[1 << B];
    QJAX_UNROLL
    for (int i = 0; i < 1 << B; ++i) {
      sums[i] = first;
      QJAX_UNROLL
      for (int b = B - 1; b >= 0; --b) {
        if (i >> b & 1) sums[i] = kept(sums[i & (i - 1)] ^ of[b]);
      }
      use(i, sums[i]);
    }
  }

  QJAX_DEVICE RegisterColumns() {}
};

// The bits of a number, brought to places, and back.
QJAX_DEVICE u32 spread(const int* bits, int k, u32 value) {
  u32 out = 0;
  QJAX_ROLLED
  for (int b = 0; b < k; ++b) out |= (value >> b & 1) << bits[b];
  return out;
}

QJAX_DEVICE u32 gathered(const int* bits, int k, u32 place) {
  u32 out = 0;
  QJAX_ROLLED
  for (int b = 0; b < k; ++b) out |= (place >> bits[b] & 1) << b;
  return out;
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_COLUMNS_CUH_
