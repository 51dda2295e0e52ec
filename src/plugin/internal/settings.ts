/**
 * The settings of a plugin: from environment variables with its name in front, else from its section of a file. What is
 * wrong with one is told without the value, which may be a secret.
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"

/** Where the settings of one plugin are. `outer` is the program's own configuration, mostly the environment. */
export interface Sources {
  readonly id: string
  readonly section: unknown
  readonly outer: ConfigProvider.ConfigProvider
}

/** A setting that is missing or wrong, and what was expected there. */
export interface Wrong {
  readonly key: string
  readonly variable: string
  readonly expected: string
}

/** Reads settings. Fails with each that is missing or wrong. */
export const read = <A>(config: Config.Config<A>, sources: Sources): Effect.Effect<A, ReadonlyArray<Wrong>> => {
  const seen = new Set<string>()
  return Effect.mapError(provider(sources, seen).load(config), (error) => {
    const wrong = ConfigError.isConfigError(error) ? settingsOf(error, sources.id, seen) : []
    return wrong.filter(({ key }, index) => wrong.findIndex((other) => other.key === key) === index)
  })
}

/** The variable that sets a key, as `AXONAL_TIDES_STATION_ID` for `stationId` of the plugin `tides`. */
export const variableOf = (id: string, place: ReadonlyArray<string>): string =>
  ["AXONAL", id, ...place.filter((key) => !key.startsWith("["))].map(constant).join("_")

// internal

const constant = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()

/** `seen` collects the texts that were read. */
const provider = ({ id, outer, section }: Sources, seen: Set<string>): ConfigProvider.ConfigProvider => {
  const written = texts(section, [])
  for (const [, text] of written) seen.add(text.trim())
  const filed = ConfigProvider.fromMap(new Map(written)).flattened
  const said = (place: ReadonlyArray<string>): Effect.Effect<string | undefined> =>
    Effect.map(Effect.option(outer.load(Config.string(variableOf(id, place)))), (text) =>
      Option.getOrUndefined(Option.filter(text, (text) => text !== ""))
    )
  return ConfigProvider.fromFlat(
    ConfigProvider.makeFlat({
      patch: filed.patch,
      load: (place, config, split) =>
        Effect.flatMap(said(place), (text) => {
          for (const part of text === undefined ? [] : [text, ...text.split(",")]) seen.add(part.trim())
          const from = text === undefined ? filed : ConfigProvider.fromMap(new Map([[place.join("."), text]])).flattened
          return from.load(place, config, split)
        }),
      // A variable that is set stands for all that the file has there, and is split at its commas.
      enumerateChildren: (place) =>
        Effect.flatMap(said(place), (text) =>
          text === undefined ? filed.enumerateChildren(place) : Effect.succeed(HashSet.empty<string>())
        )
    })
  )
}

/** The values of a section as texts, by their place. */
const texts = (value: unknown, place: ReadonlyArray<string>): ReadonlyArray<readonly [place: string, text: string]> => {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) {
    const last = place.at(-1) ?? ""
    return value.flatMap((item: unknown, index) => texts(item, [...place.slice(0, -1), `${last}[${index}]`]))
  }
  if (typeof value === "object") return Object.entries(value).flatMap(([key, item]) => texts(item, [...place, key]))
  return [[place.join("."), String(value)]]
}

const settingsOf = (error: ConfigError.ConfigError, id: string, seen: ReadonlySet<string>): ReadonlyArray<Wrong> => {
  switch (error._op) {
    case "And":
    case "Or":
      return [...settingsOf(error.left, id, seen), ...settingsOf(error.right, id, seen)]
    default: {
      const place = error.path
      const expected = error._op === "MissingData" ? "it is missing" : hidden(error.message, seen)
      return [{ key: place.join("."), variable: variableOf(id, place), expected }]
    }
  }
}

/** A few letters are no secret, and would be found in words. */
const hidden = (message: string, seen: ReadonlySet<string>): string => {
  // What the library makes of errors about secrets.
  if (message === "<redacted>") return "its value is not of the kind that is expected"
  return [...seen]
    .filter((text) => text.length >= 4)
    .flatMap((text) => [text, JSON.stringify(text).slice(1, -1)])
    .sort((one, other) => other.length - one.length)
    .reduce((told, text) => told.replaceAll(text, "[value]"), message)
    .replace(/\s+/g, " ")
    .slice(0, 300)
}
