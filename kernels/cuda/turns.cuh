// Turns: a diagonal, a rotation and a diagonal of each register bit, worked out once and kept in shared
// memory.

#ifndef QJAX_KERNELS_CUDA_TURNS_CUH_
#define QJAX_KERNELS_CUDA_TURNS_CUH_

#include "diagonals.cuh"
#include "gates.cuh"
#include "tile.cuh"

namespace qjax_cuda {

template <class Real, int B, bool kBackward>
class Turns {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit Turns(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  // Works out turns: first every one by itself, then the diagonals of all bits together.
  QJAX_DEVICE void prepare(const int* op) {
    if (tile_.prepared == op) return;  // for the tile before
    tile_.prepared = op;
    const u32 turns = static_cast<u32>(op[1]) * B, step = 1u << tile_.args.thread_bits;
    tile_.block.sync();
    QJAX_EACH(tile_.block, me) {
      QJAX_ROLLED
      for (u32 k = tile_.own(me); k < turns; k += step) {
        prepare_turn(me, op + 4 + k * kTurnWords, turn_place(me, k / B), k % B);
      }
    }
    tile_.block.sync();
    QJAX_EACH(tile_.block, me) {
      constexpr int kHalf = B / 2;
      QJAX_ROLLED
      for (u32 k = tile_.own(me); k < static_cast<u32>(op[1]) << (kHalf + 1); k += step) {
        const u32 place = turn_place(me, k >> (kHalf + 1)), high = k >> 1 & ((1 << kHalf) - 1);
        prepare_phases<B - kHalf>(me, place, k & 1, high);
      }
    }
    tile_.block.sync();
  }

  QJAX_DEVICE void apply(const int* op, const Words4& words) {
    const int kinds = words.of[2], sums = kBackward ? words.of[3] : 0;
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const Shared<C> memory = tile_.memory();
      const u32 place = turn_place(me, static_cast<u32>(words.of[1]));
      if constexpr (kBackward) {
        QJAX_UNROLL
        for (int j = 0; j < 8; ++j) t.part[j] = 0;
        if (sums > 1) diagonal_sum<B>(t, 0);
      }
      QJAX_ROLLED
      for (int step = 0; step < 3; ++step) {
        if (step == 1) {
          rotations<0>(me, memory, place + kShearPlace, kinds, sums);
        } else if (kinds & (step == 0 ? kPhasesBefore : kPhasesAfter)) {
          multiply_phases(me, memory, place + N / 2 * step);
        }
      }
      if (!(kinds & (kPhasesBefore | kPhasesAfter))) t.scale = times(memory.get(me, place), t.scale);
    }
    if constexpr (kBackward) {
      const auto& tile = tile_;
      const auto add = [&tile, op](u32 me, int k, double value) {
        const int sum = op[4 + (k & 3)];
        if (sum >> (k >> 2) & 1) tile.add((sum >> 2) + (k >> 2 & sum), me, value);
      };
      if (sums == 1) reduce<4>(tile_.block, tile_.threads, tile_.lanes(), add);
      if (sums > 1) reduce<8>(tile_.block, tile_.threads, tile_.lanes(), add);
    }
  }

 private:
  // What kPrepare works out stands behind the tiles. Of an op: what the diagonals before the rotations
  // and those after them are at each register; tan and sin of each register bit; and what the former
  // are made of, the two values of each bit, before and after.
  static constexpr u32 kShearPlace = 2 * N, kValuePlace = kShearPlace + B;
  static constexpr u32 kTurnPlaces = kValuePlace + 4 * B + B % 2;
  QJAX_DEVICE u32 turn_place(u32 me, u32 op) const {
    const u32 first = (kBackward ? 2 : 1) * tile_.buffer();
    return first + ((me >> tile_.args.thread_bits) * u32(tile_.args.prepared) + op) * kTurnPlaces;
  }

