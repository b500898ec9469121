// Work shared among threads: phases of equal items, in an order that never changes the result.

#ifndef QJAX_KERNELS_CPU_POOL_H_
#define QJAX_KERNELS_CPU_POOL_H_

#include <stddef.h>
#include <stdint.h>

namespace qjax {

// Threads that somebody else owns: XLA's pool, or std::thread in the tests.
class Pool {
 public:
  virtual ~Pool() = default;
  virtual int threads() const = 0;
  // Runs task(argument) some time, on some thread.
  virtual void schedule(void (*task)(void*), void* argument) = 0;
};

// A computation in phases: all items of a phase run before the next begins, each on any thread.
struct Work {
  void* context;
  int phases;
  // items(context, phase): how many items; called once per phase, by the calling thread.
  int64_t (*items)(void* context, int phase);
  // body(context, phase, item): must touch nothing that another item of the phase writes.
  void (*body)(void* context, int phase, int64_t item);
  // finish(context, phase): called by the calling thread when all items are done; may be null.
  void (*finish)(void* context, int phase);
};

// Runs the work on the calling thread and up to max_threads - 1 others. The calling thread works too
// and never waits for a task that has not started, so it cannot deadlock on a busy pool.
void run(Pool& pool, const Work& work, int max_threads);

// Memory of the calling thread, aligned to a cache line, kept for its next call of the same slot.
// Contents are undefined. Returns null if there is no memory left.
void* scratch(int slot, size_t bytes);

// Asks the system for large pages under memory that is about to be written for the first time: a
// tile of a large state spans many small ones, and their addresses would miss the processor's cache
// of them.
void prefer_large_pages(void* data, size_t bytes);

// How many threads a computation may use: those of the pool, capped by QJAX_NUM_THREADS.
int allowed_threads(const Pool& pool);

}  // namespace qjax

#endif  // QJAX_KERNELS_CPU_POOL_H_
