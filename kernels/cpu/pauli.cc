// Overlaps with and combinations of Pauli strings. Compiled once per instruction set.
//
//   (P psi)[j] = (-i)^y (-1)^parity(j & z) psi[j ^ x],  y the number of letters Y.
//
// A state is taken in blocks of 2^m consecutive amplitudes, split into real and imaginary parts.
// Terms with the same x read the same partner block. If they are few, each is a signed sum over the
// block; if they are many, one Walsh-Hadamard transform of the block holds all signed sums, and each
// term reads its entry.

#include "pauli.h"

#include "simd.h"

namespace qjax {
namespace QJAX_ISA {
namespace {

const char kNoMemory[] = "qjax: not enough memory for the working space of an observable.";

constexpr int kBlockSlot = 6, kSumSlot = 2;  // of scratch; slot 2 is not in use at the same time
constexpr int kFew = 6;       // terms of a group up to which signed sums are cheaper
constexpr int kMaxParts = 64;  // into which one state is divided
constexpr double kInlineWork = 1 << 18;  // amplitudes times groups that one thread does alone

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

template <class R>
constexpr int kBlockBits = sizeof(R) == 4 ? 11 : 10;

template <class R>
struct Block {
  R* re;
  R* im;
};

// Splits 2^bits amplitudes.
template <class R>
void split_block(const R* from, int bits, const Block<R>& to) {
  const int64_t size = int64_t{1} << bits;
  if (bits < kLaneBits<R>) {
    for (int64_t i = 0; i < size; ++i) {
      to.re[i] = from[2 * i];
      to.im[i] = from[2 * i + 1];
    }
    return;
  }
  for (int64_t i = 0; i < size; i += kLanes<R>) {
    Vec<R> a, b;
    split<R>(load_any<R>(from + 2 * i), load_any<R>(from + 2 * i + kLanes<R>), &a, &b);
    store<R>(to.re + i, a);
    store<R>(to.im + i, b);
  }
}

// How vectors of a block stand against the flips of a group: vector index and lanes.
template <class R>
struct Flip {
  uint32_t vectors;
  bool lanes;
  Idx<R> order;

  explicit Flip(int64_t x) {
    vectors = static_cast<uint32_t>(x >> kLaneBits<R>);
    const int low = static_cast<int>(x & (kLanes<R> - 1));
    lanes = low != 0;
    order = iota<R>() ^ splat_index<R>(low);
  }
  QJAX_INLINE Vec<R> operator()(const R* data, uint32_t v) const {
    const Vec<R> x = load<R>(data + static_cast<int64_t>(v ^ vectors) * kLanes<R>);
    return lanes ? permute<R>(x, order) : x;
  }
};

// In place, data[k] <- sum_j (-1)^parity(j & k) data[j], over 2^bits numbers.
template <class R>
void walsh_hadamard(R* data, int bits) {
  const int64_t size = int64_t{1} << bits;
  if (bits < kLaneBits<R>) {
    for (int64_t s = 1; s < size; s *= 2) {
      for (int64_t i = 0; i < size; ++i) {
        if (i & s) continue;
        const R a = data[i], b = data[i | s];
        data[i] = a + b;
        data[i | s] = a - b;
      }
    }
    return;
  }
  const int lane_bits = kLaneBits<R>;
  for (int64_t i = 0; i < size; i += kLanes<R>) {
    Vec<R> x = load<R>(data + i);
    for (int b = 0; b < lane_bits; ++b) {
      x = permute<R>(x, iota<R>() ^ splat_index<R>(1 << b)) + x * lane_signs<R>(1 << b);
    }
    store<R>(data + i, x);
  }
  int b = lane_bits;
  for (; b + 1 < bits; b += 2) {  // two bits at a time, while the numbers are in registers
    const int64_t s = int64_t{1} << b, t = 2 * s;
    for (int64_t h = 0; h < size; h += 2 * t) {
      for (int64_t i = h; i < h + s; i += kLanes<R>) {
        const Vec<R> w = load<R>(data + i), x = load<R>(data + i + s);
        const Vec<R> y = load<R>(data + i + t), z = load<R>(data + i + s + t);
        const Vec<R> p = w + x, q = w - x, r = y + z, u = y - z;
        store<R>(data + i, p + r);
        store<R>(data + i + s, q + u);
        store<R>(data + i + t, p - r);
        store<R>(data + i + s + t, q - u);
      }
    }
  }
  if (b < bits) {
    const int64_t s = int64_t{1} << b;
    for (int64_t i = 0; i < s; i += kLanes<R>) {
      const Vec<R> x = load<R>(data + i), y = load<R>(data + i + s);
      store<R>(data + i, x + y);
      store<R>(data + i + s, x - y);
    }
  }
}

// (-i)^y = re + i im.
void phase_of(int y, double* re, double* im) {
  const int quarter = y & 3;
  *re = quarter == 0 ? 1 : quarter == 2 ? -1 : 0;
  *im = quarter == 3 ? 1 : quarter == 1 ? -1 : 0;
}

// --- overlaps -------------------------------------------------------------------------------------

template <class R>
struct Overlaps {
  OverlapArgs args;
  int bits;        // of a block
  int64_t blocks;  // of a row
  int64_t parts;   // of the blocks of one row
  int64_t group;   // rows per item
  double* partial;
  int64_t stride;
  bool failed;

