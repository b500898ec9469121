// A tile: amplitudes in cache, as one array of real and one of imaginary parts.
//
// In the plain layout (P = false) the lowest bits of an index are the lanes of a vector. In the
// packed layout (P = true), for states of few qubits, lane l of every vector belongs to sample l of
// a pack of W samples; then every number of the run is a vector too.

#ifndef QJAX_KERNELS_CPU_TILE_H_
#define QJAX_KERNELS_CPU_TILE_H_

#include "simd.h"
#include "tape.h"

namespace qjax {
namespace QJAX_ISA {

template <class R>
struct Buffers {
  Vec<R>* re;
  Vec<R>* im;
};

template <class R, bool P>
struct Tile {
  static constexpr int kLane = P ? 0 : kLaneBits<R>;  // bits of an index that are lanes

  int bits;        // T
  uint32_t outer;  // the outer index
  Vec<R>* re;
  Vec<R>* im;
  Buffers<R>* spare;  // a second tile's worth, for steps that do not work in place

  uint32_t vectors() const { return 1u << (bits - kLane); }

  // The spare buffers become the tile.
  void exchange() {
    const Buffers<R> old = {re, im};
    re = spare->re;
    im = spare->im;
    *spare = old;
  }
};

template <class R>
constexpr uint32_t kLaneMask = kLanes<R> - 1;

// The numbers of a run: one for all lanes, or in the packed layout W consecutive ones.
template <class R, bool P>
struct Numbers {
  const R* numbers;
  const R* constants;

  QJAX_INLINE Vec<R> operator()(int32_t ref, int i = 0) const {
    if (ref < 0) return splat<R>(constants[-1 - ref + i]);
    if constexpr (P) {
      return load<R>(numbers + static_cast<int64_t>(ref + i) * kLanes<R>);
    } else {
      return splat<R>(numbers[ref + i]);
    }
  }
};

// Sums over amplitudes in double precision: one, or in the packed layout one per lane.
template <class R, bool P>
struct Sums {
  static constexpr int kWidth = P ? kLanes<R> : 1;
  double* data;

  void add(int i, Vec<R> v) const {
    if constexpr (P) {
      for (int l = 0; l < kLanes<R>; ++l) data[i * kLanes<R> + l] += static_cast<double>(v[l]);
    } else {
      data[i] += sum<R>(v);
    }
  }
};

// Calls body(v) for every v whose bits outside `free` are those of `base`.
template <class Body>
QJAX_INLINE void for_each(uint32_t free, uint32_t base, const Body& body) {
  uint32_t v = 0;
  do {
    body(v | base);
    v = (v - free) & free;
  } while (v != 0);
}

// A condition inside a tile: the vectors and the lanes where it holds.
template <class R, bool P>
struct Where {
  bool never;          // by the outer bits
  bool some_lanes;     // whether only some lanes are meant
  uint32_t mask;       // of vector indices
  uint32_t value;
  Idx<R> lanes;

  Where(const Condition& c, uint32_t outer) {
    constexpr int kLane = Tile<R, P>::kLane;
    never = (outer & c.outer_mask) != c.outer_value;
    mask = c.tile_mask >> kLane;
    value = c.tile_value >> kLane;
    const uint32_t low = P ? 0 : kLaneMask<R>;
    some_lanes = (c.tile_mask & low) != 0;
    lanes = lanes_where<R>(c.tile_mask & low, c.tile_value & low);
  }

  QJAX_INLINE Vec<R> pick(Vec<R> now, Vec<R> old) const {
    return some_lanes ? select<R>(lanes, now, old) : now;
  }
};

// Index vector of the flip of lanes by `mask`.
template <class R>
QJAX_INLINE Idx<R> flipped_lanes(int mask) {
  return iota<R>() ^ splat_index<R>(mask);
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_TILE_H_
