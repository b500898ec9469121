// Pauli strings on states, in passes over tiles. The definitions are those of qjax/engine/pauli.py.
// Every line of a pass is some words of four, so that one load brings four:
//
//   pass     [segments, runs, 0, 0], the K physical qubits of (thread bits, register bits),
//            [mask, shift] of each run of outer qubits, segment...
//   segment  [x outer, groups, 0, 0], group...: groups that need the same partner of a tile; the last
//            has x outer 0
//   group    [x thread, x register, classes of real factors, of imaginary factors], class...
//   class    [z register, terms, 0, 0], term...: terms of a group with the same signs of registers
//   term     [z of (thread bits, outer bits), and bit 31 if negative; place; z of the lane; 0]
//
// An entry of a string is P[j, j ^ x] = (-i)^letters (-1)^parity(j & z). The host knows the factor and
// writes a term where it uses a real part and where it uses an imaginary one, with its place among
// the results or the weights. If there are registers and two amplitudes are 16 bytes, the first
// register bit is qubit 0.

#ifndef QJAX_KERNELS_CUDA_PAULI_CUH_
#define QJAX_KERNELS_CUDA_PAULI_CUH_

#include "args.h"
#include "block.cuh"

namespace qjax_cuda {

struct alignas(16) Words {
  int x, y, z, w;
};

// Amplitudes that are loaded and stored at once.
template <class Real, int V>
struct alignas(2 * V * sizeof(Real)) Chunk {
  Complex<Real> at[V];
};

template <class Real, int B>
struct PauliThread {
  Complex<Real> a[1 << B];  // overlaps: a; combination: the sum
  Real work[1 << B];        // products, or factors
  Real value;
  u32 sample;
  u32 offset;  // of the thread's first amplitude in the first tile
  u32 row;     // of the sums of the thread and its neighbours
};

#if defined(__CUDACC__)

#define QJAX_UNROLL_2 _Pragma("unroll 2")

// value[k] = sum_l (-1)^parity(k & l) value[l] over lanes k, l of groups of 2^lanes.
template <class Threads>
QJAX_DEVICE void transform_lanes(const Block& block, Threads& threads, int lanes) {
  const u32 me = block.own();
  auto& value = threads[me].value;
  if (lanes == 5) {
    QJAX_UNROLL
    for (int b = 0; b < 5; ++b) value = from_lane(value, 1u << b) + (me >> b & 1 ? -value : value);
  } else {
    QJAX_ROLLED
    for (int b = 0; b < lanes; ++b) {
      value = from_lane(value, 1u << b) + (me >> b & 1 ? -value : value);
    }
  }
}

// The value of a lane of the thread's warp. All threads must ask.
template <class Threads>
QJAX_DEVICE auto value_of(Threads& threads, u32 me, u32 lane) {
  return __shfl_sync(0xffffffffu, threads[me].value, lane);
}

#else

#define QJAX_UNROLL_2

template <class Threads>
void transform_lanes(const Block& block, Threads& threads, int lanes) {
  for (int b = 0; b < lanes; ++b) {
    for (u32 me = 0; me < block.threads(); ++me) {
      if (me >> b & 1) continue;
      const auto p = threads[me].value, q = threads[me | 1u << b].value;
      threads[me].value = p + q;
      threads[me | 1u << b].value = p - q;
    }
  }
}

template <class Threads>
auto value_of(Threads& threads, u32 me, u32 lane) {
  return threads[(me & ~31u) | lane].value;
}

#endif

template <class Real, int B, bool kCombine>
class Pauli {
 public:
  static constexpr int N = 1 << B;
  static constexpr int V = N > 1 && sizeof(Real) == 4 ? 2 : 1;
  static constexpr int kChunks = N / V;
  static constexpr int kHalf = N > 1 ? N / 2 : 1;
  using C = Complex<Real>;
  using Several = Chunk<Real, V>;
  using Thread = PauliThread<Real, B>;

  QJAX_DEVICE Pauli(const Block& block, const PauliArgs& args)
      : block_(block), args_(args), threads_(block.threads()) {}

  QJAX_DEVICE void run() {
    const u32 parts = static_cast<u32>(args_.parts), step = block_.count() / parts;
    part_ = block_.index() % parts;
    for (u32 group = block_.index() / parts; group < args_.groups; group += step) {
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        t.sample = group * (block_.threads() >> args_.thread_bits) + (me >> args_.thread_bits);
        t.row = ((t.sample * parts + part_) << (args_.thread_bits - lanes())) + (own(me) >> lanes());
        t.offset = 0;
        QJAX_ROLLED
        for (int b = 0; b < args_.thread_bits; ++b) t.offset += (me >> b & 1) << args_.words[4 + b];
      }
      QJAX_ROLLED
      for (outer_ = part_; outer_ < args_.tiles; outer_ += parts) walk();
    }
  }

