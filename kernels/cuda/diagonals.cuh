// Diagonals. lam psi does not change along them, so the cotangent of one of them, which is lam psi of
// its output and input side, is lam psi / d, |d| = 1.

#ifndef QJAX_KERNELS_CUDA_DIAGONALS_CUH_
#define QJAX_KERNELS_CUDA_DIAGONALS_CUH_

#include "tile.cuh"

namespace qjax_cuda {

// The two values of a diagonal.
template <class Real>
struct Pair {
  Complex<Real> zero, one;
};

template <class Real, int B, bool kBackward>
class Diagonals {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit Diagonals(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  // Factors of 1 and -1.
  QJAX_DEVICE void signs(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      u32 minus = 0;
      const int* sign = op + 2;
      QJAX_ROLLED
      for (int k = 0; k < op[1]; ++k, sign += 5) {
        minus ^= tile_.acts(sign, me) ? static_cast<u32>(sign[4]) : 0;
      }
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 flip = minus << (31 - i) & 0x80000000u;
        t.psi[i] = negated(t.psi[i], flip);
        if constexpr (kBackward) t.lam[i] = negated(t.lam[i], flip);
      }
    }
  }

  // The product of factors of two values each.
  QJAX_DEVICE void phases(const int* op) {
    const int count = op[1];
    const u32 pattern = static_cast<u32>(op[2]);
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      C zero = {1, 0}, one = {1, 0};
      QJAX_ROLLED
      for (int k = 0; k < count; ++k) {
        const Pair<Real> d = factor(op + 3 + k * kFactorWords, me);
        zero = times(zero, d.zero);
        one = times(one, d.one);
      }
      if (pattern == 0) {
        t.scale = kBackward ? conj_times(zero, t.scale) : times(zero, t.scale);
      } else {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const C d = pattern >> i & 1 ? one : zero;
          t.psi[i] = kBackward ? conj_times(d, t.psi[i]) : times(d, t.psi[i]);
          if constexpr (kBackward) t.lam[i] = times(d, t.lam[i]);
        }
      }
    }
  }

  QJAX_DEVICE void factor_sum(const int* op) {
    const u32 pattern = static_cast<u32>(op[2]);
    const int* f = op + 3;
    const bool alone = f[0] == kAngle && f[4] == 0 && f[6] == 0;
    if constexpr (kBackward) {
      QJAX_EACH(tile_.block, me) {
        Thread& t = tile_.threads[me];
        C zero = {0, 0}, one = {0, 0};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const C product = times(t.lam[i], t.psi[i]);
          const bool up = pattern >> i & 1;
          zero = plus(zero, up ? C{0, 0} : product);
          one = plus(one, up ? product : C{0, 0});
        }
        const Pair<Real> d = factor(f, me);
        const bool turned = f[0] != kScalar && odd(f, me), on = tile_.acts(f + 4, me);
        C first = alone ? zero : conj_times(d.zero, zero);
        C second = alone ? one : conj_times(d.one, one);
        if (!on) first = second = C{0, 0};
        const C low = turned ? second : first, high = turned ? first : second;
        if (f[0] == kAngle) {
          t.part[0] = alone ? low.im - high.im : low.re + high.re;
          t.part[1] = low.im - high.im;
        } else {
          t.part[0] = f[0] == kScalar ? high.re : low.re;
          t.part[1] = f[0] == kScalar ? -high.im : -low.im;
        }
        t.part[2] = high.re;
        t.part[3] = -high.im;
      }
    }
    tile_.want(alone ? 1 : f[0] == kPair ? 4 : 2, op[1]);
  }

  // A diagonal that stands among the numbers.
  QJAX_DEVICE void table(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const Real* m = tile_.at(t, op[1]);
      const u32 on = tile_.acts(op + 3, me) ? static_cast<u32>(op[7]) : 0;
      const u32 first = table_index(op + 9 + B, op[8 + B], me);
      const auto share = RegisterColumns<B>::from(op + 8);
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const C value = entry(m, first ^ share(i));
        const C d = on >> i & 1 ? value : C{1, 0};
        if constexpr (kBackward) {
          t.psi[i] = conj_times(d, t.psi[i]);
          t.lam[i] = times(d, t.lam[i]);
        } else {
          t.psi[i] = times(d, t.psi[i]);
        }
      }
    }
  }

  // The sum of one of its entries.
  QJAX_DEVICE void table_sum(const int* op) {
    const int* table = op + 1;  // where kTable's words stand, from [1] on
    const int count = table[8 + B];
    const int* places = table + 9 + B;
    u32 e = static_cast<u32>(op[1]);
    for (int b = 0; b < count; ++b) {
      const int place = places[2 * b];
      if (place >= 32) e |= (tile_.outer >> (place - 32) & 1) << places[2 * b + 1];
    }
    if constexpr (kBackward) {
      QJAX_EACH(tile_.block, me) {
        Thread& t = tile_.threads[me];
        const u32 on = tile_.acts(table + 3, me) ? static_cast<u32>(table[7]) : 0;
        const u32 first = table_index(places, count, me);
        const auto share = RegisterColumns<B>::from(table + 8);
        C total = {0, 0};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const bool here = (on >> i & 1) && (first ^ share(i)) == e;
          total = plus(total, here ? times(t.lam[i], t.psi[i]) : C{0, 0});
        }
        const C value = conj_times(entry(tile_.at(t, table[1]), e), total);
        t.part[0] = value.re;
        t.part[1] = -value.im;
      }
    }
    tile_.want(2, table[2] + 2 * static_cast<int>(e));
  }

  // Sums of a diagonal of many bits of the tile: each thread some of its entries.
  QJAX_DEVICE void table_sum_far(const int* op) {
    if (!tile_.outer_acts(op + 2)) return;
    const int inside = op[8];
    const int* bits = op + 9;
    const int* outside = bits + 2 * inside;
    u32 common = 0;
    for (int b = 0; b < outside[0]; ++b) {
      common |= (tile_.outer >> outside[1 + 2 * b] & 1) << outside[2 + 2 * b];
    }
    QJAX_EACH(tile_.block, me) {
      const Real* d = tile_.at(tile_.threads[me], op[6]);
      u32 mask = ((1u << tile_.args.tile_bits) - 1) & ~op[2];
      for (int b = 0; b < inside; ++b) mask &= ~(1u << bits[2 * b]);
      QJAX_ROLLED
      for (u32 m = tile_.own(me); m < 1u << inside; m += 1u << tile_.args.thread_bits) {
        u32 e = common, first = tile_.first_place(me) + op[3];
        for (int b = 0; b < inside; ++b) {
          e |= (m >> b & 1) << bits[2 * b + 1];
          first += (m >> b & 1) << bits[2 * b];
        }
        const C total = tile_.product_sum(me, first, first, mask);
        tile_.add(op[7] + 2 * static_cast<int>(e), me, conj_times(entry(d, e), total));
      }
    }
  }

 private:
  // The values of a factor where its pattern is 0 and 1.
  QJAX_DEVICE Pair<Real> factor(const int* f, u32 me) const {
    if (!tile_.acts(f + 4, me)) return {{1, 0}, {1, 0}};
    const Real* m = tile_.at(tile_.threads[me], f[3]);
    if (f[0] == kScalar) return {{1, 0}, {m[0], m[1]}};
    const C zero = {m[0], f[0] == kAngle ? -m[1] : m[1]};
    const C one = f[0] == kAngle ? C{m[0], m[1]} : C{m[2], m[3]};
    return odd(f, me) ? Pair<Real>{one, zero} : Pair<Real>{zero, one};
  }

  QJAX_DEVICE bool odd(const int* f, u32 me) const {
    return parity(tile_.own(me) & f[1]) ^ parity(tile_.outer & f[2]);
  }

  // The index into a diagonal, without the bits of the register.
  QJAX_DEVICE u32 table_index(const int* places, int count, u32 me) const {
    u32 out = 0;
    for (int b = 0; b < count; ++b) {
      const int place = places[2 * b];
      const u32 bit = place < 32 ? tile_.own(me) >> place & 1 : tile_.outer >> (place - 32) & 1;
      out |= bit << places[2 * b + 1];
    }
    return out;
  }

  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_DIAGONALS_CUH_
