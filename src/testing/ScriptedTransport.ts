/**
 * A transport that plays a script, for tests of agents without a model and without a network. It answers the first
 * request with the first turn of the script and so on, waits where the script says, breaks where the script says, and
 * fails loudly in both directions: when it is asked too often, and when turns are left. What it was asked is recorded.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type { Delta } from "../domain/Delta.ts"
import * as Message from "../domain/Message.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import type { FinishReason } from "../domain/Outcome.ts"
import * as Part from "../domain/Part.ts"
import * as Usage from "../domain/Usage.ts"
import * as Transport from "../transport/Transport.ts"
import type { Reason, ReasonTag, Replay } from "../transport/TransportError.ts"
import { TransportError } from "../transport/TransportError.ts"
import * as Steps from "./internal/script.ts"

/**
 * Waits: for a time on the Clock, or for anything else.
 *
 * @category models
 * @since 0.1.0
 */
export type Wait = Steps.Wait

/**
 * Ends the answer before its time: with a failure, or without a word.
 *
 * @category models
 * @since 0.1.0
 */
export type Break = Steps.Break<TransportError>

/**
 * A piece of a part: text that arrives as one delta, or something that happens in the middle of the part.
 *
 * @category models
 * @since 0.1.0
 */
export type Piece = Steps.Piece<TransportError>

/**
 * A step of a scripted answer. Made by the constructors below.
 *
 * @category models
 * @since 0.1.0
 */
export type Step = Steps.Step<TransportError>

/**
 * One answer: its steps, or a function that makes them of the request. `index` is 0 for the first request.
 *
 * @category models
 * @since 0.1.0
 */
export type Turn = ReadonlyArray<Step> | ((request: Transport.Request, index: number) => ReadonlyArray<Step>)

/**
 * A script: one turn for each request, in order, or a function that answers any number of them.
 *
 * @category models
 * @since 0.1.0
 */
export type Script = ReadonlyArray<Turn> | ((request: Transport.Request, index: number) => ReadonlyArray<Step>)

/**
 * How a script is played.
 *
 * **Details**
 *
 * - `model`: changes what the model says of itself; it is `scripted` with unknown capabilities otherwise.
 * - `deltasPerPull`: the most deltas one pull yields; all up to the next wait or break otherwise.
 * - `deltaLength`: cuts text, reasoning and arguments into deltas of at most so many characters.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly model?: Partial<ModelInfo> | undefined
  readonly deltasPerPull?: number | undefined
  readonly deltaLength?: number | undefined
}

/**
 * What a test may ask a scripted transport.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** The requests so far, in the order in which they were opened. */
  readonly requests: Effect.Effect<ReadonlyArray<Transport.Request>>
  /** How many connections are open now: opened, and their scope not yet closed. */
  readonly openConnections: Effect.Effect<number>
  /** Dies when turns of the script are left. */
  readonly assertDone: Effect.Effect<void>
}

/**
 * The scripted transport in use, as seen by the test.
 *
 * @category services
 * @since 0.1.0
 */
export class ScriptedTransport extends Context.Tag("axonal/testing/ScriptedTransport")<ScriptedTransport, Service>() {}

/**
 * Text that arrives piece by piece, each piece one delta: `text("Hel", gate(latch), "lo")`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (...pieces: ReadonlyArray<Piece>): Step => partOf(Part.text(joined(pieces)), pieces)

/**
 * Reasoning that arrives as one delta. `meta` is what its vendor wants back, a signature for instance.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reasoning = (value: string, meta?: Part.Meta): Step =>
  partOf({ type: "reasoning", text: value, ...(meta === undefined ? undefined : { meta }) }, [value])

/**
 * A call of a tool. `id` is the vendor's; arguments given as a string go out as they are, broken JSON included.
 *
 * @category constructors
 * @since 0.1.0
 */
export const call = (id: string, name: string, input: object | string = {}): Step => {
  const json = typeof input === "string" ? input : JSON.stringify(input)
  return partOf({ type: "tool-call", id, name, input: json }, [json])
}

