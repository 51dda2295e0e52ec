/**
 * The walk over what is counted, the same for every way to count a text: messages and their parts, tools, the schema of
 * the answer. Messages and tools never change, so that each is counted once and remembered for as long as it lives.
 *
 * Counting is a generator that yields where it may rest: run to its end at once, or as an effect that lets others run.
 */
import * as Effect from "effect/Effect"
import type { Message } from "../../domain/Message.ts"
import type { Part, ResultContent } from "../../domain/Part.ts"
import type { ResponseFormat, ToolSpec } from "../../domain/Request.ts"
import { estimateFile } from "./tokensFile.ts"

export type Counting = Generator<void, number>

export interface Input {
  readonly messages: ReadonlyArray<Message>
  readonly tools?: ReadonlyArray<ToolSpec> | undefined
  readonly responseFormat?: ResponseFormat | undefined
}

/** What the form of a request costs besides its texts: role and marks around a message, names of fields around the rest. */
const overhead = { message: 4, call: 6, result: 4, tool: 8, schema: 8 }

/** A counter over a way to count a text, with a memory of its own. */
export const make = (text: (text: string) => Counting): ((input: Input) => Counting) => {
  const messages = new WeakMap<Message, number>()
  const tools = new WeakMap<ToolSpec, number>()
  const schemas = new WeakMap<object, number>()

  function* ofPart(part: Part | ResultContent): Counting {
    switch (part.type) {
      case "text":
      case "reasoning":
        return yield* text(part.text)
      case "file":
        return "text" in part.data ? yield* text(part.data.text) : estimateFile(part.mediaType, part.data)
      case "json":
        return yield* text(jsonOf(part.value))
      case "tool-call":
        return overhead.call + (yield* text(part.name)) + (yield* text(part.input))
      case "tool-result": {
        let sum = overhead.result
        for (const content of part.content) sum += yield* ofPart(content)
        return sum
      }
      case "source":
        return 0
    }
  }

  function* ofMessage(message: Message): Counting {
    let sum = overhead.message
    for (const part of message.parts) sum += yield* ofPart(part)
    return sum
  }

  function* ofSchema(schema: object): Counting {
    return yield* remembered(schemas, schema, () => text(jsonOf(schema)))
  }

  function* ofTool(tool: ToolSpec): Counting {
    const words = (yield* text(tool.name)) + (yield* text(tool.description ?? ""))
    return overhead.tool + words + (yield* ofSchema(tool.inputSchema))
  }

  return function* (input) {
    let sum = 0
    // The first look is without a generator: a conversation that is known already costs a look-up a message.
    for (const message of input.messages) {
      sum += messages.get(message) ?? (yield* remembered(messages, message, () => ofMessage(message)))
    }
    for (const tool of input.tools ?? []) {
      sum += tools.get(tool) ?? (yield* remembered(tools, tool, () => ofTool(tool)))
    }
    const format = input.responseFormat
    if (format?.type === "json" && format.schema !== undefined) {
      sum += overhead.schema + Math.ceil(yield* text(format.name ?? "")) + (yield* ofSchema(format.schema))
    }
    return sum
  }
}

/** A text that is counted without a rest. What is no count counts as nothing. */
export const atOnce = (tokens: (text: string) => number): ((text: string) => Counting) =>
  function* (text) {
    const count = tokens(text)
    return count > 0 && count < Number.POSITIVE_INFINITY ? count : 0
  }

/** The count, without a rest. */
export const run = (counting: Counting): number => {
  for (;;) {
    const step = counting.next()
    if (step.done === true) return step.value
  }
}

/** The count, with a rest for everything else in the process whenever it has worked for a while. */
export const runResting = (counting: Counting): Effect.Effect<number> =>
  Effect.suspend(() => {
    const start = performance.now()
    for (;;) {
      const step = counting.next()
      if (step.done === true) return Effect.succeed(step.value)
      if (performance.now() - start > restMillis) return Effect.zipRight(rest, runResting(counting))
    }
  })

// internal

/** How long others may have to wait. */
const restMillis = 16

/** A turn of the event loop. Not a sleep, because time does not matter and a clock that stands still must not hold it up. */
const rest = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 0)
  return Effect.sync(() => clearTimeout(timer))
})

function* remembered<A extends object>(known: WeakMap<A, number>, key: A, count: () => Counting): Counting {
  const before = known.get(key)
  if (before !== undefined) return before
  const tokens = Math.ceil(yield* count())
  known.set(key, tokens)
  return tokens
}

/** Its JSON, or nothing when it has none: what cannot be sent costs nothing. */
const jsonOf = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? ""
  } catch {
    return ""
  }
}
