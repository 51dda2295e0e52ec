/**
 * Sessions in which several vendors took turns: each vendor takes what the others said, sees nothing that was theirs alone,
 * and gets its own back as it was. And settings: each is sent, refused, or said to be left out.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { repair } from "../../src/context/Repair.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { numRuns } from "../support/generated.ts"
import { requestOf } from "../support/histories.ts"
import { answers } from "../support/recorded.ts"
import type { Vendor } from "../support/vendors.ts"
import { sent, taken, vendors } from "../support/vendors.ts"

/** One vendor for each way in which answers are read, and what it really answered. */
const sources = vendors.filter(({ name }) =>
  ["openai", "mistral", "openrouter", "deepseek", "responses", "claude-sonnet-4-5", "gemini-3-pro", "ollama"].includes(
    name
  )
)

/** Some recordings have their pictures cut short. */
const isWhole = ({ parts }: Message.Message): boolean =>
  parts.every((part) => part.type !== "file" || !("base64" in part.data) || /^[\w+/]+=*$/.test(part.data.base64))

const pools = Effect.runPromise(
  Effect.map(
    Effect.forEach(sources, (source) =>
      Effect.map(answers(source.api, source.make()), (messages) => {
        // No two read the same recording: no vendor says what another one has said.
        const peers = sources.filter(({ api }) => api === source.api)
        const mine = messages.filter((message, index) => peers[index % peers.length] === source && isWhole(message))
        return { source, messages: mine }
      })
    ),
    (all) => all.filter(({ messages }) => messages.length > 0)
  )
)

interface Turn {
  readonly source: Vendor
  readonly message: Message.Message
}

/** An answer with ids of its own, and results of its calls. */
const turn = (message: Message.Message, index: number): ReadonlyArray<Message.Message> => {
  const parts = message.parts.map((part, at) =>
    part.type === "tool-call" && part.transportExecuted !== true ? { ...part, id: `call_${index}_${at}` } : part
  )
  const results = Message.toolCalls({ role: "assistant", parts }).map(
    ({ id, name, wireId }): Part.ToolResult => ({
      type: "tool-result",
      id,
      name,
      outcome: "ok",
      content: [Part.text(`Result ${index}.`)],
      ...(wireId === undefined ? undefined : { wireId })
    })
  )
  return [{ role: "assistant", parts }, ...(results.length === 0 ? [] : [Message.tool(results)])]
}

const talk = (turns: ReadonlyArray<Message.Message>): ReadonlyArray<Message.Message> => [
  Message.system("Be helpful."),
  ...turns.flatMap((message, index) => [Message.user(`Question ${index}?`), ...turn(message, index)]),
  Message.user("And?")
]

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Every text in a value that nobody but its vendor understands: signatures and encrypted things. */
const opaque = (value: unknown, name = ""): ReadonlyArray<string> => {
  if (typeof value === "string") {
    return /signature|encrypted|thoughtsignature|^data$|^opaque$/i.test(name) && value.length >= 12 ? [value] : []
  }
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => opaque(inner, /^\d+$/.test(key) ? name : key))
}

/** What of an answer belongs to its vendor alone. */
const secrets = (message: Message.Message): ReadonlyArray<string> => {
  const said = message.parts
    .map((part) => (part.type === "text" ? part.text : part.type === "tool-call" ? part.input : ""))
    .join("\n")
  return message.parts.flatMap((part) => {
    const own = opaque(part.meta)
    if (part.type === "reasoning" && part.text.length >= 20 && !said.includes(part.text)) return [...own, part.text]
    const isRun = (part.type === "tool-call" || part.type === "tool-result") && part.transportExecuted === true
    return isRun && part.id.length >= 8 ? [...own, part.id] : own
  })
}

const look: Transport.ToolSpec = {
  name: "look",
  inputSchema: { type: "object", properties: { q: { type: "string" } } }
}
const ask = (changes: Partial<Transport.Request>) =>
  Transport.request({ messages: [Message.user("Look.")], tools: [look], ...changes })

const choices: ReadonlyArray<Transport.ToolChoice> = ["auto", "none", "required", { tool: "look" }]

const settings: { readonly [name: string]: Partial<Transport.Request> } = {
  "toolChoice none": { toolChoice: "none" },
  "toolChoice required": { toolChoice: "required" },
  "toolChoice one": { toolChoice: { tool: "look" } },
  parallelToolCalls: { settings: { parallelToolCalls: false } },
  temperature: { settings: { temperature: 0.3 } },
  topP: { settings: { topP: 0.7 } },
  stop: { settings: { stop: ["END"] } },
  seed: { settings: { seed: 7 } },
  maxOutputTokens: { settings: { maxOutputTokens: 2048 } },
  "reasoningEffort low": { settings: { reasoningEffort: "low" } },
  "reasoningEffort high": { settings: { reasoningEffort: "high" } }
}

/** What the transport of a vendor says of itself. */
const documentation = ({ api }: Vendor): string => {
  const modules: { readonly [api: string]: string } = {
    "openai-chat": "OpenAiChat",
    "openai-responses": "OpenAiResponses",
    "anthropic-messages": "Anthropic",
    "gemini-generate": "Gemini",
    "ollama-chat": "Ollama"
  }
  const source = readFileSync(new URL(`../../src/transport/${modules[api]}.ts`, import.meta.url), "utf8")
  return source
    .split("\n")
    .filter((line) => line.startsWith(" *"))
    .join("\n")
}

