/**
 * Makes sense of how vendors say no: JSON in half a dozen shapes, HTML of a proxy, text, an HTTP status, an object inside
 * the stream. The kind of failure is taken from what is most specific.
 */
import type { Json } from "./json.ts"
import { arrayOf, isJson, numberOf, parseJson, textOf } from "./json.ts"

/**
 * What a vendor said went wrong.
 *
 * @category models
 * @since 0.1.0
 */
export interface Complaint {
  readonly message: string
  readonly status?: number | undefined
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly requestId?: string | undefined
  readonly retryAfterMillis?: number | undefined
}

/**
 * A failure in words that hold for every vendor. The same fields as the reason of a `TransportError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure extends Complaint {
  readonly _tag:
    | "RateLimited"
    | "Overloaded"
    | "Network"
    | "Timeout"
    | "Authentication"
    | "InvalidRequest"
    | "ContextOverflow"
    | "Filtered"
    | "Malformed"
  readonly permanent?: boolean | undefined
}

/**
 * Reads an error object in any of the known shapes, or `undefined` when the value is none.
 *
 * **Details**
 *
 * - `{ error: { message, type, code } }`, `{ error: "…", code }`, `{ detail }`, `{ message, … }` and an array of these.
 *
 * @category converters
 * @since 0.1.0
 */
export const complaintOf = (value: unknown): Complaint | undefined => {
  if (Array.isArray(value)) return value.length === 0 ? undefined : complaintOf(value[0])
  if (typeof value === "string") return value === "" ? undefined : { message: value }
  if (!isJson(value)) return undefined
  if (isJson(value["error"])) {
    return { ...complaintOfObject(value["error"]), requestId: textOf(value["request_id"]) }
  }
  const text = textOf(value["error"])
  if (text !== undefined) return { ...complaintOfObject(value), message: text }
  return "message" in value || "detail" in value ? complaintOfObject(value) : undefined
}

const complaintOfObject = (error: Json): Complaint => {
  const metadata = isJson(error["metadata"]) ? error["metadata"] : {}
  const message = textOf(error["message"]) ?? detailOf(error["detail"]) ?? JSON.stringify(error)
  // An aggregator wraps the message of the vendor behind it.
  const raw = textOf(metadata["raw"])
  const code = error["code"]
  const numeric = numberOf(error["status_code"]) ?? numberOf(code) ?? numberOf(error["status"])
  return {
    message: raw === undefined ? message : `${message}: ${raw}`,
    status: numeric !== undefined && numeric >= 400 && numeric < 600 ? numeric : undefined,
    type: textOf(error["type"]) ?? textOf(error["status"]),
    code: typeof code === "number" ? String(code) : textOf(code),
    retryAfterMillis: retryInfo(error["details"])
  }
}

/** `detail` is a text, or a list of what did not validate. */
const detailOf = (detail: unknown): string | undefined =>
  textOf(detail) ?? (detail === undefined || detail === null ? undefined : JSON.stringify(detail))

/** `{ "@type": "…RetryInfo", "retryDelay": "48s" }` among the details. */
const retryInfo = (details: unknown): number | undefined => {
  for (const detail of arrayOf(details)) {
    const seconds = isJson(detail) ? /^([\d.]+)s$/.exec(textOf(detail["retryDelay"]) ?? "")?.[1] : undefined
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1000)
  }
  return undefined
}

/** How vendors word that the conversation is too long. Each wording is in the table of `overflow.test.ts`. */
const overflow = new RegExp(
  [
    "context[_ ]?(length|window|size)[_ ]?(is[_ ])?exceed",
    "maximum context length",
    "(exceeds?|exceeded|greater than|larger than|longer than) (the |its |this )?(model'?s? )?(maximum |max |available )?context",
    "context window exceeds",
    "configured context size",
    "prompt (is )?too (long|large)",
    "prompt exceeds max(imum)? length",
    "prompt token count of \\d+ exceeds",
    "input is too long",
    "input token count.*exceeds",
    "range of input length should be",
    "maximum (allowed )?(prompt|input|model) length",
    "(inputs|`inputs`)( tokens \\+ `?max_new_tokens`?)? must (be <=|have less than)",
    "reduce the length of (the|your) (messages|prompt|input)",
    "exceeded model token limit",
    "tokens? (in request )?more than max tokens? allowed",
    "max tokens of \\d+ exceeded",
    "too many tokens",
    "tokens?_limit_reached",
    "exceed_context_size",
    "model_context_window_exceeded",
    "string_above_max_length"
  ].join("|"),
  "i"
)

/** A limit per time, whatever else is said about tokens. */
const paced =
  /(rate|usage)[_ -]?limit|too many requests|tokens? per (min|minute|hour|day)\b|\bTP[MDH]\b|throttl|please wait before/i

