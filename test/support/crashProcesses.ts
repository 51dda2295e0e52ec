/** Starts processes of `crashProcess.ts`, ahead of their use. */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Task } from "./crashProcess.ts"
import * as Processes from "./processes.ts"

/** What a process wrote, line by line, once it has ended. */
export interface Child {
  /** Gives the process its task. `onLines` hears after every piece of output how many lines there are. */
  readonly run: (
    task: Task,
    onLines?: (count: number, kill: () => void) => void
  ) => Effect.Effect<ReadonlyArray<string>>
}

/** Prepares processes, some of which are always ready or about to be. */
export const make: Effect.Effect<Effect.Effect<Child>, never, Scope.Scope> = Effect.gen(function* () {
  const command = yield* Effect.promise(() => Processes.program("test/support/crashProcess.ts"))
  const processes = new Set<ChildProcessWithoutNullStreams>()
  yield* Effect.addFinalizer(() => Effect.sync(() => processes.forEach((child) => child.kill("SIGKILL"))))

  const start = (): Promise<Child> => {
    const child = spawn(process.execPath, command, { env: Processes.environment() })
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
  return Effect.promise(() => {
    while (queue.length <= ahead) {
      const child = start()
      // Nobody may come for it.
      child.catch(() => {})
      queue.push(child)
    }
    return queue.shift() ?? start()
  })
})

/** How many processes get ready while others are in use. */
const ahead = 3
