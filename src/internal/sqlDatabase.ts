/**
 * What the SQL store needs of a database beyond statements: transactions that are safe among processes, and patience
 * with a locked database. Statements are plain texts on a reserved connection: no template, no span, no second text.
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Errors from "./sqlErrors.ts"

export type Value = string | number | null | ReadonlyArray<string>

/** Runs one statement. Its values are question marks in the text, on every dialect. */
export type Execute = <Row>(text: string, values?: ReadonlyArray<Value>) => Effect.Effect<ReadonlyArray<Row>, SqlError>

export interface Database {
  readonly isSqlite: boolean
  /** Runs one statement outside a transaction. Not interruptible. */
  readonly run: Execute
  /** `run` for a statement that PostgreSQL takes for costly, and would compile for longer than it takes. */
  readonly runPlain: Execute
  /** Runs statements in a transaction that nobody else writes beside, all or none. Not interruptible. */
  readonly transact: <A, E>(
    body: (execute: Execute, connection: Connection) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | SqlError>
  /** Takes a lock of the whole database until the transaction ends, where a transaction is not one already. */
  readonly exclude: (execute: Execute) => Effect.Effect<void, SqlError>
  /** Moves what was deleted out of the files beside the database, too. */
  readonly forget: Effect.Effect<void, SqlError>
}

/** Whether the store has the client for itself, so that it may keep the one connection of SQLite reserved. */
export class IsAlone extends Context.Reference<IsAlone>()("axonal/internal/sqlDatabase/IsAlone", {
  defaultValue: () => false
}) {}

export const make = (client: SqlClient.SqlClient): Effect.Effect<Database, SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const sql = client.withoutTransforms()
    const isSqlite = sql.onDialectOrElse({ sqlite: () => true, orElse: () => false })
    const kept = isSqlite && (yield* IsAlone) ? yield* sql.reserve : undefined
    if (kept !== undefined) {
      const alone = oneByOne()
      return from(isSqlite, (use) => alone(Effect.suspend(() => use(kept))))
    }
    const reserve: Reserve = (use) => Effect.scoped(Effect.flatMap(sql.reserve, use))
    // SQLite has one connection for all: reserving it keeps statements out of the transactions of others.
    return from(isSqlite, isSqlite ? outside(reserve) : settling(sql))
  })

// internal

