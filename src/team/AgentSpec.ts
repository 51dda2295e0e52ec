/**
 * An agent as configuration says it, before there are tools and transports: what may stand in a file, and what files that
 * are laid over each other amount to.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Limits } from "../agent/Limits.ts"
import type { Settings } from "../domain/Request.ts"
import * as Rules from "../guard/Rules.ts"
import type { Position } from "./TeamError.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optional(schema)

const described = (description: string) => ({ description })

const amount = Schema.Number.pipe(
  Schema.filter((number) => number >= 0 && Number.isFinite(number), described("a number from 0 on"))
)

const whole = (least: number) =>
  Schema.Number.pipe(
    Schema.filter(
      (number) => Number.isSafeInteger(number) && number >= least,
      described(`a whole number from ${least} on`)
    )
  )

/** Files cannot say `Infinity` in every format. */
const orUnlimited = (number: Schema.Schema<number>): Schema.Schema<number, number | "unlimited"> =>
  Schema.transform(Schema.Union(number, Schema.Literal("unlimited")), Schema.Number, {
    strict: true,
    decode: (value) => (value === "unlimited" ? Number.POSITIVE_INFINITY : value),
    encode: (value) => (value === Number.POSITIVE_INFINITY ? "unlimited" : value)
  })

const time = /^(?:\d+(?:\.\d+)? (?:milli|second|minute|hour|day|week)s?|unlimited)$/

const Time: Schema.Schema<Duration.Duration, string> = Schema.transform(
  Schema.String.pipe(Schema.pattern(time, described('a time with its unit, such as "30 seconds", or "unlimited"'))),
  Schema.DurationFromSelf,
  {
    strict: true,
    decode: (text) => Option.getOrElse(Duration.decodeUnknown(text), () => Duration.infinity),
    encode: (duration) => (Duration.isFinite(duration) ? `${Duration.toMillis(duration)} millis` : "unlimited")
  }
)

const name = /^[A-Za-z0-9][\w.-]{0,63}$/

const Name = Schema.String.pipe(
  Schema.pattern(
    name,
    described("a name of at most 64 letters, digits, dots, hyphens and underscores, a letter or digit first")
  )
)

const Word = Schema.NonEmptyString.annotations(described("a text that is not empty"))

const AgentLimits = Schema.Struct({
  turns: optional(orUnlimited(whole(1))),
  toolCalls: optional(orUnlimited(whole(0))),
  inputTokens: optional(orUnlimited(whole(0))),
  outputTokens: optional(orUnlimited(whole(0))),
  totalTokens: optional(orUnlimited(whole(0))),
  costUsd: optional(orUnlimited(amount)),
  wallTime: optional(Time),
  repeatedFailures: optional(orUnlimited(whole(1))),
  identicalCalls: optional(orUnlimited(whole(1))),
  onLimit: optional(Schema.Literal("answer", "fail")),
  lastTurnMessage: optional(Word)
})

const AgentSettings = Schema.Struct({
  temperature: optional(amount),
  topP: optional(amount),
  maxOutputTokens: optional(whole(1)),
  stop: optional(Schema.Array(Word)),
  seed: optional(Schema.Int.annotations(described("a whole number"))),
  reasoningEffort: optional(Word),
  parallelToolCalls: optional(Schema.Boolean),
  extra: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})

/**
 * What may stand in the file of an agent.
 *
 * **Details**
 *
 * - `name`: absent, it is the name of the file without its ending.
 * - `description`: by which other agents choose this one. `model`: a model string.
 * - `instructions`: a text, or `{ file }` with the text of a file below the same folder.
 * - `tools`, `agents`, `skills`: names, in which `*` stands for any characters. Absent, there are none.
 * - `limits`: a number may be `"unlimited"`; `wallTime` is written with its unit, as in `"30 seconds"`.
 * - `guard`: rules as `Rules` has them, which hold for the tools of this agent.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentFile = Schema.Struct({
  name: optional(Name),
  description: optional(Word),
  instructions: optional(Schema.Union(Schema.String, Schema.Struct({ file: Word }))),
  model: optional(Word),
  tools: optional(Schema.Array(Word)),
  agents: optional(Schema.Array(Word)),
  skills: optional(Schema.Array(Word)),
  settings: optional(AgentSettings),
  limits: optional(AgentLimits),
  guard: optional(Rules.Rules)
})
export interface AgentFile extends Schema.Schema.Type<typeof AgentFile> {}

/**
 * What a file says of an agent that is already named: the fields without the name.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AgentFields = AgentFile.omit("name")
export interface AgentFields extends Schema.Schema.Type<typeof AgentFields> {}

/**
 * What holds for all agents of a team that do not say otherwise.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Defaults = AgentFile.omit("name", "description")
export interface Defaults extends Schema.Schema.Type<typeof Defaults> {}

/**
 * What may stand in `team.toml` or `team.json`.
 *
 * **Details**
 *
 * - `lead`: the agent that is spoken to. `defaults`: as `Defaults`. `agents`: as `AgentFields`, by name.
 *
 * @category schemas
 * @since 0.1.0
 */
