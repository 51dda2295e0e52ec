/**
 * What servers ask people, in the middle of a call: to fill in a form, or to visit a page. Off unless provided: servers are
 * then not told that anybody could be asked.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { CallId } from "../domain/Ids.ts"
import * as Approval from "../guard/Approval.ts"
import { outside } from "../tool/ToolContext.ts"
import type { Field as FormField, Value as FormValue } from "./internal/clientForms.ts"

/**
 * What a field may hold.
 *
 * @category models
 * @since 0.1.0
 */
export type Value = FormValue

/**
 * One field of a form.
 *
 * **Details**
 *
 * - `format`, of a text: `email`, `uri`, `date` or `date-time`. `options` are those of a choice.
 * - `least` and `most` are characters of a text, the range of a number, or how many are chosen.
 * - `initial`: what it holds when nothing is filled in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Field extends FormField {}

/**
 * A question. The words in it are the server's, so say whose they are when they are shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Question =
  | {
      readonly _tag: "Form"
      readonly server: string
      readonly message: string
      readonly fields: ReadonlyArray<Field>
    }
  | { readonly _tag: "Visit"; readonly server: string; readonly message: string; readonly url: string }

/**
 * An answer. `Declined` is a no, `Cancelled` no answer. Of a page to visit, `Accepted` says that the person went there.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Accepted"; readonly values?: Readonly<Record<string, Value>> | undefined }
  | { readonly _tag: "Declined" }
  | { readonly _tag: "Cancelled" }

/**
 * Who answers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** Answers a question. Values that do not fit the form count as no answer. Interruption withdraws the question. */
  readonly ask: (question: Question) => Effect.Effect<Answer>
}

/**
 * Who answers the questions of servers. Nobody unless provided, in the context that the client is made in.
 *
 * @category references
 * @since 0.1.0
 */
export class McpElicitation extends Context.Reference<McpElicitation>()("axonal/mcp/McpElicitation", {
  defaultValue: (): Service | undefined => undefined
}) {}

/**
 * Layer of a function that answers.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (ask: Service["ask"]): Layer.Layer<McpElicitation> => Layer.succeed(McpElicitation, { ask })

/**
 * Layer that has the approver answer, with the question as the input of a call named `<server>__elicitation`.
 *
 * **Details**
 *
 * - The `input` of the decision has the values. A yes without it is one to the form as it is, if its required fields have
 *   initial values. An answer that is put off is none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerApproval: Layer.Layer<McpElicitation> = Layer.effect(
  McpElicitation,
  Effect.map(Approval.Approval, (approval): Service => {
    let asked = 0
    return {
      ask: (question) =>
        Effect.suspend(() => {
          const { identity, run, session } = outside
          const { _tag: _, message, server, ...input } = question
          const call = {
            id: CallId.make(`${server}-elicitation-${++asked}`),
            tool: { name: `${server}__elicitation`, origin: "external" },
            input: { message, ...input },
            ...{ run, session, agent: outside.agent, turn: 0, identity }
          } as const
          const reason = `the MCP server ${server} asks: ${message}`
          return Effect.map(approval.ask({ call, reason, category: `mcp:elicitation:${server}` }), (answer): Answer => {
            if (Approval.isLater(answer)) return { _tag: "Cancelled" }
            return answer.approved ? { _tag: "Accepted", values: valuesOf(answer.input) } : { _tag: "Declined" }
          })
        })
    }
  })
)

// internal

const valuesOf = (input: unknown): Readonly<Record<string, Value>> => {
  const values: Record<string, Value> = {}
  if (typeof input !== "object" || input === null) return values
  for (const [name, value] of Object.entries(input)) if (isValue(value)) values[name] = value
  return values
}

const isValue = (value: unknown): value is Value =>
  typeof value === "string" ||
  typeof value === "number" ||
  typeof value === "boolean" ||
  (Array.isArray(value) && value.every((item) => typeof item === "string"))
