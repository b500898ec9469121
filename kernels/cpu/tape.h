// The tape: a plan as int32, written by qjax/engine/cpu_tape.py and interpreted by sweep.cc.
//
//   header   [version, n, T, V, constants, low, sweeps, offset of each sweep...]
//   sweep    [steps, run, sums, emits, offset of the emits, T tile qubits, n - T outer qubits,
//             offset of each step...]
//   emit     [form, sum, number, count]: how sums become the cotangent of numbers
//   step     [code, ...], by code as below
//
// Offsets are from the start of the tape. A tile is the 2^T amplitudes of T qubits; bit p of an index
// in the tile is qubit tile[p], bit o of the outer index is qubit outer[o]; the lowest `run` tile
// qubits are 0..run-1. A reference to numbers is an index into the numbers of the run, or
// -1 - index into the constants.
//
// A condition is four words: the step acts where tile & m == v and outer & m == v
//   [tile m, tile v, outer m, outer v].

#ifndef QJAX_KERNELS_CPU_TAPE_H_
#define QJAX_KERNELS_CPU_TAPE_H_

#include <stdint.h>

namespace qjax {

constexpr int32_t kTapeVersion = 1;

enum Header : int { kVersion, kQubits, kTileBits, kNumbers, kConstants, kLow, kSweeps, kHeader };

enum SweepWord : int { kSteps, kRun, kSums, kEmits, kEmitOffset, kSweepHeader };

enum Code : int32_t {
  // [code, count, (form, bit, numbers, sum) of each]: 2x2 matrices on distinct bits of the tile.
  kSingles = 0,
  // [code, x, z, outer z, letters Y, numbers, sum, condition]: exp(-i angle P / 2), x not 0.
  kRotation = 1,
  // [code, k, numbers, sum or -1, condition, k bits]: a 2^k x 2^k matrix.
  kDense = 2,
  // [code, count, offset of each factor...]: a product of diagonal factors, each of one of the forms
  //   [kParity, z, outer z, numbers, sum or -1, condition]: exp(-i angle Z..Z / 2)
  //   [kTable, k, 0, numbers, sum or -1, condition, k bits]: entry by k bits; 32 + b is outer bit b
  // so that with low = 2^kLow each depends on the low bits only, on the others only, or on low bits
  // and one other bit of the tile.
  kPhases = 3,
  // [code, offset of the factor]: one diagonal factor of any kind.
  kPhase = 4,
  // [code, constant, T columns, n - T outer columns] twice: new[y] = old[A y ^ B outer ^ constant],
  // then the same of the inverse.
  kAffine = 5,
  // [code, bit, condition]: X under a condition.
  kFlip = 6,
  // [code, k, condition, k bits, 2^k entries, 2^k entries of the inverse]: |j> goes to |entry j>.
  kPermute = 7,
};

enum SingleForm : int32_t {
  kRy = 0,     // numbers: cos, sin
  kReal = 1,   // numbers: the 8 of a matrix without imaginary parts, whose cotangent is not wanted
  kRx = 2,     // numbers: cos, sin
  kMatrix = 3  // numbers: re and im of the entries, row by row; no cotangent if sum is -1
};

enum FactorForm : int32_t { kParity = 0, kTable = 1 };

// Words of a condition.
struct Condition {
  uint32_t tile_mask, tile_value, outer_mask, outer_value;
};

inline Condition condition_at(const int32_t* words) {
  return {static_cast<uint32_t>(words[0]), static_cast<uint32_t>(words[1]),
          static_cast<uint32_t>(words[2]), static_cast<uint32_t>(words[3])};
}

enum EmitForm : int32_t {
  // numbers[number + i] = sums[sum + i], i < count.
  kCopy = 0,
  // cos, sin of an unconditional rotation from g = sums[sum] and the overlap R of the whole run:
  // (cos R - sin g, sin R + cos g).
  kAngle = 1,
};

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_TAPE_H_
