/**
 * A guard of URLs. It finds them in the arguments of calls, reads each in the one way in which it will run, refuses what
 * leads into private networks or is no address of the web, and asks about hosts that nobody has allowed.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Urls from "../internal/urls.ts"
import * as Guard from "./Guard.ts"
import * as Fields from "./internal/argumentFields.ts"

/**
 * How a URL guard is set up.
 *
 * **Details**
 *
 * - `allow`, `deny`: hosts. `example.com` is that host alone, `*.example.com` all below it, `*` every one; `:8080` names a
 *   port and `:*` all. Without a port, `allow` means the usual port of the scheme and `deny` means all.
 * - `schemes`: those that may be used, by name; `https` and `http` when absent.
 * - `tools`: the URL arguments of each tool, with dots into objects and `*` for every item or key. Of a tool that is not
 *   named here, every argument counts that is named or written like a URL.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly allow?: ReadonlyArray<string> | undefined
  readonly deny?: ReadonlyArray<string> | undefined
  readonly schemes?: ReadonlyArray<string> | undefined
  readonly tools?: Readonly<Record<string, ReadonlyArray<string>>> | undefined
}

/**
 * A host in `allow` or `deny` that names none, or a scheme that is none.
 *
 * @category errors
 * @since 0.1.0
 */
export class UrlGuardError extends Schema.TaggedError<UrlGuardError>()("UrlGuardError", {
  host: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The URL guard cannot be set up with ${JSON.stringify(this.host)}: ${this.problem}.`
  }
}

/**
 * Makes a URL guard.
 *
 * **Details**
 *
 * - In this order: a URL that has two readings, a name before its host, or another scheme is denied; so is a host of
 *   `deny`; so is a private, local or special address, in whatever notation, unless `allow` names it without `*`; a host of
 *   `allow` goes ahead; any other asks, with the category `url:<host>`.
 * - A call goes ahead with the URL as it was read, in its normal form. Hosts of other alphabets are judged, shown and run
 *   in their ASCII form.
 *
 * **Gotchas**
 *
 * Names are not resolved, and answers may redirect: a tool that must not reach private networks also has to check the
 * addresses that it connects to.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Guard.Service, UrlGuardError> =>
  Effect.gen(function* () {
    const allow = yield* Effect.forEach(options.allow ?? [], patternOf)
    const deny = yield* Effect.forEach(options.deny ?? [], patternOf)
    const schemes = yield* Effect.forEach(options.schemes ?? ["https", "http"], schemeOf)
    const setup: Setup = {
      allow,
      deny,
      schemes: new Set(schemes),
      tools: new Map(Object.entries(options.tools ?? {}))
    }
    return Guard.make((call) => Effect.sync(() => verdict(setup, call)))
  })

/**
 * Layer of a URL guard.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Guard.Guard, UrlGuardError> =>
  Layer.effect(Guard.Guard, make(options))

// internal

interface Setup {
  readonly allow: ReadonlyArray<Urls.Pattern>
  readonly deny: ReadonlyArray<Urls.Pattern>
  readonly schemes: ReadonlySet<string>
  readonly tools: ReadonlyMap<string, ReadonlyArray<string>>
}

const urlWords = new Set([
  "url",
  "urls",
  "uri",
  "uris",
  "href",
  "hrefs",
  "link",
  "links",
  "endpoint",
  "webhook",
  "origin"
])

const maxNamed = 5

/** Texts that begin as a URL does. Schemes that carry code or a file count without slashes, too. */
const looksLikeUrl = (text: string): boolean =>
  shape.test(text.replace(/[\p{Cc}\p{Cf}]/gu, "").trimStart()) || /^[\\/]{2}[^\s\\/]\S*$/.test(text)

const shape = /^(?:[a-z][a-z0-9+.-]*:[\\/]|(?:data|javascript|vbscript|file|blob|about|view-source):\S)/i

const patternOf = (host: string): Effect.Effect<Urls.Pattern, UrlGuardError> =>
  Effect.mapError(Urls.pattern(host), (problem) => new UrlGuardError({ host, problem }))

const schemeOf = (scheme: string): Effect.Effect<string, UrlGuardError> =>
  /^[a-z][a-z0-9+.-]*:?$/i.test(scheme)
    ? Effect.succeed(scheme.toLowerCase().replace(/:$/, ""))
    : Effect.fail(new UrlGuardError({ host: scheme, problem: "a scheme is like https, with nothing behind it" }))

const verdict = (setup: Setup, call: Guard.Call): Guard.Verdict => {
  const declared = setup.tools.get(call.tool.name)
  const asked = new Set<string>()
  const changes: Array<Fields.Leaf> = []
  for (const leaf of Fields.leaves(call.input)) {
    if (leaf.value === null || leaf.value === undefined || !isUrl(leaf, declared)) continue
    const field = leaf.keys.join(".")
    if (typeof leaf.value !== "string") return Guard.Deny(`${field} is refused: a URL is a text`)
    const text = declared === undefined && !isNamedUrl(leaf) ? opening(leaf.value) : leaf.value
    const target = Either.flatMap(Urls.parsed(text, setup.schemes), (target) => permitted(setup, target))
    if (Either.isLeft(target)) return Guard.Deny(`${field} is refused: ${target.left}`)
    const { host, href, isAllowed } = target.right
    if (!isAllowed) asked.add(host)
    if (href !== text) changes.push({ keys: leaf.keys, value: href })
  }
  const input = changes.length === 0 ? undefined : Fields.replaced(call.input, changes)
  if (asked.size === 0) return input === undefined ? Guard.Allow : Guard.Rewrite(input)
  const hosts = [...asked]
  const more = hosts.length > maxNamed ? ` and ${hosts.length - maxNamed} more` : ""
  const [only] = hosts
  return {
    _tag: "Ask",
    reason: `${call.tool.name} would go to ${hosts.slice(0, maxNamed).join(", ")}${more}`,
    ...(hosts.length === 1 ? { category: `url:${only}` } : undefined),
    ...(input === undefined ? undefined : { input })
  }
}

/** Whether an argument is a URL, or may be one. */
const isUrl = ({ keys, value }: Fields.Leaf, declared: ReadonlyArray<string> | undefined): boolean => {
  if (declared !== undefined) return declared.some((field) => Fields.within(field, keys))
  if (typeof value !== "string" || value === "") return false
  return isNamedUrl({ keys }) || looksLikeUrl(value)
}

const isNamedUrl = ({ keys }: Pick<Fields.Leaf, "keys">): boolean =>
  urlWords.has(Fields.words(Fields.nameOf(keys)).at(-1) ?? "")

/** The URL at the beginning of a text with more words, or the whole text when it is one word. */
const opening = (text: string): string => {
  const [first = "", ...more] = text.trim().split(/\s+/)
  return more.length === 0 ? text : first
}

const permitted = (
  { allow, deny }: Setup,
  target: Urls.Target
): Either.Either<Urls.Target & { readonly isAllowed: boolean }, string> => {
  if (deny.some((pattern) => Urls.matches(pattern, target, "all"))) return Either.left(`${target.host} is not allowed`)
  const allowing = allow.filter((pattern) => Urls.matches(pattern, target, "usual"))
  const privacy = Urls.privacy(target.host)
  return privacy === undefined || allowing.some(({ below }) => !below)
    ? Either.right({ ...target, isAllowed: allowing.length > 0 })
    : Either.left(`${target.host} is ${privacy}`)
}
