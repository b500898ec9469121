// Runs the ops of one sweep over the tiles of a block, forward or backward. The ops are those of
// tape.h; the mathematics of the backward run is that of kernels/cpu: psi goes back through the
// inverse, lam through the transpose, and the cotangent of a number is a sum over lam psi, with lam of
// the op's output side. Cotangents are JAX's: real inner products without a conjugate.

#ifndef QJAX_KERNELS_CUDA_SWEEP_CUH_
#define QJAX_KERNELS_CUDA_SWEEP_CUH_

namespace qjax_cuda {

template <class Real, int B, bool kBackward>
struct SweepThread {
  Complex<Real> psi[1 << B];
  Complex<Real> lam[kBackward ? 1 << B : 1];
  Complex<Real> scale;  // of modulus 1: the state is scale psi, and its cotangent conj(scale) lam
  Real part[kBackward ? 32 : 1];
  const Real* numbers;
  i64 sample;
};

QJAX_DEVICE u32 column_sum(const int* columns, int count, u32 bits) {
  u32 total = 0;
  QJAX_ROLLED
  for (int b = 0; b < count; ++b) total ^= bits >> b & 1 ? static_cast<u32>(columns[b]) : 0;
  return total;
}

QJAX_DEVICE u32 thread_sum(const int* sums, u32 thread) {
  return static_cast<u32>(sums[thread & 15] ^ sums[16 + (thread >> 4)]);
}

// Columns of register bits, kept so that the sum for a constant register costs little.
template <int B>
struct RegisterColumns {
  u32 of[B];
  // `unit` scales the columns, so that the sums need not be.
  QJAX_DEVICE explicit RegisterColumns(const int* columns, u32 unit = 1) {
    QJAX_UNROLL
    for (int k = 0; k < B; k += 4) {
      const Words4 words = four_words(columns + k);
      QJAX_UNROLL
      for (int b = k; b < B && b < k + 4; ++b) {
        of[b] = static_cast<u32>(words.of[b - k]);
        if (unit != 1) of[b] = kept(of[b] * unit);
      }
    }
  }
  // The same from words that start anywhere.
  QJAX_DEVICE static RegisterColumns from(const int* columns) {
    RegisterColumns out;
    QJAX_UNROLL
    for (int b = 0; b < B; ++b) out.of[b] = static_cast<u32>(columns[b]);
    return out;
  }
  QJAX_DEVICE u32 operator()(int i) const {
    u32 total = 0;
    QJAX_UNROLL
    for (int b = 0; b < B; ++b) total ^= i >> b & 1 ? of[b] : 0;
    return total;
  }
  // Calls use(i, first ^ sum for i) for each register; each sum is that of i without its lowest bit
  // and one column.
  template <class Use>
  QJAX_DEVICE void each(u32 first, const Use& use) const {
    u32 sums[1 << B];
    QJAX_UNROLL
    for (int i = 0; i < 1 << B; ++i) {
      sums[i] = first;
      QJAX_UNROLL
      for (int b = B - 1; b >= 0; --b) {
        if (i >> b & 1) sums[i] = kept(sums[i & (i - 1)] ^ of[b]);
      }
      use(i, sums[i]);
    }
  }

  QJAX_DEVICE RegisterColumns() {}
};

// kPlain: whether there are the ops of `plain_op` alone.
template <class Real, int B, bool kBackward, bool kPlain>
class Sweep {
 public:
  static constexpr int N = 1 << B;
  using C = Complex<Real>;
  using Thread = SweepThread<Real, B, kBackward>;

  QJAX_DEVICE Sweep(const Block& block, const SweepArgs& args)
      : block_(block), args_(args), threads_(block.threads()) {}

  QJAX_DEVICE void run() {
    const i64 part = block_.index() % args_.parts;
    const i64 step = block_.count() / args_.parts;
    for (i64 group = block_.index() / args_.parts; group < args_.groups; group += step) {
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        t.sample = group * (block_.threads() >> args_.thread_bits) + (me >> args_.thread_bits);
        const i64 last = args_.batch - 1;
        t.numbers = kept(static_cast<const Real*>(args_.numbers) +
                         (t.sample < last ? t.sample : last) * args_.number_stride);
      }
      part_ = part;
      prepared_ = nullptr;
      for (i64 tile = part; tile < args_.tiles; tile += args_.parts) {
        outer_ = static_cast<u32>(tile);
        load();
        ops(kSweepHeader + 2 * kAllColumns + (2 * args_.tape[kRuns] + 3) / 4 * 4);
        store();
      }
    }
  }

 private:
  // --- where things are ---------------------------------------------------------------------------

  QJAX_DEVICE u32 own(u32 me) const { return me & ((1u << args_.thread_bits) - 1); }
  QJAX_DEVICE u32 first_place(u32 me) const { return me >> args_.thread_bits << args_.tile_bits; }
  QJAX_DEVICE u32 buffer() const { return block_.threads() << B; }  // places of one state
  QJAX_DEVICE int lanes() const { return args_.thread_bits < 5 ? args_.thread_bits : 5; }
  QJAX_DEVICE Shared<C> memory() const { return block_.template shared<C>(0); }
  // What kPrepare works out stands behind the tiles. Of an op: what the diagonals before the rotations
  // and those after them are at each register; tan and sin of each register bit; and what the former
  // are made of, the two values of each bit, before and after.
  static constexpr u32 kShearPlace = 2 * N, kValuePlace = kShearPlace + B;
  static constexpr u32 kTurnPlaces = kValuePlace + 4 * B + B % 2;
  QJAX_DEVICE u32 turn_place(u32 me, u32 op) const {
    const u32 first = (kBackward ? 2 : 1) * buffer();
    return first + ((me >> args_.thread_bits) * u32(args_.prepared) + op) * kTurnPlaces;
  }
  QJAX_DEVICE const int* loaded() const { return args_.tape + kSweepHeader; }
  QJAX_DEVICE const int* stored() const { return loaded() + kAllColumns; }
  QJAX_DEVICE const int* runs() const { return stored() + kAllColumns; }

  QJAX_DEVICE const Real* at(const Thread& t, int reference) const {
    const Real* constants = static_cast<const Real*>(args_.constants);
    return in_global_memory((reference >= 0 ? t.numbers : constants) + reference);
  }

  // Numbers come in pairs.
  QJAX_DEVICE static C entry(const Real* m, u32 k) { return reinterpret_cast<const C*>(m)[k]; }

  QJAX_DEVICE bool acts(const int* gate, u32 me) const {
    return (own(me) & gate[0]) == static_cast<u32>(gate[1]) && outer_acts(gate);
  }
  QJAX_DEVICE bool outer_acts(const int* gate) const {
    return (outer_ & gate[2]) == static_cast<u32>(gate[3]);
  }

  // The two values of a diagonal.
  struct Pair {
    C zero, one;
  };

