/**
 * Which addresses a host may be reached at. A name is resolved once, every address of the answer is judged, and a connection
 * is made to those and no others, so that a second answer of the name cannot lead elsewhere.
 */
import * as Dns from "node:dns/promises"
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Urls from "../../internal/urls.ts"
import type { Reason } from "./webReason.ts"

/** An address as sockets take it. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Finds the addresses of a name: texts as they stand in the answer. */
export type Resolve = (host: string) => Effect.Effect<ReadonlyArray<string>, Error>

/** The resolver of the system, which also reads its table of hosts. */
export const system: Resolve = (host) =>
  Effect.tryPromise({
    try: async () => (await Dns.lookup(host, { all: true, verbatim: true })).map(({ address }) => address),
    catch: (cause) => (cause instanceof Error ? cause : new Error("the resolver failed"))
  })

/** Reads a URL as the one that will be requested. */
export const target = (url: URL): Either.Either<Urls.Target, Reason> => {
  const scheme = url.protocol.slice(0, -1)
  // A name and a port is what it would be read as where a scheme may be missing.
  if (!schemes.has(scheme)) return Either.left(refused(`${scheme}: is not a scheme that may be used.`))
  return Either.mapLeft(Urls.parsed(url.href, schemes), (problem) => refused(`${problem}.`))
}

/** The addresses that a URL may be requested at. */
export const addresses = (
  target: Urls.Target,
  allow: ReadonlyArray<Urls.Pattern>,
  resolve: Resolve
): Effect.Effect<ReadonlyArray<Address>, Reason> =>
  Effect.gen(function* () {
    const { host } = target
    const mayBePrivate = allow.some((pattern) => !pattern.below && Urls.matches(pattern, target, "usual"))
    const judged = mayBePrivate ? undefined : Urls.privacy(host)
    if (judged !== undefined) return yield* Effect.fail(refused(`${host} is ${judged}. ${advice}`))
    const found =
      Net.isIP(host) === 0
        ? yield* Effect.mapError(
            resolve(host),
            (error): Reason => ({ _tag: "Unresolved", host, problem: codeOf(error) })
          )
        : [host]
    if (found.length === 0) return yield* Effect.fail<Reason>({ _tag: "Unresolved", host, problem: "no address" })
    return yield* Effect.forEach(found, (text) => {
      const address = normal(text)
      if (address === undefined) return Effect.fail(refused(`${host} resolves to something that is no address.`))
      return mayBePrivate || Urls.privacy(address.address) === undefined
        ? Effect.succeed(address)
        : Effect.fail(refused(`${host} resolves to ${address.address}, which is not of the internet. ${advice}`))
    })
  })

// internal

const schemes: ReadonlySet<string> = new Set(["http", "https"])

const advice = "If it may be reached, name it in the option allow."

const refused = (problem: string): Reason => ({ _tag: "Refused", problem })

/** An address in its normal form. One that is only meant on some network card of this machine is none. */
const normal = (text: string): Address | undefined => {
  const family = Net.isIP(text)
  if (family === 4) return { address: text, family }
  const whole = `http://[${text}]/`
  return family === 6 && URL.canParse(whole)
    ? { address: new URL(whole).hostname.replace(/^\[|\]$/g, ""), family }
    : undefined
}

const codeOf = (error: Error): string =>
  "code" in error && typeof error.code === "string" ? error.code : error.message
