/** A swarm at work over a copy of its repository, in a folder that goes away, and what is left of it. */
import { fileURLToPath } from "node:url"
import { FileSystem } from "@effect/platform"
import type { Console } from "effect"
import { Deferred, Effect, Fiber } from "effect"
import * as Models from "../../examples/swarm/offline/models.ts"
import * as Swarm from "../../examples/swarm/swarm.ts"
import * as Board from "../../src/board/Board.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import * as Runner from "../../src/pattern/Runner.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"

export type Scripts = Readonly<Record<string, ScriptedTransport.Script>>

interface Options {
  readonly costUsd?: number
  readonly onEvent?: (event: AgentEvent) => void
  readonly scripts?: Scripts
}

/** A copy of the repository. */
export const repository = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const folder = yield* files.makeTempDirectoryScoped()
  yield* files.copy(fileURLToPath(new URL("../../examples/swarm/repository", import.meta.url)), folder)
  return folder
})

/** What the folder and its board have. */
const left = (folder: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const board = yield* Board.Board
    const text = (path: string) => Effect.orElseSucceed(files.readFileString(`${folder}/${path}`), () => undefined)
    return {
      slugify: yield* text("src/slugify.ts"),
      unique: yield* text("src/unique.ts"),
      readme: yield* text("README.md"),
      cases: yield* text("cases.json"),
      tasks: (yield* board.list(Swarm.board.board)).map(({ id, status }) => `${id} ${status}`),
      notes: (yield* board.notes(Swarm.board.board)).map(({ author, task }) => [author.split("/")[0], task])
    }
  })

/** One run of the swarm, with a connection of its own to the file of its board, as a process has it. */
export const work = (folder: string, { costUsd = 1, onEvent, scripts = {} }: Options = {}) =>
  Effect.gen(function* () {
    const events: Array<AgentEvent> = []
    const swarm = yield* Swarm.make(folder, Models.make({ ...Models.roles, ...scripts }))
    const onEvents = (batch: ReadonlyArray<AgentEvent>) => {
      events.push(...batch)
      batch.forEach((event) => onEvent?.(event))
    }
    const result = yield* Effect.either(Runner.run(swarm, "Do what ISSUE.md asks for.", { onEvents }))
    return { result, events, ...(yield* left(folder)) }
  }).pipe(Effect.provide(Swarm.layer(folder, costUsd)))

/** One run that is interrupted while its models answer for the so-manieth time, and what is left then. */
export const interrupted = (folder: string, at: number) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    let requests = 0
    const stopping = Object.entries(Models.roles).map(([role, script]): [string, ScriptedTransport.Script] => [
      role,
      (request, index) => {
        if (++requests === at) {
          return [ScriptedTransport.gate(Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))]
        }
        if (typeof script !== "function") throw new Error(`The script of ${role} is no function`)
        return script(request, index)
      }
    ])
    const running = yield* Effect.fork(work(folder, { scripts: Object.fromEntries(stopping) }))
    yield* Effect.race(Deferred.await(reached), Fiber.await(running))
    yield* Fiber.interrupt(running)
    return yield* left(folder).pipe(Effect.provide(Swarm.layer(folder, 1)))
  })

/** The agents that began a run, in order. */
export const begun = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> =>
  events.flatMap((event) => (event._tag === "RunStart" ? [event.agent] : []))

/** The calls of a tool: by whom, with what, and what came of it. */
export const calls = (events: ReadonlyArray<AgentEvent>, tool: string) =>
  events.flatMap((event) => (event._tag === "ToolEnd" && event.name === tool ? [event] : []))

/** What a program prints, line by line. */
export const printed = <E, R>(program: Effect.Effect<unknown, E, R>): Effect.Effect<ReadonlyArray<string>, E, R> =>
  Effect.flatMap(Effect.console, (console) => {
    const lines: Array<string> = []
    const log = (...args: ReadonlyArray<unknown>) => Effect.sync(() => lines.push(...args.join(" ").split("\n")))
    const capturing: Console.Console = { ...console, log: (...args) => Effect.asVoid(log(...args)) }
    return Effect.as(Effect.withConsole(program, capturing), lines)
  })