export const TeamFile = Schema.Struct({
  lead: optional(Name),
  defaults: optional(Defaults),
  agents: optional(Schema.Record({ key: Schema.String, value: AgentFields }))
})
export interface TeamFile extends Schema.Schema.Type<typeof TeamFile> {}

/**
 * An agent of a team as all files together say it.
 *
 * **Details**
 *
 * - `tools`, `agents`, `skills`: as the files have them, with their `*`. `agents`: to whom it may delegate.
 * - `guard`: the rules of every file that has some, defaults first. All of them have to allow a call.
 * - `files`: what it was put together from, in order.
 * - `places`: where each field stands, by its path as in `tools[1]`, `settings.temperature` or `guard[0].rules[2].tools`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AgentSpec {
  readonly name: string
  readonly description?: string | undefined
  readonly instructions?: string | undefined
  readonly model?: string | undefined
  readonly tools: ReadonlyArray<string>
  readonly agents: ReadonlyArray<string>
  readonly skills: ReadonlyArray<string>
  readonly settings: Settings
  readonly limits: Limits
  readonly guard: ReadonlyArray<Rules.Rules>
  readonly files: ReadonlyArray<string>
  readonly places: ReadonlyMap<string, Position>
}

/**
 * What one file says of one agent, or of all, with the texts of other files in place.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fragment {
  readonly file: string
  readonly fields: Omit<AgentFields, "instructions"> & { readonly instructions?: string | undefined }
  readonly places: ReadonlyMap<string, Position>
}

/**
 * Lays what files say of an agent over each other.
 *
 * **Details**
 *
 * - Of each field the last one counts, and so it is with the fields of `settings` and `limits`. Lists are replaced, not
 *   joined. The rules of guards add up, so that a file which is read later never allows what one before it forbids.
 *
 * @category constructors
 * @since 0.1.0
 */
export const merge = (name: string, fragments: ReadonlyArray<Fragment>): AgentSpec => {
  const none: AgentSpec = {
    name,
    tools: [],
    agents: [],
    skills: [],
    settings: {},
    limits: {},
    guard: [],
    files: [],
    places: new Map()
  }
  return fragments.reduce(overlay, none)
}

/**
 * What the objects of an agent's file may hold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const innerNames: { readonly [Name in "settings" | "limits"]: ReadonlyArray<string> } = {
  settings: Object.keys(AgentSettings.fields),
  limits: Object.keys(AgentLimits.fields)
}

/**
 * Whether a text can be the name of an agent.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isName = (text: string): boolean => name.test(text)

// internal

const overlay = (spec: AgentSpec, { fields, file, places }: Fragment): AgentSpec => {
  const { guard, limits, settings, ...others } = fields
  return {
    ...spec,
    ...others,
    // What is absent in a file is absent here, too; the types cannot say so.
    tools: fields.tools ?? spec.tools,
    agents: fields.agents ?? spec.agents,
    skills: fields.skills ?? spec.skills,
    settings: { ...spec.settings, ...settings },
    limits: { ...spec.limits, ...limits },
    guard: guard === undefined ? spec.guard : [...spec.guard, guard],
    files: spec.files.includes(file) ? spec.files : [...spec.files, file],
    places: overlaid(spec, fields, places)
  }
}

/** What a list had more of before is gone with it; what was merged stays. */
const overlaid = (
  spec: AgentSpec,
  { agents, skills, tools }: AgentFields,
  places: ReadonlyMap<string, Position>
): ReadonlyMap<string, Position> => {
  const out = new Map(spec.places)
  // A list that cannot be read has a place, and replaces nothing.
  const isKept = new Map(Object.entries({ agents, skills, tools }).map(([field, list]) => [field, list === undefined]))
  for (const field of ["instructions", "tools", "agents", "skills", "settings.stop", "settings.extra"]) {
    if (!places.has(field) || isKept.get(field) === true) continue
    for (const key of spec.places.keys())
      if (key.startsWith(`${field}[`) || key.startsWith(`${field}.`)) out.delete(key)
  }
  for (const [key, position] of places)
    out.set(key.replace(/^guard(?=[.[]|$)/, `guard[${spec.guard.length}]`), position)
  return out
}
