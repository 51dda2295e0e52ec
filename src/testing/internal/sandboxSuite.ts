/**
 * What every sandbox promises, as tests. A sandbox is conformant when they pass; nothing here knows which one runs.
 */
import { layer as withLayer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import * as Commands from "./sandboxCommands.ts"
import * as Files from "./sandboxFiles.ts"
import type { Test } from "./sandboxFixtures.ts"
import { fresh } from "./sandboxFixtures.ts"
import { suite } from "./suite.ts"

/**
 * What a sandbox has to be tested for.
 *
 * **Details**
 *
 * - `commands`: whether it runs commands; yes. `terminal`: whether it has terminals; no.
 * - `outside`: the path of a file or folder that is there for this process, and that the sandbox's methods deny.
 *
 * @category models
 * @since 0.1.0
 */
export interface SandboxSuiteOptions {
  readonly commands?: boolean | undefined
  readonly terminal?: boolean | undefined
  readonly outside?: string | undefined
}

/**
 * Declares the tests of a sandbox.
 *
 * **Details**
 *
 * - The tests share one layer, use folders of their own below that of the sandbox, and run on the clock of the machine.
 * - Commands need `/bin/sh`, `cat`, `chmod`, `env`, `ln`, `mkdir`, `mkfifo` and `sleep`.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sandbox = <E>(
  name: string,
  layer: Layer.Layer<Sandbox.Sandbox, E>,
  { commands = true, outside, terminal = false }: SandboxSuiteOptions = {}
): void => {
  suite(`Sandbox: ${name}`, () =>
    withLayer(withKey(layer), { excludeTestServices: true })((it) => {
      const test: Test = (title, body) =>
        it.scoped(title, () =>
          Effect.flatMap(Sandbox.Sandbox, (sandbox) =>
            Effect.flatMap(fresh(sandbox), (folder) => body(sandbox, folder))
          )
        )

      Files.reading(test)
      Files.writing(test)
      Files.listing(test)
      Files.watching(test)
      if (!commands) return
      Commands.ending(test)
      Commands.leaving(test)
      Commands.exchanging(test)
      Commands.placing(test)
      if (outside !== undefined) Commands.confining(test, outside)
      if (terminal) Commands.terminals(test)
    }))
}

// internal

/** The sandbox is made while this process has a key in its environment. */
const withKey = <E>(layer: Layer.Layer<Sandbox.Sandbox, E>): Layer.Layer<Sandbox.Sandbox, E> =>
  Layer.unwrapScoped(
    Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => {
          process.env[Commands.hidden.name] = Commands.hidden.value
        }),
        () =>
          Effect.sync(() => {
            delete process.env[Commands.hidden.name]
          })
      ),
      layer
    )
  )
