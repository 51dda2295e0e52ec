/**
 * What is measured, and what for. Each scenario is a conversation in numbers: `deltas` of the last answer, `turns` of
 * `calls` each before it, `runs` at once, `past` messages before them. `must` and `aim` are ratios to the raw loop, or
 * milliseconds where the unit says so; they come from the project's design and nothing here enforces them.
 */

/** Costs as ratios to the raw loop. */
export const scenarios = {
  S1: { title: "5,000 deltas in one turn, in bursts", deltas: 5000, must: 2, aim: 1.3 },
  S1p: { title: "the same, every event written by itself", deltas: 5000, write: "each" },
  S2: { title: "20 turns of 4 calls", turns: 20, calls: 4, must: 2, aim: 1.5 },
  S2L: { title: "100 turns of 2 calls", turns: 100, calls: 2, must: 2, aim: 1.5 },
  S3: {
    title: "200 runs at once, 5 turns of 2 calls",
    runs: 200,
    turns: 5,
    calls: 2,
    must: 2,
    aim: 1.5,
    memory: [1.4, 1.1]
  },
  S4: { title: "one turn after 500 messages", past: 500, must: 1.5, aim: 1 },
  S8: { title: "100 streams, a delta each per 10 ms", runs: 100, deltas: 200, every: 10, must: 1.5, aim: 1 }
}

const wires = { anthropic: "Messages", gemini: "generateContent", responses: "Responses", ollama: "api/chat" }

/** The bare answer of 5,000 deltas on the wire of each vendor. */
export const vendorScenarios = Object.fromEntries(
  Object.entries(wires).map(([vendor, title]) => [
    `S1-${vendor}`,
    { title: `5,000 deltas on the wire of ${title}`, vendor, deltas: 5000, must: 2, aim: 1.3 }
  ])
)

/** Process start to the first sign of life. */
export const starts = {
  S5: { title: "process start to the first delta", must: 3.5, aim: 2.7 },
  S5c: { title: "the command line's first output", aimMillis: 110 }
}

/** What an abort takes: milliseconds until the run has settled. */
export const aborts = {
  S7a: { title: "abort while the answer streams", deltas: 2000, every: 10, mustMillis: 5 },
  S7b: { title: "abort while 4 tools run that obey", turns: 3, calls: 4, tools: "cooperative", mustMillis: 5 },
  S7c: { title: "abort while 4 tools run that do not", turns: 3, calls: 4, tools: "deaf", mustMillis: 5 }
}

/** Pairs and rows of sizes: what one unit costs must not depend on how many there are. */
export const growth = {
  delta: {
    title: "one delta",
    unit: "delta",
    points: [
      { id: "G2000d", at: "2,000 deltas", deltas: 2000, units: 2000 },
      { id: "G20000d", at: "20,000 deltas", deltas: 20_000, units: 20_000 }
    ]
  },
  ...Object.fromEntries(
    ["chat", ...Object.keys(wires)].map((vendor) => [
      vendor,
      {
        title: `one megabyte in a single event, ${vendor}`,
        unit: "megabyte",
        points: [
          { id: `G1M-${vendor}`, at: "1 MB", vendor, deltas: 1, size: 1 << 20, units: 1 },
          { id: `G8M-${vendor}`, at: "8 MB", vendor, deltas: 1, size: 8 << 20, units: 8 }
        ]
      }
    ])
  ),
  turn: {
    title: "one turn",
    unit: "turn",
    points: [
      { id: "G10m", at: "session of 10 messages", past: 10, turns: 10, calls: 1, units: 11 },
      { id: "G1000m", at: "session of 1,000 messages", past: 1000, turns: 10, calls: 1, units: 11 }
    ]
  },
  call: {
    title: "one call",
    unit: "call",
    points: [
      { id: "G1c", at: "1 call in a turn", turns: 10, calls: 1, units: 10 },
      { id: "G8c", at: "8 calls in a turn", turns: 10, calls: 8, units: 80 },
      { id: "G64c", at: "64 calls in a turn", turns: 10, calls: 64, units: 640 }
    ]
  },
  run: {
    title: "one run",
    unit: "run",
    points: [
      { id: "G1r", at: "1 run", runs: 1, turns: 5, calls: 2, units: 1 },
      { id: "G200r", at: "200 runs at once", runs: 200, turns: 5, calls: 2, units: 200 }
    ]
  }
}

