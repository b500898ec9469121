// Diagonal steps: many factors in one pass over the tile, or one factor of any kind.
//
// With low = 2^kLow, an index in the tile is j = h * low + l. The product of the factors is
//
//   D(h, l) = high[h] * base[l] * product over b of cross[b][bit b of h][l],
//
// where base holds the factors that depend on l only, high those on h only, and cross[b] those on l
// and bit b of h. The partial products over b are kept on a stack, so that counting h up changes few
// of them: about two products per amplitude, however many factors there are.
//
// Backward: psi <- conj(D) psi, lam <- D lam, and with p[j] = lam[j] psi[j] of the output side the
// cotangent of an entry d is the sum of p / d over the j that read it. All factors share the sums of
// p over h, over l, and over half of the h for each b.
//
// Where all factors are 1 unless some bits of h are set, as with phases that one qubit controls, the
// forward pass visits only the h that have them.

#ifndef QJAX_KERNELS_CPU_PHASES_H_
#define QJAX_KERNELS_CPU_PHASES_H_

#include "pool.h"
#include "tile.h"

namespace qjax {
namespace QJAX_ISA {

constexpr int kPhaseSlot = 5;   // of scratch
constexpr int kMaxTableBits = 6;  // of a factor that shares a pass
constexpr int kMaxCross = 24;
constexpr int kSkipBits = 2;  // bits of h from which a look for what can be skipped pays

// One diagonal factor as seen from a tile.
template <class R, bool P>
struct Factor {
  bool parity;
  bool idle;          // the outer bits do not meet its condition
  int k;              // bits of a table, those of the tile only
  uint32_t bit[32];   // tile bits of the table
  uint32_t weight[32];  // what each adds to the entry
  uint32_t start;     // entry by the outer bits
  uint32_t mask;      // z
  uint32_t support;   // all tile bits it depends on, its condition included
  uint32_t tile_mask, tile_value;
  bool negative;      // parity of the outer bits
  int32_t numbers, sum;
  int entries;

  Factor(const int32_t* words, uint32_t outer) {
    parity = words[0] == kParity;
    const Condition c = condition_at(words + 5);
    idle = (outer & c.outer_mask) != c.outer_value;
    tile_mask = c.tile_mask;
    tile_value = c.tile_value;
    numbers = words[3];
    sum = words[4];
    k = 0;
    start = 0;
    mask = 0;
    negative = false;
    support = tile_mask;
    if (parity) {
      mask = words[1];
      support |= mask;
      negative = __builtin_parity(outer & static_cast<uint32_t>(words[2])) != 0;
      entries = 2;
    } else {
      for (int b = 0; b < words[1]; ++b) {
        const int32_t at = words[9 + b];
        if (at >= 32) {
          start |= (outer >> (at - 32) & 1) << b;
        } else {
          bit[k] = at;
          weight[k++] = 1u << b;
          support |= 1u << at;
        }
      }
      entries = 1 << words[1];
    }
  }

