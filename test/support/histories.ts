/**
 * Generated conversations as sessions leave them behind: calls without results, results of nothing, ids used twice, files,
 * foreign reasoning, answers that a vendor really gave. And what a transport makes of them: the bodies it would send.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import type { Message } from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Transport from "../../src/transport/Transport.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"

export type Make = Effect.Effect<Transport.Service, unknown, HttpClient.HttpClient>

const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

export const image: Part.File = { type: "file", mediaType: "image/png", data: { base64: png }, name: "dot.png" }

/** Ids that a vendor might have written: plain, long, with signs that another vendor refuses, none. */
const wireIds = FastCheck.constantFrom("toolu_01", "call_1", "c 1|x", "x".repeat(90), "9iAbC", "", "functions.f:0")
const names = FastCheck.constantFrom("look", "search", "web.search", "a name", "n".repeat(70))
const inputs = FastCheck.constantFrom("{}", '{"q":"ü"}', '{"q":', "[1]", "", "null")
const texts = FastCheck.constantFrom("hello", "ünï🙂", "two\nlines", "ends with space ", " ", "", '"quoted"')
const outcomes = FastCheck.constantFrom<Array<Part.ToolResult["outcome"]>>(
  "ok",
  "failed",
  "denied",
  "interrupted",
  "skipped"
)

/** Reasoning and tools of vendors that no codec here speaks for: to be left out, not to be sent. */
const foreign: ReadonlyArray<Part.Part> = [
  { type: "reasoning", text: "Hm.", meta: { elsewhere: { signature: "sig" } } },
  { type: "reasoning", text: "" },
  { type: "reasoning", text: "Let me see." },
  { type: "source", url: "https://example.com/", title: "Example" },
  { type: "tool-call", id: "srv", wireId: "srv", name: "web_search", input: '{"q":1}', transportExecuted: true },
  {
    type: "tool-result",
    id: "srv",
    wireId: "srv",
    name: "web_search",
    outcome: "ok",
    content: [Part.text("found")],
    transportExecuted: true,
    meta: { elsewhere: { raw: 1 } }
  }
]

const content: FastCheck.Arbitrary<Part.ResultContent> = FastCheck.oneof(
  texts.map(Part.text),
  FastCheck.constant<Part.ResultContent>({ type: "json", value: { n: 1 } }),
  FastCheck.constant<Part.ResultContent>(image),
  FastCheck.constant<Part.ResultContent>(Part.file("text/plain", { text: "a file" }, "a.txt"))
)

const said: FastCheck.Arbitrary<Message> = FastCheck.array(
  FastCheck.oneof(texts.map(Part.text), FastCheck.constant(image)),
  { minLength: 1, maxLength: 3 }
).map((parts) => ({ role: "user", parts }))

interface Draft {
  readonly parts: ReadonlyArray<Part.Part>
  readonly calls: ReadonlyArray<{ readonly name: string; readonly input: string; readonly wireId: string }>
  readonly answered: ReadonlyArray<boolean>
  readonly twice: boolean
  readonly orphan: boolean
  readonly contents: ReadonlyArray<Part.ResultContent>
  readonly outcome: Part.ToolResult["outcome"]
}

const spoken: FastCheck.Arbitrary<ReadonlyArray<Part.Part>> = FastCheck.array(
  FastCheck.oneof(
    texts.map((text): Part.Part => Part.text(text)),
    FastCheck.constantFrom(...foreign)
  ),
  { maxLength: 3 }
)

const drafts = (pool: ReadonlyArray<Message>): FastCheck.Arbitrary<Draft> =>
  FastCheck.record({
    parts: FastCheck.oneof(
      spoken,
      ...(pool.length === 0 ? [] : [FastCheck.constantFrom(...pool.map(({ parts }) => parts))])
    ),
    calls: FastCheck.array(FastCheck.record({ name: names, input: inputs, wireId: wireIds }), { maxLength: 3 }),
    answered: FastCheck.array(FastCheck.boolean(), { minLength: 8, maxLength: 8 }),
    twice: FastCheck.boolean(),
    orphan: FastCheck.boolean(),
    contents: FastCheck.array(content, { maxLength: 3 }),
    outcome: outcomes
  })

