/**
 * Commands that show how things stand and change nothing, and the ways out.
 */
import * as Effect from "effect/Effect"
import * as Usage from "../../../domain/Usage.ts"
import * as Toolkit from "../../../tool/Toolkit.ts"
import { table } from "../../internal/layout.ts"
import { numeral, oneLine } from "../../internal/words.ts"
import * as Figures from "../figures.ts"
import type { Entry, Failure, Outcome, Place } from "./place.ts"
import { among, refused, said, within } from "./place.ts"
import * as Window from "./window.ts"

/**
 * The commands.
 *
 * @category constructors
 * @since 0.1.0
 */
export const entries: ReadonlyArray<Entry> = [
  {
    ...{ name: "context", aliases: [], words: "", summary: "what fills the model's window" },
    act: (_, place) => context(place)
  },
  {
    ...{ name: "cost", aliases: ["usage"], words: "", summary: "what this session has cost, by model" },
    act: (_, place) => cost(place)
  },
  {
    ...{ name: "debug", aliases: [], words: "[on|off]", summary: "whether causes of errors are told" },
    act: (words, { conversation: { assistant } }) =>
      Effect.suspend(() => {
        if (words !== "" && words !== "on" && words !== "off") return refused("debug", "on or off", words)
        if (words !== "") assistant.knobs.change({ debug: words === "on" })
        return Effect.succeed(said(`debug: ${assistant.knobs.get().debug ? "on" : "off"}`))
      }),
    complete: among([
      ["on", "tell causes of errors"],
      ["off", "tell errors in a line"]
    ])
  },
  {
    ...{ name: "quit", aliases: ["exit", "q"], words: "", summary: "leave; the session is kept" },
    act: () => Effect.succeed({ _tag: "Left" })
  }
]

// internal

const context = (place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.gen(function* () {
    const { assistant, session } = place.conversation
    const { definition } = assistant.agent()
    const fill = yield* within(
      place,
      Effect.gen(function* () {
        const { specs } = yield* Effect.orDie(Toolkit.resolve(definition.sources))
        return yield* Window.measure(session(), {
          instructions: definition.instructions ?? "",
          tools: specs,
          compaction: assistant.settings.compact ? assistant.compaction() : undefined
        })
      })
    )
    return said(Window.draw(fill, place.screen).trimEnd())
  })

const cost = (place: Place): Effect.Effect<Outcome, Failure> =>
  Effect.map(within(place, Figures.spentIn(place.conversation.session())), (all) => {
    if (all.length === 0) return said("nothing was spent in this session yet")
    const models = new Map<string, { readonly requests: number; readonly usage: Usage.Usage }>()
    for (const { model, usage } of all) {
      const before = models.get(model) ?? { requests: 0, usage: Usage.zero }
      models.set(model, { requests: before.requests + 1, usage: Usage.sum(before.usage, usage) })
    }
    const rows = [...models].map(([model, { requests, usage }]) => rowOf(oneLine(model), requests, usage))
    const whole = all.reduce((sum, { usage }) => Usage.sum(sum, usage), Usage.zero)
    const sum = models.size > 1 ? [rowOf("together", all.length, whole)] : []
    const head = ["model", "requests", "in", "from cache", "out", "cost"]
    const columns = head.map((_, index) => (index === 0 ? {} : { align: "right" as const }))
    return said(table([head, ...rows, ...sum], columns, place.screen.width).trimEnd())
  })

const rowOf = (name: string, requests: number, { costUsd, estimated, inputTokens, outputTokens }: Usage.Usage) => [
  name,
  numeral(requests),
  countOf(inputTokens.total),
  countOf(inputTokens.cacheRead),
  countOf(outputTokens.total),
  costUsd === undefined ? "unknown" : `$${costUsd.toFixed(4)}${estimated ? " or so" : ""}`
]

const countOf = (count: number | undefined): string => (count === undefined ? "-" : numeral(count))
