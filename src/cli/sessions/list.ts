/**
 * Sessions as a table, and what a search finds in them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Hit, Query, SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { ContextStore } from "../../context/ContextStore.ts"
import { withoutNote } from "../assistant/notes.ts"
import type { Column } from "../internal/layout.ts"
import { fittedEnd, table, widthOf } from "../internal/layout.ts"
import { ago, numeral, oneLine } from "../internal/words.ts"
import type { Options } from "./args.ts"
import type { Scope } from "./find.ts"
import { shortIds } from "./find.ts"
import type { Screen } from "./screen.ts"
import { pathOf, stylesOf } from "./screen.ts"
import { isNested } from "./sessions.ts"

/**
 * Items of a list, and whether there are no more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Some<A> {
  readonly items: ReadonlyArray<A>
  readonly isWhole: boolean
}

/**
 * Shows the sessions of a scope, latest first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const list = (
  options: Pick<Options, "json" | "label" | "limit">,
  scope: Scope,
  screen: Screen
): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const { label, json, limit = json ? Number.POSITIVE_INFINITY : most } = options
    const { isWhole, items } = yield* latest({ ...scope, label }, limit)
    if (json) return screen.print(items.map((info) => `${JSON.stringify(info)}\n`).join(""))
    if (items.length === 0) return screen.note(`axonal: ${nothing(options, scope)}\n`)
    screen.print(tableOf(items, yield* Clock.currentTimeMillis, screen, { folders: scope.owner === undefined }))
    if (!isWhole) screen.note(`axonal: the latest ${numeral(limit)}; more with --limit ${limit * 4}\n`)
  })

/**
 * The latest sessions that a query matches, and whether these are all. Those of agents that worked within others are left
 * out where a folder is asked for.
 *
 * @category constructors
 * @since 0.1.0
 */
export const latest = (query: Query, limit: number): Effect.Effect<Some<SessionInfo>, StoreError, ContextStore> =>
  Effect.flatMap(ContextStore, (store) =>
    paged(limit, (cursor, limit) =>
      Effect.map(store.list({ ...query, cursor, limit }), ({ next, sessions }) => ({
        items: query.owner === undefined ? sessions : sessions.filter((info) => !isNested(info)),
        next
      }))
    )
  )

/**
 * Shows the messages that have all the words, latest first.
 *
 * @category combinators
 * @since 0.1.0
 */
export const search = (
  options: Pick<Options, "json" | "label" | "limit" | "words">,
  scope: Scope,
  screen: Screen
): Effect.Effect<void, StoreError, ContextStore> =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const { json, label, limit = json ? Number.POSITIVE_INFINITY : most } = options
    const text = options.words.join(" ")
    const { isWhole, items } = yield* paged(limit, (cursor, limit) =>
      Effect.map(store.search(text, { ...scope, label, cursor, limit }), ({ hits, next }) => ({ items: hits, next }))
    )
    if (json) return screen.print(items.map((hit) => `${JSON.stringify(hit)}\n`).join(""))
    if (items.length === 0) return screen.note(`axonal: no message has "${oneLine(text)}"\n`)
    screen.print(hitsOf(items, text, yield* Clock.currentTimeMillis, screen))
    if (!isWhole) screen.note(`axonal: the latest ${numeral(limit)}; more with --limit ${limit * 4}\n`)
  })

// internal

/** Sessions as a table, with the folder of each where they are of several. The current one is marked. */
const tableOf = (
  sessions: ReadonlyArray<SessionInfo>,
  now: number,
  screen: Pick<Screen, "color" | "home" | "width">,
  options: { readonly folders: boolean; readonly current?: string | undefined }
): string => {
  const { accent, dim } = stylesOf(screen)
  const short = shortIds(sessions.map(({ id }) => id))
  const folder = ({ owner = "-" }: SessionInfo) =>
    options.folders ? [fittedEnd(pathOf(screen, oneLine(owner)), 32)] : []
  const rows = sessions.map((info) => [
    `${oneLine(short.get(info.id) ?? info.id)}${info.id === options.current ? " *" : ""}`,
    ago(info.updatedAt, now),
    numeral(info.entries),
    ...folder(info),
    aboutOf(info)
  ])
  const head = ["id", "changed", "entries", ...(options.folders ? ["folder"] : []), "session"]
  const columns: ReadonlyArray<Column> = [
    { style: accent },
    { style: dim },
    { align: "right", style: dim },
    ...(options.folders ? [{ style: dim }] : []),
    {}
  ]
  return table([head, ...rows], columns, screen.width)
}

const most = 50

/** What a session is about, on one line. */
const aboutOf = ({ labels, preview, title }: SessionInfo): string => {
  const begins = oneLine(withoutNote(preview))
  const name = title === undefined ? begins : [oneLine(title), begins].filter((text) => text !== "").join(": ")
  const marked = labels.map((label) => `[${oneLine(label)}]`)
  return [...marked, name === "" ? "(no request yet)" : name].join(" ")
}

const nothing = ({ label }: Pick<Options, "label">, { owner }: Scope): string => {
  const labelled = label === undefined ? "" : ` with the label ${oneLine(label)}`
  return owner === undefined
    ? `there is no session${labelled} yet`
    : `there is no session${labelled} in ${owner} yet; --all shows those of other folders`
}

/** As many items as are wanted, of as many pages as that takes. */
const paged = <A, E>(
  limit: number,
  page: (
    cursor: string | undefined,
    limit: number
  ) => Effect.Effect<{ readonly items: ReadonlyArray<A>; readonly next?: string | undefined }, E>
): Effect.Effect<Some<A>, E> => {
  const from = (before: ReadonlyArray<A>, cursor: string | undefined): Effect.Effect<Some<A>, E> =>
    Effect.flatMap(page(cursor, Math.min(500, limit - before.length)), ({ items, next }) => {
      const all = [...before, ...items]
      return next === undefined || all.length >= limit
        ? Effect.succeed({ items: all, isWhole: next === undefined })
        : from(all, next)
    })
  return from([], undefined)
}

/** The excerpts, below the session that they are in. */
const hitsOf = (hits: ReadonlyArray<Hit>, text: string, now: number, screen: Screen): string => {
  const { accent, bold, dim } = stylesOf(screen)
  const short = shortIds([...new Set(hits.map(({ session }) => session.id))])
  const words = text.match(/[\p{L}\p{N}\p{M}]+/gu) ?? []
  const found = new RegExp(words.join("|"), "giu")
  const shine = (line: string): string => (words.length === 0 ? line : line.replace(found, bold))
  let last = ""
  return hits
    .map(({ at, excerpt, role, session }) => {
      const name = oneLine(short.get(session.id) ?? session.id)
      const head = session.id === last ? "" : `${last === "" ? "" : "\n"}${accent(name)}  ${aboutOf(session)}\n`
      last = session.id
      const who = `  ${role}, ${ago(at, now)}: `
      const lines = wrapped(oneLine(excerpt), screen.width - widthOf(who))
      return `${head}${dim(who)}${lines.map(shine).join(`\n${" ".repeat(widthOf(who))}`)}\n`
    })
    .join("")
}

/** Lines of at most so many columns, broken between words where there are any. */
const wrapped = (text: string, columns: number): ReadonlyArray<string> => {
  if (widthOf(text) <= Math.max(columns, 20)) return [text]
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (line !== "" && widthOf(longer) > Math.max(columns, 20)) {
      lines.push(line)
      line = word
    } else line = longer
  }
  return [...lines, line]
}