  // A unitary matrix as in TurnAxis: cos and sin of its rotation, and its diagonals.
  struct Factored {
    Real c, s;
    C zero, one, before;
  };

  QJAX_DEVICE static void polar(C z, Real& size, C& phase) {
    const Real square = z.re * z.re + z.im * z.im;
    const bool there = square > (sizeof(Real) == 4 ? Real(1e-30) : Real(1e-280));
    const Real inverse = there ? inverse_root(square) : 0;
    size = square * inverse;
    phase = there ? C{z.re * inverse, z.im * inverse} : C{1, 0};
  }

  QJAX_DEVICE static Factored factored(const Real* m) {
    Factored out;
    polar(entry(m, 0), out.c, out.zero);
    polar(entry(m, 2), out.s, out.one);
    const C b = conj_times(out.zero, entry(m, 1)), d = conj_times(out.one, entry(m, 3));
    out.before = {d.re * out.c - b.re * out.s, d.im * out.c - b.im * out.s};
    return out;
  }

  // The entries of a diagonal of a turn.
  QJAX_DEVICE static Pair<Real> diagonal(const Real* m, int form) {
    if (form >= kBefore) {
      const Factored f = factored(m);
      return form == kBefore ? Pair<Real>{{1, 0}, f.before} : Pair<Real>{f.zero, f.one};
    }
    const C first = entry(m, 0);
    if (form == kEntries) return {first, entry(m, 1)};
    return {conj(first), first};
  }

  // A rotation becomes three shears by tan(angle / 4) and sin(angle / 2), of a half angle within 90
  // degrees; beyond, it is minus such a one, which a diagonal takes over.
  QJAX_DEVICE void prepare_turn(u32 me, const int* turn, u32 place, u32 j) const {
    const Shared<C> memory = tile_.memory();
    const Thread& t = tile_.threads[me];
    const Words4 words = four_words(turn), more = four_words(turn + 4);
    const int axis = words.of[0] & 3;
    bool minus = false;
    if (axis) {
      const Real* m = tile_.at(t, words.of[1]);
      C turned = entry(m, 0);
      if (axis == kAxisOfMatrix) {
        const Factored f = factored(m);
        turned = {f.c, f.s};
      }
      minus = turned.re < 0;
      const Real sine = minus != kBackward ? -turned.im : turned.im;
      memory.set(me, place + kShearPlace + j, {quotient(sine, 1 + magnitude(turned.re)), sine});
    }
    const int numbers[4] = {words.of[2], words.of[3], more.of[0], more.of[1]};
    QJAX_UNROLL
    for (int side = 0; side < 2; ++side) {
      Pair<Real> both = {{1, 0}, {1, 0}};
      QJAX_UNROLL
      for (int d = 2 * side; d < 2 * side + 2; ++d) {
        const int form = words.of[0] >> (2 + 3 * d) & 7;
        if (form == kNone) continue;
        const Pair<Real> one = diagonal(tile_.at(t, numbers[d]), form);
        both = {times(both.zero, one.zero), times(both.one, one.one)};
      }
      if (minus && side == more.of[2]) {
        both = {{-both.zero.re, -both.zero.im}, {-both.one.re, -both.one.im}};
      }
      const u32 to = place + kValuePlace + 2 * (side * B + j);
      memory.set(me, to, both.zero);
      memory.set(me, to + 1, both.one);
    }
  }

  // The products of diagonals at the registers whose highest bits are `high`.
  template <int Low>
  QJAX_DEVICE void prepare_phases(u32 me, u32 place, u32 side, u32 high) const {
    const Shared<C> memory = tile_.memory();
    const u32 values = place + kValuePlace + 2 * B * side;
    C product[1 << Low];
    product[0] = {1, 0};
    QJAX_UNROLL
    for (int j = Low; j < B; ++j) {
      product[0] = times(product[0], memory.get(me, values + 2 * j + (high >> (j - Low) & 1)));
    }
    QJAX_UNROLL
    for (int j = 0; j < Low; ++j) {
      const C zero = memory.get(me, values + 2 * j), one = memory.get(me, values + 2 * j + 1);
      QJAX_UNROLL
      for (int e = 0; e < 1 << j; ++e) {
        product[e | 1 << j] = times(product[e], one);
        product[e] = times(product[e], zero);
      }
    }
    QJAX_UNROLL
    for (int e = 0; e < 1 << Low; ++e) {
      memory.set(me, place + N * side + (high << Low) + e, product[e]);
    }
  }

