/**
 * What many runs may use together: requests, calls, tokens and money, per owner and day or however one likes. Whoever is
 * about to spend reserves first, in one transaction, so that runs side by side never go over; what was reserved and not
 * used goes back. A run of its own is bounded by `Limits`; a budget is for runs that share.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import * as Identity from "../context/Identity.ts"
import { LimitExceeded } from "../domain/AgentError.ts"
import type { RunId } from "../domain/Ids.ts"
import type { ModelInfo } from "../domain/ModelInfo.ts"
import { priceAt } from "../domain/ModelInfo.ts"
import * as Usage from "../domain/Usage.ts"
import * as Check from "../internal/options.ts"
import * as Ledger from "./internal/ledger.ts"

/**
 * What is reserved, or used.
 *
 * **Details**
 *
 * - Units: requests to models, calls of tools, input and output tokens together, US dollars.
 * - `undefined` means not known. An unknown reservation is granted while anything is left; an unknown use counts as all that
 *   is reserved. What is not a positive number counts as nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Amounts {
  readonly requests: number
  readonly toolCalls: number
  readonly tokens: number | undefined
  readonly costUsd: number | undefined
}

/**
 * Who spends: on whose behalf, which agent, and in which run.
 *
 * @category models
 * @since 0.1.0
 */
export interface About {
  readonly identity: Identity.Service
  readonly agent?: string | undefined
  readonly run?: RunId | undefined
}

/**
 * The name of a limit that a budget sets.
 *
 * @category models
 * @since 0.1.0
 */
export type BudgetLimit = Ledger.BudgetLimit

/**
 * How one limit of a budget stands. `actual` is what is used and what is reserved together.
 *
 * **Details**
 *
 * - `resetsAtMillis`: when it begins anew, in milliseconds since the epoch; absent when it never does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly limit: BudgetLimit
  readonly max: number
  readonly actual: number
  readonly reserved: number
  readonly resetsAtMillis?: number | undefined
}

/**
 * Something that was reserved. It belongs to a scope, and what is not charged by then goes back when the scope closes,
 * once, however it closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reservation {
  readonly amounts: Amounts
  /**
   * Counts something as used, first out of what is reserved. More than that is owed all the same, and counts as well. May be
   * called as often as something becomes known, and also after the scope has closed.
   */
  readonly charge: (used: Amounts) => Effect.Effect<void>
  /** Charges and gives back the rest, in one step. */
  readonly settle: (used: Amounts) => Effect.Effect<void>
  /** Gives back what is not charged, now. Again, and at the end of the scope, it does nothing. */
  readonly release: Effect.Effect<void>
}

/**
 * What a budget does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /**
   * Reserves all of the amounts or nothing, before any of them is spent. Fails with the limit that is in the way, or waits.
   * When it is interrupted it has reserved nothing, or its scope gives it back.
   */
  readonly reserve: (about: About, amounts: Amounts) => Effect.Effect<Reservation, LimitExceeded, Scope.Scope>
  /** How the limits stand for these runs now: one reading for each limit there is, of several the tightest. */
  readonly read: (about: About) => Effect.Effect<ReadonlyArray<Reading>>
}

