/**
 * The arguments of the calls of one answer, told field by field: for every field a start, its pieces and an end, however
 * the answer arrives and wherever it breaks off.
 */
import type * as AgentEvent from "../domain/AgentEvent.ts"
import type { CallId } from "../domain/Ids.ts"
import * as PartialJson from "../tool/PartialJson.ts"
import * as Run from "./Run.ts"

/**
 * A call while it arrives. `fields` reads its arguments, for agents that want that.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly call: CallId
  name: string
  readonly fields: PartialJson.FieldReader | undefined
  /** Whether any of the arguments came before the whole. */
  begun: boolean
}

/**
 * A call of which nothing has arrived.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run.Run, call: CallId, name: string): Call => ({
  call,
  name,
  fields: run.definition.inputFields ? PartialJson.makeFields() : undefined,
  begun: false
})

/**
 * Tells what a piece of the arguments brings.
 *
 * @category combinators
 * @since 0.1.0
 */
export const push = (run: Run.Run, call: Call, piece: string, events: Array<AgentEvent.AgentEvent>): void => {
  call.begun = true
  tell(run, call, call.fields?.push(piece), events)
}

/**
 * Tells the end of a call, and all of its arguments if they came at once.
 *
 * @category combinators
 * @since 0.1.0
 */
export const end = (run: Run.Run, call: Call, input: string, events: Array<AgentEvent.AgentEvent>): void => {
  if (!call.begun) push(run, call, input, events)
  tell(run, call, call.fields?.end(), events)
}

/**
 * The ends of the fields that are open, for an answer of which nothing more comes. Nothing when asked again.
 *
 * @category converters
 * @since 0.1.0
 */
export const close = (run: Run.Run, calls: ReadonlyMap<number, Call>): ReadonlyArray<AgentEvent.AgentEvent> => {
  const events: Array<AgentEvent.AgentEvent> = []
  for (const call of calls.values()) tell(run, call, call.fields?.end(), events)
  return events
}

// internal

const tell = (
  run: Run.Run,
  { call, name }: Call,
  told: ReadonlyArray<PartialJson.FieldEvent> = [],
  events: Array<AgentEvent.AgentEvent>
): void => {
  for (const field of told) {
    const about = { call, name, key: field.key }
    events.push(
      field._tag === "FieldDelta"
        ? Run.event(run, "ToolInputFieldDelta", { ...about, delta: field.text })
        : Run.event(run, field._tag === "FieldStart" ? "ToolInputFieldStart" : "ToolInputFieldEnd", about)
    )
  }
}