describe("CrossVendor", () => {
  for (const vendor of vendors) {
    describe(vendor.name, () => {
      it.effect("TURN-3 takes what others answered, and nothing that is theirs alone", () =>
        Effect.promise(async () => {
          const all = await pools
          if (all.length === 0) return
          const answered = FastCheck.oneof(
            ...all.map(({ messages, source }) =>
              FastCheck.constantFrom(...messages).map((message) => ({ source, message }))
            )
          )
          await FastCheck.assert(
            FastCheck.asyncProperty(
              FastCheck.uniqueArray(answered, { minLength: 1, maxLength: 5, selector: ({ message }) => message }),
              async (turns) => {
                const messages = repair(talk(turns.map(({ message }) => message)))
                const body = await Effect.runPromise(taken(vendor, requestOf(messages)))
                const isOwn = ({ source }: Turn): boolean => source.meta === vendor.meta && source.api === vendor.api
                const known = JSON.stringify(turns.filter(isOwn).map(({ message }) => message))
                for (const turn of turns.filter((turn) => !isOwn(turn))) {
                  for (const secret of secrets(turn.message)) {
                    const isSaid = body.includes(escaped(secret)) && !known.includes(escaped(secret))
                    assert.isFalse(isSaid, `${secret.slice(0, 80)} of ${turn.source.name}`)
                  }
                }
              }
            ),
            { numRuns: numRuns(60) }
          )
        })
      )

      it.effect("TURN-3 gets its own back as it was, whoever spoke between", () =>
        Effect.promise(async () => {
          const all = await pools
          const own = all.find(({ source }) => source.meta === vendor.meta && source.api === vendor.api)
          const others = all.filter(({ source }) => source !== own?.source).map(({ messages }) => messages[0])
          for (const message of own?.messages ?? []) {
            const before = others.slice(0, 2).flatMap((other) => (other === undefined ? [] : [other]))
            const messages = repair(talk([...before, message, ...before.slice(0, 1)]))
            const body = await Effect.runPromise(taken(vendor, requestOf(messages)))
            for (const secret of opaque(message.parts.map(({ meta }) => meta))) {
              assert.isTrue(body.includes(escaped(secret)), `${secret.slice(0, 80)} is missing`)
            }
          }
        })
      )

      it.effect("TURN-3 what looks like its own and is another's does not go to it", () =>
        Effect.promise(async () => {
          const own = (await pools).find(({ source }) => source.meta === vendor.meta && source.api === vendor.api)
          for (const message of own?.messages ?? []) {
            const parts = message.parts.map((part) =>
              part.meta === undefined ? part : { ...part, meta: { elsewhere: part.meta[vendor.meta] } }
            )
            const body = await Effect.runPromise(taken(vendor, requestOf(repair(talk([{ ...message, parts }])))))
            for (const secret of opaque(parts.map(({ meta }) => meta))) {
              assert.isFalse(body.includes(escaped(secret)), `${secret.slice(0, 80)} is sent`)
            }
          }
        })
      )

      it.effect.each(Object.keys(settings))("%s is sent, refused or said to be left out", (name) =>
        Effect.gen(function* () {
          const changes = settings[name] ?? {}
          const plain = yield* taken(vendor, ask({ ...changes, settings: {}, toolChoice: "auto" }))
          const body = yield* sent(vendor, ask(changes))
          if (Either.isLeft(body)) {
            assert.deepStrictEqual([body.left.reason._tag, body.left.replay], ["InvalidRequest", "safe"])
            assert.match(body.left.reason.message, / [Uu]se |Ask with|OpenAiChat has|auto/)
          } else if (body.right !== plain)
            assert.deepStrictEqual(vendor.validate(JSON.parse(body.right)), [], body.right)
          else assert.include(documentation(vendor), name.replace(/ .*/, ""), `${name} is ignored`)
        })
      )

      it.effect("every setting at once, with tools or a form, is still taken or refused", () =>
        Effect.gen(function* () {
          const all = Object.values(settings).flatMap(({ settings }) => (settings === undefined ? [] : [settings]))
          const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"] }
          for (const toolChoice of choices) {
            for (const reasoningEffort of [undefined, "none", "minimal", "low", "medium", "high", "xhigh", "max"]) {
              for (const changes of [{}, { responseFormat: { type: "json", schema } as const }, { tools: [] }]) {
                const { stop: _, ...merged } = Object.assign({}, ...all, { reasoningEffort })
                const body = yield* sent(vendor, ask({ ...changes, toolChoice, settings: merged }))
                if (Either.isRight(body)) {
                  assert.deepStrictEqual(vendor.validate(JSON.parse(body.right)), [], body.right)
                } else {
                  assert.strictEqual(body.left.reason._tag, "InvalidRequest")
                  assert.include(["required", "look"], typeof toolChoice === "string" ? toolChoice : toolChoice.tool)
                }
              }
            }
          }
        })
      )
    })
  }
})
