/**
 * A guard that asks another model: SAFE goes ahead, RISKY asks a person, DENY is no, and so is everything that is not
 * clearly one of the three. The judging model reads the application's policy and the call, which is quoted as data, and
 * nothing of the conversation.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Message from "../domain/Message.ts"
import * as Newest from "../internal/newest.ts"
import * as Ask from "../transport/Ask.ts"
import * as Transport from "../transport/Transport.ts"
import type { TransportError } from "../transport/TransportError.ts"
import * as Guard from "./Guard.ts"
import * as Judging from "./internal/judging.ts"

/**
 * How calls are judged.
 *
 * **Details**
 *
 * - `policy`: what is allowed and what is not, in words. It is trusted: write nothing into it that comes from outside.
 * - `categories`: the kinds of risk, one word each. A question has the category `model:` and this word, so that nobody who
 *   approves it approves what another guard calls so.
 * - `timeout`: for the whole judgement, requests that are sent again included; 30 seconds.
 * - `cacheSize`: how many judgements are kept for equal calls, least recently used first out; 256. Calls are equal when
 *   agent, tool and arguments are. A judge that failed is asked again.
 * - `maxCharacters`: the longest call that is judged, as JSON; 32,000. A longer one is denied: half of it would be judged
 *   by the other half.
 * - `settings`: of the requests.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly policy: string
  readonly categories?: ReadonlyArray<string> | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly cacheSize?: number | undefined
  readonly maxCharacters?: number | undefined
  readonly settings?: Transport.Settings | undefined
}

/**
 * How far an approval of a category reaches: the run of a call, or its session.
 *
 * @category models
 * @since 0.1.0
 */
export type Reach = "run" | "session"

/**
 * What is kept of a person's "always".
 *
 * @category models
 * @since 0.1.0
 */
export interface Registry {
  /**
   * Lets risky calls of the category, as questions name it, go ahead unasked: in the run or the session of this call, and
   * for its identity. What the judge denies stays denied.
   */
  readonly approve: (call: Guard.Call, category: string, reach: Reach) => Effect.Effect<void>
  /** Takes back what was approved of the category for this call's run and session. */
  readonly revoke: (call: Guard.Call, category: string) => Effect.Effect<void>
  /** Whether a risky call of the category may go ahead unasked. */
  readonly isApproved: (call: Guard.Call, category: string) => Effect.Effect<boolean>
}

/**
 * The categories that people have approved, for whoever puts the questions: an approver, a web page.
 *
 * @category services
 * @since 0.1.0
 */
export class ApprovedCategories extends Context.Tag("axonal/guard/ModelGuard/ApprovedCategories")<
  ApprovedCategories,
  Registry
>() {}

/**
 * Makes a registry of approved categories, in memory.
 *
 * **Details**
 *
 * - Keeps the newest 10,000 approvals; what was forgotten is asked about again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const registry: Effect.Effect<Registry> = Effect.sync(() => {
  const approved = new Map<string, true>()
  return {
    approve: (call, category, reach) =>
      Effect.sync(() => Newest.keep(approved, keyOf(call, category, reach), true, maxApproved)),
    revoke: (call, category) =>
      Effect.sync(() => {
        for (const reach of reaches) approved.delete(keyOf(call, category, reach))
      }),
    isApproved: (call, category) =>
      Effect.sync(() => reaches.some((reach) => approved.has(keyOf(call, category, reach))))
  }
})

/**
 * Makes a guard of a judging model.
 *
 * **Details**
 *
 * - `transport`: the judge, best another model than the one whose calls it judges. `approved`: without it every risky call
 *   is asked about.
 * - The judge is told agent, tool and arguments. It answers as JSON when the model says that it can, in one line of text
 *   otherwise, and has to name the code of the question, which is new each time.
 * - `Deny` when it fails, is late, breaks off, calls tools, or says anything that is not a verdict. A request that fails
 *   and may pass is sent again, twice.
 * - What it costs is told to `Paid`, also when the answer broke off; it is then estimated.
 *
 * **Gotchas**
 *
 * A model can be talked into things. Put what must never happen into a guard of rules beside it, with `Guard.all`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options & { readonly transport: Transport.Service; readonly approved?: Registry | undefined }
): Guard.Service => {
  const { approved, cacheSize = 256, maxCharacters = 32_000 } = options
  const judge = judgeOf(options)
  const known = new Map<string, Judging.Judgement>()
  const judged = (call: string): Effect.Effect<Judging.Judgement, Unjudged> => {
    const before = known.get(call)
    const now = before === undefined ? ask(judge, call) : Effect.succeed(before)
    return Effect.tap(now, (judgement) => Newest.keep(known, call, judgement, cacheSize))
  }
  return Guard.make((call) =>
    Effect.suspend(() => {
      const { destructive, name, origin, readOnly } = call.tool
      const tool = { name, origin, readOnly, destructive }
      const text = Judging.canonical({ agent: call.agent, tool, arguments: call.input })
      if (text === undefined) return Effect.succeed(Guard.Deny("its arguments cannot be written as JSON"))
      if (text.length > maxCharacters) {
        return Effect.succeed(
          Guard.Deny(`its arguments are too long to be judged: ${text.length} characters, at most ${maxCharacters}`)
        )
      }
      return Effect.matchCauseEffect(judged(text), {
        onFailure: (cause) =>
          Effect.as(Effect.logWarning(`The judge of ${name} gave no verdict; the call is denied`, cause), unjudged),
        onSuccess: (judgement) => verdictOf(call, judgement, approved)
      })
    })
  )
}

/**
 * Layer of a judging model as the guard of all calls, and of the categories that are approved. The judge is the transport
 * that this layer is given, not the one of the agents.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Guard.Guard | ApprovedCategories, never, Transport.Transport> =>
  Layer.effectContext(
    Effect.map(Effect.all([Transport.Transport, registry]), ([transport, approved]) =>
      Context.make(ApprovedCategories, approved).pipe(
        Context.add(Guard.Guard, make({ ...options, transport, approved }))
      )
    )
  )

// internal

const standardCategories = ["files", "network", "money", "messages", "secrets", "system", "other"]

const maxApproved = 10_000
const retries = 2
/** A verdict is short. A judge that goes on writing has lost its thread, or is doing what it was told to do by the call. */
const longestAnswer = 4000

