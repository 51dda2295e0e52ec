/**
 * Commands that go on in the background. A job belongs to the session that started it; it ends with the run that did, or with
 * the scope of `layer` where that is provided. Of what it writes, the newest is kept until somebody reads it.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { nearest } from "../internal/nearest.ts"
import { head } from "../internal/texts.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import { SandboxError } from "../sandbox/SandboxError.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolContext from "../tool/ToolContext.ts"
import { ending, seconds } from "./internal/commandResult.ts"
import * as Unread from "./internal/unread.ts"

/**
 * Where jobs live.
 *
 * **Details**
 *
 * - `scope`: what they end with; the run that starts one when absent. `sessions`: those of a run by its scope, or else those of
 *   a session by its name and the identity that it runs for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  readonly scope: Scope.Scope | undefined
  readonly sessions: Map<Scope.Scope | string, Session>
}

/**
 * The jobs of a session, by their ids.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session {
  readonly jobs: Map<string, Job>
  /** How many there have been, so that no id is used twice. */
  count: number
  /** How many are being started. */
  starting: number
}

/**
 * A command in the background.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job {
  readonly id: string
  readonly command: string
  readonly process: Sandbox.Process
  readonly unread: Unread.Unread
  /** How it ended, or why that cannot be told; absent while it runs. */
  exit: Sandbox.Exit | SandboxError | undefined
  /** Completes when it has ended or there is something to read, and is another one then. */
  news: Deferred.Deferred<void>
}

/**
 * The jobs in use. Without a layer they end with the run that starts them.
 *
 * @category references
 * @since 0.1.0
 */
export class Jobs extends Context.Reference<Jobs>()("axonal/toolbox/ShellJobs", {
  defaultValue: (): Service => ({ scope: undefined, sessions: new Map() })
}) {}

/**
 * Layer whose jobs outlive runs: one that a run starts is there in the next run of the same session, and ends with the layer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Layer.scoped(
  Jobs,
  Effect.map(Effect.scope, (scope): Service => ({ scope, sessions: new Map() }))
)

/** @internal Starts a job and answers what the model reads of it. */
export const start = (
  command: string,
  options: Sandbox.ExecOptions,
  input: string | undefined
): Effect.Effect<string, SandboxError | string, Sandbox.Sandbox> =>
  Effect.gen(function* () {
    const jobs = yield* Jobs
    const context = yield* ToolContext.ToolContext
    const parent = jobs.scope ?? context.scope
    if (parent === undefined) return yield* Effect.fail("There is no run that the job could belong to.")
    const session = yield* sessionOf(jobs, context, parent)
    const running = [...session.jobs.values()].filter(({ exit }) => exit === undefined).length + session.starting
    if (running >= mostJobs) {
      return yield* Effect.fail(`There are ${running} jobs already; stop one with shell_stop first.`)
    }
    const job = yield* Effect.uninterruptible(started(command, options, parent, session, input))
    // What goes wrong at once is told at once.
    yield* awaited(job, 1000)
    const state = job.exit === undefined ? "It goes on in the background." : ""
    return [`Started ${job.id}: ${shortened(command)}`, state, news(job)].filter((line) => line !== "").join("\n")
  })

const texts = { success: Schema.String, failure: Schema.String } as const

const id = Schema.String.annotations({ description: "The id of the job, as in job_1" })

/** @internal The tools with which jobs are read, told something, stopped and listed. */
export const tools: ReadonlyArray<Tool.WithHandler> = [
  Tool.make(
    "shell_output",
    {
      ...texts,
      description: "Reads what a job in the background has written since it was last read, and whether it still runs.",
      parameters: {
        job: id,
        waitSeconds: Schema.optional(
          Schema.Number.pipe(Schema.between(0, 300)).annotations({
            description: "How long to wait when there is nothing new; 0 unless given"
          })
        )
      },
      readOnly: true,
      destructive: false
    },
    ({ job, waitSeconds = 0 }) =>
      Effect.gen(function* () {
        const found = yield* find(job)
        if (waitSeconds > 0) yield* awaited(found, waitSeconds * 1000)
        return news(found)
      })
  ),
  Tool.make(
    "shell_input",
    {
      ...texts,
      description: "Writes to the input of a job in the background. Write a newline where a person would press Enter.",
      parameters: {
        job: id,
        text: Schema.String,
        end: Schema.optional(Schema.Boolean.annotations({ description: "Whether its input ends with that" }))
      },
      destructive: true
    },
    ({ end = false, job, text }) =>
      Effect.gen(function* () {
        const found = yield* find(job)
        const written = yield* found.process.write(text).pipe(
          Effect.mapError(() => `${job} does not read any more. ${state(found)}`),
          Effect.timeoutOption(mostWritingMillis)
        )
        if (end) yield* found.process.endInput
        yield* awaited(found, 500)
        // What was written waits for it.
        return Option.isSome(written) ? news(found) : `${job} has not read all of it yet.\n${news(found)}`
      })
  ),
  Tool.make(
    "shell_stop",
    {
      ...texts,
      description: "Ends a job in the background and all that it started, and answers what it had written.",
      parameters: { job: id },
      destructive: false,
      idempotent: true
    },
    ({ job }) =>
      Effect.gen(function* () {
        const found = yield* find(job)
        yield* found.process.kill
        // Its end is known a moment later.
        while (found.exit === undefined) yield* Deferred.await(found.news)
        return news(found)
      })
  ),
  Tool.make(
    "shell_jobs",
    { ...texts, description: "Lists the jobs in the background.", readOnly: true, destructive: false },
    () =>
      Effect.map(own, ({ jobs }) => {
        const lines = [...jobs.values()].map((job) => `${job.id}: ${shortened(job.command)} (${state(job)})`)
        return lines.length === 0 ? "There are no jobs." : lines.join("\n")
      })
  )
]

