/**
 * The official SDK of the protocol, loaded when the first connection is opened. It is an optional peer: who uses no servers
 * needs none of it.
 */
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js"
import type { Client, ClientOptions } from "@modelcontextprotocol/sdk/client/index.js"
import type { FetchLike, Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type { JSONRPCMessage, ResultSchema } from "@modelcontextprotocol/sdk/types.js"
import * as Effect from "effect/Effect"
import { messageOf } from "./clientChannel.ts"
import type { Failure } from "./clientFailure.ts"
import { failure } from "./clientFailure.ts"

/** What is used of the SDK. */
export interface Sdk {
  readonly client: (info: { readonly name: string; readonly version: string }, options: ClientOptions) => Client
  /** A message, if the value is one. */
  readonly message: (value: unknown) => JSONRPCMessage | undefined
  /** The schema that takes any object as a result: what is in it is looked at field by field. */
  readonly anything: typeof ResultSchema
  readonly http: (url: URL, options: HttpOptions) => HttpTransport
  /** The transport of old servers, which send on a stream and take messages at another address. */
  readonly sse: (url: URL, options: HttpOptions) => Transport
}

/** A transport over HTTP, which may have a session that can be ended. */
export type HttpTransport = Transport & { readonly terminateSession: () => Promise<void> }

/** How requests are sent. */
export interface HttpOptions {
  readonly fetch: FetchLike
}

/** The part of the SDK that logs in. */
export interface SdkAuth {
  readonly auth: (
    provider: OAuthClientProvider,
    options: {
      readonly serverUrl: string
      readonly authorizationCode?: string
      readonly scope?: string
      readonly resourceMetadataUrl?: URL
      readonly fetchFn: FetchLike
    }
  ) => Promise<"AUTHORIZED" | "REDIRECT">
  /** What a refusal says of where to log in, and for what. */
  readonly challenged: (response: Response) => { readonly resourceMetadataUrl?: URL; readonly scope?: string }
}

/** Loads the client. */
export const load: Effect.Effect<Sdk, Failure> = loading(async () => {
  const [{ Client }, { StreamableHTTPClientTransport }, { SSEClientTransport }, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    import("@modelcontextprotocol/sdk/client/sse.js"),
    import("@modelcontextprotocol/sdk/types.js")
  ])
  return {
    client: (info, options) => new Client(info, options),
    message: messageOf((value) => types.JSONRPCMessageSchema.safeParse(value).data),
    anything: types.ResultSchema,
    http: (url, options) => new StreamableHTTPClientTransport(url, options),
    sse: (url, options) => new SSEClientTransport(url, options)
  }
})

/** Loads what logs in. */
export const loadAuth: Effect.Effect<SdkAuth, Failure> = loading(async () => {
  const { auth, extractWWWAuthenticateParams } = await import("@modelcontextprotocol/sdk/client/auth.js")
  return {
    auth,
    challenged: (response) => {
      const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response)
      return {
        ...(resourceMetadataUrl === undefined ? undefined : { resourceMetadataUrl }),
        ...(scope === undefined ? undefined : { scope })
      }
    }
  }
})

// internal

function loading<A>(load: () => Promise<A>): Effect.Effect<A, Failure> {
  let loaded: { readonly sdk: A } | undefined
  const loads = Effect.tryPromise({
    try: load,
    catch: () =>
      failure(
        "NotInstalled",
        "The SDK of the protocol is not there. Install it: npm install @modelcontextprotocol/sdk zod"
      )
  })
  return Effect.suspend(() =>
    loaded === undefined
      ? Effect.tap(loads, (sdk) =>
          Effect.sync(() => {
            loaded = { sdk }
          })
        )
      : Effect.succeed(loaded.sdk)
  )
}