  // The entry that index j of the tile reads; -1 if the condition does not hold.
  int entry(uint32_t j) const {
    if ((j & tile_mask) != tile_value) return -1;
    if (parity) return __builtin_parity(j & mask) ^ static_cast<int>(negative);
    uint32_t e = start;
    for (int b = 0; b < k; ++b) e |= (j >> bit[b] & 1) ? weight[b] : 0;
    return static_cast<int>(e);
  }
};

// The value of entry e: c -+ i s of a rotation, or (re, im) of a table; 1 for e = -1.
template <class R, bool P>
QJAX_INLINE void factor_value(const Factor<R, P>& f, const Numbers<R, P>& numbers, int e,
                              Vec<R>* re, Vec<R>* im) {
  if (e < 0) {
    *re = splat<R>(1);
    *im = splat<R>(0);
  } else if (f.parity) {
    *re = numbers(f.numbers);
    const Vec<R> s = numbers(f.numbers, 1);
    *im = e ? s : -s;
  } else {
    *re = numbers(f.numbers, 2 * e);
    *im = numbers(f.numbers, 2 * e + 1);
  }
}

// A table of complex vectors over the indices e of `bits` bits; e stands for j = e << shift | fixed.
template <class R>
struct Table {
  Vec<R>* re;
  Vec<R>* im;
  int bits, shift;
};

template <class R, bool P>
QJAX_INLINE uint32_t table_vectors(int bits) {
  constexpr int kLane = Tile<R, P>::kLane;
  return bits > kLane ? 1u << (bits - kLane) : 1u;
}

// Calls body(v, pattern) for the vectors of a table, grouped by the pattern of the bits in `support`;
// first(pattern, j) is called at the start of each group, j the index of its lane 0.
template <class R, bool P, class First, class Body>
QJAX_INLINE void by_pattern(const Table<R>& t, uint32_t support, uint32_t fixed, const First& first,
                            const Body& body) {
  constexpr int kLane = Tile<R, P>::kLane;
  const uint32_t all = table_vectors<R, P>(t.bits) - 1;
  const uint32_t own = (support >> t.shift >> kLane) & all;
  for_each(own, 0, [&](uint32_t pattern) QJAX_BODY {
    first((pattern << kLane << t.shift) | fixed);
    for_each(all & ~own, pattern, body);
  });
}

// The values of a factor in the lanes of the vector whose lane 0 stands for j.
template <class R, bool P>
QJAX_INLINE void lane_values(const Factor<R, P>& f, const Numbers<R, P>& numbers, uint32_t j,
                             int shift, Vec<R>* re, Vec<R>* im) {
  constexpr int kLane = Tile<R, P>::kLane;
  factor_value<R, P>(f, numbers, f.entry(j), re, im);
  const uint32_t lanes = (f.support >> shift) & ((1u << kLane) - 1);
  if (lanes == 0) return;
  for_each(lanes, 0, [&](uint32_t l) QJAX_BODY {
    Vec<R> a, b;
    factor_value<R, P>(f, numbers, f.entry(j | l << shift), &a, &b);
    const Idx<R> here = lanes_where<R>(lanes, l);
    *re = select<R>(here, a, *re);
    *im = select<R>(here, b, *im);
  });
}

// table[e] *= factor(e).
template <class R, bool P>
void multiply(const Table<R>& t, const Factor<R, P>& f, const Numbers<R, P>& numbers,
              uint32_t fixed) {
  Vec<R> a, b;
  by_pattern<R, P>(
      t, f.support, fixed,
      [&](uint32_t j) QJAX_BODY { lane_values<R, P>(f, numbers, j, t.shift, &a, &b); },
      [&](uint32_t v) QJAX_BODY {
        const Vec<R> r = t.re[v], i = t.im[v];
        t.re[v] = r * a - i * b;
        t.im[v] = r * b + i * a;
      });
}

// entry sums += sums over e of table[e], by the entry that e reads. `plus` and `minus` tables: the
// table is plus - minus (minus may be null).
template <class R, bool P>
void collect(const Table<R>& t, const Table<R>* minus, const Factor<R, P>& f, uint32_t fixed,
             Vec<R>* entry_re, Vec<R>* entry_im) {
  constexpr int kLane = Tile<R, P>::kLane;
  const uint32_t lanes = (f.support >> t.shift) & ((1u << kLane) - 1);
  const Vec<R> zero = splat<R>(0);
  const uint32_t all = table_vectors<R, P>(t.bits) - 1;
  const uint32_t own = (f.support >> t.shift >> kLane) & all;
  for_each(own, 0, [&](uint32_t pattern) QJAX_BODY {
    Vec<R> r = zero, i = zero;
    for_each(all & ~own, pattern, [&](uint32_t v) QJAX_BODY {
      r += t.re[v];
      i += t.im[v];
      if (minus != nullptr) {
        r -= minus->re[v];
        i -= minus->im[v];
      }
    });
    const uint32_t j = (pattern << kLane << t.shift) | fixed;
    for_each(lanes, 0, [&](uint32_t l) QJAX_BODY {
      const int e = f.entry(j | l << t.shift);
      if (e < 0) return;
      // A table of fewer bits than a vector has lanes holds zeros beyond them.
      const Idx<R> here = lanes_where<R>(static_cast<int>(lanes), static_cast<int>(l));
      entry_re[e] += lanes == 0 ? r : select<R>(here, r, zero);
      entry_im[e] += lanes == 0 ? i : select<R>(here, i, zero);
    });
  });
}

enum Place { kScalar, kLowOnly, kHighOnly, kCross };

// The pass over a tile for one step.
template <class R, bool P>
struct Phases {
  static constexpr int kLane = Tile<R, P>::kLane;

