// The handlers that XLA calls for measurements.

#include "handlers.h"
#include "sample.h"

namespace qjax {
namespace {

int qubits_of(const ffi::AnyBuffer& state) {
  return __builtin_ctzll(static_cast<unsigned long long>(state.dimensions()[1]));
}

ffi::Error run_draw(ffi::ThreadPool threads, ffi::AnyBuffer state,
                    ffi::Buffer<ffi::DataType::U32> words,
                    ffi::Result<ffi::Buffer<ffi::DataType::S32>> out) {
  XlaPool pool(threads);
  const DrawArgs args = {qubits_of(state),    state.untyped_data(),  words.typed_data(),
                         out->typed_data(),   out->dimensions()[1],  state.dimensions()[0]};
  return result_of(precision(state) ? draw<double>(pool, args) : draw<float>(pool, args));
}

ffi::Error run_marginals(ffi::ThreadPool threads, ffi::AnyBuffer state,
                         ffi::Buffer<ffi::DataType::S32> chosen, ffi::Result<ffi::AnyBuffer> out) {
  XlaPool pool(threads);
  const MarginalArgs args = {qubits_of(state),
                             state.untyped_data(),
                             chosen.typed_data(),
                             static_cast<int>(chosen.dimensions()[0]),
                             out->untyped_data(),
                             state.dimensions()[0]};
  return result_of(precision(state) ? marginals<double>(pool, args)
                                    : marginals<float>(pool, args));
}

}  // namespace
}  // namespace qjax

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_draw, qjax::run_draw,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::DataType::U32>>()
                                  .Ret<xla::ffi::Buffer<xla::ffi::DataType::S32>>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_marginals, qjax::run_marginals,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::Buffer<xla::ffi::DataType::S32>>()
                                  .Ret<xla::ffi::AnyBuffer>());

#pragma GCC visibility pop
