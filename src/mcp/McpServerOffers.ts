/**
 * What a server offers, and its answers to requests for it: tools, and, when there are any, prompts and resources. What is
 * not offered is not declared, and a request for it is for a method that is not there.
 */
import * as AiTool from "@effect/ai/Tool"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import type { Message } from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import type { ResultContent } from "../domain/Part.ts"
import { nearest } from "../internal/nearest.ts"
import type { Entry, Registry, Source } from "../tool/Toolkit.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Content from "./internal/serverContent.ts"
import type { Incoming } from "./internal/serverSdk.ts"
import { codes, ProtocolError } from "./internal/serverSdk.ts"
import type { Calls } from "./McpServerCalls.ts"
import { outputSchema } from "./McpServerCalls.ts"

/**
 * A prompt that people may choose: what it says, with what it has to be told.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prompt<out R = never> {
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly arguments?:
    | Readonly<Record<string, { readonly description?: string | undefined; readonly required?: boolean | undefined }>>
    | undefined
  readonly get: (given: Readonly<Record<string, string>>) => Effect.Effect<Messages.Input, unknown, R>
}

/**
 * Something to read, known by its URI.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resource<out R = never> {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly mimeType?: string | undefined
  readonly read: Effect.Effect<string | Uint8Array, unknown, R>
}

/** Prompts by name, and resources by URI. */
export type Prompts<R> = Readonly<Record<string, Prompt<R>>>
export type Resources<R> = Readonly<Record<string, Resource<R>>>

/**
 * The tools there are, and how they are called.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tools {
  readonly registry: Registry
  readonly call: Calls["call"]
  /** Tells the client that the tools are others than those that it was told of. */
  readonly changed: () => void
}

/**
 * All that is offered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Offered {
  readonly sources: ReadonlyArray<Source>
  readonly prompts: Prompts<unknown>
  readonly resources: Resources<unknown>
  readonly fileBound: number
}

/**
 * What a client is told that it may ask for.
 *
 * @category converters
 * @since 0.1.0
 */
export const capabilities = (
  { prompts, resources, sources }: Offered,
  { follow }: Registry
): Readonly<Record<string, object>> => ({
  ...(sources.length === 0 ? undefined : { tools: follow === undefined ? {} : { listChanged: true } }),
  ...(Object.keys(prompts).length === 0 ? undefined : { prompts: {} }),
  ...(Object.keys(resources).length === 0 ? undefined : { resources: {} })
})

/**
 * The answer to a request.
 *
 * @category combinators
 * @since 0.1.0
 */
export const answer = (
  offered: Offered,
  tools: Tools,
  request: Incoming
): Effect.Effect<Readonly<Record<string, unknown>>, ProtocolError> =>
  Effect.suspend(() => {
    const { method, params } = request
    const [kind = ""] = method.split("/", 1)
    if (!(kind in capabilities(offered, tools.registry))) return unknown(method)
    switch (method) {
      case "tools/list":
        return listed(params, () => listing(tools))
      case "tools/call":
        return called(tools, request)
      case "prompts/list":
        return listed(params, () => Effect.succeed({ prompts: Object.entries(offered.prompts).map(promptOf) }))
      case "prompts/get":
        return prompted(offered, params)
      case "resources/list":
        return listed(params, () => Effect.succeed({ resources: Object.entries(offered.resources).map(resourceOf) }))
      case "resources/templates/list":
        return listed(params, () => Effect.succeed({ resourceTemplates: [] }))
      case "resources/read":
        return read(offered, params)
      default:
        return unknown(method)
    }
  })

// internal

type Answered = Effect.Effect<Readonly<Record<string, unknown>>, ProtocolError>
type Params = Incoming["params"]

const unknown = (method: string) => Effect.fail(new ProtocolError(codes.methodNotFound, `Method not found: ${method}`))
const invalid = (message: string) => Effect.fail(new ProtocolError(codes.invalidParams, message))

/** Lists are whole, so that no cursor is ours. */
const listed = ({ cursor }: Params, list: () => Answered): Answered =>
  cursor === undefined ? list() : invalid("The cursor is not one of this server: lists come as a whole, without one")

/** What each connection was told last. */
const told = new WeakMap<Tools, Registry["entries"]>()

const listing = (tools: Tools): Answered =>
  Effect.map(tools.registry.follow ?? Effect.void, () => {
    told.set(tools, tools.registry.entries)
    return { tools: described(tools.registry) }
  })

/** Brings the tools to what there is now, and tells the client when it knows others. */
const following = (tools: Tools): Effect.Effect<void> => {
  const { follow } = tools.registry
  if (follow === undefined) return Effect.void
  return Effect.map(follow, () => {
    const known = told.get(tools)
    if (known === undefined || known === tools.registry.entries) return
    told.delete(tools)
    tools.changed()
  })
}

const described = ({ entries }: Registry): ReadonlyArray<object> =>
  [...entries.values()].flatMap((entry) => (entry.isHidden === true ? [] : [toolOf(entry)]))

