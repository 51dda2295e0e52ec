/**
 * An authorization server and the backend behind it, as strict as the real ones: every parameter of every request is
 * checked, codes are good once, refresh tokens rotate, and what is wrong is kept for the test to see.
 */
import { createHash, randomBytes } from "node:crypto"
import type { IncomingMessage, Server } from "node:http"
import { createServer } from "node:http"
import * as Effect from "effect/Effect"

export const accountId = "acc-2f6d"
export const email = "ada@example.com"
export const plan = "plus"

/** What differs between tests. All of it may be changed while the server runs. */
export interface Behaviour {
  /** What the person does at the address. */
  person: "agrees" | "denies"
  /** Seconds that new access tokens say they hold. */
  expiresIn: number | undefined
  /** Whether codes have expired when they come. */
  codesExpire: boolean
  /** Whether answers to a refresh hold a new refresh token. */
  rotates: boolean
  /** The next answers of the token endpoint, in place of its own. */
  readonly tokenAnswers: Array<{ readonly status: number; readonly body: string }>
  /** Answers to a refresh wait for this. */
  hold: Promise<void>
  /** The next answers of the backend, each a body of events, or a refusal. */
  readonly answers: Array<string | { readonly status: number; readonly body: string }>
}

export interface Authorization {
  readonly issuer: string
  readonly baseUrl: string
  readonly behaviour: Behaviour
  /** What clients did that the real servers would refuse, each as one line. Also refused here. */
  readonly violations: Array<string>
  /** The grants that were asked for, in order. */
  readonly grants: Array<"authorization_code" | "refresh_token">
  /** Called when a refresh has arrived. */
  onRefresh: () => void
  /** The access tokens of the requests that the backend saw, refused ones as well. */
  readonly bearers: Array<string>
  /** The bodies of the requests that the backend took. */
  readonly bodies: Array<Readonly<Record<string, unknown>>>
  /** Every secret that was ever given out or taken in. */
  readonly secrets: Set<string>
  /** Makes the backend refuse the access tokens of now. */
  readonly revoke: () => void
  /** Makes the token endpoint refuse the refresh tokens of now. */
  readonly forget: () => void
}

interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

const json = (status: number, value: unknown): Reply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value)
})

interface Grant {
  readonly challenge: string
  readonly redirectUri: string
  used: boolean
}

const clientId = "app_EMoamEEZ73f0CkXaXp7hrann"
const scope = "openid profile email offline_access"

const authorizeParameters = {
  response_type: /^code$/,
  client_id: new RegExp(`^${clientId}$`),
  redirect_uri: /^http:\/\/localhost:\d+\/auth\/callback$/,
  scope: new RegExp(`^${scope}$`),
  code_challenge: /^[A-Za-z0-9_-]{43}$/,
  code_challenge_method: /^S256$/,
  id_token_add_organizations: /^true$/,
  codex_cli_simplified_flow: /^true$/,
  state: /^[A-Za-z0-9_-]{43,}$/,
  originator: /^axonal$/
}

const tokenParameters = {
  authorization_code: {
    grant_type: /^authorization_code$/,
    client_id: new RegExp(`^${clientId}$`),
    code: /^code-/,
    redirect_uri: /^http:\/\/localhost:\d+\/auth\/callback$/,
    code_verifier: /^[A-Za-z0-9._~-]{43,128}$/
  },
  refresh_token: {
    grant_type: /^refresh_token$/,
    client_id: new RegExp(`^${clientId}$`),
    refresh_token: /^rt-/
  }
} as const

/** All that the backend takes in a body. */
const bodyFields = new Set([
  ...["model", "instructions", "input", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "store", "stream"],
  ...["include", "text", "prompt_cache_key", "service_tier"]
])

/** What is wrong with parameters that must be these, once each, and no others. */
const wrong = (given: URLSearchParams, rules: Readonly<Record<string, RegExp>>): ReadonlyArray<string> => [
  ...Object.entries(rules).flatMap(([name, rule]) => {
    const values = given.getAll(name)
    if (values.length !== 1) return [`${name} is there ${values.length} times`]
    return rule.test(values[0] ?? "") ? [] : [`${name} is wrong`]
  }),
  ...[...given.keys()].filter((name) => rules[name] === undefined).map((name) => `${name} is unknown`)
]

const secret = (prefix: string): string => `${prefix}-${randomBytes(24).toString("base64url")}`

const jwt = (claims: object): string =>
  ["header", JSON.stringify(claims), randomBytes(16).toString("hex")]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".")

