/**
 * What the assistant may do: a person is asked before anything that changes the world, unless they have said otherwise. The
 * knob `permission` says how, and counts at once.
 */
import * as Effect from "effect/Effect"
import * as Grants from "../../../agent/Grants.ts"
import * as ContextStore from "../../../context/ContextStore.ts"
import type { DecisionEntry } from "../../../domain/Entry.ts"
import type { SessionId } from "../../../domain/Ids.ts"
import type * as Approval from "../../../guard/Approval.ts"
import * as Guard from "../../../guard/Guard.ts"
import type * as PathGuard from "../../../guard/PathGuard.ts"
import type { Service as Transport } from "../../../transport/Transport.ts"
import type { Settings } from "../../settings.ts"
import type * as Knobs from "../knobs.ts"
import * as Plan from "../plan.ts"
import * as Given from "./given.ts"

/**
 * An answer of a person that holds for more than its call.
 *
 * **Details**
 *
 * - `what`, `of`: the tool or the category that it is about; `of` is absent for all of the session.
 *
 * @category models
 * @since 0.1.0
 */
export interface Remembered {
  readonly id: string
  readonly what: "tool" | "category" | "session"
  readonly of?: string | undefined
  readonly approved: boolean
  readonly reason?: string | undefined
}

/**
 * The permissions in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly guard: Guard.Service
  /** Whoever is asked, with answers that hold for all of a session held for the agents below it, too. */
  readonly asking: (approval: Approval.Service) => Approval.Service
  /** What the model has to be told of them with the next words of a person, who is there to be asked or not; once. */
  readonly news: (session: SessionId, isThere: boolean) => string | undefined
  /** What holds in a session, oldest first. */
  readonly remembered: (
    session: SessionId
  ) => Effect.Effect<ReadonlyArray<Remembered>, ContextStore.StoreError, ContextStore.ContextStore>
  /** Has an answer hold no longer, from the next request on. Answers whether there was one. */
  readonly revoke: (
    session: SessionId,
    id: string
  ) => Effect.Effect<boolean, ContextStore.StoreError, ContextStore.ContextStore>
}

/**
 * What permissions are made around.
 *
 * **Details**
 *
 * - `others`: the guards that plugins bring. `folder`: where reading is free.
 * - `declared`: the path arguments of tools.
 * - `model`: the one that judges calls, when settings name it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Surroundings {
  readonly others: Guard.Service
  readonly folder: string
  readonly declared: Readonly<Record<string, PathGuard.ToolPaths>>
  readonly model: Effect.Effect<Transport, { readonly message: string }> | undefined
}

/**
 * Makes them.
 *
 * **Details**
 *
 * - `ask`: rules of files come first; what they allow runs. Then calls are judged as `permissions/judge` says, and what that
 *   denies no rule makes a question of. A model that judges is asked about what a person would be asked about: it lets go
 *   ahead what is safe, but for paths, secrets and rules.
 * - `plan`: what would be asked about is refused, but for reading, whatever rules and the model allow.
 * - `yolo`: everything runs that neither rules nor plugins deny. What tools themselves refuse, as `rm -rf /`, stays refused.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  settings: Pick<Settings, "rules" | "sandbox">,
  knobs: Knobs.Service,
  { declared, folder, model, others }: Surroundings
): Service => {
  const judge = lazily(
    Effect.flatMap(
      Effect.promise(() => import("./judge.ts")),
      (Judge) => Judge.make({ declared, folder, sandbox: settings.sandbox, rules: settings.rules })
    )
  )
  const second = model === undefined ? undefined : lazily(judgingModel(model, folder))
  const given = Given.make(Plan.name)
  const plans = Plan.told(knobs)
  const ask = (call: Guard.Call): Effect.Effect<Guard.Verdict> =>
    Effect.flatMap(judge, ({ own, rules }) =>
      Effect.flatMap(rules(call), (ruled) => {
        if (ruled !== undefined && ruled._tag !== "Ask") return Effect.succeed(ruled)
        return Effect.flatMap(own.check(call), (judged) => {
          const verdict = ruled === undefined ? judged : besidesRule(ruled, judged)
          return second === undefined || verdict._tag !== "Ask"
            ? Effect.succeed(verdict)
            : Effect.flatMap(second, (guard) => seconded(guard, call, verdict, ruled !== undefined))
        })
      })
    )
  /** A rule may allow what only reads. */
  const plan = (call: Guard.Call): Effect.Effect<Guard.Verdict> =>
    Effect.flatMap(judge, ({ own, rules }) =>
      Effect.flatMap(rules(call), (ruled) => {
        if (ruled?._tag === "Deny" || (ruled !== undefined && call.tool.readOnly === true)) return Effect.succeed(ruled)
        return Effect.map(own.check(call), (verdict) =>
          (verdict._tag === "Ask" || (ruled?._tag === "Ask" && verdict._tag !== "Deny")) && call.tool.readOnly !== true
            ? Guard.Deny(Plan.reason)
            : verdict
        )
      })
    )
  const modes = {
    ask,
    plan,
    yolo: (call: Guard.Call) =>
      Effect.flatMap(judge, ({ rules }) =>
        Effect.map(rules(call), (ruled) => (ruled?._tag === "Deny" ? ruled : Guard.Allow))
      )
  }
  return {
    guard: Guard.make((call) =>
      Effect.suspend(() => {
        const { permission } = knobs.get()
        if (call.tool.name === Plan.name) {
          return Effect.succeed(
            permission === "plan" ? Guard.Ask("nothing is changed before you agree", "plan") : Guard.Allow
          )
        }
        const before = Guard.make((call) =>
          Effect.map(Guard.judge(others, call), (said) => besides(said, call, permission))
        )
        return Guard.all(before, Guard.make(modes[permission])).check(call)
      })
    ),
    asking: given.asking,
    news: plans,
    remembered: (session) =>
      Effect.map(stored(session), (entries) => {
        const here = given.of(session)
        const known = new Set(entries.map(({ call }) => Given.idOf(session, call)))
        const others = here.filter(({ id }) => !known.has(id))
        return [...entries.flatMap((entry) => ofEntry(session, entry)), ...others].map(rememberedOf)
      }),
    revoke: (session, id) =>
      Effect.flatMap(stored(session), (entries) => {
        const isHere = given.remove(session, id)
        const found = entries.filter(({ call }) => Given.idOf(session, call) === id)
        return Effect.as(
          Effect.forEach(found, (entry) => Grants.revoke(session, entry.id), { discard: true }),
          isHere || found.length > 0
        )
      })
  }
}

