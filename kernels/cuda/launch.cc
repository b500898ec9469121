#include "launch.h"

namespace qjax_cuda {
namespace {

enum Word {
  kThreads, kThreadBits, kTileBits, kRegisterBits, kGroups, kTiles, kParts, kBlocks, kShared, kRows,
  kRowsEach, kPrepared, kColumns, kCount, kGeometryHeader
};

constexpr int kSweepWords = 5;
constexpr int64_t kBlock = 256;  // threads of the kernels that are not sweeps

int64_t blocks_for(int64_t threads) { return (threads + kBlock - 1) / kBlock; }

bool is_double(const ffi::AnyBuffer& buffer) {
  const ffi::DataType type = buffer.element_type();
  return type == ffi::DataType::C128 || type == ffi::DataType::F64;
}

bool is_real(const ffi::AnyBuffer& buffer) {
  return buffer.element_type() == ffi::DataType::F32 || buffer.element_type() == ffi::DataType::F64;
}

std::string name_of(const char* kernel, const ffi::AnyBuffer& buffer) {
  return std::string("qjax_") + kernel + (is_double(buffer) ? "_d" : "_f");
}

// The kernel of a sweep: `plain` if it has the usual ops alone.
std::string kernel_of(const char* direction, bool plain, const ffi::AnyBuffer& state, Geometry g) {
  const std::string kind = (plain ? "plain_" : "") + std::string(direction);
  return name_of(kind.c_str(), state) + std::to_string(g[kRegisterBits]);
}

int qubits_of(const ffi::AnyBuffer& state) {
  return __builtin_ctzll(static_cast<unsigned long long>(state.dimensions()[1]));
}

// Amplitudes or numbers between samples: 0 if one row serves all.
int64_t stride_of(const ffi::AnyBuffer& buffer) {
  return buffer.dimensions()[0] == 1 ? 0 : buffer.dimensions()[1];
}

ffi::Error result_of(const std::string& failure) {
  return failure.empty() ? ffi::Error::Success() : ffi::Error::Internal("qjax: " + failure);
}

SweepArgs sweep_args(Geometry g, const ffi::AnyBuffer& state, int64_t batch,
                     const ffi::AnyBuffer& numbers, const ffi::AnyBuffer& constants) {
  SweepArgs args = {};
  args.qubits = qubits_of(state);
  args.tile_bits = static_cast<int>(g[kTileBits]);
  args.thread_bits = static_cast<int>(g[kThreadBits]);
  args.prepared = static_cast<int>(g[kPrepared]);
  args.batch = batch;
  args.groups = g[kGroups];
  args.tiles = g[kTiles];
  args.parts = g[kParts];
  args.numbers = numbers.untyped_data();
  args.number_stride = stride_of(numbers);
  const int64_t size = constants.size_bytes() / constants.element_count();
  args.constants = static_cast<const char*>(constants.untyped_data()) - kConstants * size;
  return args;
}

PauliArgs pauli_args(Geometry g, const ffi::AnyBuffer& b, int64_t batch) {
  PauliArgs args = {};
  args.qubits = qubits_of(b);
  args.tile_bits = static_cast<int>(g[kTileBits]);
  args.thread_bits = static_cast<int>(g[kThreadBits]);
  args.batch = batch;
  args.groups = g[kGroups];
  args.tiles = g[kTiles];
  args.parts = g[kParts];
  args.b = b.untyped_data();
  args.b_stride = stride_of(b);
  args.rows = g[kRows];
  return args;
}

constexpr int64_t kSumShared = kBlock / 32 * sizeof(double);  // a sum of each warp

// log2 of the threads, at most a block, that add up so many rows: up to a warp for one row each, then
// for eight.
int lanes_for(int64_t rows) {
  int lanes = 0;
  while (lanes < 8 && (int64_t{lanes < 5 ? 1 : 8} << lanes) < rows) ++lanes;
  return lanes;
}

const int* words_of(const ffi::AnyBuffer& words, int64_t offset) {
  return static_cast<const int*>(words.untyped_data()) + offset;
}

}  // namespace

ffi::Error basis(Device& device, ffi::Result<ffi::AnyBuffer> out, int64_t index) {
  BasisArgs args = {out->untyped_data(), out->dimensions()[1], index};
  const int64_t blocks = blocks_for(args.size);
  const int64_t most = 1 << 14;
  return result_of(
      device.launch(name_of("basis", *out), blocks < most ? blocks : most, kBlock, 0, &args));
}

namespace {

// The sweeps of a forward run from what `args` read first.
ffi::Error forward(Device& device, SweepArgs args, const ffi::AnyBuffer& tape,
                   const ffi::AnyBuffer& out, Geometry g) {
  args.psi = out.untyped_data();
  for (int64_t s = 0; s < g[kCount]; ++s) {
    const int64_t* sweep = g.begin() + kGeometryHeader + kSweepWords * s;
    args.tape = words_of(tape, sweep[0]);
    const std::string failure = device.launch(kernel_of("forward", sweep[1], out, g), g[kBlocks],
                                              g[kThreads], g[kShared], &args);
    if (!failure.empty()) return result_of(failure);
    args.psi_in = args.psi;
    args.psi_stride = int64_t{1} << args.qubits;
  }
  return ffi::Error::Success();
}

}  // namespace

ffi::Error from_zero(Device& device, ffi::AnyBuffer numbers, ffi::AnyBuffer constants,
                     ffi::AnyBuffer tape, ffi::Result<ffi::AnyBuffer> out, Geometry g) {
  const SweepArgs args = sweep_args(g, *out, out->dimensions()[0], numbers, constants);
  return forward(device, args, tape, *out, g);
}

ffi::Error apply(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer numbers,
                 ffi::AnyBuffer constants, ffi::AnyBuffer tape, ffi::Result<ffi::AnyBuffer> out,
                 Geometry g) {
  SweepArgs args = sweep_args(g, state, out->dimensions()[0], numbers, constants);
  args.psi_in = state.untyped_data();
  args.psi_stride = stride_of(state);
  return forward(device, args, tape, *out, g);
}

ffi::Error adjoint(Device& device, ffi::AnyBuffer out, ffi::AnyBuffer cotangent,
                   ffi::AnyBuffer numbers, ffi::AnyBuffer constants, ffi::AnyBuffer tape,
                   ffi::Result<ffi::AnyBuffer> by_state, ffi::Result<ffi::AnyBuffer> by_numbers,
                   ffi::Result<ffi::AnyBuffer> psi, ffi::Result<ffi::AnyBuffer> work, Geometry g) {
  SweepArgs args = sweep_args(g, out, by_state->dimensions()[0], numbers, constants);
  args.psi_in = out.untyped_data();
  args.psi_stride = stride_of(out);
  args.psi = psi->untyped_data();
  args.lam_in = cotangent.untyped_data();
  args.lam_stride = stride_of(cotangent);
  args.lam = by_state->untyped_data();
  args.sums = static_cast<double*>(work->untyped_data());
  args.rows = g[kRows];
  args.separate = args.number_stride != 0;
  GatherArgs gather = {};
  gather.sums = args.sums;
  gather.rows = g[kRows];
  gather.rows_each = g[kRowsEach];
  gather.lanes = lanes_for(g[kRowsEach]);
  gather.samples = args.separate ? args.batch : 1;
  gather.overlaps = args.sums + g[kRows] * g[kColumns];
  gather.numbers = numbers.untyped_data();
  gather.by_numbers = by_numbers->untyped_data();
  gather.stride = numbers.dimensions()[1];
  const auto gathered = [&] {
    const int64_t items = (gather.emits == nullptr ? 1 : gather.count) * gather.samples;
    if (items == 0) return std::string();
    return device.launch(name_of("gather", out), blocks_for(items << gather.lanes), kBlock,
                         kSumShared, &gather);
  };
  for (int64_t s = 0; s < g[kCount]; ++s) {
    const int64_t* sweep = g.begin() + kGeometryHeader + kSweepWords * s;
    args.tape = words_of(tape, sweep[0]);
    const int64_t columns = sweep[2] + (s == 0 ? 1 : 0);  // the overlap beside the first sweep's sums
    std::string failure = device.clear(args.sums, sizeof(double) * g[kRows] * columns);
    if (failure.empty()) {
      failure = device.launch(kernel_of("backward", sweep[1], out, g), g[kBlocks], g[kThreads],
                              g[kShared], &args);
    }
    if (failure.empty() && s == 0) {
      gather.emits = nullptr;
      gather.overlap = static_cast<int>(sweep[2]);
      failure = gathered();
    }
    if (failure.empty()) {
      gather.emits = words_of(tape, sweep[3]);
      gather.count = static_cast<int>(sweep[4]);
      failure = gathered();
    }
    if (!failure.empty()) return result_of(failure);
    args.psi_in = args.psi;
    args.lam_in = args.lam;
    args.psi_stride = args.lam_stride = int64_t{1} << args.qubits;
  }
  return ffi::Error::Success();
}

namespace {

// The sums of all columns, once the passes have added to them.
std::string totals(Device& device, const PauliArgs& args, const ffi::AnyBuffer& b,
                   const ffi::AnyBuffer& out, Geometry g) {
  TotalArgs total = {args.sums,  g[kRows],     g[kRowsEach],      lanes_for(g[kRowsEach]),
                     args.batch, g[kColumns], out.untyped_data()};
  const int64_t items = total.samples * total.columns;
  if (items == 0) return "";
  return device.launch(name_of("total", b), blocks_for(items << total.lanes), kBlock, kSumShared,
                       &total);
}

// The passes of a combination, of which the last adds to the sums if these are given.
std::string combined(Device& device, PauliArgs& args, double* sums, const ffi::AnyBuffer& b,
                     const ffi::AnyBuffer& weights, const ffi::AnyBuffer& words,
                     const ffi::AnyBuffer& out, Geometry g) {
  args.conjugate = is_real(weights);
  args.weights = weights.untyped_data();
  args.weight_stride = stride_of(weights);
  args.out = out.untyped_data();
  args.first = 1;
  const std::string kernel = name_of("combination", b) + std::to_string(g[kRegisterBits]);
  std::string failure;
  for (int64_t p = 0; p < g[kCount] && failure.empty(); ++p) {
    args.words = words_of(words, g[kGeometryHeader + p]);
    args.sums = p == g[kCount] - 1 ? sums : nullptr;
    failure = device.launch(kernel, g[kBlocks], g[kThreads], g[kShared], &args);
    args.first = 0;
  }
  return failure;
}

}  // namespace

ffi::Error overlaps(Device& device, ffi::AnyBuffer a, ffi::AnyBuffer b, ffi::AnyBuffer words,
                    ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work, Geometry g) {
  PauliArgs args = pauli_args(g, b, out->dimensions()[0]);
  args.a = a.untyped_data();
  args.a_stride = stride_of(a);
  args.conjugate = is_real(*out);
  args.sums = static_cast<double*>(work->untyped_data());
  std::string failure = device.clear(args.sums, sizeof(double) * g[kRows] * g[kColumns]);
  const std::string kernel = name_of("overlaps", b) + std::to_string(g[kRegisterBits]);
  for (int64_t p = 0; p < g[kCount] && failure.empty(); ++p) {
    args.words = words_of(words, g[kGeometryHeader + p]);
    failure = device.launch(kernel, g[kBlocks], g[kThreads], g[kShared], &args);
  }
  if (failure.empty()) failure = totals(device, args, b, *out, g);
  return result_of(failure);
}

ffi::Error combination(Device& device, ffi::AnyBuffer b, ffi::AnyBuffer weights,
                       ffi::AnyBuffer words, ffi::Result<ffi::AnyBuffer> out, Geometry g) {
  PauliArgs args = pauli_args(g, b, out->dimensions()[0]);
  return result_of(combined(device, args, nullptr, b, weights, words, *out, g));
}

ffi::Error mean_and_slope(Device& device, ffi::AnyBuffer b, ffi::AnyBuffer weights,
                          ffi::AnyBuffer words, ffi::Result<ffi::AnyBuffer> mean,
                          ffi::Result<ffi::AnyBuffer> slope, ffi::Result<ffi::AnyBuffer> work,
                          Geometry g) {
  PauliArgs args = pauli_args(g, b, slope->dimensions()[0]);
  double* const sums = static_cast<double*>(work->untyped_data());
  std::string failure = device.clear(sums, sizeof(double) * g[kRows] * g[kColumns]);
  if (failure.empty()) failure = combined(device, args, sums, b, weights, words, *slope, g);
  if (failure.empty()) failure = totals(device, args, b, *mean, g);
  return result_of(failure);
}

ffi::Error draw(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer words,
                ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work,
                int64_t chunk_bits, int64_t spans) {
  DrawArgs args = {};
  args.qubits = qubits_of(state);
  args.chunk_bits = static_cast<int>(chunk_bits);
  args.batch = state.dimensions()[0];
  args.shots = out->dimensions()[1];
  args.chunks = int64_t{1} << (args.qubits - args.chunk_bits);
  args.spans = spans;
  args.state = state.untyped_data();
  args.until = static_cast<double*>(work->untyped_data());
  args.totals = args.until + args.batch * args.chunks;
  args.words = static_cast<const unsigned*>(words.untyped_data());
  args.out = static_cast<int*>(out->untyped_data());
  const struct {
    const char* kernel;
    int64_t threads;
  } steps[] = {{"span_sums", args.batch * args.spans},
               {"span_totals", args.batch},
               {"draw", args.batch * args.shots}};
  for (const auto& step : steps) {
    if (step.threads == 0) continue;
    const std::string failure =
        device.launch(name_of(step.kernel, state), blocks_for(step.threads), kBlock, 0, &args);
    if (!failure.empty()) return result_of(failure);
  }
  return ffi::Error::Success();
}

ffi::Error marginals(Device& device, ffi::AnyBuffer state, ffi::AnyBuffer words,
                     ffi::Result<ffi::AnyBuffer> out, ffi::Result<ffi::AnyBuffer> work,
                     int64_t parts, int64_t high) {
  MarginalArgs args = {};
  args.qubits = qubits_of(state);
  args.chosen = qubits_of(*out);
  args.batch = state.dimensions()[0];
  args.parts = parts;
  args.state = state.untyped_data();
  args.words = static_cast<const int*>(words.untyped_data());
  args.partial = static_cast<double*>(work->untyped_data());
  args.out = out->untyped_data();
  const int64_t warps = args.batch * args.parts << high;
  std::string failure =
      device.launch(name_of("marginal_parts", state), blocks_for(32 * warps), kBlock, 0, &args);
  if (failure.empty()) {
    failure = device.launch(name_of("marginal_totals", state),
                            blocks_for(args.batch << args.chosen), kBlock, 0, &args);
  }
  return result_of(failure);
}

}  // namespace qjax_cuda
