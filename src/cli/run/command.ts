/**
 * `axonal run`: a team of agents from its files, asked once. Its answer goes to standard output, who is doing what to
 * standard error.
 */
import { realpathSync } from "node:fs"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Nesting from "../../agent/Nesting.ts"
import * as Compaction from "../../context/Compaction.ts"
import * as ContextStore from "../../context/ContextStore.ts"
import * as Identity from "../../context/Identity.ts"
import { layerSqlite } from "../../context/SqliteContextStore.ts"
import type { RunEnd } from "../../domain/AgentEvent.ts"
import * as Approval from "../../guard/Approval.ts"
import * as Runner from "../../pattern/Runner.ts"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import type * as Team from "../../team/Team.ts"
import { render, TeamError } from "../../team/TeamError.ts"
import * as Offline from "../../transport/Offline.ts"
import * as Approving from "../approval.ts"
import type { Environment } from "../environment.ts"
import { hasColor, isDebug } from "../environment.ts"
import type { Where } from "../errors.ts"
import { exitCodes, explain, UsageError } from "../errors.ts"
import * as Prompt from "../input.ts"
import { oneLine, printable } from "../internal/words.ts"
import { quietly } from "../logging.ts"
import { attached } from "../plugins/plugins.ts"
import type { Output } from "../render.ts"
import * as SandboxOf from "../sandbox.ts"
import * as Sessions from "../sessions/sessions.ts"
import * as Signals from "../signals.ts"
import * as FoundSkills from "../skills.ts"
import * as Teams from "../teams.ts"
import * as Tools from "../tools.ts"
import { transportOf } from "../transports.ts"
import * as Vendors from "../vendors.ts"
import type { Options } from "./args.ts"
import { help, parse } from "./args.ts"
import * as Show from "./show.ts"
import * as TreeView from "./treeView.ts"

/**
 * Runs the command and answers its exit code. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (args: ReadonlyArray<string>, environment: Environment): Promise<number> => {
  const parsed = parse(args)
  const note = (text: string) => process.stderr.write(text)
  const where: Mutable = { debug: isDebug(environment) }
  const program = Effect.suspend(() => {
    if (parsed._tag === "Invalid") return new UsageError({ message: parsed.message, see })
    if (parsed._tag === "Asked") return Effect.scoped(main(parsed.options, environment, where))
    return Effect.sync(() => {
      process.stdout.write(help)
      return exitCodes.ok
    })
  })
  return program.pipe(
    Effect.catchAllCause((cause) =>
      Effect.sync(() => {
        const { code, text } = complaint(cause, where)
        note(`axonal: ${text}\n`)
        return code
      })
    ),
    Effect.provide(quietly(where.debug)),
    Effect.runPromise
  )
}

// internal

/** Filled in as far as the program gets, for what has to be said when it gets no further. */
type Mutable = { -readonly [Key in keyof Where]: Where[Key] }

const see = "axonal run --help"

/** What is wrong with files is told with each of its lines; what failed within the team, with the way to it. */
const complaint = (cause: Cause.Cause<unknown>, where: Where): { readonly text: string; readonly code: number } => {
  const error = Cause.squash(cause)
  if (error instanceof TeamError) {
    const text = printable(error.message)
    const how = /does not allow this model/.test(text) ? "\nAllow it with --allow-model, as it is in the file." : ""
    return { text: `${text}${how}`, code: exitCodes.usage }
  }
  const { code, text } = explain(cause, where)
  const failed = Runner.failedAt(error)
  const way = failed === undefined || failed.path.length === 0 ? "" : `${oneLine(Nesting.wayTo(failed))}: `
  return { text: `${way}${text}`, code }
}

