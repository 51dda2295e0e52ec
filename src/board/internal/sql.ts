/**
 * Boards in a SQL database. A change locks the row of its board, so that of one board there is one change at a time,
 * whichever process makes it.
 */
import type { SqlError } from "@effect/sql/SqlError"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Database, Execute, Value } from "../../internal/sqlDatabase.ts"
import { inChunks, places } from "../../internal/sqlDatabase.ts"
import { toKey, toWhole } from "../../internal/sqlValues.ts"
import type { Driver, Reading, Wanted, Writing } from "./driver.ts"
import type { Stored } from "./model.ts"
import * as Model from "./model.ts"
import * as Signals from "./signals.ts"

export type Failure = SqlError | Model.Refusal

/** `interval` is how often whoever waits looks for what other processes changed. */
export const make = (database: Database, interval: Duration.Duration): Driver<Failure> => {
  const signals = Signals.make()

  const boardOf = (execute: Execute, board: string): Effect.Effect<BoardRow, SqlError> =>
    Effect.gen(function* () {
      const look = `SELECT revision, posted FROM axonal_boards WHERE id = ?${database.isSqlite ? "" : " FOR UPDATE"}`
      const [row] = yield* execute<BoardRow>(look, [board])
      if (row !== undefined) return row
      yield* execute("INSERT INTO axonal_boards (id, revision, posted) VALUES (?, 0, 0) ON CONFLICT DO NOTHING", [
        board
      ])
      const [made] = yield* execute<BoardRow>(look, [board])
      return made ?? { revision: 0, posted: 0 }
    })

  const write: Driver<Failure>["write"] = (name, body) => {
    const board = toKey(name)
    return Effect.map(
      database.transact((execute) =>
        Effect.gen(function* () {
          const row = yield* boardOf(execute, board)
          const before = Number(row.revision)
          const state = { revision: before, posted: Number(row.posted) }
          const done = yield* body(writingOf(database, execute, board, yield* Clock.currentTimeMillis, state))
          if (state.revision > before) {
            yield* execute("UPDATE axonal_boards SET revision = ?, posted = ? WHERE id = ?", [
              ...[state.revision, state.posted, board]
            ])
          }
          return { done, revision: state.revision }
        })
      ),
      ({ done, revision }) => {
        signals.raise(name, revision)
        return done
      }
    )
  }

  return {
    read: (board, body) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => body(readingOf(database.run, toKey(board), now))),
    write,
    pulse: (board) =>
      Effect.map(
        database.run<PulseRow>(
          `SELECT b.revision, (SELECT MIN(t.expires_at) FROM axonal_board_tasks t
            WHERE t.board = b.id AND t.expires_at IS NOT NULL) AS expires_at FROM axonal_boards b WHERE b.id = ?`,
          [toKey(board)]
        ),
        ([row]) => ({
          revision: Number(row?.revision ?? 0),
          expiresAt: row === undefined || row.expires_at === null ? undefined : Number(row.expires_at)
        })
      ),
    changed: (board, revision) => Effect.raceFirst(signals.past(board, revision), Effect.sleep(interval))
  }
}

// internal

/** PostgreSQL gives whole numbers of this size as texts. */
interface BoardRow {
  readonly revision: number | string
  readonly posted: number | string
}

interface PulseRow {
  readonly revision: number | string
  readonly expires_at: number | string | null
}

interface Row {
  readonly version: number
  readonly json: string
}

const version = 1

const decoding = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknownEither(Schema.parseJson(schema))
  return (rows: ReadonlyArray<Row>): Effect.Effect<ReadonlyArray<A>, Model.Refusal> =>
    Effect.forEach(rows, ({ json, version: written }) => {
      if (written > version) {
        return Effect.fail(new Model.Refusal("Corrupt", `a newer version of axonal wrote a ${what}; upgrade axonal`))
      }
      const decoded = decode(json)
      return Either.isRight(decoded)
        ? Effect.succeed(decoded.right)
        : Effect.fail(new Model.Refusal("Corrupt", `a ${what} cannot be read: ${decoded.left.message}`))
    })
}

const tasksOf = decoding(Model.Stored, "task")
const notesOf = decoding(Model.Note, "note")

