import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

// A file for machine-readable totals, beside the output for people.
const report = process.env.AXONAL_TEST_REPORT

// Test files share processes and what these have loaded, which is most of the time that a file takes. They leave nothing
// behind: no doubles of modules, no changed `it` as after `layer` of `@effect/vitest` (`Suites` put it back), no totals
// of metrics that another file reads. A file that cannot do so, because it is about an engine of which a process has one
// or because it changes `it`, has a process of its own. Vitest changes processes between projects only, so it is one.
const stays = /tinyGguf|LlamaCppModels|it\.layer\(|import \{[^}]*\blayer\b[^}]*\} from "@effect\/vitest"/
const alone = readdirSync(new URL("./test", import.meta.url), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `test/${name}`)
  .filter((path) => stays.test(readFileSync(new URL(path, import.meta.url), "utf8")))

export default defineConfig({
  resolve: {
    // Tests and examples use the package's own names and run the sources. The order matters: the first match wins.
    alias: [
      { find: /^axonal$/, replacement: `${src}/index.ts` },
      { find: /^axonal\/testing$/, replacement: `${src}/testing/index.ts` },
      { find: /^axonal\/(.+)$/, replacement: `${src}/$1.ts` }
    ]
  },
  test: {
    // Integration tests are among them and skip themselves when their environment variable is missing.
    projects: [
      { extends: true, test: { name: "sharing", include: ["test/**/*.test.ts"], exclude: alone } },
      ...alone.map((path) => ({ extends: true as const, test: { name: path, include: [path] } }))
    ],
    // Processes rather than threads: native addons and signals behave as they do in an application.
    pool: "forks",
    // One more than there are cores: many tests wait for other processes and for time. `isolate` counts here alone, what
    // a project says of it does not reach the pool. With fewer at least than at most, the pool ends idle processes twice,
    // and the run with them.
    poolOptions: { forks: { isolate: false, minForks: 3, maxForks: 3 } },
    // What hangs is told; what only waits for a busy machine is not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]]
  }
})
