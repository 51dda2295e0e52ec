/**
 * What fills the window of a conversation, as a picture: how many tokens its instructions, tools, messages, calls and
 * results take, and how much is left.
 */
import * as Effect from "effect/Effect"
import type * as Compaction from "../../../context/Compaction.ts"
import type { StoreError } from "../../../context/ContextStore.ts"
import { ContextStore } from "../../../context/ContextStore.ts"
import * as TokenCounter from "../../../context/TokenCounter.ts"
import { inForce } from "../../../context/Window.ts"
import type { SessionId } from "../../../domain/Ids.ts"
import type { Message } from "../../../domain/Message.ts"
import * as Messages from "../../../domain/Message.ts"
import * as ModelInfo from "../../../domain/ModelInfo.ts"
import type { Part } from "../../../domain/Part.ts"
import type { ToolSpec } from "../../../transport/Transport.ts"
import { Transport } from "../../../transport/Transport.ts"
import { bar, padEnd, padStart, widthOf } from "../../internal/layout.ts"
import { numeral } from "../../internal/words.ts"
import type { Screen } from "../../sessions/screen.ts"
import { stylesOf } from "../../sessions/screen.ts"

/**
 * How full a window is.
 *
 * **Details**
 *
 * - `kinds`: tokens by what they are for, those that are there. They are estimates, scaled to `tokens` where it is measured.
 * - `isMeasured`: the vendor counted the last response; what came since is estimated.
 * - `compactsAt`: from how many tokens on the beginning is summarised, unless that is off.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fill {
  readonly model: string
  readonly tokens: number
  readonly isMeasured: boolean
  readonly kinds: ReadonlyArray<readonly [kind: Kind, tokens: number]>
  readonly window: number | undefined
  readonly compactsAt: number | undefined
}

/**
 * What tokens are for, in the order in which they are shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = (typeof kinds)[number]

/**
 * Measures the window of a session as the next request would have it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const measure = (
  session: SessionId,
  about: {
    readonly instructions: string
    readonly tools: ReadonlyArray<ToolSpec>
    readonly compaction: Compaction.Service | undefined
  }
): Effect.Effect<Fill, StoreError, ContextStore | Transport> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const { model } = yield* Transport
    const counter = yield* TokenCounter.TokenCounter
    const { measured } = yield* store.read(session)
    const log = yield* store.live(session)
    const compaction = inForce(log)
    const messages = log.flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
    const pinned = compaction?.pinned === undefined ? [] : [compaction.pinned]
    const groups = new Map<Kind, ReadonlyArray<Message>>([
      ...byKind([Messages.system(about.instructions), ...pinned, ...messages]),
      ["summary", compaction?.messages ?? []]
    ])
    const tools = ModelInfo.can(model, "tools") ? about.tools : []
    const estimates = yield* Effect.forEach(kinds, (kind) =>
      Effect.map(
        counter.count(kind === "tools" ? { messages: [], tools } : { messages: groups.get(kind) ?? [] }),
        (tokens) => [kind, tokens] as const
      )
    )
    const estimated = estimates.reduce((sum, [, tokens]) => sum + tokens, 0)
    const tokens =
      measured === undefined ? estimated : yield* TokenCounter.held(counter, measured, () => ({ messages }))
    const threshold = about.compaction?.threshold(model).tokens
    return {
      model: model.id,
      tokens,
      isMeasured: measured !== undefined,
      kinds: estimates.flatMap(([kind, share]) =>
        share === 0 ? [] : [[kind, Math.round((share * tokens) / estimated)] as const]
      ),
      window: model.contextWindow,
      compactsAt: threshold === undefined || !Number.isFinite(threshold) ? undefined : threshold
    }
  })

/**
 * Draws it: a bar of the window, and one for each kind, longest for what takes most.
 *
 * @category converters
 * @since 0.1.0
 */
export const draw = (fill: Fill, screen: Pick<Screen, "color" | "width">): string => {
  const { accent, dim } = stylesOf(screen)
  const { compactsAt, isMeasured, kinds, model, tokens, window } = fill
  const cells = Math.max(10, Math.min(60, screen.width - 2))
  const how = isMeasured ? "as the vendor counted; the parts are estimates" : "estimated"
  const rows = kinds.map(([kind, count]) => ({ kind: String(kind), count, bar: count }))
  if (window !== undefined) rows.push({ kind: "free", count: Math.max(0, window - tokens), bar: 0 })
  const [names, counts] = [rows.map(({ kind }) => kind), rows.map(({ count }) => numeral(count))]
  const [nameWidth, countWidth] = [longest(names), longest(counts)]
  const most = Math.max(1, ...rows.map((row) => row.bar))
  const left = Math.max(8, Math.min(40, screen.width - nameWidth - countWidth - 13))
  const lines = rows.map((row, index) =>
    `${padEnd(row.kind, nameWidth)}  ${padStart(counts[index] ?? "", countWidth)}  ${dim(padStart(percent(row.count, window ?? tokens), 7))}  ${accent(bar(row.bar / most, left))}`.trimEnd()
  )
  return [
    window === undefined
      ? `${numeral(tokens)} tokens, ${how}; how many ${model} holds is not known`
      : `${numeral(tokens)} of the ${numeral(window)} tokens that ${model} holds (${percent(tokens, window)}), ${how}`,
    ...(window === undefined ? [] : [`▕${accent(padEnd(bar(tokens / window, cells), cells))}▏`]),
    "",
    ...lines,
    "",
    compactsAt === undefined
      ? "The beginning is not summarised by itself."
      : `From ${numeral(compactsAt)} tokens on the beginning is summarised.`,
    ""
  ].join("\n")
}

// internal

const kinds = [
  ...(["instructions", "tools", "summary", "user", "assistant", "reasoning"] as const),
  ...(["tool calls", "tool results", "files"] as const)
] as const

const longest = (texts: ReadonlyArray<string>): number => Math.max(0, ...texts.map(widthOf))

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`

const byKind = (messages: ReadonlyArray<Message>): Map<Kind, ReadonlyArray<Message>> => {
  const groups = new Map<Kind, Array<Message>>()
  for (const message of messages) {
    const parts = new Map<Kind, Array<Part>>()
    for (const part of message.parts) {
      const kind = kindOf(message, part)
      parts.set(kind, [...(parts.get(kind) ?? []), part])
    }
    for (const [kind, own] of parts) groups.set(kind, [...(groups.get(kind) ?? []), { role: message.role, parts: own }])
  }
  return groups
}

const kindOf = ({ role }: Message, part: Part): Kind => {
  switch (part.type) {
    case "reasoning":
      return "reasoning"
    case "file":
      return "files"
    case "tool-call":
      return "tool calls"
    case "tool-result":
      return "tool results"
    default:
      return role === "system" ? "instructions" : role === "user" ? "user" : "assistant"
  }
}
