// What the host gives to the kernels. One struct each, by value.

#ifndef QJAX_KERNELS_CUDA_ARGS_H_
#define QJAX_KERNELS_CUDA_ARGS_H_

namespace qjax_cuda {

constexpr int kSharedBytes = 72 << 10;  // of shared memory that a block may have

// A block has 2^t threads per sample, so threads / 2^t samples at a time: one *group* of the batch.
// Block b works on part b % parts of the tiles of the groups b / parts, + blocks / parts, ...
struct SweepArgs {
  const int* tape;   // of the sweep
  int qubits, tile_bits, thread_bits;
  int prepared;  // ops kTurns for which a sample has room
  long long batch, groups, tiles, parts;
  const void* numbers;
  long long number_stride;  // between samples; 0 if they share them
  const void* constants;  // where the number kConstants would stand before the first
  const void* psi_in;  // complex; null for |0...0>
  long long psi_stride;  // amplitudes between samples; 0 if they share one
  void* psi;  // batch x 2^n complex; may be psi_in
  // Backward only.
  const void* lam_in;
  long long lam_stride;
  void* lam;
  // Column k has `rows` sums of op k, one for each group of min(32, 2^t) threads; if the numbers are
  // separate, those of a sample stand together.
  double* sums;
  long long rows;
  int separate;
  int overlap;  // the column of Re sum lam psi, wanted in the first sweep; else -1
};

struct GatherArgs {
  const int* emits;  // kEmitWords each; null for the overlap alone
  int count;
  const double* sums;
  long long rows, rows_each;  // all, and those of one sample or of all samples
  int lanes;                  // 2^lanes threads add up one sum
  long long samples;          // 1 if the numbers are shared
  int overlap;                // the column, if emits is null
  double* overlaps;           // of each sample
  const void* numbers;
  void* by_numbers;
  long long stride;  // numbers of a sample
};

struct BasisArgs {
  void* out;  // 2^n complex
  long long size, index;
};

// Pauli strings, by passes over tiles; the words are described in pauli.cuh.
struct PauliArgs {
  const int* words;  // of the pass
  int qubits, tile_bits, thread_bits;
  long long batch, groups, tiles, parts;
  const void* a;  // complex
  long long a_stride;
  const void* b;  // complex
  long long b_stride;
  int conjugate;  // whether a is conjugated and results are real
  // Overlaps: column 2 t and 2 t + 1 are the real and imaginary part of term t, or t the real one.
  // Combination: null, or one column of Re sum b out / 2, wanted in the last pass.
  double* sums;
  long long rows;
  // Combination.
  const void* weights;  // samples x terms: complex, or real if `conjugate`
  long long weight_stride;  // terms between samples; 0 if they share them
  void* out;
  int first;  // whether this pass is the first, and does not add
};

struct TotalArgs {
  const double* sums;
  long long rows, rows_each;
  int lanes;
  long long samples, columns;
  void* out;  // samples x columns real
};

struct DrawArgs {
  int qubits, chunk_bits;
  long long batch, shots;
  long long chunks, spans;  // of a sample; a span has chunks / spans of them
  const void* state;
  double* until;   // batch x chunks
  double* totals;  // batch x spans
  const unsigned* words;  // batch x shots x 2 random words
  int* out;               // batch x shots
};

struct MarginalArgs {
  int qubits, chosen;  // how many
  long long batch, parts;
  const void* state;
  const int* words;  // see marginal_parts
  double* partial;   // batch x parts x 2^chosen
  void* out;         // batch x 2^chosen real
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_ARGS_H_
