// Runs a tape: sweeps over tiles, forward and backward. Compiled once per instruction set.

#include "sweep.h"

#include "dense.h"
#include "moves.h"
#include "phases.h"
#include "rotation.h"
#include "singles.h"
#include "tape.h"
#include "tile.h"

namespace qjax {
namespace QJAX_ISA {
namespace {

const char kNoMemory[] = "qjax: not enough memory for the working space of a tile.";
const char kBadTape[] = "qjax: the tape does not fit this library.";

enum Slot : int { kTileSlot = 0, kSumSlot = 1, kNumberSlot = 2 };  // of scratch; others in headers

constexpr int kPackedQubits = 8;  // up to so many, batches are packed
constexpr int kMaxParts = 64;     // into which a sweep over one state is divided
constexpr int64_t kSumBytes = int64_t{256} << 20;  // most memory of partial sums
constexpr double kInlineWork = 1 << 19;  // amplitudes times steps below which one thread does all

// Words of the tape, named.
struct SweepView {
  const int32_t* words;
  int tile_bits, outer_bits;

  int steps() const { return words[kSteps]; }
  int run() const { return words[kRun]; }
  int sums() const { return words[kSums]; }
  const int32_t* tile() const { return words + kSweepHeader; }
  const int32_t* outer() const { return tile() + tile_bits; }
  int32_t step(int k) const { return outer()[outer_bits + k]; }
};

struct TapeView {
  const int32_t* tape;

  int qubits() const { return tape[kQubits]; }
  int tile_bits() const { return tape[kTileBits]; }
  int outer_bits() const { return qubits() - tile_bits(); }
  int sweeps() const { return tape[kSweeps]; }
  SweepView sweep(int s) const {
    return {tape + tape[kHeader + s], tile_bits(), outer_bits()};
  }
};

// --- between memory and a tile --------------------------------------------------------------------

// The rows of a tile: runs of consecutive amplitudes.
struct Rows {
  int run;        // log2 of a row's length
  int64_t base;   // offset of the first row
  int64_t mask;   // the bits by which offsets of rows differ
  int64_t count;

  Rows(const SweepView& sweep, int64_t outer_index) {
    run = sweep.run();
    count = int64_t{1} << (sweep.tile_bits - run);
    mask = 0;
    for (int b = run; b < sweep.tile_bits; ++b) mask |= int64_t{1} << sweep.tile()[b];
    base = 0;
    for (int o = 0; o < sweep.outer_bits; ++o) {
      if (outer_index >> o & 1) base |= int64_t{1} << sweep.outer()[o];
    }
  }

