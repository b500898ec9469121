// Basis states, drawn indices, and probabilities of some qubits.

#ifndef QJAX_KERNELS_CUDA_SAMPLE_CUH_
#define QJAX_KERNELS_CUDA_SAMPLE_CUH_

#include "args.h"
#include "block.cuh"

namespace qjax_cuda {

// All threads of a launch, in one row.
QJAX_DEVICE i64 flat(const Block& block, u32 me) {
  return static_cast<i64>(block.index()) * block.threads() + me;
}

template <class Real>
QJAX_DEVICE void basis(const Block& block, const BasisArgs& args) {
  QJAX_EACH(block, me) {
    Complex<Real>* out = static_cast<Complex<Real>*>(args.out);
    for (i64 k = flat(block, me); k < args.size; k += i64(block.count()) * block.threads()) {
      out[k] = {k == args.index ? Real(1) : Real(0), 0};
    }
  }
}

template <class Real>
QJAX_DEVICE double square(const Complex<Real>* amplitude) {
  const double re = amplitude->re, im = amplitude->im;
  return re * re + im * im;
}

// until[chunk] is the sum over the chunks of its span up to it; totals[span] is the sum over the spans
// up to it. A uniform u picks the span, the chunk and the amplitude where the sum exceeds u times the
// total. u has 53 random bits and sums are in double precision, so rare outcomes come as often as they
// should; an outcome of probability 0 never comes.
template <class Real>
QJAX_DEVICE void span_sums(const Block& block, const DrawArgs& args) {
  QJAX_EACH(block, me) {
    const i64 item = flat(block, me);
    if (item < args.batch * args.spans) {
      const i64 chunks = args.chunks / args.spans;  // of a span
      const i64 first = item * chunks;              // spans of samples follow each other
      const Complex<Real>* from = static_cast<const Complex<Real>*>(args.state) + (first << args.chunk_bits);
      double total = 0;
      for (i64 c = 0; c < chunks; ++c) {
        double sum = 0;
        for (i64 j = 0; j < i64(1) << args.chunk_bits; ++j) sum += square(from++);
        total += sum;
        args.until[first + c] = total;
      }
      args.totals[item] = total;
    }
  }
}

template <class Real>
QJAX_DEVICE void span_totals(const Block& block, const DrawArgs& args) {
  QJAX_EACH(block, me) {
    const i64 sample = flat(block, me);
    if (sample < args.batch) {
      double* totals = args.totals + sample * args.spans;
      for (i64 s = 1; s < args.spans; ++s) totals[s] += totals[s - 1];
    }
  }
}

// The first place whose sum exceeds a threshold, or else the last where the sum grows.
QJAX_DEVICE i64 place_of(const double* until, i64 count, double threshold) {
  i64 low = 0, high = count;
  while (low < high) {
    const i64 middle = (low + high) / 2;
    if (until[middle] > threshold) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (low < count) return low;
  for (low = count - 1; low > 0 && until[low] == until[low - 1];) --low;
  return low;
}

template <class Real>
QJAX_DEVICE void draw(const Block& block, const DrawArgs& args) {
  QJAX_EACH(block, me) {
    const i64 shot = flat(block, me);
    if (shot < args.batch * args.shots) {
      const i64 sample = shot / args.shots, chunks = args.chunks / args.spans;
      const double* totals = args.totals + sample * args.spans;
      const unsigned long long bits =
          static_cast<unsigned long long>(args.words[2 * shot]) << 32 | args.words[2 * shot + 1];
      double threshold = static_cast<double>(bits >> 11) * 0x1p-53 * totals[args.spans - 1];
      const i64 span = place_of(totals, args.spans, threshold);
      if (span > 0) threshold -= totals[span - 1];
      const double* until = args.until + sample * args.chunks + span * chunks;
      const i64 chunk = place_of(until, chunks, threshold);
      double running = chunk > 0 ? until[chunk - 1] : 0;
      const i64 first = (span * chunks + chunk) << args.chunk_bits;
      const Complex<Real>* from = static_cast<const Complex<Real>*>(args.state) + (sample << args.qubits);
      i64 found = first;
      for (i64 j = first; j < first + (i64(1) << args.chunk_bits); ++j) {
        const double p = square(from + j);
        if (p == 0) continue;
        found = j;
        running += p;
        if (running > threshold) break;
      }
      args.out[shot] = static_cast<int>(found);
    }
  }
}

struct MarginalThread {
  double part[1];
};

// A warp has an outcome of the high chosen qubits, its lanes the lowest qubits; it adds up over the
// high qubits that are not chosen, and then over the lanes that are not.
//
//   words  [lanes, mask of lanes that are not chosen, high chosen, high others,
//           place in the outcome of each lane or -1, (qubit, place) of each high chosen,
//           qubit of each high other]
template <class Real>
QJAX_DEVICE void marginal_parts(const Block& block, const MarginalArgs& args) {
  PerThread<MarginalThread> threads(block.threads());
  const int lanes = args.words[0], high = args.words[2], others = args.words[3];
  const int* lane_place = args.words + 4;
  const int* chosen = lane_place + lanes;
  const int* other = chosen + 2 * high;
  const i64 items = args.batch * args.parts << high;
  const i64 warps = block.threads() / 32;
  QJAX_EACH(block, me) {
    const i64 item = block.index() * warps + me / 32;
    const u32 lane = me % 32;
    double total = 0;
    if (item < items && lane >> lanes == 0) {
      const i64 part = (item >> high) % args.parts, sample = (item >> high) / args.parts;
      i64 first = (sample << args.qubits) + lane;
      for (int b = 0; b < high; ++b) first += (item >> b & 1) << chosen[2 * b];
      const i64 count = (i64(1) << others) / args.parts;
      const Complex<Real>* from = static_cast<const Complex<Real>*>(args.state);
      for (i64 r = part * count; r < (part + 1) * count; ++r) {
        i64 at = first;
        for (int b = 0; b < others; ++b) at += (r >> b & 1) << other[b];
        total += square(from + at);
      }
    }
    threads[me].part[0] = total;
  }
  fold(block, threads, static_cast<u32>(args.words[1]));
  QJAX_EACH(block, me) {
    const i64 item = block.index() * warps + me / 32;
    const u32 lane = me % 32;
    if (item < items && lane >> lanes == 0 && (lane & args.words[1]) == 0) {
      i64 outcome = 0;
      for (int b = 0; b < lanes; ++b) {
        if (lane_place[b] >= 0) outcome |= i64(lane >> b & 1) << lane_place[b];
      }
      for (int b = 0; b < high; ++b) outcome |= (item >> b & 1) << chosen[2 * b + 1];
      args.partial[((item >> high) << args.chosen) + outcome] = threads[me].part[0];
    }
  }
}

template <class Real>
QJAX_DEVICE void marginal_totals(const Block& block, const MarginalArgs& args) {
  QJAX_EACH(block, me) {
    const i64 item = flat(block, me), outcomes = i64(1) << args.chosen;
    if (item < args.batch * outcomes) {
      const double* from = args.partial + item / outcomes * args.parts * outcomes + item % outcomes;
      double total = 0;
      for (i64 p = 0; p < args.parts; ++p) total += from[p * outcomes];
      static_cast<Real*>(args.out)[item] = static_cast<Real>(total);
    }
  }
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_SAMPLE_CUH_
