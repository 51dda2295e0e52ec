/**
 * Commands about the model and how it answers. What they change counts from the next request on, and keeps the session.
 */
import * as Effect from "effect/Effect"
import type { ModelInfo } from "../../../domain/ModelInfo.ts"
import type { Settings } from "../../../domain/Request.ts"
import * as ModelString from "../../../transport/ModelString.ts"
import * as Models from "../../../transport/Models.ts"
import { oneLine, rounded } from "../../internal/words.ts"
import * as Vendors from "../../vendors.ts"
import type { Entry, Failure, Item, Outcome, Place } from "./place.ts"
import { among, refused, said } from "./place.ts"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "model", aliases: ["m"], words: "[MODEL]", summary: "show the model, or go on with another" },
    act: (words, place) => (words === "" ? choice(place) : change(words, place)),
    complete: (words, place) => known(words, place)
  },
  {
    ...{ name: "thinking", aliases: ["effort"], words: "[LEVEL|default]" },
    summary: "how much the model thinks, in the words of its vendor",
    act: (words, place) => Effect.suspend(() => thinking(words, place)),
    complete: among(levels())
  },
  setting({
    ...{ name: "temperature", key: "temperature", takes: "a number from 0 to 2, or default" },
    summary: "how freely the model answers, from 0 to 2",
    isFit: (value) => value >= 0 && value <= 2
  }),
  setting({
    ...{ name: "max-tokens", key: "maxOutputTokens", takes: "a number from 1 on, or default" },
    summary: "how many tokens an answer may have",
    isFit: (value) => Number.isInteger(value) && value >= 1
  }),
  {
    ...{ name: "turns", aliases: ["iterations"], words: "[N|default]" },
    summary: "how many model requests one run may make",
    act: (words, { conversation: { assistant } }) =>
      Effect.suspend(() => {
        const { knobs } = assistant
        if (words === "") return Effect.succeed(said(turnsOf(knobs.get().maxTurns)))
        if (words !== "default" && !/^[1-9]\d{0,5}$/.test(words)) {
          return refused("turns", "a number from 1 on, or default", words)
        }
        knobs.change({ maxTurns: words === "default" ? assistant.settings.maxTurns : Number(words) })
        return Effect.succeed(said(turnsOf(knobs.get().maxTurns)))
      }),
    complete: among([["default", "as it was at the start"]])
  }
]

// internal

const turnsOf = (turns: number | undefined): string =>
  turns === undefined ? "turns: 50 in a run, as usual" : `turns: ${turns} in a run`

/** Whether the vendor's key is there, or it needs none. */
const isReady = (vendor: ModelString.Vendor): boolean =>
  vendor.variables.some((variable) => Boolean(process.env[variable]?.trim()))

const readyVendors = (): ReadonlySet<string> =>
  new Set(ModelString.vendors.filter(isReady).map((vendor) => vendor.vendor ?? vendor.name))

const nameOf = ({ id, vendor }: ModelInfo): string => `${vendor}:${id}`

const itemOf = (model: ModelInfo, current: string | undefined): Item => {
  const { contextWindow, price } = model
  const facts = [
    ...(contextWindow === undefined ? [] : [`${rounded(contextWindow)} tokens`]),
    ...(price === undefined ? [] : [`$${price.input} in, $${price.output} out per million`])
  ]
  const name = nameOf(model)
  return { value: name, label: name, detail: facts.join(", "), isCurrent: name === current }
}

const currentOf = ({ conversation }: Place): string | undefined => {
  const { choice } = conversation.assistant.knobs.get()
  return choice._tag === "Offline" ? undefined : `${choice.vendor}:${choice.model}`
}

/** Models whose name has the words, of vendors whose key is there first. */
const known = (words: string, place: Place): Effect.Effect<ReadonlyArray<Item>> =>
  Effect.map(Models.Models, (models) => {
    const ready = readyVendors()
    const isReady = ({ vendor }: ModelInfo) => ready.has(vendor)
    const found = models.search(words.replace(":", " "))
    const current = currentOf(place)
    const { vendors } = place.conversation.assistant.parts
    return [
      ...[...found.filter(isReady), ...found.filter((model) => !isReady(model))].map((model) => itemOf(model, current)),
      ...vendors.map((name): Item => ({ value: `${name}:`, label: `${name}:`, detail: "of a plugin" })),
      { value: "offline", label: "offline", detail: "no model: a few rules" }
    ].filter(({ value }) => value.includes(words) || words === "" || value !== "offline")
  })