  // Counts through the bits of the mask.
  int64_t after(int64_t place) const { return ((place | ~mask) + 1) & mask; }
};

// Calls body(row, offset) for each row. Rows lie apart, where the processor does not foresee them,
// so each is asked for some rows ahead; it foresees long ones by itself.
template <class R, int kWrite, class Body>
QJAX_INLINE void each_row(const Rows& rows, const R* state, const Body& body) {
  constexpr int64_t kAhead = 12, kLong = 4096;
  const int64_t bytes = 2 * sizeof(R) << rows.run;
  int64_t place = 0, ahead = 0;
  for (int k = 0; k < kAhead; ++k) ahead = rows.after(ahead);
  for (int64_t row = 0; row < rows.count; ++row) {
    if (bytes < kLong && row + kAhead < rows.count) {
      const char* next = reinterpret_cast<const char*>(state + 2 * (rows.base | ahead));
      for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(next + b, kWrite);
      ahead = rows.after(ahead);
    }
    body(row, rows.base | place);
    place = rows.after(place);
  }
}

template <class R>
void load_tile(const Tile<R, false>& tile, const Rows& rows, const R* state) {
  R* const re = reinterpret_cast<R*>(tile.re);
  R* const im = reinterpret_cast<R*>(tile.im);
  const int64_t length = int64_t{1} << rows.run;
  constexpr int W = kLanes<R>;
  each_row<R, 0>(rows, state, [&](int64_t row, int64_t offset) QJAX_BODY {
    const R* from = state + 2 * offset;
    R* const x = re + row * length;
    R* const y = im + row * length;
    if (length >= W) {
      for (int64_t i = 0; i < length; i += W) {
        Vec<R> a, b;
        split<R>(load_any<R>(from + 2 * i), load_any<R>(from + 2 * i + W), &a, &b);
        store<R>(x + i, a);
        store<R>(y + i, b);
      }
    } else {
      for (int64_t i = 0; i < length; ++i) {
        x[i] = from[2 * i];
        y[i] = from[2 * i + 1];
      }
    }
  });
}

template <class R>
void store_tile(const Tile<R, false>& tile, const Rows& rows, R* state) {
  const R* const re = reinterpret_cast<const R*>(tile.re);
  const R* const im = reinterpret_cast<const R*>(tile.im);
  const int64_t length = int64_t{1} << rows.run;
  constexpr int W = kLanes<R>;
  each_row<R, 1>(rows, state, [&](int64_t row, int64_t offset) QJAX_BODY {
    R* const to = state + 2 * offset;
    const R* const x = re + row * length;
    const R* const y = im + row * length;
    if (length >= W) {
      for (int64_t i = 0; i < length; i += W) {
        Vec<R> a, b;
        join<R>(load<R>(x + i), load<R>(y + i), &a, &b);
        store_any<R>(to + 2 * i, a);
        store_any<R>(to + 2 * i + W, b);
      }
    } else {
      for (int64_t i = 0; i < length; ++i) {
        to[2 * i] = x[i];
        to[2 * i + 1] = y[i];
      }
    }
  });
}

// Lane l of vector j is amplitude j of sample first + l, or 0 if there is no such sample.
template <class R>
void load_pack(const Tile<R, true>& tile, const R* states, int64_t stride, int64_t lanes) {
  const int64_t size = int64_t{1} << tile.bits;
  R* const re = reinterpret_cast<R*>(tile.re);
  R* const im = reinterpret_cast<R*>(tile.im);
  if (lanes < kLanes<R>) {
    memset(re, 0, size * sizeof(Vec<R>));
    memset(im, 0, size * sizeof(Vec<R>));
  }
  for (int l = 0; l < lanes; ++l) {
    const R* from = states + 2 * stride * l;
    for (int64_t j = 0; j < size; ++j) {
      re[j * kLanes<R> + l] = from[2 * j];
      im[j * kLanes<R> + l] = from[2 * j + 1];
    }
  }
}

template <class R>
void store_pack(const Tile<R, true>& tile, R* states, int64_t lanes) {
  const int64_t size = int64_t{1} << tile.bits;
  const R* const re = reinterpret_cast<const R*>(tile.re);
  const R* const im = reinterpret_cast<const R*>(tile.im);
  for (int l = 0; l < lanes; ++l) {
    R* to = states + 2 * size * l;
    for (int64_t j = 0; j < size; ++j) {
      to[2 * j] = re[j * kLanes<R> + l];
      to[2 * j + 1] = im[j * kLanes<R> + l];
    }
  }
}

// --- steps ----------------------------------------------------------------------------------------

template <class R, bool P>
bool forward_steps(Tile<R, P>& tile, const int32_t* tape, const SweepView& sweep,
                   const Numbers<R, P>& numbers) {
  for (int k = 0; k < sweep.steps(); ++k) {
    const int32_t* step = tape + sweep.step(k);
    bool ok = true;
    switch (step[0]) {
      case kSingles: forward_singles<R, P>(tile, step, numbers); break;
      case kRotation: forward_rotation<R, P>(tile, step, numbers); break;
      case kDense: ok = forward_dense<R, P>(tile, step, numbers); break;
      case kPhases: ok = forward_phases<R, P>(tile, tape, step, numbers); break;
      case kPhase: forward_phase<R, P>(tile, tape + step[1], numbers); break;
      case kAffine: affine<R, P>(tile, step + 1, sweep.outer_bits); break;
      case kFlip: flip<R, P>(tile, step); break;
      case kPermute: permute_table<R, P>(tile, step, false); break;
      default: ok = false;
    }
    if (!ok) return false;
  }
  return true;
}

template <class R, bool P>
bool backward_steps(Tile<R, P>& psi, Tile<R, P>& lam, const int32_t* tape, const SweepView& sweep,
                    const Numbers<R, P>& numbers, const Sums<R, P>& sums) {
  for (int k = sweep.steps() - 1; k >= 0; --k) {
    const int32_t* step = tape + sweep.step(k);
    bool ok = true;
    switch (step[0]) {
      case kSingles: backward_singles<R, P>(psi, lam, step, numbers, sums); break;
      case kRotation: backward_rotation<R, P>(psi, lam, step, numbers, sums); break;
      case kDense: ok = backward_dense<R, P>(psi, lam, step, numbers, sums); break;
      case kPhases: ok = backward_phases<R, P>(psi, lam, tape, step, numbers, sums); break;
      case kPhase: backward_phase<R, P>(psi, lam, tape + step[1], numbers, sums); break;
      case kAffine: {
        const int32_t* inverse = step + 2 + sweep.tile_bits + sweep.outer_bits;
        affine<R, P>(psi, inverse, sweep.outer_bits);
        affine<R, P>(lam, inverse, sweep.outer_bits);
        break;
      }
      case kFlip:
        flip<R, P>(psi, step);
        flip<R, P>(lam, step);
        break;
      case kPermute:
        permute_table<R, P>(psi, step, true);
        permute_table<R, P>(lam, step, true);
        break;
      default: ok = false;
    }
    if (!ok) return false;
  }
  return true;
}

// Real part of the sum of lam[j] psi[j].
template <class R, bool P>
void overlap(const Tile<R, P>& psi, const Tile<R, P>& lam, const Sums<R, P>& sums, int at) {
  Vec<R> total = splat<R>(0);
  for (uint32_t v = 0; v < psi.vectors(); ++v) {
    total += lam.re[v] * psi.re[v] - lam.im[v] * psi.im[v];
  }
  sums.add(at, total);
}

// --- the division of the work ---------------------------------------------------------------------

// A unit is one sample, or a pack of W of them. Large states are divided into parts of equally many
// tiles; small ones are taken several units at a time. The division does not depend on the number
// of threads, so neither does any sum.
struct Division {
  int64_t units, tiles;      // tiles per unit
  int64_t parts;             // of the tiles of one unit
  int64_t group;             // units per item
  int64_t items() const { return parts > 1 ? units * parts : (units + group - 1) / group; }

