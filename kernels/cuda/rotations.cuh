// Pauli rotations.

#ifndef QJAX_KERNELS_CUDA_ROTATIONS_CUH_
#define QJAX_KERNELS_CUDA_ROTATIONS_CUH_

#include "tile.cuh"

namespace qjax_cuda {

// The Pauli rotation c + s W, W = -i P: on a basis state, -i (-i)^letters (-1)^parity(z).
template <class Real>
struct Rotation {
  Real c, s;
  bool real;  // whether W is real
  u32 signs;  // bit i: whether W is negative at register i

  QJAX_DEVICE Rotation back() const { return {c, -s, real, signs}; }
  QJAX_DEVICE Rotation transposed() const { return {c, real ? -s : s, real, signs}; }

  // c v + s W partner
  QJAX_DEVICE Complex<Real> operator()(int i, Complex<Real> v, Complex<Real> partner) const {
    const Real q = signs >> i & 1 ? -s : s;
    const Complex<Real> w = {real ? partner.re : -partner.im, real ? partner.im : partner.re};
    return {c * v.re + q * w.re, c * v.im + q * w.im};
  }

  // Re lam W psi, psi at the partner.
  QJAX_DEVICE Real slope(int i, Complex<Real> lam, Complex<Real> partner) const {
    const Complex<Real> product = times(lam, partner);
    const Real value = real ? product.re : -product.im;
    return signs >> i & 1 ? -value : value;
  }
};

template <int X, class Real, int N>
QJAX_DEVICE void apply_rotation(Complex<Real> (&v)[N], const Rotation<Real>& rotation) {
  QJAX_UNROLL
  for (int i = 0; i < N; ++i) {
    if (i > (i ^ X)) continue;
    const Complex<Real> a = v[i], b = v[i ^ X];
    v[i] = rotation(i, a, b);
    v[i ^ X] = rotation(i ^ X, b, a);
  }
}

template <class Real, int B, bool kBackward>
class Rotations {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  QJAX_DEVICE explicit Rotations(Tile<Real, B, kBackward>& tile) : tile_(tile) {}

  // By a string with the x-mask X on register bits.
  template <int X>
  QJAX_DEVICE void near(const int* op) {
    const bool alone = op[3] == 0 && op[5] == 0;
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const bool on = tile_.acts(op + 3, me);
      const Real* m = tile_.at(t, op[1]);
      const int y = op[7] & 3;
      const bool odd = parity(tile_.own(me) & op[8]) ^ parity(tile_.outer & op[9]) ^ (y < 2);
      const u32 signs = static_cast<u32>(op[10]) ^ (odd ? ~0u : 0);
      const Rotation<Real> rotation = {on ? m[0] : Real(1), on ? m[1] : Real(0), (y & 1) != 0, signs};
      if constexpr (kBackward) {
        Real g = 0, r = 0;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          g += rotation.slope(i, t.lam[i], t.psi[i ^ X]);
          r += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
        }
        parts(t, m[0], m[1], on ? g : Real(0), on ? r : Real(0), alone);
        apply_rotation<X>(t.psi, rotation.back());
        apply_rotation<X>(t.lam, rotation.transposed());
      } else {
        apply_rotation<X>(t.psi, rotation);
      }
    }
    tile_.want(alone ? 1 : 2, op[2]);
  }

  // By any other string.
  QJAX_DEVICE void far(const int* op) {
    const int y = op[8] & 3;
    const u32 x = static_cast<u32>(op[9]), z = static_cast<u32>(op[10]);
    const bool alone = op[2] == 0 && op[4] == 0;
    const int* columns = op + op[1];
    const Shared<C> memory = tile_.memory();
    QJAX_EACH(tile_.block, me) {
      Thread& t = tile_.threads[me];
      const Real* m = tile_.at(t, op[6]);
      const u32 first = thread_sum(columns, tile_.own(me));
      const RegisterColumns<B> register_at(columns + kThreadSums);
      const bool outer_odd = parity(tile_.outer & op[11]) ^ (y < 2);
      Real g = 0, r = 0;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 place = first ^ register_at(i);
        const u32 signs = parity(place & z) ^ outer_odd ? ~0u : 0;
        const Rotation<Real> rotation = {m[0], m[1], (y & 1) != 0, signs};
        if (!tile_.acts_at(op, place)) continue;
        const u32 from = tile_.first_place(me) + (place ^ x);
        const C partner = memory.get(me, from);
        if constexpr (kBackward) {
          g += rotation.slope(i, t.lam[i], partner);
          r += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
          t.psi[i] = rotation.back()(i, t.psi[i], partner);
          t.lam[i] = rotation.transposed()(i, t.lam[i], memory.get(me, tile_.buffer() + from));
        } else {
          t.psi[i] = rotation(i, t.psi[i], partner);
        }
      }
      if constexpr (kBackward) parts(t, m[0], m[1], g, r, alone);
    }
    tile_.want(alone ? 1 : 2, op[7]);
  }

 private:
  // Cotangents of cos and sin, or the slope g alone.
  QJAX_DEVICE static void parts(Thread& t, Real c, Real s, Real g, Real r, bool alone) {
    if constexpr (kBackward) {
      t.part[0] = alone ? g : c * r - s * g;
      t.part[1] = s * r + c * g;
    }
  }

  Tile<Real, B, kBackward>& tile_;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_ROTATIONS_CUH_
