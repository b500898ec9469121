// A tile of the state in a block: 2^B amplitudes in the registers of each thread, which shared memory
// exchanges, and as many cotangents if the sweep runs backward. The files that include this one have
// ops on it. The mathematics of the backward run is that of kernels/cpu: psi goes back through the
// inverse, lam through the transpose, and the cotangent of a number is a sum over lam psi, with lam of
// the op's output side. Cotangents are JAX's: real inner products without a conjugate.

#ifndef QJAX_KERNELS_CUDA_TILE_CUH_
#define QJAX_KERNELS_CUDA_TILE_CUH_

#include "args.h"
#include "columns.cuh"
#include "tape.h"

namespace qjax_cuda {

template <class Real, int B, bool kBackward>
struct TileThread {
  Complex<Real> psi[1 << B];
  Complex<Real> lam[kBackward ? 1 << B : 1];
  Complex<Real> scale;  // of modulus 1: the state is scale psi, and its cotangent conj(scale) lam
  Real part[kBackward ? 32 : 1];
  const Real* numbers;
  i64 sample;
};

// The entries of a matrix or a diagonal: numbers come in pairs.
template <class Real>
QJAX_DEVICE Complex<Real> entry(const Real* m, u32 k) {
  return reinterpret_cast<const Complex<Real>*>(m)[k];
}

template <class Real, int B, bool kBackward>
class Tile {
  using C = Complex<Real>;
  using Thread = TileThread<Real, B, kBackward>;
  static constexpr int N = 1 << B;

 public:
  const Block& block;
  const SweepArgs& args;
  mutable PerThread<Thread> threads;
  i64 part = 0;
  u32 outer = 0;  // the index of the tile
  const int* prepared = nullptr;  // the latest op kPrepare for these samples

  QJAX_DEVICE Tile(const Block& block, const SweepArgs& args)
      : block(block), args(args), threads(block.threads()) {}

  // --- where things are ---------------------------------------------------------------------------

  QJAX_DEVICE u32 own(u32 me) const { return me & ((1u << args.thread_bits) - 1); }
  QJAX_DEVICE u32 first_place(u32 me) const { return me >> args.thread_bits << args.tile_bits; }
  QJAX_DEVICE u32 buffer() const { return block.threads() << B; }  // places of one state
  QJAX_DEVICE int lanes() const { return args.thread_bits < 5 ? args.thread_bits : 5; }
  QJAX_DEVICE Shared<C> memory() const { return block.template shared<C>(0); }
  QJAX_DEVICE const int* loaded() const { return args.tape + kSweepHeader; }
  QJAX_DEVICE const int* stored() const { return loaded() + kAllColumns; }
  QJAX_DEVICE const int* runs() const { return stored() + kAllColumns; }

  QJAX_DEVICE const Real* at(const Thread& t, int reference) const {
    const Real* constants = static_cast<const Real*>(args.constants);
    return in_global_memory((reference >= 0 ? t.numbers : constants) + reference);
  }

  // --- where an op acts ---------------------------------------------------------------------------

  QJAX_DEVICE bool acts(const int* gate, u32 me) const {
    return (own(me) & gate[0]) == static_cast<u32>(gate[1]) && outer_acts(gate);
  }
  QJAX_DEVICE bool outer_acts(const int* gate) const {
    return (outer & gate[2]) == static_cast<u32>(gate[3]);
  }

  // The place of register i in a tile, i not known to the compiler.
  QJAX_DEVICE u32 place(const int* columns, u32 me, int i) const {
    return thread_sum(columns, own(me)) ^
           column_sum(columns + kThreadSums, B, static_cast<u32>(i));
  }

  QJAX_DEVICE bool acts_at(const int* op, u32 place) const {
    return (place & op[2]) == static_cast<u32>(op[3]) && outer_acts(op + 2);
  }

  // --- sums ---------------------------------------------------------------------------------------

  // Says that `count` sums, of 1, 2, 4, 8 and 32, stand in `part` and go to those from `sum` on.
  QJAX_DEVICE void want(int count, int sum) {
    wanted_ = sum < 0 ? 0 : count;
    sum_ = sum;
  }