/**
 * What a budget is made of.
 *
 * **Details**
 *
 * - `limits`: what may be used together; what is absent is unlimited, and 0 allows nothing.
 * - `per`: what has a budget of its own. `"owner"` (the default): each user of each tenant, and all that are anonymous
 *   together. `"agent"`: each agent, by name. `"total"`: all together. A function answers the name of the one that pays.
 * - `every`: how long a budget lasts. Windows are aligned to UTC: `"1 day"` begins anew at midnight. Absent, it never does.
 *   Something belongs to the window in which it was reserved.
 * - `whenExhausted`: `"fail"` (the default), or `"wait"` until something goes back or the next window begins. What can
 *   never be granted fails in any case.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly limits: { readonly [Dimension in keyof Amounts]?: number | undefined }
  readonly per?: "owner" | "agent" | "total" | ((about: About) => string) | undefined
  readonly every?: Duration.DurationInput | undefined
  readonly whenExhausted?: "fail" | "wait" | undefined
}

/**
 * No budget: everything is granted at once and nothing is counted. There is only this one, to compare with.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Service = {
  reserve: (_about, amounts) =>
    Effect.succeed({ amounts, charge: () => Effect.void, settle: () => Effect.void, release: Effect.void }),
  read: () => Effect.succeed([])
}

/**
 * The budget in use: none unless one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Budget extends Context.Reference<Budget>()("axonal/agent/Budget", {
  defaultValue: (): Service => none
}) {}

/**
 * Makes a budget in the memory of this process, where nothing of it is used yet.
 *
 * **Details**
 *
 * - Errors: a limit that is not a number from 0 on, an `every` under a millisecond or without end (a `RangeError`), and a
 *   word that an option does not have (a `TypeError`) are defects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Service> =>
  Effect.suspend(() => {
    const { every, limits, per = "owner", whenExhausted } = options
    const everyMillis = Check.millis("Budget option every", every)
    for (const [dimension, max] of Object.entries(limits)) Check.amount(`Budget option limits.${dimension}`, max)
    if (typeof per !== "function") Check.oneOf("Budget option per", per, Object.keys(pays), "a function or ")
    Check.oneOf("Budget option whenExhausted", whenExhausted, ["fail", "wait"])
    const name = typeof per === "function" ? per : pays[per]
    const waits = whenExhausted === "wait"
    return Effect.succeed(inMemory([Ledger.make({ limits, everyMillis, waits, name })]))
  })

/**
 * Layer that gives all runs beneath it a budget together, in the memory of this process.
 *
 * **Gotchas**
 *
 * Each time it is built it is another budget, of which nothing is used: provide it once for all runs that share.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Budget> => Layer.effect(Budget, make(options))

/**
 * Layer that gives runs a budget of their own within the one that is in use where it is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWithin = (options: Options): Layer.Layer<Budget> =>
  Layer.effect(
    Budget,
    Effect.flatMap(Budget, (parent) => Effect.map(make(options), (child) => within(parent, child)))
  )

/**
 * A budget within another: what is reserved is reserved in both, or in neither.
 *
 * **Details**
 *
 * - Those in memory do so in one transaction. One of another kind is asked after its parent, which gets back what the child
 *   does not grant.
 *
 * @category combinators
 * @since 0.1.0
 */
export const within = (parent: Service, child: Service): Service => {
  if (parent === none) return child
  if (child === none) return parent
  if (isInMemory(parent) && isInMemory(child)) return inMemory([...new Set([...parent.ledgers, ...child.ledgers])])
  return {
    reserve: (about, amounts) =>
      Effect.flatMap(parent.reserve(about, amounts), (outer) =>
        Effect.map(
          Effect.onError(child.reserve(about, amounts), () => outer.release),
          (inner) => ({
            amounts,
            charge: (used) => Effect.zipRight(outer.charge(used), inner.charge(used)),
            settle: (used) => Effect.zipRight(inner.settle(used), outer.settle(used)),
            release: Effect.zipRight(inner.release, outer.release)
          })
        )
      ),
    read: (about) =>
      Effect.map(Effect.all([parent.read(about), child.read(about)]), (all) => Ledger.tightest(all.flat()))
  }
}

/**
 * Reserves in the budget in use, for whom the run acts for.
 *
 * @category combinators
 * @since 0.1.0
 */
export const reserve = (amounts: Amounts): Effect.Effect<Reservation, LimitExceeded, Scope.Scope> =>
  Effect.flatMap(Budget, (budget) =>
    Effect.flatMap(Identity.Identity, (identity) => budget.reserve({ identity }, amounts))
  )

/**
 * What is left for somebody in the budget in use. A dimension that is unlimited is absent.
 *
 * @category combinators
 * @since 0.1.0
 */
export const remaining = (
  identity: Identity.Service,
  about?: Omit<About, "identity">
): Effect.Effect<{ readonly [Dimension in keyof Amounts]?: number }> =>
  Effect.flatMap(Budget, (budget) =>
    Effect.map(budget.read({ identity, ...about }), (readings) => {
      const left: { -readonly [Dimension in keyof Amounts]?: number } = {}
      for (const { actual, limit, max } of readings) left[Ledger.dimensionOf[limit]] = Math.max(0, max - actual)
      return left
    })
  )

/**
 * The readings of which 80 % is newly used. Each limit is answered once for the same set.
 *
 * @category combinators
 * @since 0.1.0
 */
export const warnings = (readings: ReadonlyArray<Reading>, warned: Set<string>): ReadonlyArray<Reading> =>
  readings.filter(({ actual, limit, max }) => {
    if (actual < max * 0.8 || actual >= max || warned.has(limit)) return false
    warned.add(limit)
    return true
  })

