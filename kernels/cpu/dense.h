// A 2^k x 2^k matrix on k bits of a tile, under a condition.
//
//   psi'[row] = sum_col M[row, col] psi[col]
//
// Bits that are lanes need no matrix of their own form: with m the lanes' bits in which row and
// column differ,
//
//   psi'[v_r] = sum over c, m of  M(r, c, m) * flip(psi[v_c], m),
//
// where lane l of the vector M(r, c, m) is the entry of row (r, bits of l), column (c, bits of l ^ m).
// Backward: psi <- M^dagger psi, lam <- M^T lam, and the cotangent of M(r, c, m) is the sum of
// lam[v_r] * flip(psi[v_c], m), lane by lane, with psi of the input side.

#ifndef QJAX_KERNELS_CPU_DENSE_H_
#define QJAX_KERNELS_CPU_DENSE_H_

#include "pool.h"
#include "tile.h"

namespace qjax {
namespace QJAX_ISA {

constexpr int kDenseSlot = 3;  // of scratch

template <class R, bool P>
struct Dense {
  int k, lanes, high;        // number of bits: all, among lanes, among vector indices
  int lane_bit[8];           // position in a lane index
  int lane_place[8];         // position among the k bits
  uint32_t stride[24];       // of vector indices
  int high_place[24];
  uint32_t fixed;            // all strides
  int rows, terms;           // 2^high, and 2^high * 2^lanes: columns of M(r, ., .)
  int32_t numbers, sum;
  Where<R, P> where;

  Dense(const int32_t* step, uint32_t outer) : where(condition_at(step + 4), outer) {
    k = step[1];
    numbers = step[2];
    sum = step[3];
    lanes = high = 0;
    fixed = 0;
    for (int p = 0; p < k; ++p) {
      const int bit = step[8 + p];
      if (bit < Tile<R, P>::kLane) {
        lane_bit[lanes] = bit;
        lane_place[lanes++] = p;
      } else {
        stride[high] = 1u << (bit - Tile<R, P>::kLane);
        fixed |= stride[high];
        high_place[high++] = p;
      }
    }
    rows = 1 << high;
    terms = rows << lanes;
  }

  // Spreads the bits of a row of vectors over the places of a matrix index.
  int place(int r) const {
    int out = 0;
    for (int b = 0; b < high; ++b) out |= (r >> b & 1) << high_place[b];
    return out;
  }

  // The matrix index of lane l's own bits.
  int lane_place_of(int l) const {
    int out = 0;
    for (int b = 0; b < lanes; ++b) out |= (l >> lane_bit[b] & 1) << lane_place[b];
    return out;
  }

  // The mask of lanes that m flips.
  int lane_mask(int m) const {
    int out = 0;
    for (int b = 0; b < lanes; ++b) out |= (m >> b & 1) << lane_bit[b];
    return out;
  }