  // Adds what was wanted since the last call.
  QJAX_DEVICE void add_parts() {
    if (wanted_ == 0) return;
    const Tile& self = *this;
    const auto add = [&self](u32 me, int k, double value) {
      if (k < self.wanted_) self.add(self.sum_ + k, me, value);
    };
    if (wanted_ == 1) {
      reduce<1>(block, threads, lanes(), add);
    } else if (wanted_ == 2) {
      reduce<2>(block, threads, lanes(), add);
    } else if (wanted_ <= 8) {
      reduce<8>(block, threads, lanes(), add);
    } else {
      reduce<32>(block, threads, lanes(), add);
    }
    wanted_ = 0;
  }

  QJAX_DEVICE void add(int sum, u32 me, double value) const {
    const int g = lanes();
    i64 row;
    if (args.separate) {
      const i64 sample = threads[me].sample;
      if (sample >= args.batch) return;
      row = ((sample * args.parts + part) << (args.thread_bits - g)) + (own(me) >> g);
    } else {
      row = static_cast<i64>(block.index()) * (block.threads() >> g) + (me >> g);
    }
    add_to(args.sums + sum * args.rows + row, value);
  }

  // Re lam psi.
  QJAX_DEVICE void overlap(const int* op) {
    if constexpr (kBackward) {
      QJAX_EACH(block, me) {
        Thread& t = threads[me];
        Real total = 0;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) total += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
        t.part[0] = total;
      }
    }
    want(1, op[1]);
  }

  // The same for the cotangent of a complex number.
  QJAX_DEVICE void add(int sum, u32 me, C value) const {
    add(sum, me, static_cast<double>(value.re));
    add(sum + 1, me, -static_cast<double>(value.im));
  }

  // sum over the numbers r within a mask of lam at lam_place + r times psi at psi_place + r, both in
  // shared memory.
  QJAX_DEVICE C product_sum(u32 me, u32 lam_place, u32 psi_place, u32 mask) const {
    const Shared<C> memory = this->memory();
    C total = {0, 0};
    u32 rest = 0;
    QJAX_ROLLED
    do {
      const C lam = memory.get(me, buffer() + lam_place + rest);
      total = add_times(total, lam, memory.get(me, psi_place + rest));
      rest = ((rest | ~mask) + 1) & mask;
    } while (rest != 0);
    return total;
  }

  // --- between memory and registers ---------------------------------------------------------------

  // The index of the amplitude in register 0, without the columns of the registers.
  QJAX_DEVICE u32 first_index(const int* columns, u32 me) const {
    u32 index = thread_sum(columns, own(me));
    const int* run = runs();
    for (int r = 0; r < args.tape[kRuns]; ++r, run += 2) {
      index |= (outer & static_cast<u32>(run[0])) << run[1];
    }
    return index;
  }

  // Turns to a part of a group of samples.
  QJAX_DEVICE void take(i64 group, i64 its_part) {
    part = its_part;
    prepared = nullptr;
    QJAX_EACH(block, me) {
      Thread& t = threads[me];
      t.sample = group * (block.threads() >> args.thread_bits) + (me >> args.thread_bits);
      const i64 last = args.batch - 1;
      t.numbers = kept(static_cast<const Real*>(args.numbers) +
                       (t.sample < last ? t.sample : last) * args.number_stride);
    }
  }

  QJAX_DEVICE void load(u32 index) {
    outer = index;
    QJAX_EACH(block, me) {
      Thread& t = threads[me];
      const u32 first = first_index(loaded(), me);
      const RegisterColumns<B> at(loaded() + kThreadSums);
      const bool there = t.sample < args.batch;
      if (!kBackward && args.psi_in == nullptr) {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.psi[i] = {i == 0 && first == 0 ? Real(1) : Real(0), 0};
      } else {
        const C* psi = static_cast<const C*>(args.psi_in) + t.sample * args.psi_stride + first;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.psi[i] = there ? read_once(psi + at(i)) : C{0, 0};
      }
      if constexpr (kBackward) {
        const C* lam = static_cast<const C*>(args.lam_in) + t.sample * args.lam_stride + first;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.lam[i] = there ? read_once(lam + at(i)) : C{0, 0};
      }
      t.scale = {1, 0};
    }
  }