/**
 * Amounts of what is named, and nothing of the rest: `amounts({ toolCalls: 3 })`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const amounts = (some: Partial<Amounts>): Amounts => ({
  requests: 0,
  toolCalls: 0,
  tokens: 0,
  costUsd: 0,
  ...some
})

/**
 * One request and what it may use at most, to reserve before it is sent.
 *
 * **Details**
 *
 * - Without `maxOutputTokens` the model's own limit counts, and 8,192 tokens when that is unknown; the answer fits in what
 *   the input leaves of the context window.
 * - Input is priced at the dearest it can be: written to a cache. Without a price, the cost is not known.
 *
 * @category constructors
 * @since 0.1.0
 */
export const estimate = (request: {
  readonly inputTokens: number
  readonly maxOutputTokens?: number | undefined
  readonly model: ModelInfo
}): Amounts => {
  const { inputTokens, maxOutputTokens, model } = request
  const room = model.contextWindow === undefined ? Number.POSITIVE_INFINITY : model.contextWindow - inputTokens
  const outputTokens = Math.max(0, Math.min(maxOutputTokens ?? model.outputLimit ?? usualOutput, room))
  const most = { requests: 1, toolCalls: 0, tokens: inputTokens + outputTokens }
  if (model.price === undefined) return { ...most, costUsd: undefined }
  const { cacheRead = 0, cacheWrite = 0, input, output } = priceAt(model.price, inputTokens)
  const micros = inputTokens * Math.max(input, cacheRead, cacheWrite) + outputTokens * output
  return { ...most, costUsd: micros / 1_000_000 }
}

/**
 * Responses as something used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromUsages = (usages: ReadonlyArray<Usage.Usage>): Amounts => {
  const sum = usages.reduce(Usage.sum, Usage.zero)
  return { requests: usages.length, toolCalls: 0, tokens: Usage.totalTokens(sum), costUsd: sum.costUsd }
}

// internal

/** How long an answer is taken to be at most when nothing is known of the model. */
const usualOutput = 8192

/** Who pays, as a name. Names that a user chose cannot be made to look like those of others. */
const pays = {
  owner: ({ identity: { tenant, userId } }: About) => JSON.stringify([tenant ?? null, userId ?? null]),
  agent: ({ agent }: About) => agent ?? "",
  total: () => ""
} as const

interface InMemory extends Service {
  readonly ledgers: ReadonlyArray<Ledger.Ledger<About>>
}

const isInMemory = (service: Service): service is InMemory => "ledgers" in service

const inMemory = (ledgers: ReadonlyArray<Ledger.Ledger<About>>): InMemory => ({
  ledgers,
  reserve: (about, amounts) =>
    // What is reserved belongs to the scope at once; only waiting can be interrupted.
    Effect.uninterruptibleMask((restore) => {
      const attempt: Effect.Effect<ReadonlyArray<Ledger.Hold>, LimitExceeded> = Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          Effect.flatMap(STM.commit(Ledger.attempt(ledgers, about, amounts, now)), (outcome) => {
            if (outcome._tag === "Held") return Effect.succeed(outcome.holds)
            if (outcome._tag === "Refused") return Effect.fail(new LimitExceeded(outcome.reading))
            const changed = STM.commit(Ledger.moved(ledgers, about, amounts, now))
            const waited =
              outcome.untilMillis === undefined
                ? changed
                : Effect.timeoutOption(changed, Math.min(longestSleep, outcome.untilMillis - now))
            return Effect.zipRight(restore(waited), attempt)
          })
      )
      return Effect.flatMap(attempt, (holds) => {
        // What is given back stays given back, so that there is no need to look again.
        let isOpen = true
        const charge = (used: Amounts) => Ledger.each(holds, (hold) => hold.charge(used))
        const released = STM.zipRight(
          Ledger.each(holds, (hold) => hold.release),
          STM.sync(() => {
            isOpen = false
          })
        )
        const release = Effect.suspend(() => (isOpen ? STM.commit(released) : Effect.void))
        const reservation: Reservation = {
          ...{ amounts, release },
          charge: (used) => STM.commit(charge(used)),
          settle: (used) => STM.commit(STM.zipRight(charge(used), released))
        }
        return Effect.flatMap(Effect.scope, (scope) => Effect.as(Scope.addFinalizer(scope, release), reservation))
      })
    }),
  read: (about) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.map(STM.commit(STM.forEach(ledgers, (ledger) => ledger.read(about, now))), (all) =>
        Ledger.tightest(all.flat())
      )
    )
})

/** Timers of the runtime go no further than some weeks. */
const longestSleep = 86_400_000
