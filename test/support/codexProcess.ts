/**
 * A process that asks a ChatGPT subscription once, for tests of several processes at once. It waits for a line on its
 * standard input before it begins. Arguments: the base URL and the file with the tokens.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { user } from "../../src/domain/Message.ts"
import * as Codex from "../../src/transport/Codex.ts"
import * as Transport from "../../src/transport/Transport.ts"

const [, , baseUrl = "", tokens = ""] = process.argv

const ask = Stream.runDrain(Transport.stream(Transport.request({ messages: [user("hi")] }))).pipe(
  Effect.provide(Codex.layer({ model: "gpt-5.3-codex", baseUrl, tokens })),
  Effect.provide(Layer.merge(NodeFileSystem.layer, NodeHttpClient.layer))
)

process.stdout.write("ready\n")
process.stdin.once("data", () => {
  void Effect.runPromise(ask).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(String(error))
      process.exit(1)
    }
  )
})
