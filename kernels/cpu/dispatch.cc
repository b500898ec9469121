// Which instruction set is used: the best that the processor has, or the one that the environment
// variable QJAX_ISA names. And what Python asks of the library.

#include <stdlib.h>

#include <string>

#include "kernels.h"
#include "tape.h"

namespace qjax {
namespace {

struct Choice {
  const char* name;
  bool (*runs)();
  Kernels (*kernels)();
};

// From the most general to the fastest.
const Choice kChoices[] = {
    {"portable", [] { return true; },
     [] { return Kernels{"portable", portable::sweep_kernels(), portable::pauli_kernels()}; }},
#if defined(__x86_64__)
    {"avx2",
     [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); },
     [] { return Kernels{"avx2", avx2::sweep_kernels(), avx2::pauli_kernels()}; }},
    {"avx512",
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
     },
     [] { return Kernels{"avx512", avx512::sweep_kernels(), avx512::pauli_kernels()}; }},
#endif
};

// The names of the instruction sets that run here, separated by commas.
const std::string& present() {
  static const std::string names = [] {
    std::string out;
    for (const Choice& choice : kChoices) {
      if (choice.runs()) out += (out.empty() ? "" : ",") + std::string(choice.name);
    }
    return out;
  }();
  return names;
}

struct Selection {
  Kernels kernels;
  std::string error;
};

const Selection& selection() {
  static const Selection chosen = [] {
    const char* wanted = getenv("QJAX_ISA");
    const Choice* best = &kChoices[0];
    bool found = wanted == nullptr || *wanted == '\0';
    const bool any = found;
    for (const Choice& choice : kChoices) {
      if (!choice.runs() || !(any || choice.name == std::string(wanted))) continue;
      best = &choice;
      found = true;
    }
    std::string error;
    if (!found) {
      error = "The environment variable QJAX_ISA must be one of " + present() + ", but is " +
              wanted + ".";
    }
    return Selection{best->kernels(), error};
  }();
  return chosen;
}

}  // namespace

const Kernels& active() { return selection().kernels; }

}  // namespace qjax

#pragma GCC visibility push(default)
extern "C" {

// The instruction set in use.
const char* qjax_isa() { return qjax::active().isa; }

// Those that run on this processor, separated by commas.
const char* qjax_isas() { return qjax::present().c_str(); }

// Why QJAX_ISA cannot be obeyed, or an empty text.
const char* qjax_error() { return qjax::selection().error.c_str(); }

// The version of the tape, which must be that of qjax/engine/cpu_tape.py.
int qjax_tape_version() { return qjax::kTapeVersion; }
}
#pragma GCC visibility pop
