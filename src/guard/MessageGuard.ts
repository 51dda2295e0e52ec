/**
 * Who may say what. A message guard looks at a message before it becomes part of a conversation: at what goes in, results
 * of tools among it, before it is kept, and at a complete answer, before it is shown and kept and before its calls run. Like
 * guards of calls these are values that compose; they have no error channel, and one that dies means no.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import type { Service as Identity } from "../context/Identity.ts"
import type { RunId, SessionId } from "../domain/Ids.ts"
import type { Message, Role } from "../domain/Message.ts"
import * as Redaction from "./internal/redaction.ts"
import * as Parts from "./internal/redactionParts.ts"

/**
 * Which way a message goes: `input` to the model, `output` from it.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "input" | "output"

/**
 * The message to be judged, and whose it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subject {
  readonly message: Message
  readonly direction: Direction
  readonly agent: string
  readonly run: RunId
  readonly session: SessionId
  readonly identity: Identity
}

/**
 * What a message guard says: as it is, in other words, or not at all.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Pass" }
  | { readonly _tag: "Rewrite"; readonly message: Message }
  | { readonly _tag: "Block"; readonly reason: string }

/**
 * What a message guard does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Judges a message. May be asked again about the same one, and says the same then. */
  readonly check: (subject: Subject) => Effect.Effect<Verdict>
  /** Whether it looks at answers of the model. These are then held back until it has: nobody sees them arrive. */
  readonly judgesAnswers: boolean
  /** Whether it looks at results of tools. These are then held back, too, and nobody sees the progress of calls. */
  readonly judgesResults: boolean
}

/**
 * The verdict that leaves a message as it is.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Pass: Verdict = { _tag: "Pass" }

/**
 * Makes the verdict that puts another message in place of this one.
 *
 * **Details**
 *
 * - The role stays. Calls may go or have other arguments, and results other content; none is added, and no result goes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Rewrite = (message: Message): Verdict => ({ _tag: "Rewrite", message })

/**
 * Makes the verdict that ends the run before the message is kept. The reason is for whoever started the run.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Block = (reason: string): Verdict => ({ _tag: "Block", reason })

/**
 * The message guard when none is provided: every message passes. It is known by its identity, so that nobody asks it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Service = { check: () => Effect.succeed(Pass), judgesAnswers: false, judgesResults: false }

/**
 * The guard of all messages. Without a layer every message passes.
 *
 * @category references
 * @since 0.1.0
 */
export class MessageGuard extends Context.Reference<MessageGuard>()("axonal/guard/MessageGuard", {
  defaultValue: (): Service => none
}) {}

/**
 * Makes a message guard of a function.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (check: (subject: Subject) => Effect.Effect<Verdict>): Service => ({
  check,
  judgesAnswers: true,
  judgesResults: true
})

/**
 * A kind of thing that `redact` hides, by the name that its mark shows.
 *
 * **Details**
 *
 * - `find`: the places in a text, in characters (UTF-16), in order and without overlap.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pattern {
  readonly name: string
  readonly find: (text: string) => ReadonlyArray<{ readonly from: number; readonly to: number }>
}

/**
 * Makes a pattern of a regular expression. Its time is the author's care: one that tries again and again is slow here too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pattern = (name: string, expression: RegExp): Pattern => ({ name, find: Redaction.matching(expression) })

/**
 * Addresses of e-mail. Linear in the text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const emails: Pattern = { name: "email", find: Redaction.emails }

/**
 * Numbers of payment cards. Linear in the text.
 *
 * **Details**
 *
 * - 13 to 19 digits, of any script that has decimal digits of its own on cards' receipts (Latin, Arabic, Persian,
 *   Devanagari, full width), with at most one space or hyphen between two, a first digit that issuers use, and the check
 *   digit of ISO/IEC 7812. One in ten other numbers of that form has it too.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cards: Pattern = { name: "card", find: Redaction.cards }

/**
 * Secrets in forms that are known: keys of services by their prefix, signed tokens, authorization headers, private keys.
 * Linear in the text. A password in plain words has no form, and is not found.
 *
 * @category constructors
 * @since 0.1.0
 */
export const keys: Pattern = { name: "key", find: Redaction.keys }

/**
 * Makes a guard that hides what it finds in messages, in both directions, and blocks nothing.
 *
 * **Details**
 *
 * - `patterns`: what to hide; `emails`, `cards` and `keys` unless said. Each place becomes `[redacted email]` and so on.
 * - Looked at: what `mapText` gives. Reasoning, arguments of calls and files that are not text stay as they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const redact = (options: { readonly patterns?: ReadonlyArray<Pattern> | undefined } = {}): Service => {
  const { patterns = [emails, cards, keys] } = options
  return make(({ message }) =>
    Effect.sync(() => {
      const next = mapText(message, (text) => Redaction.hide(text, patterns))
      return next === message ? Pass : Rewrite(next)
    })
  )
}

/**
 * The message with its texts changed: text parts, files that are text, names of files, titles of sources, and in results of
 * tools all of these and what JSON has of texts and numbers.
 *
 * **Details**
 *
 * - The same message when no text changed. A part that changed loses what its vendor wrote beside it (`meta`): it would
 *   speak of the text as it was.
 * - Reasoning stays, because vendors sign it; arguments of calls stay, because a guard of calls judges them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const mapText = (message: Message, change: (text: string) => string): Message => {
  const parts = Parts.mapAll(message.parts, (part) => Parts.mapPart(part, change))
  return parts === message.parts ? message : { ...message, parts }
}

/**
 * Has a message guard judge a message, closed to failure: one that dies has blocked it.
 *
 * **Details**
 *
 * - A message that cannot stand in place of the one it rewrites blocks it, too: see `Rewrite`.
 * - The reason does not name the defect; the log does, as a warning. Interruption stays interruption.
 *
 * @category combinators
 * @since 0.1.0
 */