  Division(int64_t units_, int64_t tiles_, int64_t max_items) : units(units_), tiles(tiles_) {
    parts = group = 1;
    if (tiles > 1) {
      while (parts < tiles && parts < kMaxParts && 2 * parts * units <= max_items) parts *= 2;
      if (parts == 1 && units > max_items) group = (units + max_items - 1) / max_items;
    } else {
      const int64_t most = max_items < kMaxParts ? max_items : kMaxParts;
      group = (units + most - 1) / most;
    }
  }
};

template <class R, bool P>
struct Run {
  TapeView tape;
  const R* numbers;
  int64_t number_rows, num_numbers;
  const R* constants;
  int64_t batch, size;  // samples, amplitudes of each
  bool failed = false;

  static constexpr int kPack = P ? kLanes<R> : 1;  // samples of a unit
  int64_t units() const { return (batch + kPack - 1) / kPack; }

  // Buffers for `count` tiles and a spare one. False if there is no memory.
  bool buffers(int count, Tile<R, P>* tiles, Buffers<R>* spare) const {
    const int bits = tape.tile_bits();
    const size_t vectors = size_t{1} << (bits - Tile<R, P>::kLane);
    // A line more per array keeps arrays from falling on the same sets of the cache.
    const size_t padded = vectors + 128 / sizeof(Vec<R>) + 1;
    Vec<R>* memory = static_cast<Vec<R>*>(
        scratch(kTileSlot, 2 * (count + 1) * padded * sizeof(Vec<R>)));
    if (memory == nullptr) return false;
    for (int c = 0; c < count; ++c) {
      tiles[c].bits = bits;
      tiles[c].spare = spare;
      tiles[c].re = memory + (2 * c) * padded;
      tiles[c].im = memory + (2 * c + 1) * padded;
    }
    spare->re = memory + (2 * count) * padded;
    spare->im = memory + (2 * count + 1) * padded;
    return true;
  }

