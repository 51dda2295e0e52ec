/**
 * The command line's one program: find a model, open the sessions, run the agent once or in conversation, and end with
 * the right exit code. Everything is composed here and nowhere else.
 */

import { existsSync, realpathSync } from "node:fs"
import { join } from "node:path"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as Agent from "../agent/Agent.ts"
import * as Compaction from "../context/Compaction.ts"
import * as ContextStore from "../context/ContextStore.ts"
import * as Identity from "../context/Identity.ts"
import { layerSqlite } from "../context/SqliteContextStore.ts"
import type { RunEnd } from "../domain/AgentEvent.ts"
import type { SessionId } from "../domain/Ids.ts"
import type { Input } from "../domain/Message.ts"
import * as Approval from "../guard/Approval.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as Toolkit from "../tool/Toolkit.ts"
import * as Offline from "../transport/Offline.ts"
import type { Transport } from "../transport/Transport.ts"
import * as Approving from "./approval.ts"
import type { Options } from "./args.ts"
import type { Where } from "./errors.ts"
import { exitCodes, explain, SetupError } from "./errors.ts"
import * as Prompt from "./input.ts"
import { oneLine } from "./internal/words.ts"
import * as Render from "./render.ts"
import * as SandboxOf from "./sandbox.ts"
import * as Sessions from "./sessions.ts"
import * as Signals from "./signals.ts"
import * as Tools from "./tools.ts"
import type { Choice } from "./vendors.ts"
import * as Vendors from "./vendors.ts"

/**
 * One run of the agent in a session, shown as it happens. Answers its last event.
 *
 * @category models
 * @since 0.1.0
 */
export type Ask = (
  input: Input,
  session: SessionId,
  stop: Effect.Effect<void>
) => Effect.Effect<RunEnd | undefined, Agent.AgentError, Transport | ContextStore.ContextStore | Sandbox.Sandbox>

/**
 * Runs the command line and answers its exit code. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (options: Options): Promise<number> => {
  const debug = Boolean(process.env["AXONAL_DEBUG"])
  const output = terminalOutput(options)
  const where: Mutable = { debug }
  const program = Effect.scoped(main(options, output, where)).pipe(
    Effect.catchAllCause((cause) => Effect.sync(() => complain(cause, where, output))),
    Effect.provide(quietly(debug))
  )
  return Effect.runPromise(program)
}

/**
 * Layer of the log: warnings are for people who look for a fault, and never belong on standard output.
 *
 * @category layers
 * @since 0.1.0
 */
export const quietly = (debug: boolean): Layer.Layer<never> =>
  Logger.replace(Logger.defaultLogger, debug ? Logger.withConsoleError(Logger.logfmtLogger) : Logger.none)

/**
 * The transport to a model. Built when it is needed: a network client is loaded only by who uses one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transportOf = (choice: Choice) =>
  choice._tag === "Offline"
    ? Effect.succeed(Offline.layer)
    : Effect.map(
        Effect.tryPromise({
          try: () => import("./online.ts"),
          catch: (cause) => new SetupError({ message: `the network client cannot be loaded: ${String(cause)}`, cause })
        }),
        (module) => module.layer(choice)
      )

// internal

/** Filled in as far as the program gets, for what has to be said when it gets no further. */
type Mutable = { -readonly [Key in keyof Where]: Where[Key] }

const abilities: Readonly<Record<Options["tools"], string>> = {
  none: "",
  reading:
    "You can list, find, read and search the files of the current folder and do arithmetic; you cannot change anything. ",
  all:
    "You can read and change the files of the current folder, run commands and programs, and do arithmetic; a person is " +
    "asked before you change or run anything. "
}

/** What the agent is told: what it can do, and of its sandbox only when it runs something there. */
const instructionsOf = ({ tools }: Options, { description }: Sandbox.Service): string => {
  const looks = tools === "none" ? "" : "Look at files before you speak about them, several at once where you can. "
  const where = tools === "all" ? ` ${description}` : ""
  return `You are axonal, an assistant in a terminal. ${abilities[tools]}${looks}Answer briefly and in plain text.${where}`
}

const terminalOutput = (options: Options): Render.Output => ({
  answer: (text) => process.stdout.write(text),
  note: (text) => process.stderr.write(text),
  color: options.color && !process.env["NO_COLOR"] && process.stderr.isTTY === true && process.env["TERM"] !== "dumb"
})

const complain = (cause: Cause.Cause<unknown>, where: Where, output: Render.Output): number => {
  const { code, text } = explain(cause, where)
  output.note(`axonal: ${text}\n`)
  return code
}