/** Rows for values of any number, in statements of few different texts. */
const forAll = <A>(
  values: ReadonlyArray<A>,
  ask: (some: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Row>, SqlError>
) =>
  Effect.suspend(() => {
    const rows: Array<Row> = []
    return Effect.as(
      inChunks(values, (some) => Effect.map(ask(some), (found) => rows.push(...found))),
      rows
    )
  })

const readingOf = (execute: Execute, board: string, now: number): Reading<Failure> => {
  const tasks = (condition: string, values: ReadonlyArray<Value> = []) =>
    Effect.flatMap(
      execute<Row>(`SELECT version, json FROM axonal_board_tasks WHERE board = ? ${condition}`, [board, ...values]),
      tasksOf
    )
  return {
    now,
    load: (ids) =>
      Effect.flatMap(
        forAll(ids.map(toKey), (some) =>
          execute<Row>(
            `SELECT version, json FROM axonal_board_tasks WHERE board = ? AND id IN ${places(1, some.length)}`,
            [board, ...some]
          )
        ),
        tasksOf
      ),
    all: tasks("ORDER BY sequence"),
    heldBy: (worker) => tasks("AND expires_at IS NOT NULL AND worker = ? ORDER BY sequence", [toKey(worker)]),
    changedAfter: (revision) => tasks("AND revision > ? ORDER BY revision", [revision]),
    notes: (after, task) =>
      Effect.flatMap(
        execute<Row>(
          `SELECT version, json FROM axonal_board_notes WHERE board = ? AND revision > ?
            ${task === undefined ? "" : "AND task = ?"} ORDER BY revision`,
          [board, after, ...(task === undefined ? [] : [toKey(task)])]
        ),
        notesOf
      )
  }
}

const writingOf = (
  { isSqlite }: Database,
  execute: Execute,
  board: string,
  now: number,
  state: { revision: number; posted: number }
): Writing<Failure> => {
  const ready = ({ names, tag }: Wanted) => {
    const tagged = tag === undefined ? "" : `AND ${isSqlite ? "instr" : "strpos"}(tags, ?) > 0`
    return execute<Row>(
      `SELECT version, json FROM axonal_board_tasks WHERE board = ? AND state = 'open' AND waiting = 0 ${tagged}
        AND (assignee IS NULL OR assignee IN ${places(1, names.length)})
        ORDER BY priority DESC, sequence LIMIT 1`,
      [board, ...(tag === undefined ? [] : [tagLine(tag)]), ...names.map(toKey)]
    )
  }
  return {
    ...readingOf(execute, board, now),
    dependents: (ids) =>
      Effect.flatMap(
        forAll(ids.map(toKey), (some) =>
          execute<Row>(
            `SELECT version, json FROM axonal_board_tasks WHERE board = ? AND id IN (SELECT d.task
              FROM axonal_board_dependencies d WHERE d.board = ? AND d.dependency IN ${places(1, some.length)})`,
            [board, board, ...some]
          )
        ),
        tasksOf
      ),
    ready: (wanted) => Effect.map(Effect.flatMap(ready(wanted), tasksOf), ([task]) => task),
    expired: Effect.flatMap(
      execute<Row>(
        `SELECT version, json FROM axonal_board_tasks WHERE board = ? AND expires_at IS NOT NULL AND expires_at <= ?
          ORDER BY sequence`,
        [board, toWhole(now)]
      ),
      tasksOf
    ),
    get posted() {
      return state.posted
    },
    next: () => ++state.revision,
    put: (tasks) =>
      Effect.suspend(() => {
        state.posted = tasks.reduce((most, { sequence }) => Math.max(most, sequence), state.posted)
        return inChunks(tasks, (some) =>
          execute(
            upsert(some.length),
            some.flatMap((task) => valuesOf(board, task))
          )
        )
      }),
    link: (tasks) => linking(execute, board, tasks),
    addNote: (note) =>
      Effect.asVoid(
        execute("INSERT INTO axonal_board_notes (board, revision, task, version, json) VALUES (?, ?, ?, ?, ?)", [
          ...[board, note.revision, note.task === undefined ? null : toKey(note.task), version, JSON.stringify(note)]
        ])
      ),
    erase: Effect.forEach(
      ["axonal_board_tasks", "axonal_board_dependencies", "axonal_board_notes"],
      (table) => execute(`DELETE FROM ${table} WHERE board = ?`, [board]),
      { discard: true }
    )
  }
}

const linking = (execute: Execute, board: string, tasks: ReadonlyArray<Stored>): Effect.Effect<void, SqlError> => {
  const links = tasks.flatMap(({ dependsOn, id }) => dependsOn.map((dependency) => [toKey(dependency), toKey(id)]))
  return Effect.zipRight(
    inChunks(tasks, (some) =>
      execute(`DELETE FROM axonal_board_dependencies WHERE board = ? AND task IN ${places(1, some.length)}`, [
        board,
        ...some.map(({ id }) => toKey(id))
      ])
    ),
    inChunks(links, (some) =>
      execute(
        `INSERT INTO axonal_board_dependencies (board, dependency, task) VALUES ${places(some.length, 3)}`,
        some.flatMap((link) => [board, ...link])
      )
    )
  )
}

const columns = [
  ...["board", "id", "sequence", "revision", "state", "waiting", "priority", "tags", "assignee", "worker"],
  ...["expires_at", "version", "json"]
]

const changing = columns.slice(3).map((column) => `${column} = excluded.${column}`)

const upsert = (rows: number): string =>
  `INSERT INTO axonal_board_tasks (${columns.join(", ")}) VALUES ${places(rows, columns.length)}
    ON CONFLICT (board, id) DO UPDATE SET ${changing.join(", ")}`

const valuesOf = (board: string, task: Stored): ReadonlyArray<Value> => [
  ...[board, toKey(task.id), task.sequence, task.revision, task.state, task.waiting, task.priority],
  task.tags.map(tagLine).join(""),
  task.assignee === undefined ? null : toKey(task.assignee),
  task.held === undefined ? null : toKey(task.held.worker),
  task.held === undefined ? null : toWhole(task.held.expiresAt),
  version,
  JSON.stringify(task)
]

/** Each tag on a line of its own, so that one is found whatever the others are. */
const tagLine = (tag: string): string => `\n${JSON.stringify(tag)}\n`
