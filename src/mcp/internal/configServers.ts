/**
 * From one file of servers to how each is used: the names that different programs have for the same thing, and what is wrong
 * with what people wrote, all of it at once.
 */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { nearest } from "../../internal/nearest.ts"
import type { Json } from "./clientJson.ts"
import { isJson, jsonOf, textOf } from "./clientJson.ts"
import { filled, parsed } from "./configText.ts"

/** A file, and what its places are filled in with. */
export interface Source {
  readonly file: string
  readonly text: string
  readonly environment: ReadonlyMap<string, string>
  /** Names that are not of the environment, as `workspaceFolder`. */
  readonly known: Readonly<Record<string, string>>
  /** Whether somebody else may have written it: then it does not say what is allowed. */
  readonly isForeign: boolean
}

/** Something that is not as it should be. A server with an error is not used. */
export interface Problem {
  readonly file: string
  readonly server: string | undefined
  readonly field: string | undefined
  readonly problem: string
  readonly severity: "error" | "warning"
}

/** How a server is used, in the words of the port. */
export interface Settings {
  readonly command?: string | undefined
  readonly args?: ReadonlyArray<string> | undefined
  readonly env?: Readonly<Record<string, Redacted.Redacted>> | undefined
  readonly cwd?: string | undefined
  readonly url?: string | undefined
  readonly transport?: "http" | "sse" | undefined
  readonly headers?: Readonly<Record<string, Redacted.Redacted>> | undefined
  readonly oauth?: {
    readonly clientId?: string | undefined
    readonly clientSecret?: Redacted.Redacted | undefined
    readonly scope?: string | undefined
  }
  readonly enabled?: boolean | undefined
  readonly trusted?: boolean | undefined
  readonly timeout?: number | undefined
  readonly allow?: ReadonlyArray<string> | undefined
  readonly include?: ReadonlyArray<string> | undefined
  readonly exclude?: ReadonlyArray<string> | undefined
}

/** The servers of a file: those that can be used, and the problems of all. */
export const serversOf = (
  source: Source
): {
  readonly servers: ReadonlyArray<readonly [string, Settings | undefined]>
  readonly problems: ReadonlyArray<Problem>
} => {
  const problems: Array<Problem> = []
  const whole = parsed(source.text)
  const add = (severity: Problem["severity"], problem: string, server?: string, field?: string): void => {
    problems.push({ file: source.file, server, field, problem, severity })
  }
  const list = Either.isLeft(whole) ? whole : listOf(whole.right)
  if (Either.isLeft(list)) {
    add("error", list.left)
    return { servers: [], problems }
  }
  const servers = Object.entries(list.right).map(([name, value]) => {
    if (name.trim() === "" || !isJson(value)) {
      add("error", name.trim() === "" ? "a server has no name" : "must be an object with command or url", name)
      return [name, undefined] as const
    }
    const before = problems.length
    const reading = new Reading(source, value, (severity, problem, field) => add(severity, problem, name, field))
    const settings = reading.settings()
    return [name, problems.slice(before).some(({ severity }) => severity === "error") ? undefined : settings] as const
  })
  return { servers, problems }
}

// internal

const listOf = (whole: unknown): Either.Either<Json, string> => {
  const json = jsonOf(whole)
  for (const list of [json["mcpServers"], json["servers"], jsonOf(json["mcp"])["servers"]]) {
    if (isJson(list)) return Either.right(list)
  }
  const items = Object.values(json)
  const isList = items.length > 0 && items.every((item) => isJson(item) && ("command" in item || "url" in item))
  if (isList) return Either.right(json)
  const lonely = Object.keys(json).find((key) => nearest(key, ["mcpServers", "servers"]) !== undefined)
  const hint = lonely === undefined ? "" : `; did you mean it by ${JSON.stringify(lonely)}?`
  return Either.left(`has no object "mcpServers" or "servers"${hint}`)
}

