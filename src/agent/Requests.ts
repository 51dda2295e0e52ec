/**
 * The request of a turn: instructions, the conversation as it may be sent, the tools of the agent, and what hooks change.
 */
import * as Effect from "effect/Effect"
import * as Repair from "../context/Repair.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as ModelInfo from "../domain/ModelInfo.ts"
import type { Request } from "../transport/Transport.ts"
import * as Run from "./Run.ts"

/**
 * The request of this turn: instructions, the conversation, the tools of the agent, and what `turnStart` hooks change.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run.Run, messages: ReadonlyArray<Message>, last: boolean): Effect.Effect<Request> => {
  const made = plain(run, messages, last)
  const { turnStart } = run.hooks
  if (turnStart === undefined) return Effect.succeed(made)
  return Effect.map(turnStart({ ...Run.where(run), request: made }), (change) => {
    if (change === undefined) return made
    return change.messages === undefined
      ? { ...made, ...change }
      : { ...made, ...change, messages: Repair.repair(change.messages) }
  })
}

/**
 * The request of this turn before any hook.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plain = (run: Run.Run, messages: ReadonlyArray<Message>, last: boolean): Request => {
  const { definition, registry, transport } = run
  const { lastTurnMessage } = definition.limits
  const system = definition.instructions === undefined ? [] : [systemMessage(definition.instructions)]
  const final =
    last && lastTurnMessage !== undefined ? [Messages.user(lastTurnMessage.replaceAll("{limit}", run.limit ?? ""))] : []
  return {
    messages: Repair.repair([...system, ...messages, ...final]),
    tools: ModelInfo.can(transport.model, "tools") ? (run.offer?.tools ?? registry.specs) : [],
    toolChoice: last ? "none" : (run.offer?.toolChoice ?? "auto"),
    responseFormat: definition.output?.format ?? text,
    settings: definition.settings
  }
}

// internal

const text = { type: "text" } as const

const systemMessages = new Map<string, Message>()

/** The same instructions are the same message, so that transports encode them once. */
const systemMessage = (instructions: string): Message => {
  const known = systemMessages.get(instructions)
  if (known !== undefined) return known
  const message = Messages.system(instructions)
  if (systemMessages.size >= 1000) systemMessages.clear()
  systemMessages.set(instructions, message)
  return message
}
