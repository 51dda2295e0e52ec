/**
 * `axonal mcp`: serves tools and agents to programs that speak the protocol, shows the servers of others, and logs in to them.
 */
import * as Effect from "effect/Effect"
import type { Environment } from "../environment.ts"
import { SetupError, UsageError } from "../errors.ts"
import { help, parse } from "./args.ts"

/**
 * Runs the command. Serving and using load nothing of each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (args: ReadonlyArray<string>, environment: Environment): Effect.Effect<void, unknown> => {
  const parsed = parse(args)
  if (parsed._tag === "Invalid") return new UsageError({ message: parsed.message, see: "axonal mcp --help" })
  if (parsed._tag === "Help") return Effect.sync(() => void process.stdout.write(help))
  const { options } = parsed
  return options.action === "serve"
    ? Effect.flatMap(
        loaded(() => import("./serve.ts")),
        ({ serve }) => serve(options, environment)
      )
    : Effect.flatMap(
        loaded(() => import("./use.ts")),
        ({ use }) => use(options, environment)
      )
}

// internal

const loaded = <A>(load: () => Promise<A>): Effect.Effect<A, SetupError> =>
  Effect.tryPromise({
    try: load,
    catch: (cause) => new SetupError({ message: `axonal mcp cannot be loaded: ${String(cause)}`, cause })
  })
