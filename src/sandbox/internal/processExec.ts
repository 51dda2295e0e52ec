/**
 * What the commands of this machine's sandboxes have in common, whatever stands around them: what is looked at before a start.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
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
  /** The command within the walls, where a folder of the sandbox is its own; the environment outside of them is another. */
  readonly enclose?:
    | ((
        launch: Command.Launch,
        folder: string,
        environment: Readonly<Record<string, string>>,
        isTerminal: boolean
      ) => Effect.Effect<Order["launch"], never, Scope.Scope>)
    | undefined
}

/** `exec` of a sandbox on this machine. */
export const make =
  (host: Host, files: Pick<Files, "folder" | "enter">, walls: Walls): Sandbox.Service["exec"] =>
  (command, options = {}) =>
    Effect.suspend(() => {
      Running.check(options)
      const subject = Running.subjectOf(command)
      const given = options.environment ?? {}
      const problem = Command.fault(command) ?? Environment.fault(given)
      if (problem !== undefined) return Running.failure(subject, { _tag: "Invalid", problem })
      const environment = { ...walls.environment, ...given }
      const limits = Running.limitsOf(walls.limits, options.limits)
      // The folder is held open for the start alone.
      return files.enter(options.folder ?? files.folder, (folder) => {
        if (typeof command !== "string") {
          const found = Command.locate(command[0], environment.PATH, folder.path, walls.seen)
          if (typeof found !== "string") return Running.failure(subject, found)
        }
        return Effect.flatMap(launchOf(command, options, walls, folder.path, environment), (launch) => {
          const order: Order = {
            command,
            launch,
            folder: folder.host,
            environment: walls.enclose === undefined ? environment : outside,
            limits,
            hasInput: options.input !== undefined,
            isBetween: walls.isBetween,
            ended: walls.ended
          }
          const start = (spawn: Running.Spawn) => Running.start(subject, spawn, { ...options, limits })
          return options.terminal === undefined
            ? start(Process.spawn(host, order))
            : Effect.flatMap(Terminal.spawn(host, order, options.terminal), start)
        })
      })
    })

// internal

const launchOf = (
  command: Sandbox.Command,
  { terminal }: Sandbox.ExecOptions,
  { enclose }: Walls,
  folder: string,
  environment: Readonly<Record<string, string>>
): Effect.Effect<Order["launch"], never, Scope.Scope> => {
  if (enclose !== undefined) return enclose(Command.launch(command, ""), folder, environment, terminal !== undefined)
  // The shell finds out where it is; a terminal is started with another idea of that.
  return Effect.succeed((words) => Command.launch(command, words === "" && terminal !== undefined ? ":;" : words))
}

/** What those see who put the walls up. What a command is given might have them do something else. */
const outside = { PATH: Environment.usualPath, TERM: "xterm-256color" }
