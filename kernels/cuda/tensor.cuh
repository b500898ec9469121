// Complex matrix products on tensor cores: C += A B, of 8 x 4 and 4 x 8 numbers, by 32 threads. Thread
// 4 g + t of them holds
//
//   a = A[g][t],  b = B[t][g],  c[0] = C[g][2 t],  c[1] = C[g][2 t + 1].
//
// In double precision it is four real products of the same shape, mma.m8n8k4. In single precision it
// is one real product of 16 x 8 and 8 x 8, mma.m16n8k8, as a + b i is the matrix (a, -b; b, a): row
// g + 8 of A and of C is the imaginary part of row g, and row t + 4 of B that of row t. Its operands
// have 11 bits, so each number is split into a high and a low part of 11 bits, and of the four
// products that of the low parts, 2^-22 of the whole, is left out. The cores cut their sums and do not
// round them, which would make states shrink; so they sum over the four columns of A alone, small
// parts first, and C is added to outside, with rounding. What remains is half a unit in the last place
// of such a sum: Ootomo and Yokota, arXiv:2203.03341.

#ifndef QJAX_KERNELS_CUDA_TENSOR_CUH_
#define QJAX_KERNELS_CUDA_TENSOR_CUH_

#include "block.cuh"

namespace qjax_cuda {

#if defined(__CUDACC__)

#if __CUDA_ARCH__ >= 800
QJAX_DEVICE u32 tf32(float x) {
  u32 bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

QJAX_DEVICE void multiply_add(float (&d)[4], const u32 (&a)[4], const u32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

QJAX_DEVICE void multiply_add(double (&d)[2], const double (&a)[1], const double (&b)[1]) {
  asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
               : "+d"(d[0]), "+d"(d[1])
               : "d"(a[0]), "d"(b[0]));
}
#else  // no such cores: no tape asks for them
QJAX_DEVICE u32 tf32(float) { return 0; }
template <class D, class A, class B>
QJAX_DEVICE void multiply_add(D&, const A&, const B&) {
  __trap();
}
#endif

QJAX_DEVICE float tf32_value(u32 bits) { return __uint_as_float(bits); }

#else  // on a CPU

// Rounds to 10 bits after the leading one, halves away from zero.
inline u32 tf32(float x) {
  u32 bits;
  memcpy(&bits, &x, sizeof(bits));
  return (bits + 0x1000u) & ~0x1fffu;
}

inline float tf32_value(u32 bits) {
  float x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}

// The nearest number of single precision that is not larger in size.
inline float cut(double x) {
  const float near = static_cast<float>(x);
  return std::fabs(static_cast<double>(near)) > std::fabs(x) ? std::nextafterf(near, 0.f) : near;
}

#endif

// What a thread gives to the real products, and the order of these: product s is of left[left_of(s)]
// and right[right_of(s)] and adds to sum[sum_of(s)].
template <class Real>
struct Product;

template <>
struct Product<float> {
  static constexpr int kSteps = 3;
  u32 left[2][4], right[2][2];  // high, low
  float sum[1][4];

  QJAX_DEVICE Product(Complex<float> a, Complex<float> b, const Complex<float> (&)[2])
      : sum{{0, 0, 0, 0}} {
    split(a.re, left[0][0], left[1][0]);
    split(a.im, left[0][1], left[1][1]);
    split(b.re, right[0][0], right[1][0]);
    split(b.im, right[0][1], right[1][1]);
    QJAX_UNROLL
    for (int k = 0; k < 2; ++k) {
      left[k][2] = left[k][1] ^ 0x80000000u;
      left[k][3] = left[k][0];
    }
  }

  QJAX_DEVICE void result(Complex<float> (&c)[2]) const {
    c[0] = plus(c[0], {sum[0][0], sum[0][2]});
    c[1] = plus(c[1], {sum[0][1], sum[0][3]});
  }

  QJAX_DEVICE static void split(float x, u32& high, u32& low) {
    high = tf32(x);
    low = tf32(x - tf32_value(high));
  }

  QJAX_DEVICE static int left_of(int s) { return s == 0; }
  QJAX_DEVICE static int right_of(int s) { return s == 1; }
  QJAX_DEVICE static int sum_of(int) { return 0; }
};

template <>
struct Product<double> {
  static constexpr int kSteps = 4;
  double left[3][1], right[2][1];  // re, im, -im; re, im
  double sum[2][2];                // re, im

  QJAX_DEVICE Product(Complex<double> a, Complex<double> b, const Complex<double> (&c)[2])
      : left{{a.re}, {a.im}, {-a.im}},
        right{{b.re}, {b.im}},
        sum{{c[0].re, c[1].re}, {c[0].im, c[1].im}} {}

  QJAX_DEVICE void result(Complex<double> (&c)[2]) const {
    c[0] = {sum[0][0], sum[1][0]};
    c[1] = {sum[0][1], sum[1][1]};
  }

  QJAX_DEVICE static int left_of(int s) { return s == 0 ? 0 : s == 1 ? 2 : s - 2; }
  QJAX_DEVICE static int right_of(int s) { return s == 1 || s == 2; }
  QJAX_DEVICE static int sum_of(int s) { return s / 2; }
};

// A thread's part of N products.
template <class Real, int N>
struct Fragments {
  Complex<Real> a[N], b[N], c[N][2];
};

#if defined(__CUDACC__)

// c += a b, for product n of every group of 32 threads.
template <class Real, int N>
QJAX_DEVICE void multiply(const Block& block, PerThread<Fragments<Real, N>>& threads, int n) {
  Fragments<Real, N>& own = threads[block.own()];
  Product<Real> product(own.a[n], own.b[n], own.c[n]);
  QJAX_UNROLL
  for (int s = 0; s < Product<Real>::kSteps; ++s) {
    multiply_add(product.sum[product.sum_of(s)], product.left[product.left_of(s)],
                 product.right[product.right_of(s)]);
  }
  product.result(own.c[n]);
}

#else

// The instructions, by the layouts of fragments in the PTX ISA: thread 4 g + t has of
//   m16n8k8  A: (g, t) (g + 8, t) (g, t + 4) (g + 8, t + 4),  B: (t, g) (t + 4, g),
//            C: (g, 2 t) (g, 2 t + 1) (g + 8, 2 t) (g + 8, 2 t + 1)
//   m8n8k4   A: (g, t),  B: (t, g),  C: (g, 2 t) (g, 2 t + 1)
// Sums of single precision are cut.
inline void multiply_add(std::vector<Product<float>>& warp, int s) {
  double a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    const auto& left = warp[lane].left[Product<float>::left_of(s)];
    const auto& right = warp[lane].right[Product<float>::right_of(s)];
    for (int k = 0; k < 4; ++k) a[g + k % 2 * 8][t + k / 2 * 4] = tf32_value(left[k] & ~0x1fffu);
    for (int k = 0; k < 2; ++k) b[t + 4 * k][g] = tf32_value(right[k] & ~0x1fffu);
  }
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    for (int k = 0; k < 4; ++k) {
      float& sum = warp[lane].sum[Product<float>::sum_of(s)][k];
      double total = sum;
      for (int j = 0; j < 8; ++j) total += a[g + k / 2 * 8][j] * b[j][2 * t + k % 2];
      sum = cut(total);
    }
  }
}

