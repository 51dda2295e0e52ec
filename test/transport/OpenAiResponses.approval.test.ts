import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Agent from "../../src/agent/Agent.ts"
import * as ContextStore from "../../src/context/ContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as OpenAiResponses from "../../src/transport/OpenAiResponses.ts"
import { responses } from "../support/requests/responses.ts"
import * as Wire from "../support/wire.ts"

const session = SessionId.make("s")

/** The vendor wants a word before it calls a tool of a remote server. */
const asks = {
  type: "mcp_approval_request",
  id: "mcpr_1",
  name: "delete_file",
  arguments: '{"path":"/etc"}',
  server_label: "files"
}
const says = {
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text: "As you wish.", annotations: [] }]
}

const answer = (item: object): string =>
  [
    { type: "response.output_item.done", output_index: 0, item },
    { type: "response.completed", response: { id: "resp_1", status: "completed", usage: {} } }
  ]
    .map((value) => `data: ${JSON.stringify(value)}\n\n`)
    .join("")

/** Serves the answers in order; a number is a refusal with that status. */
const serving = (...answers: ReadonlyArray<object | number>) => {
  let next = 0
  return Wire.server((response) => {
    const item = answers[next++]
    if (typeof item === "object") response.writeHead(200).end(answer(item))
    else response.writeHead(item ?? 500).end('{"error":{"message":"no"}}')
  })
}

/** What was said about approvals in a request that the vendor would have taken. */
const approvals = ({ body }: Wire.Received): ReadonlyArray<unknown> => {
  const request = JSON.parse(body)
  assert.deepStrictEqual(responses(request), [])
  return request.input.filter(({ type }: { type?: string }) => type?.startsWith("mcp_approval"))
}

const world = (baseUrl: string) =>
  Layer.merge(
    OpenAiResponses.layer({ model: "gpt-5-mini", vendor: "openai", apiKey: Redacted.make("key-0123"), baseUrl }),
    ContextStore.layerMemory
  ).pipe(Layer.provide(FetchHttpClient.layer))

describe("OpenAiResponses approvals", () => {
  it.effect("TR-12 a wish that nobody here can answer is refused, under the id that the vendor gave it", () =>
    Effect.gen(function* () {
      const server = yield* serving(asks, says)
      const { output } = yield* Agent.run(Agent.make("a"), "tidy up").pipe(Effect.provide(world(server.url)))
      assert.strictEqual(output, "As you wish.")
      const [, second = []] = server.requests.map(approvals)
      assert.deepStrictEqual(
        second.map((item) => ({ ...Object(item), reason: undefined })),
        [
          { ...asks, reason: undefined },
          { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false, reason: undefined }
        ]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("TR-13 an answer that was given is kept when the run then fails, and nobody is asked again", () =>
    Effect.gen(function* () {
      const server = yield* serving(asks, 500, says)
      const agent = Agent.make("a", { retries: 0 })
      const failed = yield* Effect.gen(function* () {
        const failed = yield* Effect.either(Agent.run(agent, "tidy up", { session }))
        yield* Agent.run(agent, "go on", { session })
        return failed
      }).pipe(Effect.provide(world(server.url)))
      assert.strictEqual(failed._tag, "Left")
      const [, second, third] = server.requests.map(approvals)
      assert.lengthOf(second ?? [], 2)
      assert.deepStrictEqual(third, second)
    }).pipe(Effect.scoped)
  )
})
