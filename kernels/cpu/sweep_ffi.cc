// The handlers that XLA calls to run a plan.

#include <string.h>

#include "handlers.h"
#include "kernels.h"

namespace qjax {
namespace {

// Writes a basis state, by parts.
struct Basis {
  char* out;
  int64_t bytes, part;

  static int64_t items(void* self, int) {
    const Basis* b = static_cast<Basis*>(self);
    return (b->bytes + b->part - 1) / b->part;
  }
  static void body(void* self, int, int64_t item) {
    const Basis* b = static_cast<Basis*>(self);
    const int64_t start = item * b->part;
    const int64_t rest = b->bytes - start;
    memset(b->out + start, 0, static_cast<size_t>(rest < b->part ? rest : b->part));
  }
};

ffi::Error run_basis(ffi::ThreadPool threads, ffi::Result<ffi::AnyBuffer> out, int64_t index) {
  XlaPool pool(threads);
  char* const data = static_cast<char*>(out->untyped_data());
  const int64_t bytes = static_cast<int64_t>(out->size_bytes());
  prefer_large_pages(data, static_cast<size_t>(bytes));
  Basis basis = {data, bytes, int64_t{1} << 21};
  const Work work = {&basis, 1, &Basis::items, &Basis::body, nullptr};
  run(pool, work, bytes > basis.part ? allowed_threads(pool) : 1);
  if (precision(*out)) {
    reinterpret_cast<double*>(data)[2 * index] = 1;
  } else {
    reinterpret_cast<float*>(data)[2 * index] = 1;
  }
  return ffi::Error::Success();
}

ffi::Error run_apply(ffi::ThreadPool threads, ffi::AnyBuffer state, ffi::AnyBuffer numbers,
                     ffi::AnyBuffer constants, ffi::Buffer<ffi::DataType::S32> tape,
                     ffi::Result<ffi::AnyBuffer> out) {
  XlaPool pool(threads);
  if (out->untyped_data() != state.untyped_data()) {
    prefer_large_pages(out->untyped_data(), out->size_bytes());
  }
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

XLA_FFI_DEFINE_HANDLER_SYMBOL(
    qjax_basis, qjax::run_basis,
    xla::ffi::Ffi::Bind().Ctx<xla::ffi::ThreadPool>().Ret<xla::ffi::AnyBuffer>().Attr<int64_t>(
        "index"));

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
