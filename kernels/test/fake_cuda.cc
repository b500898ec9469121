// A libcuda.so.1 that computes nothing and remembers what it was asked: kernels/cuda/driver.cc is
// tested with it where there is no GPU. It refuses what NVIDIA's driver would refuse.
//
// An image is a text: names of kernels between spaces. One that starts with "bad" cannot be read.
// Device 3 has compute capability 7.5, and as little shared memory as that; the others have 9.0.

#include "fake_cuda.h"

#include <string.h>

#include <map>
#include <mutex>
#include <set>
#include <string>

namespace {

constexpr int kInvalidValue = 1, kInvalidImage = 200, kNoContext = 201, kNotFound = 500;
constexpr int kCaptureUnsupported = 900, kRelaxed = 2;

struct Kernel {
  std::string name;
  std::map<int, int> shared;  // most bytes, by device
};
struct Library {
  std::map<std::string, Kernel> kernels;
};
struct Function {
  Kernel* kernel;
  int device;
};

std::mutex mutex;
FakeCuda counts;
thread_local int current = -1, mode = 0;
bool refuses = false;
std::map<std::pair<Kernel*, int>, Function> functions;

bool is_old(int device) { return device == 3; }
int shared_limit(int device) { return (is_old(device) ? 64 : 227) * 1024; }

}  // namespace

extern "C" {

FakeCuda fake_counts() {
  const std::lock_guard<std::mutex> lock(mutex);
  return counts;
}
void fake_set_device(int device) { current = device; }
void fake_capture(bool on) { mode = on ? 1 : 0; }
void fake_refuse_functions(bool on) { refuses = on; }

int cuCtxGetDevice(int* device) {
  if (current < 0) return kNoContext;
  *device = current;
  return 0;
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  switch (attribute) {
    case 75: *value = is_old(device) ? 7 : 9; return 0;
    case 76: *value = is_old(device) ? 5 : 0; return 0;
    case 97: *value = shared_limit(device); return 0;
    default: return kInvalidValue;
  }
}

int cuLibraryLoadData(void** library, const void* code, void*, void*, unsigned, void*, void*, unsigned) {
  const std::lock_guard<std::mutex> lock(mutex);
  const std::string text(static_cast<const char*>(code));
  if (text.rfind("bad", 0) == 0) return kInvalidImage;
  ++counts.loads;
  auto* made = new Library;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find(' ', at);
    const std::string name = text.substr(at, end - at);
    made->kernels[name] = {name, {}};
    at = end == std::string::npos ? text.size() : end + 1;
  }
  *library = made;
  return 0;
}

int cuLibraryGetKernel(void** kernel, void* library, const char* name) {
  const std::lock_guard<std::mutex> lock(mutex);
  ++counts.lookups;
  auto& kernels = static_cast<Library*>(library)->kernels;
  const auto found = kernels.find(name);
  if (found == kernels.end()) return kNotFound;
  *kernel = &found->second;
  return 0;
}

int cuKernelSetAttribute(int attribute, int value, void* kernel, int device) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (attribute != 8 || value > shared_limit(device)) return kInvalidValue;
  static_cast<Kernel*>(kernel)->shared[device] = value;
  return 0;
}

// Loads the code to the device, which may not happen while this thread captures.
int cuKernelGetFunction(void** function, void* kernel) {
  const std::lock_guard<std::mutex> lock(mutex);
  if (current < 0) return kNoContext;
  if (mode == 1) return kCaptureUnsupported;
  if (refuses) return kInvalidValue;
  auto* const of = static_cast<Kernel*>(kernel);
  Function& made = functions[{of, current}];
  made = {of, current};
  *function = &made;
  return 0;
}

int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned,
                   unsigned shared, void*, void** params, void**) {
  const std::lock_guard<std::mutex> lock(mutex);
  auto* const made = static_cast<Function*>(function);
  if (made->device != current) return kInvalidValue;
  const auto most = made->kernel->shared.find(current);
  const unsigned allowed = most == made->kernel->shared.end() ? 48 * 1024 : most->second;
  const bool sizes = x >= 1 && x <= 0x7fffffff && y == 1 && z == 1 && threads >= 1 && threads <= 1024;
  if (!sizes || shared > allowed || params == nullptr || params[0] == nullptr) return kInvalidValue;
  ++counts.launches;
  return 0;
}

int cuMemsetD8Async(unsigned long long, unsigned char, size_t, void*) { return 0; }

int cuThreadExchangeStreamCaptureMode(int* other) {
  const int before = mode;
  mode = *other;
  *other = before;
  return 0;
}

int cuGetErrorString(int result, const char** text) {
  static const std::map<int, const char*> texts = {
      {kInvalidValue, "invalid argument"}, {kInvalidImage, "device kernel image is invalid"}};
  const auto found = texts.find(result);
  if (found == texts.end()) return kInvalidValue;
  *text = found->second;
  return 0;
}
}