const toolOf = (entry: Entry): object => {
  const { info, spec, tool } = entry
  const title = noted<string>(tool, AiTool.Title.key)
  const output = outputSchema(entry)
  const hints = defined({
    title,
    readOnlyHint: info.readOnly,
    destructiveHint: info.destructive,
    idempotentHint: noted<boolean>(tool, AiTool.Idempotent.key),
    openWorldHint: noted<boolean>(tool, AiTool.OpenWorld.key)
  })
  return defined({
    name: spec.name,
    title,
    description: spec.description,
    inputSchema: Content.objectSchema(spec.inputSchema),
    outputSchema: output,
    annotations: Object.keys(hints).length === 0 ? undefined : hints
  })
}

/** An annotation, if the tool has it: what tools do not say of themselves is not said for them. */
const noted = <A>(tool: AiTool.Any, key: string): A | undefined => tool.annotations?.unsafeMap.get(key) as A | undefined

const defined = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const called = (tools: Tools, { notify, params, progressToken }: Incoming): Answered =>
  Effect.gen(function* () {
    const { arguments: input, name } = params
    if (typeof name !== "string") return yield* invalid("tools/call needs the name of a tool")
    if (input !== undefined && !isRecord(input)) return yield* invalid(`The arguments of ${name} must be an object`)
    yield* following(tools)
    const entry = tools.registry.entries.get(name)
    if (entry === undefined || entry.isHidden === true) {
      const names = described(tools.registry).map((tool) => ("name" in tool ? String(tool.name) : ""))
      const near = nearest(name, names)
      return yield* invalid(`Unknown tool: ${name}.${near === undefined ? "" : ` Did you mean ${near}?`}`)
    }
    let progress = 0
    const show = (message: string) =>
      Effect.promise(() => {
        progress += 1
        return notify("notifications/progress", { progressToken, progress, message }).catch(() => undefined)
      })
    return { ...(yield* tools.call(entry, { name, input, progress: progressToken === undefined ? undefined : show })) }
  })

const promptOf = ([name, prompt]: readonly [string, Prompt<unknown>]): object =>
  defined({
    name,
    title: prompt.title,
    description: prompt.description,
    arguments: Object.entries(prompt.arguments ?? {}).map(([name, about]) => defined({ name, ...about }))
  })

const prompted = ({ fileBound, prompts }: Offered, { arguments: given = {}, name }: Params): Answered => {
  const prompt = typeof name === "string" && Object.hasOwn(prompts, name) ? prompts[name] : undefined
  if (prompt === undefined || typeof name !== "string") return invalid(`Unknown prompt: ${String(name)}`)
  if (!isTexts(given)) return invalid(`The arguments of ${name} must be texts`)
  const missing = Object.entries(prompt.arguments ?? {}).find(
    ([argument, about]) => about.required === true && !Object.hasOwn(given, argument)
  )
  if (missing !== undefined) return invalid(`The prompt ${name} needs the argument ${missing[0]}`)
  return Effect.map(failing(prompt.get(given), `The prompt ${name}`), (input) => ({
    ...defined({ description: prompt.description }),
    messages: Messages.fromInput(input).flatMap((message) => messagesOf(message, { call: name, fileBound }))
  }))
}

/** The protocol's messages have one part each, and two roles. */
const messagesOf = ({ parts, role }: Message, terms: Omit<Content.Terms, "isTyped">): ReadonlyArray<object> => {
  const content = parts.flatMap(
    (part): ReadonlyArray<ResultContent> => (part.type === "text" || part.type === "file" ? [part] : [])
  )
  return Content.blocksOf(content, terms).map((block) => ({
    role: role === "assistant" ? "assistant" : "user",
    content: block
  }))
}

const resourceOf = ([uri, { description, mimeType, name, title }]: readonly [string, Resource<unknown>]): object =>
  defined({ uri, name, title, description, mimeType })

const read = ({ resources }: Offered, { uri }: Params): Answered => {
  if (typeof uri !== "string") return invalid("resources/read needs the uri of a resource")
  const resource = Object.hasOwn(resources, uri) ? resources[uri] : undefined
  if (resource === undefined) {
    return Effect.fail(new ProtocolError(codes.noResource, `Unknown resource: ${uri}`, { uri }))
  }
  return Effect.map(failing(resource.read, `The resource ${uri}`), (content) => ({
    contents: [
      defined({
        uri,
        mimeType: resource.mimeType,
        ...(typeof content === "string" ? { text: content } : { blob: Encoding.encodeBase64(content) })
      })
    ]
  }))
}

/** What a prompt or a resource needs is part of the server's type. */
const failing = <A>(effect: Effect.Effect<A, unknown, unknown>, what: string): Effect.Effect<A, ProtocolError> =>
  Effect.mapError(
    effect as Effect.Effect<A, unknown>,
    (error) => new ProtocolError(codes.internal, `${what} failed: ${ToolResult.errorText(error)}`)
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isRecord(value) && Object.values(value).every((item) => typeof item === "string")
