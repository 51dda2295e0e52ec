import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

// A file for machine-readable totals, beside the output for people.
const report = process.env.AXONAL_TEST_REPORT

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
    include: ["test/**/*.test.ts"],
    // Processes rather than threads: native addons and signals behave as they do in an application.
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 20_000,
    hookTimeout: 20_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]]
  }
})