  QJAX_DEVICE void store() {
    QJAX_EACH(block, me) {
      Thread& t = threads[me];
      if (t.sample < args.batch) {
        const u32 first = first_index(stored(), me);
        const RegisterColumns<B> at(stored() + kThreadSums);
        const i64 row = (t.sample << args.qubits) + first;
        C* psi = static_cast<C*>(args.psi) + row;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) psi[at(i)] = t.psi[i];
        if constexpr (kBackward) {
          C* lam = static_cast<C*>(args.lam) + row;
          QJAX_UNROLL
          for (int i = 0; i < N; ++i) lam[at(i)] = t.lam[i];
        }
      }
    }
  }

  // Multiplies the registers by what they lack.
  QJAX_DEVICE static void settle(Thread& t) {
    QJAX_UNROLL
    for (int i = 0; i < N; ++i) {
      t.psi[i] = times(t.scale, t.psi[i]);
      if constexpr (kBackward) t.lam[i] = conj_times(t.scale, t.lam[i]);
    }
    t.scale = {1, 0};
  }

  QJAX_DEVICE void settle() {
    QJAX_EACH(block, me) settle(threads[me]);
  }

  // Writes the registers to shared memory, at the places that columns give: psi to the first buffer,
  // lam to the second.
  QJAX_DEVICE void put(const int* columns) {
    const Shared<C> memory = this->memory(), second = block.template shared<C>(buffer());
    block.sync();
    QJAX_EACH(block, me) {
      Thread& t = threads[me];
      const u32 first = kept((first_place(me) ^ thread_sum(columns, own(me))) * u32(sizeof(C)));
      const RegisterColumns<B> at(columns + kThreadSums, sizeof(C));
      at.each(first, [&](int i, u32 place) {
        memory.set_at(me, place, t.psi[i]);
        if constexpr (kBackward) second.set_at(me, place, t.lam[i]);
      });
    }
    block.sync();
  }

  // Reads the registers from the places that columns and a constant give.
  QJAX_DEVICE void get(const int* columns, u32 constant) {
    PerThread<Reading> readings(block.threads());
    QJAX_EACH(block, me) readings[me] = reading(columns, constant, me);
    read(readings);
  }

  QJAX_DEVICE void exchange(const int* op, const Words4& words) {
    u32 constant = static_cast<u32>(words.of[2]);
    const int* outside = op + 4 + kAllColumns;
    for (int k = 0; k < words.of[3]; ++k) {
      constant ^= outer >> outside[2 * k] & 1 ? static_cast<u32>(outside[2 * k + 1]) : 0;
    }
    PerThread<Reading> readings(block.threads());  // asked for while others still write
    QJAX_EACH(block, me) readings[me] = reading(op + 4, constant, me);
    put(op + words.of[1]);
    read(readings);
  }

 private:
  // Where a thread reads: the place of register 0, and columns, in bytes.
  struct Reading {
    u32 first;
    RegisterColumns<B> at;
  };

  QJAX_DEVICE Reading reading(const int* columns, u32 constant, u32 me) const {
    const u32 place = first_place(me) ^ constant ^ thread_sum(columns, own(me));
    return {kept(place * u32(sizeof(C))), RegisterColumns<B>(columns + kThreadSums, sizeof(C))};
  }

  QJAX_DEVICE void read(PerThread<Reading>& readings) {
    const Shared<C> memory = this->memory(), second = block.template shared<C>(buffer());
    QJAX_EACH(block, me) {
      Thread& t = threads[me];
      const Reading& reading = readings[me];
      reading.at.each(reading.first, [&](int i, u32 from) {
        t.psi[i] = memory.get_at(me, from);
        if constexpr (kBackward) t.lam[i] = second.get_at(me, from);
      });
    }
  }

  int wanted_ = 0, sum_ = 0;
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_TILE_CUH_
