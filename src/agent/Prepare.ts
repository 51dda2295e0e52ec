/**
 * Everything that happens to a call before its handler may see it: it is found, parsed, decoded, guarded and, if the
 * guard asks, approved. Whatever goes wrong becomes a short result that tells the model what to do better.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as AgentEvent from "../domain/AgentEvent.ts"
import { CallId } from "../domain/Ids.ts"
import type * as Part from "../domain/Part.ts"
import * as Guard from "../guard/Guard.ts"
import { coerce } from "../tool/Coerce.ts"
import type { Entry } from "../tool/Toolkit.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Run from "./Run.ts"

/**
 * A call whose handler may run. `parameters` are what the handler takes, `input` is the same as JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready {
  readonly _tag: "Ready"
  readonly id: CallId
  readonly name: string
  readonly input: unknown
  readonly parameters: unknown
  readonly entry: Entry
  readonly execute: NonNullable<Entry["execute"]>
}

/**
 * A call that already has its result.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejected {
  readonly _tag: "Rejected"
  readonly id: CallId
  readonly name: string
  readonly input: unknown
  readonly result: ToolResult.ToolResult
}

/**
 * A call after preparation.
 *
 * @category models
 * @since 0.1.0
 */
export type Prepared = Ready | Rejected

interface Asking {
  readonly _tag: "Asking"
  readonly ready: Ready
  readonly reason: string
  readonly category: string | undefined
}

/**
 * Prepares all calls of an answer, in order. Questions to a person are asked together once all calls are judged.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prepare = (run: Run.Run, calls: ReadonlyArray<Part.ToolCall>): Effect.Effect<ReadonlyArray<Prepared>> =>
  Effect.suspend(() => {
    const parsed = calls.map((call) => ({ call, input: parse(call.input) }))
    const wait = run.write(() =>
      parsed.map(
        ({ call, input }): AgentEvent.AgentEvent =>
          Run.event(run, "ToolCall", {
            call: callId(call),
            name: call.name,
            input: Either.getOrElse(input, () => ({}))
          })
      )
    )
    const judged = parsed.map(({ call, input }) => one(run, call, input))
    return Run.after(wait, judged.every(isPrepared) ? Effect.succeed(judged) : inOrder(run, judged))
  })

/**
 * Decodes new arguments of a call that is ready, and has the guard judge them again. For hooks that rewrite.
 *
 * @category combinators
 * @since 0.1.0
 */
export const again = (run: Run.Run, ready: Ready, input: unknown): Effect.Effect<Prepared> =>
  Effect.flatMap(toEffect(decode(ready.id, ready.entry, ready.execute, input)), (next) =>
    next._tag === "Rejected" ? Effect.succeed(next) : Effect.flatMap(toEffect(guard(run, next)), settled(run))
  )

// internal

/**
 * Something that is mostly there at once: schemas rarely wait, and the standard guard never does. Going through an effect
 * for each call would cost more than all the rest of its preparation.
 */
type Soon<A> = A | Effect.Effect<A>

const toEffect = <A extends { readonly _tag: string }>(soon: Soon<A>): Effect.Effect<A> =>
  Effect.isEffect(soon) ? soon : Effect.succeed(soon)

const isPrepared = (soon: Soon<Prepared | Asking>): soon is Prepared => !Effect.isEffect(soon) && soon._tag !== "Asking"

const callId = (call: Part.ToolCall): CallId => CallId.make(call.id, { disableValidation: true })

const inOrder = (
  run: Run.Run,
  judged: ReadonlyArray<Soon<Prepared | Asking>>
): Effect.Effect<ReadonlyArray<Prepared>> =>
  Effect.flatMap(Effect.forEach(judged, toEffect), (items) => {
    const questions = items.filter((item) => item._tag === "Asking").length
    return Effect.forEach(items, settled(run), { concurrency: questions > 1 ? "unbounded" : 1 })
  })

const maxProblem = 2000

const reject = (
  call: { readonly id: CallId; readonly name: string },
  input: unknown,
  outcome: ToolResult.ToolResult["outcome"],
  text: string
): Rejected => ({
  _tag: "Rejected",
  id: call.id,
  name: call.name,
  input,
  result: ToolResult.bound(ToolResult.text(outcome, text), maxProblem)
})

/** The arguments as a JSON object, or what is wrong with them. No text at all is no arguments. */
const parse = (text: string): Either.Either<object, string> => {
  if (text.trim() === "") return Either.right({})
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Either.right(value)
      : Either.left("they are not a JSON object")
  } catch (cause) {
    return Either.left(cause instanceof Error ? cause.message : "they are not JSON")
  }
}

const one = (run: Run.Run, call: Part.ToolCall, parsed: Either.Either<object, string>): Soon<Prepared | Asking> => {
  const named = { id: callId(call), name: call.name }
  const { entries } = run.registry
  const entry = entries.get(call.name)
  if (isDuplicate(call)) {
    const text = "Another call of this answer has the same id; this one was not run. Call again."
    return reject(named, {}, "invalid", text)
  }
  if (entry === undefined) {
    const known = entries.size === 0 ? "There are no tools." : `Available tools: ${[...entries.keys()].join(", ")}.`
    return reject(named, {}, "unknown-tool", `Unknown tool: ${call.name}. ${known}`)
  }
  if (Either.isLeft(parsed)) {
    const text =
      `Malformed JSON arguments for tool ${call.name}: ${parsed.left}. ` +
      "Retry the call with one valid JSON object as arguments."
    return reject(named, {}, "invalid", text)
  }
  if (entry.execute === undefined) {
    return reject(named, parsed.right, "unknown-tool", `${call.name} runs at the vendor, not here.`)
  }
  const decoded = decode(named.id, entry, entry.execute, parsed.right)
  if (!Effect.isEffect(decoded)) return decoded._tag === "Rejected" ? decoded : guard(run, decoded)
  return Effect.flatMap(decoded, (next) =>
    next._tag === "Rejected" ? Effect.succeed(next) : toEffect(guard(run, next))
  )
}

