// Gates on the registers of one thread: 2^B amplitudes, of which bit j of the index is register bit j.

#ifndef QJAX_KERNELS_CUDA_GATES_CUH_
#define QJAX_KERNELS_CUDA_GATES_CUH_

#include "block.cuh"

namespace qjax_cuda {

// exp(-i angle P / 2) on bit J, P = Y or X, as three shears: no copy of an amplitude is needed.
template <int J, bool kX, class Real, int N>
QJAX_DEVICE void apply_shears(Complex<Real> (&v)[N], Real tan, Real sin) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i >> J & 1) continue;
    Complex<Real>&a = v[i], &b = v[i | 1 << J];
    if constexpr (kX) {
      a = {a.re + tan * b.im, a.im - tan * b.re};
      b = {b.re + sin * a.im, b.im - sin * a.re};
      a = {a.re + tan * b.im, a.im - tan * b.re};
    } else {
      a = {a.re - tan * b.re, a.im - tan * b.im};
      b = {b.re + sin * a.re, b.im + sin * a.im};
      a = {a.re - tan * b.re, a.im - tan * b.im};
    }
  }
}

template <int J, class Real, int N>
QJAX_DEVICE void apply_real(Complex<Real> (&v)[N], Real m00, Real m01, Real m10, Real m11) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i >> J & 1) continue;
    const Complex<Real> a = v[i], b = v[i | 1 << J];
    v[i] = {m00 * a.re + m01 * b.re, m00 * a.im + m01 * b.im};
    v[i | 1 << J] = {m10 * a.re + m11 * b.re, m10 * a.im + m11 * b.im};
  }
}

template <int J, class Real, int N>
QJAX_DEVICE void apply_matrix(Complex<Real> (&v)[N], const Complex<Real> (&m)[4]) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i >> J & 1) continue;
    const Complex<Real> a = v[i], b = v[i | 1 << J];
    v[i] = add_times(times(m[0], a), m[1], b);
    v[i | 1 << J] = add_times(times(m[2], a), m[3], b);
  }
}

// A 4x4 matrix on bits A < C, A the lower bit of its indices.
template <int A, int C, class Real, int N>
QJAX_DEVICE void apply_matrix2(Complex<Real> (&v)[N], const Complex<Real> (&m)[16]) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i & (1 << A | 1 << C)) continue;
    Complex<Real> out[4];
    QJAX_UNROLL
    for (int row = 0; row < 4; ++row) {
      out[row] = times(m[4 * row], v[i]);
      QJAX_UNROLL
      for (int k = 1; k < 4; ++k) {
        out[row] = add_times(out[row], m[4 * row + k], v[i | (k & 1) << A | (k >> 1) << C]);
      }
    }
    QJAX_UNROLL
    for (int row = 0; row < 4; ++row) v[i | (row & 1) << A | (row >> 1) << C] = out[row];
  }
}

// X on bit J of the registers in `acts`.
template <int J, class Real, int N>
QJAX_DEVICE void apply_flip(Complex<Real> (&v)[N], u32 acts) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i >> J & 1) continue;
    const Complex<Real> a = v[i], b = v[i | 1 << J];
    const bool on = acts >> i & 1;
    v[i] = on ? b : a;
    v[i | 1 << J] = on ? a : b;
  }
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_GATES_CUH_
