/**
 * What can be asked of a server, whatever the way to it. A server that does not have what is asked for has none of it, which
 * is no failure.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Message } from "../../domain/Message.ts"
import type { ResultContent } from "../../domain/Part.ts"
import type { Resource } from "../Mcp.ts"
import * as Contents from "./clientContent.ts"
import { within } from "./clientEnding.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded, failure } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { jsonOf, numberOf, textOf, textsOf } from "./clientJson.ts"
import * as Listing from "./clientListing.ts"
import type { Connection } from "./clientModel.ts"
import type { Lists, Server } from "./clientServer.ts"
import * as Task from "./clientTask.ts"

/** How far a call has come. */
export interface Progress {
  readonly progress?: number | undefined
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** A server, and how long it may be silent. */
export interface Asked {
  readonly server: Server
  readonly timeout: Duration.DurationInput
}

/** Calls a tool. */
export const call = (
  { server, timeout }: Asked,
  tool: string,
  input: Json,
  options: {
    readonly timeout?: Duration.DurationInput | undefined
    readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
  }
): Effect.Effect<Contents.Called, Failure> => {
  const { onProgress } = options
  const how = {
    timeout: options.timeout ?? timeout,
    onProgress: onProgress === undefined ? undefined : (progress: Json) => onProgress(progressOf(progress))
  }
  return Effect.map(
    server.use((connection) =>
      Effect.flatMap(server.state, ({ tools }) => {
        const isTask = tools.some(({ isTask, name }) => name === tool && isTask)
        return Task.call(connection, { name: tool, isTask }, input, how)
      })
    ),
    Contents.calledOf
  )
}

/** The resources, or the templates of resources, or the prompts. */
export const list = <Name extends keyof Lists>(
  { server, timeout }: Asked,
  name: Name,
  none: Lists[Name],
  read: (
    connection: Connection,
    options: { readonly timeout: Duration.DurationInput }
  ) => Effect.Effect<Lists[Name], Failure>
): Effect.Effect<Lists[Name], Failure> =>
  server.remembered(name, (connection) =>
    (name === "prompts" ? "prompts" : "resources") in connection.about.capabilities
      ? Effect.catchIf(
          read(connection, { timeout }),
          // It has the one and not the other.
          ({ code }) => code === methodNotFound,
          () => Effect.succeed(none)
        )
      : Effect.succeed(none)
  )

/** The contents of a resource. */
export const read = (asked: Asked, uri: string): Effect.Effect<ReadonlyArray<ResultContent>, Failure> =>
  Effect.map(request(asked, "resources/read", { uri }), Contents.resourcesOf)

/** Has a resource watched as long as the scope lasts. */
export const watch = (asked: Asked, uri: string): Effect.Effect<void, Failure, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(request(asked, "resources/subscribe", { uri }), () =>
      within(request(asked, "resources/unsubscribe", { uri }), "1 second")
    )
  )

/** The messages of a prompt. */
export const prompt = (
  asked: Asked,
  name: string,
  values: Readonly<Record<string, string>>
): Effect.Effect<ReadonlyArray<Message>, Failure> =>
  Effect.map(request(asked, "prompts/get", { name, arguments: values }), ({ messages }) =>
    Contents.messagesOf(messages)
  )

/** What a value may go on as. */
export const complete = (
  { server, timeout }: Asked,
  completion: {
    readonly of: { readonly prompt: string } | { readonly template: string }
    readonly argument: string
    readonly value: string
    readonly known?: Readonly<Record<string, string>> | undefined
  }
): Effect.Effect<ReadonlyArray<string>, Failure> => {
  const { argument, known, of, value } = completion
  const ref = "prompt" in of ? { type: "ref/prompt", name: of.prompt } : { type: "ref/resource", uri: of.template }
  const params = { ref, argument: { name: argument, value }, ...(known && { context: { arguments: known } }) }
  return server.use((connection) =>
    "completions" in connection.about.capabilities
      ? Effect.map(connection.request("completion/complete", params, { timeout }), (result) =>
          textsOf(jsonOf(result["completion"])["values"]).slice(0, 1000)
        )
      : Effect.succeed([])
  )
}

/** Says how much goes to the log of a server. */
export const logLevel = (asked: Asked, level: string): Effect.Effect<void, Failure> =>
  Effect.asVoid(request(asked, "logging/setLevel", { level }))

/** A resource and what it is, as a line for a model that chooses among them. */
export const inventory = (asked: Asked): Effect.Effect<ReadonlyArray<Json>, Failure> =>
  Effect.map(
    Effect.zip(list(asked, "resources", [], Listing.resources), list(asked, "templates", [], Listing.templates)),
    ([resources, templates]) =>
      [
        ...resources.map((resource) => told("uri", resource)),
        ...templates.map((one) => told("uriTemplate", one))
      ].slice(0, 500)
  )

// internal

const methodNotFound = -32_601

const request = ({ server, timeout }: Asked, method: string, params: Json): Effect.Effect<Json, Failure> =>
  Effect.mapError(
    server.use((connection) => connection.request(method, params, { timeout })),
    (why) => (why.code === methodNotFound ? failure("Unknown", `it does not offer ${method}`, methodNotFound) : why)
  )

const progressOf = (progress: Json): Progress => {
  const message = textOf(progress["message"])
  const [done, total] = [numberOf(progress["progress"]), numberOf(progress["total"])]
  return {
    ...(done === undefined ? undefined : { progress: done }),
    ...(total === undefined ? undefined : { total }),
    ...(message === undefined ? undefined : { message: bounded(message) })
  }
}

const told = (place: "uri" | "uriTemplate", resource: Resource): Json => ({
  [place]: resource.uri,
  name: bounded(resource.title ?? resource.name, 200),
  ...(resource.description === undefined ? undefined : { description: bounded(resource.description) }),
  ...(resource.mediaType === undefined ? undefined : { mediaType: bounded(resource.mediaType, 100) })
})
