// Steps of 2x2 matrices on distinct bits, up to three at a time while the amplitudes are in registers.
//
//   psi'[i0], psi'[i1] = U (psi[i0], psi[i1]),   i1 = i0 | 1 << bit
//
// Backward (psi and the cotangent lam of the output): psi <- U^-1 psi, lam <- U^T lam, and
//   rotations  g = Re sum_j lam[j] (W psi)[j] with W = -iY or -iX, psi and lam of the output side,
//   matrices   cotangent of U[r, c] = sum lam[ir] psi[ic], psi of the input side.

#ifndef QJAX_KERNELS_CPU_SINGLES_H_
#define QJAX_KERNELS_CPU_SINGLES_H_

#include "tile.h"

namespace qjax {
namespace QJAX_ISA {

// Arithmetic of a 2x2 matrix: RX counts as (cos, sin), a real one as its 4 entries.
enum Arithmetic { kRealMath, kRxMath, kComplexMath };

template <class R>
struct Matrix2 {
  Arithmetic math;
  int32_t form, bit, sum;
  Vec<R> m[8];
};

constexpr int kMaxSingles = 32;

template <class R, bool P>
QJAX_INLINE void read_single(const int32_t* entry, const Numbers<R, P>& numbers, Matrix2<R>* out) {
  out->form = entry[0];
  out->bit = entry[1];
  out->sum = entry[3];
  const int32_t ref = entry[2];
  switch (entry[0]) {
    case kRy: {
      const Vec<R> c = numbers(ref), s = numbers(ref, 1);
      out->math = kRealMath;
      out->m[0] = c;
      out->m[1] = -s;
      out->m[2] = s;
      out->m[3] = c;
      break;
    }
    case kReal:
      out->math = kRealMath;
      for (int i = 0; i < 4; ++i) out->m[i] = numbers(ref, 2 * i);
      break;
    case kRx:
      out->math = kRxMath;
      out->m[0] = numbers(ref);
      out->m[1] = numbers(ref, 1);
      break;
    default:
      out->math = kComplexMath;
      for (int i = 0; i < 8; ++i) out->m[i] = numbers(ref, i);
  }
}

// The transpose, in place.
template <class R>
QJAX_INLINE void transpose(Matrix2<R>* u) {
  const auto swap = [u](int a, int b) {
    const Vec<R> t = u->m[a];
    u->m[a] = u->m[b];
    u->m[b] = t;
  };
  if (u->math == kRealMath) swap(1, 2);
  if (u->math == kComplexMath) {
    swap(2, 4);
    swap(3, 5);
  }
}

// The complex conjugate, in place.
template <class R>
QJAX_INLINE void conjugate(Matrix2<R>* u) {
  if (u->math == kRxMath) u->m[1] = -u->m[1];
  if (u->math == kComplexMath) {
    for (int i = 1; i < 8; i += 2) u->m[i] = -u->m[i];
  }
}

template <class R, int K>
QJAX_INLINE void apply2(Vec<R>& r0, Vec<R>& i0, Vec<R>& r1, Vec<R>& i1, const Vec<R>* m) {
  const Vec<R> a = r0, b = i0, c = r1, d = i1;
  if constexpr (K == kRealMath) {
    r0 = m[0] * a + m[1] * c;
    i0 = m[0] * b + m[1] * d;
    r1 = m[2] * a + m[3] * c;
    i1 = m[2] * b + m[3] * d;
  } else if constexpr (K == kRxMath) {
    r0 = m[0] * a + m[1] * d;
    i0 = m[0] * b - m[1] * c;
    r1 = m[0] * c + m[1] * b;
    i1 = m[0] * d - m[1] * a;
  } else {
    r0 = m[0] * a - m[1] * b + m[2] * c - m[3] * d;
    i0 = m[0] * b + m[1] * a + m[2] * d + m[3] * c;
    r1 = m[4] * a - m[5] * b + m[6] * c - m[7] * d;
    i1 = m[4] * b + m[5] * a + m[6] * d + m[7] * c;
  }
}

// --- forward --------------------------------------------------------------------------------------

template <class R, bool P, int N, int K0, int K1, int K2>
void forward_block(const Tile<R, P>& tile, const Matrix2<R>* u) {
  uint32_t stride[N];
  uint32_t fixed = 0;
  for (int b = 0; b < N; ++b) {
    stride[b] = 1u << (u[b].bit - Tile<R, P>::kLane);
    fixed |= stride[b];
  }
  Vec<R>* const re = tile.re;
  Vec<R>* const im = tile.im;
  for_each((tile.vectors() - 1) & ~fixed, 0, [&](uint32_t v) QJAX_BODY {
    Vec<R> r[1 << N], i[1 << N];
    uint32_t at[1 << N];
    at[0] = v;
    for (int b = 0; b < N; ++b) {
      for (int a = 0; a < 1 << b; ++a) at[a | 1 << b] = at[a] | stride[b];
    }
    for (int a = 0; a < 1 << N; ++a) {
      r[a] = re[at[a]];
      i[a] = im[at[a]];
    }
    for (int a = 0; a < 1 << N; ++a) {
      if (!(a & 1)) apply2<R, K0>(r[a], i[a], r[a | 1], i[a | 1], u[0].m);
    }
    if constexpr (N > 1) {
      for (int a = 0; a < 1 << N; ++a) {
        if (!(a & 2)) apply2<R, K1>(r[a], i[a], r[a | 2], i[a | 2], u[1].m);
      }
    }
    if constexpr (N > 2) {
      for (int a = 0; a < 1 << N; ++a) {
        if (!(a & 4)) apply2<R, K2>(r[a], i[a], r[a | 4], i[a | 4], u[2].m);
      }
    }
    for (int a = 0; a < 1 << N; ++a) {
      re[at[a]] = r[a];
      im[at[a]] = i[a];
    }
  });
}

// Blocks of up to N matrices, in ascending order of their arithmetic.
template <class R, bool P>
void forward_blocks(const Tile<R, P>& tile, const Matrix2<R>* u, int count) {
  constexpr int kMost = kRegisters >= 32 ? 3 : 2;
  while (count > 0) {
    int n = count < kMost ? count : kMost;
    if (n > 2 && u[n - 1].math == kComplexMath) n = 2;  // three would not fit the registers
    const int kinds = n == 1   ? u[0].math
                      : n == 2 ? 10 + 3 * u[0].math + u[1].math
                               : 100 + 9 * u[0].math + 3 * u[1].math + u[2].math;
#define QJAX_ONE(a) \
  case a:           \
    forward_block<R, P, 1, a, 0, 0>(tile, u); \
    break;
#define QJAX_TWO(a, b)  \
  case 10 + 3 * a + b:  \
    forward_block<R, P, 2, a, b, 0>(tile, u); \
    break;
#define QJAX_THREE(a, b, c)    \
  case 100 + 9 * a + 3 * b + c: \
    if constexpr (kMost >= 3) forward_block<R, P, 3, a, b, c>(tile, u); \
    break;
    switch (kinds) {
      QJAX_ONE(0) QJAX_ONE(1) QJAX_ONE(2)
      QJAX_TWO(0, 0) QJAX_TWO(0, 1) QJAX_TWO(0, 2) QJAX_TWO(1, 1) QJAX_TWO(1, 2) QJAX_TWO(2, 2)
      QJAX_THREE(0, 0, 0) QJAX_THREE(0, 0, 1) QJAX_THREE(0, 0, 2) QJAX_THREE(0, 1, 1)
      QJAX_THREE(0, 1, 2) QJAX_THREE(0, 2, 2) QJAX_THREE(1, 1, 1) QJAX_THREE(1, 1, 2)
      QJAX_THREE(1, 2, 2) QJAX_THREE(2, 2, 2)
    }
#undef QJAX_ONE
#undef QJAX_TWO
#undef QJAX_THREE
    u += n;
    count -= n;
  }
}

// A 2x2 matrix on a lane bit: out = diagonal * x + across * flip(x), with coefficients per lane.
template <class R>
struct LaneMatrix {
  Arithmetic math;
  Idx<R> flip;
  Vec<R> dr, di, xr, xi;  // re and im of the diagonal and of the other entry of each lane's row
};

template <class R>
QJAX_INLINE LaneMatrix<R> lane_matrix(const Matrix2<R>& u) {
  LaneMatrix<R> out;
  out.math = u.math;
  out.flip = flipped_lanes<R>(1 << u.bit);
  const Idx<R> one = lanes_where<R>(1 << u.bit, 1 << u.bit);
  const Vec<R> zero = splat<R>(0);
  switch (u.math) {
    case kRealMath:
      out.dr = select<R>(one, u.m[3], u.m[0]);
      out.xr = select<R>(one, u.m[2], u.m[1]);
      out.di = out.xi = zero;
      break;
    case kRxMath:
      out.dr = u.m[0];
      out.xi = -u.m[1];
      out.di = out.xr = zero;
      break;
    default:
      out.dr = select<R>(one, u.m[6], u.m[0]);
      out.di = select<R>(one, u.m[7], u.m[1]);
      out.xr = select<R>(one, u.m[4], u.m[2]);
      out.xi = select<R>(one, u.m[5], u.m[3]);
  }
  return out;
}

template <class R, int N>
QJAX_INLINE void apply_lanes(const LaneMatrix<R>& u, Vec<R>* r, Vec<R>* i) {
  switch (u.math) {
    case kRealMath:
      for (int a = 0; a < N; ++a) {
        r[a] = u.dr * r[a] + u.xr * permute<R>(r[a], u.flip);
        i[a] = u.dr * i[a] + u.xr * permute<R>(i[a], u.flip);
      }
      break;
    case kRxMath:
      for (int a = 0; a < N; ++a) {
        const Vec<R> y = permute<R>(r[a], u.flip), z = permute<R>(i[a], u.flip);
        r[a] = u.dr * r[a] - u.xi * z;
        i[a] = u.dr * i[a] + u.xi * y;
      }
      break;
    default:
      for (int a = 0; a < N; ++a) {
        const Vec<R> x = r[a], w = i[a], y = permute<R>(x, u.flip), z = permute<R>(w, u.flip);
        r[a] = u.dr * x - u.di * w + u.xr * y - u.xi * z;
        i[a] = u.dr * w + u.di * x + u.xr * z + u.xi * y;
      }
  }
}

template <class R, int N>
void forward_lanes(Vec<R>* re, Vec<R>* im, uint32_t vectors, const LaneMatrix<R>* u, int count) {
  for (uint32_t v = 0; v + N <= vectors; v += N) {
    Vec<R> r[N], i[N];
    for (int a = 0; a < N; ++a) {
      r[a] = re[v + a];
      i[a] = im[v + a];
    }
    for (int k = 0; k < count; ++k) apply_lanes<R, N>(u[k], r, i);
    for (int a = 0; a < N; ++a) {
      re[v + a] = r[a];
      im[v + a] = i[a];
    }
  }
}

// Splits the matrices of a step into those on lanes and those on vectors, each in tape order.
template <class R, bool P>
QJAX_INLINE void read_singles(const int32_t* step, const Numbers<R, P>& numbers, Matrix2<R>* lanes,
                              int* num_lanes, Matrix2<R>* high, int* num_high) {
  *num_lanes = *num_high = 0;
  for (int k = 0; k < step[1]; ++k) {
    const int32_t* entry = step + 2 + 4 * k;
    Matrix2<R>* out = entry[1] < Tile<R, P>::kLane ? &lanes[(*num_lanes)++] : &high[(*num_high)++];
    read_single<R, P>(entry, numbers, out);
  }
}

template <class R, bool P>
void forward_singles(const Tile<R, P>& tile, const int32_t* step, const Numbers<R, P>& numbers) {
  Matrix2<R> lanes[kMaxSingles], high[kMaxSingles];
  int num_lanes, num_high;
  read_singles<R, P>(step, numbers, lanes, &num_lanes, high, &num_high);
  if (num_lanes > 0) {
    LaneMatrix<R> u[8];
    for (int k = 0; k < num_lanes; ++k) u[k] = lane_matrix<R>(lanes[k]);
    if (tile.vectors() % 4 == 0) {
      forward_lanes<R, 4>(tile.re, tile.im, tile.vectors(), u, num_lanes);
    } else {
      forward_lanes<R, 1>(tile.re, tile.im, tile.vectors(), u, num_lanes);
    }
  }
  forward_blocks<R, P>(tile, high, num_high);
}

// --- backward -------------------------------------------------------------------------------------

template <int K>
constexpr int kSumsOf = K == kComplexMath ? 8 : 1;

// One pair of amplitudes of psi (a) and lam (b). `undo` is U^-1, `turn` is U^T, e collects sums.
template <class R, int K>
QJAX_INLINE void back2(Vec<R>& ar0, Vec<R>& ai0, Vec<R>& ar1, Vec<R>& ai1, Vec<R>& br0, Vec<R>& bi0,
                       Vec<R>& br1, Vec<R>& bi1, const Vec<R>* undo, const Vec<R>* turn,
                       Vec<R>* e) {
  if constexpr (K == kRealMath) {
    e[0] += br1 * ar0 - bi1 * ai0 - br0 * ar1 + bi0 * ai1;
  } else if constexpr (K == kRxMath) {
    e[0] += br0 * ai1 + bi0 * ar1 + br1 * ai0 + bi1 * ar0;
  }
  apply2<R, K>(ar0, ai0, ar1, ai1, undo);
  if constexpr (K == kComplexMath) {
    e[0] += br0 * ar0 - bi0 * ai0;
    e[1] -= br0 * ai0 + bi0 * ar0;
    e[2] += br0 * ar1 - bi0 * ai1;
    e[3] -= br0 * ai1 + bi0 * ar1;
    e[4] += br1 * ar0 - bi1 * ai0;
    e[5] -= br1 * ai0 + bi1 * ar0;
    e[6] += br1 * ar1 - bi1 * ai1;
    e[7] -= br1 * ai1 + bi1 * ar1;
  }
  apply2<R, K>(br0, bi0, br1, bi1, turn);
}

template <class R, bool P>
QJAX_INLINE void add_sums(const Sums<R, P>& sums, const Matrix2<R>& u, int count, const Vec<R>* e) {
  if (u.sum < 0) return;
  for (int k = 0; k < count; ++k) sums.add(u.sum + k, e[k]);
}

template <class R, bool P, int N, int K0, int K1>
void backward_block(const Tile<R, P>& psi, const Tile<R, P>& lam, const Matrix2<R>* undo,
                    const Matrix2<R>* turn, const Sums<R, P>& sums) {
  uint32_t stride[N];
  uint32_t fixed = 0;
  for (int b = 0; b < N; ++b) {
    stride[b] = 1u << (undo[b].bit - Tile<R, P>::kLane);
    fixed |= stride[b];
  }
  Vec<R> e0[kSumsOf<K0>] = {}, e1[kSumsOf<K1>] = {};
  Vec<R>* const ar = psi.re;
  Vec<R>* const ai = psi.im;
  Vec<R>* const br = lam.re;
  Vec<R>* const bi = lam.im;
  for_each((psi.vectors() - 1) & ~fixed, 0, [&](uint32_t v) QJAX_BODY {
    Vec<R> r[1 << N], i[1 << N], s[1 << N], j[1 << N];
    uint32_t at[1 << N];
    at[0] = v;
    for (int b = 0; b < N; ++b) {
      for (int a = 0; a < 1 << b; ++a) at[a | 1 << b] = at[a] | stride[b];
    }
    for (int a = 0; a < 1 << N; ++a) {
      r[a] = ar[at[a]];
      i[a] = ai[at[a]];
      s[a] = br[at[a]];
      j[a] = bi[at[a]];
    }
    for (int a = 0; a < 1 << N; ++a) {
      if (!(a & 1)) {
        const int b = a | 1;
        back2<R, K0>(r[a], i[a], r[b], i[b], s[a], j[a], s[b], j[b], undo[0].m, turn[0].m, e0);
      }
    }
    if constexpr (N > 1) {
      for (int a = 0; a < 1 << N; ++a) {
        if (!(a & 2)) {
          const int b = a | 2;
          back2<R, K1>(r[a], i[a], r[b], i[b], s[a], j[a], s[b], j[b], undo[1].m, turn[1].m, e1);
        }
      }
    }
    for (int a = 0; a < 1 << N; ++a) {
      ar[at[a]] = r[a];
      ai[at[a]] = i[a];
      br[at[a]] = s[a];
      bi[at[a]] = j[a];
    }
  });
  add_sums<R, P>(sums, undo[0], kSumsOf<K0>, e0);
  if constexpr (N > 1) add_sums<R, P>(sums, undo[1], kSumsOf<K1>, e1);
}

template <class R, bool P>
void backward_blocks(const Tile<R, P>& psi, const Tile<R, P>& lam, const Matrix2<R>* undo,
                     const Matrix2<R>* turn, int count, const Sums<R, P>& sums) {
  while (count > 0) {
    const bool pair = kRegisters >= 32 && count > 1 && undo[1].math != kComplexMath;
    const int kinds = pair ? 10 + 3 * undo[0].math + undo[1].math : undo[0].math;
#define QJAX_ONE(a)                                             \
  case a:                                                       \
    backward_block<R, P, 1, a, 0>(psi, lam, undo, turn, sums);  \
    break;
#define QJAX_TWO(a, b)                                          \
  case 10 + 3 * a + b:                                          \
    backward_block<R, P, 2, a, b>(psi, lam, undo, turn, sums);  \
    break;
    switch (kinds) {
      QJAX_ONE(0) QJAX_ONE(1) QJAX_ONE(2) QJAX_TWO(0, 0) QJAX_TWO(0, 1) QJAX_TWO(1, 1)
    }
#undef QJAX_ONE
#undef QJAX_TWO
    const int n = pair ? 2 : 1;
    undo += n;
    turn += n;
    count -= n;
  }
}

// A complex matrix on a lane.
template <class R>
void backward_lane(const Tile<R, false>& psi, const Tile<R, false>& lam, const Matrix2<R>& undo,
                   const Matrix2<R>& turn, const Sums<R, false>& sums) {
  const LaneMatrix<R> a = lane_matrix<R>(undo), b = lane_matrix<R>(turn);
  Vec<R> e[4] = {};
  for (uint32_t v = 0; v < psi.vectors(); ++v) {
    Vec<R> r = psi.re[v], i = psi.im[v], s = lam.re[v], j = lam.im[v];
    apply_lanes<R, 1>(a, &r, &i);
    const Vec<R> y = permute<R>(r, a.flip), z = permute<R>(i, a.flip);
    e[0] += s * r - j * i;
    e[1] -= s * i + j * r;
    e[2] += s * y - j * z;
    e[3] -= s * z + j * y;
    apply_lanes<R, 1>(b, &s, &j);
    psi.re[v] = r;
    psi.im[v] = i;
    lam.re[v] = s;
    lam.im[v] = j;
  }
  if (undo.sum < 0) return;
  const Vec<R> zero = splat<R>(0);
  const Idx<R> one = lanes_where<R>(1 << undo.bit, 1 << undo.bit);
  for (int k = 0; k < 2; ++k) {  // re and im; the row is the lane's bit
    sums.add(undo.sum + k, select<R>(one, zero, e[k]));
    sums.add(undo.sum + 2 + k, select<R>(one, zero, e[2 + k]));
    sums.add(undo.sum + 4 + k, select<R>(one, e[2 + k], zero));
    sums.add(undo.sum + 6 + k, select<R>(one, e[k], zero));
  }
}

// Several rotations or real matrices on lanes, while the amplitudes are in registers.
template <class R, int N>
void backward_lanes(const Tile<R, false>& psi, const Tile<R, false>& lam, const Matrix2<R>* undo,
                    const Matrix2<R>* turn, const Sums<R, false>& sums) {
  LaneMatrix<R> a[N], b[N];
  Vec<R> e[N];
  for (int k = 0; k < N; ++k) {
    a[k] = lane_matrix<R>(undo[k]);
    b[k] = lane_matrix<R>(turn[k]);
    e[k] = splat<R>(0);
  }
  for (uint32_t v = 0; v < psi.vectors(); ++v) {
    Vec<R> r = psi.re[v], i = psi.im[v], s = lam.re[v], j = lam.im[v];
    for (int k = 0; k < N; ++k) {
      const Vec<R> y = permute<R>(r, a[k].flip), z = permute<R>(i, a[k].flip);
      const Vec<R> w = permute<R>(s, a[k].flip), x = permute<R>(j, a[k].flip);
      if (a[k].math == kRealMath) {
        e[k] += s * y - j * z;
        r = a[k].dr * r + a[k].xr * y;
        i = a[k].dr * i + a[k].xr * z;
        s = b[k].dr * s + b[k].xr * w;
        j = b[k].dr * j + b[k].xr * x;
      } else {
        e[k] += s * z + j * y;
        r = a[k].dr * r - a[k].xi * z;
        i = a[k].dr * i + a[k].xi * y;
        s = b[k].dr * s - b[k].xi * x;
        j = b[k].dr * j + b[k].xi * w;
      }
    }
    psi.re[v] = r;
    psi.im[v] = i;
    lam.re[v] = s;
    lam.im[v] = j;
  }
  for (int k = 0; k < N; ++k) {
    if (undo[k].sum < 0) continue;
    const Idx<R> one = lanes_where<R>(1 << undo[k].bit, 1 << undo[k].bit);
    sums.add(undo[k].sum, undo[k].math == kRealMath ? select<R>(one, e[k], -e[k]) : e[k]);
  }
}

template <class R, bool P>
void backward_singles(const Tile<R, P>& psi, const Tile<R, P>& lam, const int32_t* step,
                      const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  Matrix2<R> lanes[kMaxSingles], high[kMaxSingles], undo[kMaxSingles];
  int num_lanes, num_high;
  read_singles<R, P>(step, numbers, lanes, &num_lanes, high, &num_high);
  const auto turned = [](Matrix2<R>* u, int count, Matrix2<R>* inverse) {
    for (int k = 0; k < count; ++k) {
      transpose<R>(&u[k]);
      inverse[k] = u[k];
      conjugate<R>(&inverse[k]);
    }
  };
  turned(high, num_high, undo);
  backward_blocks<R, P>(psi, lam, undo, high, num_high, sums);
  if constexpr (!P) {
    turned(lanes, num_lanes, undo);
    int simple = 0;  // those that are not complex come first
    while (simple < num_lanes && undo[simple].math != kComplexMath) ++simple;
    switch (simple) {
      case 1: backward_lanes<R, 1>(psi, lam, undo, lanes, sums); break;
      case 2: backward_lanes<R, 2>(psi, lam, undo, lanes, sums); break;
      case 3: backward_lanes<R, 3>(psi, lam, undo, lanes, sums); break;
      case 4: backward_lanes<R, 4>(psi, lam, undo, lanes, sums); break;
      default: break;
    }
    for (int k = simple; k < num_lanes; ++k) backward_lane<R>(psi, lam, undo[k], lanes[k], sums);
  }
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_SINGLES_H_
