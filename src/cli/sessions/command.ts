/**
 * `axonal sessions`: what people do with stored conversations besides going on with them. It opens the store, finds what
 * is meant, and hands on to the modules beside it.
 */
import { existsSync, realpathSync } from "node:fs"
import * as Effect from "effect/Effect"
import type { SessionInfo, StoreError } from "../../context/ContextStore.ts"
import * as ContextStore from "../../context/ContextStore.ts"
import { layerSqlite } from "../../context/SqliteContextStore.ts"
import type { Environment } from "../environment.ts"
import { ofStore, SetupError, UsageError } from "../errors.ts"
import { numeral, oneLine, plural } from "../internal/words.ts"
import type { Options } from "./args.ts"
import { help, parse } from "./args.ts"
import * as Change from "./change.ts"
import * as Find from "./find.ts"
import * as List from "./list.ts"
import type { Screen } from "./screen.ts"
import * as Screens from "./screen.ts"
import * as Sessions from "./sessions.ts"
import * as Show from "./show.ts"
import * as Transfer from "./transfer.ts"

/**
 * Runs the command over the user's sessions.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError> =>
  runAt(args, realpathSync(process.cwd()), (options) => Screens.ofProcess(options, environment))

/**
 * Runs the command over the sessions of a folder.
 *
 * @category constructors
 * @since 0.1.0
 */
export const runAt = (
  args: ReadonlyArray<string>,
  folder: string,
  screenOf: (options: Pick<Options, "color">) => Screen
): Effect.Effect<void, UsageError | SetupError> => {
  const parsed = parse(args)
  switch (parsed._tag) {
    case "Help":
      return Effect.sync(() => screenOf({ color: false }).print(help))
    case "Invalid":
      return new UsageError({ message: parsed.message, see: "axonal sessions --help" })
    case "Asked": {
      const { options } = parsed
      const screen = screenOf(options)
      const file = Sessions.databasePath(options)
      // Who looks at sessions that were never begun gets no folder for them.
      const isThere = options.action === "import" || existsSync(file)
      if (!isThere && options.dataDir !== undefined) {
        return new SetupError({ message: `no sessions are kept in ${options.dataDir}: it has no sessions.db.` })
      }
      const store = isThere
        ? Effect.map(Sessions.databaseFile(options), (filename) => layerSqlite({ filename }))
        : Effect.succeed(ContextStore.layerMemory)
      return Effect.flatMap(store, (layer) => Effect.provide(act(options, folder, screen), layer)).pipe(
        Effect.catchTag(
          "StoreError",
          (error) => new SetupError({ message: ofStore(error, file, instead), cause: error })
        )
      )
    }
  }
}

/**
 * Does what was asked, for the sessions of a folder.
 *
 * @category combinators
 * @since 0.1.0
 */
export const act = (
  options: Options,
  folder: string,
  screen: Screen
): Effect.Effect<void, StoreError | SetupError | UsageError, ContextStore.ContextStore> => {
  const { action, words } = options
  const scope: Find.Scope = { owner: options.all ? undefined : folder }
  const [reference, more] = words
  const meant = Find.session(reference, scope)
  const changed = (said: (info: SessionInfo) => string) => (info: SessionInfo) =>
    screen.print(options.json ? `${JSON.stringify(info)}\n` : `${said(info)}\n`)
  switch (action) {
    case "list":
      return List.list(options, scope, screen)
    case "search":
      return List.search(options, scope, screen)
    case "show":
      return Effect.flatMap(meant, (info) => Show.show(options, info, screen))
    case "tree":
      return Effect.flatMap(meant, (info) => Show.tree(options, info, screen))
    case "fork":
      return fork(options, meant, more, changed)
    case "rewind":
      return Effect.flatMap(meant, (info) => rewind(options, info, more, screen))
    case "rename": {
      const title = words.slice(1).join(" ")
      return Effect.flatMap(meant, ({ id }) => Change.rename(id, title)).pipe(
        Effect.map(
          changed(({ id, title }) => `${id} ${title === undefined ? "has no title now" : `is “${oneLine(title)}” now`}`)
        )
      )
    }
    case "label": {
      const names = words.slice(1)
      const change = options.remove ? "remove" : "add"
      return Effect.flatMap(meant, (info) =>
        names.length === 0 ? Effect.succeed(info) : Change.label(info, names, change)
      ).pipe(
        Effect.map(
          changed(
            ({ id, labels }) =>
              `${id} has ${labels.length === 0 ? "no labels" : `labels ${labels.map(oneLine).join(", ")}`}`
          )
        )
      )
    }
    case "rm":
      return remove(options, scope, screen)
    case "prune":
      return prune(options, scope, screen)
    case "export":
      return Effect.flatMap(meant, (info) => Transfer.toFile(info.id, more, screen))
    case "import":
      return Effect.map(
        Transfer.fromFile(reference, folder, screen),
        changed((info) => `imported session ${info.id}: ${plural(info.entries, "entry", "entries")}`)
      )
  }
}