  int bits, low, num_high;  // T, kLow, T - kLow
  int count;
  const int32_t* tape;
  const int32_t* step;
  uint32_t outer;
  Table<R> base, high;
  int num_cross;
  int cross_bit[kMaxCross];  // bits of h, descending
  int cross_of[32];          // index into cross_bit, or -1
  Table<R> cross[kMaxCross][2];
  Table<R> stack[kMaxCross + 1];
  Vec<R> scalar_re, scalar_im;
  bool any_high;
  uint32_t low_vectors, high_vectors;

  Place place(const Factor<R, P>& f) const {
    const uint32_t l = f.support & ((1u << low) - 1), h = f.support >> low;
    return h == 0 ? (l == 0 ? kScalar : kLowOnly) : (l == 0 ? kHighOnly : kCross);
  }
  int high_bit(const Factor<R, P>& f) const { return __builtin_ctz(f.support >> low); }
  Factor<R, P> factor(int k) const { return Factor<R, P>(tape + step[2 + k], outer); }

  static void fill(const Table<R>& t, uint32_t vectors, R re) {
    for (uint32_t v = 0; v < vectors; ++v) {
      t.re[v] = splat<R>(re);
      t.im[v] = splat<R>(0);
    }
  }

  // Lays out the tables; `backward` asks for room for sums too. False if there is no memory.
  bool prepare(const int32_t* whole, const int32_t* words, const Tile<R, P>& tile,
               const Numbers<R, P>& numbers, bool backward, Vec<R>** rest) {
    tape = whole;
    step = words;
    outer = tile.outer;
    bits = tile.bits;
    low = whole[kLow] < bits ? whole[kLow] : bits;
    num_high = bits - low;
    count = step[1];
    low_vectors = table_vectors<R, P>(low);
    high_vectors = table_vectors<R, P>(num_high);
    uint32_t crossing = 0;
    any_high = false;
    for (int k = 0; k < count; ++k) {
      const Factor<R, P> f = factor(k);
      if (f.idle) continue;
      if (place(f) == kCross) crossing |= 1u << high_bit(f);
      if (place(f) != kLowOnly && place(f) != kCross) any_high = true;
    }
    num_cross = 0;
    for (int b = num_high - 1; b >= 0; --b) {
      cross_of[b] = -1;
      if (crossing >> b & 1) {
        cross_of[b] = num_cross;
        cross_bit[num_cross++] = b;
      }
    }
    const size_t tables = (backward ? 2 : 1) * (1 + 3 * num_cross) + (backward ? 1 : 0);
    const size_t vectors =
        2 * (tables * low_vectors + (backward ? 2 : 1) * high_vectors) + 2 * (2u << kMaxTableBits);
    Vec<R>* next = static_cast<Vec<R>*>(scratch(kPhaseSlot, vectors * sizeof(Vec<R>)));
    if (next == nullptr) return false;
    const auto table = [&next](uint32_t size, int table_bits, int shift) {
      const Table<R> t = {next, next + size, table_bits, shift};
      next += 2 * size;
      return t;
    };
    base = table(low_vectors, low, 0);
    high = table(high_vectors, num_high, low);
    fill(base, low_vectors, 1);
    fill(high, high_vectors, 1);
    stack[0] = base;
    for (int c = 0; c < num_cross; ++c) {
      for (int value = 0; value < 2; ++value) {
        cross[c][value] = table(low_vectors, low, 0);
        fill(cross[c][value], low_vectors, 1);
      }
      stack[c + 1] = table(low_vectors, low, 0);
    }
    scalar_re = splat<R>(1);
    scalar_im = splat<R>(0);
    for (int k = 0; k < count; ++k) {
      const Factor<R, P> f = factor(k);
      if (f.idle) continue;
      switch (place(f)) {
        case kScalar: {
          Vec<R> a, b;
          factor_value<R, P>(f, numbers, f.entry(0), &a, &b);
          const Vec<R> r = scalar_re * a - scalar_im * b;
          scalar_im = scalar_re * b + scalar_im * a;
          scalar_re = r;
          break;
        }
        case kLowOnly: multiply<R, P>(base, f, numbers, 0); break;
        case kHighOnly: multiply<R, P>(high, f, numbers, 0); break;
        case kCross:
          for (uint32_t value = 0; value < 2; ++value) {
            const int b = high_bit(f);
            multiply<R, P>(cross[cross_of[b]][value], f, numbers, value << (b + low));
          }
      }
    }
    *rest = next;
    return true;
  }

