// Drawing and marginals. Bound by memory, so there is one build for all instruction sets.

#include "sample.h"

#include <algorithm>

namespace qjax {
namespace {

const char kNoMemory[] = "qjax: not enough memory to measure the state.";

constexpr int kDrawSlot = 1, kCountSlot = 2;  // of scratch
constexpr int kBlockBits = 5;                 // 2^5 amplitudes are summed at a time
constexpr int64_t kMaxParts = 64;             // into which one row is divided
constexpr double kInlineWork = 1 << 16;       // amplitudes and shots that one thread does alone
constexpr int kSumBits = 8;                   // 2^8 amplitudes of marginals are summed at a time
constexpr int64_t kMaxSums = int64_t{1} << 22;  // most partial sums of marginals

template <class T>
double square(const T* amplitude) {
  const double re = amplitude[0], im = amplitude[1];
  return re * re + im * im;
}

// --- drawing --------------------------------------------------------------------------------------

// until[b] is the sum over the blocks 0, ..., b. A uniform u in [0, 1) picks the block where `until`
// exceeds u times the total, and within it the amplitude; guide[g] is where u = g / blocks leads, so
// the search is short. u has 53 random bits and sums are in double precision, so rare outcomes come
// as often as they should; an outcome of probability 0 never comes.
template <class T>
struct Draw {
  DrawArgs args;
  int block_bits;
  int64_t blocks, parts, shot_parts;
  double* until;
  int32_t* guide;

  int64_t size() const { return int64_t{1} << args.qubits; }
  const T* row(int64_t r) const { return static_cast<const T*>(args.state) + 2 * size() * r; }

  static int64_t items(void* self, int phase) {
    const Draw* d = static_cast<Draw*>(self);
    return d->args.batch * (phase == 0 ? d->parts : d->shot_parts);
  }

  static void body(void* self, int phase, int64_t item) {
    Draw* d = static_cast<Draw*>(self);
    if (phase == 0) {
      d->add_up(item / d->parts, item % d->parts);
    } else {
      d->draw(item / d->shot_parts, item % d->shot_parts);
    }
  }

  static void finish(void* self, int phase) {
    if (phase == 0) static_cast<Draw*>(self)->prepare();
  }

  void add_up(int64_t r, int64_t part) {
    const int64_t count = blocks / parts;
    const T* from = row(r);
    for (int64_t b = part * count; b < (part + 1) * count; ++b) {
      double total = 0;
      for (int64_t j = b << block_bits; j < (b + 1) << block_bits; ++j) total += square(from + 2 * j);
      until[r * blocks + b] = total;
    }
  }

  void prepare() {
    for (int64_t r = 0; r < args.batch; ++r) {
      double* const sums = until + r * blocks;
      for (int64_t b = 1; b < blocks; ++b) sums[b] += sums[b - 1];
      const double step = sums[blocks - 1] / static_cast<double>(blocks);
      int64_t b = 0;
      for (int64_t g = 0; g < blocks; ++g) {
        while (b + 1 < blocks && sums[b] <= static_cast<double>(g) * step) ++b;
        guide[r * blocks + g] = static_cast<int32_t>(b);
      }
    }
  }

  void draw(int64_t r, int64_t part) {
    const double* const sums = until + r * blocks;
    const int32_t* const starts = guide + r * blocks;
    const double total = sums[blocks - 1];
    const T* from = row(r);
    const int64_t count = (args.shots + shot_parts - 1) / shot_parts;
    const int64_t last = std::min(args.shots, (part + 1) * count);
    for (int64_t s = part * count; s < last; ++s) {
      const uint32_t* words = args.words + 2 * (r * args.shots + s);
      const uint64_t bits = static_cast<uint64_t>(words[0]) << 32 | words[1];
      const double u = static_cast<double>(bits >> 11) * 0x1p-53;
      const double threshold = u * total;
      const int64_t g = std::min(static_cast<int64_t>(u * static_cast<double>(blocks)), blocks - 1);
      // Rounding may put the threshold just before the block of the guide.
      int64_t low = starts[g], high = g + 1 < blocks ? starts[g + 1] + 1 : blocks;
      while (low > 0 && sums[low - 1] > threshold) --low;
      int64_t b = std::upper_bound(sums + low, sums + std::min(high, blocks), threshold) - sums;
      while (b < blocks - 1 && sums[b] <= threshold) ++b;
      args.out[r * args.shots + s] = static_cast<int32_t>(within(from, b, sums, threshold));
    }
  }

  // The amplitude of block b where the running sum exceeds the threshold; else the last that is not 0.
  int64_t within(const T* from, int64_t b, const double* sums, double threshold) const {
    double running = b > 0 ? sums[b - 1] : 0;
    int64_t found = b << block_bits;
    for (int64_t j = b << block_bits; j < (b + 1) << block_bits; ++j) {
      const double p = square(from + 2 * j);
      if (p == 0) continue;
      running += p;
      found = j;
      if (threshold < running) break;
    }
    return found;
  }
};

// --- marginals ------------------------------------------------------------------------------------

template <class T>
struct Marginals {
  MarginalArgs args;
  int64_t parts;
  double* sums;  // sums[item << k | outcome]

  static int64_t items(void* self, int) {
    const Marginals* m = static_cast<Marginals*>(self);
    return m->args.batch * m->parts;
  }
  static void body(void* self, int, int64_t item) { static_cast<Marginals*>(self)->add_up(item); }
  static void finish(void* self, int) { static_cast<Marginals*>(self)->write(); }

