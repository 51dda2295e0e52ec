/**
 * Tools of servers as tools of agents: with names that models may have, the server's own schema, its words as a quotation,
 * and what guards should know of them.
 */
import * as AiTool from "@effect/ai/Tool"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { ResultContent } from "../domain/Part.ts"
import * as Tool from "../tool/Tool.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import type { Failure } from "./internal/clientFailure.ts"
import type { Json } from "./internal/clientJson.ts"
import { textOf } from "./internal/clientJson.ts"
import type { ToolTold } from "./internal/clientListing.ts"
import { nameOf } from "./internal/clientNames.ts"
import * as Operations from "./internal/clientOperations.ts"
import type * as Looking from "./internal/clientServer.ts"
import { described } from "./internal/clientWords.ts"
import * as Mcp from "./Mcp.ts"

/**
 * A tool of a server, with both of its names.
 *
 * @category models
 * @since 0.1.0
 */
export interface Made extends Tool.WithHandler {
  readonly names: { readonly name: string; readonly tool: string }
}

/** @internal A server whose tools are made. */
export interface Used extends Operations.Asked {
  readonly name: string
  readonly settings: Mcp.Usage
}

/** @internal The tools that a server has in a state; the same array as long as it tells the same. */
export const make = (used: Used): ((state: Looking.State) => ReadonlyArray<Made>) => {
  const { exclude = [], include } = used.settings
  let last: { readonly told: ReadonlyArray<ToolTold>; readonly hasResources: boolean } | undefined
  let made: ReadonlyArray<Made> = []
  return ({ about, tools }) => {
    const hasResources = about !== undefined && "resources" in about.capabilities
    if (last?.told !== tools || last.hasResources !== hasResources) {
      const isWanted = (name: string) => (include?.includes(name) ?? true) && !exclude.includes(name)
      const wanted = tools.filter(({ name }) => isWanted(name))
      const ours = hasResources ? resourceTools(used, tools).filter(({ names }) => isWanted(names.tool)) : []
      made = [...wanted.map((told) => toolOf(used, told)), ...ours]
      last = { told: tools, hasResources }
    }
    return made
  }
}

// internal

const Arguments = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** Failures with content go to the model with their content; those of the way to the server in words. */
const declared = (name: string, description: string, hints: Hints) => {
  const tool = AiTool.make(name, { description, success: ToolResult.Content, failure: ToolResult.Content })
  const annotations = new Map<string, unknown>([[Tool.Origin.key, hints.isOurs ? "application" : "external"]])
  if (hints.inputSchema !== undefined) annotations.set(Tool.InputSchema.key, hints.inputSchema)
  if (hints.readOnly === true) annotations.set(AiTool.Readonly.key, true)
  if (hints.idempotent === true) annotations.set(AiTool.Idempotent.key, true)
  if (hints.destructive === true) annotations.set(AiTool.Destructive.key, true)
  return tool.setParameters(Arguments).annotateContext(Context.unsafeMake<never>(annotations))
}

/** What guards learn of a tool. */
interface Hints {
  readonly isOurs: boolean
  readonly inputSchema?: object | undefined
  readonly readOnly?: boolean | undefined
  readonly idempotent?: boolean | undefined
  readonly destructive?: boolean | undefined
}

const hintsOf = ({ settings: { allow = [], trusted = false } }: Used, tool: string): Hints & { isOurs: boolean } => {
  const isOurs = allow.includes("*") || allow.includes(tool)
  return trusted ? { isOurs, readOnly: true, idempotent: true } : { isOurs }
}

const toolOf = (used: Used, told: ToolTold): Made => {
  const name = nameOf(used.name, told.name)
  const { idempotent = false, isOurs, readOnly = false } = hintsOf(used, told.name)
  const words = [told.title, told.description].filter((text) => text !== undefined && text.trim() !== "")
  return {
    names: { name, tool: told.name },
    tool: declared(name, described(used.name, told.name, [...new Set(words)].join("\n")), {
      isOurs,
      inputSchema: told.inputSchema,
      // What a server says of itself for the better counts only if it is trusted; for the worse, always.
      readOnly: readOnly && told.readOnly,
      idempotent: idempotent && told.idempotent,
      destructive: !isOurs && told.destructive === true && told.readOnly !== true
    }),
    handler: (input: Json) =>
      Effect.gen(function* () {
        const { progress } = yield* ToolContext
        const { content, failed } = yield* Effect.mapError(
          Operations.call(used, told.name, input, { onProgress: progress }),
          (reason) => new Mcp.McpError({ server: used.name, reason })
        )
        return yield* (failed ? Effect.fail : Effect.succeed)(ToolResult.content(...content))
      })
  }
}

/** What a model needs to read the resources of a server. */
const resourceTools = (used: Used, tools: ReadonlyArray<ToolTold>): ReadonlyArray<Made> => {
  const made = (
    tool: string,
    words: string,
    inputSchema: object,
    work: (input: Json) => Effect.Effect<ReadonlyArray<ResultContent>, Failure>
  ): Made => {
    // A tool of the server has the name first.
    const name = nameOf(used.name, tools.some((told) => told.name === tool) ? `${tool}\0` : tool)
    return {
      names: { name, tool },
      tool: declared(name, `${words} of the MCP server ${JSON.stringify(used.name)}.`, {
        ...hintsOf(used, tool),
        inputSchema
      }),
      handler: (input: Json) =>
        Effect.mapBoth(work(input), {
          onFailure: (reason) => new Mcp.McpError({ server: used.name, reason }),
          onSuccess: (content) => ToolResult.content(...content)
        })
    }
  }
  const uri = { type: "string", description: "The URI of the resource, the places of a template filled in" }
  return [
    made("list_resources", "Lists the resources", { type: "object", properties: {} }, () =>
      Effect.map(Operations.inventory(used), (value) => [{ type: "json", value }])
    ),
    made("read_resource", "Reads a resource", { type: "object", properties: { uri }, required: ["uri"] }, (input) =>
      Operations.read(used, textOf(input["uri"]) ?? "")
    )
  ]
}