  // --- sums ---------------------------------------------------------------------------------------

  // Says that `count` sums, of 1, 2, 4, 8 and 32, stand in `part` and go to those from `sum` on.
  QJAX_DEVICE void want(int count, int sum) {
    count_ = sum < 0 ? 0 : count;
    sum_ = sum;
  }

  QJAX_DEVICE void add_parts() {
    const Sweep& self = *this;
    const auto add = [&self](u32 me, int k, double value) {
      if (k < self.count_) self.add(self.sum_ + k, me, value);
    };
    if (count_ == 1) {
      reduce<1>(block_, threads_, lanes(), add);
    } else if (count_ == 2) {
      reduce<2>(block_, threads_, lanes(), add);
    } else if (count_ <= 8) {
      reduce<8>(block_, threads_, lanes(), add);
    } else {
      reduce<32>(block_, threads_, lanes(), add);
    }
  }

  QJAX_DEVICE void add(int sum, u32 me, double value) const {
    const int g = lanes();
    i64 row;
    if (args_.separate) {
      const i64 sample = threads_[me].sample;
      if (sample >= args_.batch) return;
      row = ((sample * args_.parts + part_) << (args_.thread_bits - g)) + (own(me) >> g);
    } else {
      row = static_cast<i64>(block_.index()) * (block_.threads() >> g) + (me >> g);
    }
    add_to(args_.sums + sum * args_.rows + row, value);
  }

  // --- between memory and registers ---------------------------------------------------------------

  // The index of the amplitude in register 0, without the columns of the registers.
  QJAX_DEVICE u32 first_index(const int* columns, u32 me) const {
    u32 index = thread_sum(columns, own(me));
    const int* run = runs();
    for (int r = 0; r < args_.tape[kRuns]; ++r, run += 2) {
      index |= (outer_ & static_cast<u32>(run[0])) << run[1];
    }
    return index;
  }

