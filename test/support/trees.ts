/**
 * The lives of generated trees of runners: they are interrupted and killed, wait for persons and go on, until they are
 * over. The world it is played in, and what it leaves.
 */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as Composite from "../../src/agent/Composite.ts"
import type * as Result from "../../src/agent/Result.ts"
import * as Subagent from "../../src/agent/Subagent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { ToolContext } from "../../src/tool/ToolContext.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { Transport } from "../../src/transport/Transport.ts"
import type { AgentTree, Life, Tree } from "./treesGenerated.ts"

/** Time is counted in turns of the scheduler, so that no life waits for a clock. */
const pause = (steps: number) => Effect.repeatN(Effect.yieldNow(), steps)

type Node = Runner.Runner<string, string, unknown, ContextStore.ContextStore | Transport>

export const session = SessionId.make("life")

/** What is said after an answer that was cut off does not count as a task. */
const isTask = (message: Message.Message) => message.role === "user" && Message.toText(message).startsWith("in:")

/** All that happens to the tools of a life, over all of its runs. */
export interface World {
  readonly trees: Map<string, Tree>
  /** How often the handler of a call began. */
  readonly handled: Map<string, number>
  readonly problems: Array<string>
  alive: number
}

/** Whether a person says yes to a call, as it follows from what is called. */
const allows = (id: unknown): boolean => String(id).length % 3 !== 0

const runnerOf = (world: World, tree: Tree, id: string): Node => {
  world.trees.set(id, tree)
  if (tree.kind === "function") {
    const call = (input: string) =>
      Effect.zipRight(
        pause(tree.steps),
        Effect.suspend(() => (tree.fails ? Effect.fail("no") : Effect.succeed(`in:${id}(${input.slice(3)})`)))
      )
    return Runner.fromEffect(id, call, tree.isKept ? { output: Schema.String } : {})
  }
  if (tree.kind === "agent") return agentOf(world, tree, id)
  return Composite.make(id, {}, (input: string, parts) =>
    Effect.gen(function* () {
      const made = tree.parts.map(({ session, tree }, index) => ({
        at: String(index),
        session,
        runner: runnerOf(world, tree, `${id}.${index}`)
      }))
      const chosen = tree.remembers ? yield* parts.remember("chosen", Effect.succeed(input.length)) : input.length
      assert.strictEqual(chosen, input.length)
      if (tree.kind === "sequence") {
        let last = input
        for (const { at, runner, session } of made) last = (yield* parts.run(at, runner, last, { session })).output
        return { output: last }
      }
      const works = made.map(({ at, runner, session }) => parts.run(at, runner, input, { session }))
      const all = yield* Composite.all(works, { concurrency: tree.concurrency })
      return { output: `in:${all.map(({ output }) => output.slice(3)).join("|")}` }
    })
  )
}

const agentOf = (world: World, tree: AgentTree, id: string): Node => {
  const handler = (name: "plain" | "ask" | "fail") =>
    Agent.tool(
      name,
      {
        parameters: { id: Schema.String, steps: Schema.Number },
        ...(name === "ask" ? { needsApproval: true } : undefined)
      },
      (input) =>
        Effect.gen(function* () {
          const store = yield* ContextStore.ContextStore
          const context = yield* ToolContext
          const log = yield* Effect.orDie(store.entries(context.session))
          const isDone = log.some(
            (entry) =>
              entry._tag === "Message" &&
              entry.message.parts.some((part) => part.type === "tool-result" && part.id === context.call)
          )
          if (isDone) world.problems.push(`${input.id} ran although it has a result`)
          world.handled.set(context.call, (world.handled.get(context.call) ?? 0) + 1)
          yield* Effect.acquireUseRelease(
            Effect.sync(() => world.alive++),
            () => pause(input.steps),
            () => Effect.sync(() => world.alive--)
          )
          return name === "fail" ? yield* Effect.fail("no") : "fine"
        })
    )
  const children = tree.turns.flatMap((calls, turn) =>
    calls.flatMap(({ child, tool }, index) =>
      tool !== "sub" || child === undefined
        ? []
        : [Subagent.tool(runnerOf(world, child, `${id}.${turn}-${index}`), { name: `sub${turn}-${index}` })]
    )
  )
  return Agent.make(id, {
    instructions: `agent ${id} `,
    tools: [handler("plain"), handler("ask"), handler("fail"), ...children],
    retries: 0,
    ...(tree.maxTurns === undefined ? undefined : { limits: { turns: tree.maxTurns } })
  })
}