  int64_t size() const { return int64_t{1} << args.terms.qubits(); }
  static int64_t items(void* self, int) {
    const Overlaps* o = static_cast<Overlaps*>(self);
    return o->parts > 1 ? o->args.batch * o->parts : (o->args.batch + o->group - 1) / o->group;
  }
  static void body(void* self, int, int64_t item) { static_cast<Overlaps*>(self)->one(item); }
  static void finish(void* self, int) { static_cast<Overlaps*>(self)->gather(); }

  void one(int64_t item) {
    const int64_t length = int64_t{1} << (bits < kLaneBits<R> ? kLaneBits<R> : bits);
    R* memory = static_cast<R*>(scratch(kBlockSlot, 6 * length * sizeof(R)));
    if (memory == nullptr) {
      failed = true;
      return;
    }
    const Block<R> a = {memory, memory + length};
    const Block<R> b = {memory + 2 * length, memory + 3 * length};
    const Block<R> p = {memory + 4 * length, memory + 5 * length};
    const int64_t first = parts > 1 ? item / parts : item * group;
    const int64_t last = parts > 1 ? first + 1 : least(first + group, args.batch);
    const int64_t count = blocks / parts;
    const int64_t start = parts > 1 ? item % parts * count : 0;
    double* const sums = partial + item * stride;
    for (int64_t row = first; row < last; ++row) {
      for (int64_t i = 0; i < 2 * args.terms.terms(); ++i) sums[i] = 0;
      const R* from_a = static_cast<const R*>(args.a) + (args.a_rows == 1 ? 0 : 2 * size() * row);
      const R* from_b = static_cast<const R*>(args.b) + (args.b_rows == 1 ? 0 : 2 * size() * row);
      for (int64_t h = start; h < start + count; ++h) add_block(from_a, from_b, h, a, b, p, sums);
      if (parts == 1) write(row, sums);
    }
  }

