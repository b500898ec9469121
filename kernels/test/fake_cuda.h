#ifndef QJAX_KERNELS_TEST_FAKE_CUDA_H_
#define QJAX_KERNELS_TEST_FAKE_CUDA_H_

struct FakeCuda {
  int loads, lookups, launches;
};

extern "C" {
FakeCuda fake_counts();
void fake_set_device(int device);  // of this thread; -1 for no context
void fake_capture(bool on);        // whether this thread captures a graph
void fake_refuse_functions(bool on);
}

#endif  // QJAX_KERNELS_TEST_FAKE_CUDA_H_
