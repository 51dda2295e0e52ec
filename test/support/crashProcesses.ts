/**
 * Starts processes of `crashProcess.ts`, ahead of their use: one bundle for all of them, so that a start is short, and
 * code that the engine has compiled before.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { spawn } from "node:child_process"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { build } from "esbuild"
import type { Task } from "./crashProcess.ts"

const source = fileURLToPath(new URL("./crashProcess.ts", import.meta.url))

/** Runs a bundle with what was compiled of it before, and leaves that for the next process when it ends by itself. */
const loader = `
const { existsSync, readFileSync, renameSync, writeFileSync } = require("node:fs")
const { Script } = require("node:vm")
const bundle = process.argv[2], compiled = bundle + ".compiled"
const script = new Script("(function (exports, require, module) {" + readFileSync(bundle, "utf8") + "\\n})", {
  filename: bundle,
  cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined
})
process.once("exit", () => {
  writeFileSync(compiled + process.pid, script.createCachedData())
  renameSync(compiled + process.pid, compiled)
})
const module_ = { exports: {} }
script.runInThisContext()(module_.exports, require, module_)
`

/** What a process wrote, line by line, once it has ended. */
export interface Child {
  /** Gives the process its task. `onLines` hears after every piece of output how many lines there are. */
  readonly run: (
    task: Task,
    onLines?: (count: number, kill: () => void) => void
  ) => Effect.Effect<ReadonlyArray<string>>
}

/** Prepares processes, some of which are always ready or about to be. */
export const make = (folder: string): Effect.Effect<Effect.Effect<Child>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const [bundle, load] = [join(folder, "bundle.cjs"), join(folder, "load.cjs")]
    const native = createRequire(import.meta.url).resolve("better-sqlite3")
    yield* Effect.promise(async () => {
      const common = { bundle: true, format: "cjs", platform: "node", minify: true, logLevel: "warning" } as const
      const addon = {
        name: "native-addon",
        setup: (builder: import("esbuild").PluginBuild) =>
          builder.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path: native, external: true }))
      }
      await build({ ...common, entryPoints: [source], outfile: bundle, plugins: [addon] })
      await build({ ...common, stdin: { contents: loader }, outfile: load })
    })
    const processes = new Set<ChildProcessWithoutNullStreams>()
    yield* Effect.addFinalizer(() => Effect.sync(() => processes.forEach((child) => child.kill("SIGKILL"))))

    const start = (): Promise<Child> => {
      const child = spawn(process.execPath, [load, bundle])
      processes.add(child)
      let [output, complaints, lines] = ["", "", 0]
      let heard: (count: number, kill: () => void) => void = () => {}
      const kill = (): void => {
        child.kill("SIGKILL")
      }
      const closed = new Promise<ReadonlyArray<string>>((resolve, reject) => {
        child.once("close", (code, signal) => {
          processes.delete(child)
          if (code === 0 || signal === "SIGKILL") resolve(output.split("\n").slice(1, -1))
          else reject(new Error(`exit ${code}: ${complaints}`))
        })
      })
      // Whoever runs it hears of its failure; a process that fails before that is not ready.
      closed.catch(() => {})
      const run: Child["run"] = (task, onLines = () => {}) =>
        Effect.promise(() => {
          heard = onLines
          child.stdin.write(`${JSON.stringify(task)}\n`)
          onLines(0, kill)
          return closed
        })
      child.stderr.on("data", (data) => (complaints += data))
      return new Promise((resolve, reject) => {
        closed.then(() => reject(new Error(`ended early: ${complaints}`)), reject)
        child.stdout.on("data", (data: Buffer) => {
          const text = `${data}`
          output += text
          lines += text.split("\n").length - 1
          if (lines === 1) resolve({ run })
          if (lines > 1) heard(lines - 1, kill)
        })
      })
    }

    const queue: Array<Promise<Child>> = []
    const take = Effect.promise(() => {
      while (queue.length <= ahead) {
        const child = start()
        // Nobody may come for it.
        child.catch(() => {})
        queue.push(child)
      }
      return queue.shift() ?? start()
    })
    // The first process ends by itself, and leaves what was compiled.
    const first = yield* Effect.promise(start)
    yield* first.run({ filename: ":memory:", session: "warm", name: "warm", runs: 4, leaseMillis: 15_000 })
    return take
  })

/** How many processes get ready while others are in use. */
const ahead = 3
