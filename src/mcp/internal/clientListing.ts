/**
 * What a server has: its tools, resources, templates and prompts, page after page, those that make no sense left out.
 */
import * as Effect from "effect/Effect"
import type { Prompt, Resource } from "../Mcp.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { isJson, jsonOf, numberOf, objectsOf, textOf } from "./clientJson.ts"
import type { Connection, RequestOptions } from "./clientModel.ts"

/** A tool as its server tells it. */
export interface ToolTold {
  readonly name: string
  readonly title: string | undefined
  readonly description: string | undefined
  readonly inputSchema: object
  readonly readOnly: boolean | undefined
  readonly destructive: boolean | undefined
  readonly idempotent: boolean | undefined
  /** Whether it only runs as a task, whose result is asked for later. */
  readonly isTask: boolean
}

/** A list, and what was wrong with items that are not in it. */
export interface Listed<A> {
  readonly items: ReadonlyArray<A>
  readonly problems: ReadonlyArray<string>
}

/** The tools. Of several with one name the first counts. */
export const tools = (connection: Connection, options: RequestOptions): Effect.Effect<Listed<ToolTold>, Failure> =>
  Effect.map(paged(connection, "tools/list", "tools", options), ({ items, problems }) => {
    const known = new Map<string, ToolTold>()
    const wrong: Array<string> = [...problems]
    for (const item of items) {
      const tool = toolOf(item)
      if (typeof tool === "string") wrong.push(tool)
      else if (known.has(tool.name)) wrong.push(`tool ${bounded(tool.name, 80)} is there twice; the first one counts`)
      else known.set(tool.name, tool)
    }
    return { items: [...known.values()], problems: wrong }
  })

/** The resources. */
export const resources = (connection: Connection, options: RequestOptions) =>
  listed(connection, "resources/list", "resources", options, (item) => resourceOf(item, item["uri"]))

/** The templates of resources. */
export const templates = (connection: Connection, options: RequestOptions) =>
  listed(connection, "resources/templates/list", "resourceTemplates", options, (item) =>
    resourceOf(item, item["uriTemplate"])
  )

/** The prompts. */
export const prompts = (connection: Connection, options: RequestOptions) =>
  listed(connection, "prompts/list", "prompts", options, promptOf)

// internal

/** Pages of one list: more are a server that never ends. */
const mostPages = 100
const mostItems = 5000

const paged = (
  connection: Connection,
  method: string,
  field: string,
  options: RequestOptions
): Effect.Effect<Listed<Json>, Failure> => {
  const next = (
    cursor: string | undefined,
    page: number,
    before: ReadonlyArray<Json>
  ): Effect.Effect<Listed<Json>, Failure> =>
    Effect.flatMap(connection.request(method, cursor === undefined ? {} : { cursor }, options), (result) => {
      const items = [...before, ...objectsOf(result[field])]
      const following = textOf(result["nextCursor"])
      if (following === undefined || following === "") return Effect.succeed({ items, problems: [] })
      return page >= mostPages || items.length >= mostItems || following === cursor
        ? Effect.succeed({ items, problems: [`${method} did not come to an end after ${items.length} items`] })
        : next(following, page + 1, items)
    })
  return next(undefined, 1, [])
}

const listed = <A>(
  connection: Connection,
  method: string,
  field: string,
  options: RequestOptions,
  itemOf: (item: Json) => A | undefined
): Effect.Effect<ReadonlyArray<A>, Failure> =>
  Effect.map(paged(connection, method, field, options), ({ items }) =>
    items.flatMap((item) => {
      const told = itemOf(item)
      return told === undefined ? [] : [told]
    })
  )

const toolOf = (tool: Json): ToolTold | string => {
  const name = textOf(tool["name"])
  if (name === undefined || name === "") return "a tool without a name was left out"
  const schema = tool["inputSchema"]
  if (!isJson(schema)) return `tool ${bounded(name, 80)} has no input schema and was left out`
  const hints = jsonOf(tool["annotations"])
  const hint = (key: string) => (typeof hints[key] === "boolean" ? hints[key] : undefined)
  return {
    name,
    title: textOf(tool["title"]) ?? textOf(hints["title"]),
    description: textOf(tool["description"]),
    inputSchema: schema,
    readOnly: hint("readOnlyHint"),
    destructive: hint("destructiveHint"),
    idempotent: hint("idempotentHint"),
    isTask: jsonOf(tool["execution"])["taskSupport"] === "required"
  }
}

const resourceOf = (item: Json, uri: unknown): Resource | undefined => {
  const place = textOf(uri)
  return place === undefined
    ? undefined
    : {
        uri: place,
        name: textOf(item["name"]) ?? place,
        title: textOf(item["title"]),
        description: textOf(item["description"]),
        mediaType: textOf(item["mimeType"]),
        size: numberOf(item["size"])
      }
}

const promptOf = (item: Json): Prompt | undefined => {
  const name = textOf(item["name"])
  return name === undefined
    ? undefined
    : {
        name,
        title: textOf(item["title"]),
        description: textOf(item["description"]),
        arguments: objectsOf(item["arguments"]).flatMap((argument) => {
          const name = textOf(argument["name"])
          return name === undefined
            ? []
            : [{ name, description: textOf(argument["description"]), required: argument["required"] === true }]
        })
      }
}
