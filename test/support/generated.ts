/**
 * How often tests that generate what they try do so. What is usual is enough to notice when something breaks.
 * `AXONAL_TEST_RUNS=10` tries ten times as much, and gives it ten times as long: for a night rather than for every change.
 */
const factor = Number(process.env["AXONAL_TEST_RUNS"] ?? 1)

/** The number of runs, from the usual one. */
export const numRuns = (usual: number): number => Math.ceil(usual * factor)

/** How long a test may take that runs so often. */
export const timeoutMillis = 60_000 * Math.max(1, factor)
