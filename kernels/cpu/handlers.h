// What the handlers share: XLA's thread pool as a Pool, and questions about buffers.

#ifndef QJAX_KERNELS_CPU_HANDLERS_H_
#define QJAX_KERNELS_CPU_HANDLERS_H_

#include "pool.h"
#include "xla/ffi/api/ffi.h"

namespace qjax {

class XlaPool : public Pool {
 public:
  explicit XlaPool(xla::ffi::ThreadPool& threads) : threads_(threads) {}

  int threads() const override { return static_cast<int>(threads_.num_threads()); }

  void schedule(void (*task)(void*), void* argument) override {
    threads_.Schedule([task, argument] { task(argument); });
  }

 private:
  xla::ffi::ThreadPool& threads_;
};

namespace ffi = xla::ffi;

inline ffi::Error result_of(const char* failure) {
  return failure == nullptr ? ffi::Error::Success() : ffi::Error::Internal(failure);
}

// 0 for single and 1 for double precision.
inline int precision(const ffi::AnyBuffer& buffer) {
  const ffi::DataType type = buffer.element_type();
  return type == ffi::DataType::C128 || type == ffi::DataType::F64 ? 1 : 0;
}

inline bool is_real(const ffi::AnyBuffer& buffer) {
  return buffer.element_type() == ffi::DataType::F32 || buffer.element_type() == ffi::DataType::F64;
}

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_HANDLERS_H_
