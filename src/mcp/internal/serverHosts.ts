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
    const { origin } = headers
    const isAllowed =
      origins.includes(origin) || matches(/^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() ?? "", origins)
    if (!isAllowed) return `Pages of ${shown(origin)} may not use this server`
  }
  return undefined
}

// internal

/** A name with its port, where only names with a port in the list mean one. */
const matches = (host: string, allowed: ReadonlyArray<string>): boolean => {
  const name = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host)?.[1]
  return (
    name !== undefined && name !== "" && allowed.some((one) => one.toLowerCase() === host || one.toLowerCase() === name)
  )
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 200))
