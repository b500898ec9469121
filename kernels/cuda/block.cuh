// A block of threads, on a GPU or as loops on a CPU.
//
// Device code is written in regions: the statements under QJAX_EACH(block, thread) run for every
// thread, and what a thread keeps from one region to the next is in a PerThread. On a GPU a region is
// plain code of one thread and a PerThread is its registers. On a CPU a region is a loop, whose order
// differs from region to region, and shared memory remembers who touched it: two threads that touch
// a place between barriers, one of them writing, are a race and are reported.

#ifndef QJAX_KERNELS_CUDA_BLOCK_CUH_
#define QJAX_KERNELS_CUDA_BLOCK_CUH_

namespace qjax_cuda {

typedef unsigned int u32;
typedef long long i64;

// Neighbouring words, read at once.
struct alignas(16) Words4 {
  int of[4];
};

#if defined(__CUDACC__)

#define QJAX_DEVICE __device__ __forceinline__
#define QJAX_UNROLL _Pragma("unroll")
#define QJAX_ROLLED _Pragma("unroll 1")
#define QJAX_EACH(block, thread) if (const u32 thread = (block).own(); true)

template <class T>
struct PerThread {
  T value;
  QJAX_DEVICE explicit PerThread(u32) {}
  QJAX_DEVICE T& operator[](u32) { return value; }
};

// Neighbours that are read at once.
template <class T>
struct alignas(16) Two {
  T of[2];
};

// Shared memory. `who` is the thread that asks.
template <class T>
struct Shared {
  T* data;
  QJAX_DEVICE T get(u32, u32 place) const { return data[place]; }
  QJAX_DEVICE Two<T> get_two(u32, u32 place) const {
    return *reinterpret_cast<const Two<T>*>(data + place);
  }
  QJAX_DEVICE void set(u32, u32 place, T value) const { data[place] = value; }
  // Places in bytes.
  QJAX_DEVICE T get_at(u32, u32 bytes) const {
    return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(data) + bytes);
  }
  QJAX_DEVICE void set_at(u32, u32 bytes, T value) const {
    *reinterpret_cast<T*>(reinterpret_cast<char*>(data) + bytes) = value;
  }
};

// Has a value computed once and kept, not anew at each use.
QJAX_DEVICE u32 kept(u32 value) {
  asm volatile("" : "+r"(value));
  return value;
}
template <class T>
QJAX_DEVICE const T* kept(const T* global) {
  asm volatile("" : "+l"(global));
  return global;
}
template <class T>
QJAX_DEVICE const T* in_global_memory(const T* pointer) {
  __builtin_assume(__isGlobal(pointer));
  return pointer;
}

QJAX_DEVICE Words4 four_words(const int* words) {
  return *reinterpret_cast<const Words4*>(words);
}

// What is read once is kept in no cache, which has better use.
template <class Number>
QJAX_DEVICE Number read_once(const Number* from) {
#if defined(QJAX_THREADS)
  return *from;
#else
  Number value;
  if constexpr (sizeof(Number) == 8) {
    asm volatile("ld.global.L1::no_allocate.v2.f32 {%0, %1}, [%2];" : "=f"(value.re), "=f"(value.im) : "l"(from));
  } else {
    asm volatile("ld.global.L1::no_allocate.v2.f64 {%0, %1}, [%2];" : "=d"(value.re), "=d"(value.im) : "l"(from));
  }
  return value;
#endif
}

struct Block {
  QJAX_DEVICE u32 own() const { return threadIdx.x; }
  QJAX_DEVICE u32 index() const { return blockIdx.x; }
  QJAX_DEVICE u32 count() const { return gridDim.x; }
  QJAX_DEVICE u32 threads() const { return blockDim.x; }
  QJAX_DEVICE void sync() const { __syncthreads(); }
  template <class T>
  QJAX_DEVICE Shared<T> shared(u32 skipped) const {
    extern __shared__ __align__(16) unsigned char qjax_shared[];
    return {reinterpret_cast<T*>(qjax_shared) + skipped};
  }
};

QJAX_DEVICE void add_to(double* to, double value) { atomicAdd(to, value); }
QJAX_DEVICE int parity(u32 x) { return __popc(x) & 1; }

QJAX_DEVICE float magnitude(float x) { return fabsf(x); }
QJAX_DEVICE double magnitude(double x) { return fabs(x); }

// a / b, to a unit in the last place, for |b| >= 1/2.
QJAX_DEVICE float quotient(float a, float b) {
#if defined(QJAX_THREADS)
  const float inverse = 1 / b;
#else
  float inverse;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
#endif
  const float first = a * inverse;
  return fmaf(fmaf(-first, b, a), inverse, first);
}
QJAX_DEVICE double quotient(double a, double b) { return a / b; }

// 1 / sqrt(x), to a few units in the last place, for x >= 1e-30.
QJAX_DEVICE float inverse_root(float x) {
#if defined(QJAX_THREADS)
  return 1 / sqrtf(x);
#else
  float first;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(first) : "f"(x));
  return first * fmaf(-0.5f * x * first, first, 1.5f);