// internal

const mostJobs = 20

/** How long one waits for a job to read. */
const mostWritingMillis = 5000

const own: Effect.Effect<Session> = Effect.map(
  Effect.zip(Jobs, ToolContext.ToolContext),
  ([jobs, context]) => jobs.sessions.get(keyOf(jobs, context)) ?? { jobs: new Map(), count: 0, starting: 0 }
)

/** The session of a call, kept as long as its jobs may live, so that no id of them is used twice. */
const sessionOf = (jobs: Service, context: ToolContext.Service, parent: Scope.Scope): Effect.Effect<Session> =>
  Effect.suspend(() => {
    const key = keyOf(jobs, context)
    const there = jobs.sessions.get(key)
    if (there !== undefined) return Effect.succeed(there)
    const session = { jobs: new Map(), count: 0, starting: 0 }
    jobs.sessions.set(key, session)
    const forget = Effect.sync(() => jobs.sessions.delete(key))
    return Effect.as(Scope.addFinalizer(parent, forget), session)
  })

/** Runs of other stores may have a session of the same name, and so may other people. */
const keyOf = (jobs: Service, { identity, scope, session }: ToolContext.Service): Scope.Scope | string =>
  jobs.scope === undefined && scope !== undefined
    ? scope
    : JSON.stringify([session, identity.tenant, identity.userId, identity.chatId])

const find = (name: string): Effect.Effect<Job, string> =>
  Effect.flatMap(own, ({ jobs }) => {
    const job = jobs.get(name)
    if (job !== undefined) return Effect.succeed(job)
    const near = nearest(name, [...jobs.keys()])
    const hint = near === undefined ? "shell_jobs lists those that there are" : `did you mean ${near}?`
    return Effect.fail(`There is no job ${JSON.stringify(name)}, or the run that it belonged to has ended; ${hint}.`)
  })

/** Starts a command, what reads its output and what gives it its input, all to end with the parent. */
const started = (
  command: string,
  options: Sandbox.ExecOptions,
  parent: Scope.Scope,
  session: Session,
  input: string | undefined
): Effect.Effect<Job, SandboxError, Sandbox.Sandbox> =>
  Effect.gen(function* () {
    session.starting++
    const sandbox = yield* Sandbox.Sandbox
    const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
    const id = `job_${++session.count}`
    const process = yield* Scope.extend(sandbox.exec(command, options), scope).pipe(
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
    )
    const job: Job = {
      id,
      command,
      process,
      unread: Unread.make(),
      exit: undefined,
      news: yield* Deferred.make<void>()
    }
    session.jobs.set(id, job)
    // At once, where the run has ended meanwhile.
    yield* Scope.addFinalizer(
      scope,
      Effect.sync(() => session.jobs.delete(id))
    )
    const read = Stream.runForEach(process.output, (output) =>
      Effect.zipRight(
        Effect.sync(() => job.unread.add(output)),
        tell(job)
      )
    )
    const over = Effect.flatMap(Effect.merge(process.exit), (exit) =>
      Effect.zipRight(
        Effect.sync(() => {
          job.exit = exit
        }),
        tell(job)
      )
    )
    const inScope = (work: Effect.Effect<void>) => Effect.forkIn(Effect.interruptible(work), scope)
    yield* inScope(Effect.zipRight(Effect.ignore(read), over))
    if (input !== undefined) yield* inScope(Effect.ignore(Effect.zipRight(process.write(input), process.endInput)))
    return job
  }).pipe(Effect.ensuring(Effect.sync(() => session.starting--)))

const tell = (job: Job): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { news } = job
    job.news = Deferred.unsafeMake(FiberId.none)
    return Deferred.succeed(news, undefined)
  })

/** Waits until there is something to read or the job has ended, but no longer than that. */
const awaited = (job: Job, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (job.exit !== undefined || !job.unread.isEmpty()) return Effect.void
    return Effect.asVoid(Effect.timeoutOption(Deferred.await(job.news), millis))
  })

/** What is new of a job, which is then read. */
const news = (job: Job): string => {
  const text = job.unread.take()
  const end = job.exit === undefined ? [] : [`[${state(job)}]`]
  if (text !== "") return [text, ...end].join("\n")
  return job.exit === undefined
    ? `${job.id} has written nothing new; it still runs.`
    : `${job.id} wrote nothing more.\n${end}`
}

const state = ({ exit }: Job): string => {
  if (exit === undefined) return "it runs"
  if (exit instanceof SandboxError) return `it has ended, and how cannot be told: ${exit.message}`
  const [how = "exit code 0"] = ending(exit)
  return `it has ended after ${seconds(exit.durationMillis)}: ${how}`
}

const shortened = (command: string): string => {
  const line = command.replace(/\s+/g, " ").trim()
  return line.length <= 100 ? line : `${head(line, 100)}…`
}
