// exp(-i angle P / 2) for a Pauli string P that flips bits, under a condition.
//
//   psi'[j] = c psi[j] + s w[j] psi[j ^ x],   w[j] = -i (-i)^y (-1)^parity(j & z),
//
// with c, s the cosine and sine of half the angle and y the number of letters Y. With W = -i P:
//
//   backward   psi <- c psi - s W psi,   lam <- c lam + s W^T lam,   W^T = (-1)^y W
//   sums       g = Re sum lam[j] (W psi)[j] and, under a condition, R = Re sum lam[j] psi[j] over the
//              j where it acts, psi and lam of the output side.
//
// The cotangents of c and s are c R - s g and s R + c g; without a condition R is the same for all
// rotations of a run.

#ifndef QJAX_KERNELS_CPU_ROTATION_H_
#define QJAX_KERNELS_CPU_ROTATION_H_

#include "tile.h"

namespace qjax {
namespace QJAX_ISA {

template <class R, bool P>
struct Rotation {
  uint32_t x, z;   // of vector indices
  Idx<R> flip;     // of lanes
  bool flips_lanes;
  bool real;       // whether w is +-1 or else +-i
  Vec<R> c, s, w;  // w: +-1 per lane, for vector indices of even parity
  int32_t sum;
  Where<R, P> where;
  Vec<R> cosine, sine;

  Rotation(const int32_t* step, const Numbers<R, P>& numbers, uint32_t outer)
      : where(condition_at(step + 7), outer) {
    constexpr int kLane = Tile<R, P>::kLane;
    const uint32_t low = P ? 0 : kLaneMask<R>;
    const uint32_t sx = step[1], sz = step[2];
    x = sx >> kLane;
    z = sz >> kLane;
    flips_lanes = (sx & low) != 0;
    flip = flipped_lanes<R>(sx & low);
    const int y = step[4] & 3;
    real = y & 1;
    // -i (-i)^y is -i, -1, i, 1 for y = 0, 1, 2, 3.
    const bool negative = (y < 2) != (__builtin_parity(outer & static_cast<uint32_t>(step[3])) != 0);
    w = lane_signs<R>(sz & low) * splat<R>(negative ? -1 : 1);
    c = cosine = numbers(step[5]);
    s = sine = numbers(step[5], 1);
    sum = step[6];
  }

  QJAX_INLINE Vec<R> partner(const Vec<R>* data, uint32_t v) const {
    return flips_lanes ? permute<R>(data[v], flip) : data[v];
  }
};

// r, i <- c (r, i) + s w (pr, pi), sw = s times the signs of w.
template <class R, bool Real>
QJAX_INLINE void turn(Vec<R> c, Vec<R> sw, Vec<R> pr, Vec<R> pi, Vec<R>* r, Vec<R>* i) {
  if constexpr (Real) {
    *r = c * *r + sw * pr;
    *i = c * *i + sw * pi;
  } else {
    *r = c * *r - sw * pi;
    *i = c * *i + sw * pr;
  }
}

// Turns the amplitudes of a tile: s is the sine of half the angle with the sign wanted.
template <class R, bool P, bool Real>
void turn_tile(const Tile<R, P>& t, const Rotation<R, P>& u, Vec<R> s) {
  const Vec<R> plus = s * u.w, minus = -plus;
  const uint32_t all = t.vectors() - 1;
  const uint32_t pivot = u.x == 0 ? 0 : 1u << (31 - __builtin_clz(u.x));
  for_each(all & ~(pivot | u.where.mask), u.where.value, [&](uint32_t v) QJAX_BODY {
    const uint32_t p = v ^ u.x;
    const Vec<R> a = t.re[v], b = t.im[v];
    const Vec<R> pr = u.partner(t.re, p), pi = u.partner(t.im, p);
    Vec<R> r = a, i = b;
    turn<R, Real>(u.c, __builtin_parity(v & u.z) ? minus : plus, pr, pi, &r, &i);
    if (pivot != 0) {
      const Vec<R> qr = u.partner(t.re, v), qi = u.partner(t.im, v);
      const Vec<R> d = t.re[p], e = t.im[p];
      Vec<R> f = d, g = e;
      turn<R, Real>(u.c, __builtin_parity(p & u.z) ? minus : plus, qr, qi, &f, &g);
      t.re[p] = u.where.pick(f, d);
      t.im[p] = u.where.pick(g, e);
    }
    t.re[v] = u.where.pick(r, a);
    t.im[v] = u.where.pick(i, b);
  });
}

template <class R, bool P>
void forward_rotation(const Tile<R, P>& tile, const int32_t* step, const Numbers<R, P>& numbers) {
  const Rotation<R, P> u(step, numbers, tile.outer);
  if (u.where.never) return;
  if (u.real) {
    turn_tile<R, P, true>(tile, u, u.s);
  } else {
    turn_tile<R, P, false>(tile, u, u.s);
  }
}

template <class R, bool P, bool Real>
void rotation_sums(const Tile<R, P>& psi, const Tile<R, P>& lam, const Rotation<R, P>& u,
                   bool conditional, const Sums<R, P>& sums) {
  const Vec<R> plus = u.w, minus = -plus;
  const Vec<R> zero = splat<R>(0);
  Vec<R> g = zero, overlap = zero;
  for_each((psi.vectors() - 1) & ~u.where.mask, u.where.value, [&](uint32_t v) QJAX_BODY {
    const Vec<R> r = lam.re[v], i = lam.im[v];
    const Vec<R> pr = u.partner(psi.re, v ^ u.x), pi = u.partner(psi.im, v ^ u.x);
    const Vec<R> sign = __builtin_parity(v & u.z) ? minus : plus;
    const Vec<R> term = Real ? r * pr - i * pi : -(r * pi + i * pr);
    g += u.where.pick(sign * term, zero);
    if (conditional) overlap += u.where.pick(r * psi.re[v] - i * psi.im[v], zero);
  });
  if (!conditional) {
    sums.add(u.sum, g);
    return;
  }
  sums.add(u.sum, u.cosine * overlap - u.sine * g);
  sums.add(u.sum + 1, u.sine * overlap + u.cosine * g);
}

template <class R, bool P>
void backward_rotation(const Tile<R, P>& psi, const Tile<R, P>& lam, const int32_t* step,
                       const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  const Rotation<R, P> u(step, numbers, psi.outer);
  if (u.where.never) return;
  const bool conditional = (step[7] | step[9]) != 0;
  if (u.real) {
    rotation_sums<R, P, true>(psi, lam, u, conditional, sums);
    turn_tile<R, P, true>(psi, u, -u.s);
    turn_tile<R, P, true>(lam, u, -u.s);
  } else {
    rotation_sums<R, P, false>(psi, lam, u, conditional, sums);
    turn_tile<R, P, false>(psi, u, -u.s);
    turn_tile<R, P, false>(lam, u, u.s);
  }
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_ROTATION_H_
