/**
 * What the hands cost: tools over a sandbox on this machine, and by turns what the system itself takes for the same. `node
 * hands.mjs <id>` prints `{ value }`. Start it while the machine is quiet: short commands are mostly waiting for others.
 */
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Toolkit from "axonal/tool/Toolkit"
import * as Toolbox from "axonal/toolbox/Toolbox"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"

const isQuick = process.env["BENCH_QUICK"] !== undefined
const folder = mkdtempSync(join(tmpdir(), "axonal-bench-"))
process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
const text = "the quick brown fox jumps over the lazy dog\n".repeat(240)
const runtime = ManagedRuntime.make(LocalSandbox.layer({ folder }))

/** A call as a run makes it: arguments are decoded, and the result is encoded. */
const registry = await runtime.runPromise(Toolkit.resolve(Toolbox.make()))
const call = async (name, input) => {
  const { decode, execute } = registry.entries.get(name)
  const { failed, value } = await runtime.runPromise(Effect.flatMap(decode(input), execute))
  if (failed) throw new Error(`${name}: ${JSON.stringify(value)}`)
}

const bare = (file, args) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd: folder, detached: true, stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [child.stdout, child.stderr]) stream.on("data", () => {})
    child.on("error", reject)
    child.on("close", resolve)
  })

/** Milliseconds of each by turns, in order, without those that warmed up. */
const timed = async (count, ...tasks) => {
  const times = tasks.map(() => [])
  for (let round = 0; round < count + 20; round++) {
    for (const [index, task] of tasks.entries()) {
      const startedAt = performance.now()
      await task(round)
      if (round >= 20) times[index].push(performance.now() - startedAt)
    }
  }
  return times.map((all) => all.sort((left, right) => left - right))
}
const middle = (sorted) => sorted[sorted.length >> 1]

const shells = () =>
  timed(
    isQuick ? 100 : 500,
    () => bare("/bin/sh", ["-c", "true"]),
    () => call("shell", { command: "true" })
  )

/** 100 MB by a command of the sandbox: milliseconds, to the first byte too, and what memory grew by at most. */
const outputs = async () => {
  const line = ["head", "-c", "104857600", "/dev/zero"]
  await bare(...[line[0], line.slice(1)])
  const [before, startedAt] = [process.memoryUsage.rss(), performance.now()]
  let [first, most, bytes] = [0, 0, 0]
  const watch = ({ bytes: { length } }) => {
    if (bytes === 0) first = performance.now() - startedAt
    bytes += length
    if (bytes % (1 << 20) < length) most = Math.max(most, process.memoryUsage.rss() - before)
  }
  await runtime.runPromise(
    Effect.scoped(
      Effect.flatMap(Sandbox.exec(line), ({ output }) =>
        Stream.runForEach(output, (piece) => Effect.sync(() => watch(piece)))
      )
    )
  )
  const millis = performance.now() - startedAt
  const again = performance.now()
  await bare(line[0], line.slice(1))
  return { first, most: most / 2 ** 20, ratio: millis / (performance.now() - again) }
}

const path = join(folder, "fox.txt")
const words = (round) => (round % 2 === 0 ? ["999", "lazy cat"] : ["lazy cat", "999"])

const kinds = {
  shell: async () => {
    const [system, ours] = await shells()
    return (ours[0] - system[0]) * 1000
  },
  shellMedian: async () => {
    const [system, ours] = await shells()
    return (middle(ours) - middle(system)) * 1000
  },
  read: async () => {
    writeFileSync(path, text)
    const [system, ours] = await timed(
      500,
      () => readFile(path, "utf8"),
      () => call("read_file", { path })
    )
    return (middle(ours) - middle(system)) * 1000
  },
  edit: async () => {
    writeFileSync(path, `${text}999\n`)
    const [system, ours] = await timed(
      300,
      async () => writeFile(join(folder, "copy.txt"), (await readFile(path, "utf8")).replace("999", "lazy cat")),
      (round) => call("edit_file", { path, edits: [{ old: words(round)[0], new: words(round)[1] }] })
    )
    return (middle(ours) - middle(system)) * 1000
  },
  search: async () => {
    for (let index = 0; index < 1000; index++) writeFileSync(join(folder, `${index}.txt`), `${text}${index}\n`)
    await promisify(execFile)("rg", ["--version"])
    const [system, ours] = await timed(
      isQuick ? 10 : 40,
      () => bare("rg", ["-n", "^999$", folder]),
      () => call("search_files", { pattern: "^999$" })
    )
    return middle(ours) / middle(system)
  },
  outputTime: async () => (await outputs()).ratio,
  outputMemory: async () => (await outputs()).most,
  outputFirst: async () => (await outputs()).first
}

const [kind] = process.argv.slice(2)
const value = await kinds[kind]()
await runtime.dispose()
process.stdout.write(JSON.stringify({ value }))
process.exit(0)
