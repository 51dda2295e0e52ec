/**
 * One budget's books: what each payer has used and reserved in the current window. Everything is a transaction, so that
 * several books can be asked together and written together. Counted in whole units, so that what is added and taken away
 * again leaves nothing; money in billionths of a dollar.
 */
import * as Option from "effect/Option"
import * as STM from "effect/STM"
import * as TMap from "effect/TMap"
import * as TRef from "effect/TRef"

export type BudgetLimit = "budgetRequests" | "budgetToolCalls" | "budgetTokens" | "budgetCostUsd"

/** The dimension that a limit bounds. */
export const dimensionOf = {
  budgetRequests: "requests",
  budgetToolCalls: "toolCalls",
  budgetTokens: "tokens",
  budgetCostUsd: "costUsd"
} as const
type Dimension = (typeof dimensionOf)[BudgetLimit]
const names = ["budgetRequests", "budgetToolCalls", "budgetTokens", "budgetCostUsd"] as const

type Amounts = { readonly [Each in Dimension]?: number | undefined }

/** One number for each limit, in its units. */
type Units = { readonly [Limit in BudgetLimit]: number }
const zero: Units = { budgetRequests: 0, budgetToolCalls: 0, budgetTokens: 0, budgetCostUsd: 0 }

/** What a payer has used and reserved. */
interface Account {
  readonly window: number
  readonly used: Units
  readonly reserved: Units
}

export interface Options<About> {
  readonly limits: Amounts
  readonly everyMillis: number | undefined
  readonly waits: boolean
  readonly name: (about: About) => string
}

export interface Reading {
  readonly limit: BudgetLimit
  readonly max: number
  readonly actual: number
}

export interface Ledger<About> {
  readonly read: (
    about: About,
    now: number
  ) => STM.STM<ReadonlyArray<Reading & { readonly reserved: number; readonly resetsAtMillis?: number }>>
  readonly judge: (about: About, amounts: Amounts, now: number) => STM.STM<Verdict>
}

/** Whether amounts fit, and then how to reserve them; or which limit is in the way, and whether it may yet move. */
type Verdict =
  | { readonly _tag: "Fits"; readonly hold: STM.STM<Hold> }
  | { readonly _tag: "Refused"; readonly reading: Reading }
  | { readonly _tag: "Full"; readonly untilMillis: number | undefined }

export type Outcome =
  | { readonly _tag: "Held"; readonly holds: ReadonlyArray<Hold> }
  | Exclude<Verdict, { readonly _tag: "Fits" }>

/** Something reserved in one ledger. */
export interface Hold {
  readonly charge: (used: Amounts) => STM.STM<void>
  readonly release: STM.STM<void>
}

export const make = <About>(options: Options<About>): STM.STM<Ledger<About>> =>
  STM.gen(function* () {
    const { everyMillis, name, waits } = options
    const accounts = yield* TMap.empty<string, Account>()
    const swept = yield* TRef.make(0)
    const bounded = names.flatMap((limit) => {
      const max = options.limits[dimensionOf[limit]]
      return max === undefined || max === Number.POSITIVE_INFINITY
        ? []
        : [{ limit, max: units(limit, max, Math.floor) }]
    })

    const windowAt = (now: number) => (everyMillis === undefined ? 0 : Math.floor(now / everyMillis))
    const endOf = (window: number) => (everyMillis === undefined ? undefined : (window + 1) * everyMillis)
    /** The account as it is now. One from a later window stays: the clock went back, and nothing is forgotten for that. */
    const account = (payer: string, now: number): STM.STM<Account> =>
      STM.map(TMap.get(accounts, payer), (found) => {
        const window = windowAt(now)
        return Option.isNone(found) || found.value.window < window
          ? { window, used: zero, reserved: zero }
          : found.value
      })

    const judge = (about: About, amounts: Amounts, now: number): STM.STM<Verdict> => {
      const payer = name(about)
      const asked = asUnits(amounts)
      return STM.map(account(payer, now), (found): Verdict => {
        const { reserved, used, window } = found
        const over = (taken: (limit: BudgetLimit) => number) =>
          bounded.find(({ limit, max }) => {
            const amount = asked[limit]
            return amount === undefined ? taken(limit) >= max : taken(limit) + amount > max
          })
        const full = over((limit) => used[limit] + reserved[limit])
        if (full === undefined) return { _tag: "Fits", hold: hold(payer, found, asked, now) }
        const mayMove = over((limit) => used[limit]) === undefined
        const mayReset = everyMillis !== undefined && over(() => 0) === undefined
        if (waits && (mayMove || mayReset)) return { _tag: "Full", untilMillis: endOf(window) }
        const { limit, max } = full
        const actual = used[limit] + reserved[limit] + (asked[limit] ?? 0)
        return { _tag: "Refused", reading: { limit, max: inUnits(limit, max), actual: inUnits(limit, actual) } }
      })
    }

    /** Forgets, once per window, who paid in earlier ones. */
    const sweep = (now: number): STM.STM<void> => {
      const window = windowAt(now)
      return STM.flatMap(TRef.get(swept), (last) =>
        last >= window
          ? STM.void
          : STM.zipRight(
              TMap.removeIf(accounts, (_, old) => old.window < window, { discard: true }),
              TRef.set(swept, window)
            )
      )
    }

    const hold = (payer: string, before: Account, asked: Asked, now: number): STM.STM<Hold> =>
      STM.gen(function* () {
        const { window } = before
        const amounts = eachOf((limit) => (bounded.some((bound) => bound.limit === limit) ? (asked[limit] ?? 0) : 0))
        // What is reserved and neither charged nor given back.
        const rest = yield* TRef.make(amounts)
        yield* sweep(now)
        yield* TMap.set(accounts, payer, { ...before, reserved: plus(before.reserved, amounts) })
        /** Uses some, and gives some back, if the window is still the same one. */
        const settle = (settled: (rest: Units) => { readonly used: Units; readonly taken: Units }): STM.STM<void> =>
          STM.flatMap(TRef.get(rest), (left) => {
            const { taken, used } = settled(left)
            const write = STM.flatMap(TMap.get(accounts, payer), (found) =>
              Option.isNone(found) || found.value.window !== window
                ? STM.void
                : TMap.set(accounts, payer, {
                    window,
                    used: plus(found.value.used, used),
                    reserved: minus(found.value.reserved, taken)
                  })
            )
            return STM.zipRight(TRef.set(rest, minus(left, taken)), write)
          })
        return {
          charge: (amounts) => {
            const known = asUnits(amounts)
            return settle((left) => {
              // What is not known is taken to be all there is.
              const used = eachOf((limit) => known[limit] ?? left[limit])
              return { used, taken: eachOf((limit) => Math.min(used[limit], left[limit])) }
            })
          },
          release: settle((left) => ({ used: zero, taken: left }))
        }
      })

    return {
      judge,
      read: (about, now) =>
        STM.map(account(name(about), now), ({ reserved, used, window }) => {
          const resetsAtMillis = endOf(window)
          return bounded.map(({ limit, max }) => ({
            limit,
            max: inUnits(limit, max),
            actual: inUnits(limit, used[limit] + reserved[limit]),
            reserved: inUnits(limit, reserved[limit]),
            ...(resetsAtMillis === undefined ? undefined : { resetsAtMillis })
          }))
        })
    }
  })