/** What the model of an agent says follows from the conversation alone. */
const script =
  (world: World): ScriptedTransport.Script =>
  ({ messages, toolChoice }: Request) => {
    const [, id = ""] = /^agent (\S+) /.exec(messages.slice(0, 1).map(Message.toText).join()) ?? []
    const tree = world.trees.get(id)
    if (tree?.kind !== "agent") throw new Error(`no agent ${id}`)
    const from = messages.findLastIndex(isTask)
    const task = messages[from]
    if (task === undefined) throw new Error(`nobody asked ${id} for anything`)
    const turn = messages.slice(from).filter(({ parts }) => parts.some(({ type }) => type === "tool-call")).length
    const calls = toolChoice === "none" ? undefined : tree.turns[turn]
    if (calls !== undefined) {
      return [
        ScriptedTransport.gate(pause(tree.steps)),
        ...calls.map(({ child, steps, tool }, index) => {
          const name = tool === "sub" && child === undefined ? "plain" : tool
          const key = `${turn}-${index}`
          return name === "sub"
            ? ScriptedTransport.call(key, `sub${key}`, { task: `in:${id}` })
            : ScriptedTransport.call(key, name, { id: `${id} ${key}`, steps })
        })
      ]
    }
    if (tree.end === "fails") return [ScriptedTransport.error("InvalidRequest")]
    const said = task.parts.flatMap((part) => (part.type === "text" && part.text.startsWith("in:") ? [part.text] : []))
    const answer = `in:${id}(${(said.at(-1) ?? "").slice(3)})`
    return [ScriptedTransport.text(answer.slice(0, 5), ScriptedTransport.gate(pause(tree.steps)), answer.slice(5))]
  }

/** Waits for what is over in a bounded time, or never. */
const over = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.gen(function* () {
    for (let time = 0; time < 20_000; time++) {
      const exit = yield* Fiber.poll(fiber)
      if (Option.isSome(exit)) return exit.value
      yield* Effect.yieldNow()
    }
    return yield* Effect.dieMessage("it hangs")
  })

/** One run of a life. */
export interface Segment {
  readonly events: ReadonlyArray<AgentEvent>
  readonly exit: Exit.Exit<Result.Outcome<string>, unknown>
  readonly by: "kill" | "interrupt" | "nothing"
  readonly input: string
}

export interface Played {
  readonly segments: ReadonlyArray<Segment>
  readonly world: World
  readonly approved: ReadonlySet<string>
  readonly denied: ReadonlySet<string>
  readonly logs: ReadonlyMap<string, ReadonlyArray<Stored>>
  readonly connections: number
  readonly outcome: Result.Outcome<string> | undefined
  readonly error: unknown
}

/** Places of which the answers are in a journal: `session key`. */
type Journaled = Set<string>

/** A store that dies after so many appends, and tells of it. */
const killable = (left: { appends: number; killed: Deferred.Deferred<void> | undefined }, journaled: Journaled) =>
  Effect.map(
    ContextStore.ContextStore,
    (store): ContextStore.Service => ({
      ...store,
      append: (session, entries, options) =>
        Effect.suspend(() => {
          if (left.appends-- <= 0) {
            const tell = left.killed === undefined ? Effect.void : Deferred.succeed(left.killed, undefined)
            return Effect.zipRight(tell, Effect.die("killed"))
          }
          return Effect.tap(store.append(session, entries, options), () => {
            for (const entry of entries) if (entry._tag === "Checkpoint") journaled.add(`${session} ${entry.key}`)
          })
        })
    })
  )

