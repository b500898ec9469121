// The tape of the CUDA kernels: a plan as int32, written by qjax/engine/cuda_tape.py.
//
// A tile is the 2^K amplitudes of K qubits. A block holds it with 2^t threads, of which each has 2^R
// amplitudes in registers, K = t + R. A *layout* says which bit of the tile's index is which bit of
// the thread's index or of the register's; ops act on bits of registers, and an exchange through
// shared memory changes the layout. Everything in an op is written for the layout in which it runs,
// so the kernels know nothing of layouts.
//
//   sweep  [sums, number of emits, runs, 0, columns of the load, columns of the store, run..., op...]
//   run    [mask, shift]: neighbours among the outer qubits; they add (outer & mask) << shift to the
//          index of an amplitude, and the columns of the load and the store add the rest
//   op     [code + 256 * number of words, ...], by code as below; the last is kEnd
//   emit   [form, sum, number], of a backward sweep: how sums become cotangents of numbers
//
// Numbers are an index into the numbers of the run, or kConstants + an index into the constants, which
// is negative; a sum is an index, or -1 where the cotangent is not wanted. A *pattern* is a word whose
// bit i tells something of register i. A gate is four words: it acts where
//   thread & m == v  and  outer & m == v     [thread m, thread v, outer m, outer v]
// Columns are words that are XORed for the bits that are 1. For the bits of the thread these sums stand
// in a table, kThreadSums: 16 for the values of its lowest four bits, then 16 for those of the next
// four. Then follow kRegisterColumns for the bits of the register, 0 for bits that they lack. Columns,
// and ops as the count of words in their code says, start at multiples of four words. Far ops, from
// kExchange to kTensor, go through shared memory: before them all registers are written to the places
// that their columns give, found at op + op[1]. The others but kExchange and kTensor then work on
// places, which are indices in the tile, and start
//   [.., columns, m, v, outer m, outer v]: where place & m == v and outer & m == v they act.

#ifndef QJAX_KERNELS_CUDA_TAPE_H_
#define QJAX_KERNELS_CUDA_TAPE_H_