  // Adds the sums over block h of a[j] (P b)[j], as (re, im) per term without the phase of its Y's.
  void add_block(const R* from_a, const R* from_b, int64_t h, const Block<R>& a, const Block<R>& b,
                 const Block<R>& p, double* sums) const {
    const PauliTerms& terms = args.terms;
    split_block<R>(from_a + (h << bits) * 2, bits, a);
    int64_t held = -1;  // the block in b
    for (int g = 0; g < terms.groups(); ++g) {
      const int32_t* group_words = terms.group(g);
      const int64_t x = PauliTerms::mask(group_words);
      const int64_t partner = h ^ (x >> bits);
      if (partner != held) {
        split_block<R>(from_b + (partner << bits) * 2, bits, b);
        held = partner;
      }
      const int64_t low_x = x & ((int64_t{1} << bits) - 1);
      const int first = group_words[2], count = group_words[3];
      bool even = false, odd = false;  // which numbers of letters Y occur
      for (int t = first; t < first + count; ++t) (terms.term(t)[2] & 1 ? odd : even) = true;
      // With conj(a), real results need Re of the product for even y and Im for odd.
      const bool want_re = !args.real || even, want_im = !args.real || odd;
      if (bits < kLaneBits<R>) {
        small(a, b, low_x, p);
      } else {
        product(a, b, Flip<R>(low_x), want_re, want_im, p);
      }
      if (count <= kFew || bits < kLaneBits<R>) {
        for (int t = first; t < first + count; ++t) {
          const int32_t* term = terms.term(t);
          const int64_t z = PauliTerms::mask(term);
          const double sign = __builtin_parityll((h << bits) & z) ? -1 : 1;
          const int64_t low_z = z & ((int64_t{1} << bits) - 1);
          if (want_re) sums[2 * t] += sign * signed_sum(p.re, low_z);
          if (want_im) sums[2 * t + 1] += sign * signed_sum(p.im, low_z);
        }
        continue;
      }
      if (want_re) walsh_hadamard<R>(p.re, bits);
      if (want_im) walsh_hadamard<R>(p.im, bits);
      for (int t = first; t < first + count; ++t) {
        const int64_t z = PauliTerms::mask(terms.term(t));
        const double sign = __builtin_parityll((h << bits) & z) ? -1 : 1;
        const int64_t low_z = z & ((int64_t{1} << bits) - 1);
        if (want_re) sums[2 * t] += sign * static_cast<double>(p.re[low_z]);
        if (want_im) sums[2 * t + 1] += sign * static_cast<double>(p.im[low_z]);
      }
    }
  }

  // p = a * flipped b, with a conjugated if the result is real.
  void product(const Block<R>& a, const Block<R>& b, const Flip<R>& flip, bool want_re,
               bool want_im, const Block<R>& p) const {
    const uint32_t vectors = 1u << (bits - kLaneBits<R>);
    const Vec<R> sign = splat<R>(args.real ? -1 : 1);
    for (uint32_t v = 0; v < vectors; ++v) {
      const int64_t i = static_cast<int64_t>(v) * kLanes<R>;
      const Vec<R> r = load<R>(a.re + i), s = sign * load<R>(a.im + i);
      const Vec<R> x = flip(b.re, v), y = flip(b.im, v);
      if (want_re) store<R>(p.re + i, r * x - s * y);
      if (want_im) store<R>(p.im + i, r * y + s * x);
    }
  }

  void small(const Block<R>& a, const Block<R>& b, int64_t x, const Block<R>& p) const {
    const R sign = args.real ? -1 : 1;
    for (int64_t j = 0; j < int64_t{1} << bits; ++j) {
      const R r = a.re[j], s = sign * a.im[j];
      p.re[j] = r * b.re[j ^ x] - s * b.im[j ^ x];
      p.im[j] = r * b.im[j ^ x] + s * b.re[j ^ x];
    }
  }

  // Sum over the block of (-1)^parity(l & z) p[l].
  double signed_sum(const R* p, int64_t z) const {
    if (bits < kLaneBits<R>) {
      double total = 0;
      for (int64_t j = 0; j < int64_t{1} << bits; ++j) {
        total += __builtin_parityll(j & z) ? -static_cast<double>(p[j]) : static_cast<double>(p[j]);
      }
      return total;
    }
    const uint32_t vectors = 1u << (bits - kLaneBits<R>);
    const uint32_t high = static_cast<uint32_t>(z >> kLaneBits<R>);
    const Vec<R> one = splat<R>(1), minus = -one;
    Vec<R> total = splat<R>(0), other = total;
    for (uint32_t v = 0; v + 1 < vectors; v += 2) {
      const R* at = p + static_cast<int64_t>(v) * kLanes<R>;
      total += (__builtin_parity(v & high) ? minus : one) * load<R>(at);
      other += (__builtin_parity((v + 1) & high) ? minus : one) * load<R>(at + kLanes<R>);
    }
    if (vectors == 1) total = load<R>(p);
    return sum<R>((total + other) * lane_signs<R>(static_cast<int>(z & (kLanes<R> - 1))));
  }

