/**
 * What is answered to a server that asks us: answers of a model, of a person, and where it is to work. What nobody answers is
 * not declared, and asking for it all the same is refused.
 */
import * as Effect from "effect/Effect"
import type { Answer, Request } from "../McpSampling.ts"
import { messagesOf } from "./clientContent.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded, failure } from "./clientFailure.ts"
import type { Field, Value } from "./clientForms.ts"
import { fieldsOf, filled } from "./clientForms.ts"
import type { Json } from "./clientJson.ts"
import { jsonOf, numberOf, objectsOf, textOf, textsOf } from "./clientJson.ts"
import { visible } from "./clientWords.ts"

/** What a server wants a person to do. */
export type Question =
  | { readonly _tag: "Form"; readonly server: string; readonly message: string; readonly fields: ReadonlyArray<Field> }
  | { readonly _tag: "Visit"; readonly server: string; readonly message: string; readonly url: string }

/** What a person answered. */
export type PersonAnswer =
  | { readonly _tag: "Accepted"; readonly values?: Readonly<Record<string, Value>> | undefined }
  | { readonly _tag: "Declined" }
  | { readonly _tag: "Cancelled" }

/** Who answers. */
export interface Answering {
  readonly server: string
  readonly sample: ((request: Request) => Effect.Effect<Answer>) | undefined
  readonly ask: ((question: Question) => Effect.Effect<PersonAnswer>) | undefined
  readonly roots: ReadonlyArray<string>
}

/** What is declared, and what is answered to whom. */
export const make = ({ ask, roots, sample, server }: Answering) => {
  const requests: Record<string, (params: Json) => Effect.Effect<Json, Failure>> = {}
  const capabilities: Record<string, Json> = {}
  if (sample !== undefined) {
    capabilities["sampling"] = {}
    requests["sampling/createMessage"] = (params) => sampled(server, sample, params)
  }
  if (ask !== undefined) {
    capabilities["elicitation"] = { form: {}, url: {} }
    requests["elicitation/create"] = (params) => elicited(server, ask, params)
  }
  if (roots.length > 0) {
    capabilities["roots"] = {}
    requests["roots/list"] = () => Effect.succeed({ roots: roots.map((root) => ({ uri: uriOf(root) })) })
  }
  return { capabilities, requests }
}

// internal

const invalid = (message: string): Effect.Effect<never, Failure> => Effect.fail(failure("Refused", message, -32_602))

const sampled = (
  server: string,
  sample: NonNullable<Answering["sample"]>,
  params: Json
): Effect.Effect<Json, Failure> => {
  if (objectsOf(params["tools"]).length > 0) return invalid("Tools are not run for servers.")
  const messages = messagesOf(params["messages"])
  if (messages.length === 0) return invalid("There are no messages to answer.")
  const request: Request = {
    server,
    instructions: textOf(params["systemPrompt"]),
    messages,
    maxOutputTokens: Math.max(1, Math.floor(numberOf(params["maxTokens"]) ?? 1000)),
    temperature: numberOf(params["temperature"]),
    stop: textsOf(params["stopSequences"])
  }
  return Effect.flatMap(sample(request), (answer) =>
    answer._tag === "Refused"
      ? Effect.fail(failure("Refused", `The request was refused: ${answer.why}.`, -1))
      : Effect.succeed({
          role: "assistant",
          content: { type: "text", text: answer.text },
          model: answer.model,
          stopReason: answer.reason === "length" ? "maxTokens" : "endTurn"
        })
  )
}

const elicited = (server: string, ask: NonNullable<Answering["ask"]>, params: Json): Effect.Effect<Json, Failure> => {
  const message = bounded(visible(textOf(params["message"]) ?? ""), 2000)
  if (params["mode"] === "url") {
    const url = textOf(params["url"]) ?? ""
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return invalid("The URL is no web page.")
    return Effect.map(ask({ _tag: "Visit", server, message, url }), ({ _tag }) => ({ action: actions[_tag] }))
  }
  const fields = fieldsOf(jsonOf(params["requestedSchema"]))
  return Effect.flatMap(ask({ _tag: "Form", server, message, fields }), (answer) => {
    if (answer._tag !== "Accepted") return Effect.succeed({ action: actions[answer._tag] })
    const content = filled(fields, answer.values ?? {})
    return typeof content === "string"
      ? Effect.as(Effect.logWarning(`The answer to ${server} does not fit its form: ${content}.`), { action: "cancel" })
      : Effect.succeed({ action: "accept", content })
  })
}

const actions = { Accepted: "accept", Declined: "decline", Cancelled: "cancel" } as const

/** A folder is a URL of a file. */
const uriOf = (root: string): string =>
  /^[a-z][a-z0-9+.-]+:/i.test(root) ? root : `file://${root.split("/").map(encodeURIComponent).join("/")}`