export const judge = (guard: Service, subject: Subject): Effect.Effect<Verdict> =>
  guard === none
    ? passes
    : Effect.suspend(() => guard.check(subject)).pipe(
        Effect.flatMap((verdict) => {
          if (verdict._tag !== "Rewrite") return Effect.succeed(verdict)
          const problem = unfit(subject.message, verdict.message)
          return problem === undefined
            ? Effect.succeed(verdict)
            : Effect.as(Effect.logWarning(`A message guard ${problem}; the ${subject.direction} is blocked`), died)
        }),
        Effect.catchAllCause((cause) =>
          Cause.isInterrupted(cause)
            ? Effect.failCause(cause)
            : Effect.as(Effect.logWarning(`A message guard died; the ${subject.direction} is blocked`, cause), died)
        )
      )

/**
 * Message guard that asks all guards, in order: each sees the message as the ones before left it, and the first `Block`
 * ends it.
 *
 * **Details**
 *
 * - Associative, with `none` as its neutral element; without guards it is `none`. A guard that dies has blocked.
 *
 * @category combinators
 * @since 0.1.0
 */
export const all = (...guards: ReadonlyArray<Service>): Service => {
  const asked = guards.filter((guard) => guard !== none)
  if (asked.length === 0) return none
  const check = (subject: Subject): Effect.Effect<Verdict> => {
    const from = (index: number, verdict: Verdict): Effect.Effect<Verdict> => {
      const guard = asked[index]
      if (guard === undefined || verdict._tag === "Block") return Effect.succeed(verdict)
      const seen = verdict._tag === "Rewrite" ? { ...subject, message: verdict.message } : subject
      return Effect.flatMap(judge(guard, seen), (next) => from(index + 1, next._tag === "Pass" ? verdict : next))
    }
    return from(0, Pass)
  }
  return {
    check,
    judgesAnswers: asked.some((guard) => guard.judgesAnswers),
    judgesResults: asked.some((guard) => guard.judgesResults)
  }
}

/**
 * Restricts a message guard to messages of some roles. Others pass.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forRoles: {
  (roles: ReadonlyArray<Role>): (guard: Service) => Service
  (guard: Service, roles: ReadonlyArray<Role>): Service
} = dual(
  2,
  (guard: Service, roles: ReadonlyArray<Role>): Service =>
    narrowed(guard, roles.includes("assistant"), roles.includes("tool"), ({ message }) => roles.includes(message.role))
)

/**
 * Restricts a message guard to messages that go one way. Others pass.
 *
 * @category combinators
 * @since 0.1.0
 */
export const forDirection: {
  (direction: Direction): (guard: Service) => Service
  (guard: Service, direction: Direction): Service
} = dual(
  2,
  (guard: Service, direction: Direction): Service =>
    narrowed(guard, direction === "output", direction === "input", (subject) => subject.direction === direction)
)

/**
 * Layer of one message guard.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (guard: Service): Layer.Layer<MessageGuard> => Layer.succeed(MessageGuard, guard)

// internal

const passes: Effect.Effect<Verdict> = Effect.succeed(Pass)

/** A guard that is asked about some messages only, among which are answers and results or not. */
const narrowed = (
  guard: Service,
  answers: boolean,
  results: boolean,
  applies: (subject: Subject) => boolean
): Service => ({
  check: (subject) => (applies(subject) ? guard.check(subject) : passes),
  judgesAnswers: answers && guard.judgesAnswers,
  judgesResults: results && guard.judgesResults
})

const died: Verdict = Block("its guard failed, and what could not be checked is not let through")

/** What is wrong with a message that is to stand in place of another. */
const unfit = (before: Message, after: Message): string | undefined => {
  if (after.role !== before.role) return `made a message of ${after.role} from one of ${before.role}`
  if (!isRest(idsOf(after, "tool-call"), idsOf(before, "tool-call"))) return "added a call or changed its name"
  const results = idsOf(after, "tool-result")
  return results.join("\n") === idsOf(before, "tool-result").join("\n") ? undefined : "added or took away a result"
}

const idsOf = ({ parts }: Message, type: "tool-call" | "tool-result"): ReadonlyArray<string> =>
  parts.flatMap((part) =>
    part.type === type ? [JSON.stringify([part.id, part.name, part.wireId, part.transportExecuted === true])] : []
  )

/** Whether all of these are in the list, in its order. */
const isRest = (some: ReadonlyArray<string>, list: ReadonlyArray<string>): boolean => {
  let next = 0
  for (const item of list) if (next < some.length && some[next] === item) next++
  return next === some.length
}
