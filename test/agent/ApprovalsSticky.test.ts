import * as FileSystem from "@effect/platform/FileSystem"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import type * as Approval from "../../src/guard/Approval.ts"
import { Approval as ApprovalTag, layerSuspend } from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ModelGuard from "../../src/guard/ModelGuard.ts"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import { Transport } from "../../src/transport/Transport.ts"
import {
  answering,
  at,
  byAmount,
  collecting,
  denied,
  lend,
  no,
  pay,
  results,
  session,
  shop,
  suspending,
  waiting,
  yes
} from "../support/approvals.ts"
import { judgeOf } from "../support/judges.ts"
import { world } from "../support/runs.ts"

const asking = Guard.layer(byAmount)

type Remember = NonNullable<Approval.Decision["remember"]>

/** One batch, a later run, and what was asked about. The first question gets an answer that sticks, all others a no. */
const sticking = (remember: Remember | undefined, approved = true) => {
  const { agent, ran } = shop({ toolConcurrency: 1 })
  const { asked, layer } = answering((amount) =>
    amount === 20 ? { approved, remember, reason: "first" } : { approved: false }
  )
  return Effect.gen(function* () {
    yield* Agent.run(agent, "go", { session })
    yield* Agent.run(agent, "more", { session })
    return { asked, ran, results: yield* results }
  }).pipe(
    Effect.provide([
      world([
        [pay("1", 20)],
        [pay("1", 21), pay("2", 121), lend("3", 22), lend("4", 122)],
        [text("done")],
        [pay("1", 31), pay("2", 131), lend("3", 32), lend("4", 132)],
        [text("done")]
      ]),
      asking,
      layer
    ])
  )
}

const settledBy = {
  call: [],
  tool: ["pay 21 shop", "pay 121 shop", "pay 31 shop", "pay 131 shop"],
  category: ["pay 21 shop", "lend 22 shop", "pay 31 shop", "lend 32 shop"],
  session: ["pay 21", "pay 121", "lend 22", "lend 122", "pay 31", "pay 131", "lend 32", "lend 132"].map(
    (ran) => `${ran} shop`
  )
}

