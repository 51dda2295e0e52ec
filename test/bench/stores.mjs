/**
 * What sessions cost: an append beside the raw driver, one turn's reading and writing however long the conversation is,
 * repair and counting by size. `node stores.mjs <id>` measures one of them in a process of its own and prints JSON:
 * `{ value }`, or for growth `{ values }`, pairs of a size and what one costs there.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as ContextStore from "axonal/context/ContextStore"
import * as Repair from "axonal/context/Repair"
import * as SqliteContextStore from "axonal/context/SqliteContextStore"
import * as TokenCounter from "axonal/context/TokenCounter"
import * as Tokenizer from "axonal/context/Tokenizer"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { pastOf } from "./scenarios.mjs"

const isQuick = process.env["BENCH_QUICK"] !== undefined
const folder = mkdtempSync(join(tmpdir(), "axonal-bench-"))
let files = 0
const newFile = () => join(folder, `${files++}.db`)

const median = (values) => [...values].sort((left, right) => left - right)[values.length >> 1]

const partsOf = ({ role, call, text }) => {
  if (call === undefined) return [{ type: "text", text }]
  const about = { id: call, name: "echo" }
  return role === "tool"
    ? [{ type: "tool-result", ...about, outcome: "ok", content: [{ type: "text", text }] }]
    : [{ type: "tool-call", ...about, input: JSON.stringify({ text }) }]
}
const messages = (count) => pastOf(count).map((message) => ({ role: message.role, parts: partsOf(message) }))
const entry = (id, message) => ({ _tag: "Message", id, at: 1, run: "run", turn: 1, message })
const user = (text) => ({ role: "user", parts: [{ type: "text", text }] })

/** Runs an effect with a store that was opened for it. */
const using = (layer, body) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(Layer.build(layer), (context) => body(Context.get(context, ContextStore.ContextStore)))
    )
  )

/** The same rows in the same tables by the driver alone: look, insert, count on, all in one transaction. */
const rawAppends = (filename) => {
  const require = createRequire(fileURLToPath(import.meta.resolve("@effect/sql-sqlite-node/SqliteClient")))
  const database = new (require("better-sqlite3"))(filename)
  database.pragma("journal_mode = WAL")
  database.pragma("synchronous = NORMAL")
  database.exec(`CREATE TABLE sessions (id TEXT PRIMARY KEY, size INT, sequence INT, updated INT);
    CREATE TABLE entries (session TEXT, position INT, id TEXT, kind TEXT, version INT, at REAL, json TEXT,
      PRIMARY KEY (session, position));
    CREATE UNIQUE INDEX ids ON entries (session, id);
    INSERT INTO sessions VALUES ('s', 0, 0, 0)`)
  const [look, insert, grow] = [
    "SELECT s.size, e.id FROM sessions s LEFT JOIN entries e ON e.session = s.id AND e.id = ? WHERE s.id = ?",
    "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)",
    "UPDATE sessions SET size = ?, sequence = sequence + 1, updated = ? WHERE id = ?"
  ].map((text) => database.prepare(text))
  const append = database.transaction((added) => {
    const { size } = look.get(added.id, "s")
    insert.run("s", size + 1, added.id, "Message", 2, 1, JSON.stringify(added))
    grow.run(size + 1, Date.now(), "s")
  })
  return (added) => append.immediate(added)
}

const rounds = isQuick ? 3 : 9
const perRound = isQuick ? 200 : 1000

/** Appends of one message of 500 characters, by turns with the raw driver: how many times as long they take. */
const appendRatio = () =>
  using(SqliteContextStore.layerSqlite({ filename: newFile() }), (store) =>
    Effect.gen(function* () {
      const raw = rawAppends(newFile())
      const ratios = []
      const text = "the quick brown fox ".repeat(25)
      let count = 0
      for (let round = -1; round < rounds; round++) {
        const before = performance.now()
        for (let index = 0; index < perRound; index++) raw(entry(`run/${count + index}/answer`, user(text)))
        const between = performance.now()
        for (let index = 0; index < perRound; index++) {
          yield* store.append("s", [entry(`run/${count++}/answer`, user(text))], { after: count - 1 })
        }
        if (round >= 0) ratios.push((performance.now() - between) / (between - before))
      }
      return { value: median(ratios) }
    })
  )

/** One append and the read before a turn, in sessions of so many messages of which all but ten are compacted. */
const turnCosts = (layer, isFork) =>
  using(layer(), (store) =>
    Effect.gen(function* () {
      const values = []
      // The first one is there to get warm.
      for (const [index, size] of [100, 10, 100, 1000, 10_000].entries()) {
        const origin = `session-${index}`
        const past = messages(size).map((message, index) => entry(`past-${index}`, message))
        for (let from = 0; from < size; from += 500) yield* store.append(origin, past.slice(from, from + 500))
        const through = past[Math.max(0, size - 10) - 2]
        if (through !== undefined) {
          const about = { through: through.id, messages: [user("a summary")], reason: "threshold", dropped: size - 10 }
          yield* store.append(origin, [{ _tag: "Compaction", id: "compaction", at: 1, ...about }])
        }
        const session = isFork ? yield* store.fork(origin) : origin
        yield* store.read(session)
        const times = []
        let count = 0
        // The window grows alike in all of them.
        for (let round = -1; round < rounds; round++) {
          const start = performance.now()
          for (let index = 0; index < 20; index++) {
            yield* store.append(session, [entry(`turn-${count++}`, user("a question"))])
            yield* store.read(session)
          }
          if (round >= 0) times.push((performance.now() - start) / 20)
        }
        if (index > 0) values.push([`${size} messages`, median(times) * 1000])
      }
      return { values }
    })
  )

/** The cost of one unit at several sizes. */
const perUnit = (sizes, prepare, work) => {
  const values = sizes.map((size) => {
    const input = prepare(size)
    const times = []
    for (let round = -2; round < rounds; round++) {
      const start = performance.now()
      work(input)
      if (round >= 0) times.push(performance.now() - start)
    }
    return [`${size} messages`, (median(times) / size) * 1000]
  })
  return { values }
}

/** A conversation in which every tenth call has no result. */
const broken = (count) => messages(count).filter(({ role }, index) => role !== "tool" || index % 10 !== 0)

const counted = async (text, isExact) => {
  const context = await Effect.runPromise(Effect.scoped(Layer.build(isExact ? Tokenizer.layer() : Layer.empty)))
  const counter = Context.get(context, TokenCounter.TokenCounter)
  // What was counted is remembered by message: a new one each time.
  const once = async () => {
    const start = performance.now()
    await Effect.runPromise(counter.count({ messages: [user(text)] }))
    return performance.now() - start
  }
  const first = await once()
  const times = []
  for (let round = 0; round < 5; round++) times.push(await once())
  return { value: median(times), first }
}

const megabyte = "The quick brown fox jumps over the lazy dog; 12 + 30 = 42. ".repeat(18_000).slice(0, 1 << 20)

const sqlite = () => SqliteContextStore.layerSqlite({ filename: newFile() })

const measurements = {
  append: appendRatio,
  memory: () => turnCosts(() => ContextStore.layerMemory, false),
  sqlite: () => turnCosts(sqlite, false),
  fork: () => turnCosts(sqlite, true),
  repair: () => perUnit([100, 1000, 10_000], broken, Repair.repair),
  estimate: () => counted(megabyte, false),
  exact: () => counted(megabyte, true),
  letter: () => counted("a".repeat(50_000), true),
  letterEstimate: () => counted("a".repeat(50_000), false)
}

try {
  process.stdout.write(`${JSON.stringify(await measurements[process.argv[2]]())}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
