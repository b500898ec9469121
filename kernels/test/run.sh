#!/usr/bin/env bash
# The kernels' own tests under sanitizers: addresses and undefined behaviour, then threads.
# Needs a Python with qjax and its test extra on PATH.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/cases"
PYTHONPATH="$here/../.." python "$here/cases.py" "$work/cases"

common="-std=c++17 -O1 -g -fno-omit-frame-pointer -ffp-contract=fast -Wno-psabi -pthread -I$here/../cpu"
for sanitizer in address,undefined thread; do
  flags="$common -fsanitize=$sanitizer -fno-sanitize-recover=all"
  objects=()
  build() {  # name, instruction set, options
    for source in sweep pauli; do
      # shellcheck disable=SC2086
      c++ $flags $3 -DQJAX_ISA="$2" -c "$here/../cpu/$source.cc" -o "$work/$source-$1.o" &
      objects+=("$work/$source-$1.o")
    done
    wait
  }
  build portable portable ""
  if [ "$(uname -m)" = x86_64 ]; then
    build avx2 avx2 "-mavx2 -mfma"
    build avx512 avx512 "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma"
  fi
  # shellcheck disable=SC2086
  c++ $flags "$here/main.cc" "$here/../cpu/pool.cc" "$here/../cpu/sample.cc" "${objects[@]}" -o "$work/kernels"
  echo "$sanitizer:"
  "$work/kernels" "$work/cases"
done