const isDuplicate = (call: Part.ToolCall): boolean => {
  const mark = call.meta?.["axonal"]
  return typeof mark === "object" && mark !== null && "duplicate" in mark
}

const decode = (id: CallId, entry: Entry, execute: Ready["execute"], input: unknown): Soon<Prepared> => {
  const { name } = entry.spec
  const ready = (parameters: unknown, input: unknown): Prepared => ({
    _tag: "Ready",
    id,
    name,
    input,
    parameters,
    entry,
    execute
  })
  const decoded = entry.decode(input)
  if (Either.isEither(decoded) && Either.isRight(decoded)) {
    const encoded = entry.encode(decoded.right)
    if (Either.isEither(encoded) && Either.isRight(encoded)) return ready(decoded.right, encoded.right)
  }
  return decoded.pipe(
    Effect.catchAll((error) => Effect.mapError(entry.decode(coerce(entry.spec.inputSchema, input)), () => error)),
    Effect.flatMap((parameters) => Effect.map(entry.encode(parameters), (input) => ready(parameters, input))),
    Effect.catchAll((error) => Effect.succeed(reject({ id, name }, input, "invalid", problems(name, error))))
  )
}

const problems = (name: string, error: ParseResult.ParseError): string => {
  const lines = ParseResult.ArrayFormatter.formatErrorSync(error).map(
    (issue) => `- ${issue.path.length === 0 ? "arguments" : issue.path.map(String).join(".")}: ${issue.message}`
  )
  return `Invalid arguments for tool ${name}:\n${lines.join("\n")}\nCall it again with arguments that match its schema.`
}

const judged = (run: Run.Run, ready: Ready): Effect.Effect<Guard.Verdict> =>
  Guard.judge(run.guard, {
    id: ready.id,
    tool: ready.entry.info,
    input: ready.input,
    run: run.id,
    session: run.session,
    agent: run.agent,
    turn: run.turn,
    identity: run.identity
  })

const guard = (run: Run.Run, ready: Ready): Soon<Prepared | Asking> =>
  run.guard === Guard.standard
    ? judgement(ready, Guard.byAnnotations(ready.entry.info))
    : Effect.flatMap(judged(run, ready), (verdict) => toEffect(judgement(ready, verdict)))

const judgement = (ready: Ready, verdict: Guard.Verdict): Soon<Prepared | Asking> => {
  switch (verdict._tag) {
    case "Allow":
      return ready
    case "Deny":
      return reject(ready, ready.input, "denied", `Denied: ${verdict.reason}`)
    case "Rewrite":
      return decode(ready.id, ready.entry, ready.execute, verdict.input)
    case "Ask": {
      const { category, reason } = verdict
      if (verdict.input === undefined) return { _tag: "Asking", ready, reason, category }
      return Effect.map(toEffect(decode(ready.id, ready.entry, ready.execute, verdict.input)), (next) =>
        next._tag === "Ready" ? { _tag: "Asking", ready: next, reason, category } : next
      )
    }
  }
}

const settled =
  (run: Run.Run) =>
  (item: Prepared | Asking): Effect.Effect<Prepared> =>
    item._tag === "Asking" ? approve(run, item) : Effect.succeed(item)

/** Puts the question, and has the guard judge once more: what it denies by now stays denied. */
const approve = (run: Run.Run, { category, ready, reason }: Asking): Effect.Effect<Prepared> =>
  Effect.gen(function* () {
    const { id, input, name } = ready
    yield* Run.emit(run, () => [Run.event(run, "ApprovalAsked", { call: id, name, input, reason, category })])
    const question = {
      call: {
        id,
        tool: ready.entry.info,
        input,
        run: run.id,
        session: run.session,
        agent: run.agent,
        turn: run.turn,
        identity: run.identity
      },
      reason,
      category
    }
    const decision = yield* run.activities.approval(
      { run: run.id, turn: run.turn, call: id },
      Effect.catchAllCause(
        Effect.suspend(() => run.approval.ask(question)),
        (cause) =>
          Effect.as(Effect.logWarning("The approver died; the call is denied", cause), {
            approved: false,
            reason: "the approver failed"
          })
      )
    )
    const { approved } = decision
    run.beside.push((about) => ({ _tag: "Decision", ...about(`decision/${id}`), call: id, tool: name, ...decision }))
    yield* Run.emit(run, () => [
      Run.event(run, "ApprovalDecided", { call: id, name, approved, reason: decision.reason })
    ])
    if (!approved) {
      const why = decision.reason === undefined ? "" : `: ${decision.reason}`
      return reject(ready, input, "denied", `Not approved${why}. Do not try the same call again.`)
    }
    const verdict = yield* judged(run, ready)
    if (verdict._tag === "Deny") return reject(ready, input, "denied", `Denied: ${verdict.reason}`)
    return changes(verdict, input)
      ? reject(ready, input, "denied", "Denied: its arguments would no longer be those that were approved")
      : ready
  })

/** Whether a verdict would run the call with other arguments than these. */
const changes = (verdict: Guard.Verdict, input: unknown): boolean =>
  "input" in verdict && verdict.input !== undefined && ToolResult.jsonText(verdict.input) !== ToolResult.jsonText(input)
