// Steps that only move amplitudes. They have no numbers; backward both states take the inverse.
//
//   affine    new[y] = old[A y ^ B outer ^ constant]: any chain of X, CX and SWAP, in one pass
//   flip      X on one bit under a condition
//   permute   |j> -> |table[j]> on k bits under a condition

#ifndef QJAX_KERNELS_CPU_MOVES_H_
#define QJAX_KERNELS_CPU_MOVES_H_

#include "tile.h"

namespace qjax {
namespace QJAX_ISA {

template <class R, bool P>
void affine(Tile<R, P>& tile, const int32_t* words, int outer_bits) {
  constexpr int kLane = Tile<R, P>::kLane;
  const int bits = tile.bits - kLane;
  uint32_t constant = words[0];
  const int32_t* column = words + 1;
  for (int o = 0; o < outer_bits; ++o) {
    if (tile.outer >> o & 1) constant ^= static_cast<uint32_t>(column[tile.bits + o]);
  }
  // source(v + 1) = source(v) ^ step[number of trailing ones of v], v a vector index.
  uint32_t step[33];
  uint32_t sum = 0;
  for (int b = 0; b < bits; ++b) {
    sum ^= static_cast<uint32_t>(column[b + kLane]);
    step[b] = sum;
  }
  step[bits] = 0;

  // The lanes of one vector read from up to `pieces` vectors; lane l reads vector ^ high[l].
  uint32_t high[kLanes<R>];
  Idx<R> lane = {};
  uint32_t piece[kLanes<R>];
  Idx<R> member[kLanes<R>];
  int pieces = 0;
  for (int l = 0; l < (P ? 1 : kLanes<R>); ++l) {
    uint32_t source = 0;
    for (int b = 0; b < kLane; ++b) {
      if (l >> b & 1) source ^= static_cast<uint32_t>(column[b]);
    }
    high[l] = source >> kLane;
    lane[l] = source & ((1u << kLane) - 1);
    int p = 0;
    while (p < pieces && piece[p] != high[l]) ++p;
    if (p == pieces) {
      piece[pieces] = high[l];
      member[pieces++] = Idx<R>{};
    }
    member[p][l] = -1;
  }

  const uint32_t vectors = tile.vectors();
  Vec<R>* const to_re = tile.spare->re;
  Vec<R>* const to_im = tile.spare->im;
  uint32_t source = constant;
  if constexpr (P) {
    for (uint32_t v = 0; v < vectors; ++v) {
      to_re[v] = tile.re[source];
      to_im[v] = tile.im[source];
      source ^= step[__builtin_ctz(~v)];
    }
  } else if (pieces <= 2) {
    // One permutation of two vectors; the second is the first again if all lanes read one.
    const uint32_t other = pieces == 2 ? piece[0] ^ piece[1] : 0;
    const Idx<R> second = pieces == 2 ? member[1] & kLanes<R> : Idx<R>{};
    for (uint32_t v = 0; v < vectors; ++v) {
      const uint32_t a = (source >> kLane) ^ piece[0];
      const Idx<R> from = (lane ^ splat_index<R>(source & kLaneMask<R>)) | second;
      to_re[v] = permute2<R>(tile.re[a], tile.re[a ^ other], from);
      to_im[v] = permute2<R>(tile.im[a], tile.im[a ^ other], from);
      source ^= step[__builtin_ctz(~v)];
    }
  } else {
    for (uint32_t v = 0; v < vectors; ++v) {
      const Idx<R> from = lane ^ splat_index<R>(source & kLaneMask<R>);
      const uint32_t a = source >> kLane;
      Vec<R> r = permute<R>(tile.re[a ^ piece[0]], from), i = permute<R>(tile.im[a ^ piece[0]], from);
      for (int p = 1; p < pieces; ++p) {
        r = select<R>(member[p], permute<R>(tile.re[a ^ piece[p]], from), r);
        i = select<R>(member[p], permute<R>(tile.im[a ^ piece[p]], from), i);
      }
      to_re[v] = r;
      to_im[v] = i;
      source ^= step[__builtin_ctz(~v)];
    }
  }
  tile.exchange();
}

template <class R, bool P>
void flip(const Tile<R, P>& tile, const int32_t* step) {
  const Where<R, P> where(condition_at(step + 2), tile.outer);
  if (where.never) return;
  const int bit = step[1];
  if (bit < Tile<R, P>::kLane) {
    const Idx<R> lanes = flipped_lanes<R>(1 << bit);
    for_each((tile.vectors() - 1) & ~where.mask, where.value, [&](uint32_t v) QJAX_BODY {
      tile.re[v] = where.pick(permute<R>(tile.re[v], lanes), tile.re[v]);
      tile.im[v] = where.pick(permute<R>(tile.im[v], lanes), tile.im[v]);
    });
    return;
  }
  const uint32_t s = 1u << (bit - Tile<R, P>::kLane);
  for_each((tile.vectors() - 1) & ~(where.mask | s), where.value, [&](uint32_t v) QJAX_BODY {
    const Vec<R> a = tile.re[v], b = tile.im[v], c = tile.re[v | s], d = tile.im[v | s];
    tile.re[v] = where.pick(c, a);
    tile.im[v] = where.pick(d, b);
    tile.re[v | s] = where.pick(a, c);
    tile.im[v | s] = where.pick(b, d);
  });
}

// new[table[j]] = old[j], element by element.
template <class R, bool P>
void permute_table(const Tile<R, P>& tile, const int32_t* step, bool inverse) {
  const Condition c = condition_at(step + 2);
  if ((tile.outer & c.outer_mask) != c.outer_value) return;
  const int k = step[1];
  const int32_t* bit = step + 6;
  const int32_t* table = bit + k + (inverse ? 1 << k : 0);
  const uint32_t vectors = tile.vectors();
  constexpr int kCopies = P ? kLanes<R> : 1;  // numbers that move together
  R* const re = reinterpret_cast<R*>(tile.re);
  R* const im = reinterpret_cast<R*>(tile.im);
  const R* const old_re = reinterpret_cast<const R*>(tile.spare->re);
  const R* const old_im = reinterpret_cast<const R*>(tile.spare->im);
  memcpy(tile.spare->re, tile.re, vectors * sizeof(Vec<R>));
  memcpy(tile.spare->im, tile.im, vectors * sizeof(Vec<R>));
  uint32_t mask = 0;
  for (int b = 0; b < k; ++b) mask |= 1u << bit[b];
  for (uint32_t j = 0; j < 1u << tile.bits; ++j) {
    if ((j & c.tile_mask) != c.tile_value) continue;
    int from = 0;
    for (int b = 0; b < k; ++b) from |= (j >> bit[b] & 1) << b;
    uint32_t to = j & ~mask;
    for (int b = 0; b < k; ++b) to |= static_cast<uint32_t>(table[from] >> b & 1) << bit[b];
    for (int l = 0; l < kCopies; ++l) {
      re[to * kCopies + l] = old_re[j * kCopies + l];
      im[to * kCopies + l] = old_im[j * kCopies + l];
    }
  }
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_MOVES_H_
