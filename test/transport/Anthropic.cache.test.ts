import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Message from "../../src/domain/Message.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Encode from "../../src/transport/internal/anthropicEncode.ts"
import * as Transport from "../../src/transport/Transport.ts"
import { counted } from "../support/parts.ts"

const model = { vendor: "anthropic", id: "claude-sonnet-4-6" }
const tools: ReadonlyArray<Transport.ToolSpec> = ["f", "g"].map((name) => ({ name, inputSchema: { type: "object" } }))

const encoder = (options: Encode.Options = {}) => {
  const { encode } = Encode.make(model, { isOfficial: true, ...options })
  return (list: ReadonlyArray<Message.Message>, more: Partial<Transport.Request> = {}) =>
    Either.getOrThrowWith(encode(Transport.request({ messages: list, tools, ...more })), Error)
}

const call = (id: string): Part.ToolCall => ({ type: "tool-call", id, name: "f", input: '{"a":1}' })
const result = (id: string): Part.ToolResult => ({
  type: "tool-result",
  id,
  name: "f",
  outcome: "ok",
  content: [Part.text(`result of ${id}`)]
})

/** A turn with so many calls. */
const turn = (number: number, calls: number): ReadonlyArray<Message.Message> => {
  const ids = Array.from({ length: calls }, (_, index) => `call_${number}_${index}_x`)
  return [Message.assistant([Part.text("go"), ...ids.map(call)]), Message.tool(ids.map(result))]
}

/** The body up to the end of its messages, which the next one has to begin with. */
const prefix = (body: string): string => {
  const end = body.lastIndexOf("]}]")
  return body.slice(0, end + 2)
}

/** Where marks for the cache are: names and numbers on the way to each. */
const marks = (value: unknown, path: string = ""): ReadonlyArray<string> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([name, item]) =>
        name === "cache_control" ? [path] : marks(item, path === "" ? name : `${path}.${name}`)
      )

const unmarked = (body: string): string => body.replaceAll(/,"cache_control":\{[^}]*\}/g, "")

const start = [Message.system("one"), Message.system("two"), Message.user("u")]

describe("Anthropic encode", () => {
  describe("cache", () => {
    it("marks the last tool, the end of the instructions, and the last message wherever it is", () => {
      const body = JSON.parse(encoder()(start))
      assert.deepStrictEqual(marks(body), ["", "system.1", "tools.1"])
      assert.deepStrictEqual(body.cache_control, { type: "ephemeral" })
    })

    it("marks the last message itself where another server may not know better", () => {
      const encode = encoder({ isOfficial: false })
      const list = [...start, ...turn(1, 10)]
      assert.deepStrictEqual(marks(JSON.parse(encode(start))), ["system.1", "tools.1", "messages.0.content.0"])
      assert.deepStrictEqual(marks(JSON.parse(encode(list))), [
        "system.1",
        "tools.1",
        "messages.0.content.0",
        "messages.2.content.9"
      ])
      const [earlier, later] = [encode(start), encode(list)].map(unmarked)
      assert.isTrue(later?.startsWith(prefix(earlier ?? "none")))
    })

    it("keeps prompts for an hour or not at all when told so", () => {
      const hour = JSON.parse(encoder({ cache: { ttl: "1h" } })(start))
      const kept = [hour.cache_control, hour.system[1].cache_control, hour.tools[1].cache_control]
      assert.deepStrictEqual(
        kept,
        Array.from({ length: 3 }, () => ({ type: "ephemeral", ttl: "1h" }))
      )
      assert.deepStrictEqual(marks(JSON.parse(encoder({ cache: false })(start))), [])
      assert.deepStrictEqual(JSON.parse(encoder({ cache: { ttl: "5m" } })(start)).cache_control, { type: "ephemeral" })
    })

    it("marks where the request before ended when a turn is longer than the vendor looks back", () => {
      const encode = encoder()
      const short = JSON.parse(encode([...start, ...turn(1, 8)]))
      const long = JSON.parse(encode([...start, ...turn(1, 2), ...turn(2, 10)]))
      assert.deepStrictEqual(marks(short), ["", "system.1", "tools.1"])
      assert.deepStrictEqual(marks(long), ["", "system.1", "tools.1", "messages.2.content.1"])
    })

    it("TURN-2 a later request begins with the bytes of the earlier one", () => {
      const encode = encoder({ cache: false })
      const history = [...start, ...turn(1, 2), ...turn(2, 1), Message.assistant("done"), Message.user("more")]
      const bodies = [3, 5, 7, 9].map((length) => encode(history.slice(0, length)))
      bodies.reduce((earlier, later) => {
        assert.strictEqual(later.slice(0, prefix(earlier).length), prefix(earlier))
        return later
      })
      const forbidden = encode(history, { toolChoice: "none" })
      assert.strictEqual(forbidden.slice(0, prefix(bodies[3] ?? "").length), prefix(bodies[3] ?? ""))
      assert.strictEqual(encoder({ cache: false })(structuredClone(history)), bodies[3])
    })

    it.prop(
      "TURN-2 marks are all that differs, and never more than four",
      [FastCheck.array(FastCheck.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 8 })],
      ([turns]) => {
        const encode = encoder()
        let history: ReadonlyArray<Message.Message> = start
        let earlier = encode(history)
        turns.forEach((calls, number) => {
          history = [...history, ...turn(number, calls)]
          const later = encode(history)
          assert.isAtMost(marks(JSON.parse(later)).length, 4)
          assert.isTrue(unmarked(later).startsWith(prefix(unmarked(earlier))))
          // What the vendor finds in its cache is at a mark, or at most 20 blocks before one.
          if (calls < 9) assert.isTrue(later.startsWith(prefix(unmarkedMessages(earlier))))
          earlier = later
        })
      }
    )

    it("converts a message once", () => {
      const { message, reads } = counted()
      const encode = encoder()
      for (let request = 0; request < 3; request++) encode([message])
      assert.strictEqual(reads(), 1)
    })
  })
})

/** A body without the marks in its messages. */
const unmarkedMessages = (body: string): string => {
  const at = body.indexOf(`"messages":[`)
  return body.slice(0, at) + unmarked(body.slice(at))
}
