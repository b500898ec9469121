// Matrices: of one or two register bits, or of some bits of the tile.

#ifndef QJAX_KERNELS_CUDA_DENSE_CUH_
#define QJAX_KERNELS_CUDA_DENSE_CUH_

#include "gates.cuh"
#include "tile.cuh"

namespace qjax_cuda {

// How a matrix is taken.
enum Form { kAsIs, kInverse, kTransposed };

template <class Real, int B, bool kBackward>
class Dense {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit Dense(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  // By a real matrix whose cotangent is not wanted, on bit J.
  template <int J>
  QJAX_DEVICE void real(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const Real* m = tile_.at(t, op[1]);
      if constexpr (kBackward) {
        apply_real<J>(t.psi, m[0], m[4], m[2], m[6]);
        apply_real<J>(t.lam, m[0], m[4], m[2], m[6]);
      } else {
        apply_real<J>(t.psi, m[0], m[2], m[4], m[6]);
      }
    }
  }

  template <int J>
  QJAX_DEVICE void matrix(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      if (tile_.acts(op + 3, me)) {
        Entries<2> e(tile_.at(t, op[1]), false);
        if constexpr (kBackward) {
          e.transpose();
          e.conjugate();
          apply_matrix<J>(t.psi, e.m);
          QJAX_UNROLL
          for (int k = 0; k < 4; ++k) {
            C total = {0, 0};
            QJAX_UNROLL
            for (int i = 0; i < N; ++i) {
              if (i >> J & 1) continue;
              total = add_times(total, t.lam[i | (k >> 1) << J], t.psi[i | (k & 1) << J]);
            }
            t.part[2 * k] = total.re;
            t.part[2 * k + 1] = -total.im;
          }
          e.conjugate();
          apply_matrix<J>(t.lam, e.m);
        } else {
          apply_matrix<J>(t.psi, e.m);
        }
      } else {
        no_parts<8>(t);
      }
    }
    tile_.want(8, op[2]);
  }

  template <int A, int D>
  QJAX_DEVICE void matrix2(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      if (tile_.acts(op + 3, me)) {
        Entries<4> e(tile_.at(t, op[1]), op[7] != 0);
        if constexpr (kBackward) {
          e.transpose();
          e.conjugate();
          apply_matrix2<A, D>(t.psi, e.m);
          QJAX_UNROLL
          for (int k = 0; k < 16; ++k) {
            const int row = (k >> 2 & 1) << A | k >> 3 << D, col = (k & 1) << A | (k >> 1 & 1) << D;
            C total = {0, 0};
            QJAX_UNROLL
            for (int i = 0; i < N; ++i) {
              if (i & (1 << A | 1 << D)) continue;
              total = add_times(total, t.lam[i | row], t.psi[i | col]);
            }
            t.part[2 * k] = total.re;
            t.part[2 * k + 1] = -total.im;
          }
          e.conjugate();
          apply_matrix2<A, D>(t.lam, e.m);
        } else {
          apply_matrix2<A, D>(t.psi, e.m);
        }
      } else {
        no_parts<32>(t);
      }
    }
    tile_.want(32, op[2]);
  }

  // By one of some bits of the tile.
  QJAX_DEVICE void far(const int* op) {
    if constexpr (!kBackward) {
      far_product<kAsIs>(op, 0);
    } else {
      far_product<kInverse>(op, 0);
      far_product<kTransposed>(op, tile_.buffer());
      if (op[7] >= 0) far_sums(op);
    }
  }

 private:
  // The entries of a matrix on one or two bits. `swapped` says that it has the higher bit first.
  template <int kSize>
  struct Entries {
    C m[kSize * kSize];
    QJAX_DEVICE Entries(const Real* from, bool swapped) {
      if (swapped) {
        QJAX_UNROLL
        for (int k = 0; k < kSize * kSize; ++k) m[k] = entry(from, (k & 5) << 1 | (k & 10) >> 1);
      } else {
        QJAX_UNROLL
        for (int k = 0; k < kSize * kSize; ++k) m[k] = entry(from, k);
      }
    }
    QJAX_DEVICE static void exchanged(C& a, C& b) {
      const C kept = a;
      a = b;
      b = kept;
    }
    QJAX_DEVICE void transpose() {
      QJAX_UNROLL
      for (int k = 0; k < kSize * kSize; ++k) {
        const int other = k % kSize * kSize + k / kSize;
        if (k < other) exchanged(m[k], m[other]);
      }
    }
    QJAX_DEVICE void conjugate() {
      QJAX_UNROLL
      for (int k = 0; k < kSize * kSize; ++k) m[k].im = -m[k].im;
    }
  };

  // Has no sums, if a matrix does not act.
  template <int Count>
  QJAX_DEVICE static void no_parts(Thread& t) {
    if constexpr (kBackward) {
      QJAX_UNROLL
      for (int k = 0; k < Count; ++k) t.part[k] = 0;
    }
  }

  // sum over col of a form of the matrix times what is in a buffer, where the op acts.
  template <Form kForm>
  QJAX_DEVICE void far_product(const int* op, u32 skipped) {
    const int k = op[8];
    const int* bits = op + 9;
    const int* columns = op + op[1];
    const Shared<C> memory = tile_.block.template shared<C>(skipped);
    const u32 all = spread(bits, k, ~0u);
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const Real* m = tile_.at(t, op[6]);
      C result[N];
      QJAX_ROLLED
      for (int i = 0; i < N; ++i) {
        const u32 own_place = tile_.place(columns, me, i);
        const u32 row = gathered(bits, k, own_place);
        C total = {0, 0};
        QJAX_ROLLED
        for (u32 col = 0; col < 1u << k; ++col) {
          C factor = entry(m, kForm == kAsIs ? (row << k) + col : (col << k) + row);
          if (kForm == kInverse) factor.im = -factor.im;
          const u32 from = tile_.first_place(me) + ((own_place & ~all) | spread(bits, k, col));
          total = add_times(total, factor, memory.get(me, from));
        }
        result[i] = total;
      }
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        if (!tile_.acts_at(op, tile_.place(columns, me, i))) continue;
        if constexpr (kForm == kTransposed) {
          t.lam[i] = result[i];
        } else {
          t.psi[i] = result[i];
        }
      }
    }
  }

  // Sums over psi of the input side and lam of the output side, which is still in its buffer.
  QJAX_DEVICE void far_sums(const int* op) {
    const int k = op[8];
    const int* bits = op + 9;
    const int* columns = op + op[1];
    const Shared<C> memory = tile_.memory();
    tile_.block.sync();
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        memory.set(me, tile_.first_place(me) + tile_.place(columns, me, i), t.psi[i]);
      }
    }
    tile_.block.sync();
    if (!tile_.outer_acts(op + 2)) return;
    QJAX_EACH(tile_.block, me) {
      const u32 mask = ((1u << tile_.args.tile_bits) - 1) & ~(spread(bits, k, ~0u) | op[2]);
      QJAX_ROLLED
      for (u32 e = tile_.own(me); e < 1u << (2 * k); e += 1u << tile_.args.thread_bits) {
        const u32 first = tile_.first_place(me) + op[3];
        const u32 row = first + spread(bits, k, e >> k);
        const u32 col = first + spread(bits, k, e & ((1u << k) - 1));
        tile_.add(op[7] + 2 * static_cast<int>(e), me, tile_.product_sum(me, row, col, mask));
      }
    }
  }

  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_DENSE_CUH_
