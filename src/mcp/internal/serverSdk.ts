/**
 * The protocol's own library, loaded when somebody serves. It is an optional peer, so nothing else may import it.
 */
import type { Server as SdkServer } from "@modelcontextprotocol/sdk/server/index.js"
import type { WebStandardStreamableHTTPServerTransport as HttpTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js"

/** What is used of the library. */
export interface Sdk {
  readonly Server: typeof SdkServer
  readonly HttpTransport: typeof HttpTransport
}

export type Server = SdkServer
export type { HttpTransport, Transport }

/** Loads the library. */
export const load = async (): Promise<Sdk> => {
  const [{ Server }, { WebStandardStreamableHTTPServerTransport }] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/index.js"),
    import("@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js")
  ])
  return { Server, HttpTransport: WebStandardStreamableHTTPServerTransport }
}

/** Who serves, as clients are told. */
export interface About {
  readonly name: string
  readonly version: string
  readonly title: string | undefined
  readonly instructions: string | undefined
  readonly capabilities: Readonly<Record<string, object>>
}

/** A request that came in. */
export interface Incoming {
  readonly id: string | number
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
  readonly progressToken: string | number | undefined
  readonly signal: AbortSignal
  readonly notify: (method: string, params: Readonly<Record<string, unknown>>) => Promise<void>
}

/** A failure of the protocol, as the other side is told it. */
export class ProtocolError extends Error {
  readonly code: number
  readonly data: unknown
  constructor(code: number, message: string, data?: unknown) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** Codes of the protocol. */
export const codes = {
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  busy: -32000,
  noResource: -32002
}

/**
 * The library's end of a connection. All requests but those that the protocol itself answers go to one place, which checks
 * them for itself: the library would call wrong parameters an error of ours.
 */
export const serve = (
  sdk: Sdk,
  { capabilities, instructions, name, title, version }: About,
  handle: (request: Incoming) => Promise<Readonly<Record<string, unknown>>>
): Server => {
  const server = new sdk.Server(
    { name, version, ...(title === undefined ? undefined : { title }) },
    { capabilities, ...(instructions === undefined ? undefined : { instructions }), jsonSchemaValidator: validator }
  )
  server.fallbackRequestHandler = async (request: JSONRPCRequest, extra) => {
    const { _meta, ...params } = { _meta: undefined, ...request.params }
    const progressToken = request.params?._meta?.progressToken
    const notify: Incoming["notify"] = (method, params) =>
      server.notification({ method, params }, { relatedRequestId: request.id })
    return {
      ...(await handle({ id: request.id, method: request.method, params, progressToken, signal: extra.signal, notify }))
    }
  }
  return server
}

// internal

/** Needed for what servers ask of clients, which this one does not; the library's own takes a while to be made. */
const validator = {
  getValidator: () => () => ({ valid: false as const, data: undefined, errorMessage: "nothing is validated here" })
}
