// The CUDA kernels on a CPU, as handlers of XLA for its CPU platform: the device code, the tape, the
// launches and the handlers' operands are those of a GPU, and only the launch itself is not. Races
// in shared memory are errors. With QJAX_THREADS the kernels of single precision run as a GPU's compiler
// reads them, on threads; see threads.h.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include "launch.h"
#ifdef QJAX_THREADS
#include "threads.h"
#endif
//
#include "gather.cuh"
#include "pauli.cuh"
#include "sample.cuh"
#include "sweep.cuh"

namespace qjax_cuda {
namespace {

struct Kernel {
  int64_t threads;  // at most
  std::function<void(const Block&, const void*)> run;
};

const std::map<std::string, Kernel>& kernels() {
  static const std::map<std::string, Kernel> table = {
#define QJAX_KERNEL(name, Args, threads, blocks, body)                    \
  {#name, {threads, [](const Block& block, const void* given) {           \
     const Args& args = *static_cast<const Args*>(given);                 \
     body;                                                                \
   }}},
#ifdef QJAX_THREADS
#define QJAX_PART 0
#include "kernels.cuh"
#undef QJAX_PART
#define QJAX_PART 2
#include "kernels.cuh"
#undef QJAX_PART
#define QJAX_PART 4
#include "kernels.cuh"
#else
#define QJAX_ALL_PARTS
#include "kernels.cuh"
#endif
#undef QJAX_KERNEL
  };
  return table;
}

class Emulation : public Device {
 public:
  std::string launch(const std::string& kernel, int64_t blocks, int64_t threads, int64_t shared,
                     void* args) override {
    const auto found = kernels().find(kernel);
    if (found == kernels().end()) return "there is no kernel " + kernel;
    const auto [most, run] = found->second;
    if (threads % 32 != 0 || threads > most) return "a block of " + kernel + " has an odd size";
    if (shared > kSharedBytes) return "a block of " + kernel + " has too much shared memory";
#ifdef QJAX_THREADS
    run_blocks(blocks, threads, [args, &run = run] { run(Block(), args); });
#else
    for (int64_t k = 0; k < blocks; ++k) {
      // Blocks run in no order that one could rely on.
      const int64_t index = (k * 7919 + blocks / 2) % blocks;
      const bool prime = blocks % 7919 != 0;
      const Block block(static_cast<u32>(prime ? index : k), static_cast<u32>(blocks),
                        static_cast<u32>(threads), static_cast<u32>(shared));
      run(block, args);
      if (block.raced()) return "threads race in " + kernel;
    }
#endif
    return "";
  }

  std::string clear(void* memory, size_t bytes) override {
    memset(memory, 0, bytes);
    return "";
  }
};

}  // namespace

ffi::Error initialize(ffi::RemainingArgs, ffi::RemainingRets, ffi::Dictionary) {
  return ffi::Error::Success();
}

#define QJAX_HANDLER(function, binding)                                            \
  template <class... Operands>                                                     \
  ffi::Error emulated_##function(Operands... operands) {                           \
    Emulation device;                                                              \
    return function(device, operands...);                                          \
  }
QJAX_CUDA_HANDLERS(QJAX_HANDLER)
#undef QJAX_HANDLER

}  // namespace qjax_cuda

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_cuda_initialize, qjax_cuda::initialize,
                              xla::ffi::Ffi::Bind<xla::ffi::ExecutionStage::kInitialize>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attrs());

#define QJAX_HANDLER(function, binding)                                               \
  extern "C" XLA_FFI_Error* qjax_cuda_##function(XLA_FFI_CallFrame* frame) {          \
    using namespace qjax_cuda;                                                        \
    static auto* handler = ffi::Ffi::Bind() binding                                   \
        .To([](auto... operands) {                                                    \
          return emulated_##function(operands...);                                    \
        }).release();                                                                 \
    return handler->Call(frame);                                                      \
  }
QJAX_CUDA_HANDLERS(QJAX_HANDLER)