inline void multiply_add(std::vector<Product<double>>& warp, int s) {
  double a[8][4], b[4][8];
  for (int lane = 0; lane < 32; ++lane) {
    a[lane / 4][lane % 4] = warp[lane].left[Product<double>::left_of(s)][0];
    b[lane % 4][lane / 4] = warp[lane].right[Product<double>::right_of(s)][0];
  }
  for (int lane = 0; lane < 32; ++lane) {
    for (int k = 0; k < 2; ++k) {
      double& sum = warp[lane].sum[Product<double>::sum_of(s)][k];
      for (int j = 0; j < 4; ++j) sum += a[lane / 4][j] * b[j][lane % 4 * 2 + k];
    }
  }
}

template <class Real, int N>
void multiply(const Block& block, PerThread<Fragments<Real, N>>& threads, int n) {
  for (u32 first = 0; first < block.threads(); first += 32) {
    std::vector<Product<Real>> warp;
    for (u32 lane = 0; lane < 32; ++lane) {
      const Fragments<Real, N>& own = threads[first + lane];
      warp.emplace_back(own.a[n], own.b[n], own.c[n]);
    }
    for (int s = 0; s < Product<Real>::kSteps; ++s) multiply_add(warp, s);
    for (u32 lane = 0; lane < 32; ++lane) warp[lane].result(threads[first + lane].c[n]);
  }
}

#endif

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_TENSOR_CUH_