  template <int J>
  QJAX_DEVICE void rotations(u32 me, const Shared<C>& memory, u32 place, int kinds, int sums) {
    if constexpr (J < B) {
      Thread& t = tile_.threads[me];
      const int axis = kinds >> (2 * J) & 3;
      if (axis) {
        const C of = memory.get(me, place + J);  // tan and sin
        if (axis == kAxisY) {
          rotation<J, false>(t, of, sums);
        } else {
          rotation<J, true>(t, of, sums);
        }
      }
      rotations<J + 1>(me, memory, place, kinds, sums);
    }
  }

  template <int J, bool kX>
  QJAX_DEVICE static void rotation(Thread& t, C of, int sums) {
    if constexpr (kBackward) {
      if (sums) t.part[J] = rotation_sum<J, kX>(t);
      apply_shears<J, kX>(t.psi, of.re, of.im);
      apply_shears<J, kX>(t.lam, kX ? -of.re : of.re, kX ? -of.im : of.im);
    } else {
      apply_shears<J, kX>(t.psi, of.re, of.im);
    }
  }

  // Re lam W psi, W = -i P.
  template <int J, bool kX>
  QJAX_DEVICE static Real rotation_sum(const Thread& t) {
    Real first = 0, second = 0;
    QJAX_UNROLL
    for (int i = 0; i < N; ++i) {
      if (i >> J & 1) continue;
      const int k = i | 1 << J;
      if constexpr (kX) {
        first += t.lam[i].re * t.psi[k].im;
        first += t.lam[i].im * t.psi[k].re;
        second += t.lam[k].re * t.psi[i].im;
        second += t.lam[k].im * t.psi[i].re;
      } else {
        first += t.lam[k].re * t.psi[i].re;
        first -= t.lam[k].im * t.psi[i].im;
        second -= t.lam[i].re * t.psi[k].re;
        second += t.lam[i].im * t.psi[k].im;
      }
    }
    return first + second;
  }

  // For each of the lowest `Bits` register bits, Im lam psi of its value 0 less that of its value 1,
  // over the registers from `first` on; gives the sum over them.
  template <int Bits>
  QJAX_DEVICE static Real diagonal_sum(Thread& t, int first) {
    if constexpr (Bits == 0) {
      return t.lam[first].re * t.psi[first].im + t.lam[first].im * t.psi[first].re;
    } else {
      const Real zero = diagonal_sum<Bits - 1>(t, first);
      const Real one = diagonal_sum<Bits - 1>(t, first | 1 << (Bits - 1));
      t.part[3 + Bits] += zero - one;
      return zero + one;
    }
  }

  // A diagonal whose values at the registers stand from a place on.
  QJAX_DEVICE void multiply_phases(u32 me, const Shared<C>& memory, u32 place) {
    Thread& t = tile_.threads[me];
    QJAX_UNROLL
    for (int i = 0; i < N; i += 2) {
      const Two<C> phases = memory.get_two(me, place + i);
      QJAX_UNROLL
      for (int k = i; k < i + 2; ++k) {
        const C phase = phases.of[k - i];
        t.psi[k] = kBackward ? conj_times(phase, t.psi[k]) : times(phase, t.psi[k]);
        if constexpr (kBackward) t.lam[k] = times(phase, t.lam[k]);
      }
    }
  }

  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_TURNS_CUH_