/**
 * A file that the model made, as base64.
 *
 * @category constructors
 * @since 0.1.0
 */
export const file = (mediaType: string, base64: string): Step => part(Part.file(mediaType, { base64 }))

/**
 * A source that the answer names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const source = (url: string, title?: string): Step =>
  part({ type: "source", url, ...(title === undefined ? undefined : { title }) })

/**
 * Any part as it is, for what the other constructors do not say: calls the vendor runs itself, results, `meta`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const part = (value: Part.Part): Step => partOf(value, undefined)

/**
 * Any delta as it is. The script is then responsible for their order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delta = (value: Delta): Step => ({ _tag: "Delta", delta: value })

/**
 * The first word of a response. Every answer has one; this one names an id, or makes an error one within the stream.
 *
 * @category constructors
 * @since 0.1.0
 */
export const start = (id: string, model?: string): Step => delta({ _tag: "ResponseStart", id, model })

/**
 * The tokens of the answer: 10 in and 5 out unless said. `usage({})` is an answer without a usage report.
 *
 * @category constructors
 * @since 0.1.0
 */
export const usage = (known: Parameters<typeof Usage.make>[0]): Step => ({ _tag: "Usage", usage: Usage.make(known) })

/**
 * Ends the answer for this reason. Without it the reason is `tool-calls` after a call of a tool, and `stop` otherwise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const finish = (reason: FinishReason): Step => ({ _tag: "Finish", reason })

/**
 * Waits for a time on the Clock.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (duration: Duration.DurationInput): Wait => ({ _tag: "Wait", until: Effect.sleep(duration) })

/**
 * Waits for a `Deferred` or runs an effect, which can also tell the test that the script has come this far.
 *
 * @category constructors
 * @since 0.1.0
 */
export const gate = (latch: Deferred.Deferred<unknown> | Effect.Effect<unknown>): Wait => ({
  _tag: "Wait",
  until: Deferred.DeferredTypeId in latch ? Deferred.await(latch) : latch
})

/**
 * Fails with this reason: the request, when nothing but waits stands before it, the stream otherwise.
 *
 * **Details**
 *
 * - `replay` is `safe` for a refused request and `acknowledged` for a broken stream unless said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const error = (reason: ReasonTag | Reason, replay?: Replay): Break => ({
  _tag: "Error",
  failure: (model, begun) =>
    new TransportError({
      vendor: model.vendor,
      model: model.id,
      reason: typeof reason === "string" ? { _tag: reason, message: "scripted" } : reason,
      replay: replay ?? (begun ? "acknowledged" : "safe")
    })
})

/**
 * Ends the stream without its finish part, as a dropped connection does.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cut: Break = { _tag: "Cut" }

/**
 * A script for several agents that run side by side: each request is answered by the next turn of the role that its
 * instructions begin with. A role whose script is a function answers any number of them.
 *
 * **Details**
 *
 * - A request of no role, or of one whose turns are used up, is a defect that says which. Turns that are left are not noticed.
 * - It counts for itself: make one for each test.
 *
 * @category constructors
 * @since 0.1.0
 */
export const roles = (scripts: Readonly<Record<string, Script>>): Script => {
  const counts = new Map<string, number>()
  return (request) => {
    const [first] = request.messages
    const instructions = first?.role === "system" ? Message.toText(first) : ""
    const role = Object.keys(scripts).find((name) => instructions.startsWith(name))
    const script = role === undefined ? undefined : scripts[role]
    if (role === undefined || script === undefined) {
      throw new Error(
        `No role of the script has instructions that begin like ${JSON.stringify(instructions.slice(0, 60))}`
      )
    }
    const index = counts.get(role) ?? 0
    counts.set(role, index + 1)
    const turn = typeof script === "function" ? script : script[index]
    if (turn === undefined) throw new Error(`The role ${role} was asked more often than its ${index} turns`)
    return typeof turn === "function" ? turn(request, index) : turn
  }
}

