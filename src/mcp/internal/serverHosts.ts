/**
 * Whether a request came the way it should: to a name that is ours, and not from a page of somebody else's. A page may have
 * its own name point to this machine and so reach servers that only this machine should.
 */

/** The names under which a server is reached, and from which pages. */
export interface Allowed {
  readonly hosts: ReadonlyArray<string> | "any"
  readonly origins: ReadonlyArray<string> | "any"
}

/** The names of this machine, on any port. */
export const local: ReadonlyArray<string> = ["localhost", "127.0.0.1", "[::1]"]

/** What is wrong with names that no request could ever match, if anything. */
export const problemOf = ({ hosts, origins }: Allowed): string | undefined => {
  const wrong = (option: string, names: Allowed["hosts"], form: RegExp, how: string) => {
    const one = names === "any" ? undefined : names.find((name) => typeof name !== "string" || !form.test(name))
    return one === undefined ? undefined : `McpServer option ${option} has ${JSON.stringify(one)}: write ${how}`
  }
  return (
    wrong("hosts", hosts, /^(?:\[[\da-f:.]+\]|[^\s:/[\]@]+)(?::\d+)?$/i, "a name, or name:port") ??
    wrong(
      "origins",
      origins,
      /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:\[[\da-f:.]+\]|[^\s:/[\]@]+)(?::\d+)?$/i,
      "https://name, or name:port"
    )
  )
}

/** Why a request is refused, or nothing. */
export const refusal = (
  { hosts, origins }: Allowed,
  headers: { readonly host?: string | undefined; readonly origin?: string | undefined }
): string | undefined => {
  if (hosts !== "any") {
    const { host = "" } = headers
    if (!matches(host.toLowerCase(), hosts)) return `The host ${shown(host)} is not one of this server`
  }
  if (origins !== "any" && headers.origin !== undefined) {
    const origin = headers.origin.toLowerCase()
    const isNamed = origins.some((one) => one.toLowerCase() === origin)
    if (!isNamed && !matches(/^https?:\/\/(.+)$/.exec(origin)?.[1] ?? "", origins)) {
      return `Pages of ${shown(headers.origin)} may not use this server`
    }
  }
  return undefined
}

/** What lets the browser hand an answer to a page that may use the server. */
export const shared = (origin: string): Readonly<Record<string, string>> => ({
  "access-control-allow-origin": origin,
  "access-control-expose-headers": "mcp-session-id, www-authenticate, retry-after",
  vary: "origin"
})

/** What a browser is told that asks on behalf of such a page whether it may. */
export const permitted = (methods: ReadonlyArray<string>, headers: string | undefined) => ({
  "access-control-allow-methods": methods.join(", "),
  ...(headers === undefined ? undefined : { "access-control-allow-headers": headers }),
  "access-control-max-age": "600"
})

// internal

/** A name with its port, where only names with a port in the list mean one. */
const matches = (host: string, allowed: ReadonlyArray<string>): boolean => {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1]
  return (
    name !== undefined && name !== "" && allowed.some((one) => one.toLowerCase() === host || one.toLowerCase() === name)
  )
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 200))
