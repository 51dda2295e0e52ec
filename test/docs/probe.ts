/**
 * Finds out what a transport takes by asking it: a request goes through the public layer of a model string to an HTTP
 * client that keeps what it is given. What is refused never gets there.
 */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { toText } from "axonal/transport/internal/codexTokens"
import * as ModelString from "axonal/transport/ModelString"
import type { Request } from "axonal/transport/Transport"
import { request, Transport } from "axonal/transport/Transport"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"

/** The body that the transport sends for a request, or `undefined` when it refuses to. */
export type Probe = (asked: Partial<Request> & Pick<Request, "messages">) => Effect.Effect<string | undefined>

/** A model that can do everything, so that only the transport is left to refuse anything. */
const able = [
  ...["tools", "reasoning", "structured-output", "image-input", "audio-input", "video-input", "file-input", "unlisted"],
  ...["context=1m", "output=8k"]
].join(";")

export const probeOf = (vendor: ModelString.Vendor, model: string): Effect.Effect<Probe> =>
  Effect.gen(function* () {
    let body: string | undefined
    const client = HttpClient.make((sent) => {
      body = sent.body._tag === "Raw" ? String(sent.body.body) : undefined
      return Effect.succeed(HttpClientResponse.fromWeb(sent, new Response("{}", { status: 500 })))
    })
    const address = vendor.address === "required" ? "@http://localhost:1/v1" : ""
    const layer = ModelString.layer(`${vendor.name}:${model}${address};${able}`).pipe(
      Layer.provide(Layer.merge(NodeFileSystem.layer, Layer.succeed(HttpClient.HttpClient, client)))
    )
    const service = yield* Effect.provide(Transport, layer)
    return (asked: Parameters<Probe>[0]) =>
      Effect.gen(function* () {
        body = undefined
        yield* Effect.ignore(Effect.scoped(service.open(request(asked))))
        return body
      })
  }).pipe(Effect.orDie, Effect.withConfigProvider(configuration))

/** A key for everybody, and a login that lasts. */
const configuration = ConfigProvider.fromMap(
  new Map([
    ...ModelString.vendors.flatMap(({ variables }) => variables.map((variable) => [variable, "key"] as const)),
    ["XDG_CONFIG_HOME", login()]
  ])
)

function login(): string {
  const folder = mkdtempSync(join(tmpdir(), "axonal-docs-"))
  mkdirSync(join(folder, "axonal"))
  const secret = Redacted.make("token")
  const tokens = {
    issuer: "https://localhost",
    access: secret,
    refresh: secret,
    expiresAtMillis: 9e15,
    accountId: "me"
  }
  writeFileSync(join(folder, "axonal", "codex.json"), toText(tokens), { mode: 0o600 })
  return folder
}