type Reserve = <A, E>(use: (connection: Connection) => Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>

/** Fails within a transaction of the one connection there is, which would wait for itself. */
const outside = (reserve: Reserve): Reserve => {
  let own: Connection | undefined
  return (use) =>
    Effect.flatMap(Effect.serviceOption(SqlClient.TransactionConnection), (transaction) =>
      Option.isSome(transaction) && transaction.value[0] === own
        ? Effect.fail(new SqlError({ cause: new Error(within) }))
        : reserve((connection) => {
            own = connection
            return use(connection)
          })
    )
}

const within =
  "the store was used within a transaction of its own client, which has one connection; use it outside of it, or give " +
  "the store a client of its own"

/** Connections whose last transaction may not be undone yet. */
const unsettled = new WeakSet<Connection>()

/**
 * A statement that its client gave up may still run, and then what undoes its transaction was given up, too: others get
 * the connection once that is done, or somebody's commit would be that of half a transaction.
 */
const settling =
  ({ reserve }: Pick<SqlClient.SqlClient, "reserve">): Reserve =>
  (use) =>
    Effect.flatMap(Scope.make(), (scope) => {
      const close = Scope.close(scope, Exit.void)
      // A connection that cannot be had is none to close.
      return Effect.flatMap(Scope.extend(reserve, scope), (connection) =>
        Effect.onExit(use(connection), () =>
          unsettled.has(connection) ? Effect.forkDaemon(Effect.zipRight(settle(connection), close)) : close
        )
      )
    })

const settle = (connection: Connection, tried = 1): Effect.Effect<void> =>
  Effect.catchAll(connection.execute("ROLLBACK", none, undefined), (error) =>
    Errors.isGivenUp(error) ? Effect.zipRight(pause(tried), settle(connection, tried + 1)) : Effect.void
  )

const from = (isSqlite: boolean, reserve: Reserve): Database => {
  // Whatever the database's default is: what others did has to be seen once their locks are gone.
  const begin = isSqlite ? "BEGIN IMMEDIATE" : "BEGIN ISOLATION LEVEL READ COMMITTED"
  const texts = isSqlite ? unprepared() : numbered()

  const executeOn =
    (connection: Connection): Execute =>
    (text, values = none) =>
      connection.execute(texts.of(text), values, undefined)
  /** Numbers are numbers, whatever the caller wants of its own statements. */
  const plainly = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.withFiberRuntime((fiber) =>
      isSqlite && Context.get(fiber.currentContext, SqlClient.SafeIntegers)
        ? Effect.provideService(effect, SqlClient.SafeIntegers, false)
        : effect
    )
  const reserved: Reserve = (use) => patiently(Effect.uninterruptible(plainly(reserve(use))))

  const run: Execute = (text, values) =>
    reserved((connection) =>
      Effect.catchAll(executeOn(connection)(text, values), (error) => {
        texts.failed(error)
        return Effect.fail(error)
      })
    )

  const transact: Database["transact"] = (body) =>
    reserved((connection) => {
      const execute = executeOn(connection)
      const whole = Effect.flatMap(execute(begin), () => Effect.zipLeft(body(execute, connection), execute("COMMIT")))
      return Effect.catchAllCause(whole, (cause) => {
        for (const error of Cause.failures(cause)) texts.failed(error)
        const undone = Effect.catchAll(execute("ROLLBACK"), () => Effect.sync(() => unsettled.add(connection)))
        return Effect.zipRight(undone, Effect.failCause(cause))
      })
    })

  const plain: Execute = <Row>(text: string, values?: ReadonlyArray<Value>) =>
    transact((execute) => Effect.zipRight(execute("SET LOCAL jit = off"), execute<Row>(text, values)))

  return {
    isSqlite,
    run,
    runPlain: isSqlite ? run : plain,
    transact,
    exclude: (execute) => (isSqlite ? Effect.void : Effect.asVoid(execute("SELECT pg_advisory_xact_lock(202601)"))),
    forget: isSqlite ? checkpoint(run) : Effect.void
  }
}

/** Lets uninterruptible effects run one at a time, first come, first served. A semaphore costs as much as a statement. */
const oneByOne = (): (<A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>) => {
  let isTaken = false
  const waiting: Array<(turn: Effect.Effect<void>) => void> = []
  const release = (): void => {
    const next = waiting.shift()
    if (next === undefined) isTaken = false
    else next(Effect.void)
  }
  const turn = Effect.async<void>((resume) => {
    waiting.push(resume)
  })
  return (effect) =>
    Effect.suspend(() => {
      const released = Effect.matchCauseEffect(effect, {
        onFailure: (cause) => {
          release()
          return Effect.failCause(cause)
        },
        onSuccess: (value) => {
          release()
          return Effect.succeed(value)
        }
      })
      if (isTaken) return Effect.zipRight(turn, released)
      isTaken = true
      return released
    })
}

const none: ReadonlyArray<Value> = []

interface Texts {
  readonly of: (text: string) => string
  readonly failed: (error: unknown) => void
}

/** PostgreSQL numbers the values of a statement. */
const numbered = (): Texts => {
  const known = new Map<string, string>()
  const number = (text: string): string => {
    let count = 0
    const made = text.replace(/\?/g, () => `$${++count}`)
    known.set(text, made)
    return made
  }
  return { of: (text) => known.get(text) ?? number(text), failed: () => {} }
}

/**
 * The driver of SQLite also keeps statements that it failed to prepare, say while the file was locked. After such a
 * failure all texts change by a comment, so that they are prepared anew.
 */
const unprepared = (): Texts => {
  let failures = 0
  return {
    of: (text) => (failures === 0 ? text : `${text} -- ${failures}`),
    failed: (error) => {
      if (error instanceof SqlError && error.message.startsWith("Failed to prepare")) failures++
    }
  }
}

const checkpoints = 20

/** While others read, the log beside the file cannot be emptied. */
const checkpoint = (run: Execute, tried = 1): Effect.Effect<void, SqlError> =>
  Effect.flatMap(run<{ readonly busy: number }>("PRAGMA wal_checkpoint(TRUNCATE)"), ([row]) => {
    if (row?.busy !== 1) return Effect.void
    return tried < checkpoints
      ? Effect.zipRight(pause(tried), checkpoint(run, tried + 1))
      : Effect.logWarning(
          "What was deleted may still be in the database's -wal file, because others are reading; it goes with them"
        )
  })

const attempts = 80
const longestPauseMillis = 150

/** Tries again while another process has the database, for about ten seconds. */
export const patiently = <A, E, R>(attempt: Effect.Effect<A, E, R>, tried = 1): Effect.Effect<A, E, R> =>
  Effect.catchIf(
    attempt,
    (error) => tried < attempts && error instanceof SqlError && Errors.isContention(error),
    () => Effect.zipRight(pause(tried), patiently(attempt, tried + 1))
  )

/** Contention is a matter of the machine: its time is real even where a test holds the program's clock. */
const pause = (tried: number): Effect.Effect<void> =>
  Effect.suspend(() => Effect.sleep(Math.random() * Math.min(2 * longestPauseMillis, 5 * 1.5 ** tried))).pipe(
    Effect.withClock(Clock.make())
  )

/** Values of which there are many, in statements of few different texts. */
export const inChunks = <A>(
  items: ReadonlyArray<A>,
  use: (some: ReadonlyArray<A>) => Effect.Effect<unknown, SqlError>
): Effect.Effect<void, SqlError> => {
  const chunks: Array<ReadonlyArray<A>> = []
  let at = 0
  for (const size of [64, 8, 1]) {
    for (; items.length - at >= size; at += size) chunks.push(items.slice(at, at + size))
  }
  return Effect.forEach(chunks, use, { discard: true })
}

/** `(?,?),(?,?)` for the rows of an insert. */
export const places = (rows: number, columns: number): string =>
  Array.from({ length: rows }, () => `(${Array.from({ length: columns }, () => "?").join(",")})`).join(",")
