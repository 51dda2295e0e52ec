/**
 * The protocol's own library, loaded when somebody serves. It is an optional peer, so nothing else may import it, and what is
 * used of it has types of our own.
 */
import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js"

/** What carries messages, as the library wants it. Messages are those of the protocol. */
export interface Transport {
  start(): Promise<void>
  send(message: object): Promise<void>
  close(): Promise<void>
  onclose?: (() => void) | undefined
  onmessage?: ((message: never) => void) | undefined
}

/** What carries messages over HTTP. It has an id once a client has come. */
export interface HttpTransport extends Transport {
  readonly sessionId?: string | undefined
  handleRequest(request: Request): Promise<Response>
  closeSSEStream(request: string | number): void
}

/** How messages are carried over HTTP. */
export interface HttpOptions {
  readonly begun: (id: string) => void
  readonly bodyBound: number
  readonly events: EventStore | undefined
}

/** Keeps messages for clients that come back. */
export interface EventStore {
  storeEvent(stream: string, message: object): Promise<string>
  getStreamIdForEventId(id: string): Promise<string | undefined>
  replayEventsAfter(last: string, to: { readonly send: (id: string, message: never) => Promise<void> }): Promise<string>
}

/** The library's end of a connection. */
export interface Server {
  connect(transport: Transport): Promise<void>
  close(): Promise<void>
  sendToolListChanged(): Promise<void>
}

/** Works off a request. */
export type Handle = (request: Incoming) => Promise<Readonly<Record<string, unknown>>>

/** What is used of the library. */
export interface Sdk {
  /**
   * All requests but those that the protocol itself answers go to one place, which checks them for itself: the library would
   * call wrong parameters an error of ours.
   */
  readonly serve: (about: About, handle: Handle) => Server
  readonly http: (options: HttpOptions) => HttpTransport
  /** Whether a value is a message at all. The library answers nothing to what is none. */
  readonly isMessage: (value: unknown) => boolean
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

/** Loads the library. */
export const load = async (): Promise<Sdk> => {
  const [{ Server }, { WebStandardStreamableHTTPServerTransport: Http }, { JSONRPCMessageSchema }] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/index.js"),
    import("@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"),
    import("@modelcontextprotocol/sdk/types.js")
  ])
  return {
    isMessage: (value) => JSONRPCMessageSchema.safeParse(value).success,
    serve: ({ capabilities, instructions, name, title, version }, handle) => {
      const server = new Server(
        { name, version, ...(title === undefined ? undefined : { title }) },
        { capabilities, ...(instructions === undefined ? undefined : { instructions }), jsonSchemaValidator: validator }
      )
      server.fallbackRequestHandler = async (request: JSONRPCRequest, { signal }) => {
        const { _meta, ...params } = { _meta: undefined, ...request.params }
        const progressToken = request.params?._meta?.progressToken
        const notify: Incoming["notify"] = (method, params) =>
          server.notification({ method, params }, { relatedRequestId: request.id })
        return { ...(await handle({ id: request.id, method: request.method, params, progressToken, signal, notify })) }
      }
      return server
    },
    http: ({ begun, bodyBound, events }) =>
      new Http({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: begun,
        maxRequestBodySize: bodyBound,
        ...(events === undefined ? undefined : { eventStore: events })
      })
  }
}

// internal

/** Needed for what servers ask of clients, which this one does not; the library's own takes a while to be made. */
const validator = {
  getValidator: () => () => ({ valid: false as const, data: undefined, errorMessage: "nothing is validated here" })
}