/** What fields are called, ours first. */
const names = {
  command: ["command"],
  args: ["args"],
  env: ["env", "environment"],
  cwd: ["cwd"],
  url: ["url", "httpUrl", "serverUrl"],
  headers: ["headers", "http_headers"],
  type: ["type", "transport"],
  oauth: ["oauth"],
  off: ["disabled"],
  on: ["enabled"],
  timeout: ["timeout"],
  trusted: ["trust"],
  allow: ["alwaysAllow", "autoApprove"],
  include: ["allowedTools", "includeTools"],
  exclude: ["excludeTools", "disabledTools"]
} as const

/** Fields of other programs that say nothing of how a server is used. */
const unimportant = ["name", "description", "version", "gallery", "icon", "dev", "note", "envFile"]

const known: ReadonlyArray<string> = [...Object.values(names).flat(), ...unimportant]

type Tell = (severity: Problem["severity"], problem: string, field?: string) => void

/** The reading of one server. */
class Reading {
  readonly #source: Source
  readonly #json: Json
  readonly #tell: Tell

  constructor(source: Source, json: Json, tell: Tell) {
    this.#source = source
    this.#json = json
    this.#tell = tell
  }

  settings(): Settings {
    for (const field of Object.keys(this.#json)) {
      if (known.includes(field)) continue
      const meant = nearest(field, known)
      this.#tell("warning", `is not known${meant === undefined ? "" : `; did you mean ${meant}?`}`, field)
    }
    if ("envFile" in this.#json) this.#tell("warning", "is not read; set the variables in env", "envFile")
    const off = this.#boolean(names.off)
    const enabled = off === undefined ? this.#boolean(names.on) : !off
    const way = this.#way()
    return {
      ...way,
      ...(enabled === undefined ? undefined : { enabled }),
      ...this.#given(
        "trusted",
        this.#own(names.trusted, (fields) => this.#boolean(fields))
      ),
      ...this.#given(
        "allow",
        this.#own(names.allow, (fields) => this.#texts(fields))
      ),
      ...this.#given("include", this.#texts(names.include)),
      ...this.#given("exclude", this.#texts(names.exclude)),
      ...this.#given("timeout", this.#timeout())
    }
  }

