/**
 * One session for people: its conversation with what was called, its log line by line, or the branches it belongs to.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Branch, SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import type { CompactionEntry, MarkerEntry, Stored } from "../../domain/Entry.ts"
import * as Messages from "../../domain/Message.ts"
import type { Part } from "../../domain/Part.ts"
import * as Usage from "../../domain/Usage.ts"
import { withoutNote } from "../assistant/notes.ts"
import { table } from "../internal/layout.ts"
import { ago, callOf, clip, numeral, oneLine, plural, printable, resultOf, timeOf } from "../internal/words.ts"
import { ofCompaction, ofUsage } from "../render.ts"
import type { Options } from "./args.ts"
import { nested, shortIds } from "./find.ts"
import type { Screen } from "./screen.ts"
import { pathOf, stylesOf } from "./screen.ts"

/**
 * Shows a session.
 *
 * **Details**
 *
 * - The conversation: texts, calls and results, each message with its place in the log. `entries`: the log, a line each.
 * - `json`: a line per message, or with `entries` per entry: its place as `number`, and the entry.
 *
 * @category combinators
 * @since 0.1.0
 */
export const show = (
  options: Pick<Options, "entries" | "json">,
  session: SessionInfo,
  screen: Screen
): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const log = yield* (yield* ContextStore).entries(session.id)
    const numbered = log.map((entry, index) => ({ number: index + 1, entry }))
    if (options.json) {
      const chosen = options.entries ? numbered : numbered.filter(({ entry }) => entry._tag === "Message")
      return screen.print(chosen.map(({ entry, number }) => `${JSON.stringify({ number, ...entry })}\n`).join(""))
    }
    screen.print(headOf(session, log, yield* Clock.currentTimeMillis, screen))
    if (options.entries) return screen.print(logOf(log, screen))
    // In pieces, so that whoever reads only the beginning does not wait for the rest.
    for (const { entry, number } of numbered) screen.print(saidOf(entry, number, screen))
    screen.print(withinOf(session, yield* nested(session), screen))
  })

/**
 * Shows the branches of a session and of all that are related to it by forks.
 *
 * @category combinators
 * @since 0.1.0
 */
export const tree = (
  options: Pick<Options, "json">,
  session: SessionInfo,
  screen: Screen
): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const branches = yield* (yield* ContextStore).branches(session.id)
    if (options.json) return screen.print(branches.map((branch) => `${JSON.stringify(branch)}\n`).join(""))
    const { accent, dim } = stylesOf(screen)
    const now = yield* Clock.currentTimeMillis
    const short = shortIds([...new Set(branches.map(({ session }) => session))])
    const rows = linesOf(branches).map(({ branch, indent, number }) => [
      `${indent}b${number}`,
      `${oneLine(short.get(branch.session) ?? branch.session)}${branch.isCurrent ? "" : " (left)"}`,
      plural(branch.entries, "entry", "entries"),
      ago(branch.createdAt, now),
      oneLine(withoutNote(branch.preview))
    ])
    screen.print(table(rows, [{ style: accent }, {}, { align: "right", style: dim }, { style: dim }, {}], screen.width))
  })

// internal

const headOf = (session: SessionInfo, log: ReadonlyArray<Stored>, now: number, screen: Screen): string => {
  const { accent, bold, dim } = stylesOf(screen)
  const { createdAt, id, labels, origin, owner, title, updatedAt } = session
  const usage = log.reduce((sum, entry) => (entry._tag === "Usage" ? Usage.sum(sum, entry.usage) : sum), Usage.zero)
  const facts = [
    ...(owner === undefined ? [] : [`in ${pathOf(screen, oneLine(owner))}`]),
    `begun ${ago(createdAt, now)}, changed ${ago(updatedAt, now)}`,
    plural(log.length, "entry", "entries"),
    ...(Usage.totalTokens(usage) === 0 ? [] : [ofUsage(usage)]),
    ...(origin === undefined ? [] : [`forked from ${oneLine(origin)}`]),
    ...(labels.length === 0 ? [] : [`labels: ${labels.map(oneLine).join(", ")}`])
  ]
  const name = title === undefined ? "" : `  ${bold(oneLine(title))}`
  return `session ${accent(oneLine(id))}${name}\n${dim(facts.join(" · "))}\n\n`
}

/** The sessions of those who worked within this one, a line each. */
const withinOf = ({ id }: SessionInfo, within: ReadonlyArray<SessionInfo>, screen: Screen): string => {
  if (within.length === 0) return ""
  const { accent, dim } = stylesOf(screen)
  const rows = within.map((info) => [
    `${oneLine(info.id)}`,
    plural(info.entries, "entry", "entries"),
    oneLine(withoutNote(info.preview))
  ])
  const what = `${plural(within.length, "session")} of agents that worked within ${oneLine(id)}`
  return `${dim(what)}\n${table(rows, [{ style: accent }, { align: "right", style: dim }, {}], screen.width)}`
}

/** A message with what was called in it; other entries where they matter to the reader. */
const saidOf = (entry: Stored, number: number, screen: Screen): string => {
  const { accent, dim } = stylesOf(screen)
  switch (entry._tag) {
    case "Message": {
      const lines = entry.message.parts.map((part) => partOf(part, dim)).filter((text) => text !== "")
      if (lines.length === 0) return ""
      // Results stand below their calls.
      if (entry.message.role === "tool") return `${lines.join("\n")}\n\n`
      const isCalling = entry.message.parts.at(-1)?.type === "tool-call"
      return `${accent(entry.message.role)} ${dim(`#${number}`)}\n${lines.join("\n")}\n${isCalling ? "" : "\n"}`
    }
    case "Compaction":
      return `${dim(`… ${compactionOf(entry)}`)}\n\n`
    case "Marker":
      return `${dim(`… ${markerOf(entry)}`)}\n\n`
    case "Unreadable":
      return `${dim(`… #${number} cannot be read: ${clip(oneLine(entry.problem), 200)}`)}\n\n`
    default:
      return ""
  }
}