const claims = {
  email,
  "https://api.openai.com/auth": { chatgpt_account_id: accountId, chatgpt_plan_type: plan }
}

/** The two servers for the time of the scope. */
export const make = Effect.acquireRelease(
  Effect.promise(() => start()),
  ({ server }) =>
    Effect.promise(
      () =>
        new Promise<void>((resolve) => {
          server.closeAllConnections()
          server.close(() => resolve())
        })
    )
).pipe(Effect.map(({ authorization }) => authorization))

const start = (): Promise<{ readonly authorization: Authorization; readonly server: Server }> => {
  const codes = new Map<string, Grant>()
  const refreshTokens = new Map<string, "good" | "used">()
  const accessTokens = new Set<string>()
  const behaviour: Behaviour = {
    person: "agrees",
    expiresIn: 3600,
    codesExpire: false,
    rotates: true,
    tokenAnswers: [],
    hold: Promise.resolve(),
    answers: []
  }
  const authorization = {
    issuer: "",
    baseUrl: "",
    behaviour,
    violations: [] as Array<string>,
    grants: [] as Array<"authorization_code" | "refresh_token">,
    onRefresh: () => {},
    bearers: [] as Array<string>,
    bodies: [] as Array<Readonly<Record<string, unknown>>>,
    secrets: new Set<string>(),
    revoke: () => accessTokens.clear(),
    forget: () => refreshTokens.clear()
  }
  const keep = (text: string): string => {
    authorization.secrets.add(text)
    return text
  }
  const complain = (where: string, what: ReadonlyArray<string>): void => {
    authorization.violations.push(...what.map((line) => `${where}: ${line}`))
  }

  const authorize = (url: URL): Reply => {
    const given = url.searchParams
    const problems = wrong(given, authorizeParameters)
    complain("authorize", problems)
    if (problems.length > 0) return json(400, { error: "invalid_request" })
    const back = new URL(given.get("redirect_uri") ?? "")
    back.searchParams.set("state", keep(given.get("state") ?? ""))
    if (behaviour.person === "denies") {
      back.searchParams.set("error", "access_denied")
      back.searchParams.set("error_description", "The person <b>declined</b>")
    } else {
      const code = keep(secret("code"))
      const challenge = given.get("code_challenge") ?? ""
      codes.set(code, { challenge, redirectUri: given.get("redirect_uri") ?? "", used: false })
      back.searchParams.set("code", code)
      back.searchParams.set("scope", scope)
    }
    return { status: 302, headers: { location: back.href }, body: "" }
  }

  const give = (refresh: string | undefined): Reply => {
    const access = keep(jwt({ ...claims, jti: randomBytes(8).toString("hex") }))
    accessTokens.add(access)
    if (refresh !== undefined) refreshTokens.set(keep(refresh), "good")
    return json(200, {
      access_token: access,
      id_token: keep(jwt(claims)),
      refresh_token: refresh,
      token_type: "Bearer",
      scope,
      expires_in: behaviour.expiresIn
    })
  }

  const exchange = (given: URLSearchParams): Reply => {
    const code = given.get("code") ?? ""
    const verifier = keep(given.get("code_verifier") ?? "")
    const grant = codes.get(code)
    // Servers repeat what they refuse: it must not get into errors.
    const refuse = (why: string): Reply =>
      json(400, { error: "invalid_grant", error_description: `${why}: ${code} ${verifier}` })
    if (grant === undefined) return refuse("unknown code")
    if (behaviour.codesExpire) return refuse("the code has expired")
    if (grant.used) {
      complain("token", ["a code was sent twice"])
      return refuse("the code was used")
    }
    grant.used = true
    if (createHash("sha256").update(verifier).digest("base64url") !== grant.challenge) {
      complain("token", ["the verifier does not fit the challenge"])
      return refuse("wrong verifier")
    }
    if (given.get("redirect_uri") !== grant.redirectUri) {
      complain("token", ["the redirect_uri is another"])
      return refuse("wrong redirect_uri")
    }
    return give(secret("rt"))
  }

  const renew = (given: URLSearchParams): Reply => {
    const token = given.get("refresh_token") ?? ""
    const state = refreshTokens.get(token)
    if (state === "used") complain("token", ["a refresh token was used twice"])
    if (state !== "good") {
      const code = state === "used" ? "refresh_token_reused" : "refresh_token_invalidated"
      return json(401, { error: { code, message: `not good: ${token}`, type: "invalid_request_error" } })
    }
    if (behaviour.rotates) refreshTokens.set(token, "used")
    return give(behaviour.rotates ? secret("rt") : undefined)
  }

  const token = async (request: IncomingMessage, body: string): Promise<Reply> => {
    const given = new URLSearchParams(body)
    const type = given.get("grant_type")
    const isKnown = type === "authorization_code" || type === "refresh_token"
    const problems = [
      ...(request.method === "POST" ? [] : ["not a POST"]),
      ...(/^application\/x-www-form-urlencoded(;|$)/.test(request.headers["content-type"] ?? "")
        ? []
        : ["wrong content type"]),
      ...(request.headers.authorization === undefined ? [] : ["a public client has no credentials"]),
      ...(isKnown ? wrong(given, tokenParameters[type]) : ["unknown grant_type"])
    ]
    complain("token", problems)
    if (problems.length > 0 || !isKnown) return json(400, { error: "invalid_request" })
    authorization.grants.push(type)
    if (type === "refresh_token") {
      authorization.onRefresh()
      await behaviour.hold
    }
    return behaviour.tokenAnswers.shift() ?? (type === "authorization_code" ? exchange(given) : renew(given))
  }

  const respond = (request: IncomingMessage, body: string): Reply => {
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? ""
    authorization.bearers.push(bearer)
    if (!accessTokens.has(bearer)) return json(401, { detail: `Could not validate the token ${bearer}` })
    const value: Readonly<Record<string, unknown>> = JSON.parse(body)
    const problems = demands(request, value)
    complain("backend", problems)
    if (problems.length > 0) return json(400, { detail: problems[0] })
    authorization.bodies.push(value)
    const answer = behaviour.answers.shift() ?? json(500, { detail: "no answer is left" })
    return typeof answer === "string"
      ? { status: 200, headers: { "content-type": "text/event-stream" }, body: answer }
      : answer
  }

  const route = async (request: IncomingMessage, body: string): Promise<Reply> => {
    const url = new URL(request.url ?? "/", "http://localhost")
    const asked = `${request.method} ${url.pathname}`
    if (asked === "GET /oauth/authorize") return authorize(url)
    if (asked === "POST /backend-api/codex/responses") return respond(request, body)
    if (url.pathname === "/oauth/token") return await token(request, body)
    complain("server", [`nobody asks for ${asked}`])
    return json(404, {})
  }

  const server = createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (piece: string) => {
      body += piece
    })
    request.on("end", () => {
      void route(request, body).then((reply) => {
        response.writeHead(reply.status, reply.headers)
        response.end(reply.body)
      })
    })
  })
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      authorization.issuer = `http://127.0.0.1:${port}`
      authorization.baseUrl = `http://127.0.0.1:${port}/backend-api/codex`
      resolve({ authorization, server })
    })
  })
}