/**
 * Makes a scripted transport, for tests that need more than one.
 *
 * **Details**
 *
 * - Every turn yields `ResponseStart`, its parts with `PartStart` and `PartEnd` around their deltas, and `Finish`.
 * - When `model` has a price, usage has a cost.
 * - Steps after `finish`, `cut` or `error` are not played.
 * - A request for which no turn is left is a defect that quotes its last message.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (script: Script, options: Options = {}): Service & { readonly transport: Transport.Service } => {
  const model: ModelInfo = { vendor: "scripted", id: "scripted", ...options.model }
  const requests: Array<Transport.Request> = []
  let connections = 0
  const connection = Effect.acquireRelease(
    Effect.sync(() => void connections++),
    () => Effect.sync(() => void connections--)
  )
  return {
    transport: {
      model,
      open: (request) =>
        Effect.suspend(() => {
          const index = requests.push(request) - 1
          const turn = typeof script === "function" ? script : script[index]
          if (turn === undefined) return Effect.die(new Error(exhausted(request, index)))
          const steps = typeof turn === "function" ? turn(request, index) : turn
          return Effect.zipRight(
            connection,
            Steps.play(Steps.compile(steps, { ...options, id: `response_${index}`, model }), options.deltasPerPull)
          )
        })
    },
    requests: Effect.sync(() => [...requests]),
    openConnections: Effect.sync(() => connections),
    assertDone: Effect.suspend(() => {
      const left = typeof script === "function" ? 0 : script.length - requests.length
      return left <= 0
        ? Effect.void
        : Effect.die(new Error(`${called(requests.length)}, and ${left} of its turns are left`))
    })
  }
}

/**
 * Layer of a scripted transport. When it is released after a success and turns are left, it dies: the test fails.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (script: Script, options?: Options): Layer.Layer<Transport.Transport | ScriptedTransport> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { transport, ...service } = make(script, options)
      // After a failure the failure is the news, not the turns that it prevented.
      yield* Effect.addFinalizer((exit) => (Exit.isSuccess(exit) ? service.assertDone : Effect.void))
      return Context.make(Transport.Transport, transport).pipe(Context.add(ScriptedTransport, service))
    })
  )

/**
 * The requests so far, in the order in which they were opened.
 *
 * @category accessors
 * @since 0.1.0
 */
export const requests: Effect.Effect<ReadonlyArray<Transport.Request>, never, ScriptedTransport> = Effect.flatMap(
  ScriptedTransport,
  (scripted) => scripted.requests
)

/**
 * How many connections are open now. 0 proves that every scope was closed.
 *
 * @category accessors
 * @since 0.1.0
 */
export const openConnections: Effect.Effect<number, never, ScriptedTransport> = Effect.flatMap(
  ScriptedTransport,
  (scripted) => scripted.openConnections
)

/**
 * Dies when turns of the script are left.
 *
 * @category accessors
 * @since 0.1.0
 */
export const assertDone: Effect.Effect<void, never, ScriptedTransport> = Effect.flatMap(
  ScriptedTransport,
  (scripted) => scripted.assertDone
)

// internal

const partOf = (value: Part.Part, pieces: ReadonlyArray<Piece> | undefined): Step => ({
  _tag: "Part",
  part: value,
  pieces
})

const joined = (pieces: ReadonlyArray<Piece>): string => pieces.filter((piece) => typeof piece === "string").join("")

const called = (count: number): string => `The scripted transport was called ${count} time${count === 1 ? "" : "s"}`

const exhausted = (request: Transport.Request, index: number): string => {
  const last = request.messages.at(-1)
  const said = last === undefined ? "no message" : `${last.role}: ${Message.toText(last) || JSON.stringify(last.parts)}`
  return `${called(index + 1)}, but its script has ${index} turns. The last message was ${said.slice(0, 1000)}`
}
