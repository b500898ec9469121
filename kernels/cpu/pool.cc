#include "pool.h"

#include <stdlib.h>

#include <atomic>
#include <memory>
#include <thread>

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace qjax {
namespace {

constexpr int kItemBits = 40;
constexpr int kSlots = 8;
constexpr size_t kAlignment = 64;
constexpr int kSpins = 2000;  // some tens of microseconds

// The ticket holds the phase and its next item; whoever advances it runs the item.
struct Region {
  Work work;
  std::thread::id caller;
  std::atomic<uint64_t> ticket{0};
  std::atomic<int64_t> items{0};
  std::atomic<int64_t> done{0};

  // Runs one item, if there is one. Sets `over` when all phases have ended.
  bool step(bool* over) {
    uint64_t seen = ticket.load(std::memory_order_acquire);
    const int phase = static_cast<int>(seen >> kItemBits);
    if (phase >= work.phases) {
      *over = true;
      return false;
    }
    const int64_t item = static_cast<int64_t>(seen & ((uint64_t{1} << kItemBits) - 1));
    if (item >= items.load(std::memory_order_acquire)) return false;
    if (!ticket.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) return true;
    work.body(work.context, phase, item);
    done.fetch_add(1, std::memory_order_acq_rel);
    return true;
  }
};

void rest(int* spins) {
  if (++*spins > kSpins) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

void help(void* argument) {
  std::unique_ptr<std::shared_ptr<Region>> region(static_cast<std::shared_ptr<Region>*>(argument));
  // A full pool runs a task where it is scheduled; the caller must not wait for itself.
  const bool waits = (*region)->caller != std::this_thread::get_id();
  bool over = false;
  int spins = 0;
  while (!over) {
    if ((*region)->step(&over)) {
      spins = 0;
    } else if (waits) {
      rest(&spins);
    } else {
      return;
    }
  }
}

struct Buffer {
  void* data = nullptr;
  size_t size = 0;
  ~Buffer() { free(data); }
};

}  // namespace

void run(Pool& pool, const Work& work, int max_threads) {
  auto region = std::make_shared<Region>();
  region->work = work;
  region->caller = std::this_thread::get_id();
  bool invited = false;
  for (int phase = 0; phase < work.phases; ++phase) {
    const int64_t items = work.items(work.context, phase);
    if (max_threads <= 1 || (!invited && items <= 1)) {
      for (int64_t item = 0; item < items; ++item) work.body(work.context, phase, item);
    } else {
      region->done.store(0, std::memory_order_relaxed);
      region->ticket.store(static_cast<uint64_t>(phase) << kItemBits, std::memory_order_release);
      region->items.store(items, std::memory_order_release);
      if (!invited) {
        invited = true;
        for (int t = 1; t < max_threads; ++t) {
          pool.schedule(help, new std::shared_ptr<Region>(region));
        }
      }
      bool over = false;
      while (region->step(&over)) {
      }
      int spins = 0;
      while (region->done.load(std::memory_order_acquire) < items) {
        if (region->step(&over)) continue;
        rest(&spins);
      }
      region->items.store(0, std::memory_order_release);
    }
    if (work.finish != nullptr) work.finish(work.context, phase);
  }
  region->ticket.store(static_cast<uint64_t>(work.phases) << kItemBits, std::memory_order_release);
}

void* scratch(int slot, size_t bytes) {
  thread_local Buffer buffers[kSlots];
  Buffer& buffer = buffers[slot];
  if (buffer.size < bytes) {
    free(buffer.data);
    const size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    buffer.data = aligned_alloc(kAlignment, size);
    buffer.size = buffer.data == nullptr ? 0 : size;
  }
  return buffer.data;
}

void prefer_large_pages(void* data, size_t bytes) {
#if defined(__linux__)
  constexpr uintptr_t kPage = uintptr_t{1} << 21;
  const uintptr_t first = (reinterpret_cast<uintptr_t>(data) + kPage - 1) / kPage * kPage;
  const uintptr_t last = (reinterpret_cast<uintptr_t>(data) + bytes) / kPage * kPage;
  // A refusal costs speed only.
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#else
  (void)data;
  (void)bytes;
#endif
}

int allowed_threads(const Pool& pool) {
  static const int cap = [] {
    const char* text = getenv("QJAX_NUM_THREADS");
    const int number = text == nullptr ? 0 : atoi(text);
    return number > 0 ? number : 1 << 20;
  }();
  const int threads = pool.threads();
  return threads < cap ? threads : cap;
}

}  // namespace qjax
