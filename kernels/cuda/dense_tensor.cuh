// Matrices of some bits of the tile, on tensor cores.

#ifndef QJAX_KERNELS_CUDA_DENSE_TENSOR_CUH_
#define QJAX_KERNELS_CUDA_DENSE_TENSOR_CUH_

#include "dense.cuh"
#include "tensor.cuh"

namespace qjax_cuda {

template <class Real, int B, bool kBackward>
class TensorDense {
  using C = Complex<Real>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit TensorDense(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  QJAX_DEVICE void apply(const int* op) {
    if (!tile_.outer_acts(op + 2)) return;
    if constexpr (kBackward) {
      product<kInverse>(op, 0);
      if (op[7] >= 0) sums(op);
      product<kTransposed>(op, tile_.buffer());
    } else {
      product<kAsIs>(op, 0);
    }
    tile_.get(op + op[1], 0);
  }

 private:
  // Where the op finds an amplitude: `target` is the index of the matrix, `other` that of the other
  // bits of the tile.
  struct Places {
    const int* columns;
    int bits, others;
    QJAX_DEVICE u32 target(u32 index) const { return column_sum(columns, bits, index); }
    QJAX_DEVICE u32 other(u32 index) const { return column_sum(columns + bits, others, index); }
  };

  QJAX_DEVICE Places places_of(const int* op) const {
    return {op + 9, op[8], tile_.args.tile_bits - op[8]};
  }

  // Of the 8 x 8 blocks of the 2^k x 2^(K-k) amplitudes of a tile, a group of 32 threads has N / 2: the
  // row of block j is row ^ rows(j), its column column ^ columns(j), in places.
  struct Share {
    u32 row, rows[B - 1];  // an index of the matrix
    u32 other;             // an index of the other bits
    u32 column, columns[B - 1], others[B - 1];

    QJAX_DEVICE Share(const Places& places, u32 group) {
      const u32 first = group << (B - 1), high = places.bits - 3;
      row = (first & ((1u << high) - 1)) << 3;
      other = first >> high << 3;
      column = places.other(other);
      QJAX_UNROLL
      for (int b = 0; b < B - 1; ++b) {
        const bool inside = static_cast<u32>(b) < high;
        rows[b] = inside ? 8u << b : 0;
        others[b] = inside ? 0 : 8u << (b - high);
        columns[b] = inside ? 0 : places.other(others[b]);
      }
    }

    QJAX_DEVICE static u32 sum(const u32 (&of)[B - 1], int j) {
      u32 total = 0;
      QJAX_UNROLL
      for (int b = 0; b < B - 1; ++b) total ^= j >> b & 1 ? of[b] : 0;
      return total;
    }
  };

  // A form of the matrix times a buffer, which gets the result where the op acts.
  template <Form kForm>
  QJAX_DEVICE void product(const int* op, u32 skipped) {
    constexpr int kBlocks = N / 2;
    const int k = op[8];
    const Places places = places_of(op);
    const Shared<C> memory = tile_.block.template shared<C>(skipped);
    PerThread<Fragments<Real, kBlocks>> fragments(tile_.block.threads());
    QJAX_EACH(tile_.block, me) {
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) fragments[me].c[j][0] = fragments[me].c[j][1] = {0, 0};
    }
    QJAX_ROLLED
    for (u32 step = 0; step < 1u << (k - 2); ++step) {
      QJAX_EACH(tile_.block, me) {
        Fragments<Real, kBlocks>& f = fragments[me];
        const u32 g = me >> 2 & 7, t = me & 3, from = 4 * step + t;
        const Share share(places, tile_.own(me) >> 5);
        const u32 first =
            tile_.first_place(me) ^ share.column ^ places.other(g) ^ places.target(from);
        const C* m = reinterpret_cast<const C*>(tile_.at(tile_.threads[me], op[6]));
        QJAX_UNROLL
        for (int j = 0; j < kBlocks; ++j) {
          const u32 row = (share.row ^ Share::sum(share.rows, j)) + g;
          const C value = m[kForm == kAsIs ? (row << k) + from : (from << k) + row];
          f.a[j] = kForm == kInverse ? conj(value) : value;
          f.b[j] = memory.get(me, first ^ Share::sum(share.columns, j));
        }
      }
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) multiply(tile_.block, fragments, j);
    }
    tile_.block.sync();
    QJAX_EACH(tile_.block, me) {
      const u32 g = me >> 2 & 7, t = me & 3;
      const Share share(places, tile_.own(me) >> 5);
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) {
        const u32 row = (share.row ^ Share::sum(share.rows, j)) + g;
        QJAX_UNROLL
        for (int e = 0; e < 2; ++e) {
          const u32 other = (share.other ^ Share::sum(share.others, j)) + 2 * t + e;
          const u32 to = tile_.first_place(me) ^ places.target(row) ^ places.other(other);
          if ((other & op[2]) == static_cast<u32>(op[3])) memory.set(me, to, fragments[me].c[j][e]);
        }
      }
    }
    tile_.block.sync();
  }

  // sum over the other bits of lam psi, for every pair of indices of the matrix: block by block, and
  // where there are fewer blocks than groups of 32 threads, several of these share one.
  QJAX_DEVICE void sums(const int* op) {
    const int k = op[8], high = k - 3, groups = tile_.args.thread_bits - 5;
    const int shared_bits = groups > 2 * high ? groups - 2 * high : 0;
    const u32 steps = 1u << (tile_.args.tile_bits - k - 2 - shared_bits);
    const Places places = places_of(op);
    const Shared<C> memory = tile_.memory();
    PerThread<Fragments<Real, 1>> fragments(tile_.block.threads());
    QJAX_ROLLED
    for (u32 round = 0; round < 1u << (2 * high + shared_bits); round += 1u << groups) {
      QJAX_EACH(tile_.block, me) fragments[me].c[0][0] = fragments[me].c[0][1] = {0, 0};
      QJAX_ROLLED
      for (u32 step = 0; step < steps; ++step) {
        QJAX_EACH(tile_.block, me) {
          const u32 job = round + (tile_.own(me) >> 5), g = me >> 2 & 7, t = me & 3;
          const u32 row = job >> shared_bits >> high << 3;
          const u32 col = (job >> shared_bits & ((1u << high) - 1)) << 3;
          const u32 other = 4 * ((job & ((1u << shared_bits) - 1)) * steps + step) + t;
          const u32 first = tile_.first_place(me) ^ places.other(other);
          const bool on = (other & op[2]) == static_cast<u32>(op[3]);
          fragments[me].a[0] = memory.get(me, tile_.buffer() + (first ^ places.target(row + g)));
          fragments[me].b[0] = on ? memory.get(me, first ^ places.target(col + g)) : C{0, 0};
        }
        multiply(tile_.block, fragments, 0);
      }
      QJAX_EACH(tile_.block, me) {
        const u32 job = round + (tile_.own(me) >> 5), g = me >> 2 & 7, t = me & 3;
        const u32 row = (job >> shared_bits >> high << 3) + g;
        const u32 col = (job >> shared_bits & ((1u << high) - 1)) << 3;
        QJAX_UNROLL
        for (int e = 0; e < 2; ++e) {
          const int sum = op[7] + 2 * static_cast<int>((row << k) + col + 2 * t + e);
          tile_.add(sum, me, fragments[me].c[0][e]);
        }
      }
    }
  }

  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_DENSE_TENSOR_CUH_
