// Ops that move amplitudes and change none.

#ifndef QJAX_KERNELS_CUDA_PERMUTATIONS_CUH_
#define QJAX_KERNELS_CUDA_PERMUTATIONS_CUH_

#include "gates.cuh"
#include "tile.cuh"

namespace qjax_cuda {

template <class Real, int B, bool kBackward>
class Permutations {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit Permutations(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  // X on bit J.
  template <int J>
  QJAX_DEVICE void flip(const int* op) {
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const u32 on = tile_.acts(op + 1, me) ? static_cast<u32>(op[5]) : 0;
      apply_flip<J>(t.psi, on);
      if constexpr (kBackward) apply_flip<J>(t.lam, on);
    }
  }

  // A permutation of the values of some bits of the tile.
  QJAX_DEVICE void far(const int* op) {
    const int k = op[6];
    const int* bits = op + 7;
    const int* table = bits + k;
    const int* columns = op + op[1];
    const Shared<C> memory = tile_.memory();
    const u32 all = spread(bits, k, ~0u);
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 own_place = tile_.place(columns, me, i);
        if (!tile_.acts_at(op, own_place)) continue;
        const u32 source = spread(bits, k, static_cast<u32>(table[gathered(bits, k, own_place)]));
        const u32 from = tile_.first_place(me) + ((own_place & ~all) | source);
        t.psi[i] = memory.get(me, from);
        if constexpr (kBackward) t.lam[i] = memory.get(me, tile_.buffer() + from);
      }
    }
  }

 private:
  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_PERMUTATIONS_CUH_
