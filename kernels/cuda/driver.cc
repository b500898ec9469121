// The device of the CUDA engine: NVIDIA's driver, found at run time, and the handlers that XLA calls.
//
// Python compiles the kernels and gives the images here. A handler loads them when a program is
// initialized, so that its execution only launches: XLA may record it as a CUDA graph.

#include <dlfcn.h>
#include <string.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "launch.h"

namespace qjax_cuda {
namespace {

// What is used of the driver's interface, https://docs.nvidia.com/cuda/cuda-driver-api.
using Result = int;
using DeviceId = int;
struct Library_;
struct Kernel_;
struct Function_;
struct Stream_;
constexpr int kMajor = 75, kMinor = 76;  // attributes of a device: its compute capability
constexpr int kSharedLimit = 97;         // and the most shared memory that a block may ask for
constexpr int kInvalidImage = 200;       // results: a driver that cannot read an image,
constexpr int kNoContext = 201;          // a thread without a current context,
constexpr int kNoBinary = 209;           // an image for another GPU,
constexpr int kNewerCompiler = 222;      // or by a compiler that the driver does not know,
constexpr int kNotFound = 500;           // and no kernel of a name
constexpr int kRelaxed = 2;              // mode of capture: what is unsafe there is allowed
constexpr int kMaxShared = 8;            // attribute of a kernel: most dynamic shared memory

struct Driver {
  void* handle = nullptr;
  Result (*get_device)(DeviceId*) = nullptr;
  Result (*get_attribute)(int*, int, DeviceId) = nullptr;
  Result (*load)(Library_**, const void*, void*, void*, unsigned, void*, void*, unsigned) = nullptr;
  Result (*get_kernel)(Kernel_**, Library_*, const char*) = nullptr;
  Result (*set_attribute)(int, int, Kernel_*, DeviceId) = nullptr;
  Result (*get_function)(Function_**, Kernel_*) = nullptr;
  Result (*launch)(Function_*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                   Stream_*, void**, void**) = nullptr;
  Result (*clear)(unsigned long long, unsigned char, size_t, Stream_*) = nullptr;
  Result (*exchange_mode)(int*) = nullptr;
  Result (*error_text)(Result, const char**) = nullptr;
  std::string failure;

  Driver() {
    handle = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      failure = "NVIDIA's driver, libcuda.so.1, cannot be loaded";
      return;
    }
    find("cuCtxGetDevice", &get_device);
    find("cuDeviceGetAttribute", &get_attribute);
    find("cuLibraryLoadData", &load);
    find("cuLibraryGetKernel", &get_kernel);
    find("cuKernelSetAttribute", &set_attribute);
    find("cuKernelGetFunction", &get_function);
    find("cuLaunchKernel", &launch);
    find("cuMemsetD8Async", &clear);
    find("cuThreadExchangeStreamCaptureMode", &exchange_mode);
    find("cuGetErrorString", &error_text);
  }

  template <class F>
  void find(const char* name, F* function) {
    *function = reinterpret_cast<F>(dlsym(handle, name));
    if (*function == nullptr) failure = std::string("NVIDIA's driver is too old: it has no ") + name;
  }

  std::string text(const char* what, Result result) const {
    if (result == 0) return "";
    const char* why = nullptr;
    error_text(result, &why);
    return std::string(what) + " failed: " + (why == nullptr ? std::to_string(result) : why);
  }
};

const Driver& driver() {
  static const Driver loaded;
  return loaded;
}

const char* const kKernels[] = {
#define QJAX_KERNEL(name, Args, threads, blocks, body) #name,
#define QJAX_ALL_PARTS
#include "kernels.cuh"
#undef QJAX_KERNEL
};

struct Image {
  int architecture;
  std::string code;
  Library_* library = nullptr;
};

// Lets this thread load kernels while XLA records a CUDA graph.
class Relaxed {
 public:
  Relaxed() { driver().exchange_mode(&mode_); }
  ~Relaxed() { driver().exchange_mode(&mode_); }
  Relaxed(const Relaxed&) = delete;