// internal

/** Made when it is first needed. What cannot be made is a defect: a guard that dies has denied. */
const lazily = <A>(made: Effect.Effect<A, { readonly message: string }>): Effect.Effect<A> => {
  let cached: Effect.Effect<A> | undefined
  return Effect.suspend(() => {
    if (cached !== undefined) return cached
    return Effect.flatMap(Effect.cached(Effect.orDie(made)), (once) => {
      cached ??= once
      return cached
    })
  })
}

/** What the default guard asks by annotations is asked better here, and nobody who has said yolo is asked. */
const besides = (verdict: Guard.Verdict, call: Guard.Call, permission: Knobs.Knobs["permission"]): Guard.Verdict => {
  if (verdict._tag !== "Ask") return verdict
  const usual = Guard.byAnnotations(call.tool)
  const isUsual = usual._tag === "Ask" && usual.reason === verdict.reason && verdict.category === undefined
  if (!isUsual && permission !== "yolo") return verdict
  return verdict.input === undefined ? Guard.Allow : Guard.Rewrite(verdict.input)
}

/** A rule asks in its own words, of its own kind; but an answer that lasts must not be one about other places, too. */
const besidesRule = (ruled: Guard.Verdict & { readonly _tag: "Ask" }, judged: Guard.Verdict): Guard.Verdict => {
  if (judged._tag === "Deny") return judged
  if (judged._tag === "Ask" && isOfPlaces(judged)) {
    return { _tag: "Ask", reason: `${ruled.reason}; ${judged.reason}`, input: judged.input }
  }
  return { ...ruled, input: judged._tag === "Allow" ? undefined : judged.input }
}

/** Whether a question is about what else is in reach, or about several things. */
const isOfPlaces = ({ category }: Guard.Verdict & { readonly _tag: "Ask" }): boolean =>
  category === undefined || category.startsWith("path:")

/** What a model makes of a call that would be asked about. It may spare a person questions about kinds of calls, no others. */
const seconded = (
  guard: Guard.Service,
  call: Guard.Call,
  asked: Guard.Verdict & { readonly _tag: "Ask" },
  isRule: boolean
): Effect.Effect<Guard.Verdict> =>
  Effect.map(Guard.judge(guard, asked.input === undefined ? call : { ...call, input: asked.input }), (verdict) => {
    if (verdict._tag === "Deny") return verdict
    if (isRule || (isOfPlaces(asked) && call.tool.origin === "application")) return asked
    if (verdict._tag === "Ask") return asked.input === undefined ? verdict : { ...verdict, input: asked.input }
    return asked.input === undefined ? Guard.Allow : Guard.Rewrite(asked.input)
  })

const judgingModel = (model: NonNullable<Surroundings["model"]>, folder: string) =>
  Effect.gen(function* () {
    const ModelGuard = yield* Effect.promise(() => import("../../../guard/ModelGuard.ts"))
    return ModelGuard.make({ policy: policyOf(folder), transport: yield* model })
  })

const policyOf = (folder: string): string =>
  `The agent helps a person with the project in the folder ${folder}, which it may read, change, build and test.
SAFE: what stays in this folder, can be taken back, and is usual in such work.
RISKY: what removes or overwrites much, changes history of version control, installs or updates software, publishes, uses \
the network, touches files elsewhere, settings of the system or secrets, or cannot be understood.
DENY: what harms the machine or other people, sends secrets anywhere, or hides what it does.`

/** The answers that the session keeps. */
const stored = (session: SessionId) =>
  Effect.flatMap(ContextStore.ContextStore, (store) => Effect.map(store.entries(session), Grants.inForce))

const ofEntry = (
  session: SessionId,
  { approved, call, category, reason, remember, tool }: DecisionEntry
): ReadonlyArray<Given.Given> =>
  remember === undefined ? [] : [{ id: Given.idOf(session, call), tool, category, approved, reason, remember }]

const rememberedOf = ({ approved, category, id, reason, remember, tool }: Given.Given): Remembered => ({
  id,
  what: remember,
  ...(remember === "session" ? undefined : { of: remember === "tool" ? tool : category }),
  approved,
  ...(reason === undefined ? undefined : { reason })
})
