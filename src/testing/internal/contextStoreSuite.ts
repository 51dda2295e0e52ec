/**
 * What every context store promises, as tests. A store is conformant when they pass; nothing here knows which one runs.
 */
import { layer as withLayer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as ContextStore from "../../context/ContextStore.ts"
import type { SessionId } from "../../domain/Ids.ts"
import { appending, conflicts } from "./contextStoreAppending.ts"
import { branches, erasing, forking, rewinding } from "./contextStoreBranching.ts"
import type { Mine, Test } from "./contextStoreFixtures.ts"
import { fresh } from "./contextStoreFixtures.ts"
import { agreesWithModel } from "./contextStoreModel.ts"
import { searching } from "./contextStoreSearch.ts"
import { describing, listing, locking, owning, pruning } from "./contextStoreSessions.ts"
import { compacting, measuring, reading } from "./contextStoreWindows.ts"
import { suite } from "./suite.ts"

/**
 * What the tests of a context store have to be told about it.
 *
 * **Details**
 *
 * - `only`: whose sessions the store holds, when it holds one owner's and no others. Tests about several owners are left
 *   out then.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContextStoreSuiteOptions {
  readonly only?: { readonly owner: string; readonly tenant?: string | undefined } | undefined
}

/**
 * Declares the tests of a context store.
 *
 * **Details**
 *
 * - The tests share one store, use sessions and owners of their own, and run on the test clock.
 * - Needs `@effect/vitest`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const contextStore = <E>(
  name: string,
  layer: Layer.Layer<ContextStore.ContextStore, E>,
  { only }: ContextStoreSuiteOptions = {}
): void => {
  const mineOf = (session: SessionId): Mine => ({
    chat: `chat of ${session}`,
    owner: only?.owner ?? `owner of ${session}`,
    ...(only?.tenant === undefined ? undefined : { tenant: only.tenant })
  })
  suite(`ContextStore: ${name}`, () =>
    withLayer(layer)((it) => {
      const test: Test = (title, body) =>
        it.scoped(title, () =>
          Effect.flatMap(ContextStore.ContextStore, (store) => {
            const session = fresh()
            return body(store, session, mineOf(session))
          })
        )

      appending(test)
      conflicts(test)
      reading(test)
      compacting(test)
      measuring(test)
      forking(test)
      rewinding(test)
      branches(test)
      erasing(test)
      describing(test)
      listing(test)
      pruning(test)
      if (only === undefined) owning(test)
      searching(test)
      locking(test)
      agreesWithModel(it, mineOf)
    }))
}
