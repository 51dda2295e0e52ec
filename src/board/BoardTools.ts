/**
 * The board as tools for agents. Who works is the run that calls, as its context says and not as its model does; what the
 * model reads is short, and says what to do next rather than to ask again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Hooks from "../hook/Hooks.ts"
import * as Check from "../internal/options.ts"
import { present } from "../internal/present.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolContext from "../tool/ToolContext.ts"
import * as Board from "./Board.ts"
import { statuses } from "./internal/model.ts"
import * as Words from "./internal/words.ts"

/**
 * The run on whose behalf a board is used.
 *
 * @category models
 * @since 0.1.0
 */
export type Caller = Pick<ToolContext.Service, "agent" | "run" | "session" | "identity">

/**
 * The tools that there are.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = (typeof names)[number]

const names = [
  ...(["post_tasks", "list_tasks", "claim_task", "complete_task"] as const),
  ...(["fail_task", "wait_for_tasks", "add_note", "read_notes"] as const)
] as const

/**
 * Which board, which tools, and for how long.
 *
 * **Details**
 *
 * - `board`: its name, or a function that tells it by the run: one for each session, say.
 * - `only`: the tools to have; all unless set. `BoardTools.reading` are those that change nothing.
 * - `prefix`: put before every name of a tool.
 * - `lease`: how long a task is kept after the last call of one of these tools by its run; 10 minutes.
 * - `patience`: how long `wait_for_tasks` waits before it says what is not done yet; 5 minutes. Keep it below `lease`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly board: string | ((caller: Caller) => string)
  readonly only?: ReadonlyArray<Name> | undefined
  readonly prefix?: string | undefined
  readonly lease?: Duration.DurationInput | undefined
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * The names of the tools that change nothing, for `only`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reading: ReadonlyArray<Name> = ["list_tasks", "wait_for_tasks", "read_notes"]

/**
 * The worker that a run is on a board: its agent and its id.
 *
 * @category constructors
 * @since 0.1.0
 */
export const workerOf = ({ agent, run }: Pick<Caller, "agent" | "run">): string => `${agent}/${run}`