  QJAX_DEVICE void load() {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const u32 first = first_index(loaded(), me);
      const RegisterColumns<B> at(loaded() + kThreadSums);
      const bool there = t.sample < args_.batch;
      if (!kBackward && args_.psi_in == nullptr) {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.psi[i] = {i == 0 && first == 0 ? Real(1) : Real(0), 0};
      } else {
        const C* psi = static_cast<const C*>(args_.psi_in) + t.sample * args_.psi_stride + first;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.psi[i] = there ? read_once(psi + at(i)) : C{0, 0};
      }
      if constexpr (kBackward) {
        const C* lam = static_cast<const C*>(args_.lam_in) + t.sample * args_.lam_stride + first;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) t.lam[i] = there ? read_once(lam + at(i)) : C{0, 0};
      }
      t.scale = {1, 0};
    }
  }

  QJAX_DEVICE void store() {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      if (t.sample < args_.batch) {
        const u32 first = first_index(stored(), me);
        const RegisterColumns<B> at(stored() + kThreadSums);
        const i64 row = (t.sample << args_.qubits) + first;
        C* psi = static_cast<C*>(args_.psi) + row;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) psi[at(i)] = t.psi[i];
        if constexpr (kBackward) {
          C* lam = static_cast<C*>(args_.lam) + row;
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
    QJAX_EACH(block_, me) settle(threads_[me]);
  }

  // Writes the registers to shared memory, at the places that columns give: psi to the first buffer,
  // lam to the second.
  QJAX_DEVICE void put(const int* columns) {
    const Shared<C> memory = this->memory(), second = block_.template shared<C>(buffer());
    block_.sync();
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const u32 first = kept((first_place(me) ^ thread_sum(columns, own(me))) * u32(sizeof(C)));
      const RegisterColumns<B> at(columns + kThreadSums, sizeof(C));
      at.each(first, [&](int i, u32 place) {
        memory.set_at(me, place, t.psi[i]);
        if constexpr (kBackward) second.set_at(me, place, t.lam[i]);
      });
    }
    block_.sync();
  }

  // --- far ops ------------------------------------------------------------------------------------

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
    const Shared<C> memory = this->memory(), second = block_.template shared<C>(buffer());
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Reading& reading = readings[me];
      reading.at.each(reading.first, [&](int i, u32 from) {
        t.psi[i] = memory.get_at(me, from);
        if constexpr (kBackward) t.lam[i] = second.get_at(me, from);
      });
    }
  }

  // Reads the registers from the places that columns and a constant give.
  QJAX_DEVICE void get(const int* columns, u32 constant) {
    PerThread<Reading> readings(block_.threads());
    QJAX_EACH(block_, me) readings[me] = reading(columns, constant, me);
    read(readings);
  }

  QJAX_DEVICE void exchange(const int* op, const Words4& words) {
    u32 constant = static_cast<u32>(words.of[2]);
    const int* outside = op + 4 + kAllColumns;
    for (int k = 0; k < words.of[3]; ++k) {
      constant ^= outer_ >> outside[2 * k] & 1 ? static_cast<u32>(outside[2 * k + 1]) : 0;
    }
    PerThread<Reading> readings(block_.threads());  // asked for while others still write
    QJAX_EACH(block_, me) readings[me] = reading(op + 4, constant, me);
    put(op + words.of[1]);
    read(readings);
  }

  // The place of register i in a tile, i not known to the compiler.
  QJAX_DEVICE u32 place(const int* columns, u32 me, int i) const {
    return thread_sum(columns, own(me)) ^
           column_sum(columns + kThreadSums, B, static_cast<u32>(i));
  }

  QJAX_DEVICE bool acts_at(const int* op, u32 place) const {
    return (place & op[2]) == static_cast<u32>(op[3]) && outer_acts(op + 2);
  }

  QJAX_DEVICE void rotation_far(const int* op) {
    const int y = op[8] & 3;
    const u32 x = static_cast<u32>(op[9]), z = static_cast<u32>(op[10]);
    const bool alone = op[2] == 0 && op[4] == 0;
    const int* columns = op + op[1];
    const Shared<C> memory = this->memory();
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Real* m = at(t, op[6]);
      const u32 first = thread_sum(columns, own(me));
      const RegisterColumns<B> register_at(columns + kThreadSums);
      const bool outer_odd = parity(outer_ & op[11]) ^ (y < 2);
      Real g = 0, r = 0;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 place = first ^ register_at(i);
        const Turn<Real> turn = {m[0], m[1], (y & 1) != 0, parity(place & z) ^ outer_odd ? ~0u : 0};
        if (!acts_at(op, place)) continue;
        const u32 from = first_place(me) + (place ^ x);
        const C partner = memory.get(me, from);
        if constexpr (kBackward) {
          g += turn.slope(i, t.lam[i], partner);
          r += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
          t.psi[i] = turn.back()(i, t.psi[i], partner);
          t.lam[i] = turn.transposed()(i, t.lam[i], memory.get(me, buffer() + from));
        } else {
          t.psi[i] = turn(i, t.psi[i], partner);
        }
      }
      if constexpr (kBackward) turn_parts(t, m[0], m[1], g, r, alone);
    }
    want(alone ? 1 : 2, op[7]);
  }

  // Cotangents of cos and sin, or the slope g alone.
  QJAX_DEVICE static void turn_parts(Thread& t, Real c, Real s, Real g, Real r, bool alone) {
    if constexpr (kBackward) {
      t.part[0] = alone ? g : c * r - s * g;
      t.part[1] = s * r + c * g;
    }
  }

  // The places of a matrix index on bits of the tile.
  QJAX_DEVICE static u32 spread(const int* bits, int k, u32 value) {
    u32 out = 0;
    QJAX_ROLLED
    for (int b = 0; b < k; ++b) out |= (value >> b & 1) << bits[b];
    return out;
  }

  QJAX_DEVICE static u32 gathered(const int* bits, int k, u32 place) {
    u32 out = 0;
    QJAX_ROLLED
    for (int b = 0; b < k; ++b) out |= (place >> bits[b] & 1) << b;
    return out;
  }

  enum Form { kAsIs, kInverse, kTransposed };

  // sum over col of a form of the matrix times what is in a buffer, where the op acts.
  template <Form kForm>
  QJAX_DEVICE void dense_product(const int* op, u32 skipped) {
    const int k = op[8];
    const int* bits = op + 9;
    const int* columns = op + op[1];
    const Shared<C> memory = block_.template shared<C>(skipped);
    const u32 all = spread(bits, k, ~0u);
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Real* m = at(t, op[6]);
      C result[N];
      QJAX_ROLLED
      for (int i = 0; i < N; ++i) {
        const u32 own_place = place(columns, me, i);
        const u32 row = gathered(bits, k, own_place);
        C total = {0, 0};
        QJAX_ROLLED
        for (u32 col = 0; col < 1u << k; ++col) {
          C factor = entry(m, kForm == kAsIs ? (row << k) + col : (col << k) + row);
          if (kForm == kInverse) factor.im = -factor.im;
          const u32 from = first_place(me) + ((own_place & ~all) | spread(bits, k, col));
          total = add_times(total, factor, memory.get(me, from));
        }
        result[i] = total;
      }
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        if (!acts_at(op, place(columns, me, i))) continue;
        if constexpr (kForm == kTransposed) {
          t.lam[i] = result[i];
        } else {
          t.psi[i] = result[i];
        }
      }
    }
  }

  QJAX_DEVICE void dense_far(const int* op) {
    if constexpr (!kBackward) {
      dense_product<kAsIs>(op, 0);
    } else {
      dense_product<kInverse>(op, 0);
      dense_product<kTransposed>(op, buffer());
      if (op[7] >= 0) dense_sums(op);
    }
  }

  // Sums over psi of the input side and lam of the output side, which is still in its buffer.
  QJAX_DEVICE void dense_sums(const int* op) {
    const int k = op[8];
    const int* bits = op + 9;
    const int* columns = op + op[1];
    const Shared<C> memory = this->memory();
    block_.sync();
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) memory.set(me, first_place(me) + place(columns, me, i), t.psi[i]);
    }
    block_.sync();
    if (!outer_acts(op + 2)) return;
    QJAX_EACH(block_, me) {
      const u32 mask = ((1u << args_.tile_bits) - 1) & ~(spread(bits, k, ~0u) | op[2]);
      QJAX_ROLLED
      for (u32 e = own(me); e < 1u << (2 * k); e += 1u << args_.thread_bits) {
        const u32 first = first_place(me) + op[3];
        const u32 row = first + spread(bits, k, e >> k), col = first + spread(bits, k, e & ((1u << k) - 1));
        C total = {0, 0};
        u32 rest = 0;
        QJAX_ROLLED
        do {
          total = add_times(total, memory.get(me, buffer() + row + rest), memory.get(me, col + rest));
          rest = ((rest | ~mask) + 1) & mask;
        } while (rest != 0);
        add(op[7] + 2 * static_cast<int>(e), me, static_cast<double>(total.re));
        add(op[7] + 2 * static_cast<int>(e) + 1, me, -static_cast<double>(total.im));
      }
    }
  }

  // --- matrices on tensor cores -------------------------------------------------------------------

  // Where the op finds an amplitude: `target` is the index of the matrix, `other` that of the other
  // bits of the tile.
  struct Places {
    const int* columns;
    int bits, others;
    QJAX_DEVICE u32 target(u32 index) const { return column_sum(columns, bits, index); }
    QJAX_DEVICE u32 other(u32 index) const { return column_sum(columns + bits, others, index); }
  };

  QJAX_DEVICE Places places_of(const int* op) const { return {op + 9, op[8], args_.tile_bits - op[8]}; }

  // Of the 8 x 8 blocks of the 2^k x 2^(K-k) amplitudes of a tile, a group of 32 threads has N / 2: the
  // row of block j is row ^ rows(j), its column column ^ columns(j), in places.
  struct Share {
    u32 row, rows[B - 1];  // an index of the matrix
    u32 other;             // an index of the other bits
    u32 column, columns[B - 1], others[B - 1];

    QJAX_DEVICE Share(const Places& places, u32 group) {
      const u32 first = group << (B - 1), high = places.bits - 3;
      row = (first & ((1u << high) - 1)) << 3;
      other = first >> high << 3;
      column = places.other(other);
      QJAX_UNROLL
      for (int b = 0; b < B - 1; ++b) {
        const bool inside = static_cast<u32>(b) < high;
        rows[b] = inside ? 8u << b : 0;
        others[b] = inside ? 0 : 8u << (b - high);
        columns[b] = inside ? 0 : places.other(others[b]);
      }
    }

    QJAX_DEVICE static u32 sum(const u32 (&of)[B - 1], int j) {
      u32 total = 0;
      QJAX_UNROLL
      for (int b = 0; b < B - 1; ++b) total ^= j >> b & 1 ? of[b] : 0;
      return total;
    }
  };

  // A form of the matrix times a buffer, which gets the result where the op acts.
  template <Form kForm>
  QJAX_DEVICE void tensor_product(const int* op, u32 skipped) {
    constexpr int kBlocks = N / 2;
    const int k = op[8];
    const Places places = places_of(op);
    const Shared<C> memory = block_.template shared<C>(skipped);
    PerThread<Fragments<Real, kBlocks>> fragments(block_.threads());
    QJAX_EACH(block_, me) {
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) fragments[me].c[j][0] = fragments[me].c[j][1] = {0, 0};
    }
    QJAX_ROLLED
    for (u32 step = 0; step < 1u << (k - 2); ++step) {
      QJAX_EACH(block_, me) {
        Fragments<Real, kBlocks>& f = fragments[me];
        const u32 g = me >> 2 & 7, t = me & 3, from = 4 * step + t;
        const Share share(places, own(me) >> 5);
        const u32 first = first_place(me) ^ share.column ^ places.other(g) ^ places.target(from);
        const C* m = reinterpret_cast<const C*>(at(threads_[me], op[6]));
        QJAX_UNROLL
        for (int j = 0; j < kBlocks; ++j) {
          const u32 row = (share.row ^ Share::sum(share.rows, j)) + g;
          const C value = m[kForm == kAsIs ? (row << k) + from : (from << k) + row];
          f.a[j] = kForm == kInverse ? conj(value) : value;
          f.b[j] = memory.get(me, first ^ Share::sum(share.columns, j));
        }
      }
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) multiply(block_, fragments, j);
    }
    block_.sync();
    QJAX_EACH(block_, me) {
      const u32 g = me >> 2 & 7, t = me & 3;
      const Share share(places, own(me) >> 5);
      QJAX_UNROLL
      for (int j = 0; j < kBlocks; ++j) {
        const u32 row = (share.row ^ Share::sum(share.rows, j)) + g;
        QJAX_UNROLL
        for (int e = 0; e < 2; ++e) {
          const u32 other = (share.other ^ Share::sum(share.others, j)) + 2 * t + e;
          const u32 to = first_place(me) ^ places.target(row) ^ places.other(other);
          if ((other & op[2]) == static_cast<u32>(op[3])) memory.set(me, to, fragments[me].c[j][e]);
        }
      }
    }
    block_.sync();
  }

  // sum over the other bits of lam psi, for every pair of indices of the matrix: block by block, and
  // where there are fewer blocks than groups of 32 threads, several of these share one.
  QJAX_DEVICE void tensor_sums(const int* op) {
    const int k = op[8], high = k - 3, groups = args_.thread_bits - 5;
    const int shared_bits = groups > 2 * high ? groups - 2 * high : 0;
    const u32 steps = 1u << (args_.tile_bits - k - 2 - shared_bits);
    const Places places = places_of(op);
    const Shared<C> memory = this->memory();
    PerThread<Fragments<Real, 1>> fragments(block_.threads());
    QJAX_ROLLED
    for (u32 round = 0; round < 1u << (2 * high + shared_bits); round += 1u << groups) {
      QJAX_EACH(block_, me) fragments[me].c[0][0] = fragments[me].c[0][1] = {0, 0};
      QJAX_ROLLED
      for (u32 step = 0; step < steps; ++step) {
        QJAX_EACH(block_, me) {
          const u32 job = round + (own(me) >> 5), g = me >> 2 & 7, t = me & 3;
          const u32 row = job >> shared_bits >> high << 3;
          const u32 col = (job >> shared_bits & ((1u << high) - 1)) << 3;
          const u32 other = 4 * ((job & ((1u << shared_bits) - 1)) * steps + step) + t;
          const u32 first = first_place(me) ^ places.other(other);
          const bool on = (other & op[2]) == static_cast<u32>(op[3]);
          fragments[me].a[0] = memory.get(me, buffer() + (first ^ places.target(row + g)));
          fragments[me].b[0] = on ? memory.get(me, first ^ places.target(col + g)) : C{0, 0};
        }
        multiply(block_, fragments, 0);
      }
      QJAX_EACH(block_, me) {
        const u32 job = round + (own(me) >> 5), g = me >> 2 & 7, t = me & 3;
        const u32 row = (job >> shared_bits >> high << 3) + g;
        const u32 col = (job >> shared_bits & ((1u << high) - 1)) << 3;
        QJAX_UNROLL
        for (int e = 0; e < 2; ++e) {
          const int sum = op[7] + 2 * static_cast<int>((row << k) + col + 2 * t + e);
          add(sum, me, static_cast<double>(fragments[me].c[0][e].re));
          add(sum + 1, me, -static_cast<double>(fragments[me].c[0][e].im));
        }
      }
    }
  }

  QJAX_DEVICE void tensor(const int* op) {
    if (!outer_acts(op + 2)) return;
    if constexpr (kBackward) {
      tensor_product<kInverse>(op, 0);
      if (op[7] >= 0) tensor_sums(op);
      tensor_product<kTransposed>(op, buffer());
    } else {
      tensor_product<kAsIs>(op, 0);
    }
    get(op + op[1], 0);
  }

  QJAX_DEVICE void permute_far(const int* op) {
    const int k = op[6];
    const int* bits = op + 7;
    const int* table = bits + k;
    const int* columns = op + op[1];
    const Shared<C> memory = this->memory();
    const u32 all = spread(bits, k, ~0u);
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 own_place = place(columns, me, i);
        if (!acts_at(op, own_place)) continue;
        const u32 source = spread(bits, k, static_cast<u32>(table[gathered(bits, k, own_place)]));
        const u32 from = first_place(me) + ((own_place & ~all) | source);
        t.psi[i] = memory.get(me, from);
        if constexpr (kBackward) t.lam[i] = memory.get(me, buffer() + from);
      }
    }
  }

  // Sums of a diagonal of many bits of the tile: each thread some of its entries. As for any diagonal,
  // the cotangent is lam psi / d; here both are of the output side.
  QJAX_DEVICE void table_sum_far(const int* op) {
    if (!outer_acts(op + 2)) return;
    const int inside = op[8];
    const int* bits = op + 9;
    const int* outside = bits + 2 * inside;
    u32 common = 0;
    for (int b = 0; b < outside[0]; ++b) {
      common |= (outer_ >> outside[1 + 2 * b] & 1) << outside[2 + 2 * b];
    }
    const Shared<C> memory = this->memory();
    QJAX_EACH(block_, me) {
      const Real* d = at(threads_[me], op[6]);
      u32 mask = ((1u << args_.tile_bits) - 1) & ~op[2];
      for (int b = 0; b < inside; ++b) mask &= ~(1u << bits[2 * b]);
      QJAX_ROLLED
      for (u32 m = own(me); m < 1u << inside; m += 1u << args_.thread_bits) {
        u32 e = common, first = first_place(me) + op[3];
        for (int b = 0; b < inside; ++b) {
          e |= (m >> b & 1) << bits[2 * b + 1];
          first += (m >> b & 1) << bits[2 * b];
        }
        C total = {0, 0};
        u32 rest = 0;
        QJAX_ROLLED
        do {
          total = add_times(total, memory.get(me, buffer() + first + rest), memory.get(me, first + rest));
          rest = ((rest | ~mask) + 1) & mask;
        } while (rest != 0);
        const C value = conj_times(entry(d, e), total);
        add(op[7] + 2 * static_cast<int>(e), me, static_cast<double>(value.re));
        add(op[7] + 2 * static_cast<int>(e) + 1, me, -static_cast<double>(value.im));
      }
    }
  }

  // --- ops on registers ---------------------------------------------------------------------------

  // A unitary matrix as in TurnAxis: cos and sin of its rotation, and its diagonals.
  struct Factored {
    Real c, s;
    C zero, one, before;
  };

  QJAX_DEVICE static void polar(C z, Real& size, C& phase) {
    const Real square = z.re * z.re + z.im * z.im;
    const bool there = square > (sizeof(Real) == 4 ? Real(1e-30) : Real(1e-280));
    const Real inverse = there ? inverse_root(square) : 0;
    size = square * inverse;
    phase = there ? C{z.re * inverse, z.im * inverse} : C{1, 0};
  }

  QJAX_DEVICE static Factored factored(const Real* m) {
    Factored out;
    polar(entry(m, 0), out.c, out.zero);
    polar(entry(m, 2), out.s, out.one);
    const C b = conj_times(out.zero, entry(m, 1)), d = conj_times(out.one, entry(m, 3));
    out.before = {d.re * out.c - b.re * out.s, d.im * out.c - b.im * out.s};
    return out;
  }

  // The entries of a diagonal of a turn.
  QJAX_DEVICE static Pair diagonal(const Real* m, int form) {
    if (form >= kBefore) {
      const Factored f = factored(m);
      return form == kBefore ? Pair{{1, 0}, f.before} : Pair{f.zero, f.one};
    }
    const C first = entry(m, 0);
    if (form == kEntries) return {first, entry(m, 1)};
    return {conj(first), first};
  }

  // Works out turns: first every one by itself, then the diagonals of all bits together.
  QJAX_DEVICE void prepare(const int* op) {
    if (prepared_ == op) return;  // for the tile before
    prepared_ = op;
    const u32 turns = static_cast<u32>(op[1]) * B, step = 1u << args_.thread_bits;
    block_.sync();
    QJAX_EACH(block_, me) {
      QJAX_ROLLED
      for (u32 k = own(me); k < turns; k += step) {
        prepare_turn(me, op + 4 + k * kTurnWords, turn_place(me, k / B), k % B);
      }
    }
    block_.sync();
    QJAX_EACH(block_, me) {
      constexpr int kHalf = B / 2;
      QJAX_ROLLED
      for (u32 k = own(me); k < static_cast<u32>(op[1]) << (kHalf + 1); k += step) {
        const u32 place = turn_place(me, k >> (kHalf + 1)), high = k >> 1 & ((1 << kHalf) - 1);
        prepare_phases<B - kHalf>(me, place, k & 1, high);
      }
    }
    block_.sync();
  }

  // A rotation becomes three shears by tan(angle / 4) and sin(angle / 2), of a half angle within 90
  // degrees; beyond, it is minus such a one, which a diagonal takes over.
  QJAX_DEVICE void prepare_turn(u32 me, const int* turn, u32 place, u32 j) const {
    const Shared<C> memory = this->memory();
    const Thread& t = threads_[me];
    const Words4 words = four_words(turn), more = four_words(turn + 4);
    const int axis = words.of[0] & 3;
    bool minus = false;
    if (axis) {
      const Real* m = at(t, words.of[1]);
      C turned = entry(m, 0);
      if (axis == kAxisOfMatrix) {
        const Factored f = factored(m);
        turned = {f.c, f.s};
      }
      minus = turned.re < 0;
      const Real sine = minus != kBackward ? -turned.im : turned.im;
      memory.set(me, place + kShearPlace + j, {quotient(sine, 1 + magnitude(turned.re)), sine});
    }
    const int numbers[4] = {words.of[2], words.of[3], more.of[0], more.of[1]};
    QJAX_UNROLL
    for (int side = 0; side < 2; ++side) {
      Pair both = {{1, 0}, {1, 0}};
      QJAX_UNROLL
      for (int d = 2 * side; d < 2 * side + 2; ++d) {
        const int form = words.of[0] >> (2 + 3 * d) & 7;
        if (form == kNone) continue;
        const Pair one = diagonal(at(t, numbers[d]), form);
        both = {times(both.zero, one.zero), times(both.one, one.one)};
      }
      if (minus && side == more.of[2]) {
        both = {{-both.zero.re, -both.zero.im}, {-both.one.re, -both.one.im}};
      }
      const u32 to = place + kValuePlace + 2 * (side * B + j);
      memory.set(me, to, both.zero);
      memory.set(me, to + 1, both.one);
    }
  }

  // The products of diagonals at the registers whose highest bits are `high`.
  template <int Low>
  QJAX_DEVICE void prepare_phases(u32 me, u32 place, u32 side, u32 high) const {
    const Shared<C> memory = this->memory();
    const u32 values = place + kValuePlace + 2 * B * side;
    C product[1 << Low];
    product[0] = {1, 0};
    QJAX_UNROLL
    for (int j = Low; j < B; ++j) {
      product[0] = times(product[0], memory.get(me, values + 2 * j + (high >> (j - Low) & 1)));
    }
    QJAX_UNROLL
    for (int j = 0; j < Low; ++j) {
      const C zero = memory.get(me, values + 2 * j), one = memory.get(me, values + 2 * j + 1);
      QJAX_UNROLL
      for (int e = 0; e < 1 << j; ++e) {
        product[e | 1 << j] = times(product[e], one);
        product[e] = times(product[e], zero);
      }
    }
    QJAX_UNROLL
    for (int e = 0; e < 1 << Low; ++e) memory.set(me, place + N * side + (high << Low) + e, product[e]);
  }

  // A diagonal, a rotation and a diagonal of each register bit.
  QJAX_DEVICE void turns(const int* op, const Words4& words) {
    const int kinds = words.of[2], sums = kBackward ? words.of[3] : 0;
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Shared<C> memory = this->memory();
      const u32 place = turn_place(me, static_cast<u32>(words.of[1]));
      if constexpr (kBackward) {
        QJAX_UNROLL
        for (int j = 0; j < 8; ++j) t.part[j] = 0;
        if (sums > 1) diagonal_sum<B>(t, 0);
      }
      QJAX_ROLLED
      for (int step = 0; step < 3; ++step) {
        if (step == 1) {
          rotations<0>(me, memory, place + kShearPlace, kinds, sums);
        } else if (kinds & (step == 0 ? kPhasesBefore : kPhasesAfter)) {
          multiply_phases(me, memory, place + N / 2 * step);
        }
      }
      if (!(kinds & (kPhasesBefore | kPhasesAfter))) t.scale = times(memory.get(me, place), t.scale);
    }
    if constexpr (kBackward) {
      const Sweep& self = *this;
      const auto add = [&self, op](u32 me, int k, double value) {
        const int sum = op[4 + (k & 3)];
        if (sum >> (k >> 2) & 1) self.add((sum >> 2) + (k >> 2 & sum), me, value);
      };
      if (sums == 1) reduce<4>(block_, threads_, lanes(), add);
      if (sums > 1) reduce<8>(block_, threads_, lanes(), add);
    }
  }

  template <int J>
  QJAX_DEVICE void rotations(u32 me, const Shared<C>& memory, u32 place, int kinds, int sums) {
    if constexpr (J < B) {
      Thread& t = threads_[me];
      const int axis = kinds >> (2 * J) & 3;
      if (axis) {
        const C of = memory.get(me, place + J);  // tan and sin
        if (axis == kAxisY) {
          rotation<J, false>(t, of, sums);
        } else {
          rotation<J, true>(t, of, sums);
        }
      }
      rotations<J + 1>(me, memory, place, kinds, sums);
    }
  }

  template <int J, bool kX>
  QJAX_DEVICE static void rotation(Thread& t, C of, int sums) {
    if constexpr (kBackward) {
      if (sums) t.part[J] = rotation_sum<J, kX>(t);
      apply_shears<J, kX>(t.psi, of.re, of.im);
      apply_shears<J, kX>(t.lam, kX ? -of.re : of.re, kX ? -of.im : of.im);
    } else {
      apply_shears<J, kX>(t.psi, of.re, of.im);
    }
  }

  // Re lam W psi, W = -i P.
  template <int J, bool kX>
  QJAX_DEVICE static Real rotation_sum(const Thread& t) {
    Real first = 0, second = 0;
    QJAX_UNROLL
    for (int i = 0; i < N; ++i) {
      if (i >> J & 1) continue;
      const int k = i | 1 << J;
      if constexpr (kX) {
        first += t.lam[i].re * t.psi[k].im;
        first += t.lam[i].im * t.psi[k].re;
        second += t.lam[k].re * t.psi[i].im;
        second += t.lam[k].im * t.psi[i].re;
      } else {
        first += t.lam[k].re * t.psi[i].re;
        first -= t.lam[k].im * t.psi[i].im;
        second -= t.lam[i].re * t.psi[k].re;
        second += t.lam[i].im * t.psi[k].im;
      }
    }
    return first + second;
  }

  // For each of the lowest `Bits` register bits, Im lam psi of its value 0 less that of its value 1,
  // over the registers from `first` on; gives the sum over them.
  template <int Bits>
  QJAX_DEVICE static Real diagonal_sum(Thread& t, int first) {
    if constexpr (Bits == 0) {
      return t.lam[first].re * t.psi[first].im + t.lam[first].im * t.psi[first].re;
    } else {
      const Real zero = diagonal_sum<Bits - 1>(t, first);
      const Real one = diagonal_sum<Bits - 1>(t, first | 1 << (Bits - 1));
      t.part[3 + Bits] += zero - one;
      return zero + one;
    }
  }

  // A diagonal whose values at the registers stand from a place on.
  QJAX_DEVICE void multiply_phases(u32 me, const Shared<C>& memory, u32 place) {
    Thread& t = threads_[me];
    QJAX_UNROLL
    for (int i = 0; i < N; i += 2) {
      const Two<C> phases = memory.get_two(me, place + i);
      QJAX_UNROLL
      for (int k = i; k < i + 2; ++k) {
        const C phase = phases.of[k - i];
        t.psi[k] = kBackward ? conj_times(phase, t.psi[k]) : times(phase, t.psi[k]);
        if constexpr (kBackward) t.lam[k] = times(phase, t.lam[k]);
      }
    }
  }

  QJAX_DEVICE void signs(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      u32 minus = 0;
      const int* sign = op + 2;
      QJAX_ROLLED
      for (int k = 0; k < op[1]; ++k, sign += 5) minus ^= acts(sign, me) ? static_cast<u32>(sign[4]) : 0;
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const u32 flip = minus << (31 - i) & 0x80000000u;
        t.psi[i] = negated(t.psi[i], flip);
        if constexpr (kBackward) t.lam[i] = negated(t.lam[i], flip);
      }
    }
  }

  template <int J>
  QJAX_DEVICE void real(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Real* m = at(t, op[1]);
      if constexpr (kBackward) {
        apply_real<J>(t.psi, m[0], m[4], m[2], m[6]);
        apply_real<J>(t.lam, m[0], m[4], m[2], m[6]);
      } else {
        apply_real<J>(t.psi, m[0], m[2], m[4], m[6]);
      }
    }
  }

  // The entries of a matrix on one or two bits. `swapped` says that it has the higher bit first.
  template <int kSize>
  struct Entries {
    C m[kSize * kSize];
    QJAX_DEVICE Entries(const Real* from, bool swapped) {
      if (swapped) {
        QJAX_UNROLL
        for (int k = 0; k < kSize * kSize; ++k) m[k] = entry(from, (k & 5) << 1 | (k & 10) >> 1);
      } else {
        QJAX_UNROLL
        for (int k = 0; k < kSize * kSize; ++k) m[k] = entry(from, k);
      }
    }
    QJAX_DEVICE static void exchanged(C& a, C& b) {
      const C kept = a;
      a = b;
      b = kept;
    }
    QJAX_DEVICE void transpose() {
      QJAX_UNROLL
      for (int k = 0; k < kSize * kSize; ++k) {
        const int other = k % kSize * kSize + k / kSize;
        if (k < other) exchanged(m[k], m[other]);
      }
    }
    QJAX_DEVICE void conjugate() {
      QJAX_UNROLL
      for (int k = 0; k < kSize * kSize; ++k) m[k].im = -m[k].im;
    }
  };

  // Has no sums, if a matrix does not act.
  template <int Count>
  QJAX_DEVICE static void no_parts(Thread& t) {
    if constexpr (kBackward) {
      QJAX_UNROLL
      for (int k = 0; k < Count; ++k) t.part[k] = 0;
    }
  }

  template <int J>
  QJAX_DEVICE void matrix(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      if (acts(op + 3, me)) {
        Entries<2> e(at(t, op[1]), false);
        if constexpr (kBackward) {
          e.transpose();
          e.conjugate();
          apply_matrix<J>(t.psi, e.m);
          QJAX_UNROLL
          for (int k = 0; k < 4; ++k) {
            C total = {0, 0};
            QJAX_UNROLL
            for (int i = 0; i < N; ++i) {
              if (i >> J & 1) continue;
              total = add_times(total, t.lam[i | (k >> 1) << J], t.psi[i | (k & 1) << J]);
            }
            t.part[2 * k] = total.re;
            t.part[2 * k + 1] = -total.im;
          }
          e.conjugate();
          apply_matrix<J>(t.lam, e.m);
        } else {
          apply_matrix<J>(t.psi, e.m);
        }
      } else {
        no_parts<8>(t);
      }
    }
    want(8, op[2]);
  }

  template <int J>
  QJAX_DEVICE void flip(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const u32 on = acts(op + 1, me) ? static_cast<u32>(op[5]) : 0;
      apply_flip<J>(t.psi, on);
      if constexpr (kBackward) apply_flip<J>(t.lam, on);
    }
  }

  template <int A, int D>
  QJAX_DEVICE void dense2(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      if (acts(op + 3, me)) {
        Entries<4> e(at(t, op[1]), op[7] != 0);
        if constexpr (kBackward) {
          e.transpose();
          e.conjugate();
          apply_matrix2<A, D>(t.psi, e.m);
          QJAX_UNROLL
          for (int k = 0; k < 16; ++k) {
            const int row = (k >> 2 & 1) << A | k >> 3 << D, col = (k & 1) << A | (k >> 1 & 1) << D;
            C total = {0, 0};
            QJAX_UNROLL
            for (int i = 0; i < N; ++i) {
              if (i & (1 << A | 1 << D)) continue;
              total = add_times(total, t.lam[i | row], t.psi[i | col]);
            }
            t.part[2 * k] = total.re;
            t.part[2 * k + 1] = -total.im;
          }
          e.conjugate();
          apply_matrix2<A, D>(t.lam, e.m);
        } else {
          apply_matrix2<A, D>(t.psi, e.m);
        }
      } else {
        no_parts<32>(t);
      }
    }
    want(32, op[2]);
  }

  template <int X>
  QJAX_DEVICE void rotation(const int* op) {
    const bool alone = op[3] == 0 && op[5] == 0;
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const bool on = acts(op + 3, me);
      const Real* m = at(t, op[1]);
      const int y = op[7] & 3;
      const bool odd = parity(own(me) & op[8]) ^ parity(outer_ & op[9]) ^ (y < 2);
      const Turn<Real> turn = {on ? m[0] : Real(1), on ? m[1] : Real(0), (y & 1) != 0,
                               static_cast<u32>(op[10]) ^ (odd ? ~0u : 0)};
      if constexpr (kBackward) {
        Real g = 0, r = 0;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          g += turn.slope(i, t.lam[i], t.psi[i ^ X]);
          r += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
        }
        turn_parts(t, m[0], m[1], on ? g : Real(0), on ? r : Real(0), alone);
        apply_turn<X>(t.psi, turn.back());
        apply_turn<X>(t.lam, turn.transposed());
      } else {
        apply_turn<X>(t.psi, turn);
      }
    }
    want(alone ? 1 : 2, op[2]);
  }

  // --- diagonals ----------------------------------------------------------------------------------

  // The values of a factor where its pattern is 0 and 1.
  QJAX_DEVICE Pair factor(const int* f, u32 me) const {
    if (!acts(f + 4, me)) return {{1, 0}, {1, 0}};
    const Real* m = at(threads_[me], f[3]);
    if (f[0] == kScalar) return {{1, 0}, {m[0], m[1]}};
    const C zero = {m[0], f[0] == kAngle ? -m[1] : m[1]};
    const C one = f[0] == kAngle ? C{m[0], m[1]} : C{m[2], m[3]};
    return odd(f, me) ? Pair{one, zero} : Pair{zero, one};
  }

  QJAX_DEVICE bool odd(const int* f, u32 me) const {
    return parity(own(me) & f[1]) ^ parity(outer_ & f[2]);
  }

  QJAX_DEVICE void phases(const int* op) {
    const int count = op[1];
    const u32 pattern = static_cast<u32>(op[2]);
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      C zero = {1, 0}, one = {1, 0};
      QJAX_ROLLED
      for (int k = 0; k < count; ++k) {
        const Pair d = factor(op + 3 + k * kFactorWords, me);
        zero = times(zero, d.zero);
        one = times(one, d.one);
      }
      if (pattern == 0) {
        t.scale = kBackward ? conj_times(zero, t.scale) : times(zero, t.scale);
      } else {
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const C d = pattern >> i & 1 ? one : zero;
          t.psi[i] = kBackward ? conj_times(d, t.psi[i]) : times(d, t.psi[i]);
          if constexpr (kBackward) t.lam[i] = times(d, t.lam[i]);
        }
      }
    }
  }

  // lam psi does not change along diagonals, so the cotangent of one of them, which is lam psi of its
  // output and input side, is lam psi / d, |d| = 1.
  QJAX_DEVICE void factor_sum(const int* op) {
    const u32 pattern = static_cast<u32>(op[2]);
    const int* f = op + 3;
    const bool alone = f[0] == kAngle && f[4] == 0 && f[6] == 0;
    if constexpr (kBackward) {
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        C zero = {0, 0}, one = {0, 0};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const C product = times(t.lam[i], t.psi[i]);
          const bool up = pattern >> i & 1;
          zero = plus(zero, up ? C{0, 0} : product);
          one = plus(one, up ? product : C{0, 0});
        }
        const Pair d = factor(f, me);
        const bool turned = f[0] != kScalar && odd(f, me), on = acts(f + 4, me);
        C first = alone ? zero : conj_times(d.zero, zero);
        C second = alone ? one : conj_times(d.one, one);
        if (!on) first = second = C{0, 0};
        const C low = turned ? second : first, high = turned ? first : second;
        if (f[0] == kAngle) {
          t.part[0] = alone ? low.im - high.im : low.re + high.re;
          t.part[1] = low.im - high.im;
        } else {
          t.part[0] = f[0] == kScalar ? high.re : low.re;
          t.part[1] = f[0] == kScalar ? -high.im : -low.im;
        }
        t.part[2] = high.re;
        t.part[3] = -high.im;
      }
    }
    want(alone ? 1 : f[0] == kPair ? 4 : 2, op[1]);
  }

  // The index into a diagonal, without the bits of the register.
  QJAX_DEVICE u32 table_index(const int* places, int count, u32 me) const {
    u32 out = 0;
    for (int b = 0; b < count; ++b) {
      const int place = places[2 * b];
      const u32 bit = place < 32 ? own(me) >> place & 1 : outer_ >> (place - 32) & 1;
      out |= bit << places[2 * b + 1];
    }
    return out;
  }

  QJAX_DEVICE void table(const int* op) {
    QJAX_EACH(block_, me) {
      Thread& t = threads_[me];
      const Real* m = at(t, op[1]);
      const u32 on = acts(op + 3, me) ? static_cast<u32>(op[7]) : 0;
      const u32 first = table_index(op + 9 + B, op[8 + B], me);
      const auto share = RegisterColumns<B>::from(op + 8);
      QJAX_UNROLL
      for (int i = 0; i < N; ++i) {
        const C value = entry(m, first ^ share(i));
        const C d = on >> i & 1 ? value : C{1, 0};
        if constexpr (kBackward) {
          t.psi[i] = conj_times(d, t.psi[i]);
          t.lam[i] = times(d, t.lam[i]);
        } else {
          t.psi[i] = times(d, t.psi[i]);
        }
      }
    }
  }

  QJAX_DEVICE void table_sum(const int* op) {
    const int* table = op + 1;  // where kTable's words stand, from [1] on
    const int count = table[8 + B];
    const int* places = table + 9 + B;
    u32 e = static_cast<u32>(op[1]);
    for (int b = 0; b < count; ++b) {
      const int place = places[2 * b];
      if (place >= 32) e |= (outer_ >> (place - 32) & 1) << places[2 * b + 1];
    }
    if constexpr (kBackward) {
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        const u32 on = acts(table + 3, me) ? static_cast<u32>(table[7]) : 0;
        const u32 first = table_index(places, count, me);
        const auto share = RegisterColumns<B>::from(table + 8);
        C total = {0, 0};
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) {
          const bool here = (on >> i & 1) && (first ^ share(i)) == e;
          total = plus(total, here ? times(t.lam[i], t.psi[i]) : C{0, 0});
        }
        const C value = conj_times(entry(at(t, table[1]), e), total);
        t.part[0] = value.re;
        t.part[1] = -value.im;
      }
    }
    want(2, table[2] + 2 * static_cast<int>(e));
  }

  QJAX_DEVICE void overlap(const int* op) {
    if constexpr (kBackward) {
      QJAX_EACH(block_, me) {
        Thread& t = threads_[me];
        Real total = 0;
        QJAX_UNROLL
        for (int i = 0; i < N; ++i) total += t.lam[i].re * t.psi[i].re - t.lam[i].im * t.psi[i].im;
        t.part[0] = total;
      }
    }
    want(1, op[1]);
  }

  // --- the interpreter ----------------------------------------------------------------------------

  // Runs the ops from a word of the tape on.
  QJAX_DEVICE void ops(int at) {
    Words4 words = four_words(args_.tape + at);
    QJAX_ROLLED
    for (;;) {
      const int next = at + (words.of[0] >> 8), code = words.of[0] & 0xff;
      // What circuits have most comes first; the next op is asked for while it runs.
      if (code == kTurns) {
        const Words4 ahead = four_words(args_.tape + next);
        turns(args_.tape + at, words);
        words = ahead;
      } else if (code == kExchange) {
        const Words4 ahead = four_words(args_.tape + next);
        exchange(args_.tape + at, words);
        words = ahead;
      } else {
        if (code == kEnd) return;
        other(code, args_.tape + at);
        words = four_words(args_.tape + next);
      }
      at = next;
    }
  }

  QJAX_DEVICE void other(int code, const int* op) {
    count_ = 0;
    if constexpr (!kPlain) {
      if (code <= kTensor) {
        put(op + op[1]);
        far_op(code, op);
      } else {
        near_op(code, op);
      }
    } else {
      plain_op(code, op);
    }
    if (kBackward && count_ > 0) add_parts();
  }

  QJAX_DEVICE void far_op(int code, const int* op) {
    switch (code) {
      case kRotationFar: rotation_far(op); break;
      case kDenseFar: dense_far(op); break;
      case kPermuteFar: permute_far(op); break;
      case kTableSumFar:
        if constexpr (kBackward) table_sum_far(op);
        break;
      case kTensor:
        if constexpr (B >= 3) tensor(op);
        break;
      default: break;
    }
  }

  // Ops on registers that most circuits are made of.
  QJAX_DEVICE void plain_op(int code, const int* op) {
#define QJAX_ON_BIT(first, J, name)                       \
  case first + J:                                         \
    if constexpr (J < B) name<(J < B ? J : 0)>(op);       \
    break;
#define QJAX_ON_BITS(first, name)                                     \
  QJAX_ON_BIT(first, 0, name) QJAX_ON_BIT(first, 1, name)             \
  QJAX_ON_BIT(first, 2, name) QJAX_ON_BIT(first, 3, name)             \
  QJAX_ON_BIT(first, 4, name)
#define QJAX_DENSE2(k, A, D)                                          \
  case kDense2 + k:                                                   \
    if constexpr (D < B) dense2<(D < B ? A : 0), (D < B ? D : 1)>(op); \
    break;
    switch (code) {
      case kSettle: settle(); break;
      case kPrepare: prepare(op); break;
      case kSigns: signs(op); break;
      QJAX_ON_BITS(kReal, real)
      QJAX_ON_BITS(kMatrix, matrix)
      QJAX_ON_BITS(kFlip, flip)
      QJAX_DENSE2(0, 0, 1) QJAX_DENSE2(1, 0, 2) QJAX_DENSE2(2, 1, 2)
      QJAX_DENSE2(3, 0, 3) QJAX_DENSE2(4, 1, 3) QJAX_DENSE2(5, 2, 3)
      QJAX_DENSE2(6, 0, 4) QJAX_DENSE2(7, 1, 4) QJAX_DENSE2(8, 2, 4) QJAX_DENSE2(9, 3, 4)
      case kPhases: phases(op); break;
      case kFactorSum:
        if constexpr (kBackward) factor_sum(op);
        break;
      case kOverlap:
        if constexpr (kBackward) overlap(op);
        break;
      default: break;
    }
#undef QJAX_ON_BIT
#undef QJAX_ON_BITS
#undef QJAX_DENSE2
  }

  QJAX_DEVICE void near_op(int code, const int* op) {
#define QJAX_ROTATION(X)                                              \
  case kRotation + X:                                                 \
    if constexpr (X < N) rotation<(X < N ? X : 1)>(op);               \
    break;
    switch (code) {
      QJAX_ROTATION(1) QJAX_ROTATION(2) QJAX_ROTATION(3) QJAX_ROTATION(4) QJAX_ROTATION(5)
      QJAX_ROTATION(6) QJAX_ROTATION(7) QJAX_ROTATION(8) QJAX_ROTATION(9) QJAX_ROTATION(10)
      QJAX_ROTATION(11) QJAX_ROTATION(12) QJAX_ROTATION(13) QJAX_ROTATION(14) QJAX_ROTATION(15)
      QJAX_ROTATION(16) QJAX_ROTATION(17) QJAX_ROTATION(18) QJAX_ROTATION(19) QJAX_ROTATION(20)
      QJAX_ROTATION(21) QJAX_ROTATION(22) QJAX_ROTATION(23) QJAX_ROTATION(24) QJAX_ROTATION(25)
      QJAX_ROTATION(26) QJAX_ROTATION(27) QJAX_ROTATION(28) QJAX_ROTATION(29) QJAX_ROTATION(30)
      QJAX_ROTATION(31)
      case kTable: table(op); break;
      case kTableSum:
        if constexpr (kBackward) table_sum(op);
        break;
      default: plain_op(code, op); break;
    }
#undef QJAX_ROTATION
  }

  const Block& block_;
  const SweepArgs& args_;
  mutable PerThread<Thread> threads_;
  i64 part_ = 0;
  u32 outer_ = 0;
  int count_ = 0, sum_ = 0;
  const int* prepared_ = nullptr;  // the latest op kPrepare for these samples
};

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_SWEEP_CUH_