  // high[h] times the scalar.
  QJAX_INLINE void high_value(uint32_t h, Vec<R>* re, Vec<R>* im) const {
    Vec<R> a, b;
    if constexpr (P) {
      a = high.re[h];
      b = high.im[h];
    } else {
      a = splat<R>(reinterpret_cast<const R*>(high.re)[h]);
      b = splat<R>(reinterpret_cast<const R*>(high.im)[h]);
    }
    *re = scalar_re * a - scalar_im * b;
    *im = scalar_re * b + scalar_im * a;
  }

  // Whether `vectors` complex vectors hold nothing but 1.
  static bool ones(const Vec<R>* re, const Vec<R>* im, uint32_t vectors) {
    Idx<R> off = {};
    for (uint32_t v = 0; v < vectors; ++v) off |= (re[v] != splat<R>(1)) | (im[v] != splat<R>(0));
    for (int l = 0; l < kLanes<R>; ++l) {
      if (off[l] != 0) return false;
    }
    return true;
  }
  static bool ones(const Table<R>& t, uint32_t vectors) { return ones(t.re, t.im, vectors); }

  // The bits that h must have set for any factor to differ from 1.
  uint32_t needed() const {
    uint32_t found = (1u << num_high) - 1;
    if (!ones(&scalar_re, &scalar_im, 1) || !ones(base, low_vectors)) return 0;
    for (int c = 0; c < num_cross; ++c) {
      if (!ones(cross[c][0], low_vectors)) return 0;
      if (!ones(cross[c][1], low_vectors)) found &= 1u << cross_bit[c];
    }
    for (uint32_t h = 0; any_high && h < 1u << num_high; ++h) {
      if constexpr (P) {
        if (!ones(high.re + h, high.im + h, 1)) found &= h;
      } else {
        const R re = reinterpret_cast<const R*>(high.re)[h];
        const R im = reinterpret_cast<const R*>(high.im)[h];
        if (re != R(1) || im != R(0)) found &= h;
      }
    }
    return found;
  }

  // Brings the stack up to date for h, and gives the product over base and cross; bits above
  // `changed` are those of the h before.
  QJAX_INLINE const Table<R>& partial(uint32_t h, int changed) {
    for (int c = 0; c < num_cross; ++c) {
      if (cross_bit[c] > changed) continue;
      const Table<R>& by = cross[c][h >> cross_bit[c] & 1];
      const Table<R>&from = stack[c], &to = stack[c + 1];
      for (uint32_t v = 0; v < low_vectors; ++v) {
        const Vec<R> r = from.re[v], i = from.im[v];
        to.re[v] = r * by.re[v] - i * by.im[v];
        to.im[v] = r * by.im[v] + i * by.re[v];
      }
    }
    return stack[num_cross];
  }

  void forward(const Tile<R, P>& tile) {
    const uint32_t need = num_high >= kSkipBits ? needed() : 0;
    uint32_t before = ~0u;  // differs from h in its highest bit
    for (uint32_t h = need; h < 1u << num_high; h = (h + 1) | need) {
      const Table<R>& d = partial(h, 31 - __builtin_clz(h ^ before));
      before = h;
      Vec<R>* const re = tile.re + static_cast<size_t>(h) * low_vectors;
      Vec<R>* const im = tile.im + static_cast<size_t>(h) * low_vectors;
      Vec<R> a, b;
      high_value(h, &a, &b);
      for (uint32_t v = 0; v < low_vectors; ++v) {
        const Vec<R> x = any_high ? d.re[v] * a - d.im[v] * b : d.re[v];
        const Vec<R> y = any_high ? d.re[v] * b + d.im[v] * a : d.im[v];
        const Vec<R> r = re[v], i = im[v];
        re[v] = r * x - i * y;
        im[v] = r * y + i * x;
      }
    }
  }

