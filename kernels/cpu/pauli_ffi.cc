// The handlers that XLA calls for observables.

#include "handlers.h"
#include "kernels.h"

namespace qjax {
namespace {

using Terms = ffi::Buffer<ffi::DataType::S32>;

ffi::Error run_overlaps(ffi::ThreadPool threads, ffi::AnyBuffer a, ffi::AnyBuffer b, Terms terms,
                        ffi::Result<ffi::AnyBuffer> out) {
  XlaPool pool(threads);
  const OverlapArgs args = {{terms.typed_data()}, a.untyped_data(),   a.dimensions()[0],
                            b.untyped_data(),     b.dimensions()[0],  out->untyped_data(),
                            is_real(*out),        out->dimensions()[0]};
  return result_of(active().pauli.overlaps[precision(a)](pool, args));
}

ffi::Error run_combination(ffi::ThreadPool threads, ffi::AnyBuffer b, ffi::AnyBuffer weights,
                           Terms terms, ffi::Result<ffi::AnyBuffer> out) {
  XlaPool pool(threads);
  prefer_large_pages(out->untyped_data(), out->size_bytes());
  const CombinationArgs args = {{terms.typed_data()},    b.untyped_data(),
                                b.dimensions()[0],       weights.untyped_data(),
                                weights.dimensions()[0], out->untyped_data(),
                                is_real(weights),        out->dimensions()[0]};
  return result_of(active().pauli.combination[precision(b)](pool, args));
}

}  // namespace
}  // namespace qjax

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_overlaps, qjax::run_overlaps,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<qjax::Terms>()
                                  .Ret<xla::ffi::AnyBuffer>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_combination, qjax::run_combination,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<xla::ffi::AnyBuffer>()
                                  .Arg<qjax::Terms>()
                                  .Ret<xla::ffi::AnyBuffer>());

#pragma GCC visibility pop