#endif
}
QJAX_DEVICE double inverse_root(double x) { return rsqrt(x); }

// a, or -a if the sign bit of `flip` is set.
QJAX_DEVICE float negated(float a, u32 flip) { return __uint_as_float(__float_as_uint(a) ^ flip); }
QJAX_DEVICE double negated(double a, u32 flip) {
  return __hiloint2double(__double2hiint(a) ^ static_cast<int>(flip), __double2loint(a));
}

template <class Real>
QJAX_DEVICE Real from_lane(Real value, u32 mask) {
  return __shfl_xor_sync(0xffffffffu, value, mask);
}

// One step of a sum over lanes: halves how many sums a lane is responsible for.
template <int Count, class Part>
QJAX_DEVICE int halve(Part& part, u32 me, u32 bit) {
  if constexpr (Count >= 1) {
    const bool upper = (me & bit) != 0;
    QJAX_UNROLL
    for (int k = 0; k < Count; ++k) {
      const auto kept = upper ? part[k + Count] : part[k];
      const auto given = upper ? part[k] : part[k + Count];
      part[k] = kept + from_lane(given, bit);
    }
    return (upper ? Count : 0) + halve<Count / 2>(part, me, bit / 2);
  } else {
    for (; bit >= 1; bit /= 2) part[0] += from_lane(part[0], bit);
    return 0;
  }
}

// Sums part[k] of the threads over groups of 2^lanes neighbours, lanes at most 5, and calls
// add(thread, k, sum) once for each k in each group. N is a power of two.
template <int N, class Threads, class Add>
QJAX_DEVICE void reduce(const Block& block, Threads& threads, int lanes, const Add& add) {
  const u32 me = block.own();
  auto& part = threads[me].part;
  if (lanes == 5) {
    const int owned = halve<N / 2>(part, me, 16);
    if ((me & (32 / N - 1)) == 0) add(me, owned, static_cast<double>(part[0]));
  } else {
    QJAX_UNROLL
    for (int k = 0; k < N; ++k) {
      for (u32 bit = 1u << lanes >> 1; bit >= 1; bit /= 2) part[k] += from_lane(part[k], bit);
      if ((me & ((1u << lanes) - 1)) == 0) add(me, k, static_cast<double>(part[k]));
    }
  }
}

// Sums part[0] of the threads over the lanes of their warp that differ in the bits of a mask.
template <class Threads>
QJAX_DEVICE void fold(const Block& block, Threads& threads, u32 mask) {
  auto& part = threads[block.own()].part;
  for (u32 bit = 1; bit < 32; bit *= 2) {
    if (mask & bit) part[0] += from_lane(part[0], bit);
  }
}

#else  // on a CPU

#define QJAX_DEVICE inline
#define QJAX_UNROLL
#define QJAX_ROLLED
#define QJAX_EACH(block, thread) for (const u32 thread : (block).order())

template <class T>
struct PerThread {
  std::vector<T> values;
  explicit PerThread(u32 threads) : values(threads) {}
  T& operator[](u32 thread) { return values[thread]; }
};

// What has happened to a place of shared memory since the last barrier.
struct Touched {
  u32 epoch = 0;
  i64 writer = -1, reader = -1;
  bool readers = false;  // more than one
};

struct Memory {
  std::vector<unsigned char> bytes;
  std::vector<Touched> touched;  // by units of 4 bytes
  u32 epoch = 1;
  bool race = false;

  void touch(u32 who, size_t first, size_t size, bool writes) {
    for (size_t unit = first / 4; unit < (first + size) / 4; ++unit) {
      Touched& t = touched.at(unit);
      if (t.epoch != epoch) t = {epoch, -1, -1, false};
      if (t.writer >= 0 && t.writer != who) race = true;
      if (writes) {
        if (t.readers || (t.reader >= 0 && t.reader != who)) race = true;
        t.writer = who;
      } else {
        t.readers |= t.reader >= 0 && t.reader != who;
        t.reader = who;
      }
    }
  }
};

template <class T>
struct alignas(16) Two {
  T of[2];
};

template <class T>
struct Shared {
  Memory* memory;
  size_t first;
  T get(u32 who, u32 place) const {
    const size_t at = (first + place) * sizeof(T);
    memory->touch(who, at, sizeof(T), false);
    T value;
    memcpy(&value, memory->bytes.data() + at, sizeof(T));
    return value;
  }
  void set(u32 who, u32 place, T value) const {
    const size_t at = (first + place) * sizeof(T);
    memory->touch(who, at, sizeof(T), true);
    memcpy(memory->bytes.data() + at, &value, sizeof(T));
  }
  Two<T> get_two(u32 who, u32 place) const {
    if ((first + place) * sizeof(T) % alignof(Two<T>) != 0) {
      fprintf(stderr, "qjax: two places of shared memory must start at a multiple of 16 bytes\n");
      abort();  // as a GPU would
    }
    return {{get(who, place), get(who, place + 1)}};
  }
  T get_at(u32 who, u32 bytes) const { return get(who, bytes / sizeof(T)); }
  void set_at(u32 who, u32 bytes, T value) const { set(who, bytes / sizeof(T), value); }
};