  // The numbers of a unit; for packs a transposed copy. False if there is no memory.
  bool numbers_of(int64_t unit, Numbers<R, P>* out) const {
    out->constants = constants;
    if constexpr (!P) {
      out->numbers = numbers + (number_rows == 1 ? 0 : unit * num_numbers);
      return true;
    } else {
      constexpr int W = kLanes<R>;
      R* copy = static_cast<R*>(scratch(kNumberSlot, (num_numbers + 1) * W * sizeof(R)));
      if (copy == nullptr) return false;
      for (int l = 0; l < W; ++l) {
        const int64_t sample = unit * W + l < batch ? unit * W + l : batch - 1;
        const R* from = numbers + (number_rows == 1 ? 0 : sample * num_numbers);
        for (int64_t i = 0; i < num_numbers; ++i) copy[i * W + l] = from[i];
      }
      out->numbers = copy;
      return true;
    }
  }
};

template <class R, bool P>
int threads_for(const Run<R, P>& run, const Pool& pool) {
  double steps = 1;
  for (int s = 0; s < run.tape.sweeps(); ++s) steps += run.tape.sweep(s).steps();
  const double work = static_cast<double>(run.batch) * static_cast<double>(run.size) * steps;
  return work < kInlineWork ? 1 : allowed_threads(pool);
}

// --- forward --------------------------------------------------------------------------------------

template <class R, bool P>
struct Forward : Run<R, P> {
  const R* in;
  int64_t in_stride;  // amplitudes between samples; 0 if they share one
  R* out;
  Division division{1, 1, 1};

  static int64_t items(void* self, int) { return static_cast<Forward*>(self)->division.items(); }

  static void body(void* self, int phase, int64_t item) {
    Forward* f = static_cast<Forward*>(self);
    if (!f->one(phase, item)) f->failed = true;
  }

  bool one(int phase, int64_t item) {
    const SweepView sweep = this->tape.sweep(phase);
    Tile<R, P> tile;
    Buffers<R> spare;
    if (!this->buffers(1, &tile, &spare)) return false;
    const int64_t parts = division.parts;
    const int64_t first = parts > 1 ? item / parts : item * division.group;
    const int64_t last = parts > 1 ? first + 1 : min(first + division.group, division.units);
    const int64_t tiles = division.tiles / parts;
    const int64_t start = parts > 1 ? item % parts * tiles : 0;
    for (int64_t unit = first; unit < last; ++unit) {
      Numbers<R, P> numbers;
      if (!this->numbers_of(unit, &numbers)) return false;
      const int64_t sample = unit * this->kPack;
      const bool fresh = phase == 0;
      const R* from = fresh ? in + 2 * in_stride * sample : out + 2 * this->size * sample;
      R* to = out + 2 * this->size * sample;
      if constexpr (P) {
        const int64_t lanes = min(kLanes<R>, this->batch - sample);
        tile.outer = 0;
        load_pack<R>(tile, from, fresh ? in_stride : this->size, lanes);
        if (!forward_steps<R, P>(tile, this->tape.tape, sweep, numbers)) return false;
        store_pack<R>(tile, to, lanes);
      } else {
        for (int64_t t = start; t < start + tiles; ++t) {
          const Rows rows(sweep, t);
          tile.outer = static_cast<uint32_t>(t);
          load_tile<R>(tile, rows, from);
          if (!forward_steps<R, P>(tile, this->tape.tape, sweep, numbers)) return false;
          store_tile<R>(tile, rows, to);
        }
      }
    }
    return true;
  }

