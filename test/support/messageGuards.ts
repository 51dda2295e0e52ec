/**
 * Guards of messages over real runs, for tests: one that hides a word, those that block or never answer, and a look at
 * everything that a run leaves behind.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Agent from "../../src/agent/Agent.ts"
import type * as Result from "../../src/agent/Result.ts"
import type { RunOptions } from "../../src/agent/Views.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import type { AgentEvent } from "../../src/domain/AgentEvent.ts"
import type { Stored } from "../../src/domain/Entry.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import type * as Message from "../../src/domain/Message.ts"
import * as MessageGuard from "../../src/guard/MessageGuard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type { Request } from "../../src/transport/Transport.ts"
import { world } from "./runs.ts"

export const session = SessionId.make("guarded")

/** The word that nobody may read. */
export const secret = "hunter2"

/** Hides the secret, also in the arguments of calls. */
export const hiding: MessageGuard.Service = MessageGuard.make(({ message }) => {
  const text = JSON.stringify(message)
  return Effect.succeed(
    text.includes(secret) ? MessageGuard.Rewrite(JSON.parse(text.replaceAll(secret, "***"))) : MessageGuard.Pass
  )
})

/** Blocks messages that hold the secret. */
export const blocking: MessageGuard.Service = MessageGuard.make(({ message }) =>
  Effect.succeed(JSON.stringify(message).includes(secret) ? MessageGuard.Block("it has the word") : MessageGuard.Pass)
)

/** Dies of messages that hold the secret. */
export const dying: MessageGuard.Service = MessageGuard.make(({ message }) =>
  JSON.stringify(message).includes(secret) ? Effect.dieMessage("bug") : Effect.succeed(MessageGuard.Pass)
)

/** Never answers about messages that hold the secret, and tells when it is asked. */
export const hanging = () => {
  const asked = Effect.unsafeMakeLatch()
  const guard = MessageGuard.make(({ message }) =>
    JSON.stringify(message).includes(secret)
      ? Effect.zipRight(asked.open, Effect.never)
      : Effect.succeed(MessageGuard.Pass)
  )
  return { guard, asked: asked.await }
}

/** What a run left behind. */
export interface Left {
  readonly exit: Exit.Exit<Result.Result, unknown>
  readonly events: ReadonlyArray<AgentEvent>
  readonly requests: ReadonlyArray<Request>
  readonly entries: ReadonlyArray<Stored>
}

/** Runs an agent in the session; `meanwhile` is done beside it. */
export const left = (
  agent: Agent.Agent,
  guard: MessageGuard.Service,
  script: ScriptedTransport.Script,
  options: RunOptions & {
    readonly input?: string
    readonly meanwhile?: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<unknown>
  } = {}
): Effect.Effect<Left> =>
  Effect.gen(function* () {
    const { input = "go", meanwhile, ...rest } = options
    const events: Array<AgentEvent> = []
    const running = Agent.run(agent, input, { session, ...rest, onEvents: (batch) => events.push(...batch) })
    const fiber = yield* Effect.fork(running)
    if (meanwhile !== undefined) yield* meanwhile(fiber)
    const exit = yield* Fiber.await(fiber)
    const store = yield* ContextStore.ContextStore
    // A session in which nothing was stored is none.
    const entries = yield* Effect.orElseSucceed(store.entries(session), (): ReadonlyArray<Stored> => [])
    return { exit, events, requests: yield* ScriptedTransport.requests, entries }
  }).pipe(
    Effect.provide([world(script), MessageGuard.layer(guard)]),
    Effect.provide(Logger.remove(Logger.defaultLogger))
  )

/** The messages of the session, as `role: text`, with calls as `name(arguments)` and results as their text. */
export const stored = ({ entries }: Left): ReadonlyArray<string> =>
  entries.flatMap((entry) => (entry._tag === "Message" ? [said(entry.message)] : []))

export const said = (message: Message.Message): string =>
  `${message.role}: ${message.parts
    .map((part) => {
      if (part.type === "text") return part.text
      if (part.type === "tool-call") return `${part.name}(${part.input})`
      return part.type === "tool-result" ? `${part.outcome} ${JSON.stringify(part.content)}` : part.type
    })
    .join(" ")}`

/** The kinds of entries of the session. */
export const kinds = ({ entries }: Left): ReadonlyArray<string> => entries.map(({ _tag }) => _tag)

/** What the guard said, as events tell it. */
export const told = ({ events }: Left): ReadonlyArray<string> =>
  events.flatMap((event) =>
    event._tag === "MessageGuarded" ? [`${event.direction} ${event.verdict} ${event.reason ?? ""}`.trim()] : []
  )