class Block {
 public:
  Block(u32 index, u32 count, u32 threads, u32 shared_bytes)
      : index_(index), count_(count), orders_(3) {
    memory_.bytes.resize(shared_bytes, 0xff);
    memory_.touched.resize(shared_bytes / 4);
    std::mt19937 random(index);
    for (std::vector<u32>& order : orders_) {
      order.resize(threads);
      std::iota(order.begin(), order.end(), 0u);
    }
    std::reverse(orders_[1].begin(), orders_[1].end());
    std::shuffle(orders_[2].begin(), orders_[2].end(), random);
  }

  u32 index() const { return index_; }
  u32 count() const { return count_; }
  u32 threads() const { return static_cast<u32>(orders_[0].size()); }
  void sync() const { ++memory_.epoch; }
  template <class T>
  Shared<T> shared(u32 skipped) const {
    return {&memory_, skipped};
  }
  const std::vector<u32>& order() const { return orders_[turn_++ % orders_.size()]; }
  bool raced() const { return memory_.race; }

 private:
  u32 index_, count_;
  mutable Memory memory_;
  mutable u32 turn_ = 0;
  std::vector<std::vector<u32>> orders_;
};

inline void add_to(double* to, double value) { *to += value; }
inline int parity(u32 x) { return __builtin_parity(x); }
template <class Real>
Real magnitude(Real x) { return x < 0 ? -x : x; }
template <class Real>
Real quotient(Real a, Real b) { return a / b; }
template <class Real>
Real inverse_root(Real x) { return 1 / std::sqrt(x); }
inline Words4 four_words(const int* words) {
  if (reinterpret_cast<uintptr_t>(words) % alignof(Words4) != 0) {
    fprintf(stderr, "qjax: four words of a tape must start at a multiple of four\n");
    abort();  // as a GPU would
  }
  return *reinterpret_cast<const Words4*>(words);
}
inline u32 kept(u32 value) { return value; }
template <class T>
const T* kept(const T* pointer) { return pointer; }
template <class T>
const T* in_global_memory(const T* pointer) { return pointer; }
template <class Number>
Number read_once(const Number* from) { return *from; }
template <class Real>
Real negated(Real a, u32 flip) { return flip >> 31 ? -a : a; }

template <int N, class Threads, class Add>
void reduce(const Block& block, Threads& threads, int lanes, const Add& add) {
  for (u32 first = 0; first < block.threads(); first += 1u << lanes) {
    for (int k = 0; k < N; ++k) {
      for (u32 bit = 1; bit < 1u << lanes; bit *= 2) {
        for (u32 lane = 0; lane < 1u << lanes; lane += 2 * bit) {
          threads[first + lane].part[k] += threads[first + lane + bit].part[k];
        }
      }
      add(first, k, static_cast<double>(threads[first].part[k]));
    }
  }
}

template <class Threads>
void fold(const Block& block, Threads& threads, u32 mask) {
  for (u32 bit = 1; bit < 32; bit *= 2) {
    for (u32 me = 0; me < block.threads() && (mask & bit); ++me) {
      if (me & bit) continue;
      threads[me].part[0] += threads[me | bit].part[0];
      threads[me | bit].part[0] = threads[me].part[0];
    }
  }
}

#endif

template <class Real>
struct alignas(2 * sizeof(Real)) Complex {
  Real re, im;
};

template <class Real>
QJAX_DEVICE Complex<Real> times(Complex<Real> a, Complex<Real> b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// sum + a b, as four multiply-adds
template <class Real>
QJAX_DEVICE Complex<Real> add_times(Complex<Real> sum, Complex<Real> a, Complex<Real> b) {
  const Complex<Real> part = {sum.re + a.re * b.re, sum.im + a.re * b.im};
  return {part.re - a.im * b.im, part.im + a.im * b.re};
}

// conj(a) b
template <class Real>
QJAX_DEVICE Complex<Real> conj_times(Complex<Real> a, Complex<Real> b) {
  return {a.re * b.re + a.im * b.im, a.re * b.im - a.im * b.re};
}

template <class Real>
QJAX_DEVICE Complex<Real> negated(Complex<Real> a, u32 flip) {
  return {negated(a.re, flip), negated(a.im, flip)};
}

template <class Real>
QJAX_DEVICE Complex<Real> conj(Complex<Real> a) {
  return {a.re, -a.im};
}

template <class Real>
QJAX_DEVICE Real norm(Complex<Real> a) {
  return a.re * a.re + a.im * a.im;
}

template <class Real>
QJAX_DEVICE Complex<Real> plus(Complex<Real> a, Complex<Real> b) {
  return {a.re + b.re, a.im + b.im};
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_BLOCK_CUH_