  static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
};

template <class R, bool P>
const char* run_forward(Pool& pool, const ApplyArgs& args) {
  Forward<R, P> f;
  f.tape = {args.tape};
  f.size = int64_t{1} << f.tape.qubits();
  f.batch = args.batch;
  f.numbers = static_cast<const R*>(args.numbers);
  f.number_rows = args.number_rows;
  f.num_numbers = args.tape[kNumbers];
  f.constants = static_cast<const R*>(args.constants);
  f.in = static_cast<const R*>(args.state);
  f.in_stride = args.state_rows == 1 ? 0 : f.size;
  f.out = static_cast<R*>(args.out);
  f.division = Division(f.units(), int64_t{1} << f.tape.outer_bits(), int64_t{1} << 20);
  const Work work = {&f, f.tape.sweeps(), &Forward<R, P>::items, &Forward<R, P>::body, nullptr};
  run(pool, work, threads_for(f, pool));
  return f.failed ? kNoMemory : nullptr;
}

// Whether samples go to the lanes: states too small to fill a vector, or small ones in a batch.
template <class R>
bool packed(const TapeView& tape, int64_t batch) {
  if (tape.tile_bits() != tape.qubits()) return false;
  if (tape.qubits() < kLaneBits<R>) return true;
  return tape.qubits() <= kPackedQubits && batch >= kLanes<R> / 2;
}

template <class R>
const char* apply(Pool& pool, const ApplyArgs& args) {
  if (args.tape[kVersion] != kTapeVersion) return kBadTape;
  return packed<R>({args.tape}, args.batch) ? run_forward<R, true>(pool, args)
                                            : run_forward<R, false>(pool, args);
}

// --- backward -------------------------------------------------------------------------------------

template <class R, bool P>
struct Backward : Run<R, P> {
  const R* out;
  const R* cotangent;
  int64_t out_stride, cotangent_stride;
  R* psi;
  R* lam;
  R* by_numbers;
  Division division{1, 1, 1};
  // partial[item * stride + i]: sums of an item; the last one is the overlap Re sum lam psi.
  double* partial;
  int64_t stride;
  // overlaps[sample]: of the whole run, kept from the first phase.
  double* overlaps;

  bool separate() const { return this->number_rows != 1; }  // a cotangent per sample
  int sweep_of(int phase) const { return this->tape.sweeps() - 1 - phase; }
  static constexpr int kWidth = Sums<R, P>::kWidth;

  static int64_t items(void* self, int) { return static_cast<Backward*>(self)->division.items(); }

  static void body(void* self, int phase, int64_t item) {
    Backward* b = static_cast<Backward*>(self);
    if (!b->one(phase, item)) b->failed = true;
  }

  static void finish(void* self, int phase) { static_cast<Backward*>(self)->gather(phase); }

