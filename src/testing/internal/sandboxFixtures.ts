/**
 * What the tests of sandboxes are written with.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"

/** A test with a folder of its own, which is there and empty, and whose path as commands see it is given. */
export type Test = (
  title: string,
  body: (sandbox: Sandbox.Service, folder: string) => Effect.Effect<void, SandboxError, Scope.Scope>
) => void

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const text = ({ bytes }: { readonly bytes: Uint8Array }): string => new TextDecoder().decode(bytes)

/** The reason of a failure. */
export const refusal = (effect: Effect.Effect<unknown, SandboxError, never>): Effect.Effect<string> =>
  Effect.matchEffect(effect, {
    onFailure: ({ reason }) => Effect.succeed(reason._tag),
    onSuccess: () => Effect.dieMessage("nothing was refused")
  })

/** A folder of the sandbox that is removed with the scope. */
export const fresh = (sandbox: Sandbox.Service): Effect.Effect<string, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const path = `suite-${crypto.randomUUID()}`
    const { path: placed } = yield* Effect.acquireRelease(sandbox.write(`${path}/begin`, new Uint8Array()), () =>
      Effect.ignore(sandbox.remove(path, { recursive: true }))
    )
    yield* sandbox.remove(placed)
    return placed.slice(0, placed.lastIndexOf("/"))
  })

/** Asks until it is so. The test's own time bounds it. */
export const until = <E, R>(asked: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.flatMap(asked, (so) => (so ? Effect.void : Effect.zipRight(Effect.sleep("20 millis"), until(asked))))

/** A line that goes on writing to a file, in a process that its own shell has left. */
export const beating = (path: string): string => `(while :; do echo beat >> '${path}'; sleep 0.02; done) &`

/** Waits until something is written there. */
export const beats = (sandbox: Sandbox.Service, path: string): Effect.Effect<void> =>
  until(Effect.map(Effect.option(sandbox.stat(path)), (found) => found._tag === "Some" && found.value.size > 0))

/** Whether nobody writes there any more. */
export const isStill = (sandbox: Sandbox.Service, path: string): Effect.Effect<boolean, SandboxError> =>
  Effect.gen(function* () {
    const before = yield* sandbox.stat(path)
    yield* Effect.sleep("150 millis")
    return (yield* sandbox.stat(path)).size === before.size
  })

export const run = (
  sandbox: Sandbox.Service,
  command: Sandbox.Command,
  options?: Parameters<typeof Sandbox.run>[1]
): Effect.Effect<Sandbox.Completed, SandboxError> =>
  Effect.provideService(Sandbox.run(command, options), Sandbox.Sandbox, sandbox)
