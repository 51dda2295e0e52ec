/**
 * What tests of words for a run need: where scripts wait, what was heard, and what waits.
 */
import * as Effect from "effect/Effect"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"

/** Where a script waits: it says that it is there, and goes on when told. */
export const pause = () => {
  const [reached, released] = [Effect.unsafeMakeLatch(), Effect.unsafeMakeLatch()]
  return { here: Effect.zipRight(reached.open, released.await), reached: reached.await, release: released.open }
}

/** What users said in a session, in order, as it is stored. */
export const heardIn = (id: SessionId) =>
  Effect.flatMap(ContextStore.ContextStore, ({ entries }) =>
    Effect.map(entries(id), (log) =>
      log.flatMap((entry) =>
        entry._tag === "Message" && entry.message.role === "user" && entry.message.meta === undefined
          ? [Message.toText(entry.message)]
          : []
      )
    )
  )

/** The words that wait in a session. */
export const waitingIn = (id: SessionId) =>
  Effect.flatMap(ContextStore.ContextStore, ({ read }) =>
    Effect.map(read(id), ({ queued = [] }) => queued.flatMap(({ messages }) => messages.map(Message.toText)))
  )