  void backward(const Tile<R, P>& psi, const Tile<R, P>& lam, const Numbers<R, P>& numbers,
                const Sums<R, P>& sums, Vec<R>* next) {
    const auto table = [&next](uint32_t size, int table_bits, int shift) {
      const Table<R> t = {next, next + size, table_bits, shift};
      next += 2 * size;
      return t;
    };
    const Table<R> over_h = table(low_vectors, low, 0), over_l = table(high_vectors, num_high, low);
    Table<R> half[kMaxCross];  // over the h with the bit set
    fill(over_h, low_vectors, 0);
    fill(over_l, high_vectors, 0);
    for (int c = 0; c < num_cross; ++c) {
      half[c] = table(low_vectors, low, 0);
      fill(half[c], low_vectors, 0);
    }
    Vec<R>* const entry_re = next;
    Vec<R>* const entry_im = next + (2u << kMaxTableBits);
    const Vec<R> zero = splat<R>(0);
    Vec<R> total_re = zero, total_im = zero;
    for (uint32_t h = 0; h < 1u << num_high; ++h) {
      // Counting up to h changed its bits up to the lowest one that is set.
      const Table<R>& d = partial(h, h == 0 ? 31 : __builtin_ctz(h));
      const size_t row = static_cast<size_t>(h) * low_vectors;
      Vec<R> a, b;
      high_value(h, &a, &b);
      Vec<R> row_re = zero, row_im = zero;
      for (uint32_t v = 0; v < low_vectors; ++v) {
        const Vec<R> x = d.re[v] * a - d.im[v] * b, y = d.re[v] * b + d.im[v] * a;
        const Vec<R> r = psi.re[row + v], i = psi.im[row + v];
        const Vec<R> s = lam.re[row + v], t = lam.im[row + v];
        const Vec<R> p = s * r - t * i, q = s * i + t * r;
        row_re += p;
        row_im += q;
        over_h.re[v] += p;
        over_h.im[v] += q;
        for (int c = 0; c < num_cross; ++c) {
          if (h >> cross_bit[c] & 1) {
            half[c].re[v] += p;
            half[c].im[v] += q;
          }
        }
        psi.re[row + v] = r * x + i * y;
        psi.im[row + v] = i * x - r * y;
        lam.re[row + v] = s * x - t * y;
        lam.im[row + v] = s * y + t * x;
      }
      total_re += row_re;
      total_im += row_im;
      if constexpr (P) {
        over_l.re[h] = row_re;
        over_l.im[h] = row_im;
      } else {
        reinterpret_cast<R*>(over_l.re)[h] = static_cast<R>(sum<R>(row_re));
        reinterpret_cast<R*>(over_l.im)[h] = static_cast<R>(sum<R>(row_im));
      }
    }
    for (int k = 0; k < count; ++k) {
      const Factor<R, P> f = factor(k);
      if (f.idle || f.sum < 0) continue;
      for (int e = 0; e < f.entries; ++e) entry_re[e] = entry_im[e] = zero;
      switch (place(f)) {
        case kScalar: {
          const int e = f.entry(0);
          entry_re[e] = total_re;
          entry_im[e] = total_im;
          break;
        }
        case kLowOnly: collect<R, P>(over_h, nullptr, f, 0, entry_re, entry_im); break;
        case kHighOnly: collect<R, P>(over_l, nullptr, f, 0, entry_re, entry_im); break;
        case kCross: {
          const int c = cross_of[high_bit(f)];
          collect<R, P>(over_h, &half[c], f, 0, entry_re, entry_im);
          collect<R, P>(half[c], nullptr, f, 1u << (high_bit(f) + low), entry_re, entry_im);
        }
      }
      emit(f, numbers, sums, entry_re, entry_im);
    }
  }

