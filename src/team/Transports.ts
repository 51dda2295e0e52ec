/**
 * The transports of the models that the files of a team name: which of them may be used, and how one is made of a name. A
 * model string says where a conversation goes and which key goes along, so nothing is used that nobody has allowed.
 */
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { glob } from "../internal/glob.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as ModelString from "../transport/ModelString.ts"
import * as Transport from "../transport/Transport.ts"
import type { AgentSpec } from "./AgentSpec.ts"
import { placeOf } from "./Reading.ts"
import type { Problem } from "./TeamError.ts"

/**
 * Which models files may name: none but `offline`, those that one of these patterns allows, or whatever a function makes a
 * transport of.
 *
 * @category models
 * @since 0.1.0
 */
export type Models<R> = "ambient" | ReadonlyArray<string> | Resolve<R>

/**
 * The transport of a model that a file names.
 *
 * @category models
 * @since 0.1.0
 */
export type Resolve<R> = (model: string) => Effect.Effect<Transport.Service, unknown, R>

/**
 * The transports of agents, by model string, and what is wrong with those that files name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolved {
  readonly transports: ReadonlyMap<string, Transport.Service>
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Makes the transports that agents name, each once.
 *
 * **Details**
 *
 * - What a model string begins with, an address and the variable of a key have to be allowed; other flags are free.
 * - Errors: throws for a pattern that is none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (agents: ReadonlyArray<AgentSpec>, models: Models<unknown>): Effect.Effect<Resolved> => {
  const names = new Set(agents.flatMap(({ model }) => (model === undefined ? [] : [model])))
  const made = Effect.suspend(() => {
    const ofName = resolverOf(models)
    return Effect.forEach([...names], (name) => Effect.map(ofName(name), (made) => [name, made] as const), {
      concurrency: 8
    })
  })
  // What models need is part of the type of `Team.load`.
  return Effect.map(made as Effect.Effect<Array<readonly [name: string, made: Made]>>, (made) => {
    const found = new Map(made)
    const problems = agents.flatMap((agent) => {
      const made = agent.model === undefined ? undefined : found.get(agent.model)
      return made === undefined || Either.isRight(made) ? [] : [{ ...placeOf(agent, "model"), problem: made.left }]
    })
    const transports = made.flatMap(([name, made]) => (Either.isRight(made) ? [[name, made.right] as const] : []))
    return { transports: new Map(transports), problems }
  })
}

// internal

/** A transport, or why there is none. */
type Made = Either.Either<Transport.Service, string>

const resolverOf = (models: Models<unknown>): ((name: string) => Effect.Effect<Made, never, unknown>) => {
  if (typeof models === "function") return (name) => Effect.mapError(models(name), inWords).pipe(Effect.either)
  const patterns = models === "ambient" ? [] : models.map(patternOf)
  return (name) => {
    const parsed = ModelString.parse(name)
    // What cannot be read has been told where it was read.
    if (Either.isLeft(parsed)) return Effect.succeed(Either.left(inWords(parsed.left)))
    const isAllowed =
      parsed.right.vendor.transport === "Offline" || patterns.some((pattern) => allows(pattern, parsed.right))
    if (!isAllowed) return Effect.succeed(Either.left(models === "ambient" ? none : refused(parsed.right, models)))
    return Layer.build(ModelString.layer(parsed.right)).pipe(
      Effect.map((context) => Context.get(context, Transport.Transport)),
      Effect.mapError(inWords),
      Effect.either
    )
  }
}

const none =
  "the application allows no models but its own: remove it, or allow it with the option models, as in " +
  'models: ["vendor:*"]'

const refused = ({ baseUrl, flags, vendor }: ModelString.ModelString, models: ReadonlyArray<string>): string => {
  const special = [
    ...(baseUrl === undefined ? [] : [`the address ${baseUrl}`]),
    ...(flags.key === undefined ? [] : [`the key ${flags.key}`])
  ].join(" and ")
  const how = special === "" ? "" : `; with ${special} it has to be allowed with just that`
  const shown = models.length === 0 ? "none" : models.join(", ")
  return `the application does not allow this model of ${vendor.name}${how}. Allowed: ${shown}`
}

/** Which vendors and models, where, and with which key. */
interface Pattern {
  readonly isAbout: (model: string) => boolean
  readonly baseUrl: string | undefined
  readonly key: string | undefined
}

const patternOf = (text: string): Pattern => {
  const [, head = "", , baseUrl, , key] = /^(.*?)(@(https?:\/\/[^;]*))?(;key=([^;]*))?$/s.exec(text.trim()) ?? []
  const [, before = head, model = "*"] = /^([^:]*):(.*)$/s.exec(head) ?? []
  const vendor = ModelString.vendorOf(before)?.name
  const isNone = head === "" || head.includes(";") || (vendor === undefined && !before.includes("*"))
  if (isNone) {
    throw new TypeError(
      `Team option models has ${JSON.stringify(text)}, which is none: write vendor:model, in which * stands for any ` +
        "characters, and behind it @https://host and ;key=NAME if models may name these"
    )
  }
  return { isAbout: glob(`${vendor ?? before}:${model}`), baseUrl, key }
}

/** A star stands for names only: where a conversation goes to and with which key has to be written out. */
const allows = ({ baseUrl, isAbout, key }: Pattern, model: ModelString.ModelString): boolean =>
  isAbout(`${model.vendor.name}:${model.model}`) && baseUrl === model.baseUrl && key === model.flags.key

/** On one line, and without the dot of a sentence. */
const inWords = (error: unknown): string => {
  const text =
    ConfigError.isConfigError(error) && "message" in error ? String(error.message) : ToolResult.errorText(error)
  return text.replace(/\s+/g, " ").replace(/\.$/, "")
}