const main = (options: Options, output: Render.Output, where: Mutable) =>
  Effect.gen(function* () {
    const own = yield* Tools.make(options.tools)
    const plugins = yield* attached(options, own)
    const choice = yield* Vendors.choose(options, process.env, plugins?.vendors)
    where.choice = choice
    output.note(`axonal: ${Vendors.announce(choice)}\n`)
    const folder = realpathSync(process.cwd())
    // Nothing has to be said of the usual one, so that nobody waits for it before there is a call.
    const isUsual = options.sandbox.kind === "local" && options.tools !== "all"
    const sandbox = yield* isUsual ? SandboxOf.later(folder) : SandboxOf.open(options.sandbox, folder)
    const database = options.save ? yield* Sessions.databaseFile(options) : undefined
    where.database = database
    for (const problem of plugins?.problems ?? []) output.note(`axonal: plugin ${oneLine(problem.message)}\n`)
    const transport = yield* transportOf(choice)
    const layers = Layer.mergeAll(
      plugins === undefined ? transport : Layer.provide(transport, plugins.transports),
      plugins?.layer ?? Layer.empty,
      Layer.succeed(Sandbox.Sandbox, sandbox),
      yield* jobs(options),
      database === undefined ? ContextStore.layerMemory : layerSqlite({ filename: database })
    )
    const tools = [...own, ...(plugins?.tools ?? [])]
    // The rules that stand in for a model offline cannot summarise, and would put their answer in the place of the past.
    const compaction = choice._tag === "Offline" ? undefined : Compaction.make()
    const instructions = instructionsOf(options, sandbox)
    const agent = Agent.make("axonal", {
      instructions,
      tools,
      limits: options.maxTurns === undefined ? {} : { turns: options.maxTurns }
    })
    const ask = makeAsk({ options, output, folder, agent, compaction: options.compact ? compaction : undefined })
    const talks = options.interactive || (options.prompt === undefined && process.stdin.isTTY === true)
    if (!talks) return yield* Effect.provide(once(options, output, folder, ask), layers)
    const { converse } = yield* Effect.promise(() => import("./repl.ts"))
    const specs = Effect.map(Effect.orDie(Toolkit.resolve(tools)), ({ specs }) => specs)
    const about = { instructions, tools: specs, compaction, compacts: options.compact }
    return yield* Effect.provide(converse({ options, ask, about, output, folder, where }), layers)
  })

/** Commands in the background outlive the runs of a conversation. */
const jobs = ({ tools }: Options): Effect.Effect<Layer.Layer<never>> =>
  tools === "all"
    ? Effect.map(
        Effect.promise(() => import("../toolbox/ShellJobs.ts")),
        ({ layer }) => layer
      )
    : Effect.succeed(Layer.empty)

/** @internal What plugins add to a run; nothing for those who have never allowed one. */
export const attached = (options: Pick<Options, "dataDir">, own: ReadonlyArray<Tools.Own>) =>
  Effect.gen(function* () {
    const file = join(Sessions.dataFolder(options), "plugins", "plugins.json")
    if (!existsSync(file)) return undefined
    const { attach } = yield* Effect.promise(() => import("./pluginsAttached.ts"))
    return yield* attach({ dataDir: options.dataDir, tools: own.map(({ tool }) => tool.name) })
  })

const makeAsk = (setting: {
  readonly options: Options
  readonly output: Render.Output
  readonly folder: string
  readonly agent: Agent.Agent<string, never, Sandbox.Sandbox>
  readonly compaction: Compaction.Service | undefined
}): Ask => {
  const { agent, compaction, folder, options, output } = setting
  return (input, session, stopSignal) =>
    Effect.suspend(() => {
      const render = options.json ? Render.json(output) : Render.text(output)
      let end: RunEnd | undefined
      const watched = Agent.stream(agent, input, { session, onBusy: "fail", stopSignal }).pipe(
        Stream.runForEachChunk((events) =>
          Effect.sync(() => {
            for (const event of events) {
              render(event)
              if (event._tag === "RunEnd") end = event
            }
          })
        ),
        Effect.provideService(Identity.Identity, { userId: folder, chatId: session }),
        Effect.map(() => end)
      )
      return compaction === undefined ? watched : Effect.provideService(watched, Compaction.Compaction, compaction)
    })
}

const once = (options: Options, output: Render.Output, folder: string, ask: Ask) =>
  Effect.scoped(
    Effect.gen(function* () {
      const stopping = yield* Signals.listen(["SIGINT", "SIGTERM", "SIGHUP"])
      const stop = Effect.asVoid(stopping.asked)
      const input = yield* Effect.raceFirst(Prompt.read(options.prompt, process.stdin), stop)
      if (input === undefined) return stopping.code() ?? exitCodes.failed
      const session = yield* Sessions.choose(options, folder)
      const approval = yield* Approving.make()
      const end = yield* Effect.provideService(ask(input, session, stop), Approval.Approval, approval)
      const code = stopping.code()
      if (end?.reason === "stopped" && code !== exitCodes.ok) {
        output.note(
          `axonal: stopped.${options.save ? ` Session ${oneLine(session)} is kept, go on with: axonal --continue` : ""}\n`
        )
      } else if (!options.json && options.save) output.note(`session ${oneLine(session)}\n`)
      return code ?? (end?.reason === "completed" ? exitCodes.ok : exitCodes.failed)
    })
  )
