// Sums of columns of partial sums: each by some neighbouring threads, always in the same order.

#ifndef QJAX_KERNELS_CUDA_GATHER_CUH_
#define QJAX_KERNELS_CUDA_GATHER_CUH_

#include "args.h"
#include "block.cuh"
#include "tape.h"

namespace qjax_cuda {

struct GatherThread {
  double part[1];
};

// Calls done(item, total) for every item, total the sum of the rows first(item), ..., + count - 1, by
// 2^lanes threads of a block.
template <class First, class Done>
QJAX_DEVICE void sum_rows(const Block& block, i64 items, i64 count, int lanes, const double* sums,
                          const First& first, const Done& done) {
  PerThread<GatherThread> threads(block.threads());
  const Shared<double> memory = block.template shared<double>(0);
  const i64 before = static_cast<i64>(block.index()) * (block.threads() >> lanes);
  QJAX_EACH(block, me) {
    const i64 item = before + (me >> lanes);
    const i64 step = i64{1} << lanes;
    double total = 0;
    if (item < items) {
      const double* from = sums + first(item);
      i64 row = me & ((1u << lanes) - 1);
      for (; row + 3 * step < count; row += 4 * step) {
        total += (from[row] + from[row + step]) + (from[row + 2 * step] + from[row + 3 * step]);
      }
      for (; row < count; row += step) total += from[row];
    }
    threads[me].part[0] = total;
  }
  const int warps = lanes > 5 ? 1 << (lanes - 5) : 1;  // that share an item
  reduce<1>(block, threads, lanes > 5 ? 5 : lanes, [&](u32 me, int, double total) {
    const i64 item = before + (me >> lanes);
    if (warps > 1) {
      memory.set(me, me >> 5, total);
    } else if (item < items) {
      done(item, total);
    }
  });
  if (warps == 1) return;
  block.sync();
  QJAX_EACH(block, me) {
    const i64 item = before + (me >> lanes);
    if ((me & ((1u << lanes) - 1)) == 0 && item < items) {
      double total = 0;
      for (int w = 0; w < warps; ++w) total += memory.get(me, (me >> 5) + w);
      done(item, total);
    }
  }
}

// Sums to cotangents of numbers, by emits; or the overlaps.
template <class Real>
QJAX_DEVICE void gather(const Block& block, const GatherArgs& args) {
  const bool overlaps = args.emits == nullptr;
  const i64 count = overlaps ? 1 : args.count;
  sum_rows(
      block, count * args.samples, args.rows_each, args.lanes, args.sums,
      [&](i64 item) {
        const i64 column = overlaps ? args.overlap : args.emits[item % count * kEmitWords + 1];
        return column * args.rows + item / count * args.rows_each;
      },
      [&](i64 item, double total) {
        const i64 sample = item / count;
        if (overlaps) {
          args.overlaps[sample] = total;
          return;
        }
        const int* emit = args.emits + item % count * kEmitWords;
        const i64 at = sample * args.stride + emit[2];
        const Real* numbers = static_cast<const Real*>(args.numbers);
        double value = total;
        if (emit[0] == kCosine) {
          value = static_cast<double>(numbers[at]) * args.overlaps[sample] -
                  static_cast<double>(numbers[at + 1]) * total;
        } else if (emit[0] == kSine) {
          value = static_cast<double>(numbers[at]) * args.overlaps[sample] +
                  static_cast<double>(numbers[at - 1]) * total;
        }
        static_cast<Real*>(args.by_numbers)[at] = static_cast<Real>(value);
      });
}

template <class Real>
QJAX_DEVICE void total(const Block& block, const TotalArgs& args) {
  sum_rows(
      block, args.columns * args.samples, args.rows_each, args.lanes, args.sums,
      [&](i64 item) {
        return item % args.columns * args.rows + item / args.columns * args.rows_each;
      },
      [&](i64 item, double sum) { static_cast<Real*>(args.out)[item] = static_cast<Real>(sum); });
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_GATHER_CUH_
