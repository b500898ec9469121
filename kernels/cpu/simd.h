// Vectors of amplitudes: the only file that knows an instruction set.
//
// Compiled once per instruction set, with QJAX_ISA naming the namespace of everything in it, so that
// no function compiled for a newer processor can be linked into the code for an older one. For the
// same reason the code that includes this file uses no function template of the standard library.

#ifndef QJAX_KERNELS_CPU_SIMD_H_
#define QJAX_KERNELS_CPU_SIMD_H_

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#ifndef QJAX_ISA
#error "QJAX_ISA must name the instruction set: portable, avx2 or avx512."
#endif

#define QJAX_INLINE inline __attribute__((always_inline))
#define QJAX_BODY __attribute__((always_inline))  // after the parameters of a lambda

namespace qjax {
namespace QJAX_ISA {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
constexpr int kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
constexpr int kRegisters = 16;
#else
constexpr int kBytes = 16;
constexpr int kRegisters = 16;
#endif

template <class R>
struct VecOf;

template <>
struct VecOf<float> {
  typedef float type __attribute__((vector_size(kBytes), may_alias));
  typedef int32_t index __attribute__((vector_size(kBytes), may_alias));
  typedef int32_t lane;
};

template <>
struct VecOf<double> {
  typedef double type __attribute__((vector_size(kBytes), may_alias));
  typedef int64_t index __attribute__((vector_size(kBytes), may_alias));
  typedef int64_t lane;
};

template <class R>
using Vec = typename VecOf<R>::type;  // W real numbers
template <class R>
using Idx = typename VecOf<R>::index;  // W integers of the same size; as a mask all bits or none

template <class R>
constexpr int kLanes = kBytes / sizeof(R);  // W

constexpr int log2_of(int x) { return x <= 1 ? 0 : 1 + log2_of(x / 2); }

template <class R>
constexpr int kLaneBits = log2_of(kLanes<R>);  // W = 2^kLaneBits

template <class R>
QJAX_INLINE Vec<R> load(const R* p) {
  return *reinterpret_cast<const Vec<R>*>(p);
}

template <class R>
QJAX_INLINE void store(R* p, Vec<R> v) {
  *reinterpret_cast<Vec<R>*>(p) = v;
}

// Loads and stores that need no alignment.
template <class R>
QJAX_INLINE Vec<R> load_any(const R* p) {
  Vec<R> v;
  memcpy(&v, p, sizeof(v));
  return v;
}

template <class R>
QJAX_INLINE void store_any(R* p, Vec<R> v) {
  memcpy(p, &v, sizeof(v));
}

template <class R>
QJAX_INLINE Vec<R> splat(R x) {
  return Vec<R>{} + x;
}

template <class R>
QJAX_INLINE Idx<R> splat_index(int64_t x) {
  return Idx<R>{} + static_cast<typename VecOf<R>::lane>(x);
}

// 0, 1, ..., W - 1.
template <class R>
QJAX_INLINE Idx<R> iota() {
  Idx<R> v;
  for (int l = 0; l < kLanes<R>; ++l) v[l] = l;
  return v;
}

// mask ? a : b in every lane.
template <class R>
QJAX_INLINE Vec<R> select(Idx<R> mask, Vec<R> a, Vec<R> b) {
  return mask ? a : b;
}

// out[l] = v[idx[l]], 0 <= idx[l] < W.
template <class R>
QJAX_INLINE Vec<R> permute(Vec<R> v, Idx<R> idx);

template <>
QJAX_INLINE Vec<float> permute<float>(Vec<float> v, Idx<float> idx) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_permutexvar_ps((__m512i)idx, (__m512)v);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_permutevar8x32_ps((__m256)v, (__m256i)idx);
#elif defined(__clang__)
  Vec<float> out;
  for (int l = 0; l < kLanes<float>; ++l) out[l] = v[idx[l]];
  return out;
#else
  return __builtin_shuffle(v, idx);
#endif
}

template <>
QJAX_INLINE Vec<double> permute<double>(Vec<double> v, Idx<double> idx) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_permutexvar_pd((__m512i)idx, (__m512d)v);
#elif defined(__AVX2__)
  // A double is two floats: number i stands at 2 i and 2 i + 1.
  Idx<double> twice = idx << 1;
  Idx<double> pair = twice | ((twice + 1) << 32);
  return (Vec<double>)_mm256_permutevar8x32_ps((__m256)v, (__m256i)pair);
#elif defined(__clang__)
  Vec<double> out;
  for (int l = 0; l < kLanes<double>; ++l) out[l] = v[idx[l]];
  return out;
#else
  return __builtin_shuffle(v, idx);
#endif
}

// out[l] = (a, b)[idx[l]], 0 <= idx[l] < 2 W.
template <class R>
QJAX_INLINE Vec<R> permute2(Vec<R> a, Vec<R> b, Idx<R> idx);

template <>
QJAX_INLINE Vec<float> permute2<float>(Vec<float> a, Vec<float> b, Idx<float> idx) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_permutex2var_ps((__m512)a, (__m512i)idx, (__m512)b);
#else
  Idx<float> within = idx & (kLanes<float> - 1);
  return select<float>(idx > kLanes<float> - 1, permute<float>(b, within),
                       permute<float>(a, within));
#endif
}

template <>
QJAX_INLINE Vec<double> permute2<double>(Vec<double> a, Vec<double> b, Idx<double> idx) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_permutex2var_pd((__m512d)a, (__m512i)idx, (__m512d)b);
#else
  Idx<double> within = idx & (kLanes<double> - 1);
  return select<double>(idx > kLanes<double> - 1, permute<double>(b, within),
                        permute<double>(a, within));
#endif
}

// Interleaved (re, im) pairs in two vectors <-> one vector of real and one of imaginary parts.
template <class R>
QJAX_INLINE void split(Vec<R> a, Vec<R> b, Vec<R>* re, Vec<R>* im) {
  const Idx<R> even = iota<R>() * 2;
  *re = permute2<R>(a, b, even);
  *im = permute2<R>(a, b, even + 1);
}

template <class R>
QJAX_INLINE void join(Vec<R> re, Vec<R> im, Vec<R>* a, Vec<R>* b) {
  const Idx<R> i = iota<R>();
  const Idx<R> low = (i >> 1) + (i & 1) * kLanes<R>;
  *a = permute2<R>(re, im, low);
  *b = permute2<R>(re, im, low + kLanes<R> / 2);
}

// The sum of the lanes in double precision, in a fixed order.
template <class R>
QJAX_INLINE double sum(Vec<R> v) {
  double part[kLanes<R>];
  for (int l = 0; l < kLanes<R>; ++l) part[l] = static_cast<double>(v[l]);
  for (int width = kLanes<R> / 2; width > 0; width /= 2) {
    for (int l = 0; l < width; ++l) part[l] += part[l + width];
  }
  return part[0];
}

// 1 or -1 in lane l by the parity of l & mask.
template <class R>
QJAX_INLINE Vec<R> lane_signs(int mask) {
  Vec<R> v;
  for (int l = 0; l < kLanes<R>; ++l) v[l] = __builtin_parity(l & mask) ? R(-1) : R(1);
  return v;
}

// All bits in the lanes where l & mask == value.
template <class R>
QJAX_INLINE Idx<R> lanes_where(int mask, int value) {
  return (iota<R>() & splat_index<R>(mask)) == splat_index<R>(value);
}

}  // namespace QJAX_ISA
}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_SIMD_H_
