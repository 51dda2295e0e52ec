/**
 * A server of the Model Context Protocol over HTTP in this process, with sessions, and an authorization server beside it that
 * registers clients, checks PKCE and rotates refresh tokens. What is against the rules is kept for the test to see.
 */
import { createHash, randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Json } from "./mcpServer.ts"

/** How the server behaves. May be changed while it runs. */
export interface Behaviour {
  /** Whether requests need a token. */
  isGuarded: boolean
  /** Answers of `tools/call`, in place of its own: anything may be done with the response. */
  call: (response: ServerResponse, id: unknown) => void
  /** Refuses the first message as servers do that know only the older way. */
  isOld: boolean
  /** Milliseconds. */
  readonly expiresIn: number
}

export interface Served {
  readonly origin: string
  readonly url: string
  readonly behaviour: Behaviour
  /** Requests, as `METHOD path session`. */
  readonly seen: Array<{ readonly line: string; readonly headers: IncomingMessage["headers"] }>
  readonly violations: Array<string>
  readonly grants: Array<string>
  /** Forgets all sessions. */
  readonly forget: () => void
  /** Makes the access tokens of now worthless, and the refresh tokens as well if it says so. */
  readonly revoke: (refresh?: boolean) => void
}

/** Answers with JSON. */
export const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) =>
  void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

const bodyOf = (request: IncomingMessage): Promise<string> =>
  new Promise((resolve) => {
    let text = ""
    request.on("data", (chunk: Buffer) => (text += String(chunk)))
    request.on("end", () => resolve(text))
  })

const result = (method: unknown, params: Json): Json => {
  if (method === "initialize") {
    const serverInfo = { name: "http", version: "1" }
    return { protocolVersion: params["protocolVersion"], capabilities: { tools: {} }, serverInfo }
  }
  return method === "tools/list"
    ? { tools: [{ name: "a", inputSchema: { type: "object" } }] }
    : { content: [{ type: "text", text: "fine" }] }
}

