/**
 * What the commands of this machine's sandboxes have in common, whatever stands around them: what is looked at before a start.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Sandbox from "../Sandbox.ts"
import type { Files } from "./confined.ts"
import * as Environment from "./environment.ts"
import type { Host, Order } from "./process.ts"
import * as Process from "./process.ts"
import * as Command from "./processCommand.ts"
import * as Running from "./running.ts"
import * as Terminal from "./terminal.ts"

/** How a sandbox of this machine runs a command. */
export interface Walls extends Pick<Order, "isBetween" | "ended"> {
  readonly environment: Readonly<Record<string, string>>
  readonly limits: Sandbox.Limits
  /** What a path of the sandbox is on this machine, if it is anything there. */
  readonly seen?: ((path: string) => string | undefined) | undefined
  /** The command within the walls. The folder is one of the sandbox, the environment that of the command. */
  readonly enclose?:
    | ((
        launch: Command.Launch,
        folder: string,
        environment: Readonly<Record<string, string>>
      ) => readonly [program: string, ...arguments_: ReadonlyArray<string>])
    | undefined
}

/** `exec` of a sandbox on this machine. */
export const make =
  (host: Host, files: Pick<Files, "folder" | "enter">, walls: Walls): Sandbox.Service["exec"] =>
  (command, options = {}) =>
    Effect.flatMap(Effect.scope, (scope) =>
      // The folder is held open for the start alone, the command for as long as its scope.
      Effect.scoped(
        Effect.gen(function* () {
          Running.check(options)
          const subject = Running.subjectOf(command)
          const given = options.environment ?? {}
          const problem = Command.fault(command) ?? Environment.fault(given)
          if (problem !== undefined) return yield* Running.failure(subject, { _tag: "Invalid", problem })
          const folder = yield* files.enter(options.folder ?? files.folder)
          const environment = { ...walls.environment, ...given }
          if (typeof command !== "string") {
            const found = Command.locate(command[0], environment.PATH, folder.path, walls.seen)
            if (typeof found !== "string") return yield* Running.failure(subject, found)
          }
          const order = orderOf(command, options, walls, folder, environment)
          const spawn =
            options.terminal === undefined
              ? Process.spawn(host, order)
              : yield* Terminal.spawn(host, order, options.terminal)
          return yield* Scope.extend(Running.start(subject, spawn, { ...options, limits: order.limits }), scope)
        })
      )
    )

// internal

const orderOf = (
  command: Sandbox.Command,
  options: Sandbox.ExecOptions,
  walls: Walls,
  folder: { readonly host: string; readonly path: string },
  environment: Readonly<Record<string, string>>
): Order => ({
  command,
  launch: (limits) => {
    // The shell finds out where it is; a terminal is started with another idea of that.
    const words = limits === "" && options.terminal !== undefined ? ":;" : limits
    if (walls.enclose === undefined) return Command.launch(command, words)
    return Command.launch(walls.enclose(Command.launch(command, ""), folder.path, environment), words)
  },
  folder: folder.host,
  environment,
  limits: Running.limitsOf(walls.limits, options.limits),
  hasInput: options.input !== undefined,
  isBetween: walls.isBetween,
  ended: walls.ended
})
