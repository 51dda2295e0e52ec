import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

// A file for machine-readable totals, beside the output for people.
const report = process.env.AXONAL_TEST_REPORT

// Suites and layers of `@effect/vitest` change the runner for whatever the same process runs after them, and doubles of
// modules and global metrics stay. Files without any of these share a process and what it has loaded.
const stays = /Suites\.|it\.layer|withLayer|[^a-zA-Z.]layer\(|vi\.|\(it\)|Metric/
const sharing = ["agent", "domain", "guard", "hook", "tool"].flatMap((folder) =>
  readdirSync(new URL(`./test/${folder}`, import.meta.url), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${folder}/${name}`)
    .filter((path) => !stays.test(readFileSync(new URL(path, import.meta.url), "utf8")))
)

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
      { extends: true, test: { name: "alone", include: ["test/**/*.test.ts"], exclude: sharing } },
      {
        extends: true,
        test: { name: "sharing", include: sharing, poolOptions: { forks: { isolate: false } } }
      }
    ],
    // Processes rather than threads: native addons and signals behave as they do in an application.
    pool: "forks",
    // One more than there are cores: many tests wait for other processes and for time.
    poolOptions: { forks: { minForks: 1, maxForks: 3 } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]]
  }
})
