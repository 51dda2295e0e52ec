/**
 * Your own transport
 *
 * A model behind an API that nobody else has: how a request is written, how an answer is read, and nothing else. Keys,
 * errors, timeouts and connections are the same as for every other transport.
 *
 *   npx tsx examples/15_your_own_transport.ts
 */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Agent, ContextStore, HttpTransport, Message, Transport, Usage } from "axonal"
import { Console, Effect, Either, Layer, Redacted } from "effect"

// #region decoder
/** Reads lines such as `{"word":"Ahoy"}`, and at the end `{"words":2}`. */
class Decoder extends HttpTransport.AnswerDecoder {
  protected override onJson(line: { readonly [name: string]: unknown }) {
    this.recognised = true
    if (typeof line.error === "string") this.fail(line.error)
    if (typeof line.word === "string") this.write(this.open[0] ?? this.begin("text"), `${line.word} `)
    if (typeof line.words !== "number") return
    for (const slot of this.open) this.complete(slot, { type: "text", text: slot.text })
    this.finish("stop", Usage.make({ output: line.words }))
  }
  /** An answer always ends with its count: one without it was cut off. */
  protected override onEnd() {}
}
// #endregion

// #region transport
const encode = ({ messages, tools }: Transport.Request) =>
  tools.length > 0
    ? Either.left("Parrots take no tools; use an agent without.")
    : Either.right(JSON.stringify({ said: messages.map((message) => Message.toText(message)) }))

export const parrot = (apiKey: Redacted.Redacted) =>
  Layer.effect(
    Transport.Transport,
    HttpTransport.fromCodec({
      model: { vendor: "parrots", id: "ara-1", capabilities: [], price: { input: 0, output: 12 } },
      url: new URL("https://parrots.example/v1/repeat"),
      headers: { "x-parrot-key": apiKey },
      codec: { encode, decoder: () => new Decoder() }
    })
  )
// #endregion

export const program = Effect.gen(function* () {
  const mate = Agent.make("mate", { instructions: "Speak up." })
  const { output, usage } = yield* Agent.run(mate, "Ahoy there")
  yield* Console.log(`${output.trim()} (${usage.outputTokens.total} words)`)
})

// #region offline
/** The vendor's server, in two lines: the transport, its encoder and its decoder are the real ones. */
const server = HttpClient.make((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, new Response('{"word":"Ahoy"}\n{"word":"there!"}\n{"words":2}\n')))
)

export const layer = Layer.merge(
  parrot(Redacted.make("cracker")).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, server))),
  ContextStore.layerMemory
)
// #endregion

if (process.argv[1] === import.meta.filename) NodeRuntime.runMain(Effect.provide(program, layer))
