import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Budget from "axonal/agent/Budget"
import * as Boards from "axonal/board/Board"
import type * as Message from "axonal/domain/Message"
import * as Runner from "axonal/pattern/Runner"
import { ScriptedTransport } from "axonal/testing"
import type { Request } from "axonal/transport/Transport"
import * as Clock from "effect/Clock"
import type * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Board from "../../examples/convoy/board.ts"
import * as Convoy from "../../examples/convoy/convoy.ts"
import * as Main from "../../examples/convoy/main.ts"
import * as Report from "../../examples/convoy/report.ts"
import * as Script from "../../examples/convoy/script.ts"
import * as Tree from "../../examples/convoy/tree.ts"
import * as Witness from "../../examples/convoy/witness.ts"
import * as Worker from "../../examples/convoy/worker.ts"
import * as Processes from "../support/processes.ts"

const { call, gate, roles, text } = ScriptedTransport

/** A folder, and what a convoy there needs besides its models. */
const within = <A, E, R>(work: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const folder = yield* files.makeTempDirectoryScoped({ prefix: "convoy-" })
    yield* Report.checkOut(folder)
    return yield* Effect.provide(work(folder), Main.kept(folder))
  }).pipe(Effect.provide(NodeContext.layer))

const models = (translator: ScriptedTransport.Script = Script.translator) =>
  ScriptedTransport.layer(roles({ "You are the mayor": Script.mayor, "You translate": translator }))

const convoy = (folder: string, workers: ReadonlyArray<string>, translator?: ScriptedTransport.Script) =>
  Effect.provide(Runner.run(Convoy.make({ folder, workers, lease: "3 seconds" }), "Go."), models(translator))

const isFirst = ({ messages }: Request): boolean => messages.at(-1)?.role === "user"
const textOf = (messages: ReadonlyArray<Message.Message>): string => JSON.stringify(messages)

/** Every item with who did it in how many attempts, and how often it was merged. */
const state = Effect.gen(function* () {
  const tasks = yield* (yield* Boards.Board).list(Board.name)
  return tasks.flatMap(({ attempts, endedBy, id, status, tags }) => {
    if (tags.includes("merge")) return []
    const merges = tasks.filter((task) => task.tags.includes(`of ${id}`) && task.status === "done").length
    return [{ id, status, by: endedBy, attempts, merges }]
  })
})

const french = {
  "fr/cart.json": { title: "Votre panier", empty: "Il est vide.", pay: "Payer {amount}" },
  "fr/glossary.json": { shop: "boutique", basket: "panier", pay: "payer" },
  "fr/mail.json": { greeting: "Bonjour {name},", thanks: "Merci de votre commande." },
  "fr/menu.json": { home: "Accueil", basket: "Panier", orders: "Commandes" }
}

const translated = (folder: string) =>
  Effect.map(Tree.read(`${folder}/main`), (main) =>
    Object.fromEntries([...main].flatMap(([name, json]) => (name.startsWith("fr/") ? [[name, JSON.parse(json)]] : [])))
  )

/** A translator whose first request is never answered, and that says so. */
const stuckAt = (begun: Deferred.Deferred<void>): ScriptedTransport.Script => {
  let isStuck = false
  return (request) => {
    if (isStuck) return Script.translator(request)
    isStuck = true
    return [gate(Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))]
  }
}