/** The messages of one turn: an answer with ids that are new in the session, and results as they may have been kept. */
const turn = (draft: Draft, index: number): ReadonlyArray<Message> => {
  const own = draft.parts.map((part, at) =>
    part.type === "tool-call" && part.transportExecuted !== true ? { ...part, id: `call_own_${index}_${at}` } : part
  )
  const made = draft.calls.map(
    ({ input, name, wireId }, at): Part.ToolCall => ({
      type: "tool-call",
      id: `call_${index}_${at}`,
      name,
      input,
      ...(wireId === "" ? undefined : { wireId: `${wireId}${index}${at}` })
    })
  )
  const parts: ReadonlyArray<Part.Part> = [...own, ...made]
  const calls = parts.filter((part) => part.type === "tool-call" && part.transportExecuted !== true)
  const results = calls.flatMap((part, at): ReadonlyArray<Part.ToolResult> => {
    if (part.type !== "tool-call" || draft.answered[at] === false) return []
    const { id, name, wireId } = part
    const { contents, outcome } = draft
    const result: Part.ToolResult = {
      type: "tool-result",
      id,
      name,
      outcome,
      content: contents,
      ...(wireId === undefined ? undefined : { wireId })
    }
    return draft.twice ? [result, result] : [result]
  })
  const orphan: ReadonlyArray<Part.ToolResult> = draft.orphan
    ? [{ type: "tool-result", id: "nobody", name: "look", outcome: "ok", content: [] }]
    : []
  const message: Message = { role: "assistant", parts }
  return results.length + orphan.length === 0 ? [message] : [message, { role: "tool", parts: [...results, ...orphan] }]
}

/** Conversations that begin with a person. `pool` are answers that the vendor under test gave. */
export const conversations = (pool: ReadonlyArray<Message>): FastCheck.Arbitrary<ReadonlyArray<Message>> =>
  FastCheck.tuple(
    said,
    FastCheck.array(FastCheck.oneof({ weight: 1, arbitrary: said }, { weight: 3, arbitrary: drafts(pool) }), {
      maxLength: 6
    })
  )
    .map(([first, rest]): ReadonlyArray<Message> => {
      const used = new Set<unknown>()
      return [
        { role: "system", parts: [Part.text("Be helpful.")] },
        // A person says something in the first message, and in the last.
        { role: "user", parts: [Part.text("hi"), ...first.parts] },
        ...rest.flatMap((item, index) => {
          if ("role" in item) return [item]
          // No vendor gives the very same answer twice, with the same ids.
          const isRepeated = used.has(item.parts)
          used.add(item.parts)
          return turn(isRepeated ? { ...item, parts: [Part.text("again")] } : item, index)
        }),
        { role: "user", parts: [Part.text("and?")] }
      ]
    })
    .filter((messages) => images(messages) <= 8)

/** Some vendors take no more than eight. */
const images = (messages: ReadonlyArray<Message>): number => {
  let count = 0
  for (const { parts } of messages) {
    for (const part of parts) {
      const inside: ReadonlyArray<Part.Part | Part.Json> = part.type === "tool-result" ? part.content : [part]
      count += inside.filter(({ type }) => type === "file").length
    }
  }
  return count
}

/** Sends requests one after the other through one transport, and answers what would have been on the wire. */
export const bodies = (
  make: Make,
  requests: ReadonlyArray<Transport.Request>
): Effect.Effect<ReadonlyArray<Either.Either<string, TransportError>>> => {
  let sent = ""
  const client = HttpClient.make((request) =>
    Effect.sync(() => {
      const { body } = request
      sent = body._tag === "Raw" && typeof body.body === "string" ? body.body : ""
      return HttpClientResponse.fromWeb(request, new Response("", { status: 200 }))
    })
  )
  return Effect.flatMap(Effect.orDie(make), (transport) =>
    Effect.forEach(requests, (request) =>
      Effect.map(Effect.either(Effect.scoped(transport.open(request))), (opened) => Either.map(opened, () => sent))
    )
  ).pipe(Effect.provide(Layer.succeed(HttpClient.HttpClient, client)))
}

/** The request that a conversation stands for. */
export const requestOf = (messages: ReadonlyArray<Message>, changes?: Partial<Transport.Request>): Transport.Request =>
  Transport.request({ messages, tools, ...changes })

const tools: ReadonlyArray<Transport.ToolSpec> = ["look", "search", "web.search", "n".repeat(70)].map((name) => ({
  name,
  description: `Does ${name.slice(0, 10)}`,
  inputSchema: { type: "object", properties: { q: { type: "string" } }, required: ["q"] }
}))