// internal

const instead = "or choose another folder with --data-dir."

type Changed = (said: (info: SessionInfo) => string) => (info: SessionInfo) => void

const fork = (
  options: Options,
  meant: Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore.ContextStore>,
  more: string | undefined,
  changed: Changed
) =>
  Effect.gen(function* () {
    const source = yield* meant
    const reference = options.at ?? more
    const at = reference === undefined ? undefined : yield* Find.entry(source.id, reference)
    const made = yield* Change.fork(source.id, { at, title: options.title })
    changed(
      ({ entries, id }) =>
        `${id} is a fork of ${source.id} with ${plural(entries, "entry", "entries")}. Go on with it: axonal --session ${id}`
    )(made)
  })

const rewind = (options: Options, { id }: SessionInfo, more: string | undefined, screen: Screen) =>
  Effect.gen(function* () {
    const reference = options.to ?? more
    const to = yield* options.undo
      ? Change.undone(id)
      : reference === undefined
        ? Change.stepsBack(id, options.back ?? 1)
        : Find.entry(id, reference)
    const rewound = yield* Change.rewind(id, to)
    const { from, isJump, left } = rewound
    if (options.json)
      return screen.print(`${JSON.stringify({ session: id, to, from, left: left.map(({ id }) => id) })}\n`)
    const back = isJump ? from : "--undo"
    const undo = options.undo || back === undefined ? "" : ` Take it back: axonal sessions rewind ${id} ${back}`
    screen.print(`${options.undo ? "The rewind is taken back. " : ""}${Change.leftOf(rewound)}${undo}\n`)
  })

const remove = (options: Options, scope: Find.Scope, screen: Screen) =>
  Effect.gen(function* () {
    const found = yield* Effect.forEach(options.words, (word) => Find.session(word, scope))
    const sessions = [...new Map(found.map((info) => [info.id, info])).values()]
    const [only] = sessions
    const what =
      sessions.length === 1 && only !== undefined
        ? `session ${only.id} (${Find.nameOf(only)}, ${plural(only.entries, "entry", "entries")})`
        : `these ${sessions.length} sessions: ${sessions.map(({ id }) => id).join(", ")}`
    // What agents said within a session is a part of it.
    const all = (yield* Effect.forEach(sessions, Find.nested)).flat().concat(sessions)
    const ids = new Set(all.map(({ id }) => id))
    const within = ids.size - sessions.length
    const also = within === 0 ? "" : `, with ${numeral(within)} of agents that worked within`
    if (!options.yes) yield* agreed(screen, `Erase ${what}${also} for good?`)
    yield* Change.remove([...ids])
    for (const { id } of sessions)
      screen.print(options.json ? `${JSON.stringify({ removed: id })}\n` : `${id} is erased\n`)
  })

const prune = ({ json, olderThan = 0, yes }: Options, scope: Find.Scope, screen: Screen) =>
  Effect.gen(function* () {
    const store = yield* ContextStore.ContextStore
    const before = (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - olderThan * 86_400_000
    const old = (yield* Find.every(scope)).filter(({ updatedAt }) => updatedAt < before)
    if (old.length > 0 && !yes) yield* agreed(screen, `Erase ${plural(old.length, "session")} for good?`)
    const count = old.length === 0 ? 0 : yield* store.prune({ ...scope, before })
    screen.print(json ? `${JSON.stringify({ removed: count })}\n` : `${numeral(count)} erased\n`)
  })

const agreed = (screen: Screen, question: string) =>
  Effect.flatMap(screen.confirm(question), (isAgreed) =>
    isAgreed ? Effect.void : Effect.fail(new SetupError({ message: "nothing was erased." }))
  )