export const play = (life: Life, store: Layer.Layer<ContextStore.ContextStore, unknown> = ContextStore.layerMemory) =>
  Effect.gen(function* () {
    const world: World = { trees: new Map(), handled: new Map(), problems: [], alive: 0 }
    const root = runnerOf(world, life.tree, "r")
    const journaled: Journaled = new Set()
    const left: Parameters<typeof killable>[0] = { appends: Number.POSITIVE_INFINITY, killed: undefined }
    const kept = yield* killable(left, journaled)
    const approval: Approval.Service = {
      ask: ({ call }) => {
        const id = /"id":"([^"]*)"/.exec(JSON.stringify(call.input))?.[1] ?? ""
        const { approver } = life
        if (approver === "suspend" || (approver === "mixed" && id.length % 2 === 0))
          return Effect.succeed({ _tag: "Later" })
        return Effect.succeed({ approved: approver === "mixed" ? allows(id) : approver === "allow" })
      }
    }
    const segments: Array<Segment> = []
    const approved = new Set<string>()
    const denied = new Set<string>()
    const sessions = new Map<string, string>()
    let connections = 0
    let pending: Result.Outcome<string>["pending"] = []
    let asked = 0
    const cuts = [...life.cuts]
    const inputs = life.again ? ["in:go", "in:again"] : ["in:go"]
    let outcome: Result.Outcome<string> | undefined
    let error: unknown
    let isBegun = false
    let ended = 0
    for (let index = 0; inputs.length > 0; index++) {
      if (index > 40) return yield* Effect.dieMessage("it is never over")
      const [input = ""] = inputs
      const { after, by } = cuts.shift() ?? { after: 0, by: "nothing" as const }
      const killed = yield* Deferred.make<void>()
      left.appends = by === "kill" ? after % 60 : Number.POSITIVE_INFINITY
      left.killed = killed
      const decided = pending.flatMap(({ call, input }): ReadonlyArray<Approval.Decided> => {
        if (life.left[asked++] === true) return []
        const id = /"id":"([^"]*)"/.exec(JSON.stringify(input))?.[1] ?? ""
        const yes = life.approver === "suspend" ? true : allows(id)
        ;(yes ? approved : denied).add(call)
        return [{ call, approved: yes }]
      })
      const events: Array<AgentEvent> = []
      const onEvents = (batch: ReadonlyArray<AgentEvent>) => {
        for (const event of batch) {
          events.push(event)
          if (event._tag !== "RunStart") continue
          sessions.set(event.run, event.session)
          const step = event.path?.at(-1)
          if (step?.at === undefined) continue
          const above = sessions.get(step.run)
          const numbers = [...journaled].flatMap((key) =>
            key.startsWith(`${above} `) ? [Number(key.slice(`${above} `.length).split("/")[0])] : []
          )
          if (journaled.has(`${above} ${Math.max(...numbers)}/part/${step.at}`)) {
            world.problems.push(`${event.agent} ran again although it had answered`)
          }
        }
      }
      const scripted = ScriptedTransport.make(script(world))
      const work = isBegun
        ? Runner.resume(root, session, decided, { onEvents })
        : Runner.run(root, input, { session, onEvents })
      const fiber = yield* Effect.fork(
        work.pipe(
          Effect.provideService(ContextStore.ContextStore, kept),
          Effect.provideService(Approval.Approval, approval),
          Effect.provide(Layer.succeed(Transport, scripted.transport))
        )
      )
      const cutting = yield* Effect.fork(
        by === "kill"
          ? Effect.zipRight(Deferred.await(killed), Fiber.interrupt(fiber))
          : by === "interrupt"
            ? Effect.zipRight(pause(after), Fiber.interrupt(fiber))
            : Effect.void
      )
      const exit = yield* over(fiber)
      yield* Fiber.interrupt(cutting)
      left.appends = Number.POSITIVE_INFINITY
      segments.push({ events, exit, by, input })
      connections += yield* scripted.openConnections
      const done = [...journaled].filter((key) => key.startsWith(`${session} `) && key.endsWith("/ended")).length
      isBegun = [...journaled].some((key) => key.startsWith(`${session} ${ended + 1}/`))
      if (Exit.isSuccess(exit)) {
        ;({ pending } = exit.value)
        if (exit.value.reason === "awaiting-approval") continue
        outcome = exit.value
      } else {
        const isCut = by !== "nothing"
        if (isCut && done === ended) continue
        if (!isCut) error = exit
      }
      inputs.shift()
      ended = done
      isBegun = false
      pending = []
      if (error !== undefined) break
    }
    const { sessions: all } = yield* kept.list({ limit: 500 })
    const logs = new Map<string, ReadonlyArray<Stored>>()
    for (const { id } of all) {
      yield* Effect.scoped(kept.lock(id, "fail"))
      logs.set(id, yield* kept.entries(id))
    }
    return { segments, world, approved, denied, logs, connections, outcome, error } satisfies Played
  }).pipe(Effect.provide(Layer.mergeAll(store, Logger.remove(Logger.defaultLogger))))