 private:
  QJAX_DEVICE u32 own(u32 me) const { return me & ((1u << args_.thread_bits) - 1); }
  QJAX_DEVICE int lanes() const { return args_.thread_bits < 5 ? args_.thread_bits : 5; }
  QJAX_DEVICE Words line(u32 at) const { return reinterpret_cast<const Words*>(args_.words)[at]; }
  QJAX_DEVICE u32 first_run() const { return 1 + (args_.tile_bits + 3) / 4; }
  // Bits that meet the z of a term.
  QJAX_DEVICE u32 bits(u32 thread) const { return thread | outer_ << args_.thread_bits | 1u << 31; }
  QJAX_DEVICE int numbers() const { return args_.conjugate ? 1 : 2; }  // of a weight

  // One tile, by all segments of the pass.
  QJAX_DEVICE void walk() {
    const Words head = line(0);
    at_ = first_run() + (2 * head.y + 3) / 4;
    if constexpr (kCombine) start();
    if constexpr (!kCombine) load();
    QJAX_ROLLED
    for (int segments = head.x; segments > 0; --segments) {
      const Words segment = line(at_++);
      fetch(static_cast<u32>(segment.x));
      QJAX_ROLLED
      for (int groups = segment.y; groups > 0; --groups) {
        const Words group = line(at_++);
        const u32 x = static_cast<u32>(group.x), registers = static_cast<u32>(group.y);
        if (group.z > 0) serve<false>(x, registers, group.z);
        if (group.w > 0) serve<true>(x, registers, group.w);
      }
    }
    if constexpr (kCombine) {
      store();
      if (args_.sums != nullptr) emit_mean();
    }
  }

  // The classes of a group.
  template <bool kImaginary>
  QJAX_DEVICE void serve(u32 x, u32 registers, int classes) {
    if constexpr (kCombine) {
      if (classes == 1 && line(at_).x == 0) {  // one factor for all registers
        const int terms = line(at_++).y;
        weigh(terms);
        accumulate<kImaginary, true>(x, registers);
        return;
      }
      clear_factors();
    } else {
      multiply<kImaginary>(x, registers);
    }
    QJAX_ROLLED
    for (; classes > 0; --classes) {
      const Words head = line(at_++);
      if constexpr (kCombine) {
        weigh(head.y);
        spread(static_cast<u32>(head.x));
      } else {
        emit(static_cast<u32>(head.x), head.y);
      }
    }
    if constexpr (kCombine) accumulate<kImaginary, false>(x, registers);
  }

  // --- a state's amplitudes -----------------------------------------------------------------------

  struct Offsets {
    i64 skipped[kChunks];
  };

  // Where the chunks of a thread are in the tile of an outer index, after its first amplitude in the
  // first tile.
  QJAX_DEVICE Offsets offsets(u32 outer) const {
    Offsets out;
    out.skipped[0] = 0;
    QJAX_ROLLED
    for (int r = 0; r < line(0).y; ++r) {
      const int* const run = args_.words + 4 * first_run() + 2 * r;
      out.skipped[0] += static_cast<i64>(outer & static_cast<u32>(run[0])) << run[1];
    }
    const int* const qubits = args_.words + 4 + args_.thread_bits + (V > 1 ? 1 : 0);
    QJAX_UNROLL
    for (int c = 1; c < kChunks; c *= 2) {
      const i64 stride = i64{1} << *(qubits + (c > 1) + (c > 2));
      QJAX_UNROLL
      for (int k = 0; k < c; ++k) out.skipped[c + k] = out.skipped[k] + stride;
    }
    return out;
  }

  // The amplitudes of a thread in the first tile; those of the last sample if it has none.
  QJAX_DEVICE const C* first_of(const Thread& t, const void* state, i64 stride) const {
    const i64 last = args_.batch - 1;
    return static_cast<const C*>(state) + (t.sample < last ? t.sample : last) * stride + t.offset;
  }

  // The place of chunk c of a thread in shared memory, so that neighbours use different banks.
  QJAX_DEVICE static u32 place(u32 me, u32 c) {
    return me * kChunks + (c ^ (me & (kChunks - 1)));
  }