  uint32_t vector(int r) const {
    uint32_t out = 0;
    for (int b = 0; b < high; ++b) out |= (r >> b & 1) ? stride[b] : 0;
    return out;
  }
};

enum DenseForm { kAsIs, kDagger, kTransposed };

// The vectors M(r, c, m), as re then im, at [(r * terms + c * 2^lanes + m) * 2].
template <class R, bool P>
void dense_vectors(const Dense<R, P>& d, const Numbers<R, P>& numbers, DenseForm form,
                   Vec<R>* out) {
  const int size = 1 << d.k;
  const int flips = 1 << d.lanes;
  for (int r = 0; r < d.rows; ++r) {
    for (int c = 0; c < d.rows; ++c) {
      for (int m = 0; m < flips; ++m) {
        Vec<R>* to = out + 2 * (static_cast<int64_t>(r) * d.terms + c * flips + m);
        const int mask = d.lane_mask(m);
        // Without lane bits all lanes read the same entry.
        const int distinct = P || d.lanes == 0 ? 1 : kLanes<R>;
        Vec<R> re, im;
        for (int l = 0; l < distinct; ++l) {
          const int row = d.place(r) | d.lane_place_of(l);
          const int col = d.place(c) | d.lane_place_of(l ^ mask);
          const int64_t entry = form == kAsIs ? static_cast<int64_t>(row) * size + col
                                              : static_cast<int64_t>(col) * size + row;
          const Vec<R> x = numbers(d.numbers, static_cast<int>(2 * entry));
          Vec<R> y = numbers(d.numbers, static_cast<int>(2 * entry + 1));
          if (form == kDagger) y = -y;
          if (distinct == 1) {
            re = x;
            im = y;
          } else {
            re[l] = x[0];
            im[l] = y[0];
          }
        }
        to[0] = re;
        to[1] = im;
      }
    }
  }
}

// Gathers flip(psi[v_c], m) of one group: re then im, at [(c * 2^lanes + m) * 2].
template <class R, bool P>
QJAX_INLINE void dense_inputs(const Tile<R, P>& t, const Dense<R, P>& d, const uint32_t* offset,
                              const Idx<R>* flip, uint32_t v, Vec<R>* in) {
  const int flips = 1 << d.lanes;
  for (int c = 0; c < d.rows; ++c) {
    const Vec<R> re = t.re[v | offset[c]], im = t.im[v | offset[c]];
    in[2 * c * flips] = re;
    in[2 * c * flips + 1] = im;
    for (int m = 1; m < flips; ++m) {
      in[2 * (c * flips + m)] = permute<R>(re, flip[m]);
      in[2 * (c * flips + m) + 1] = permute<R>(im, flip[m]);
    }
  }
}

// Row r of the product, from inputs in place.
template <class R>
QJAX_INLINE void dense_row(const Vec<R>* matrix, const Vec<R>* in, int terms, Vec<R>* re,
                           Vec<R>* im) {
  Vec<R> r0 = splat<R>(0), r1 = r0, i0 = r0, i1 = r0;
  for (int t = 0; t < terms; ++t) {
    r0 += matrix[2 * t] * in[2 * t];
    r1 += matrix[2 * t + 1] * in[2 * t + 1];
    i0 += matrix[2 * t] * in[2 * t + 1];
    i1 += matrix[2 * t + 1] * in[2 * t];
  }
  *re = r0 - r1;
  *im = i0 + i1;
}

// What a product needs besides the tile: vectors of the matrix, inputs, offsets and flips.
template <class R>
struct DenseWork {
  Vec<R>* matrix;
  Vec<R>* other;  // a second matrix, or sums
  Vec<R>* sums;
  Vec<R>* in;
  Vec<R>* in2;
  uint32_t* offset;
  Idx<R> flip[16];
};

template <class R, bool P>
bool dense_work(const Dense<R, P>& d, bool backward, DenseWork<R>* w) {
  const size_t entries = 2 * static_cast<size_t>(d.rows) * d.terms;
  const size_t vectors = (backward ? 3 : 1) * entries + 4 * static_cast<size_t>(d.terms);
  char* memory = static_cast<char*>(
      scratch(kDenseSlot, vectors * sizeof(Vec<R>) + d.rows * sizeof(uint32_t)));
  if (memory == nullptr) return false;
  Vec<R>* next = reinterpret_cast<Vec<R>*>(memory);
  w->matrix = next;
  w->other = next + entries;
  w->sums = next + 2 * entries;
  next += (backward ? 3 : 1) * entries;
  w->in = next;
  w->in2 = next + 2 * d.terms;
  w->offset = reinterpret_cast<uint32_t*>(next + 4 * d.terms);
  for (int r = 0; r < d.rows; ++r) w->offset[r] = d.vector(r);
  for (int m = 0; m < 1 << d.lanes; ++m) w->flip[m] = flipped_lanes<R>(d.lane_mask(m));
  return true;
}

template <class R, bool P>
QJAX_INLINE void dense_store(const Tile<R, P>& t, const Dense<R, P>& d, const DenseWork<R>& w,
                             const Vec<R>* matrix, const Vec<R>* in, uint32_t v) {
  const int flips = 1 << d.lanes;
  for (int r = 0; r < d.rows; ++r) {
    Vec<R> re, im;
    dense_row<R>(matrix + 2 * static_cast<int64_t>(r) * d.terms, in, d.terms, &re, &im);
    t.re[v | w.offset[r]] = d.where.pick(re, in[2 * r * flips]);
    t.im[v | w.offset[r]] = d.where.pick(im, in[2 * r * flips + 1]);
  }
}

// The same with the sizes known to the compiler, so that the inputs stay in registers.
template <class R, bool P, int kHigh, int kLaneCount>
void dense_small(const Tile<R, P>& t, const Dense<R, P>& d, const DenseWork<R>& w) {
  constexpr int kRows = 1 << kHigh, kFlips = 1 << kLaneCount, kTerms = kRows * kFlips;
  uint32_t offset[kRows];
  for (int r = 0; r < kRows; ++r) offset[r] = w.offset[r];
  for_each((t.vectors() - 1) & ~(d.fixed | d.where.mask), d.where.value, [&](uint32_t v) QJAX_BODY {
    Vec<R> xr[kTerms], xi[kTerms];
    for (int c = 0; c < kRows; ++c) {
      xr[c * kFlips] = t.re[v | offset[c]];
      xi[c * kFlips] = t.im[v | offset[c]];
      for (int m = 1; m < kFlips; ++m) {
        xr[c * kFlips + m] = permute<R>(xr[c * kFlips], w.flip[m]);
        xi[c * kFlips + m] = permute<R>(xi[c * kFlips], w.flip[m]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      Vec<R> re = splat<R>(0), im = re;
      const Vec<R>* m = w.matrix + 2 * r * kTerms;
      for (int c = 0; c < kTerms; ++c) {
        re += m[2 * c] * xr[c];
        im += m[2 * c] * xi[c];
        re -= m[2 * c + 1] * xi[c];
        im += m[2 * c + 1] * xr[c];
      }
      t.re[v | offset[r]] = d.where.pick(re, xr[r * kFlips]);
      t.im[v | offset[r]] = d.where.pick(im, xi[r * kFlips]);
    }
  });
}

// Backward with the sizes known to the compiler. The sums of one row are in registers.
template <class R, bool P, int kHigh, int kLaneCount>
void dense_small_back(const Tile<R, P>& psi, const Tile<R, P>& lam, const Dense<R, P>& d,
                      const DenseWork<R>& w, bool wanted) {
  constexpr int kRows = 1 << kHigh, kFlips = 1 << kLaneCount, kTerms = kRows * kFlips;
  uint32_t offset[kRows];
  for (int r = 0; r < kRows; ++r) offset[r] = w.offset[r];
  const uint32_t free = (psi.vectors() - 1) & ~(d.fixed | d.where.mask);
  DenseWork<R> undo = w, turn = w;
  turn.matrix = w.other;
  dense_small<R, P, kHigh, kLaneCount>(psi, d, undo);
  for (int r = 0; r < kRows && wanted; ++r) {
    Vec<R> er[kTerms] = {}, ei[kTerms] = {};
    for_each(free, d.where.value, [&](uint32_t v) QJAX_BODY {
      const Vec<R> re = lam.re[v | offset[r]], im = lam.im[v | offset[r]];
      for (int c = 0; c < kRows; ++c) {
        const Vec<R> x = psi.re[v | offset[c]], y = psi.im[v | offset[c]];
        er[c * kFlips] += re * x;
        ei[c * kFlips] -= re * y;
        er[c * kFlips] -= im * y;
        ei[c * kFlips] -= im * x;
        for (int m = 1; m < kFlips; ++m) {
          const Vec<R> f = permute<R>(x, w.flip[m]), g = permute<R>(y, w.flip[m]);
          er[c * kFlips + m] += re * f;
          ei[c * kFlips + m] -= re * g;
          er[c * kFlips + m] -= im * g;
          ei[c * kFlips + m] -= im * f;
        }
      }
    });
    const Vec<R> zero = splat<R>(0);
    for (int t = 0; t < kTerms; ++t) {
      w.sums[2 * (r * kTerms + t)] = d.where.pick(er[t], zero);
      w.sums[2 * (r * kTerms + t) + 1] = d.where.pick(ei[t], zero);
    }
  }
  dense_small<R, P, kHigh, kLaneCount>(lam, d, turn);
}

template <class R, bool P>
bool forward_dense(const Tile<R, P>& tile, const int32_t* step, const Numbers<R, P>& numbers) {
  const Dense<R, P> d(step, tile.outer);
  if (d.where.never) return true;
  DenseWork<R> w;
  if (!dense_work<R, P>(d, false, &w)) return false;
  dense_vectors<R, P>(d, numbers, kAsIs, w.matrix);
  switch (8 * d.high + d.lanes) {  // a vector has at most 4 lane bits
    case 1: if constexpr (!P) dense_small<R, P, 0, 1>(tile, d, w); return true;
    case 2: if constexpr (!P) dense_small<R, P, 0, 2>(tile, d, w); return true;
    case 8: dense_small<R, P, 1, 0>(tile, d, w); return true;
    case 9: if constexpr (!P) dense_small<R, P, 1, 1>(tile, d, w); return true;
    case 16: dense_small<R, P, 2, 0>(tile, d, w); return true;
    case 24: dense_small<R, P, 3, 0>(tile, d, w); return true;
    default: break;
  }
  for_each((tile.vectors() - 1) & ~(d.fixed | d.where.mask), d.where.value, [&](uint32_t v) QJAX_BODY {
    dense_inputs<R, P>(tile, d, w.offset, w.flip, v, w.in);
    dense_store<R, P>(tile, d, w, w.matrix, w.in, v);
  });
  return true;
}

template <class R, bool P>
bool backward_dense(const Tile<R, P>& psi, const Tile<R, P>& lam, const int32_t* step,
                    const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  const Dense<R, P> d(step, psi.outer);
  if (d.where.never) return true;
  DenseWork<R> w;
  if (!dense_work<R, P>(d, true, &w)) return false;
  dense_vectors<R, P>(d, numbers, kDagger, w.matrix);
  dense_vectors<R, P>(d, numbers, kTransposed, w.other);
  const bool wanted = d.sum >= 0;
  const int flips = 1 << d.lanes;
  const int64_t entries = static_cast<int64_t>(d.rows) * d.terms;
  const Vec<R> zero = splat<R>(0);
  bool general = false;
  switch (8 * d.high + d.lanes) {  // a vector has at most 4 lane bits
    case 1: if constexpr (!P) dense_small_back<R, P, 0, 1>(psi, lam, d, w, wanted); break;
    case 2: if constexpr (!P) dense_small_back<R, P, 0, 2>(psi, lam, d, w, wanted); break;
    case 8: dense_small_back<R, P, 1, 0>(psi, lam, d, w, wanted); break;
    case 9: if constexpr (!P) dense_small_back<R, P, 1, 1>(psi, lam, d, w, wanted); break;
    case 16: dense_small_back<R, P, 2, 0>(psi, lam, d, w, wanted); break;
    case 24: dense_small_back<R, P, 3, 0>(psi, lam, d, w, wanted); break;
    default: general = true;
  }
  if (general && wanted) {
    for (int64_t e = 0; e < 2 * entries; ++e) w.sums[e] = zero;
  }
  if (general) for_each((psi.vectors() - 1) & ~(d.fixed | d.where.mask), d.where.value, [&](uint32_t v) QJAX_BODY {
    dense_inputs<R, P>(psi, d, w.offset, w.flip, v, w.in);
    dense_store<R, P>(psi, d, w, w.matrix, w.in, v);
    dense_inputs<R, P>(lam, d, w.offset, w.flip, v, w.in2);
    dense_store<R, P>(lam, d, w, w.other, w.in2, v);
    if (!wanted) return;
    dense_inputs<R, P>(psi, d, w.offset, w.flip, v, w.in);
    for (int r = 0; r < d.rows; ++r) {
      const Vec<R> re = d.where.pick(w.in2[2 * r * flips], zero);
      const Vec<R> im = d.where.pick(w.in2[2 * r * flips + 1], zero);
      Vec<R>* to = w.sums + 2 * static_cast<int64_t>(r) * d.terms;
      for (int t = 0; t < d.terms; ++t) {
        to[2 * t] += re * w.in[2 * t] - im * w.in[2 * t + 1];
        to[2 * t + 1] -= re * w.in[2 * t + 1] + im * w.in[2 * t];
      }
    }
  });
  if (!wanted) return true;
  const int size = 1 << d.k;
  for (int r = 0; r < d.rows; ++r) {
    for (int c = 0; c < d.rows; ++c) {
      for (int m = 0; m < flips; ++m) {
        const Vec<R>* from = w.sums + 2 * (static_cast<int64_t>(r) * d.terms + c * flips + m);
        if (P || d.lanes == 0) {
          const int64_t entry = static_cast<int64_t>(d.place(r)) * size + d.place(c);
          sums.add(static_cast<int>(d.sum + 2 * entry), from[0]);
          sums.add(static_cast<int>(d.sum + 2 * entry + 1), from[1]);
          continue;
        }
        const int mask = d.lane_mask(m);
        for (int l = 0; l < kLanes<R>; ++l) {
          const int row = d.place(r) | d.lane_place_of(l);
          const int col = d.place(c) | d.lane_place_of(l ^ mask);
          const int64_t at = d.sum + 2 * (static_cast<int64_t>(row) * size + col);
          sums.data[at] += static_cast<double>(from[0][l]);
          sums.data[at + 1] += static_cast<double>(from[1][l]);
        }
      }
    }
  }
  return true;
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_DENSE_H_