  void gather() {
    if (parts == 1) return;
    for (int64_t row = 0; row < args.batch; ++row) {
      double* const own = partial + row * parts * stride;
      for (int64_t step = 1; step < parts; step *= 2) {
        for (int64_t i = 0; i + step < parts; i += 2 * step) {
          for (int64_t k = 0; k < 2 * args.terms.terms(); ++k) {
            own[i * stride + k] += own[(i + step) * stride + k];
          }
        }
      }
      write(row, own);
    }
  }

  void write(int64_t row, const double* sums) const {
    const PauliTerms& terms = args.terms;
    R* const out = static_cast<R*>(args.out) + row * terms.terms() * (args.real ? 1 : 2);
    for (int t = 0; t < terms.terms(); ++t) {
      const int32_t* term = terms.term(t);
      double c, s;
      phase_of(term[2], &c, &s);
      const double re = sums[2 * t], im = sums[2 * t + 1];
      // Parts that were not asked for are 0, and so is their factor.
      if (args.real) {
        out[term[3]] = static_cast<R>(c * re - s * im);
      } else {
        out[2 * term[3]] = static_cast<R>(c * re - s * im);
        out[2 * term[3] + 1] = static_cast<R>(c * im + s * re);
      }
    }
  }
};

template <class R>
const char* overlaps(Pool& pool, const OverlapArgs& args) {
  Overlaps<R> o;
  o.args = args;
  const int n = args.terms.qubits();
  o.bits = n < kBlockBits<R> ? n : kBlockBits<R>;
  o.blocks = int64_t{1} << (n - o.bits);
  o.parts = o.group = 1;
  if (o.blocks > 1) {
    while (o.parts < o.blocks && o.parts < kMaxParts && o.parts * args.batch < kMaxParts) {
      o.parts *= 2;
    }
  }
  if (o.parts == 1) o.group = (args.batch + kMaxParts - 1) / kMaxParts;
  o.stride = 2 * static_cast<int64_t>(args.terms.terms()) + 8;
  o.failed = false;
  const int64_t items = Overlaps<R>::items(&o, 0);
  o.partial = static_cast<double*>(scratch(kSumSlot, items * o.stride * sizeof(double)));
  if (o.partial == nullptr) return kNoMemory;
  const double work = static_cast<double>(args.batch) * static_cast<double>(o.size()) *
                      (1 + args.terms.groups());
  const Work job = {&o, 1, &Overlaps<R>::items, &Overlaps<R>::body, &Overlaps<R>::finish};
  run(pool, job, work < kInlineWork ? 1 : allowed_threads(pool));
  return o.failed ? kNoMemory : nullptr;
}

// --- combinations ---------------------------------------------------------------------------------

template <class R>
struct Combination {
  CombinationArgs args;
  int bits;
  int64_t blocks, per_item;  // blocks of a row, and of an item
  bool failed;

  int64_t size() const { return int64_t{1} << args.terms.qubits(); }
  static int64_t items(void* self, int) {
    const Combination* c = static_cast<Combination*>(self);
    return (c->args.batch * c->blocks + c->per_item - 1) / c->per_item;
  }
  static void body(void* self, int, int64_t item) { static_cast<Combination*>(self)->one(item); }

