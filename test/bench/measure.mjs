/**
 * One contender in one scenario, in a process of its own: `node measure.mjs raw S2`. Prints one line of JSON. It counts
 * what it gets, deltas, characters, calls and the final text, so that nobody is fast by doing less; and it takes the mean
 * of many repetitions, so that the garbage a contender leaves is on its own bill.
 */
import { all, modelOf, pastOf } from "./scenarios.mjs"

const [, , contender, id] = process.argv
const url = process.env["BENCH_URL"]
const [warmMillis, measuredMillis] = process.env["BENCH_QUICK"] === undefined ? [600, 1500] : [150, 300]
const scenario = all[id]
const nowMillis = () => performance.timeOrigin + performance.now()
const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
const model = modelOf(scenario)
const { make } = await import(`./${contender}.mjs`)

const repeat = async () => {
  const { runs = 1, deltas = 20, turns = 0, calls = 0, size = 4, vendor } = scenario
  const seen = { deltas: 0, characters: 0, calls: 0, first: 0 }
  const tool = async (text) => {
    seen.calls++
    await null
    return text
  }
  const { run } = await make({ url, model, tool, vendor, past: pastOf(scenario.past ?? 0) })
  const onDelta = (delta) => {
    if (seen.deltas++ === 0 && seen.first === 0) seen.first = performance.now()
    seen.characters += delta.length
  }
  const check = (what, actual, wanted) => {
    if (actual !== wanted) throw new Error(`${contender} ${id}: ${what}: ${actual} instead of ${wanted}`)
  }
  const once = async () => {
    seen.deltas = seen.characters = seen.calls = 0
    const texts = await Promise.all(Array.from({ length: runs }, () => run({ prompt: "go", onDelta })))
    check("deltas", seen.deltas, deltas * runs)
    check("characters", seen.characters, size * deltas * runs)
    check("calls", seen.calls, turns * calls * runs)
    for (const text of texts) check("characters in the final text", text.length, size * deltas)
  }
  const lasting = async (millis, least) => {
    const start = performance.now()
    const cpu = process.cpuUsage()
    let count = 0
    while (count < least || performance.now() - start < millis) {
      await once()
      count++
    }
    const { system, user } = process.cpuUsage(cpu)
    return { count, cpuMillis: (system + user) / 1000 / count, wallMillis: (performance.now() - start) / count }
  }
  await once()
  const peakMegabytes = process.resourceUsage().maxRSS / 1024
  if (id.startsWith("S5")) return { firstDeltaMillis: seen.first, peakMegabytes }
  if (id !== "S8") await lasting(warmMillis, 1)
  return { ...(await lasting(measuredMillis, id === "S8" ? 1 : 2)), peakMegabytes }
}

/** Tools that take their time: cooperative ones stop when told to, deaf ones do not. */
const slowTool = (kind, onStart) => (_text, signal) =>
  new Promise((resolve, reject) => {
    onStart()
    const timer = setTimeout(() => resolve("late"), 1000)
    if (kind !== "cooperative") return
    signal?.addEventListener("abort", () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })

/** Aborts one run in the middle, in a session of its own. */
const abortOnce = async (session) => {
  let begun = 0
  let begin
  const isUnderWay = new Promise((resolve) => {
    begin = resolve
  })
  const tool = slowTool(scenario.tools, () => {
    if (++begun === scenario.calls) begin()
  })
  let deltas = 0
  const onDelta = () => {
    deltas++
    if (scenario.tools === undefined) begin()
  }
  const { run, problem } = await make({ url, model, tool, past: [] })
  await (await fetch(url)).json()
  const controller = new AbortController()
  let settledAt
  const settled = run({ prompt: "go", onDelta, signal: controller.signal, session }).then(
    () => Promise.reject(new Error(`${contender} ${id}: the run went on to its end`)),
    () => {
      settledAt = nowMillis()
    }
  )
  await isUnderWay
  await sleep(50)
  const deltasBefore = deltas
  const abortedAt = nowMillis()
  controller.abort()
  await settled
  await sleep(100)
  const log = await (await fetch(url)).json()
  return {
    settleMillis: settledAt - abortedAt,
    hangUpMillis: log.closedEarly.length === 0 ? undefined : log.closedEarly[0] - abortedAt,
    lateRequests: log.requests.filter((at) => at > abortedAt).length,
    lateDeltas: deltas - deltasBefore,
    ...(problem === undefined ? undefined : { history: await continued(run, problem, session) })
  }
}

/** Whether the session goes on: what it holds is sound, and the server takes it as the beginning of a conversation. */
const continued = async (run, problem, session) => {
  const before = await problem(session)
  if (before !== undefined) return before
  const text = await run({ prompt: "continue", onDelta: () => {}, session })
  return text.length === 80 ? "whole" : `the next answer had ${text.length} characters`
}

/** The first abort of a process runs code that was never run before; it is told apart from the second. */
const abort = async () => {
  const first = await abortOnce("first")
  const second = await abortOnce("second")
  const history = first.history === "whole" ? second.history : first.history
  return { ...second, firstSettleMillis: first.settleMillis, ...(history === undefined ? undefined : { history }) }
}

const result = id.startsWith("S7") ? await abort() : await repeat()
process.stdout.write(`${JSON.stringify(result)}\n`)
process.exit(0)