describe("examples/convoy", () => {
  it.scoped("does what is to be done, and goes on where it was", () =>
    within((folder) =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const console = { ...(yield* Effect.console), log: (line: string) => Effect.sync(() => void lines.push(line)) }
        const once = Effect.withConsole(Main.program(folder, { workers: ["ann", "bob"] }), console as Console.Console)
        yield* Effect.provide(once, models())
        assert.deepStrictEqual(yield* translated(folder), french)
        const first = yield* state
        assert.deepStrictEqual(
          first.map(({ id, merges, status }) => [id, status, merges]),
          [
            ["menu", "done", 1],
            ["cart", "done", 1],
            ["mail", "done", 1]
          ]
        )
        assert.include(lines[0], "mail: done by")
        assert.include(lines[0], "lost the placeholder {name}")
        assert.include(lines[0], "+ fr/mail.json")
        yield* Effect.provide(once, models([]))
        assert.deepStrictEqual(yield* state, first)
        assert.include(lines[1], "20 tokens in, 10 out")
      })
    )
  )

  it.scoped("what two have changed at once is merged once, and done anew by the other", () =>
    within((folder) =>
      Effect.gen(function* () {
        const both = yield* Deferred.make<void>()
        let begun = 0
        const translator: ScriptedTransport.Script = (request) => {
          if (!isFirst(request)) return Script.translator(request)
          if (++begun === 2) Deferred.unsafeDone(both, Exit.void)
          return [gate(both), ...Script.translator(request)]
        }
        yield* convoy(folder, ["ann", "bob"], translator)
        assert.deepStrictEqual(yield* translated(folder), french)
        const board = yield* Boards.Board
        const items = yield* state
        assert.deepStrictEqual(
          items
            .slice(0, 2)
            .map(({ attempts }) => attempts)
            .sort(),
          [1, 2]
        )
        assert.deepStrictEqual(
          items.map(({ merges }) => merges),
          [1, 1, 1]
        )
        const [refused] = yield* board.list(Board.name, { tag: "merge", status: "failed" })
        assert.include(refused?.reason, "conflict: somebody else has changed fr/glossary.json")
        const seen = (yield* board.notes(Board.name, { author: "witness" })).map(({ text }) => text)
        assert.include(seen[0], "was not merged: conflict")
      })
    )
  )

  it.scoped("an item whose worker is interrupted is done by another, once", () =>
    within((folder) =>
      Effect.gen(function* () {
        const begun = yield* Deferred.make<void>()
        const first = yield* Effect.fork(convoy(folder, ["ann"], stuckAt(begun)))
        yield* Deferred.await(begun)
        assert.strictEqual((yield* state)[0]?.status, "in-progress")
        yield* Fiber.interrupt(first)
        assert.deepStrictEqual(
          (yield* state).map(({ attempts, status }) => [attempts, status]),
          [
            [0, "open"],
            [0, "open"],
            [0, "blocked"]
          ]
        )
        yield* convoy(folder, ["bob"])
        assert.deepStrictEqual(yield* translated(folder), french)
        assert.deepStrictEqual(yield* state, [
          { id: "menu", status: "done", by: "bob", attempts: 1, merges: 1 },
          { id: "cart", status: "done", by: "bob", attempts: 1, merges: 1 },
          { id: "mail", status: "done", by: "bob", attempts: 2, merges: 1 }
        ])
      })
    )
  )

  it.scoped("what was handed in is not done again when its worker is gone", () =>
    within((folder) =>
      Effect.gen(function* () {
        const board = yield* Boards.Board
        yield* board.post(Board.name, [{ id: "menu", title: "Translate en/menu.json" }])
        // Nobody merges here, so that the worker waits.
        const ann = yield* Effect.fork(
          Effect.provide(Runner.run(Worker.make("ann", { folder }), "Go."), models(Script.translator))
        )
        const isMerge = (change: Boards.Change) => change._tag === "TaskChanged" && change.task.tags.includes("merge")
        yield* Stream.runHead(Stream.filter(board.changes(Board.name, { after: 0 }), isMerge))
        yield* Fiber.interrupt(ann)
        yield* convoy(folder, ["bob"], [])
        assert.deepStrictEqual(yield* state, [{ id: "menu", status: "done", by: "bob", attempts: 1, merges: 1 }])
        assert.deepStrictEqual((yield* translated(folder))["fr/menu.json"], french["fr/menu.json"])
      })
    )
  )

  it.scopedLive(
    "an item whose process is killed is done by another, once",
    () =>
      within((folder) =>
        Effect.gen(function* () {
          const board = yield* Boards.Board
          yield* board.post(Board.name, [
            { id: "menu", title: "Translate en/menu.json" },
            { id: "cart", title: "Translate en/cart.json", dependsOn: ["menu"] }
          ])
          const child = yield* Processes.start("test/examples/convoyProcess.ts", folder)
          const complaints: Array<string> = []
          child.stderr.on("data", (data) => complaints.push(`${data}`))
          yield* Effect.async<void>((resume) => {
            child.stdout.once("data", () => resume(Effect.void))
            child.once("close", () => resume(Effect.dieMessage(complaints.join(""))))
          })
          assert.strictEqual((yield* board.get(Board.name, "menu")).claim?.worker, "dead")
          yield* Effect.sync(() => child.kill("SIGKILL"))
          yield* convoy(folder, ["ann", "bob"])
          assert.deepStrictEqual(
            (yield* state).map(({ attempts, merges, status }) => ({ attempts, merges, status })),
            [
              { attempts: 2, merges: 1, status: "done" },
              { attempts: 1, merges: 1, status: "done" }
            ]
          )
          const { "fr/mail.json": _, ...rest } = french
          assert.deepStrictEqual(yield* translated(folder), rest)
        })
      ),
    30_000
  )

  it.scoped("an item that nobody can do fails, and the rest is merged", () =>
    within((folder) =>
      Effect.gen(function* () {
        const todo = ["menu", "spell", "poster"].map(
          (id) => `- [ ] en/${id}.json${id === "poster" ? " (after spell)" : ""}`
        )
        const more = { "TODO.md": todo.join("\n"), "en/spell.json": `{"spell":"Open!"}`, "en/poster.json": "{}" }
        yield* Tree.write(`${folder}/main`, new Map(Object.entries(more)))
        const translator: ScriptedTransport.Script = (request) =>
          !textOf(request.messages).includes("Translate en/spell.json")
            ? Script.translator(request)
            : isFirst(request)
              ? [call("1", "write_file", { path: "fr/spell.json", text: "Ouvre-toi !" })]
              : [text("Done.")]
        const result = yield* convoy(folder, ["ann", "bob"], translator)
        const items = yield* state
        assert.deepStrictEqual(
          items.map(({ attempts, id, merges, status }) => [id, status, attempts, merges]),
          [
            ["menu", "done", 1, 1],
            ["spell", "failed", 3, 0],
            ["poster", "blocked", 0, 0]
          ]
        )
        assert.deepStrictEqual(Object.keys(yield* translated(folder)), ["fr/glossary.json", "fr/menu.json"])
        assert.include(result.text, "spell has failed for good: fr/spell.json is not an object of texts in JSON")
        assert.include(result.text, "poster waits in vain for spell")
      })
    )
  )

  it.scoped("without money it ends with what is left to do, and goes on when there is some", () =>
    within((folder) =>
      Effect.gen(function* () {
        const little = Budget.layer({ limits: { requests: 8 }, per: "total" })
        const result = yield* Effect.provide(convoy(folder, ["ann", "bob"]), little)
        assert.deepStrictEqual([result.reason, result.limit], ["limit", "budgetRequests"])
        assert.isFalse((yield* state).some(({ status }) => status === "in-progress" || status === "failed"))
        assert.isTrue((yield* state).some(({ status }) => status !== "done"))
        yield* convoy(folder, ["ann", "bob"])
        assert.deepStrictEqual(yield* translated(folder), french)
      })
    )
  )

  it.scoped("a worker writes nowhere but in its folder", () =>
    within((folder) =>
      Effect.gen(function* () {
        const board = yield* Boards.Board
        yield* board.post(Board.name, [{ id: "menu", title: "Translate en/menu.json" }])
        const told: Array<string> = []
        yield* convoy(folder, ["ann"], (request) => {
          told.push(textOf(request.messages.slice(-1)))
          return isFirst(request)
            ? [call("1", "write_file", { path: "../../main/fr/menu.json", text: "{}" })]
            : [text("Done.")]
        })
        assert.include(told[1], `"outcome":"denied"`)
        assert.deepStrictEqual(Object.keys(yield* translated(folder)), ["fr/glossary.json"])
      })
    )
  )

  it.effect("the witness tells of the dead, and walks by more rarely while nothing happens", () =>
    Effect.gen(function* () {
      const board = yield* Boards.Board
      yield* board.post(Board.name, [{ id: "menu", title: "Menu", assignee: "nobody" }])
      yield* board.claimNext(Board.name, { worker: "dead", role: "nobody", lease: "40 seconds" })
      const times: Array<readonly [number, number]> = []
      const walk = Effect.zipWith(Clock.currentTimeMillis, Witness.look, (now, news) => {
        times.push([now / 1000, news])
        return news
      })
      yield* Effect.fork(Effect.repeat(walk, Witness.pauses))
      yield* TestClock.adjust("30 minutes")
      assert.deepStrictEqual(times, [
        ...([0, 30] as const).map((at) => [at, 0] as const),
        [90, 1],
        ...([120, 180, 300, 540, 840, 1140, 1440, 1740] as const).map((at) => [at, 0] as const)
      ])
      assert.isTrue(Option.isSome(yield* board.claimNext(Board.name, { worker: "ann", role: "worker" })))
      const [note] = yield* board.notes(Board.name)
      assert.include(note?.text, "the lease of dead ran out")
    }).pipe(Effect.provide(Boards.layerMemory))
  )

  it.effect("work of any length keeps its item, and ends when the item is lost", () =>
    Effect.gen(function* () {
      const board = yield* Boards.Board
      yield* board.post(Board.name, [
        { id: "long", title: "Long" },
        { id: "lost", title: "Lost" },
        { id: "odd", title: "Odd", maxAttempts: 1 }
      ])
      const ends: Array<string> = []
      const works: Readonly<Record<string, Effect.Effect<Board.Outcome>>> = {
        long: Effect.as(Effect.sleep("1 hour"), Board.done("slowly")),
        lost: Effect.onInterrupt(Effect.never, () => Effect.sync(() => ends.push("interrupted"))),
        odd: Effect.dieMessage("odd")
      }
      const claiming = { worker: "ann", lease: "30 seconds", onEmpty: "drain" } as const
      const drain = Board.drain(claiming, ({ task }) => works[task.id] ?? Effect.never)
      const drained = yield* Effect.fork(Effect.exit(drain))
      yield* TestClock.adjust("61 minutes")
      assert.deepStrictEqual((yield* state)[0], { id: "long", status: "done", by: "ann", attempts: 1, merges: 0 })
      yield* board.cancel(Board.name, "lost")
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(ends, ["interrupted"])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(drained)))
      assert.deepStrictEqual(
        (yield* state).map(({ status }) => status),
        ["done", "cancelled", "failed"]
      )
    }).pipe(Effect.provide(Boards.layerMemory))
  )

  const trees = FastCheck.dictionary(FastCheck.constantFrom("a", "b", "c"), FastCheck.constantFrom("", "1", "2"))
  const treesOf = FastCheck.tuple(trees, trees, trees).map((all) => all.map((files) => new Map(Object.entries(files))))
  it.prop("merging twice changes nothing", [treesOf], ([[main, base, branch]]) => {
    if (main === undefined || base === undefined || branch === undefined) return
    const once = Tree.merge(main, base, branch)
    if (Either.isLeft(once)) return
    const merged = new Map([...main, ...once.right])
    for (const [name, text] of Tree.changed(base, branch)) assert.strictEqual(merged.get(name), text)
    assert.deepStrictEqual(Tree.merge(merged, base, branch), Either.right(new Map()))
  })
})
