/**
 * Names of tools as a vendor takes them. Ours may be longer or hold other characters (those of an MCP server, or one that a
 * model made up); on the wire they get a name that is safe and always the same, and answers get ours back.
 */
import type { Delta } from "../../domain/Delta.ts"
import type { Message } from "../../domain/Message.ts"
import type * as Part from "../../domain/Part.ts"
import type { Request, ToolSpec } from "../../domain/Request.ts"
import { remembered } from "./encoding.ts"
import type { Decoder } from "./exchange.ts"
import { changed } from "./exchange.ts"

/**
 * Which names a vendor takes: at most so many characters, none of the unsafe ones.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly max: number
  /** Matches an unsafe character; global. */
  readonly unsafe: RegExp
}

/**
 * What most vendors take: 64 letters, digits, `_` and `-`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const common: Rule = { max: 64, unsafe: /[^a-zA-Z0-9_-]/g }

/**
 * The name on the wire. A safe name stays; any other is cleaned, cut, and told apart from its like by a number.
 *
 * @category converters
 * @since 0.1.0
 */
export const safe = (name: string, { max, unsafe }: Rule): string => {
  const clean = name.replace(unsafe, "_")
  if (clean === name && name !== "" && name.length <= max) return name
  const suffix = `_${fingerprint(name)}`
  return clean.slice(0, max - suffix.length) + suffix
}

/**
 * Renames tools in requests, and back in answers. Remembers what it renamed, so that messages are still encoded once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (rule: Rule) => {
  const tools = new WeakMap<ToolSpec, ToolSpec>()
  const messages = new WeakMap<Message, Message>()
  const ofTool = (tool: ToolSpec): ToolSpec => {
    const name = safe(tool.name, rule)
    return name === tool.name ? tool : { ...tool, name }
  }
  const ofMessage = (message: Message): Message => {
    let parts: Array<Part.Part> | undefined
    message.parts.forEach((part, index) => {
      const changed = ofPart(part, rule)
      if (changed === part) return
      parts ??= [...message.parts]
      parts[index] = changed
    })
    return parts === undefined ? message : { ...message, parts }
  }
  return {
    /** The request with safe names; the same one when all names are safe. */
    request: (request: Request): Request => {
      const changed = {
        tools: each(request.tools, tools, ofTool),
        messages: each(request.messages, messages, ofMessage)
      }
      const { responseFormat: format, toolChoice } = request
      const isSame = changed.tools === request.tools && changed.messages === request.messages
      if (isSame && typeof toolChoice === "string" && format.type === "text") return request
      return {
        ...request,
        ...changed,
        toolChoice: typeof toolChoice === "string" ? toolChoice : { tool: safe(toolChoice.tool, rule) },
        // The name of a form is bound by the same rule, and is the name of a tool where a vendor has no forms.
        responseFormat:
          format.type === "text" || format.name === undefined ? format : { ...format, name: safe(format.name, rule) }
      }
    },
    /** A decoder that gives the tools of the request their own names back. */
    decoder: (decoder: Decoder, request: Request): Decoder => {
      const names = new Map<string, string>()
      for (const tool of request.tools) {
        const { name } = remembered(tools, tool, ofTool)
        if (name !== tool.name) names.set(name, tool.name)
      }
      return names.size === 0 ? decoder : renaming(decoder, names)
    }
  }
}

// internal

/** The items changed; the same array when none was. Looks at a whole history each turn, so it makes nothing else. */
const each = <A extends object>(
  items: ReadonlyArray<A>,
  memory: WeakMap<A, A>,
  change: (item: A) => A
): ReadonlyArray<A> => {
  let out: Array<A> | undefined
  let index = 0
  for (const item of items) {
    const changed = remembered(memory, item, change)
    if (changed !== item) {
      out ??= [...items]
      out[index] = changed
    }
    index++
  }
  return out ?? items
}

const ofPart = (part: Part.Part, rule: Rule): Part.Part => {
  if ((part.type !== "tool-call" && part.type !== "tool-result") || part.transportExecuted === true) return part
  const name = safe(part.name, rule)
  return name === part.name ? part : { ...part, name }
}

/** 32 bits of FNV-1a, as eight digits. */
const fingerprint = (text: string): string => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, "0")
}

const renaming = (decoder: Decoder, names: ReadonlyMap<string, string>): Decoder => {
  const change = (delta: Delta): Delta => {
    if (delta._tag === "PartStart" && delta.name !== undefined) {
      return { ...delta, name: names.get(delta.name) ?? delta.name }
    }
    if (delta._tag !== "PartEnd" || (delta.part.type !== "tool-call" && delta.part.type !== "tool-result")) return delta
    const name = names.get(delta.part.name)
    return name === undefined ? delta : { ...delta, part: { ...delta.part, name } }
  }
  return changed(decoder, (deltas) => deltas.map(change))
}