/** Sessions: how long something takes, beside something else, or at growing sizes. `must` is times the first size there. */
export const stores = {
  append: { title: "an append to SQLite, beside the raw driver in one transaction", unit: "× raw", must: 2 },
  memory: { title: "append and read before a turn, in memory", unit: "µs", must: 1.5 },
  sqlite: { title: "append and read before a turn, SQLite", unit: "µs", must: 1.5 },
  fork: { title: "the same on a fork, SQLite", unit: "µs", must: 1.5 },
  repair: { title: "repair of a broken conversation", unit: "µs a message", must: 1.5 },
  estimate: { title: "1 MB counted by estimate", unit: "ms", must: 150 },
  exact: { title: "1 MB counted by the tokenizer", unit: "ms", must: 150 },
  letter: { title: "50 KB of one letter, by the tokenizer", unit: "ms", must: 100 },
  letterEstimate: { title: "50 KB of one letter, by estimate", unit: "ms", must: 100 }
}

/** Control: what a configured guard, hook, budget or span adds, in microseconds of CPU. */
export const control = {
  guard: { title: "a guard, to a call", unit: "µs", must: 20 },
  rules: { title: "rules as data, to a call", unit: "µs", must: 20 },
  commands: { title: "the guard of commands, to a call", unit: "µs", must: 20 },
  urls: { title: "the guard of URLs, to a call", unit: "µs", must: 20 },
  hooks: { title: "hooks before and after everything, to a call", unit: "µs", must: 20 },
  spans: { title: "spans, to a call", unit: "µs", must: 20 },
  budget: { title: "a budget, to a turn of 4 calls", unit: "µs", must: 80 },
  messages: { title: "a guard of messages, to a turn of 4 calls", unit: "µs", must: 80 },
  selector: { title: "a selector of tools, to a turn of 4 calls", unit: "µs", must: 80 }
}

/** Composition: what a level of nesting and a pattern cost, and how much room many agents take. */
export const composition = {
  nested: { title: "a call of a sub-agent, to a turn with a plain call", unit: "turns", must: 2 },
  pattern: { title: "a part of a pattern, to the same agent alone", unit: "×", must: 2 },
  agents: { title: "1,000 agents at work at once", unit: "MB", must: 1024 }
}

/** What the hands cost: what a tool or a sandbox adds to what the system itself takes for the same. */
export const hands = {
  shell: { title: "a short command, over spawning it: least", unit: "µs", must: 1000 },
  shellMedian: { title: "a short command, over spawning it: median", unit: "µs", must: 1000 },
  read: { title: "read_file of 10 KB, over readFile", unit: "µs", must: 1000 },
  edit: { title: "edit_file in 10 KB, over readFile and writeFile", unit: "µs", must: 1000 },
  search: { title: "search_files in 1,000 files, to rg itself", unit: "×" },
  outputTime: { title: "100 MB of output, to reading it of a child process", unit: "×" },
  outputMemory: { title: "100 MB of output: what memory grows by", unit: "MB", must: 64 },
  outputFirst: { title: "100 MB of output: time to its first byte", unit: "ms" }
}

/** The screen of the assistant: how fast it is there and answers keys, and what it takes meanwhile. */
export const terminal = {
  frame: { title: "the first frame, from the start of the process", unit: "ms", must: 400 },
  ready: { title: "model and session are shown", unit: "ms" },
  echoIdle: { title: "a key to its echo, nothing else: median", unit: "ms" },
  echo: { title: "a key to its echo, 200 deltas a second: median", unit: "ms", must: 16.7 },
  echoLate: { title: "a key to its echo, 200 deltas a second: 95 of 100", unit: "ms" },
  echoMost: { title: "a key to its echo, 200 deltas a second: most", unit: "ms" },
  cpuIdle: { title: "processor while nothing happens", unit: "ms a second" },
  cpuStream: { title: "processor with 200 deltas a second", unit: "ms a second" },
  talkMemoryFirst: { title: "resident memory after 200 turns", unit: "MB" },
  talkMemory: { title: "resident memory in one session", unit: "MB", must: 1.25 }
}

const points = Object.fromEntries(Object.values(growth).flatMap((row) => row.points.map((point) => [point.id, point])))

/** Every scenario by its id. */
export const all = { ...scenarios, ...vendorScenarios, ...starts, ...aborts, ...points }

/** The name of the model that plays a scenario. */
export const modelOf = ({ deltas = 20, turns = 0, calls = 0, past = 0, every = 0, write = "burst", size = 4 }) =>
  new URLSearchParams({ deltas, turns, calls, past, every, write, size }).toString()

/** A conversation of this many messages: question, call, result, answer, and again; what is left over is only talk. */
export const pastOf = (count) =>
  Array.from({ length: count }, (_, index) => {
    const call = `past-${index - (index % 4)}`
    const text = `message ${index} `.padEnd(160, "the quick brown fox jumps over the lazy dog ")
    const kinds = [
      { role: "user", text },
      { role: "assistant", call, text: call },
      { role: "tool", call, text: call },
      { role: "assistant", text }
    ]
    return index < count - (count % 4) ? kinds[index % 4] : kinds[index % 2 === 0 ? 0 : 3]
  })
