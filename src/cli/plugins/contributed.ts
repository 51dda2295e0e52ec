/**
 * Commands that plugins bring: `axonal <name> …`, when the user has allowed a plugin that has one of this name.
 */
import * as Effect from "effect/Effect"
import { isDebug } from "../environment.ts"
import { exitCodes, explain } from "../errors.ts"
import { oneLine } from "../internal/words.ts"
import * as Signals from "../signals.ts"
import * as Host from "./host.ts"

/**
 * Runs a command of a plugin and answers its exit code, or `undefined` when there is none of this name. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = async (name: string, args: ReadonlyArray<string>): Promise<number | undefined> => {
  const options = { dataDir: undefined }
  if (!Host.isUsed(options)) return undefined
  const { Plugins } = await import("../../plugin/Plugins.ts")
  const { code: asked, listen, signal } = Signals.interruption()
  const program = Effect.gen(function* () {
    const plugins = yield* Plugins
    if (!plugins.names("commands").includes(name)) return undefined
    listen()
    const command = yield* plugins.command(name)
    const ended = yield* Effect.scoped(command.run(args))
    return typeof ended === "number" ? ended : exitCodes.ok
  }).pipe(
    Effect.provide(Host.layer(options)),
    Effect.provide(Host.services),
    Effect.catchAllCause((cause) =>
      Effect.sync(() => {
        const code = asked()
        if (code !== undefined) return code
        const told = explain(cause, { debug: isDebug(process.env) })
        process.stderr.write(`axonal: ${name}: ${oneLine(told.text)}\n`)
        return told.code
      })
    )
  )
  return await Effect.runPromise(program, { signal }).catch(() => asked() ?? exitCodes.failed)
}