/**
 * Makes the tools of a board, for the `tools` of an agent.
 *
 * **Details**
 *
 * - Who claims, completes and writes is the run of the call; tasks may be assigned to it by the name of its agent.
 * - Every call of one of these tools renews what its run has. `layerHooks` renews it while the run lives, too, and ends it
 *   with the run.
 * - What a board refuses is a failed result that says what to do.
 * - Errors: a time below a millisecond or without end throws.
 *
 * @see {@link layerHooks}
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): ReadonlyArray<Tool.WithHandler<Board.Board>> => {
  const { only, prefix = "" } = options
  const lease = Check.millis("BoardTools option lease", options.lease) ?? defaultLeaseMillis
  const patience = Check.millis("BoardTools option patience", options.patience) ?? defaultPatienceMillis
  const called = (name: Name): string => `${prefix}${name}`

  /** Runs what a tool does for its caller, who shows by calling that it is alive. */
  const using = <A>(use: (seat: Seat) => Effect.Effect<A, Board.BoardError | string>) =>
    Effect.gen(function* () {
      const board = yield* Board.Board
      const caller = yield* ToolContext.ToolContext
      const seat = { board, id: boardOf(options, caller), worker: workerOf(caller), role: caller.agent }
      yield* Effect.ignore(renewAll(seat))
      return yield* use(seat)
    }).pipe(
      Effect.mapError((error) =>
        typeof error === "string" ? error : Words.advice(error.reason, called("claim_task"), called("list_tasks"))
      )
    )

  const held = ({ board, id, worker }: Seat, task: string) =>
    Effect.gen(function* () {
      const claim = (yield* board.claims(id, worker)).find((claim) => claim.task.id === task)
      if (claim !== undefined) return claim
      const found = yield* board.get(id, task)
      return yield* Effect.fail(
        `You do not have task ${task}: ${Words.line(found)}\n` +
          (found.status === "open" ? `Claim it with ${called("claim_task")} first.` : "Do not work on it.")
      )
    })

  const text = (description: string) => Schema.String.annotations({ description })
  const maybe = (description: string) => Schema.optional(text(description))
  const texts = (description: string) => Schema.optional(Schema.Array(Schema.String).annotations({ description }))

  const postTasks = Tool.make(
    called("post_tasks"),
    {
      description:
        "Puts tasks on the board that you share with others. Say what has to be done first in dependsOn: such a task is " +
        "ready once all of these are done. All are added, or none.",
      parameters: {
        tasks: Schema.Array(
          Schema.Struct({
            id: maybe("A short id that other tasks here can depend on; made up when absent"),
            title: text("What is to be done, in a line"),
            detail: maybe("Everything its worker has to know"),
            dependsOn: texts("Ids of tasks that have to be done before"),
            priority: Schema.optional(Schema.Number.annotations({ description: "Higher ones are claimed first; 0" })),
            tags: texts("Words to find it by"),
            assignee: maybe("The name of the agent that it is for; anybody when absent")
          })
        )
      },
      success: Schema.String
    },
    ({ tasks }) =>
      using(({ board, id, worker }) =>
        Effect.map(board.post(id, tasks, { by: worker }), (posted) => `Posted.\n${posted.map(Words.line).join("\n")}`)
      )
  )

  const listTasks = Tool.make(
    called("list_tasks"),
    {
      description: "Lists the tasks on the board, or shows everything about one of them, its result included.",
      parameters: {
        task: maybe("The id of one task to show whole"),
        status: Schema.optional(Schema.Literal(...statuses)),
        tag: maybe("Only tasks with this tag")
      },
      success: Schema.String,
      readOnly: true
    },
    ({ status, tag, task }) =>
      using(({ board, id }) =>
        task === undefined
          ? Effect.map(board.list(id, { status, tag }), Words.list)
          : Effect.map(board.get(id, task), Words.whole)
      )
  )

  const claimTask = Tool.make(
    called("claim_task"),
    {
      description:
        "Takes a task to work on, so that nobody else does: the next one that is ready, or the one you name. " +
        `End it with ${called("complete_task")} or ${called("fail_task")}.`,
      parameters: {
        task: maybe("The id of the task; the next one when absent"),
        tag: maybe("Only a task with this tag")
      },
      success: Schema.String
    },
    ({ tag, task }) =>
      using((seat) =>
        Effect.gen(function* () {
          const { board, id, role, worker } = seat
          const who = { worker, role, lease: lease }
          const claim =
            task === undefined
              ? Option.getOrUndefined(yield* board.claimNext(id, { ...who, tag }))
              : yield* mineOr(seat, task, board.claim(id, task, who))
          if (claim === undefined) return Words.nothingReady(yield* board.list(id), called("wait_for_tasks"))
          const before = yield* Effect.forEach(claim.task.dependsOn, (dependency) => board.get(id, dependency))
          const keep = Duration.format(Duration.millis(lease))
          return (
            `${Words.begun(claim.task, before)}\nIt is yours for ${keep} after each call of a tool of the board. When ` +
            `you are done call ${called("complete_task")}; if you cannot do it call ${called("fail_task")}.`
          )
        })
      )
  )

  const completeTask = Tool.make(
    called("complete_task"),
    {
      description: "Ends a task that you have, with its result, which those who depend on it will read.",
      parameters: { task: text("The id of the task"), result: text("What came of it") },
      success: Schema.String
    },
    ({ result, task }) =>
      using((seat) =>
        Effect.gen(function* () {
          const claim = yield* held(seat, task)
          yield* seat.board.complete(claim, result)
          const open = yield* seat.board.list(seat.id, { status: "open" })
          const ready =
            open.length === 0 ? "No other task is ready." : `Ready now: ${open.map(({ id }) => id).join(", ")}.`
          return `Task ${task} is done. ${ready}`
        })
      )
  )

  const failTask = Tool.make(
    called("fail_task"),
    {
      description:
        "Gives up a task that you have. Others may try it again, unless you say that it cannot be done at all.",
      parameters: {
        task: text("The id of the task"),
        reason: text("What went wrong, for whoever tries next"),
        final: Schema.optional(Schema.Boolean.annotations({ description: "true when nobody should try again" }))
      },
      success: Schema.String
    },
    ({ final, reason, task }) =>
      using((seat) =>
        Effect.gen(function* () {
          const { status } = yield* seat.board.fail(yield* held(seat, task), reason, { final })
          return status === "failed"
            ? `Task ${task} has failed for good.`
            : `Task ${task} is open again for somebody else. Do not claim it again unless you know a better way.`
        })
      )
  )

  const waitForTasks = Tool.make(
    called("wait_for_tasks"),
    {
      description:
        "Waits until all of these tasks have ended, and tells their results. Call it instead of listing again.",
      parameters: { tasks: Schema.Array(Schema.String).annotations({ description: "Ids of tasks" }) },
      success: Schema.String,
      readOnly: true
    },
    ({ tasks }) =>
      using(({ board, id }) =>
        Effect.gen(function* () {
          const ended = yield* Effect.timeoutOption(board.awaitTasks(id, tasks), patience)
          if (Option.isSome(ended)) return ended.value.map(Words.whole).join("\n")
          const now = yield* Effect.forEach(tasks, (task) => board.get(id, task))
          const waited = Duration.format(Duration.millis(patience))
          return `Not all have ended after ${waited}. Wait again, or do something else.\n${Words.list(now)}`
        })
      )
  )

  const addNote = Tool.make(
    called("add_note"),
    {
      description: "Writes a note on the board for everybody: what you found out, decided or need.",
      parameters: {
        text: text("The note"),
        task: maybe("The id of the task it is about"),
        tags: texts("Words to find it by")
      },
      success: Schema.String
    },
    ({ tags, task, text: words }) =>
      using(({ board, id, worker }) =>
        Effect.as(board.addNote(id, { author: worker, text: words, ...present({ task, tags }) }), "Noted.")
      )
  )

  const readNotes = Tool.make(
    called("read_notes"),
    {
      description: "Reads notes on the board, the latest last.",
      parameters: {
        search: maybe("Words that the notes must have"),
        task: maybe("Only notes about this task"),
        tag: maybe("Only notes with this tag")
      },
      success: Schema.String,
      readOnly: true
    },
    ({ search, tag, task }) =>
      using(({ board, id }) => Effect.map(board.notes(id, { text: search, tag, task, limit: 50 }), Words.notes))
  )

  const all = [postTasks, listTasks, claimTask, completeTask, failTask, waitForTasks, addNote, readNotes]
  const wanted = only?.map(called)
  return wanted === undefined ? all : all.filter(({ tool }) => wanted.includes(tool.name))
}

