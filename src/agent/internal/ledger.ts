/**
 * One budget's books: what each payer has used and reserved in the current window. Everything is a transaction, so that
 * several books can be asked together and written together. Counted in whole units, so that what is added and taken away
 * again leaves nothing; money in billionths of a dollar.
 */
import * as STM from "effect/STM"
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

/** What a payer has used and reserved in a window. */
interface Account {
  readonly used: Units
  readonly reserved: Units
}
const empty: Account = { used: zero, reserved: zero }

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

export const make = <About>({ everyMillis, limits, name, waits }: Options<About>): Ledger<About> => {
  const bounded = names.flatMap((limit) => {
    const max = limits[dimensionOf[limit]]
    return max === undefined || max === Number.POSITIVE_INFINITY ? [] : [{ limit, max: units(limit, max, Math.floor) }]
  })
  const isBounded = (limit: BudgetLimit): boolean => bounded.some((bound) => bound.limit === limit)

  // Which books are open follows from the time alone, so it is no part of the transactions. What was reserved in an earlier
  // window keeps its account there, and the others are forgotten. When the clock goes back, the books stay as they are.
  let window = Number.NEGATIVE_INFINITY
  let accounts = new Map<string, TRef.TRef<Account>>()
  const account = (about: About, now: number): STM.STM<TRef.TRef<Account>> =>
    STM.suspend(() => {
      const current = everyMillis === undefined ? 0 : Math.floor(now / everyMillis)
      if (current > window) {
        window = current
        accounts = new Map()
      }
      const payer = name(about)
      const found = accounts.get(payer)
      if (found !== undefined) return STM.succeed(found)
      return STM.map(TRef.make(empty), (made) => {
        accounts.set(payer, made)
        return made
      })
    })
  const endMillis = () => (everyMillis === undefined ? undefined : (window + 1) * everyMillis)

  const judge = (ref: TRef.TRef<Account>, amounts: Amounts, before: Account): Verdict => {
    const { reserved, used } = before
    const asked = asUnits(amounts)
    const over = (taken: (limit: BudgetLimit) => number) =>
      bounded.find(({ limit, max }) => {
        const amount = asked[limit]
        // What asks for nothing of it is not in the way, however much of it was used.
        return amount === undefined ? taken(limit) >= max : amount > 0 && taken(limit) + amount > max
      })
    const full = over((limit) => used[limit] + reserved[limit])
    if (full === undefined) {
      const held = eachOf((limit) => (isBounded(limit) ? (asked[limit] ?? 0) : 0))
      return { _tag: "Fits", hold: hold(ref, held) }
    }
    const mayMove = over((limit) => used[limit]) === undefined
    const mayReset = everyMillis !== undefined && over(() => 0) === undefined
    if (waits && (mayMove || mayReset)) return { _tag: "Full", untilMillis: endMillis() }
    const { limit, max } = full
    const actual = used[limit] + reserved[limit] + (asked[limit] ?? 0)
    return { _tag: "Refused", reading: { limit, max: inUnits(limit, max), actual: inUnits(limit, actual) } }
  }

  return {
    judge: (about, amounts, now) =>
      STM.flatMap(account(about, now), (ref) => STM.map(TRef.get(ref), (before) => judge(ref, amounts, before))),
    read: (about, now) =>
      STM.map(STM.flatMap(account(about, now), TRef.get), ({ reserved, used }) => {
        const resetsAtMillis = endMillis()
        return bounded.map(({ limit, max }) => ({
          limit,
          max: inUnits(limit, max),
          actual: inUnits(limit, used[limit] + reserved[limit]),
          reserved: inUnits(limit, reserved[limit]),
          ...(resetsAtMillis === undefined ? undefined : { resetsAtMillis })
        }))
      })
  }
}

const hold = (account: TRef.TRef<Account>, amounts: Units): STM.STM<Hold> =>
  // What is reserved and neither charged nor given back.
  STM.flatMap(TRef.make(amounts), (rest) => {
    const settle = (used: (left: Units) => Units, taken: (used: Units, left: Units) => Units): STM.STM<void> =>
      STM.flatMap(TRef.get(rest), (left) => {
        const some = used(left)
        const less = taken(some, left)
        return STM.zipRight(
          TRef.set(rest, minus(left, less)),
          TRef.update(account, (now) => ({ used: plus(now.used, some), reserved: minus(now.reserved, less) }))
        )
      })
    const release = settle(
      () => zero,
      (_, left) => left
    )
    return STM.as(
      TRef.update(account, (now) => ({ used: now.used, reserved: plus(now.reserved, amounts) })),
      {
        release,
        charge: (amounts) => {
          const known = asUnits(amounts)
          return settle(
            // What is not known is taken to be all there is.
            (left) => eachOf((limit) => known[limit] ?? left[limit]),
            (used, left) => eachOf((limit) => Math.min(used[limit], left[limit]))
          )
        }
      }
    )
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

/** Does something with each of the holds, of which there is mostly one. */
export const each = (holds: ReadonlyArray<Hold>, use: (hold: Hold) => STM.STM<void>): STM.STM<void> => {
  const [hold] = holds
  return holds.length === 1 && hold !== undefined ? use(hold) : STM.forEach(holds, use, { discard: true })
}

/** Of several readings of a limit the one of which least is left. */
export const tightest = <A extends Reading>(readings: ReadonlyArray<A>): ReadonlyArray<A> => {
  const found = new Map<BudgetLimit, A>()
  for (const reading of readings) {
    const other = found.get(reading.limit)
    if (other === undefined || reading.max - reading.actual < other.max - other.actual) {
      found.set(reading.limit, reading)
    }
  }
  return [...found.values()]
}

/** Mostly there is one. */
const judgements = <About, A>(
  ledgers: ReadonlyArray<Ledger<About>>,
  judge: (ledger: Ledger<About>) => STM.STM<A>
): STM.STM<ReadonlyArray<A>> => {
  const [ledger] = ledgers
  return ledgers.length === 1 && ledger !== undefined
    ? STM.map(judge(ledger), (one) => [one])
    : STM.forEach(ledgers, judge)
}

type Asked = { readonly [Limit in BudgetLimit]: number | undefined }

const judgeAll = <About>(ledgers: ReadonlyArray<Ledger<About>>, about: About, amounts: Amounts, now: number) =>
  STM.map(
    judgements(ledgers, (ledger) => ledger.judge(about, amounts, now)),
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