const filtered = /content[_ ]?(filter|policy|management)|responsible_?ai|moderation|flagged|safety (system|filter)/i
const badKey =
  /(invalid|incorrect|missing|not valid|no|expired) (api|x-api|auth)[- _]?(key|token)|api[- _]?key.{0,40}(invalid|not valid|incorrect|expired)|invalid_api_key|unauthorized|authentication/i
const noMoney =
  /insufficient[_ ](quota|balance|credits?|funds)|billing_(hard_limit|not_active)|credit balance is|payment required|out of credits/i

/** Some servers repeat the whole request in what they say about it, and nobody reads more than this. */
const longest = 4000

const short = (text: string): string => (text.length > longest ? `${text.slice(0, longest)}…` : text)

/**
 * The failure that a complaint with this status stands for. Of long texts only the beginning counts and is kept.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failureOf = (complaint: Complaint, retryAfterMillis?: number | undefined): Failure => {
  const { requestId, status } = complaint
  const message = short(complaint.message)
  const code = complaint.code === undefined ? undefined : short(complaint.code)
  const type = complaint.type === undefined ? undefined : short(complaint.type)
  const words = `${type ?? ""} ${code ?? ""} ${message}`
  const _tag = tagOf(status, words)
  const wait = Math.max(retryAfterMillis ?? 0, complaint.retryAfterMillis ?? 0)
  return {
    _tag,
    message,
    ...(status === undefined ? undefined : { status }),
    ...(type === undefined ? undefined : { type }),
    ...(code === undefined ? undefined : { code }),
    ...(requestId === undefined ? undefined : { requestId }),
    ...(retryAfterMillis === undefined && complaint.retryAfterMillis === undefined
      ? undefined
      : { retryAfterMillis: wait }),
    ...(_tag === "RateLimited" && (status === 402 || noMoney.test(words) || /request too large/i.test(message))
      ? { permanent: true }
      : undefined)
  }
}

const tagOf = (status: number | undefined, words: string): Failure["_tag"] => {
  // Never an overflow, whatever it says about tokens: the limit is one per minute.
  if (status === 429 || status === 402) return "RateLimited"
  if ((status === undefined || status === 400 || status === 413) && paced.test(words)) return "RateLimited"
  if (overflow.test(words)) return "ContextOverflow"
  if (status === undefined || status === 400 || status === 403 || status === 422) {
    if (filtered.test(words)) return "Filtered"
  }
  if (status === 401 || status === 403) return "Authentication"
  if (status === 408 || status === 504) return "Timeout"
  if (status === 413) return "ContextOverflow"
  // 499 is how Google says that it gave up on an answer.
  if (status === 409 || status === 425 || status === 499) return "Overloaded"
  if (status === 501 || status === 505) return "InvalidRequest"
  if (status !== undefined && status >= 500) return "Overloaded"
  if (status === undefined || status === 400) {
    if (badKey.test(words)) return "Authentication"
    if (/quota/i.test(words)) return "RateLimited"
  }
  if (status !== undefined) return "InvalidRequest"
  if (noMoney.test(words)) return "RateLimited"
  return /invalid_request|invalid-argument|invalid_argument|not_found|validation/i.test(words)
    ? "InvalidRequest"
    : "Overloaded"
}

/**
 * The failure behind an answer whose status is not 2xx.
 *
 * @category constructors
 * @since 0.1.0
 */
export const failureOfStatus = (status: number, text: string, retryAfterMillis: number | undefined): Failure => {
  const complaint = complaintOf(parseJson(text))
  if (complaint !== undefined) {
    // The status of the answer itself holds; one in the body is that of a server behind it.
    return failureOf({ ...complaint, status }, retryAfterMillis)
  }
  const said = excerpt(text)
  if ((status >= 300 && status < 400) || status === 404 || status === 405) {
    return { _tag: "Malformed", status, message: said === "" ? `The server answered ${status}.` : said }
  }
  return failureOf(
    { status, message: said === "" ? `The server answered ${status} and nothing else.` : said },
    retryAfterMillis
  )
}

/**
 * The beginning of what a server said, as one line of text: the title of a page, or its words without markup.
 *
 * @category converters
 * @since 0.1.0
 */
export const excerpt = (text: string): string => {
  const head = text.slice(0, 4096)
  const title = /<title[^>]*>([^<]*)<\/title>/i.exec(head)?.[1]
  const plain = (title ?? head.replace(/<(script|style)[\s\S]*?<\/\1>/gi, " ").replace(/<[^>]*>/g, " "))
    .replace(/\s+/g, " ")
    .trim()
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain
}

