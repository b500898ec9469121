// Runs the ops of one sweep over the tiles of a block, forward or backward: the interpreter of tape.h.

#ifndef QJAX_KERNELS_CUDA_SWEEP_CUH_
#define QJAX_KERNELS_CUDA_SWEEP_CUH_

#include "dense.cuh"
#include "dense_tensor.cuh"
#include "diagonals.cuh"
#include "permutations.cuh"
#include "rotations.cuh"
#include "turns.cuh"

namespace qjax_cuda {

// kPlain: whether there are the ops of `plain_op` alone.
template <class Real, int B, bool kBackward, bool kPlain>
class Sweep {
 public:
  static constexpr int N = 1 << B;

  QJAX_DEVICE Sweep(const Block& block, const SweepArgs& args) : tile_(block, args) {}

  QJAX_DEVICE void run() {
    const Block& block = tile_.block;
    const SweepArgs& args = tile_.args;
    const i64 step = block.count() / args.parts;
    const i64 part = block.index() % args.parts;
    for (i64 group = block.index() / args.parts; group < args.groups; group += step) {
      tile_.take(group, part);
      for (i64 tile = part; tile < args.tiles; tile += args.parts) {
        tile_.load(static_cast<u32>(tile));
        ops(kSweepHeader + 2 * kAllColumns + (2 * args.tape[kRuns] + 3) / 4 * 4);
        tile_.store();
      }
    }
  }

 private:
  // Runs the ops from a word of the tape on.
  QJAX_DEVICE void ops(int at) {
    Words4 words = four_words(tile_.args.tape + at);
    QJAX_ROLLED
    for (;;) {
      const int next = at + (words.of[0] >> 8), code = words.of[0] & 0xff;
      // What circuits have most comes first; the next op is asked for while it runs.
      if (code == kTurns) {
        const Words4 ahead = four_words(tile_.args.tape + next);
        Turns(tile_).apply(tile_.args.tape + at, words);
        words = ahead;
      } else if (code == kExchange) {
        const Words4 ahead = four_words(tile_.args.tape + next);
        tile_.exchange(tile_.args.tape + at, words);
        words = ahead;
      } else {
        if (code == kEnd) return;
        other(code, tile_.args.tape + at);
        words = four_words(tile_.args.tape + next);
      }
      at = next;
    }
  }

  QJAX_DEVICE void other(int code, const int* op) {
    if constexpr (kPlain) {
      plain_op(code, op);
    } else if (code <= kTensor) {
      tile_.put(op + op[1]);
      far_op(code, op);
    } else {
      near_op(code, op);
    }
    if constexpr (kBackward) tile_.add_parts();
  }

  QJAX_DEVICE void far_op(int code, const int* op) {
    switch (code) {
      case kRotationFar: Rotations(tile_).far(op); break;
      case kDenseFar: Dense(tile_).far(op); break;
      case kPermuteFar: Permutations(tile_).far(op); break;
      case kTableSumFar:
        if constexpr (kBackward) Diagonals(tile_).table_sum_far(op);
        break;
      case kTensor:
        if constexpr (B >= 3) TensorDense(tile_).apply(op);
        break;
      default: break;
    }
  }

  // Ops on registers that most circuits are made of.
  QJAX_DEVICE void plain_op(int code, const int* op) {
#define QJAX_ON_BIT(first, J, name)                       \
  case first + J:                                         \
    if constexpr (J < B) name<(J < B ? J : 0)>(op);       \
    break;
#define QJAX_ON_BITS(first, name)                                     \
  QJAX_ON_BIT(first, 0, name) QJAX_ON_BIT(first, 1, name)             \
  QJAX_ON_BIT(first, 2, name) QJAX_ON_BIT(first, 3, name)             \
  QJAX_ON_BIT(first, 4, name)
#define QJAX_MATRIX2(k, A, D)                                                              \
  case kDense2 + k:                                                                        \
    if constexpr (D < B) Dense(tile_).template matrix2<(D < B ? A : 0), (D < B ? D : 1)>(op);    \
    break;
    switch (code) {
      case kSettle: tile_.settle(); break;
      case kPrepare: Turns(tile_).prepare(op); break;
      case kSigns: Diagonals(tile_).signs(op); break;
      QJAX_ON_BITS(kReal, Dense(tile_).template real)
      QJAX_ON_BITS(kMatrix, Dense(tile_).template matrix)
      QJAX_ON_BITS(kFlip, Permutations(tile_).template flip)
      QJAX_MATRIX2(0, 0, 1) QJAX_MATRIX2(1, 0, 2) QJAX_MATRIX2(2, 1, 2)
      QJAX_MATRIX2(3, 0, 3) QJAX_MATRIX2(4, 1, 3) QJAX_MATRIX2(5, 2, 3)
      QJAX_MATRIX2(6, 0, 4) QJAX_MATRIX2(7, 1, 4) QJAX_MATRIX2(8, 2, 4) QJAX_MATRIX2(9, 3, 4)
      case kPhases: Diagonals(tile_).phases(op); break;
      case kFactorSum:
        if constexpr (kBackward) Diagonals(tile_).factor_sum(op);
        break;
      case kOverlap:
        if constexpr (kBackward) tile_.overlap(op);
        break;
      default: break;
    }
#undef QJAX_ON_BIT
#undef QJAX_ON_BITS
#undef QJAX_MATRIX2
  }

  QJAX_DEVICE void near_op(int code, const int* op) {
#define QJAX_ROTATION(X)                                                   \
  case kRotation + X:                                                      \
    if constexpr (X < N) Rotations(tile_).template near<(X < N ? X : 1)>(op);    \
    break;
    switch (code) {
      QJAX_ROTATION(1) QJAX_ROTATION(2) QJAX_ROTATION(3) QJAX_ROTATION(4) QJAX_ROTATION(5)
      QJAX_ROTATION(6) QJAX_ROTATION(7) QJAX_ROTATION(8) QJAX_ROTATION(9) QJAX_ROTATION(10)
      QJAX_ROTATION(11) QJAX_ROTATION(12) QJAX_ROTATION(13) QJAX_ROTATION(14) QJAX_ROTATION(15)
      QJAX_ROTATION(16) QJAX_ROTATION(17) QJAX_ROTATION(18) QJAX_ROTATION(19) QJAX_ROTATION(20)
      QJAX_ROTATION(21) QJAX_ROTATION(22) QJAX_ROTATION(23) QJAX_ROTATION(24) QJAX_ROTATION(25)
      QJAX_ROTATION(26) QJAX_ROTATION(27) QJAX_ROTATION(28) QJAX_ROTATION(29) QJAX_ROTATION(30)
      QJAX_ROTATION(31)
      case kTable: Diagonals(tile_).table(op); break;
      case kTableSum:
        if constexpr (kBackward) Diagonals(tile_).table_sum(op);
        break;
      default: plain_op(code, op); break;
    }
#undef QJAX_ROTATION
  }

  Tile<Real, B, kBackward> tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_SWEEP_CUH_
