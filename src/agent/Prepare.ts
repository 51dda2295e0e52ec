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
  Effect.gen(function* () {
    const parsed = calls.map((call) => ({ call, input: parse(call.input) }))
    yield* run.emit(() =>
      parsed.map(
        ({ call, input }): AgentEvent.AgentEvent =>
          Run.event(run, "ToolCall", {
            call: CallId.make(call.id),
            name: call.name,
            input: Either.getOrElse(input, () => ({}))
          })
      )
    )
    const judged = yield* Effect.forEach(parsed, ({ call, input }) => one(run, call, input))
    const questions = judged.filter((item) => item._tag === "Asking").length
    if (questions === 0) return judged.filter((item) => item._tag !== "Asking")
    return yield* Effect.forEach(
      judged,
      (item) => (item._tag === "Asking" ? approve(run, item) : Effect.succeed(item)),
      { concurrency: questions === 1 ? 1 : "unbounded" }
    )
  })

/**
 * Decodes new arguments of a call that is ready, and has the guard judge them again. For hooks that rewrite.
 *
 * @category combinators
 * @since 0.1.0
 */
export const again = (run: Run.Run, ready: Ready, input: unknown): Effect.Effect<Prepared> =>
  Effect.flatMap(decode(ready.id, ready.entry, ready.execute, input), (next) =>
    next._tag === "Rejected" ? Effect.succeed(next) : Effect.flatMap(guard(run, next), settled(run))
  )

// internal

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

const one = (
  run: Run.Run,
  call: Part.ToolCall,
  parsed: Either.Either<object, string>
): Effect.Effect<Prepared | Asking> => {
  const named = { id: CallId.make(call.id), name: call.name }
  const { entries } = run.registry
  const entry = entries.get(call.name)
  if (isDuplicate(call)) {
    return Effect.succeed(
      reject(named, {}, "invalid", "Another call of this answer has the same id; this one was not run. Call again.")
    )
  }
  if (entry === undefined) {
    const known =
      entries.size === 0 ? "There are no tools." : `Available tools: ${Array.from(entries.keys()).join(", ")}.`
    return Effect.succeed(reject(named, {}, "unknown-tool", `Unknown tool: ${call.name}. ${known}`))
  }
  if (Either.isLeft(parsed)) {
    const text =
      `Malformed JSON arguments for tool ${call.name}: ${parsed.left}. ` +
      "Retry the call with one valid JSON object as arguments."
    return Effect.succeed(reject(named, {}, "invalid", text))
  }
  if (entry.execute === undefined) {
    return Effect.succeed(reject(named, parsed.right, "unknown-tool", `${call.name} runs at the vendor, not here.`))
  }
  return Effect.flatMap(decode(named.id, entry, entry.execute, parsed.right), (next) =>
    next._tag === "Rejected" ? Effect.succeed(next) : guard(run, next)
  )
}

const isDuplicate = (call: Part.ToolCall): boolean => {
  const mark = call.meta?.["axonal"]
  return typeof mark === "object" && mark !== null && "duplicate" in mark
}

const decode = (id: CallId, entry: Entry, execute: Ready["execute"], input: unknown): Effect.Effect<Prepared> => {
  const { name } = entry.spec
  return entry.decode(input).pipe(
    Effect.catchAll((error) => Effect.mapError(entry.decode(coerce(entry.spec.inputSchema, input)), () => error)),
    Effect.flatMap((parameters) =>
      Effect.map(
        entry.encode(parameters),
        (input): Prepared => ({
          _tag: "Ready",
          id,
          name,
          input,
          parameters,
          entry,
          execute
        })
      )
    ),
    Effect.catchAll((error) => {
      const problems = ParseResult.ArrayFormatter.formatErrorSync(error).map(
        (issue) => `- ${issue.path.length === 0 ? "arguments" : issue.path.map(String).join(".")}: ${issue.message}`
      )
      const text =
        `Invalid arguments for tool ${name}:\n${problems.join("\n")}\n` +
        "Call it again with arguments that match its schema."
      return Effect.succeed(reject({ id, name }, input, "invalid", text))
    })
  )
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

const guard = (run: Run.Run, ready: Ready): Effect.Effect<Prepared | Asking> =>
  Effect.flatMap(judged(run, ready), (verdict): Effect.Effect<Prepared | Asking> => {
    switch (verdict._tag) {
      case "Allow":
        return Effect.succeed(ready)
      case "Deny":
        return Effect.succeed(reject(ready, ready.input, "denied", `Denied: ${verdict.reason}`))
      case "Rewrite":
        return decode(ready.id, ready.entry, ready.execute, verdict.input)
      case "Ask": {
        const { category, reason } = verdict
        return verdict.input === undefined
          ? Effect.succeed({ _tag: "Asking", ready, reason, category })
          : Effect.map(decode(ready.id, ready.entry, ready.execute, verdict.input), (next) =>
              next._tag === "Ready" ? { _tag: "Asking", ready: next, reason, category } : next
            )
      }
    }
  })

const settled =
  (run: Run.Run) =>
  (item: Prepared | Asking): Effect.Effect<Prepared> =>
    item._tag === "Asking" ? approve(run, item) : Effect.succeed(item)

/** Puts the question, and has the guard judge once more: what it denies by now stays denied. */
const approve = (run: Run.Run, { category, ready, reason }: Asking): Effect.Effect<Prepared> =>
  Effect.gen(function* () {
    const { id, input, name } = ready
    yield* run.emit(() => [Run.event(run, "ApprovalAsked", { call: id, name, input, reason, category })])
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
      Effect.catchAllDefect(run.approval.ask(question), (defect) =>
        Effect.as(Effect.logWarning("The approver died; the call is denied", defect), {
          approved: false,
          reason: "the approver failed"
        })
      )
    )
    const { approved } = decision
    yield* run.emit(() => [Run.event(run, "ApprovalDecided", { call: id, name, approved, reason: decision.reason })])
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