export const serve: Effect.Effect<Served, never, Scope.Scope> = Effect.acquireRelease(
  Effect.async<{ readonly served: Served; readonly close: () => void }>((resume) => {
    const sessions = new Set<string>()
    const [clients, codes] = [new Set<string>(), new Map<string, URLSearchParams>()]
    const [access, refresh] = [new Set<string>(), new Set<string>()]
    const behaviour: Behaviour = {
      isGuarded: false,
      isOld: false,
      expiresIn: 3600,
      call: (response, id) => json(response, 200, { jsonrpc: "2.0", id, result: result("tools/call", {}) })
    }
    const seen: Array<Served["seen"][number]> = []
    const [violations, grants]: [Array<string>, Array<string>] = [[], []]
    let origin = ""
    let events: ServerResponse | undefined

    const tokens = (response: ServerResponse): void => {
      const [one, other] = [randomUUID(), randomUUID()]
      access.add(one)
      refresh.add(other)
      json(response, 200, {
        access_token: one,
        refresh_token: other,
        token_type: "Bearer",
        expires_in: behaviour.expiresIn
      })
    }
    const granted = (response: ServerResponse, form: URLSearchParams): unknown => {
      const grant = form.get("grant_type") ?? ""
      grants.push(grant)
      if (!clients.has(form.get("client_id") ?? "")) return json(response, 400, { error: "invalid_client" })
      if (form.get("resource") !== `${origin}/mcp`) violations.push(`resource ${form.get("resource")}`)
      if (grant === "refresh_token") {
        return refresh.delete(form.get("refresh_token") ?? "")
          ? tokens(response)
          : json(response, 400, { error: "invalid_grant" })
      }
      const asked = codes.get(form.get("code") ?? "")
      codes.delete(form.get("code") ?? "")
      const challenge = createHash("sha256")
        .update(form.get("code_verifier") ?? "")
        .digest("base64url")
      if (asked?.get("code_challenge") !== challenge) violations.push("verifier")
      if (asked?.get("redirect_uri") !== form.get("redirect_uri")) violations.push("redirect_uri")
      return asked === undefined ? json(response, 400, { error: "invalid_grant" }) : tokens(response)
    }
    const authorized = (response: ServerResponse, query: URLSearchParams): void => {
      if (query.get("code_challenge_method") !== "S256") violations.push("method")
      if (!clients.has(query.get("client_id") ?? "")) violations.push("client")
      const code = randomUUID()
      codes.set(code, query)
      const back = new URL(query.get("redirect_uri") ?? "")
      back.search = String(new URLSearchParams({ code, state: query.get("state") ?? "" }))
      response.writeHead(302, { location: back.href }).end()
    }
    const spoken = (request: IncomingMessage, response: ServerResponse, body: string): unknown => {
      const session = request.headers["mcp-session-id"]
      const bearer = request.headers.authorization?.replace(/^Bearer /, "")
      if (behaviour.isGuarded && !access.has(bearer ?? "")) {
        const metadata = `${origin}/.well-known/oauth-protected-resource/mcp`
        return json(response, 401, {}, { "www-authenticate": `Bearer resource_metadata="${metadata}"` })
      }
      if (request.method === "DELETE") {
        sessions.delete(String(session))
        return response.writeHead(200).end()
      }
      if (behaviour.isOld && request.url === "/mcp") {
        if (request.method !== "GET") return json(response, 405, {})
        response.writeHead(200, { "content-type": "text/event-stream" })
        events = response
        return response.write("event: endpoint\ndata: /messages\n\n")
      }
      if (request.method !== "POST") return json(response, 405, {})
      const message: Json = JSON.parse(body)
      const { id, method } = message
      const answer = { jsonrpc: "2.0", id, result: result(method, Object(message["params"])) }
      if (request.url === "/messages") {
        response.writeHead(202).end()
        return id !== undefined && events?.write(`event: message\ndata: ${JSON.stringify(answer)}\n\n`)
      }
      if (method === "initialize") {
        const name = randomUUID()
        sessions.add(name)
        return json(response, 200, answer, { "mcp-session-id": name })
      }
      if (!sessions.has(String(session)))
        return json(response, 404, { jsonrpc: "2.0", id: null, error: { code: -32_001, message: "Session not found" } })
      if (id === undefined) return response.writeHead(202).end()
      return method === "tools/call" ? behaviour.call(response, id) : json(response, 200, answer)
    }
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? "", origin)
      seen.push({ line: `${request.method} ${url.pathname}`, headers: request.headers })
      void bodyOf(request).then((body) => {
        switch (url.pathname) {
          case "/.well-known/oauth-protected-resource/mcp":
            return json(response, 200, {
              resource: `${origin}/mcp`,
              authorization_servers: [origin],
              scopes_supported: ["read"]
            })
          case "/.well-known/oauth-authorization-server":
            return json(response, 200, {
              issuer: origin,
              authorization_endpoint: `${origin}/authorize`,
              token_endpoint: `${origin}/token`,
              registration_endpoint: `${origin}/register`,
              response_types_supported: ["code"],
              code_challenge_methods_supported: ["S256"],
              token_endpoint_auth_methods_supported: ["none"]
            })
          case "/register": {
            const client_id = randomUUID()
            clients.add(client_id)
            return json(response, 201, { ...JSON.parse(body), client_id })
          }
          case "/authorize":
            return authorized(response, url.searchParams)
          case "/token":
            return granted(response, new URLSearchParams(body))
          case "/mcp":
          case "/messages":
            return spoken(request, response, body)
          default:
            return json(response, 404, {})
        }
      })
    })
    server.listen(0, "localhost", () => {
      const address = server.address()
      origin = `http://localhost:${typeof address === "object" ? address?.port : 0}`
      const revoke = (both = false): void => {
        access.clear()
        if (both) refresh.clear()
      }
      const forget = (): void => sessions.clear()
      const served = { origin, url: `${origin}/mcp`, behaviour, seen, violations, grants, forget, revoke }
      const close = (): void => {
        server.closeAllConnections()
        server.close()
      }
      resume(Effect.succeed({ served, close }))
    })
  }),
  ({ close }) => Effect.sync(close)
).pipe(Effect.map(({ served }) => served))