namespace qjax_cuda {

constexpr int kTapeVersion = 7;
constexpr int kThreadSums = 32;
constexpr int kRegisterColumns = 8;
constexpr int kAllColumns = kThreadSums + kRegisterColumns;
constexpr int kConstants = -(1 << 30);

enum SweepWord { kSums, kEmits, kRuns, kSweepPad, kSweepHeader };

enum Code {
  kEnd = 0,
  // [.., columns, constant, count, columns where to read, (outer bit, column)..., columns]
  kExchange = 1,
  // [.., columns, gate, numbers, sum, letters Y, x, z, outer z, columns]: exp(-i angle P / 2).
  kRotationFar = 2,
  // [.., columns, gate, numbers, sum, k, k bits, columns]: a 2^k x 2^k matrix on bits of the tile.
  kDenseFar = 3,
  // [.., columns, gate, k, k bits, 2^k entries, columns]: amplitude j comes from the one at entry j.
  kPermuteFar = 4,
  // [.., columns, gate, numbers, sum, count, (bit, position) of each target in the tile, count,
  // (outer bit, position) of the others, columns]: the sums of a kTable.
  kTableSumFar = 5,
  // [.., columns, m, v, outer m, outer v, numbers, sum, k, columns of the k bits of the matrix, those
  // of the K - k other bits, columns]: a matrix as in kDenseFar, k >= 3, on tensor cores. It acts where
  // other & m == v, `other` being the index of the other bits. A place is a sum of columns.
  kTensor = 6,
  // The registers get the phases that were left to the scale of a thread: by products of diagonals,
  // and by turns without diagonals.
  kSettle = 7,
  // [.., place, kinds, sums]: on each register bit a diagonal, a rotation about Y or X and a diagonal,
  // as the latest kPrepare left them at a place among its ops. Kinds are kAxisY or kAxisX of bit j
  // << 2 j, and whether there are diagonals before the rotations and after them. Sums are wanted of
  // nothing, 0, of rotations, 1, or also of the diagonals before them, 2; then follows for each bit
  //   [whether the rotation has a sum | the diagonal << 1 | first sum << 2].
  kTurns = 8,
  // [.., count, (gate, pattern)...]: -1 where a gate acts and its pattern is 1.
  kSigns = 9,
  // [.., numbers, -1]: a 2x2 matrix without imaginary parts on register bit code - kReal.
  kReal = 10,
  // [.., numbers, sum, gate]: a 2x2 matrix.
  kMatrix = 15,
  // [.., gate, pattern]: X where the pattern is 1.
  kFlip = 20,
  // [.., numbers, sum, gate, swapped]: a 4x4 matrix on two register bits, by code - kDense2 of the
  // pairs (0,1) (0,2) (1,2) (0,3) (1,3) (2,3) (0,4) (1,4) (2,4) (3,4); `swapped` if the matrix has
  // the higher bit first.
  kDense2 = 25,
  // [.., numbers, sum, gate, letters Y, thread z, outer z, pattern z]: exp(-i angle P / 2), P
  // flipping the register bits code - kRotation, of 1..31. Sums are those of cos and sin under a
  // condition, else one.
  kRotation = 35,
  // [.., count, pattern, factor...]: a product of diagonals.
  kPhases = 67,
  // [.., sum, pattern, factor]: the sums of a factor.
  kFactorSum = 68,
  // [.., numbers, sum, gate, pattern, R shares, count, (place, position) of each target that is no
  // register bit]: a diagonal, where the pattern is 1. A place is a bit of the thread, or 32 + a bit
  // of the outer index, and the position is that in the diagonal's index; a register bit adds its
  // share.
  kTable = 69,
  // [.., index, then as kTable from numbers on]: the sums of the entry at an index of bits of the
  // tile, to which the outer bits are added.
  kTableSum = 70,
  // [.., sum]: Re sum lam psi.
  kOverlap = 71,
  // [.., count, 0, 0, turn...]: what `count` ops kTurns need of their numbers, worked out once by the
  // threads of a sample: the turns of all register bits of the first, of the second, ...
  kPrepare = 72,
};

// A turn of a register bit: up to two diagonals, a rotation, and up to two diagonals. Of the sums, that
// of the rotation comes first; diagonals share theirs.
//   [axis | forms of the diagonals << 2, 5, 8 and 11, numbers of the rotation, those of the diagonals,
//   whether the op has diagonals after the rotations but none before them, 0]
constexpr int kTurnWords = 8;
// exp(-i angle P / 2); numbers are cos and sin. Or, of a unitary 2x2 matrix [[a, b], [c, d]] =
// diag(a / |a|, c / |c|) [[|a|, -|c|], [|c|, |a|]] diag(1, e), the one in the middle, about Y.
enum TurnAxis { kNoAxis = 0, kAxisY = 1, kAxisX = 2, kAxisOfMatrix = 3 };
constexpr int kPhasesBefore = 1 << 10, kPhasesAfter = 1 << 11;
enum TurnForm {
  kNone = 0,
  kHalfAngle = 1,  // exp(-i angle Z / 2); numbers are cos and sin
  kEntries = 2,    // both entries, which are phases; it has no sum
  kBefore = 3,     // of a matrix, what comes before its rotation, diag(1, e); it has no sum
  kAfter = 4,      // what comes after it
};

// A factor: [form, thread mask, outer mask, numbers, gate]. With bit = parity of the masks and, in a
// parity form, of the pattern:
enum FactorForm {
  kAngle = 0,   // exp(-+ i angle / 2) for bit 0, 1; numbers are cos and sin
  kPair = 1,    // numbers are the entries for bit 0 and 1
  kScalar = 2,  // one entry, where the pattern is 1
};
constexpr int kFactorWords = 8;

enum EmitForm {
  kCopy = 0,
  // cos and sin of an unconditional rotation, from g = sum and the overlap R of the whole run:
  // cos gets cos R - sin g, sin gets sin R + cos g.
  kCosine = 1,
  kSine = 2,
};
constexpr int kEmitWords = 3;

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_TAPE_H_
