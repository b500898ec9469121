// The handlers that XLA calls to run a plan.

#include "handlers.h"
#include "kernels.h"

namespace qjax {
namespace {

ffi::Error run_apply(ffi::ThreadPool threads, ffi::AnyBuffer state, ffi::AnyBuffer numbers,
                     ffi::AnyBuffer constants, ffi::Buffer<ffi::DataType::S32> tape,
                     ffi::Result<ffi::AnyBuffer> out) {
  XlaPool pool(threads);
  const ApplyArgs args = {tape.typed_data(),
                          state.untyped_data(),
                          state.dimensions()[0],
                          numbers.untyped_data(),
                          numbers.dimensions()[0],
                          constants.untyped_data(),
                          out->untyped_data(),
                          out->dimensions()[0]};
  return result_of(active().sweep.apply[precision(state)](pool, args));
}

ffi::Error run_adjoint(ffi::ThreadPool threads, ffi::AnyBuffer out, ffi::AnyBuffer cotangent,
                       ffi::AnyBuffer numbers, ffi::AnyBuffer constants,
                       ffi::Buffer<ffi::DataType::S32> tape, ffi::Result<ffi::AnyBuffer> by_state,
                       ffi::Result<ffi::AnyBuffer> by_numbers, ffi::Result<ffi::AnyBuffer> psi) {
  XlaPool pool(threads);
  const AdjointArgs args = {tape.typed_data(),
                            out.untyped_data(),
                            out.dimensions()[0],
                            cotangent.untyped_data(),
                            cotangent.dimensions()[0],
                            numbers.untyped_data(),
                            numbers.dimensions()[0],
                            constants.untyped_data(),
                            psi->untyped_data(),
                            by_state->untyped_data(),
                            by_numbers->untyped_data(),
                            by_state->dimensions()[0]};
  return result_of(active().sweep.adjoint[precision(out)](pool, args));
}

}  // namespace
}  // namespace qjax

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_apply, qjax::run_apply,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::DataType::S32>>()
                                  .Ret<xla::ffi::AnyBuffer>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_adjoint, qjax::run_adjoint,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::DataType::S32>>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>()
                                  .Ret<xla::ffi::AnyBuffer>());

#pragma GCC visibility pop
