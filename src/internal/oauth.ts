/**
 * The parts of an OAuth login with PKCE (RFC 7636) that are the same for every vendor: secrets from the system's random
 * source, the address a person visits, and what comes back from it. Pure but for the randomness.
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"

/**
 * A secret and what may be shown of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pkce {
  /** 64 characters that only this process knows until the code is exchanged. */
  readonly verifier: string
  /** Its SHA-256, which the authorization server keeps to compare. */
  readonly challenge: string
}

/**
 * Text that nobody can guess, safe in addresses.
 *
 * @category constructors
 * @since 0.1.0
 */
export const randomText = (bytes: number): string =>
  Encoding.encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)))

/**
 * Makes a verifier and its challenge.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pkce: Effect.Effect<Pkce> = Effect.promise(async () => {
  const verifier = randomText(48)
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))
  return { verifier, challenge: Encoding.encodeBase64Url(new Uint8Array(digest)) }
})

/**
 * The address at which a person agrees.
 *
 * @category constructors
 * @since 0.1.0
 */
export const authorizeUrl = (endpoint: string, parameters: { readonly [name: string]: string }): string => {
  const url = new URL(endpoint)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}

/**
 * What an authorization server sent a person back with.
 *
 * **Details**
 *
 * - `Foreign`: not the answer to this login: its state is missing, doubled or wrong. Says nothing else about it.
 * - `Denied`: the server said no. `why` is its word for it and its description.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Code"; readonly code: string }
  | { readonly _tag: "Denied"; readonly why: string }
  | { readonly _tag: "Foreign"; readonly why: string }

/**
 * Reads the parameters a person came back with. The state is looked at before anything else.
 *
 * @category converters
 * @since 0.1.0
 */
export const answerOf = (parameters: URLSearchParams, state: string): Answer => {
  const given = only(parameters, "state")
  if (given === undefined || !isSame(given, state)) {
    return { _tag: "Foreign", why: "The state does not belong to this login." }
  }
  const error = only(parameters, "error")
  if (error !== undefined) {
    const description = only(parameters, "error_description")
    return { _tag: "Denied", why: description === undefined ? error : `${error}: ${description}` }
  }
  const code = only(parameters, "code")
  return code === undefined ? { _tag: "Denied", why: "No code came back." } : { _tag: "Code", code }
}

/**
 * Reads what a person copied: the whole address they were sent to, its parameters, or the code alone.
 *
 * **Gotchas**
 *
 * A code alone has no state to check. The verifier still makes a code of another login worthless.
 *
 * @category converters
 * @since 0.1.0
 */
export const answerOfText = (text: string, state: string): Answer => {
  const pasted = text.trim()
  if (pasted === "") return { _tag: "Foreign", why: "Nothing was pasted." }
  if (URL.canParse(pasted) && pasted.includes("://")) return answerOf(new URL(pasted).searchParams, state)
  if (/(^|[?&])(code|error|state)=/.test(pasted)) {
    return answerOf(new URLSearchParams(pasted.replace(/^[^?]*\?/, "")), state)
  }
  const [code = "", given] = pasted.split("#")
  if (given !== undefined) return answerOf(new URLSearchParams({ code, state: given }), state)
  return /\s/.test(code) ? { _tag: "Foreign", why: "This is neither an address nor a code." } : { _tag: "Code", code }
}

/**
 * Whether two texts are the same, in a time that does not tell where they differ.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isSame = (left: string, right: string): boolean => {
  let difference = left.length ^ right.length
  for (let at = 0; at < right.length; at++) difference |= left.charCodeAt(at % left.length) ^ right.charCodeAt(at)
  return difference === 0
}

// internal

/** The value of a parameter that was given once and holds something. */
const only = (parameters: URLSearchParams, name: string): string | undefined => {
  const [value = "", ...more] = parameters.getAll(name)
  return value === "" || more.length > 0 ? undefined : value
}