describe("Approvals that stick", () => {
  for (const [reach, more] of Object.entries(settledBy)) {
    const remember = reach === "tool" || reach === "category" || reach === "session" ? reach : undefined
    it.effect(`a yes for the ${reach} holds for that, in this run and the next`, () =>
      Effect.gen(function* () {
        const { asked, ran } = yield* sticking(remember)
        assert.deepStrictEqual(ran, ["pay 20 shop", ...more])
        const amounts = more.map((one) => Number(one.split(" ")[1]))
        assert.deepStrictEqual(
          asked,
          [20, 21, 121, 22, 122, 31, 131, 32, 132].filter((amount) => !amounts.includes(amount))
        )
      })
    )

    it.effect(`AX-32 a no for the ${reach} sticks for that, with its reason`, () =>
      Effect.gen(function* () {
        const { asked, ran, results } = yield* sticking(remember, false)
        assert.deepStrictEqual(ran, [])
        assert.strictEqual(asked.length, 9 - more.length)
        assert.strictEqual(results.filter((line) => line === denied("first")).length, 1 + more.length)
      })
    )
  }

  it.effect("an answer settles what waits in the same batch, and its questions are withdrawn", () => {
    const { agent, ran } = shop()
    const withdrawn: Array<number> = []
    const approver = Layer.succeed(ApprovalTag, {
      ask: ({ call }) =>
        call.input === undefined || JSON.stringify(call.input).includes("30")
          ? Effect.succeed({ approved: true, remember: "category", input: { amount: 29 } })
          : Effect.onInterrupt(Effect.never, () => Effect.sync(() => withdrawn.push(1)))
    })
    return Effect.gen(function* () {
      const { events, onEvents } = collecting()
      yield* Agent.run(agent, "go", { session, onEvents })
      // The edit is about one call.
      assert.deepStrictEqual(ran, ["pay 20 shop", "pay 29 shop", "lend 40 shop"])
      assert.strictEqual(withdrawn.length, 2)
      assert.strictEqual(events.filter(({ _tag }) => _tag === "ApprovalDecided").length, 3)
    }).pipe(Effect.provide([world([[pay("1", 20), pay("2", 30), lend("3", 40)], [text("done")]]), asking, approver]))
  })

  it.effect("a no wins over every yes, whichever came last", () => {
    const { agent, ran } = shop({ toolConcurrency: 1 })
    const { asked, layer } = answering((amount) =>
      amount === 20
        ? { approved: false, remember: "tool", reason: "never pay" }
        : { approved: true, remember: amount === 120 ? "session" : "category" }
    )
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual(
        [asked, ran],
        [
          [20, 120],
          ["lend 120 shop", "lend 30 shop"]
        ]
      )
      assert.strictEqual((yield* results).at(-2), denied("never pay"))
    }).pipe(
      Effect.provide([
        world([[pay("1", 20)], [lend("1", 120)], [pay("1", 31), lend("2", 30)], [text("done")]]),
        asking,
        layer
      ])
    )
  })

  it.effect("what sticks is of this session and its forks, and of nobody else's", () => {
    const { agent, ran } = shop()
    const { asked, layer } = answering((amount) => ({ approved: amount === 20, remember: "tool" }))
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      const store = yield* ContextStore.ContextStore
      const fork = yield* store.fork(session)
      yield* Agent.run(agent, "more", { session: fork })
      yield* Agent.run(agent, "more")
      assert.deepStrictEqual(
        [asked, ran],
        [
          [20, 22],
          ["pay 20 shop", "pay 21 shop"]
        ]
      )
    }).pipe(
      Effect.provide([
        world([[pay("1", 20)], [text("ok")], [pay("1", 21)], [text("ok")], [pay("1", 22)], [text("ok")]]),
        asking,
        layer
      ])
    )
  })

  it.effect("what sticks is not above the guard", () => {
    const { agent, ran } = shop()
    const { asked, layer } = answering(() => ({ approved: true, remember: "session" }))
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual([asked, ran], [[20], ["pay 20 shop"]])
      assert.strictEqual((yield* results)[1], "denied: Denied: that is too much")
    }).pipe(Effect.provide([world([[pay("1", 20)], [pay("1", 1000)], [text("ok")]]), asking, layer]))
  })

  it.effect("an answer to resume settles the questions that wait and those of later runs", () => {
    const { agent, ran } = shop()
    return Effect.gen(function* () {
      const ids = yield* waiting(agent)
      const part = yield* Agent.resume(agent, session, [yes(at(ids, 0), { remember: "category" }), no(at(ids, 1))])
      assert.deepStrictEqual([part.pending.map(({ call }) => call), ran], [[ids[3]], []])
      yield* Agent.resume(agent, session, [no(at(ids, 3), { remember: "category", reason: "never" })])
      const later = yield* Agent.run(agent, "more", { session })
      assert.deepStrictEqual([later.reason, ran], ["completed", ["pay 20 shop", "lend 22 shop", "lend 23 shop"]])
      assert.deepStrictEqual(yield* results, [
        ...["ok: 20 to shop", denied(), "ok: 22 to shop", denied("never"), "ok: 23 to shop", denied("never")]
      ])
    }).pipe(
      Effect.provide([
        world([
          [pay("1", 20), pay("2", 21), lend("3", 22), pay("4", 200)],
          [text("ok")],
          [lend("1", 23), lend("2", 300)],
          [text("ok")]
        ]),
        suspending
      ])
    )
  })

  it.scoped("AX-32 an answer to resume about a folder holds for what is below, also in another process", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const root = yield* Effect.flatMap(files.makeTempDirectoryScoped(), files.realPath)
      for (const folder of ["work", "a/b/c", "a/bb", "a/no/sub"])
        yield* files.makeDirectory(`${root}/${folder}`, { recursive: true })
      const read: Array<string> = []
      const tool = Agent.tool("read", { parameters: { path: PathGuard.path("read") } }, ({ path }) =>
        Effect.sync(() => {
          read.push(path.slice(root.length))
          return "text"
        })
      )
      const agent = Agent.make("reader", { tools: [tool] })
      const reading = (...paths: ReadonlyArray<string>) =>
        paths.map((path, index) => call(`${index}`, "read", { path: `${root}${path}` }))
      // Each process has a guard of its own, which knows nothing, and the same file.
      const process = (script: ScriptedTransport.Script) =>
        Effect.provide(
          Layer.mergeAll(
            ScriptedTransport.layer(script),
            layerSqlite({ filename: `${root}/sessions.db` }),
            Layer.provide(
              PathGuard.layer({
                roots: [{ path: `${root}/work`, access: "write" }],
                tools: PathGuard.pathsOf(tool.tool)
              }),
              layerSuspend
            )
          )
        )
      const ids = yield* process([reading("/a/b/f", "/a/no/f")])(waiting(agent))
      yield* process([[text("ok")]])(
        Agent.resume(agent, session, [
          yes(at(ids, 0), { remember: "category" }),
          no(at(ids, 1), { remember: "category", reason: "private" })
        ])
      )
      const third = yield* process([reading("/a/b/c/g", "/a/b/../b/h", "/a/no/sub/f"), reading("/a/bb/f", "/a/f")])(
        Agent.run(agent, "more", { session })
      )
      assert.deepStrictEqual(read, ["/a/b/f", "/a/b/c/g", "/a/b/h"])
      assert.deepStrictEqual(
        third.pending.map(({ category }) => category?.replace(root, "")),
        ["path:read:/a/bb", "path:read:/a"]
      )
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.effect("a category without a folder holds for itself alone", () => {
    const { agent, ran } = shop()
    const categories = [
      "a",
      "a/b",
      "a:b",
      "command:.",
      "command:./x",
      "path:read:/a",
      "path:read:/a/../b",
      "path:read:/ab"
    ]
    const guard = Guard.make(({ input }) =>
      Effect.succeed(Guard.Ask("why", categories[Number(JSON.stringify(input).match(/\d+/)?.[0])]))
    )
    const { asked, layer } = answering(() => ({ approved: true, remember: "category" }))
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual(
        asked,
        categories.map((_, index) => index)
      )
      assert.strictEqual(ran.length, categories.length)
    }).pipe(
      Effect.provide([
        world([...categories.map((_, index) => [pay("1", index)]), [text("ok")]]),
        Guard.layer(guard),
        layer
      ])
    )
  })

  it.effect("AX-33 a risk that a model sees is asked about, and a yes for its kind holds for the kind", () => {
    const { agent, ran } = shop()
    const judge = judgeOf((input) => {
      const amount = Number(/\d+/.exec(JSON.stringify(input))?.[0])
      return amount > 99 ? ["DENY", "fraud"] : [amount > 10 ? "RISKY" : "SAFE", "money"]
    })
    const categories: Array<string | undefined> = []
    const { asked, layer } = answering((_, { category }) => {
      categories.push(category)
      return { approved: true, remember: "category" }
    })
    return Effect.gen(function* () {
      yield* Agent.run(agent, "go", { session })
      assert.deepStrictEqual([asked, categories], [[20], ["model:money"]])
      assert.deepStrictEqual(ran, ["pay 5 shop", "pay 20 shop", "lend 30 shop"])
      assert.match((yield* results).at(-1) ?? "", /^denied: Denied: /)
    }).pipe(
      Effect.provide([
        world([[pay("1", 5), pay("2", 20)], [lend("1", 30)], [pay("1", 500)], [text("ok")]]),
        Layer.provide(
          ModelGuard.layer({ policy: "Small amounts.", categories: ["money", "fraud"] }),
          Layer.succeed(Transport, judge.transport)
        ),
        layer
      ])
    )
  })
})