  void one(int64_t item) {
    const int64_t length = int64_t{1} << (bits < kLaneBits<R> ? kLaneBits<R> : bits);
    R* memory = static_cast<R*>(scratch(kBlockSlot, 6 * length * sizeof(R)));
    if (memory == nullptr) {
      failed = true;
      return;
    }
    const Block<R> b = {memory, memory + length};
    const Block<R> d = {memory + 2 * length, memory + 3 * length};
    const Block<R> out = {memory + 4 * length, memory + 5 * length};
    const int64_t last = least((item + 1) * per_item, args.batch * blocks);
    for (int64_t k = item * per_item; k < last; ++k) {
      const int64_t row = k / blocks, h = k % blocks;
      const R* from = static_cast<const R*>(args.b) + (args.b_rows == 1 ? 0 : 2 * size() * row);
      const int64_t width = args.real ? 1 : 2;
      const R* weights = static_cast<const R*>(args.weights) +
                         (args.weight_rows == 1 ? 0 : row * width * args.terms.terms());
      R* to = static_cast<R*>(args.out) + 2 * (size() * row + (h << bits));
      block(from, weights, h, length, b, d, out);
      store_block(out, to);
    }
  }

  // The weight of a term with the phase of its Y's and its sign on block h.
  void weight(const int32_t* term, const R* weights, int64_t h, R* re, R* im) const {
    double c, s;
    phase_of(term[2], &c, &s);
    const int64_t z = PauliTerms::mask(term);
    const double sign = __builtin_parityll((h << bits) & z) ? -1 : 1;
    const double x = sign * static_cast<double>(weights[args.real ? term[3] : 2 * term[3]]);
    const double y = args.real ? 0 : sign * static_cast<double>(weights[2 * term[3] + 1]);
    *re = static_cast<R>(c * x - s * y);
    *im = static_cast<R>(c * y + s * x);
  }

  void block(const R* from, const R* weights, int64_t h, int64_t length, const Block<R>& b,
             const Block<R>& d, const Block<R>& out) const {
    const PauliTerms& terms = args.terms;
    const int64_t low = (int64_t{1} << bits) - 1;
    memset(out.re, 0, length * sizeof(R));
    memset(out.im, 0, length * sizeof(R));
    int64_t held = -1;
    for (int g = 0; g < terms.groups(); ++g) {
      const int32_t* words = terms.group(g);
      const int64_t x = PauliTerms::mask(words);
      const int64_t partner = h ^ (x >> bits);
      if (partner != held) {
        split_block<R>(from + (partner << bits) * 2, bits, b);
        held = partner;
      }
      const int first = words[2], count = words[3];
      if (count <= kFew && bits >= kLaneBits<R>) {
        const Flip<R> flip(x & low);
        for (int t = first; t < first + count; ++t) {
          R re, im;
          weight(terms.term(t), weights, h, &re, &im);
          add_term(b, flip, PauliTerms::mask(terms.term(t)) & low, re, im, out);
        }
        continue;
      }
      memset(d.re, 0, length * sizeof(R));
      memset(d.im, 0, length * sizeof(R));
      bool any_re = false, any_im = false;
      for (int t = first; t < first + count; ++t) {
        R re, im;
        weight(terms.term(t), weights, h, &re, &im);
        const int64_t z = PauliTerms::mask(terms.term(t)) & low;
        d.re[z] += re;
        d.im[z] += im;
        any_re = any_re || !args.real || !(terms.term(t)[2] & 1);
        any_im = any_im || !args.real || (terms.term(t)[2] & 1);
      }
      if (any_re) walsh_hadamard<R>(d.re, bits);
      if (any_im) walsh_hadamard<R>(d.im, bits);
      add_diagonal(b, x & low, d, any_re, any_im, out);
    }
  }