/** Why there is no judgement, for the log. */
type Unjudged = string | TransportError

const unjudged: Guard.Verdict = Guard.Deny("it could not be judged, and what could not be judged does not run")

interface Judge {
  readonly transport: Transport.Service
  readonly categories: ReadonlyArray<string>
  readonly form: Judging.Form
  readonly timeout: Duration.DurationInput
  readonly request: (question: string) => Transport.Request
}

const judgeOf = (options: Options & { readonly transport: Transport.Service }): Judge => {
  const { categories = standardCategories, policy, settings = {}, timeout = Duration.seconds(30), transport } = options
  const wrong = categories.find((category) => !/^[\w-]+$/.test(category))
  if (wrong !== undefined) throw new TypeError(`A category is one word of letters, digits and hyphens: "${wrong}"`)
  if (policy.trim() === "") throw new TypeError("ModelGuard needs a policy: what is allowed, and what is not")
  const form = transport.model.capabilities?.includes("structured-output") === true ? "json" : "text"
  const system = Message.system(Judging.rules(policy, categories, form))
  const schema = Judging.schema(categories)
  return {
    transport,
    categories,
    form,
    timeout,
    request: (question) =>
      Transport.request({
        messages: [system, Message.user(question)],
        settings,
        ...(form === "json" ? { responseFormat: { type: "json", name: "judgement", schema } } : undefined)
      })
  }
}

const reaches: ReadonlyArray<Reach> = ["run", "session"]

/** An approval is its identity's own, also where two share a session. */
const keyOf = ({ identity, run, session }: Guard.Call, category: string, reach: Reach): string => {
  const { chatId, tenant, userId } = identity
  return JSON.stringify([reach, reach === "run" ? run : session, tenant, userId, chatId, category])
}

const verdictOf = (
  call: Guard.Call,
  { category, reason, verdict }: Judging.Judgement,
  approved: Registry | undefined
): Effect.Effect<Guard.Verdict> => {
  if (verdict === "SAFE") return Effect.succeed(Guard.Allow)
  const kind = category === undefined ? "" : ` (${category})`
  const why = reason === "" ? "" : `: ${reason}`
  if (verdict === "DENY") return Effect.succeed(Guard.Deny(`the judge refuses it${kind}${why}`))
  const asked = category === undefined ? undefined : `model:${category}`
  const question = Guard.Ask(`the judge finds it risky${kind}${why}`, asked)
  return asked === undefined || approved === undefined
    ? Effect.succeed(question)
    : Effect.map(approved.isApproved(call, asked), (isApproved) => (isApproved ? Guard.Allow : question))
}

/** The judgement of a call, within the time there is. A judge that does not listen is left alone with its answer. */
const ask = (judge: Judge, call: string): Effect.Effect<Judging.Judgement, Unjudged> =>
  Effect.suspend(() => {
    const code = crypto.randomUUID().replaceAll("-", "")
    const request = judge.request(Judging.question(code, call))
    return Ask.answer(judge.transport, request, { retries, maxCharacters: longestAnswer }).pipe(
      Effect.timeoutFail({ duration: judge.timeout, onTimeout: (): Unjudged => "it was late" }),
      Effect.flatMap(({ reason, text }) => {
        if (reason !== "stop") return Effect.fail(`its answer ended with ${reason}`)
        const judgement = Judging.read(text, code, judge.categories, judge.form)
        return judgement === undefined ? Effect.fail("its answer is no verdict") : Effect.succeed(judgement)
      })
    )
  })