  #given<Name extends string, A>(name: Name, value: A | undefined): { readonly [_ in Name]?: A } {
    const given: { [_ in Name]?: A } = {}
    if (value !== undefined) given[name] = value
    return given
  }

  /** What a file that others write has no say in. */
  #own<A>(fields: ReadonlyArray<string>, read: (fields: ReadonlyArray<string>) => A | undefined): A | undefined {
    const field = fields.find((name) => name in this.#json)
    if (field === undefined || !this.#source.isForeign) return read(fields)
    this.#tell("warning", "does not count in a file of the project; set it in your own", field)
    return undefined
  }

  #way(): Settings {
    const [line, url] = [this.#command(), this.#url()]
    const type = this.#text(names.type)
      ?.toLowerCase()
      .replace(/[^a-z]/g, "")
    const kinds = {
      stdio: "stdio",
      local: "stdio",
      http: "http",
      streamablehttp: "http",
      remote: undefined,
      sse: "sse"
    }
    if (type !== undefined && !Object.keys(kinds).includes(type)) {
      this.#tell("error", `must be "stdio", "http", "streamable-http" or "sse", not ${JSON.stringify(type)}`, "type")
    }
    const isBroken =
      line === undefined && url === undefined && this.#field([...names.command, ...names.url]) !== undefined
    if (isBroken) return {}
    if ((line === undefined) === (url === undefined)) {
      const both =
        line === undefined ? "has neither command nor url" : "has both command and url; leave one of them out"
      this.#tell("error", both)
      return {}
    }
    const isProgram = type === "stdio" || type === "local"
    if (type !== undefined && type in kinds && isProgram !== (line !== undefined)) {
      this.#tell("error", `is ${JSON.stringify(type)}, which needs ${isProgram ? "a command" : "a url"}`, "type")
    }
    if (line !== undefined) {
      const [env, cwd] = [this.#record(names.env), this.#text(names.cwd)]
      return { ...line, ...this.#given("env", env), ...this.#given("cwd", cwd) }
    }
    const transport: Settings["transport"] =
      type === "sse"
        ? "sse"
        : type === "http" || type === "streamablehttp" || "httpUrl" in this.#json
          ? "http"
          : undefined
    return {
      ...this.#given("url", url),
      ...this.#given("transport", transport),
      ...this.#given("headers", this.#record(names.headers)),
      ...this.#given("oauth", this.#oauth())
    }
  }

  #command(): { readonly command: string; readonly args: ReadonlyArray<string> } | undefined {
    const args = this.#texts(names.args) ?? []
    if (Array.isArray(this.#json["command"])) {
      const [command, ...more] = this.#texts(names.command) ?? []
      return command === undefined ? undefined : { command, args: [...more, ...args] }
    }
    const command = this.#text(names.command)
    return command === undefined ? undefined : { command, args }
  }

  #url(): string | undefined {
    const url = this.#text(names.url)
    if (url === undefined) return undefined
    if (URL.canParse(url) && /^https?:/i.test(url)) return url
    this.#tell("error", "must be an http or https URL", this.#field(names.url))
    return url
  }

  #oauth(): Settings["oauth"] {
    const json = this.#json["oauth"]
    if (!isJson(json)) return undefined
    const text = (name: string) => this.#filled(json[name], `oauth.${name}`)
    const [clientId, clientSecret] = [text("clientId"), text("clientSecret")]
    const scopes = Array.isArray(json["scopes"]) ? json["scopes"].map(String).join(" ") : text("scope")
    return {
      ...this.#given("clientId", clientId),
      ...this.#given("clientSecret", clientSecret === undefined ? undefined : Redacted.make(clientSecret)),
      ...this.#given("scope", scopes)
    }
  }

  /** Below 1000 it can only be meant in seconds. */
  #timeout(): number | undefined {
    const value = this.#json["timeout"]
    if (value === undefined) return undefined
    if (typeof value === "number" && value > 0) return value < 1000 ? value * 1000 : value
    this.#tell("error", "must be a number above 0: seconds below 1000, milliseconds from there on", "timeout")
    return undefined
  }

  #field(fields: ReadonlyArray<string>): string | undefined {
    return fields.find((name) => this.#json[name] !== undefined && this.#json[name] !== null)
  }

  #text(fields: ReadonlyArray<string>): string | undefined {
    const field = this.#field(fields)
    return field === undefined ? undefined : this.#filled(this.#json[field], field)
  }

  #texts(fields: ReadonlyArray<string>): ReadonlyArray<string> | undefined {
    const field = this.#field(fields)
    if (field === undefined) return undefined
    const value = this.#json[field]
    if (!Array.isArray(value)) {
      this.#tell("error", "must be a list of texts", field)
      return undefined
    }
    return value.map((item: unknown, index) => this.#filled(item, `${field}[${index}]`) ?? "")
  }

  #record(fields: ReadonlyArray<string>): Readonly<Record<string, Redacted.Redacted>> | undefined {
    const field = this.#field(fields)
    if (field === undefined) return undefined
    const value = this.#json[field]
    if (!isJson(value)) {
      this.#tell("error", "must be an object of texts", field)
      return undefined
    }
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, item]) => {
        const text = this.#filled(item, `${field}.${name}`)
        return text === undefined ? [] : [[name, Redacted.make(text)] as const]
      })
    )
  }

  #boolean(fields: ReadonlyArray<string>): boolean | undefined {
    const field = this.#field(fields)
    const value = field === undefined ? undefined : this.#json[field]
    if (value === undefined || typeof value === "boolean") return value
    this.#tell("error", "must be true or false", field)
    return undefined
  }

  /** A text with its places filled in. Numbers and truths are meant as texts. */
  #filled(value: unknown, field: string): string | undefined {
    if (value === undefined || value === null) return undefined
    const text = typeof value === "number" || typeof value === "boolean" ? String(value) : textOf(value)
    if (text === undefined) {
      this.#tell("error", "must be a text", field)
      return undefined
    }
    const whole = filled(text, this.#source.environment, this.#source.known)
    if (Either.isRight(whole)) return whole.right
    this.#tell("error", whole.left, field)
    return undefined
  }
}