/**
 * Layer that ties claims to runs: they are renewed while the run that made them lives, and do not outlive it.
 *
 * **Details**
 *
 * - `options`: those that the tools were made with.
 * - From the first call of `claim_task` on, what the run has is renewed at a third of the lease, also while it waits for a
 *   model or for another tool. A process that dies renews nothing, and its tasks are free after the lease.
 * - What a run still has at its end counts as an attempt that failed. A run that was interrupted, or that was asked to stop,
 *   releases its tasks instead; one that awaits an approval keeps them for the lease.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHooks = (options: Options): Layer.Layer<Hooks.Hooks, never, Board.Board> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const board = yield* Board.Board
      const lease = Check.millis("BoardTools option lease", options.lease) ?? defaultLeaseMillis
      const living = yield* FiberMap.make<string>()
      const claiming = `${options.prefix ?? ""}claim_task`
      const seatOf = (caller: Caller): Seat => ({
        ...{ board, id: boardOf(options, caller), worker: workerOf(caller), role: caller.agent }
      })
      return Hooks.layer({
        toolStart: (call) =>
          call.tool !== claiming
            ? Effect.void
            : Effect.asVoid(
                FiberMap.run(
                  living,
                  call.run,
                  Effect.forever(Effect.delay(Effect.ignore(renewAll(seatOf(call))), lease / 3)),
                  {
                    onlyIfMissing: true
                  }
                )
              ),
        runEnd: (run) =>
          Effect.flatMap(FiberMap.has(living, run.run), (hasClaimed) =>
            hasClaimed ? Effect.zipRight(FiberMap.remove(living, run.run), letGo(seatOf(run), run.reason)) : Effect.void
          )
      })
    })
  )

// internal

const defaultLeaseMillis = 600_000
const defaultPatienceMillis = 300_000

/** A caller at its board. */
interface Seat {
  readonly board: Board.Service
  readonly id: string
  readonly worker: string
  readonly role: string
}

const boardOf = ({ board }: Options, caller: Caller): string => (typeof board === "string" ? board : board(caller))

const renewAll = ({ board, id, worker }: Seat): Effect.Effect<void, Board.BoardError> =>
  Effect.flatMap(board.claims(id, worker), (claims) =>
    Effect.forEach(claims, (claim) => Effect.ignore(board.renew(claim)), { discard: true })
  )

/** A model that claims what it has already has it. */
const mineOr = (
  { board, id, worker }: Seat,
  task: string,
  claim: Effect.Effect<Board.Claim, Board.BoardError>
): Effect.Effect<Board.Claim, Board.BoardError> =>
  Effect.catchIf(
    claim,
    ({ reason }) => reason._tag === "Taken",
    (error) =>
      Effect.flatMap(board.claims(id, worker), (claims) => {
        const mine = claims.find((held) => held.task.id === task)
        return mine === undefined ? Effect.fail(error) : Effect.succeed(mine)
      })
  )

const letGo = ({ board, id, worker }: Seat, reason: Hooks.RunEnd["reason"]): Effect.Effect<void> => {
  if (reason === "awaiting-approval") return Effect.void
  const isStopped = reason === "interrupted" || reason === "stopped"
  const end = (claim: Board.Claim) =>
    isStopped ? board.release(claim) : board.fail(claim, `the run of ${worker} ended (${reason}) without ending it`)
  return Effect.flatMap(board.claims(id, worker), (claims) =>
    Effect.forEach(claims, (claim) => Effect.ignore(end(claim)), { discard: true })
  ).pipe(Effect.ignore)
}
