// Pauli strings on states, in passes over tiles. The definitions are those of qjax/engine/pauli.py.
//
//   pass     [segments, K physical qubits of (thread bits, register bits), n - K outer qubits,
//             segment...]
//   segment  [x outer, groups, group...]: groups that need the same partner of a tile
//   group    [x, terms, term...]: terms that flip the same qubits; x is register << t | thread
//   term     [thread z, outer z, register z, pattern of register z, letters Y, index]
//
// An entry of a string is P[j, j ^ x] = (-i)^letters (-1)^parity(j & z).

#ifndef QJAX_KERNELS_CUDA_PAULI_CUH_
#define QJAX_KERNELS_CUDA_PAULI_CUH_

namespace qjax_cuda {

constexpr int kPauliTerm = 6;

template <class Real, int B>
struct PauliThread {
  Complex<Real> a[1 << B];      // overlaps: a; combination: the sum
  Complex<Real> work[1 << B];
  Real part[2];
  i64 sample;
};

template <class Real, int B, bool kCombine>
class Pauli {
 public:
  static constexpr int N = 1 << B;
  using C = Complex<Real>;
  using Thread = PauliThread<Real, B>;

  QJAX_DEVICE Pauli(const Block& block, const PauliArgs& args)
      : block_(block), args_(args), threads_(block.threads()) {}

  QJAX_DEVICE void run() {
    const i64 step = block_.count() / args_.parts;
    part_ = block_.index() % args_.parts;
    for (i64 group = block_.index() / args_.parts; group < args_.groups; group += step) {
      QJAX_EACH(block_, me) {
        threads_[me].sample = group * (block_.threads() >> args_.thread_bits) + (me >> args_.thread_bits);
      }
      for (i64 tile = part_; tile < args_.tiles; tile += args_.parts) {
        outer_ = static_cast<u32>(tile);
        if constexpr (!kCombine) load();
        if constexpr (kCombine) clear();
        const int* word = args_.words + 1 + args_.qubits;
        for (int s = 0; s < args_.words[0]; ++s) {
          fetch(static_cast<u32>(word[0]));
          const int groups = word[1];
          word += 2;
          for (int g = 0; g < groups; ++g) {
            if constexpr (kCombine) {
              combine(static_cast<u32>(word[0]), word[1], word + 2);
            } else {
              overlap(static_cast<u32>(word[0]), word[1], word + 2);
            }
            word += 2 + word[1] * kPauliTerm;
          }
        }
        if constexpr (kCombine) store();
      }
    }
  }

 private:
  QJAX_DEVICE u32 own(u32 me) const { return me & ((1u << args_.thread_bits) - 1); }
  QJAX_DEVICE u32 first_place(u32 me) const { return me >> args_.thread_bits << args_.tile_bits; }
  QJAX_DEVICE int lanes() const { return args_.thread_bits < 5 ? args_.thread_bits : 5; }

  QJAX_DEVICE i64 offset(u32 me, int i, u32 outer) const {
    const int* qubits = args_.words + 1;
    i64 out = 0;
    for (int b = 0; b < args_.thread_bits; ++b) out += static_cast<i64>(own(me) >> b & 1) << qubits[b];
    QJAX_UNROLL
    for (int b = 0; b < B; ++b) {
      out += static_cast<i64>(i >> b & 1) << qubits[args_.thread_bits + b];
    }
    for (int b = args_.tile_bits; b < args_.qubits; ++b) {
      out += static_cast<i64>(outer >> (b - args_.tile_bits) & 1) << qubits[b];
    }
    return out;
  }