  // out[l] += (re + i im) (-1)^parity(l & z) b[l ^ x].
  void add_term(const Block<R>& b, const Flip<R>& flip, int64_t z, R re, R im,
                const Block<R>& out) const {
    const uint32_t vectors = 1u << (bits - kLaneBits<R>);
    const uint32_t high = static_cast<uint32_t>(z >> kLaneBits<R>);
    const Vec<R> signs = lane_signs<R>(static_cast<int>(z & (kLanes<R> - 1)));
    const Vec<R> c[2] = {signs * splat<R>(re), -signs * splat<R>(re)};
    const Vec<R> s[2] = {signs * splat<R>(im), -signs * splat<R>(im)};
    for (uint32_t v = 0; v < vectors; ++v) {
      const int64_t i = static_cast<int64_t>(v) * kLanes<R>;
      const int odd = __builtin_parity(v & high);
      const Vec<R> x = flip(b.re, v), y = flip(b.im, v);
      Vec<R> r = load<R>(out.re + i), w = load<R>(out.im + i);
      if (!args.real || re != 0) {
        r += c[odd] * x;
        w += c[odd] * y;
      }
      if (!args.real || im != 0) {
        r -= s[odd] * y;
        w += s[odd] * x;
      }
      store<R>(out.re + i, r);
      store<R>(out.im + i, w);
    }
  }

  // out[l] += d[l] b[l ^ x].
  void add_diagonal(const Block<R>& b, int64_t x, const Block<R>& d, bool any_re, bool any_im,
                    const Block<R>& out) const {
    if (bits < kLaneBits<R>) {
      for (int64_t j = 0; j < int64_t{1} << bits; ++j) {
        out.re[j] += d.re[j] * b.re[j ^ x] - d.im[j] * b.im[j ^ x];
        out.im[j] += d.re[j] * b.im[j ^ x] + d.im[j] * b.re[j ^ x];
      }
      return;
    }
    const Flip<R> flip(x);
    const uint32_t vectors = 1u << (bits - kLaneBits<R>);
    for (uint32_t v = 0; v < vectors; ++v) {
      const int64_t i = static_cast<int64_t>(v) * kLanes<R>;
      const Vec<R> r = flip(b.re, v), s = flip(b.im, v);
      Vec<R> p = load<R>(out.re + i), q = load<R>(out.im + i);
      if (any_re) {
        const Vec<R> c = load<R>(d.re + i);
        p += c * r;
        q += c * s;
      }
      if (any_im) {
        const Vec<R> c = load<R>(d.im + i);
        p -= c * s;
        q += c * r;
      }
      store<R>(out.re + i, p);
      store<R>(out.im + i, q);
    }
  }

  void store_block(const Block<R>& out, R* to) const {
    const R plus = args.real ? 2 : 1, minus = args.real ? -2 : 1;
    const int64_t count = int64_t{1} << bits;
    if (bits < kLaneBits<R>) {
      for (int64_t i = 0; i < count; ++i) {
        to[2 * i] = plus * out.re[i];
        to[2 * i + 1] = minus * out.im[i];
      }
      return;
    }
    for (int64_t i = 0; i < count; i += kLanes<R>) {
      Vec<R> a, b;
      join<R>(splat<R>(plus) * load<R>(out.re + i), splat<R>(minus) * load<R>(out.im + i), &a, &b);
      store_any<R>(to + 2 * i, a);
      store_any<R>(to + 2 * i + kLanes<R>, b);
    }
  }
};

template <class R>
const char* combination(Pool& pool, const CombinationArgs& args) {
  Combination<R> c;
  c.args = args;
  const int n = args.terms.qubits();
  c.bits = n < kBlockBits<R> ? n : kBlockBits<R>;
  c.blocks = int64_t{1} << (n - c.bits);
  c.per_item = (args.batch * c.blocks + kMaxParts - 1) / kMaxParts;
  c.failed = false;
  const double work = static_cast<double>(args.batch) * static_cast<double>(c.size()) *
                      (1 + args.terms.groups());
  const Work job = {&c, 1, &Combination<R>::items, &Combination<R>::body, nullptr};
  run(pool, job, work < kInlineWork ? 1 : allowed_threads(pool));
  return c.failed ? kNoMemory : nullptr;
}

}  // namespace

PauliKernels pauli_kernels() {
  return {{&overlaps<float>, &overlaps<double>}, {&combination<float>, &combination<double>}};
}

}  // namespace QJAX_ISA
}  // namespace qjax