  QJAX_DEVICE void load() {
    const Offsets chunks = offsets(outer_);
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const C* const a = first_of(t, args_.a, args_.a_stride);
      QJAX_UNROLL
      for (int c = 0; c < kChunks; ++c) {
        const Several values = *reinterpret_cast<const Several*>(a + chunks.skipped[c]);
        QJAX_UNROLL
        for (int v = 0; v < V; ++v) t.a[c * V + v] = values.at[v];
      }
    }
  }

  // The sum begins with what the passes before have left, asked for before the state is.
  QJAX_DEVICE void start() {
    const Offsets chunks = offsets(outer_);
    const Real re = args_.conjugate ? Real(0.5) : 1, im = args_.conjugate ? Real(-0.5) : 1;
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const C* const out = static_cast<const C*>(args_.out) + (i64{t.sample} << args_.qubits) + t.offset;
      const bool there = !args_.first && t.sample < args_.batch;
      QJAX_UNROLL
      for (int c = 0; c < kChunks; ++c) {
        Several values = {};
        if (there) values = *reinterpret_cast<const Several*>(out + chunks.skipped[c]);
        QJAX_UNROLL
        for (int v = 0; v < V; ++v) t.a[c * V + v] = {re * values.at[v].re, im * values.at[v].im};
      }
    }
  }

  QJAX_DEVICE void store() {
    const Offsets chunks = offsets(outer_);
    const Real re = args_.conjugate ? 2 : 1, im = args_.conjugate ? -2 : 1;
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      if (t.sample < args_.batch) {
        C* const out = static_cast<C*>(args_.out) + (i64{t.sample} << args_.qubits) + t.offset;
        QJAX_UNROLL
        for (int c = 0; c < kChunks; ++c) {
          Several values;
          QJAX_UNROLL
          for (int v = 0; v < V; ++v) {
            C& value = t.a[c * V + v];
            value = values.at[v] = {re * value.re, im * value.im};
          }
          *reinterpret_cast<Several*>(out + chunks.skipped[c]) = values;
        }
      }
    }
  }

  // Adds Re sum_j b[j] out[j] / 2 of a tile, out being complete. The last segment left b there.
  QJAX_DEVICE void emit_mean() {
    const Shared<Several> memory = block_.template shared<Several>(0);
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      t.value = 0;
      QJAX_UNROLL
      for (int c = 0; c < kChunks; ++c) {
        const Several values = memory.get(me, place(me, c));
        QJAX_UNROLL
        for (int v = 0; v < V; ++v) {
          const C a = t.a[c * V + v], b = values.at[v];
          t.value += a.re * b.re - a.im * b.im;
        }
      }
    }
    transform_lanes(block_, threads_, lanes());
    QJAX_EACH(block_, me) {
      const bool first = (me & ((1u << lanes()) - 1)) == 0;
      if (first && threads_[me].sample < args_.batch) {
        add_to(args_.sums + threads_[me].row, static_cast<double>(threads_[me].value) / 2);
      }
    }
  }

  // The tile of b whose outer index differs by x into shared memory; its conjugate for expectations.
  QJAX_DEVICE void fetch(u32 x) {
    const Shared<Several> memory = block_.template shared<Several>(0);
    const bool held = !kCombine && x == 0 && args_.a == args_.b && args_.a_stride == args_.b_stride;
    const Real sign = !kCombine && args_.conjugate ? Real(-1) : Real(1);
    block_.sync();
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      Several values[kChunks];
      if (held) {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) values[i / V].at[i % V] = t.a[i];
      } else {
        const Offsets chunks = offsets(outer_ ^ x);
        const C* const b = first_of(t, args_.b, args_.b_stride);
        QJAX_UNROLL
        for (int c = 0; c < kChunks; ++c) {
          values[c] = *reinterpret_cast<const Several*>(b + chunks.skipped[c]);
        }
      }
      QJAX_UNROLL
      for (int c = 0; c < kChunks; ++c) {
        QJAX_UNROLL
        for (int v = 0; v < V; ++v) values[c].at[v].im *= sign;
        memory.set(me, place(me, c), values[c]);
      }
    }
    block_.sync();
  }

  // Calls use(i, amplitude of b that a flip brings to register i) for all registers.
  template <class Use>
  QJAX_DEVICE void partners(u32 me, u32 x, u32 registers, const Use& use) const {
    const u32 first = place(me ^ x, registers / V);
    if (V == 2 && (registers & 1)) {
      each_partner<true>(me, first, use);
    } else {
      each_partner<false>(me, first, use);
    }
  }

  template <bool kSwapped, class Use>
  QJAX_DEVICE void each_partner(u32 me, u32 first, const Use& use) const {
    const Shared<Several> memory = block_.template shared<Several>(0);
    QJAX_UNROLL
    for (int c = 0; c < kChunks; ++c) {
      const Several values = memory.get(me, first ^ c);
      QJAX_UNROLL
      for (int v = 0; v < V; ++v) use(c * V + v, values.at[kSwapped ? V - 1 - v : v]);
    }
  }

  // --- overlaps -----------------------------------------------------------------------------------

  // Real or imaginary part of a[j] b[j ^ x].
  template <bool kImaginary>
  QJAX_DEVICE void multiply(u32 x, u32 registers) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      partners(me, x, registers, [&t](int i, C b) {
        const C a = t.a[i];
        t.work[i] = kImaginary ? a.re * b.im + a.im * b.re : a.re * b.re - a.im * b.im;
      });
    }
  }

  // Adds the sums of the terms of a class: over registers with their signs, then over the lanes with
  // all patterns of signs at once (a Walsh-Hadamard transform), of which each term takes its own.
  QJAX_DEVICE void emit(u32 z, int terms) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      Real half[kHalf];
      const Real first = B > 0 && (z >> (B - 1) & 1) ? Real(-1) : Real(1);
      QJAX_UNROLL
      for (int i = 0; i < kHalf; ++i) {
        half[i] = B > 0 ? t.work[i] + first * t.work[i + N / 2] : t.work[0];
      }
      QJAX_UNROLL
      for (int b = B - 2; b >= 0; --b) {
        const Real sign = z >> b & 1 ? Real(-1) : Real(1);
        QJAX_UNROLL
        for (int i = 0; i < 1 << b; ++i) half[i] += sign * half[i | 1 << b];
      }
      t.value = half[0];
    }
    transform_lanes(block_, threads_, lanes());
    const int group = 1 << lanes();
    const unsigned long long rows = static_cast<u32>(args_.rows);
    QJAX_ROLLED
    for (int first = 0; first < terms; first += group) {
      QJAX_EACH(block_, me) {
        const int k = first + static_cast<int>(me & (group - 1));
        const Words term = line(at_ + (k < terms ? k : terms - 1));
        const Real value = value_of(threads_, me, (me & 31 & ~(group - 1)) | term.z);
        // The signs of lanes are done.
        const bool minus = parity(bits(own(me) & ~(group - 1)) & static_cast<u32>(term.x));
        if (k < terms && threads_[me].sample < args_.batch) {
          double* const column = args_.sums + static_cast<u32>(term.y) * rows;
          add_to(column + threads_[me].row, static_cast<double>(minus ? -value : value));
        }
      }
    }
    at_ += terms;
  }

  // --- combination --------------------------------------------------------------------------------

  QJAX_DEVICE void clear_factors() {
    QJAX_EACH(block_, me) {
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) threads_[me].work[i] = 0;
    }
  }

  // The sum of the weights of a class, with the signs of the thread and the outer qubits.
  QJAX_DEVICE void weigh(int terms) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const i64 last = args_.batch - 1;
      const i64 row = (t.sample < last ? t.sample : last) * args_.weight_stride;
      const Real* const weights = static_cast<const Real*>(args_.weights) + row * numbers();
      const u32 here = bits(own(me));
      t.value = 0;
      QJAX_UNROLL_2
      for (int k = 0; k < terms; ++k) {
        const Words term = line(at_ + k);
        const Real weight = weights[term.y];
        t.value += parity(here & static_cast<u32>(term.x)) ? -weight : weight;
      }
    }
    at_ += terms;
  }

  // Adds the sum of a class to the factors, with the signs of the registers.
  QJAX_DEVICE void spread(u32 z) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      Real half[kHalf];
      half[0] = t.value;
      QJAX_UNROLL
      for (int b = 0; b < B - 1; ++b) {
        const Real sign = z >> b & 1 ? Real(-1) : Real(1);
        QJAX_UNROLL
        for (int i = 0; i < 1 << b; ++i) half[i | 1 << b] = sign * half[i];
      }
      const Real last = B > 0 && (z >> (B - 1) & 1) ? Real(-1) : Real(1);
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) t.work[i] += i < kHalf ? half[i] : last * half[i - kHalf];
    }
  }

  // Adds the factors, or one for all registers, times the flipped amplitudes.
  template <bool kImaginary, bool kOne>
  QJAX_DEVICE void accumulate(u32 x, u32 registers) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      partners(me, x, registers, [&t](int i, C b) {
        const Real factor = kOne ? t.value : t.work[i];
        if (kImaginary) b = {-b.im, b.re};
        t.a[i] = {t.a[i].re + factor * b.re, t.a[i].im + factor * b.im};
      });
    }
  }

  const Block& block_;
  const PauliArgs& args_;
  mutable PerThread<Thread> threads_;
  u32 part_ = 0, outer_ = 0;
  u32 at_ = 0;  // the line
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_PAULI_CUH_
