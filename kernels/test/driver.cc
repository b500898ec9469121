// What the CUDA engine asks of NVIDIA's driver, beside fake_cuda.cc. Prints the line of a failure.

#include "../cuda/driver.cc"

#include <stdio.h>

#include <thread>

#include "fake_cuda.h"

using namespace qjax_cuda;

#define EXPECT(condition)                                 \
  if (!(condition)) {                                     \
    fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
    return 1;                                             \
  }

namespace {

constexpr int64_t kLarge = 64 * 1024;

std::string added(int architecture, const std::string& code) {
  const char* why = qjax_cuda_add_image(architecture, code.c_str(), code.size());
  return why == nullptr ? "" : why;
}

std::string launched(const std::string& kernel, int64_t shared = 0) {
  int argument = 0;
  return Gpu(nullptr).launch(kernel, 1, 256, shared, &argument);
}

bool initialized() { return prepared().empty(); }

int run() {
  // An image that the driver cannot read is refused when it is added.
  EXPECT(added(90, "bad") == "cuLibraryLoadData failed: device kernel image is invalid");
  EXPECT(added(90, "qjax_forward_f4 qjax_forward_f2").empty());
  EXPECT(added(80, "qjax_forward_d3").empty());
  EXPECT(fake_counts().loads == 2);

  // A thread without a context has nothing to load, and cannot launch.
  EXPECT(initialized());
  EXPECT(fake_counts().lookups == 0);
  EXPECT(launched("qjax_forward_f4").rfind("cuCtxGetDevice failed", 0) == 0);

  // Kernels are looked up once for each device, by no more than one load.
  fake_set_device(0);
  EXPECT(initialized());
  const int lookups = fake_counts().lookups;
  EXPECT(lookups > 0);
  EXPECT(initialized());
  EXPECT(launched("qjax_forward_f4").empty());
  EXPECT(fake_counts().lookups == lookups);
  fake_set_device(1);
  EXPECT(launched("qjax_forward_f4").empty());
  EXPECT(fake_counts().lookups == 2 * lookups);
  EXPECT(fake_counts().loads == 2);

  // What was compiled for another GPU, or not at all, is said.
  EXPECT(launched("qjax_forward_d3") == "the kernel qjax_forward_d3 was not compiled for this GPU");
  EXPECT(launched("nonsense") == "the kernel nonsense was not compiled for this GPU");

  // Kernels that come later are found, also while a graph is captured.
  EXPECT(added(90, "qjax_backward_d3 qjax_gather_d").empty());
  fake_capture(true);
  EXPECT(launched("qjax_gather_d").empty());
  EXPECT(launched("qjax_forward_f2").empty());
  fake_capture(false);

  // Two states need more shared memory than any kernel has unasked, on every device.
  for (const int device : {0, 1}) {
    fake_set_device(device);
    EXPECT(launched("qjax_backward_d3", kLarge).empty());
  }
  EXPECT(launched("qjax_forward_f4", kLarge).empty());
  EXPECT(launched("qjax_gather_d", kLarge) == "qjax_gather_d failed: invalid argument");

  // A device that allows less of it gives what it has.
  EXPECT(added(75, "qjax_backward_f4").empty());
  fake_set_device(3);
  EXPECT(launched("qjax_backward_f4", kLarge).empty());
  EXPECT(launched("qjax_backward_f4", kSharedBytes) == "qjax_backward_f4 failed: invalid argument");

  // What cannot be loaded keeps no kernel from running that is there.
  fake_set_device(0);
  fake_refuse_functions(true);
  EXPECT(added(90, "qjax_draw_f").empty());
  EXPECT(launched("qjax_draw_f") == "cuKernelGetFunction failed: invalid argument");
  EXPECT(launched("qjax_forward_f4").empty());
  fake_refuse_functions(false);
  EXPECT(launched("qjax_draw_f").empty());

  // Threads of several devices.
  const int before = fake_counts().launches;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([t] {
      fake_set_device(t % 3);
      for (int k = 0; k < 100; ++k) {
        if (initialized()) launched(k % 2 ? "qjax_forward_f2" : "qjax_gather_d");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT(fake_counts().launches == before + 800);
  return 0;
}

}  // namespace

int main() { return run(); }