  bool one(int phase, int64_t item) {
    const SweepView sweep = this->tape.sweep(sweep_of(phase));
    Tile<R, P> tiles[2];
    Buffers<R> spare;
    if (!this->buffers(2, tiles, &spare)) return false;
    const int64_t parts = division.parts;
    const int64_t first = parts > 1 ? item / parts : item * division.group;
    const int64_t last = parts > 1 ? first + 1 : min(first + division.group, division.units);
    const int64_t count = division.tiles / parts;
    const int64_t start = parts > 1 ? item % parts * count : 0;
    double* const own = partial + item * stride;
    const int num_sums = sweep.sums();
    const auto clear = [&] {
      for (int64_t i = 0; i < (num_sums + 1) * kWidth; ++i) own[i] = 0;
    };
    clear();
    const Sums<R, P> sums = {own};
    for (int64_t unit = first; unit < last; ++unit) {
      Numbers<R, P> numbers;
      if (!this->numbers_of(unit, &numbers)) return false;
      const int64_t sample = unit * this->kPack;
      const bool fresh = phase == 0;
      R* const p = psi + 2 * this->size * sample;
      R* const l = lam + 2 * this->size * sample;
      const R* from_p = fresh ? out + 2 * out_stride * sample : p;
      const R* from_l = fresh ? cotangent + 2 * cotangent_stride * sample : l;
      if constexpr (P) {
        const int64_t lanes = min(kLanes<R>, this->batch - sample);
        tiles[0].outer = tiles[1].outer = 0;
        load_pack<R>(tiles[0], from_p, fresh ? out_stride : this->size, lanes);
        load_pack<R>(tiles[1], from_l, fresh ? cotangent_stride : this->size, lanes);
        if (fresh) overlap<R, P>(tiles[0], tiles[1], sums, num_sums);
        if (!backward_steps<R, P>(tiles[0], tiles[1], this->tape.tape, sweep, numbers, sums)) {
          return false;
        }
        store_pack<R>(tiles[0], p, lanes);
        store_pack<R>(tiles[1], l, lanes);
      } else {
        for (int64_t t = start; t < start + count; ++t) {
          const Rows rows(sweep, t);
          tiles[0].outer = tiles[1].outer = static_cast<uint32_t>(t);
          load_tile<R>(tiles[0], rows, from_p);
          load_tile<R>(tiles[1], rows, from_l);
          if (fresh) overlap<R, P>(tiles[0], tiles[1], sums, num_sums);
          if (!backward_steps<R, P>(tiles[0], tiles[1], this->tape.tape, sweep, numbers, sums)) {
            return false;
          }
          store_tile<R>(tiles[0], rows, p);
          store_tile<R>(tiles[1], rows, l);
        }
      }
      if (separate() && parts == 1) {
        for (int64_t w = 0; w < this->kPack && sample + w < this->batch; ++w) {
          if (fresh) overlaps[sample + w] = own[num_sums * kWidth + w];
          emit(sweep, sample + w, overlaps[sample + w], own + w, kWidth);
        }
        clear();
      }
    }
    return true;
  }

  // Adds up the sums of the items, always in the same order, and writes cotangents of numbers.
  void gather(int phase) {
    if (separate() && division.parts == 1) return;
    const SweepView sweep = this->tape.sweep(sweep_of(phase));
    const int64_t count = sweep.sums() + 1;
    if (!separate()) {
      add_up(0, division.items(), count);
      emit_total(sweep, phase, 0);
      return;
    }
    for (int64_t unit = 0; unit < division.units; ++unit) {
      add_up(unit * division.parts, division.parts, count);
      emit_total(sweep, phase, unit);
    }
  }

  // Pairwise sums over the items first, ..., first + number - 1, into the first.
  void add_up(int64_t first, int64_t number, int64_t count) {
    for (int64_t step = 1; step < number; step *= 2) {
      for (int64_t i = 0; i + step < number; i += 2 * step) {
        double* to = partial + (first + i) * stride;
        const double* from = partial + (first + i + step) * stride;
        for (int64_t k = 0; k < count * kWidth; ++k) to[k] += from[k];
      }
    }
    // Packed sums of a shared number: over the lanes that are samples.
    if constexpr (P) {
      double* to = partial + first * stride;
      for (int64_t k = 0; k < count; ++k) {
        double total = 0;
        for (int l = 0; l < kWidth; ++l) total += to[k * kWidth + l];
        to[k] = total;
      }
    }
  }