  static void emit(const Factor<R, P>& f, const Numbers<R, P>& numbers, const Sums<R, P>& sums,
                   const Vec<R>* entry_re, const Vec<R>* entry_im) {
    for (int e = 0; e < f.entries; ++e) {
      Vec<R> a, b;
      factor_value<R, P>(f, numbers, e, &a, &b);
      // sum / d, with |d| = 1
      const Vec<R> re = entry_re[e] * a + entry_im[e] * b, im = entry_im[e] * a - entry_re[e] * b;
      if (f.parity) {
        sums.add(f.sum, re);
        sums.add(f.sum + 1, e ? -im : im);  // Re(-+i (re + i im))
      } else {
        sums.add(f.sum + 2 * e, re);
        sums.add(f.sum + 2 * e + 1, -im);
      }
    }
  }
};

template <class R, bool P>
bool forward_phases(const Tile<R, P>& tile, const int32_t* tape, const int32_t* step,
                    const Numbers<R, P>& numbers) {
  Phases<R, P> phases;
  Vec<R>* rest;
  if (!phases.prepare(tape, step, tile, numbers, false, &rest)) return false;
  phases.forward(tile);
  return true;
}

template <class R, bool P>
bool backward_phases(const Tile<R, P>& psi, const Tile<R, P>& lam, const int32_t* tape,
                     const int32_t* step, const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  Phases<R, P> phases;
  Vec<R>* rest;
  if (!phases.prepare(tape, step, psi, numbers, true, &rest)) return false;
  phases.backward(psi, lam, numbers, sums, rest);
  return true;
}

// --- one factor of any kind -----------------------------------------------------------------------

// The value of a factor at vector v: entries of its lanes and what they hold.
template <class R, bool P>
struct SinglePhase {
  static constexpr int kLane = Tile<R, P>::kLane;
  Factor<R, P> f;
  const Numbers<R, P>& numbers;

  QJAX_INLINE int entry(uint32_t v, int l) const {
    return f.entry(v << kLane | static_cast<uint32_t>(l));
  }

  QJAX_INLINE void value(uint32_t v, Vec<R>* re, Vec<R>* im) const {
    factor_value<R, P>(f, numbers, entry(v, 0), re, im);
    if (P || (f.support & kLaneMask<R>) == 0) return;
    for (int l = 1; l < kLanes<R>; ++l) {
      Vec<R> a, b;
      factor_value<R, P>(f, numbers, entry(v, l), &a, &b);
      (*re)[l] = a[0];
      (*im)[l] = b[0];
    }
  }
};

template <class R, bool P>
void forward_phase(const Tile<R, P>& tile, const int32_t* words, const Numbers<R, P>& numbers) {
  const SinglePhase<R, P> u{Factor<R, P>(words, tile.outer), numbers};
  if (u.f.idle) return;
  for (uint32_t v = 0; v < tile.vectors(); ++v) {
    Vec<R> x, y;
    u.value(v, &x, &y);
    const Vec<R> r = tile.re[v], i = tile.im[v];
    tile.re[v] = r * x - i * y;
    tile.im[v] = r * y + i * x;
  }
}

template <class R, bool P>
void backward_phase(const Tile<R, P>& psi, const Tile<R, P>& lam, const int32_t* words,
                    const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  const SinglePhase<R, P> u{Factor<R, P>(words, psi.outer), numbers};
  if (u.f.idle) return;
  for (uint32_t v = 0; v < psi.vectors(); ++v) {
    Vec<R> x, y;
    u.value(v, &x, &y);
    const Vec<R> r = psi.re[v], i = psi.im[v], s = lam.re[v], t = lam.im[v];
    psi.re[v] = r * x + i * y;
    psi.im[v] = i * x - r * y;
    lam.re[v] = s * x - t * y;
    lam.im[v] = s * y + t * x;
    if (u.f.sum < 0) continue;
    // The cotangent of d is lam psi of the input side of psi, the output side of lam.
    const Vec<R> p = s * psi.re[v] - t * psi.im[v], q = s * psi.im[v] + t * psi.re[v];
    for (int l = 0; l < (P ? 1 : kLanes<R>); ++l) {
      const int e = u.entry(v, l);
      if (e < 0) continue;
      for (int w = 0; w < (P ? kLanes<R> : 1); ++w) {
        const int lane = P ? w : l;
        const double re = static_cast<double>(p[lane]), im = static_cast<double>(q[lane]);
        if (u.f.parity) {  // d = c -+ i s
          sums.data[u.f.sum * Sums<R, P>::kWidth + w] += re;
          sums.data[(u.f.sum + 1) * Sums<R, P>::kWidth + w] += e ? -im : im;
        } else {
          sums.data[static_cast<int64_t>(u.f.sum + 2 * e) * Sums<R, P>::kWidth + w] += re;
          sums.data[static_cast<int64_t>(u.f.sum + 2 * e + 1) * Sums<R, P>::kWidth + w] -= im;
        }
      }
    }
  }
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_PHASES_H_
