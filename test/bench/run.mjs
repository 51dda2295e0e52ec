/**
 * The project's benchmark: `npm run bench`. It starts the server, runs the raw loop and Axonal by turns, each time in a
 * fresh process, and prints what Axonal costs in ratios to the raw loop. Ratios of one run can be compared, milliseconds
 * of two runs cannot. Nothing here passes or fails.
 *
 *     node test/bench/run.mjs [--quick] [--only S1,S2,growth,terminal] [--k 5] [--view stream|run] [--json]
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { cpus } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { render } from "./report.mjs"
import {
  aborts,
  composition,
  control,
  growth,
  hands,
  scenarios,
  starts,
  stores,
  terminal,
  vendorScenarios
} from "./scenarios.mjs"

const here = fileURLToPath(new URL(".", import.meta.url))
const root = fileURLToPath(new URL("../..", import.meta.url))
const cli = join(root, "dist/bin/axonal.js")
const contenders = ["raw", "axonal"]

const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs)
  )

/** Measuring yesterday's build would be worse than measuring nothing. */
const build = () => {
  const marker = join(root, "dist/index.js")
  if (existsSync(marker) && statSync(marker).mtimeMs >= newest(join(root, "src"))) return
  process.stderr.write("dist is missing or older than src: building first\n")
  const built = spawnSync("npm", ["run", "build"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] })
  if (built.status !== 0) process.exit(built.status ?? 1)
}

const startServer = () =>
  new Promise((resolve) => {
    const server = spawn(process.execPath, [join(here, "server.mjs")], { stdio: ["pipe", "pipe", "inherit"] })
    server.stdout.once("data", (port) => resolve({ server, url: `http://127.0.0.1:${String(port).trim()}` }))
  })

/** Runs a process to its end: what it wrote, and when it first wrote anything. */
const output = (args, env) =>
  new Promise((resolve) => {
    const startedAt = performance.now()
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ...process.env, NODE_ENV: "production", NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let text = ""
    let errors = ""
    let firstMillis
    child.stdout.on("data", (data) => {
      firstMillis ??= performance.now() - startedAt
      text += data
    })
    child.stderr.on("data", (data) => {
      errors += data
    })
    child.on("close", (code) => resolve({ code, text, errors, firstMillis }))
  })

const measure = async (contender, id, env) => {
  const { code, errors, text } = await output([join(here, "measure.mjs"), contender, id], env)
  if (code === 0) return JSON.parse(text)
  return { error: errors.split("\n").find((line) => line.includes("Error")) ?? `exit ${code}` }
}

/** The command line answers offline, without a key; what it costs to start is the time to its first output. */
const measureCli = async () => {
  if (!existsSync(cli)) return { error: "the command line is not built" }
  const keys = Object.keys(process.env).filter((name) => name.endsWith("_API_KEY"))
  const env = Object.fromEntries(keys.map((name) => [name, ""]))
  const { code, errors, firstMillis } = await output([cli, "hello"], env)
  return code === 0 ? { firstMillis } : { error: errors.trim().split("\n")[0] ?? `exit ${code}` }
}

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string" },
    k: { type: "string" },
    view: { type: "string", default: "stream" },
    json: { type: "boolean", default: false }
  }
})
const groups = {
  costs: Object.keys(scenarios),
  vendors: Object.keys(vendorScenarios),
  starts: Object.keys(starts),
  aborts: Object.keys(aborts),
  stores: Object.keys(stores),
  control: Object.keys(control),
  composition: Object.keys(composition),
  hands: Object.keys(hands),
  terminal: Object.keys(terminal),
  growth: Object.values(growth).flatMap((row) => row.points.map((point) => point.id))
}
const every = Object.values(groups).flat()
const wanted = values.only?.split(",").flatMap((name) => groups[name] ?? [name]) ?? every
for (const id of wanted) {
  if (every.includes(id)) continue
  process.stderr.write(`bench: no scenario ${id}; there are ${[...every, ...Object.keys(groups)].join(", ")}\n`)
  process.exit(2)
}
if (values.view !== "stream" && values.view !== "run") {
  process.stderr.write(`bench: --view is stream or run, not ${values.view}\n`)
  process.exit(2)
}
const rounds = Number(values.k ?? (values.quick ? 1 : 5))

build()
const { server, url } = await startServer()
// The same events by `Agent.stream`, or by `Agent.run` with `onEvents`, which needs no second fiber.
const env = { BENCH_URL: url, BENCH_VIEW: values.view, ...(values.quick ? { BENCH_QUICK: "1" } : undefined) }
const results = []
/** These need no server and no raw loop: whatever they are compared with is in the same process. */
const measureAlone = async (id) => {
  const [file] = Object.entries({ stores, control, composition, hands, terminal }).find(([, group]) => id in group)
  const { code, errors, text } = await output([join(here, `${file}.mjs`), id], env)
  const error = errors.split("\n").find((line) => line.includes("Error")) ?? `exit ${code}`
  return code === 0 ? JSON.parse(text) : { error }
}
for (const id of wanted) {
  if ([stores, control, composition, hands, terminal].some((group) => id in group)) {
    process.stderr.write(`\r${id}`.padEnd(40))
    results.push({ id, round: 0, contender: "axonal", ...(await measureAlone(id)) })
    continue
  }
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes, so that a busy moment of the machine does not always hit the same one.
    for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
      if (id === "S5c" && contender === "raw") continue
      process.stderr.write(`\r${id} ${round + 1}/${rounds} ${contender}`.padEnd(40))
      const result = id === "S5c" ? await measureCli() : await measure(contender, id, env)
      results.push({ id, round, contender, ...result })
    }
  }
}
server.kill()
process.stderr.write(`\r${" ".repeat(40)}\r`)
const data = { node: process.version, cores: cpus().length, rounds, view: values.view, isQuick: values.quick, results }
process.stdout.write(`${values.json ? JSON.stringify(data) : render(data)}\n`)