 private:
  int mode_ = kRelaxed;
};

// The images, and the functions of each device; what is here once stays.
struct Loaded {
  std::mutex mutex;
  std::vector<Image*> images;
  std::map<DeviceId, size_t> seen;  // how many of them a device has
  std::map<std::pair<DeviceId, std::string>, Function_*> functions;
};

Loaded& loaded() {
  static Loaded* const all = new Loaded;  // outlives every thread
  return *all;
}

Result load(Image* image) {
  if (image->library != nullptr) return 0;
  return driver().load(&image->library, image->code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0);
}

// The kernels of an image, for the current device, of which a block may have so many bytes of shared
// memory. The lock is held.
std::string load_kernels(Image* image, DeviceId device, int shared_bytes) {
  const Driver& d = driver();
  std::string failure = d.text("cuLibraryLoadData", load(image));
  for (const char* name : kKernels) {
    if (!failure.empty()) return failure;
    Function_*& function = loaded().functions[{device, name}];
    Kernel_* kernel = nullptr;
    const Result found = function != nullptr ? kNotFound : d.get_kernel(&kernel, image->library, name);
    if (found == kNotFound) continue;
    failure = d.text("cuLibraryGetKernel", found);
    if (failure.empty() && strstr(name, "ward") != nullptr) {  // forward, backward
      failure = d.text("cuKernelSetAttribute",
                       d.set_attribute(kMaxShared, shared_bytes, kernel, device));
    }
    if (failure.empty()) failure = d.text("cuKernelGetFunction", d.get_function(&function, kernel));
  }
  return failure;
}

// Loads all kernels that there are for the current device. The lock is held.
std::string load_all(DeviceId device) {
  size_t& seen = loaded().seen[device];
  if (seen == loaded().images.size()) return "";
  const Driver& d = driver();
  const Relaxed relaxed;
  int major = 0, minor = 0, most = 0;
  const std::pair<int, int*> asked[] = {{kMajor, &major}, {kMinor, &minor}, {kSharedLimit, &most}};
  std::string failure;
  for (const auto& [attribute, value] : asked) {
    if (failure.empty()) {
      failure = d.text("cuDeviceGetAttribute", d.get_attribute(value, attribute, device));
    }
  }
  for (; failure.empty() && seen < loaded().images.size(); seen += failure.empty()) {
    Image* const image = loaded().images[seen];
    if (image->architecture == 10 * major + minor) {
      failure = load_kernels(image, device, std::min(kSharedBytes, most));
    }
  }
  return failure;
}

std::string function_of(const std::string& name, Function_** found) {
  const Driver& d = driver();
  if (!d.failure.empty()) return d.failure;
  DeviceId device = 0;
  const std::string failure = d.text("cuCtxGetDevice", d.get_device(&device));
  if (!failure.empty()) return failure;
  const std::lock_guard<std::mutex> lock(loaded().mutex);
  Function_*& function = loaded().functions[{device, name}];
  if (function == nullptr) {
    const std::string why = load_all(device);
    if (!why.empty()) return why;
  }
  *found = function;
  return function == nullptr ? "the kernel " + name + " was not compiled for this GPU" : "";
}

class Gpu : public Device {
 public:
  explicit Gpu(Stream_* stream) : stream_(stream) {}

  std::string launch(const std::string& kernel, int64_t blocks, int64_t threads, int64_t shared,
                     void* args) override {
    Function_* function = nullptr;
    const std::string failure = function_of(kernel, &function);
    if (!failure.empty()) return failure;
    void* params[] = {args};
    return driver().text(kernel.c_str(),
                         driver().launch(function, static_cast<unsigned>(blocks), 1, 1,
                                         static_cast<unsigned>(threads), 1, 1,
                                         static_cast<unsigned>(shared), stream_, params, nullptr));
  }

  std::string clear(void* memory, size_t bytes) override {
    if (bytes == 0 || !driver().failure.empty()) return driver().failure;
    const auto address = reinterpret_cast<unsigned long long>(memory);
    return driver().text("cuMemsetD8Async", driver().clear(address, 0, bytes, stream_));
  }

 private:
  Stream_* stream_;
};

// Loads what there is for the current device.
std::string prepared() {
  const Driver& d = driver();
  if (!d.failure.empty()) return d.failure;
  DeviceId device = 0;
  const Result result = d.get_device(&device);
  if (result == kNoContext) return "";  // the first execution will load
  if (result != 0) return d.text("cuCtxGetDevice", result);
  const std::lock_guard<std::mutex> lock(loaded().mutex);
  return load_all(device);
}

ffi::Error initialize(ffi::RemainingArgs, ffi::RemainingRets, ffi::Dictionary) {
  const std::string failure = prepared();
  return failure.empty() ? ffi::Error::Success() : ffi::Error::Internal("qjax: " + failure);
}

#define QJAX_HANDLER(function, binding)                           \
  template <class... Operands>                                    \
  ffi::Error gpu_##function(Stream_* stream, Operands... operands) { \
    Gpu device(stream);                                           \
    return function(device, operands...);                         \
  }
QJAX_CUDA_HANDLERS(QJAX_HANDLER)
#undef QJAX_HANDLER

}  // namespace
}  // namespace qjax_cuda

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(qjax_cuda_initialize, qjax_cuda::initialize,
                              xla::ffi::Ffi::Bind<xla::ffi::ExecutionStage::kInitialize>()
                                  .RemainingArgs()
                                  .RemainingRets()
                                  .Attrs());

#define QJAX_HANDLER(function, binding)                                                  \
  extern "C" XLA_FFI_Error* qjax_cuda_##function(XLA_FFI_CallFrame* frame) {             \
    using namespace qjax_cuda;                                                           \
    static auto* handler =                                                               \
        ffi::Ffi::Bind().Ctx<ffi::PlatformStream<Stream_*>>() binding                    \
            .To([](Stream_* stream, auto... operands) {                                  \
                  return gpu_##function(stream, operands...);                            \
                },                                                                       \
                {ffi::Traits::kCmdBufferCompatible})                                     \
            .release();                                                                  \
    return handler->Call(frame);                                                         \
  }
QJAX_CUDA_HANDLERS(QJAX_HANDLER)
#undef QJAX_HANDLER

extern "C" {

// Adds compiled kernels for GPUs of compute capability architecture / 10. Gives null, or why the
// driver cannot run them. A driver that only lacks what comes later, as a context, is asked again.
const char* qjax_cuda_add_image(int architecture, const char* code, size_t size) {
  using namespace qjax_cuda;
  static thread_local std::string why;
  why = driver().failure;
  if (!why.empty()) return why.c_str();
  auto* const image = new Image{architecture, std::string(code, size)};
  const std::lock_guard<std::mutex> lock(loaded().mutex);
  const Result result = load(image);
  if (result == kInvalidImage || result == kNoBinary || result == kNewerCompiler) {
    why = driver().text("cuLibraryLoadData", result);
    delete image;
    return why.c_str();
  }
  loaded().images.push_back(image);
  return nullptr;
}

// The version of the tape, which must be that of qjax/engine/cuda_words.py.
int qjax_cuda_tape_version() { return qjax_cuda::kTapeVersion; }
}
#pragma GCC visibility pop
