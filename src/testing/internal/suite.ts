/**
 * Suites that leave the runner as it was. `layer` of `@effect/vitest` gives its tests their services by changing `it`
 * itself, for all that is declared later, in the same file or in another one that shares its process.
 */
import { describe, it } from "@effect/vitest"

/** Declares a group of tests, after which `it` has its own methods again. */
export const suite = (name: string, tests: () => void): void => {
  describe(name, () => {
    const { effect, flakyTest, layer, prop, scoped } = it
    tests()
    Object.assign(it, { effect, flakyTest, layer, prop, scoped })
  })
}
