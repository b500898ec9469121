// Runs cases (see cases.py) with every instruction set of this processor, in both precisions, with
// one thread and with several, and compares with the results of another engine. Built with
// sanitizers by run.sh.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "kernels.h"
#include "sample.h"

namespace {

// Threads of its own, one per task.
class Threads : public qjax::Pool {
 public:
  explicit Threads(int count) : count_(count) {}
  ~Threads() override {
    for (std::thread& thread : started_) thread.join();
  }
  int threads() const override { return count_; }
  void schedule(void (*task)(void*), void* argument) override {
    started_.emplace_back(task, argument);
  }

 private:
  int count_;
  std::vector<std::thread> started_;
};

template <class T>
std::vector<T> read(std::ifstream& file, int64_t count) {
  std::vector<T> out(count);
  file.read(reinterpret_cast<char*>(out.data()), count * sizeof(T));
  return out;
}

template <class R>
std::vector<R> as(const std::vector<double>& from) {
  return std::vector<R>(from.begin(), from.end());
}

template <class R>
double difference(const std::vector<R>& a, const std::vector<double>& b) {
  double worst = 0;
  for (size_t i = 0; i < b.size(); ++i) worst = std::max(worst, std::abs(double(a[i]) - b[i]));
  return worst;
}

struct Case {
  int64_t n, batch, rows, numbers;
  std::vector<int32_t> tape;
  std::vector<double> constants, buffer, state, out, cotangent, by_state, by_numbers;

  explicit Case(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::vector<int64_t> head = read<int64_t>(file, 6);
    n = head[0], batch = head[1], rows = head[2], numbers = head[3];
    const int64_t amplitudes = 2 * batch << n;
    tape = read<int32_t>(file, head[4]);
    constants = read<double>(file, head[5]);
    buffer = read<double>(file, rows * numbers);
    state = read<double>(file, amplitudes);
    out = read<double>(file, amplitudes);
    cotangent = read<double>(file, amplitudes);
    by_state = read<double>(file, amplitudes);
    by_numbers = read<double>(file, rows * numbers);
  }
};

// The results of one run, in the order of Case's.
template <class R>
struct Results {
  std::vector<R> out, by_state, by_numbers;
};

template <class R>
Results<R> run(const Case& c, const qjax::SweepKernels& kernels, int threads) {
  constexpr int kPrecision = sizeof(R) == 8;
  const std::vector<R> constants = as<R>(c.constants), buffer = as<R>(c.buffer);
  const std::vector<R> state = as<R>(c.state), after = as<R>(c.out), cot = as<R>(c.cotangent);
  Results<R> r;
  r.out.resize(c.out.size());
  r.by_state.resize(c.out.size());
  r.by_numbers.resize(c.by_numbers.size() + 1);
  std::vector<R> psi(c.out.size());
  Threads pool(threads);
  const qjax::ApplyArgs apply = {c.tape.data(), state.data(),     c.batch,      buffer.data(),
                                 c.rows,        constants.data(), r.out.data(), c.batch};
  const qjax::AdjointArgs adjoint = {
      c.tape.data(), after.data(),     c.batch,    cot.data(),        c.batch,             buffer.data(),
      c.rows,        constants.data(), psi.data(), r.by_state.data(), r.by_numbers.data(), c.batch};
  for (const char* error : {kernels.apply[kPrecision](pool, apply),
                            kernels.adjoint[kPrecision](pool, adjoint)}) {
    if (error != nullptr) {
      printf("%s\n", error);
      exit(1);
    }
  }
  return r;
}

template <class R>
bool check(const Case& c, const std::string& name, const char* isa,
           const qjax::SweepKernels& kernels) {
  const Results<R> one = run<R>(c, kernels, 1), several = run<R>(c, kernels, 3);
  // Some 60 gates round each number a few times; sums run over all amplitudes of the batch.
  const double eps = sizeof(R) == 8 ? 2.3e-16 : 1.2e-7;
  const double tolerance = 16 * 64 * eps, sums = tolerance * std::sqrt(double(c.batch << c.n));
  const double a = difference(one.out, c.out), b = difference(one.by_state, c.by_state);
  const double d = difference(one.by_numbers, c.by_numbers);
  const bool same = one.out == several.out && one.by_state == several.by_state &&
                    one.by_numbers == several.by_numbers;
  const bool good = a < tolerance && b < tolerance && d < sums && same;
  if (!good) {
    printf("%s %s %zu bytes: state %.1e, cotangent %.1e, numbers %.1e%s\n", name.c_str(), isa,
           sizeof(R), a, b, d, same ? "" : ", threads differ");
  }
  return good;
}

// Marginals of random qubits of random states, beside sums one by one.
template <class R>
int check_marginals() {
  std::mt19937 random(1);
  std::normal_distribution<R> normal;
  Threads pool(3);
  int failed = 0;
  for (int n = 1; n <= 14; ++n) {
    const int k = static_cast<int>(random() % (n + 1)), batch = 1 + random() % 3;
    std::vector<int32_t> qubits(n);
    std::iota(qubits.begin(), qubits.end(), 0);
    std::shuffle(qubits.begin(), qubits.end(), random);
    std::vector<R> state(static_cast<size_t>(batch) * 2 << n), found(static_cast<size_t>(batch) << k);
    for (R& part : state) part = normal(random);
    std::vector<double> expected(found.size());
    for (int64_t i = 0; i < static_cast<int64_t>(batch) << n; ++i) {
      int64_t outcome = i >> n << k;
      for (int b = 0; b < k; ++b) outcome |= (i >> qubits[b] & 1) << b;
      expected[outcome] += std::norm(std::complex<double>(state[2 * i], state[2 * i + 1]));
    }
    const qjax::MarginalArgs args = {n, state.data(), qubits.data(), k, found.data(), batch};
    const char* error = qjax::marginals<R>(pool, args);
    // Sums of at most 2^14 squares in double precision, rounded once.
    const double largest = *std::max_element(expected.begin(), expected.end());
    const double tolerance = (sizeof(R) == 8 ? 2.3e-16 * (1 << 14) : 1.2e-7) * largest;
    if (error != nullptr || !(difference(found, expected) <= tolerance)) {
      printf("marginals of %d of %d qubits, %zu bytes: wrong\n", k, n, sizeof(R));
      ++failed;
    }
  }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  struct Isa {
    const char* name;
    bool runs;
    qjax::Kernels (*kernels)();
  };
  const Isa isas[] = {
      {"portable", true, [] { return qjax::Kernels{"", qjax::portable::sweep_kernels(), {}}; }},
#if defined(__x86_64__)
      {"avx2", __builtin_cpu_supports("avx2") != 0,
       [] { return qjax::Kernels{"", qjax::avx2::sweep_kernels(), {}}; }},
      {"avx512", __builtin_cpu_supports("avx512dq") != 0,
       [] { return qjax::Kernels{"", qjax::avx512::sweep_kernels(), {}}; }},
#endif
  };
  int checked = 0, failed = check_marginals<float>() + check_marginals<double>();
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    const Case c(entry.path().string());
    const std::string name = entry.path().filename().string();
    for (const Isa& isa : isas) {
      if (!isa.runs) continue;
      const qjax::SweepKernels kernels = isa.kernels().sweep;
      failed += !check<float>(c, name, isa.name, kernels);
      failed += !check<double>(c, name, isa.name, kernels);
      checked += 2;
    }
  }
  printf("%d runs, %d wrong\n", checked, failed);
  return failed == 0 && checked > 0 ? 0 : 1;
}
