// The device code as a GPU's compiler reads it, on threads of a CPU: a thread for each of a block, with
// barriers for __syncthreads and for exchanges between the 32 threads of a warp. Slow, for small
// blocks; there are no tensor cores.

#ifndef QJAX_KERNELS_TEST_THREADS_H_
#define QJAX_KERNELS_TEST_THREADS_H_

#include <barrier>
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

#define __CUDACC__
#define __CUDA_ARCH__ 700
#define __device__
#define __forceinline__ inline
#define __shared__
#define __align__(bytes) __attribute__((aligned(bytes)))

namespace qjax_cuda {

__align__(16) unsigned char qjax_shared[kSharedBytes];

struct Dimension {
  unsigned x = 0;
};
inline thread_local Dimension threadIdx, blockIdx, blockDim, gridDim;

struct Warp {
  std::barrier<> barrier{32};
  double values[32];
};
inline std::unique_ptr<std::barrier<>> block_barrier;
inline std::vector<std::unique_ptr<Warp>> warps;

#define __builtin_assume(condition)
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline int __double2hiint(double x) { return std::bit_cast<uint64_t>(x) >> 32; }
inline int __double2loint(double x) { return static_cast<int>(std::bit_cast<uint64_t>(x)); }
inline double __hiloint2double(int high, int low) {
  return std::bit_cast<double>(static_cast<uint64_t>(static_cast<unsigned>(high)) << 32 |
                               static_cast<unsigned>(low));
}

inline void __syncthreads() { block_barrier->arrive_and_wait(); }

template <class Value>
Value __shfl_sync(unsigned, Value value, unsigned lane) {
  Warp& warp = *warps[threadIdx.x / 32];
  warp.values[threadIdx.x % 32] = value;
  warp.barrier.arrive_and_wait();
  const Value found = static_cast<Value>(warp.values[lane % 32]);
  warp.barrier.arrive_and_wait();
  return found;
}

template <class Value>
Value __shfl_xor_sync(unsigned all, Value value, unsigned mask) {
  return __shfl_sync(all, value, threadIdx.x ^ mask);
}

inline void atomicAdd(double* to, double value) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  *to += value;
}

inline double rsqrt(double x) { return 1 / std::sqrt(x); }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline void __trap() { abort(); }
inline float __uint_as_float(unsigned bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

// Calls run() in every thread of every block, a block at a time.
template <class Run>
void run_blocks(int64_t blocks, int64_t threads, const Run& run) {
  static std::mutex mutex;  // shared memory is there once
  const std::lock_guard<std::mutex> lock(mutex);
  block_barrier = std::make_unique<std::barrier<>>(threads);
  warps.clear();
  for (int64_t w = 0; w < threads / 32; ++w) warps.push_back(std::make_unique<Warp>());
  std::vector<std::thread> all;
  for (int64_t t = 0; t < threads; ++t) {
    all.emplace_back([=, &run] {
      threadIdx.x = static_cast<unsigned>(t);
      blockDim.x = static_cast<unsigned>(threads);
      gridDim.x = static_cast<unsigned>(blocks);
      for (int64_t b = 0; b < blocks; ++b) {
        blockIdx.x = static_cast<unsigned>(b);
        if (t == 0) memset(qjax_shared, 0xff, sizeof(qjax_shared));
        block_barrier->arrive_and_wait();
        run();
        block_barrier->arrive_and_wait();
      }
    });
  }
  for (std::thread& thread : all) thread.join();
}

}  // namespace qjax_cuda

#endif  // QJAX_KERNELS_TEST_THREADS_H_