const choice = (place: Place): Effect.Effect<Outcome> =>
  Effect.map(Models.Models, (models) => {
    const { choice } = place.conversation.assistant.knobs.get()
    const ready = readyVendors()
    const items = models.all.filter(({ vendor }) => ready.has(vendor)).map((model) => itemOf(model, currentOf(place)))
    const offline: Item = { value: "offline", label: "offline", isCurrent: choice._tag === "Offline" }
    return {
      _tag: "Choose",
      title: `model: ${Vendors.announce(choice)}; any other by /model VENDOR:ID`,
      command: "model",
      items: [...items, { ...offline, detail: "no model: a few rules that use the tools" }]
    }
  })

/** A model without a vendor is one of the server that was named at the start, if any was. */
const change = (words: string, { conversation: { assistant } }: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const { knobs, parts, settings } = assistant
    const hasVendor = words.includes(":") && ModelString.vendorOf(words.split(/[:;]/)[0] ?? "") !== undefined
    const wanted = {
      model: words === "offline" ? undefined : words,
      baseUrl: hasVendor ? undefined : settings.baseUrl,
      offline: words === "offline"
    }
    const choice = yield* Vendors.choose(wanted, process.env, parts.vendors)
    // Before anything changes: whether it can be had is known when its transport is made.
    yield* assistant.prepare(choice)
    knobs.change({ choice })
    return said(`model: ${choice._tag === "Offline" ? "offline, no model" : Vendors.announce(choice)}`)
  })

function levels(): ReadonlyArray<readonly [string, string]> {
  return [
    ["default", "as the model does by itself"],
    ["none", "not at all, where that can be had"],
    ["low", "little"],
    ["medium", "more"],
    ["high", "much"]
  ]
}

const withSetting = (settings: Settings, change: Partial<Settings>, without: keyof Settings): Settings => {
  const { [without]: _, ...rest } = settings
  return { ...rest, ...change }
}

const thinking = (words: string, { conversation: { assistant } }: Place): Effect.Effect<Outcome, Failure> => {
  const { knobs } = assistant
  const now = knobs.get().settings.reasoningEffort
  if (words === "") {
    const title = `thinking: ${oneLine(now ?? "default")}; any other word of the vendor by /thinking LEVEL`
    const items = levels().map(([value, detail]) => ({
      value,
      label: value,
      detail,
      isCurrent: value === (now ?? "default")
    }))
    return Effect.succeed({ _tag: "Choose", title, command: "thinking", items })
  }
  if (!/^[\w-]{1,20}$/.test(words)) return refused("thinking", "a word like low or high, or default", words)
  const change = words === "default" ? {} : { reasoningEffort: words }
  knobs.change({ settings: withSetting(knobs.get().settings, change, "reasoningEffort") })
  return Effect.succeed(said(`thinking: ${words}`))
}

/** A command for a number among the settings. */
function setting(of: {
  readonly name: string
  readonly key: "temperature" | "maxOutputTokens"
  readonly takes: string
  readonly summary: string
  readonly isFit: (value: number) => boolean
}): Entry {
  return {
    ...{ name: of.name, aliases: [], words: "[N|default]", summary: of.summary },
    act: (words, { conversation: { assistant } }) =>
      Effect.suspend(() => {
        const { knobs } = assistant
        const tell = () => Effect.succeed(said(`${of.name}: ${knobs.get().settings[of.key] ?? "default"}`))
        if (words === "") return tell()
        const value = Number(words)
        if (words !== "default" && !(Number.isFinite(value) && of.isFit(value)))
          return refused(of.name, of.takes, words)
        const change = words === "default" ? {} : { [of.key]: value }
        knobs.change({ settings: withSetting(knobs.get().settings, change, of.key) })
        return tell()
      }),
    complete: among([["default", "as the model does by itself"]])
  }
}