  // The outcome that the bits of j from `first` on, `count` of them, contribute to.
  int64_t outcome(int64_t j, int first, int count) const {
    int64_t out = 0;
    for (int b = 0; b < args.k; ++b) {
      const int q = args.chosen[b] - first;
      if (q >= 0 && q < count) out |= (j >> q & 1) << b;
    }
    return out;
  }

  // Blocks of amplitudes with equal outcomes of the qubits above are added up amplitude by amplitude,
  // so that no sum waits for the one before it, and then within the block.
  void add_up(int64_t item) {
    const int low = std::min(args.qubits, kSumBits), high = args.qubits - low;
    const int64_t blocks = (int64_t{1} << high) / parts, first = item % parts * blocks;
    const T* from = static_cast<const T*>(args.state) + (item / parts << (args.qubits + 1)) +
                    (first << (low + 1));
    double* const own = sums + (item << args.k);
    std::fill(own, own + (int64_t{1} << args.k), 0.0);
    int64_t of_low[1 << kSumBits];
    for (int l = 0; l < 1 << low; ++l) of_low[l] = outcome(l, 0, low);
    int chosen = 0;
    while (chosen < low && of_low[1 << chosen] != 0) ++chosen;
    double squares[2 << kSumBits];
    const int size = 2 << low;
    for (int64_t block = 0; block < blocks;) {
      const int64_t of_high = outcome(first + block, low, high);
      std::fill(squares, squares + size, 0.0);
      do {
        for (int i = 0; i < size; ++i) squares[i] += static_cast<double>(from[i]) * from[i];
        from += size;
      } while (++block < blocks && outcome(first + block, low, high) == of_high);
      fold(squares, low, chosen, of_low, own + of_high);
    }
  }

  // Adds squares[2 j] + squares[2 j + 1] of 2^count amplitudes to the outcomes of_low[j]. The lowest
  // `chosen` bits of j are all part of the outcome.
  static void fold(double* squares, int count, int chosen, const int64_t* of_low, double* outcomes) {
    if (count == chosen) {
      for (int j = 0; j < 1 << count; ++j) {
        outcomes[of_low[j]] += squares[2 * j] + squares[2 * j + 1];
      }
      return;
    }
    const int half = 1 << count;
    const int64_t share = of_low[half / 2];
    if (share == 0) {
      for (int i = 0; i < half; ++i) squares[i] += squares[half + i];
    } else {
      fold(squares + half, count - 1, chosen, of_low, outcomes + share);
    }
    fold(squares, count - 1, chosen, of_low, outcomes);
  }

  void write() {
    const int64_t outcomes = int64_t{1} << args.k;
    T* const out = static_cast<T*>(args.out);
    for (int64_t r = 0; r < args.batch; ++r) {
      const double* own = sums + ((r * parts) << args.k);
      for (int64_t e = 0; e < outcomes; ++e) {
        double total = 0;
        for (int64_t p = 0; p < parts; ++p) total += own[(p << args.k) + e];
        out[(r << args.k) + e] = static_cast<T>(total);
      }
    }
  }
};

int threads_for(const Pool& pool, double work) {
  return work < kInlineWork ? 1 : allowed_threads(pool);
}

}  // namespace

template <class T>
const char* draw(Pool& pool, const DrawArgs& args) {
  Draw<T> d;
  d.args = args;
  d.block_bits = std::min(args.qubits, kBlockBits);
  d.blocks = int64_t{1} << (args.qubits - d.block_bits);
  d.parts = std::min(d.blocks, args.batch >= kMaxParts ? 1 : kMaxParts);
  d.shot_parts = args.batch >= kMaxParts ? 1 : std::min(kMaxParts, (args.shots + 255) / 256);
  const size_t count = static_cast<size_t>(args.batch * d.blocks);
  d.until = static_cast<double*>(scratch(kDrawSlot, count * sizeof(double)));
  d.guide = static_cast<int32_t*>(scratch(kCountSlot, count * sizeof(int32_t)));
  if (d.until == nullptr || d.guide == nullptr) return kNoMemory;
  const double work = static_cast<double>(args.batch) *
                      (static_cast<double>(d.size()) + 8 * static_cast<double>(args.shots));
  const Work job = {&d, 2, &Draw<T>::items, &Draw<T>::body, &Draw<T>::finish};
  run(pool, job, threads_for(pool, work));
  return nullptr;
}

template <class T>
const char* marginals(Pool& pool, const MarginalArgs& args) {
  Marginals<T> m;
  m.args = args;
  const int64_t size = int64_t{1} << args.qubits;
  m.parts = 1;
  while (m.parts << kSumBits < size && m.parts * args.batch < kMaxParts &&
         (2 * m.parts * args.batch) << args.k <= kMaxSums) {
    m.parts *= 2;
  }
  m.sums = static_cast<double*>(
      scratch(kDrawSlot, (static_cast<size_t>(m.parts * args.batch) << args.k) * sizeof(double)));
  if (m.sums == nullptr) return kNoMemory;
  const double work = static_cast<double>(args.batch) * static_cast<double>(size);
  const Work job = {&m, 1, &Marginals<T>::items, &Marginals<T>::body, &Marginals<T>::finish};
  run(pool, job, threads_for(pool, work));
  return nullptr;
}

template const char* draw<float>(Pool&, const DrawArgs&);
template const char* draw<double>(Pool&, const DrawArgs&);
template const char* marginals<float>(Pool&, const MarginalArgs&);
template const char* marginals<double>(Pool&, const MarginalArgs&);

}  // namespace qjax