const partOf = (part: Part, dim: (text: string) => string): string => {
  switch (part.type) {
    case "text":
      return printable(part.text).trimEnd()
    case "reasoning":
      return ""
    case "file":
      return `[file ${oneLine(part.name ?? "")} ${oneLine(part.mediaType)}]`.replace("  ", " ")
    case "tool-call":
      return dim(callOf(part.name, part.input))
    case "tool-result":
      return dim(resultOf(part.name, part.outcome, part.content))
    case "source":
      return dim(`+ source ${oneLine(part.title ?? "")} ${oneLine(part.url ?? "")}`)
  }
}

const compactionOf = (entry: CompactionEntry): string =>
  ofCompaction(entry.dropped, entry.tokensBefore, entry.tokensAfter)

const markerOf = ({ marker }: MarkerEntry): string => {
  switch (marker.type) {
    case "fork":
      return `forked from session ${oneLine(marker.session)}`
    case "rewind":
      return "rewound to here"
    case "restore":
      return "the latest summary was taken back"
    case "resume":
      return "the calls that waited were decided"
    case "limit":
      return `${marker.limit}: ${numeral(marker.actual)} of ${numeral(marker.max)}`
    case "revoke":
      return "an answer holds no longer"
  }
}

/** The log, a line per entry. Where lines are cut, so are the ids: in their middle, as `find` understands it. */
const logOf = (log: ReadonlyArray<Stored>, screen: Screen): string => {
  const { accent, dim } = stylesOf(screen)
  const idOf = (id: string) => (Number.isFinite(screen.width) ? middleCut(oneLine(id)) : oneLine(id))
  const rows = log.map((entry, index) => [`#${index + 1}`, timeOf(entry.at), idOf(entry.id), ...whatOf(entry)])
  return table(rows, [{ align: "right", style: accent }, { style: dim }, { style: dim }, {}, {}], screen.width)
}

const middleCut = (id: string): string => {
  const [name = "", ...rest] = id.split("/")
  return name.length <= 14 ? id : [`${name.slice(0, 12)}…`, ...rest].join("/")
}

const whatOf = (entry: Stored): readonly [kind: string, what: string] => {
  switch (entry._tag) {
    case "Message": {
      const what = entry.message.parts.map((part) => partOf(part, (text) => text)).filter((text) => text !== "")
      return [entry.message.role, clip(oneLine(what.join(" ")), 200)]
    }
    case "Usage":
      return [
        "usage",
        `${oneLine(entry.model)}, ${ofUsage(entry.usage)}${entry.purpose ? `, for ${entry.purpose}` : ""}`
      ]
    case "Compaction":
      return ["compaction", compactionOf(entry)]
    case "Decision":
      return [
        "decision",
        `${oneLine(entry.tool)} ${entry.approved ? "allowed" : "denied"} ${oneLine(entry.reason ?? "")}`
      ]
    case "Suspended":
      return ["suspended", `waits for a person: ${oneLine(entry.questions.map(({ tool }) => tool).join(", "))}`]
    case "Queued": {
      const words = oneLine(entry.messages.map(Messages.toText).join(" "))
      return ["queued", clip(words, 200)]
    }
    case "Marker":
      return [entry.marker.type, "to" in entry.marker ? `to ${middleCut(oneLine(entry.marker.to))}` : markerOf(entry)]
    case "Artifact":
      return ["artifact", `${oneLine(entry.tool ?? "")} ${numeral(entry.text.length)} characters`.trim()]
    case "Checkpoint":
      return ["checkpoint", oneLine(entry.key)]
    case "Unreadable":
      return ["unreadable", oneLine(entry.problem)]
  }
}

interface Line {
  readonly branch: Branch
  /** As the branches are counted, from 1 on. */
  readonly number: number
  readonly indent: string
}

/** A branch that was left before anything was said on it. */
const isBare = ({ entries, isCurrent, parent, preview }: Branch): boolean =>
  entries <= 1 && preview === "" && !isCurrent && parent !== undefined

/** Each branch below the one it left, bare ones passed over. They are counted as they are all together. */
const linesOf = (branches: ReadonlyArray<Branch>): ReadonlyArray<Line> => {
  const known = new Map(branches.map((branch) => [branch.id, branch]))
  const parentOf = ({ parent }: Branch): string | undefined => {
    const above = parent === undefined ? undefined : known.get(parent.branch)
    return above !== undefined && isBare(above) ? parentOf(above) : above?.id
  }
  const below = (parent: string | undefined, indent: string): ReadonlyArray<Line> => {
    const children = branches.flatMap((branch, index) =>
      !isBare(branch) && parentOf(branch) === parent ? [{ branch, number: index + 1 }] : []
    )
    return children.flatMap(({ branch, number }, index) => {
      const isLast = index === children.length - 1
      const sign = parent === undefined ? "" : isLast ? "└ " : "├ "
      const deeper = parent === undefined ? "" : `${indent}${isLast ? "  " : "│ "}`
      return [{ branch, number, indent: `${indent}${sign}` }, ...below(branch.id, deeper)]
    })
  }
  return below(undefined, "")
}