  void emit_total(const SweepView& sweep, int phase, int64_t sample) {
    const double* own = partial + (P ? 0 : sample * division.parts * stride);
    if (phase == 0) overlaps[sample] = own[sweep.sums()];
    emit(sweep, sample, overlaps[sample], own, 1);
  }

  void emit(const SweepView& sweep, int64_t sample, double whole, const double* sums, int width) {
    const int64_t row = separate() ? sample : 0;
    R* const to = by_numbers + row * this->num_numbers;
    const R* const numbers = this->numbers + row * this->num_numbers;
    const int32_t* entry = this->tape.tape + sweep.words[kEmitOffset];
    for (int e = 0; e < sweep.words[kEmits]; ++e, entry += 4) {
      const double* from = sums + static_cast<int64_t>(entry[1]) * width;
      const int64_t at = entry[2];
      if (entry[0] == kAngle) {
        const double c = numbers[at], s = numbers[at + 1], g = from[0];
        to[at] = static_cast<R>(c * whole - s * g);
        to[at + 1] = static_cast<R>(s * whole + c * g);
      } else {
        for (int64_t i = 0; i < entry[3]; ++i) to[at + i] = static_cast<R>(from[i * width]);
      }
    }
  }

  static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
};

template <class R, bool P>
const char* run_backward(Pool& pool, const AdjointArgs& args) {
  Backward<R, P> b;
  b.tape = {args.tape};
  b.size = int64_t{1} << b.tape.qubits();
  b.batch = args.batch;
  b.numbers = static_cast<const R*>(args.numbers);
  b.number_rows = args.number_rows;
  b.num_numbers = args.tape[kNumbers];
  b.constants = static_cast<const R*>(args.constants);
  b.out = static_cast<const R*>(args.out);
  b.out_stride = args.out_rows == 1 ? 0 : b.size;
  b.cotangent = static_cast<const R*>(args.cotangent);
  b.cotangent_stride = args.cotangent_rows == 1 ? 0 : b.size;
  b.psi = static_cast<R*>(args.psi);
  b.lam = static_cast<R*>(args.by_state);
  b.by_numbers = static_cast<R*>(args.by_numbers);
  int64_t most = 0;
  for (int s = 0; s < b.tape.sweeps(); ++s) {
    const int64_t sums = b.tape.sweep(s).sums();
    most = most < sums ? sums : most;
  }
  b.stride = (most + 1) * b.kWidth;
  b.stride += 8 - b.stride % 8;  // items write to lines of their own
  int64_t items = kSumBytes / (b.stride * 8);
  items = items < 1 ? 1 : items;
  b.division = Division(b.units(), int64_t{1} << b.tape.outer_bits(), items);
  const size_t doubles = b.division.items() * b.stride + b.batch;
  b.partial = static_cast<double*>(scratch(kSumSlot, doubles * sizeof(double)));
  if (b.partial == nullptr) return kNoMemory;
  b.overlaps = b.partial + b.division.items() * b.stride;
  const Work work = {&b, b.tape.sweeps(), &Backward<R, P>::items, &Backward<R, P>::body,
                     &Backward<R, P>::finish};
  run(pool, work, threads_for(b, pool));
  return b.failed ? kNoMemory : nullptr;
}

template <class R>
const char* adjoint(Pool& pool, const AdjointArgs& args) {
  if (args.tape[kVersion] != kTapeVersion) return kBadTape;
  return packed<R>({args.tape}, args.batch) ? run_backward<R, true>(pool, args)
                                            : run_backward<R, false>(pool, args);
}

}  // namespace

SweepKernels sweep_kernels() {
  return {{&apply<float>, &apply<double>}, {&adjoint<float>, &adjoint<double>}};
}

}  // namespace QJAX_ISA
}  // namespace qjax
