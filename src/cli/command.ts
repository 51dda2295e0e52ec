/**
 * The commands besides the agent. Each is a module of its own that is loaded only when it is asked for; what can go
 * wrong in them is told as it is for runs.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Command } from "./args.ts"
import type { Environment } from "./environment.ts"
import { isDebug } from "./environment.ts"
import { exitCodes, explain, SetupError } from "./errors.ts"
import * as Signals from "./signals.ts"

/**
 * Runs a command and answers its exit code. Never rejects. Ctrl-C interrupts the command and waits for its finalizers.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = async (name: Command, args: ReadonlyArray<string>): Promise<number> => {
  // Stopping a run is asking it to stop, and not interrupting it.
  if (name === "run") return (await import("./run/command.ts")).run(args, process.env)
  const { code: asked, listen, signal } = Signals.interruption()
  listen()
  const exit = await Effect.runPromiseExit(load(name, args, process.env), { signal })
  if (Exit.isSuccess(exit)) return exitCodes.ok
  const code = asked()
  if (code !== undefined && Cause.isInterruptedOnly(exit.cause)) return code
  const told = explain(exit.cause, { debug: isDebug(process.env) })
  process.stderr.write(`axonal: ${told.text}\n`)
  return told.code
}

// internal

const load = (name: Exclude<Command, "run">, args: ReadonlyArray<string>, environment: Environment) => {
  switch (name) {
    case "sessions":
      return Effect.flatMap(
        loaded(name, () => import("./sessions/command.ts")),
        (module) => module.run(args, environment)
      )
    case "models":
      return Effect.flatMap(
        loaded(name, () => import("./models.ts")),
        (module) => module.run(args, environment)
      )
    case "login":
      return Effect.flatMap(
        loaded(name, () => import("./login.ts")),
        (module) => module.run(args, environment)
      )
    case "plugins":
      return Effect.flatMap(
        loaded(name, () => import("./plugins/command.ts")),
        (module) => module.run(args, environment)
      )
    case "mcp":
      return Effect.flatMap(
        loaded(name, () => import("./mcp/command.ts")),
        (module) => module.run(args, environment)
      )
    case "doctor":
      return Effect.flatMap(
        loaded(name, () => import("./setup/doctor.ts")),
        (module) => module.run(args, environment)
      )
    case "init":
    case "trust":
      return Effect.flatMap(
        loaded(name, () => import("./setup/init.ts")),
        (module) => module[name](args, environment)
      )
  }
}

const loaded = <A>(name: Command, load: () => Promise<A>): Effect.Effect<A, SetupError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) => new SetupError({ message: `axonal ${name} cannot be loaded: ${String(cause)}`, cause })
  })
