// XLA's thread pool as a Pool.

#ifndef QJAX_KERNELS_CPU_XLA_POOL_H_
#define QJAX_KERNELS_CPU_XLA_POOL_H_

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

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_XLA_POOL_H_