/** What the backend demands of a request, beyond a good token. The words are its own. */
const demands = (request: IncomingMessage, body: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const { headers } = request
  if (headers["chatgpt-account-id"] !== accountId) problems.push("wrong chatgpt-account-id")
  if (headers.originator !== "axonal") problems.push("wrong originator")
  if (headers["openai-beta"] !== "responses=experimental") problems.push("wrong openai-beta")
  if (!/text\/event-stream/.test(headers.accept ?? "")) problems.push("wrong accept")
  if (!/^application\/json/.test(headers["content-type"] ?? "")) problems.push("wrong content-type")
  if (body["store"] !== false) problems.push("Store must be set to false")
  if (body["stream"] !== true) problems.push("Stream must be set to true")
  const { input, instructions } = body
  if (typeof instructions !== "string" || instructions === "") problems.push("Instructions are required")
  for (const name of Object.keys(body)) if (!bodyFields.has(name)) problems.push(`Unsupported parameter: ${name}`)
  if (!Array.isArray(body["include"]) || !body["include"].includes("reasoning.encrypted_content")) {
    problems.push("encrypted reasoning is not asked for")
  }
  if (!Array.isArray(input)) return [...problems, "Input must be a list"]
  for (const item of input) {
    if (item.role === "system") problems.push("System messages are not allowed")
    if (item.type === "item_reference") problems.push("Items are not stored")
  }
  return problems
}

/** What a browser does: visits the address, and then the one it is sent to. Answers that one, and what it showed. */
export const browse = async (
  url: string
): Promise<{ readonly back: URL; readonly status: number; readonly page: string }> => {
  const back = new URL(await visit(url))
  const response = await fetch(back)
  return { back, status: response.status, page: await response.text() }
}

/** The first half: where the authorization server sends the person. */
export const visit = async (url: string): Promise<string> => {
  const response = await fetch(url, { redirect: "manual" })
  return response.headers.get("location") ?? `no redirect: ${response.status}`
}