/** Reserves in all ledgers or in none. */
export const attempt = <About>(
  ledgers: ReadonlyArray<Ledger<About>>,
  about: About,
  amounts: Amounts,
  now: number
): STM.STM<Outcome> =>
  STM.flatMap(judgeAll(ledgers, about, amounts, now), (verdict) =>
    verdict._tag === "Fits"
      ? STM.map(STM.all(verdict.holds), (holds): Outcome => ({ _tag: "Held", holds }))
      : STM.succeed(verdict)
  )

/** Waits in the transaction until the ledgers would answer otherwise than by waiting. */
export const moved = <About>(
  ledgers: ReadonlyArray<Ledger<About>>,
  about: About,
  amounts: Amounts,
  now: number
): STM.STM<void> =>
  STM.flatMap(judgeAll(ledgers, about, amounts, now), ({ _tag }) => (_tag === "Full" ? STM.retry : STM.void))

type Asked = { readonly [Limit in BudgetLimit]: number | undefined }

const judgeAll = <About>(ledgers: ReadonlyArray<Ledger<About>>, about: About, amounts: Amounts, now: number) =>
  STM.map(
    STM.forEach(ledgers, (ledger) => ledger.judge(about, amounts, now)),
    (verdicts) => {
      const holds: Array<STM.STM<Hold>> = []
      const ends: Array<number> = []
      let isFull = false
      for (const verdict of verdicts) {
        if (verdict._tag === "Refused") return verdict
        if (verdict._tag === "Fits") {
          holds.push(verdict.hold)
          continue
        }
        isFull = true
        if (verdict.untilMillis !== undefined) ends.push(verdict.untilMillis)
      }
      const untilMillis = ends.length === 0 ? undefined : Math.min(...ends)
      return isFull ? { _tag: "Full" as const, untilMillis } : { _tag: "Fits" as const, holds }
    }
  )

const billionth = 1_000_000_000

/** A number in whole units. What is not a positive number is none. */
const units = (limit: BudgetLimit, value: number, whole: (value: number) => number): number =>
  value > 0
    ? Math.min(Number.MAX_SAFE_INTEGER, limit === "budgetCostUsd" ? Math.round(value * billionth) : whole(value))
    : 0

const inUnits = (limit: BudgetLimit, value: number): number => (limit === "budgetCostUsd" ? value / billionth : value)

const asUnits = (amounts: Amounts): Asked => {
  const asked = (limit: BudgetLimit) => {
    const value = amounts[dimensionOf[limit]]
    return value === undefined ? undefined : units(limit, value, Math.ceil)
  }
  return {
    budgetRequests: asked("budgetRequests"),
    budgetToolCalls: asked("budgetToolCalls"),
    budgetTokens: asked("budgetTokens"),
    budgetCostUsd: asked("budgetCostUsd")
  }
}

const eachOf = (value: (limit: BudgetLimit) => number): Units => ({
  budgetRequests: value("budgetRequests"),
  budgetToolCalls: value("budgetToolCalls"),
  budgetTokens: value("budgetTokens"),
  budgetCostUsd: value("budgetCostUsd")
})

const plus = (left: Units, right: Units): Units =>
  eachOf((limit) => Math.min(Number.MAX_SAFE_INTEGER, left[limit] + right[limit]))

const minus = (left: Units, right: Units): Units => eachOf((limit) => left[limit] - right[limit])
