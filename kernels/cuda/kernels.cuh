// Every kernel: QJAX_KERNEL(name, arguments, most threads, fewest blocks a multiprocessor, body).
// Names end in the precision, f or d, and where it matters in the bits of a thread's registers.

#define QJAX_SWEEP(real, letter, bits, blocks)                                              \
  QJAX_KERNEL(qjax_forward_##letter##bits, SweepArgs, 256, blocks,                         \
              (Sweep<real, bits, false, false>(block, args).run()))

// Sweeps of the usual ops alone: kernels that are small enough for more blocks a multiprocessor.
#define QJAX_PLAIN(real, letter, bits, way, back, blocks)                                   \
  QJAX_KERNEL(qjax_plain_##way##_##letter##bits, SweepArgs, 256, blocks,                    \
              (Sweep<real, bits, back, true>(block, args).run()))

#define QJAX_BACK(real, letter, bits, blocks)                                               \
  QJAX_KERNEL(qjax_backward_##letter##bits, SweepArgs, 256, blocks,                        \
              (Sweep<real, bits, true, false>(block, args).run()))

#define QJAX_PAULI(real, letter, bits, blocks)                                              \
  QJAX_KERNEL(qjax_overlaps_##letter##bits, PauliArgs, 256, blocks,                         \
              (Pauli<real, bits, false>(block, args).run()))                                \
  QJAX_KERNEL(qjax_combination_##letter##bits, PauliArgs, 256, blocks,                      \
              (Pauli<real, bits, true>(block, args).run()))

#define QJAX_SMALL(real, letter)                                                            \
  QJAX_KERNEL(qjax_gather_##letter, GatherArgs, 256, 1, (gather<real>(block, args)))        \
  QJAX_KERNEL(qjax_total_##letter, TotalArgs, 256, 1, (total<real>(block, args)))           \
  QJAX_KERNEL(qjax_basis_##letter, BasisArgs, 256, 1, (basis<real>(block, args)))           \
  QJAX_KERNEL(qjax_span_sums_##letter, DrawArgs, 256, 1, (span_sums<real>(block, args)))    \
  QJAX_KERNEL(qjax_span_totals_##letter, DrawArgs, 256, 1, (span_totals<real>(block, args))) \
  QJAX_KERNEL(qjax_draw_##letter, DrawArgs, 256, 1, (draw<real>(block, args)))              \
  QJAX_KERNEL(qjax_marginal_parts_##letter, MarginalArgs, 256, 1,                           \
              (marginal_parts<real>(block, args)))                                          \
  QJAX_KERNEL(qjax_marginal_totals_##letter, MarginalArgs, 256, 1,                          \
              (marginal_totals<real>(block, args)))

#if QJAX_PART == 0 || defined(QJAX_ALL_PARTS)
QJAX_SWEEP(float, f, 1, 2)
QJAX_SWEEP(float, f, 2, 2)
QJAX_SWEEP(float, f, 4, 2)
#endif
#if QJAX_PART == 1 || defined(QJAX_ALL_PARTS)
QJAX_SWEEP(double, d, 1, 2)
QJAX_SWEEP(double, d, 2, 2)
QJAX_SWEEP(double, d, 3, 2)
#endif
#if QJAX_PART == 2 || defined(QJAX_ALL_PARTS)
QJAX_BACK(float, f, 1, 2)
QJAX_BACK(float, f, 2, 2)
QJAX_BACK(float, f, 4, 2)
#endif
#if QJAX_PART == 3 || defined(QJAX_ALL_PARTS)
QJAX_BACK(double, d, 1, 1)
QJAX_BACK(double, d, 2, 1)
QJAX_BACK(double, d, 3, 1)
#endif
#if QJAX_PART == 4 || defined(QJAX_ALL_PARTS)
QJAX_PAULI(float, f, 0, 3)
QJAX_PAULI(float, f, 4, 3)
QJAX_SMALL(float, f)
#endif
#if QJAX_PART == 5 || defined(QJAX_ALL_PARTS)
QJAX_PAULI(double, d, 0, 2)
QJAX_PAULI(double, d, 3, 2)
QJAX_SMALL(double, d)
#endif
#if QJAX_PART == 6 || defined(QJAX_ALL_PARTS)
QJAX_PLAIN(float, f, 4, forward, false, 3)
QJAX_PLAIN(float, f, 5, forward, false, 2)
#endif
#if QJAX_PART == 7 || defined(QJAX_ALL_PARTS)
QJAX_PLAIN(double, d, 3, forward, false, 2)
#endif
#if QJAX_PART == 8 || defined(QJAX_ALL_PARTS)
QJAX_PLAIN(float, f, 4, backward, true, 2)
#endif
#if QJAX_PART == 9 || defined(QJAX_ALL_PARTS)
QJAX_PLAIN(double, d, 3, backward, true, 1)
#endif

#undef QJAX_SWEEP
#undef QJAX_PLAIN
#undef QJAX_BACK
#undef QJAX_PAULI
#undef QJAX_SMALL
