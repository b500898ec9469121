// From the operands of a call to launches of kernels; the same on a GPU and in its emulation.
//
// Geometries come from qjax/engine/cuda.py, as the attribute `geometry`, int64:
//   sweeps   [threads of a block, thread bits, tile bits, register bits, groups, tiles, parts, blocks,
//             bytes of shared memory, rows, rows of a sample, ops kTurns that
//             a sample has room for, columns, sweeps,
//             then per sweep: offset, plain, sums, offset of the emits, emits]
//   passes   the same up to columns, then [passes, offset of each in the words]

#ifndef QJAX_KERNELS_CUDA_LAUNCH_H_
#define QJAX_KERNELS_CUDA_LAUNCH_H_

#include <stddef.h>
#include <stdint.h>

#include <string>

#include "args.h"
#include "tape.h"
#include "xla/ffi/api/ffi.h"

namespace qjax_cuda {

namespace ffi = xla::ffi;

// Where kernels run. Functions give an empty text, or why they failed.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string launch(const std::string& kernel, int64_t blocks, int64_t threads,
                             int64_t shared, void* args) = 0;
  virtual std::string clear(void* memory, size_t bytes) = 0;
};

using Geometry = ffi::Span<const int64_t>;

ffi::Error basis(Device& device, ffi::Result<ffi::AnyBuffer> out, int64_t index);
ffi::Error from_zero(Device& device, ffi::AnyBuffer numbers, ffi::AnyBuffer constants,
                     ffi::AnyBuffer tape, ffi::Result<ffi::AnyBuffer> out, Geometry geometry);
ffi::Error apply(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer numbers,
                 ffi::AnyBuffer constants, ffi::AnyBuffer tape, ffi::Result<ffi::AnyBuffer> out,
                 Geometry geometry);
ffi::Error adjoint(Device& device, ffi::AnyBuffer out, ffi::AnyBuffer cotangent,
                   ffi::AnyBuffer numbers, ffi::AnyBuffer constants, ffi::AnyBuffer tape,
                   ffi::Result<ffi::AnyBuffer> by_state, ffi::Result<ffi::AnyBuffer> by_numbers,
                   ffi::Result<ffi::AnyBuffer> psi, ffi::Result<ffi::AnyBuffer> work,
                   Geometry geometry);
ffi::Error overlaps(Device& device, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::AnyBuffer words,
                    ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work,
                    Geometry geometry);
ffi::Error combination(Device& device, ffi::AnyBuffer b, ffi::AnyBuffer weights,
                       ffi::AnyBuffer words, ffi::Result<ffi::AnyBuffer> out, Geometry geometry);
ffi::Error mean_and_slope(Device& device, ffi::AnyBuffer b, ffi::AnyBuffer weights,
                          ffi::AnyBuffer words, ffi::Result<ffi::AnyBuffer> mean,
                          ffi::Result<ffi::AnyBuffer> slope, ffi::Result<ffi::AnyBuffer> work,
                          Geometry geometry);
ffi::Error draw(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer words,
                ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work,
                int64_t chunk_bits, int64_t spans);
ffi::Error marginals(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer words,
                     ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work,
                     int64_t parts, int64_t high);

// HANDLER(function, binding of its operands but the device) for each of them.
#define QJAX_CUDA_HANDLERS(HANDLER)                                                        \
  HANDLER(basis, .Ret<ffi::AnyBuffer>().Attr<int64_t>("index"))                            \
  HANDLER(from_zero, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()    \
                         .Ret<ffi::AnyBuffer>().Attr<Geometry>("geometry"))                \
  HANDLER(apply, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()        \
                     .Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()                          \
                     .Attr<Geometry>("geometry"))                                          \
  HANDLER(adjoint, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()      \
                       .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()  \
                       .Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()  \
                       .Attr<Geometry>("geometry"))                                        \
  HANDLER(overlaps, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()     \
                        .Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()                       \
                        .Attr<Geometry>("geometry"))                                       \
  HANDLER(combination, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()  \
                           .Ret<ffi::AnyBuffer>().Attr<Geometry>("geometry"))              \
  HANDLER(mean_and_slope, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()                     \
                              .Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()                 \
                              .Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()                 \
                              .Attr<Geometry>("geometry"))                                 \
  HANDLER(draw, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()         \
                    .Ret<ffi::AnyBuffer>().Attr<int64_t>("chunk_bits")                     \
                    .Attr<int64_t>("spans"))                                               \
  HANDLER(marginals, .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()    \
                         .Ret<ffi::AnyBuffer>().Attr<int64_t>("parts")              \
                         .Attr<int64_t>("high"))

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_CUDA_LAUNCH_H_
