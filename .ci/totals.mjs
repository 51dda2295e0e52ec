// Prints the totals of a vitest JSON report in one line. Without a report the run itself is what failed.
import { readFileSync } from "node:fs"

const read = (file) => {
  try {
    return JSON.parse(readFileSync(file, "utf8"))
  } catch {
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0 }
  }
}
const report = read(process.argv[2])
// A test file that cannot be loaded has no tests to fail, and still is a failure.
const broken = (report.testResults ?? []).filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed")
).length
const skipped = report.numPendingTests + report.numTodoTests
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + broken} failed, ${skipped} skipped`)