/**
 * How long the headers of an answer ask to wait, in milliseconds: the longest of what they say.
 *
 * **Details**
 *
 * - `retry-after` in seconds or as a date, `retry-after-ms`. Azure sends 1 second and 0 ms together.
 *
 * @category converters
 * @since 0.1.0
 */
export const retryAfter = (
  headers: { readonly [name: string]: string | undefined },
  now: number
): number | undefined => {
  const waits: Array<number> = []
  const millis = Number.parseFloat(headers["retry-after-ms"] ?? "")
  if (millis >= 0) waits.push(millis)
  const value = headers["retry-after"]?.trim() ?? ""
  if (/^\d+(\.\d+)?$/.test(value)) waits.push(Number(value) * 1000)
  else if (value !== "") {
    const date = Date.parse(value)
    if (!Number.isNaN(date)) waits.push(Math.max(0, date - now))
  }
  return waits.length === 0 ? undefined : Math.ceil(Math.max(...waits))
}

/**
 * The vendor's name for a request, which it wants to hear when it is asked about a failure.
 *
 * @category converters
 * @since 0.1.0
 */
export const requestIdOf = (headers: { readonly [name: string]: string | undefined }): string | undefined =>
  requestIdHeaders.map((name) => textOf(headers[name])).find((id) => id !== undefined)

const requestIdHeaders = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
  "x-correlation-id",
  "cf-ray"
]

/**
 * Takes secrets out of a text that a server wrote: some repeat the key they refuse. Where a text was cut it may end with
 * the beginning of one.
 *
 * @category converters
 * @since 0.1.0
 */
export const withoutSecrets = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets.reduce((clean, secret) => {
    if (secret.length < shortestSecret) return clean
    const whole = clean.replaceAll(secret, redacted)
    if (!whole.endsWith("…")) return whole
    const said = whole.slice(0, -1)
    for (let length = secret.length - 1; length >= shortestSecret; length--) {
      if (said.endsWith(secret.slice(0, length))) return `${said.slice(0, -length)}${redacted}…`
    }
    return whole
  }, text)

const redacted = "<redacted>"
const shortestSecret = 4

/**
 * The failure without secrets in any of its texts.
 *
 * @category converters
 * @since 0.1.0
 */
export const failureWithoutSecrets = <F extends Failure>(failure: F, secrets: ReadonlyArray<string>): F => {
  const { code, message, requestId, type } = failure
  const clean = (text: string): string => withoutSecrets(text, secrets)
  return {
    ...failure,
    message: clean(message),
    ...(type === undefined ? undefined : { type: clean(type) }),
    ...(code === undefined ? undefined : { code: clean(code) }),
    ...(requestId === undefined ? undefined : { requestId: clean(requestId) })
  }
}

/**
 * Whether a request that got this answer may be sent again: an answer is a refusal, unless a gateway only gave up waiting.
 *
 * @category converters
 * @since 0.1.0
 */
export const replayOf = (failure: Failure): "safe" | "unknown" =>
  failure._tag === "Network" || failure._tag === "Timeout" || failure._tag === "Malformed" || failure.status === 502
    ? "unknown"
    : "safe"

/** Codes that mean that nothing was sent. */
const unreached =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+|UNABLE_TO_\w+|ERR_INVALID_URL)$/

/**
 * The failure behind an error of the HTTP client, and whether the server may have got the request.
 *
 * @category constructors
 * @since 0.1.0
 */
export const networkFailure = (
  error: unknown,
  origin: string,
  opening: boolean
): { readonly failure: Failure; readonly reached: boolean } => {
  const code = codeOf(error, 0)
  const named = code === undefined ? "" : ` (${code})`
  const reached = code === undefined || !unreached.test(code)
  const message = !reached
    ? `Could not reach ${origin}${named}.`
    : opening
      ? `The connection to ${origin} failed before it answered${named}.`
      : `The connection to ${origin} was lost before the answer was complete${named}.`
  const _tag = code !== undefined && /TIMEDOUT|TIMEOUT/.test(code) ? "Timeout" : "Network"
  return { failure: { _tag, message, ...(code === undefined ? undefined : { code }) }, reached }
}

/** The first code of an operating system or a client, in the error, its causes or its parts. */
const codeOf = (error: unknown, depth: number): string | undefined => {
  if (typeof error !== "object" || error === null || depth > 5) return undefined
  if ("code" in error && typeof error.code === "string" && error.code !== "") return error.code
  const inner = "cause" in error ? codeOf(error.cause, depth + 1) : undefined
  if (inner !== undefined) return inner
  const parts = "errors" in error ? arrayOf(error.errors) : []
  return parts.map((part) => codeOf(part, depth + 1)).find((code) => code !== undefined)
}