const main = (options: Options, environment: Environment, where: Mutable) =>
  Effect.gen(function* () {
    const isWatched = !options.json && !options.quiet
    const output: Output = {
      answer: (text) => process.stdout.write(text),
      note: (text) => (options.quiet ? undefined : process.stderr.write(text)),
      color: options.color && hasColor(environment, process.stderr)
    }
    if (options.approve && !Approving.isTerminal()) {
      return yield* new UsageError({ message: "--approve asks at a terminal, and there is none", see })
    }
    const folder = realpathSync(process.cwd())
    const own = yield* Tools.make("all")
    const plugins = yield* attached(options, own)
    const skills = FoundSkills.areThere(folder) ? yield* FoundSkills.open(folder) : undefined
    const team = yield* Teams.load(options.path, {
      tools: [...own, ...(plugins?.tools ?? [])],
      skills: skills?.service,
      lead: () => options.agent,
      offline: options.offline,
      allowed: options.allowed,
      transports: plugins?.transports
    })
    for (const warning of team.spec.warnings) output.note(`axonal: ${oneLine(render(warning))}\n`)
    for (const problem of plugins?.problems ?? []) output.note(`axonal: plugin ${oneLine(problem.message)}\n`)
    const choice = yield* choose(options, environment, team.spec, plugins?.vendors)
    where.choice = choice
    if (choice !== undefined) output.note(`axonal: ${Vendors.announce(choice)}\n`)
    const database = options.save ? yield* Sessions.databaseFile(options) : undefined
    where.database = database
    const transport = choice === undefined ? Offline.layer : yield* transportOf(choice)
    const layers = Layer.mergeAll(
      plugins === undefined ? transport : Layer.provide(transport, plugins.transports),
      plugins?.layer ?? Layer.empty,
      database === undefined ? ContextStore.layerMemory : layerSqlite({ filename: database })
    )
    const sandbox = yield* SandboxOf.open(options.sandbox, folder)
    // The rules that stand in for a model offline cannot summarise.
    const compaction = options.compact && choice?._tag !== "Offline" ? Compaction.make() : undefined
    const watched = Effect.gen(function* () {
      const view = isWatched && process.stderr.isTTY === true ? yield* TreeView.open(windowOf(output)) : undefined
      const approval = options.approve ? yield* Approving.make(besides(view)) : yield* Approval.Approval
      return yield* Effect.provideService(ask({ options, output, folder, team, view }), Approval.Approval, approval)
    })
    const scripted =
      skills === undefined
        ? watched
        : Effect.provideServiceEffect(watched, skills.Skills.ScriptRunner, FoundSkills.runner(sandbox, folder))
    const asked = Effect.scoped(scripted).pipe(Effect.provideService(Sandbox.Sandbox, sandbox), Effect.provide(layers))
    const { code, words } = yield* compaction === undefined
      ? asked
      : Effect.provideService(asked, Compaction.Compaction, compaction)
    // Below the tree that stays.
    output.note(words)
    return code
  })

const windowOf = ({ color, note }: Output): TreeView.Window => ({
  write: note,
  columns: () => process.stderr.columns || 80,
  rows: () => process.stderr.rows || 24,
  color
})

/** The tree makes room for a question. */
const besides =
  (view: TreeView.View | undefined) =>
  <A>(asking: Effect.Effect<A>): Effect.Effect<A> =>
    Effect.acquireUseRelease(
      Effect.sync(() => view?.hide()),
      () => asking,
      () => Effect.sync(() => view?.show())
    )

/** @internal The model of those agents whose files name none; nothing when there are no such agents. */
export const choose = (
  options: Pick<Options, "offline" | "model" | "baseUrl">,
  environment: Environment,
  { agents }: Team.TeamSpec,
  vendors?: ReadonlyArray<string>
) =>
  options.offline || agents.some(({ model }) => model === undefined)
    ? Vendors.choose(options, environment, vendors)
    : options.model === undefined && options.baseUrl === undefined
      ? Effect.succeed(undefined)
      : new UsageError({
          message: "all agents of the team have their own model: leave out --model and --base-url",
          see
        })

const ask = (setting: {
  readonly options: Options
  readonly output: Output
  readonly folder: string
  readonly team: Team.Team<Sandbox.Sandbox>
  readonly view: TreeView.View | undefined
}) =>
  Effect.gen(function* () {
    const { folder, options, output, team, view } = setting
    const stopping = yield* Signals.listen(["SIGINT", "SIGTERM", "SIGHUP"])
    const stopSignal = Effect.asVoid(stopping.asked)
    const prompt = Effect.mapError(
      Prompt.read(options.input, process.stdin),
      () => new UsageError({ message: "there is no input: give one, or pipe one in", see })
    )
    const input = yield* Effect.raceFirst(prompt, stopSignal)
    if (input === undefined) return { code: stopping.code() ?? exitCodes.failed, words: "" }
    const session = yield* Sessions.choose({ ...options, fork: false }, folder)
    const show = Show.make({ options, output, view })
    let end: RunEnd | undefined
    yield* Runner.stream(team.lead, input, { session, onBusy: "fail", stopSignal }).pipe(
      Stream.runForEachChunk((events) =>
        Effect.map(Clock.currentTimeMillis, (at) => {
          for (const event of events) {
            show(event, at)
            if (event._tag === "RunEnd" && event.path === undefined) end = event
          }
        })
      ),
      Effect.provideService(Identity.Identity, { userId: folder, chatId: session })
    )
    const code = stopping.code()
    return {
      code: code ?? (end?.reason === "completed" ? exitCodes.ok : exitCodes.failed),
      words: lastWords(options, session, end, code)
    }
  })

const lastWords = (options: Options, session: string, end: RunEnd | undefined, code: number | undefined): string => {
  if (end?.reason !== "stopped" || code === exitCodes.ok) {
    return options.json || !options.save ? "" : `session ${oneLine(session)}\n`
  }
  const on = options.save ? ` Session ${oneLine(session)} is kept, go on with: axonal run --continue …` : ""
  return `axonal: stopped.${on}\n`
}