  QJAX_DEVICE void load() {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const C* a = static_cast<const C*>(args_.a) + t.sample * args_.a_stride;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        C value = {0, 0};
        if (t.sample < args_.batch) value = a[offset(me, i, outer_)];
        if (args_.conjugate) value.im = -value.im;
        t.a[i] = value;
      }
    }
  }

  QJAX_DEVICE void clear() {
    QJAX_EACH(block_, me) {
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) threads_[me].a[i] = {0, 0};
    }
  }

  QJAX_DEVICE void store() {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      if (t.sample < args_.batch) {
        C* out = static_cast<C*>(args_.out) + (t.sample << args_.qubits);
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          C value = t.a[i];
          if (args_.conjugate) value = {2 * value.re, -2 * value.im};
          C* const to = out + offset(me, i, outer_);
          *to = args_.first ? value : plus(*to, value);
        }
      }
    }
  }

  // The tile of b whose outer index differs by x into shared memory.
  QJAX_DEVICE void fetch(u32 x) {
    const Shared<C> memory = block_.template shared<C>(0);
    block_.sync();
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const C* b = static_cast<const C*>(args_.b) + t.sample * args_.b_stride;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        C value = {0, 0};
        if (t.sample < args_.batch) value = b[offset(me, i, outer_ ^ x)];
        memory.set(me, first_place(me) + (i << args_.thread_bits | own(me)), value);
      }
    }
    block_.sync();
  }

  QJAX_DEVICE C partner(u32 me, int i, u32 x) const {
    const Shared<C> memory = block_.template shared<C>(0);
    return memory.get(me, first_place(me) + ((i << args_.thread_bits | own(me)) ^ x));
  }

  // Sums over the registers with all sign patterns at once (a Walsh-Hadamard transform), of which
  // each term takes its own.
  QJAX_DEVICE void overlap(u32 x, int terms, const int* term) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) t.work[i] = times(t.a[i], partner(me, i, x));
      QJAX_UNROLL
      for (int b = 0; b < B; ++b) {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          if (i >> b & 1) continue;
          const C p = t.work[i], q = t.work[i | 1 << b];
          t.work[i] = plus(p, q);
          t.work[i | 1 << b] = {p.re - q.re, p.im - q.im};
        }
      }
    }
    for (int k = 0; k < terms; ++k, term += kPauliTerm) {
      const int y = term[4] & 3;
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        // A choice by products: one by conditions becomes an address, and registers have none.
        C value = {0, 0};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const Real here = term[2] == i ? 1 : 0;
          value = {value.re + here * t.work[i].re, value.im + here * t.work[i].im};
        }
        const bool odd = parity(own(me) & term[0]) ^ parity(outer_ & term[1]) ^ (y >= 2);
        // times (-i)^letters: 1, -i, -1, i
        const C turned = y & 1 ? C{value.im, -value.re} : value;
        t.part[0] = odd ? -turned.re : turned.re;
        t.part[1] = odd ? -turned.im : turned.im;
      }
      const Pauli& self = *this;
      const int column = args_.conjugate ? term[5] : 2 * term[5];
      const auto add = [&self, column](u32 me, int c, double value) { self.add(column + c, me, value); };
      if (args_.conjugate) {
        reduce<1>(block_, threads_, lanes(), add);
      } else {
        reduce<2>(block_, threads_, lanes(), add);
      }
    }
  }

  QJAX_DEVICE void add(int column, u32 me, double value) const {
    const int g = lanes();
    const i64 sample = threads_[me].sample;
    if (sample >= args_.batch) return;
    const i64 row = ((sample * args_.parts + part_) << (args_.thread_bits - g)) + (own(me) >> g);
    add_to(args_.sums + column * args_.rows + row, value);
  }

  QJAX_DEVICE void combine(u32 x, int terms, const int* term) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const i64 last = args_.batch - 1;
      const i64 row = (t.sample < last ? t.sample : last) * args_.weight_stride;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) t.work[i] = {0, 0};
      for (int k = 0; k < terms; ++k) {
        const int* word = term + k * kPauliTerm;
        C w;
        if (args_.conjugate) {
          w = {static_cast<const Real*>(args_.weights)[row + word[5]], 0};
        } else {
          w = static_cast<const C*>(args_.weights)[row + word[5]];
        }
        const int y = word[4] & 3;
        const bool odd = parity(own(me) & word[0]) ^ parity(outer_ & word[1]) ^ (y >= 2);
        if (y & 1) w = {w.im, -w.re};
        if (odd) w = {-w.re, -w.im};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const bool minus = word[3] >> i & 1;
          t.work[i] = plus(t.work[i], minus ? C{-w.re, -w.im} : w);
        }
      }
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) t.a[i] = plus(t.a[i], times(t.work[i], partner(me, i, x)));
    }
  }

  const Block& block_;
  const PauliArgs& args_;
  mutable PerThread<Thread> threads_;
  i64 part_ = 0;
  u32 outer_ = 0;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_PAULI_CUH_
