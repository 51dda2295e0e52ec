/**
 * The request of a turn: instructions, the conversation as it may be sent, the tools of the agent, and what hooks change.
 */
import * as Effect from "effect/Effect"
import * as Repair from "../context/Repair.ts"
import type { RequestChanged, RequestField } from "../domain/AgentEvent.ts"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as ModelInfo from "../domain/ModelInfo.ts"
import * as Hooks from "../hook/Hooks.ts"
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
  const answered = Effect.suspend(() => turnStart({ ...Run.where(run), request: made }))
  const checked = Effect.flatMap(answered, (change) => Hooks.checked("turnStart", change))
  return Effect.map(checked, (change) => {
    if (change === undefined) return made
    const fields = Hooks.fieldsOf(change)
    if (fields.length === 0) return made
    const request = { ...made }
    for (const field of fields) Object.assign(request, { [field]: change[field] })
    const sent = change.messages === undefined ? request : { ...request, messages: Repair.repair(change.messages) }
    changedFields.set(sent, fields)
    return sent
  })
}

/**
 * The event that tells what hooks changed of a request; none for one that is as it was made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const changes = (run: Run.Run, request: Request): ReadonlyArray<RequestChanged> => {
  const fields = changedFields.get(request)
  return fields === undefined ? [] : [Run.event(run, "RequestChanged", { fields })]
}

/**
 * The request of this turn before any hook.
 *
 * @category constructors
 * @since 0.1.0
 */
export const plain = (run: Run.Run, messages: ReadonlyArray<Message>, last: boolean): Request => {
  const { definition, instructions, registry, transport } = run
  const { lastTurnMessage } = definition.limits
  const system = instructions === undefined ? [] : [systemMessage(instructions)]
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

const changedFields = new WeakMap<Request, ReadonlyArray<RequestField>>()

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
