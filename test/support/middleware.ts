/**
 * What tests of middleware need: a request, an answer as a text, and how a request ended.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Delta } from "../../src/domain/Delta.ts"
import * as Message from "../../src/domain/Message.ts"
import type { Service } from "../../src/transport/Transport.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"

export const hello = Transport.request({ messages: [Message.user("hello")] })

/** The deltas of an answer as short words. */
export const words = (deltas: ReadonlyArray<Delta>): ReadonlyArray<string> =>
  deltas.map((delta) => {
    switch (delta._tag) {
      case "ResponseStart":
        return `ResponseStart:${delta.model ?? ""}`
      case "PartStart":
        return `PartStart:${delta.kind}`
      case "PartEnd":
        return `PartEnd:${delta.part.type}`
      case "Finish":
        return `Finish:${delta.reason}`
      default:
        return `${delta._tag}:${delta.delta}`
    }
  })

/** One request and every delta of its answer; the connection is closed after it. */
export const asked = (
  self: Service,
  request: Transport.Request = hello
): Effect.Effect<ReadonlyArray<Delta>, TransportError> =>
  Effect.scoped(
    Effect.flatMap(self.open(request), (pull) => {
      const deltas: Array<Delta> = []
      const next: Effect.Effect<void, Option.Option<TransportError>> = Effect.flatMap(pull, (more) => {
        deltas.push(...more)
        return next
      })
      return Effect.catchAll(next, (end) =>
        Option.isSome(end) ? Effect.fail(end.value) : Effect.succeed<ReadonlyArray<Delta>>(deltas)
      ).pipe(Effect.map(() => deltas))
    })
  )

/** The text of the answer. */
export const answered = (self: Service): Effect.Effect<string, TransportError> =>
  Effect.map(asked(self), (deltas) =>
    deltas.flatMap((delta) => (delta._tag === "TextDelta" ? [delta.delta] : [])).join("")
  )
