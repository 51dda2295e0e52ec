/**
 * Random sequences of changes, after each of which a store has to say the same as a model of a few lines.
 */

import type { Vitest } from "@effect/vitest"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as ContextStore from "../../context/ContextStore.ts"
import * as Window from "../../context/Window.ts"
import type { Entry, Stored } from "../../domain/Entry.ts"
import type { EntryId, SessionId } from "../../domain/Ids.ts"
import type { Mine, Store } from "./contextStoreFixtures.ts"
import {
  answered,
  called,
  compacted,
  counted,
  fresh,
  labelOf,
  restored,
  results,
  said
} from "./contextStoreFixtures.ts"

/** One change. Numbers choose among what there is, whatever that is by then. */
type Change =
  | { readonly type: "append"; readonly session: number; readonly kinds: ReadonlyArray<Kind>; readonly among: number }
  | Parting
  | { readonly type: "clear" | "remove"; readonly session: number }
interface Parting {
  readonly type: "fork" | "rewind"
  readonly session: number
  readonly among: number
}
type Kind = "said" | "answered" | "turn" | "counted" | "compacted" | "restored" | "repeated"

const kind = FastCheck.constantFrom<Array<Kind>>(
  ...(["said", "said", "answered", "turn", "counted", "compacted", "restored", "repeated"] as const)
)
const session = FastCheck.nat({ max: 3 })
const among = FastCheck.nat({ max: 40 })
const change: FastCheck.Arbitrary<Change> = FastCheck.oneof(
  {
    weight: 5,
    arbitrary: FastCheck.record({
      type: FastCheck.constant("append" as const),
      session,
      kinds: FastCheck.array(kind, { maxLength: 4 }),
      among
    })
  },
  {
    weight: 3,
    arbitrary: FastCheck.record({ type: FastCheck.constantFrom("fork" as const, "rewind" as const), session, among })
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({ type: FastCheck.constantFrom("clear" as const, "remove" as const), session })
  }
)

interface Line {
  readonly path: Array<Stored>
  /** How many entries it shares with the branch it left. */
  readonly shared: number
}
interface Session {
  current: Line
  lines: Array<Line>
  /** All sessions related by forks, for as long as nothing of the family was erased. */
  family: { isWhole: boolean }
  position: number
}

interface Model {
  readonly sessions: Map<SessionId, Session>
  /** The sessions that changes choose from, some of which may be removed. */
  readonly known: Array<SessionId>
  entries: number
}

/**
 * Declares the test that the store agrees with the model.
 */
export const agreesWithModel = (
  it: Vitest.MethodsNonLive<ContextStore.ContextStore>,
  mineOf: (session: SessionId) => Mine
): void =>
  it.scoped.prop(
    "AX-34 AM-20 TR-29 any changes in any order leave what a model says",
    [FastCheck.array(change, { minLength: 4, maxLength: 16 })],
    ([changes]) =>
      Effect.gen(function* () {
        const store = yield* ContextStore.ContextStore
        const known = [fresh(), fresh()]
        const mine = mineOf(fresh())
        const model: Model = { sessions: new Map(), known, entries: 0 }
        for (const change of changes) {
          const id = known[change.session % known.length]
          if (id !== undefined)
            yield* Effect.flatMap(take(store, model, mine, id, change), (touched) => check(store, model, touched))
        }
        for (const id of known) yield* check(store, model, id)
        const { sessions } = yield* store.list(mine)
        assert.deepStrictEqual(sessions.map((info): string => info.id).sort(), [...model.sessions.keys()].sort())
      }),
    { fastCheck: { numRuns: 20 } }
  )

/** Makes a change in both, and answers the session that it is about. */
const take = (store: Store, model: Model, mine: Mine, id: SessionId, change: Change) =>
  Effect.gen(function* () {
    const state = model.sessions.get(id)
    if (change.type === "append") {
      const entries = entriesOf(model, state?.current.path ?? [], change.kinds, change.among)
      const position = yield* store.append(id, entries, { ...mine, after: state?.position ?? 0 })
      add(model, id, entries, position)
    } else if (change.type === "fork" || change.type === "rewind") {
      return (yield* part(store, model, id, change)) ?? id
    } else {
      yield* store[change.type](id)
      if (state !== undefined) erase(model, id, state, change.type)
    }
    return id
  })

const entriesOf = (model: Model, path: ReadonlyArray<Stored>, kinds: ReadonlyArray<Kind>, among: number) => {
  const next = () => `e${++model.entries}`
  return kinds.flatMap((kind): ReadonlyArray<Entry> => {
    const there = path[among % Math.max(1, path.length)]
    switch (kind) {
      case "said":
        return [said(next())]
      case "answered":
        return [answered(next())]
      case "turn": {
        const call = next()
        return [called(next(), [call]), counted(next(), 20, 2), results(next(), [call])]
      }
      case "counted":
        return [counted(next(), model.entries, 1)]
      case "compacted":
        return [compacted(next(), there?.id ?? "nothing")]
      case "restored":
        return [restored(next())]
      case "repeated":
        return there === undefined || there._tag === "Unreadable" ? [] : [there]
    }
  })
}

const add = (model: Model, id: SessionId, entries: ReadonlyArray<Entry>, position: number): void => {
  const state = model.sessions.get(id)
  const path = state?.current.path ?? []
  const added = entries.filter((entry) => !path.some((there) => there.id === entry.id))
  path.push(...added)
  assert.strictEqual(position, (state?.position ?? 0) + added.length)
  if (state !== undefined) state.position = position
  else if (added.length > 0) {
    const current = { path, shared: 0 }
    model.sessions.set(id, { current, lines: [current], family: { isWhole: true }, position })
  }
}

const erase = (model: Model, id: SessionId, state: Session, type: "clear" | "remove"): void => {
  state.family.isWhole = false
  state.family = { isWhole: true }
  if (type === "remove") model.sessions.delete(id)
  else {
    state.current = { path: [], shared: 0 }
    state.lines = [state.current]
  }
}

/** A fork or a rewind at any entry of any branch. */
const part = (store: Store, model: Model, id: SessionId, { among, type }: Parting) =>
  Effect.gen(function* () {
    const state = model.sessions.get(id)
    const entry = choose(state, among)
    if (state === undefined || entry === undefined) return undefined
    const line = holding(state, entry)
    const kept =
      line === undefined
        ? undefined
        : Window.keptBy(
            line.path,
            line.path.findIndex(({ id }) => id === entry)
          )
    if (line === undefined || kept === undefined) return undefined
    const path = line.path.slice(0, kept)
    const last = path[kept - 1]?.id
    const child = type === "fork" ? yield* store.fork(id, entry) : undefined
    if (type === "rewind") yield* store.rewind(id, entry)
    const marker = (yield* store.entries(child ?? id))[kept]
    assert.strictEqual(marker && labelOf(marker), `${type} ${last}`)
    if (marker !== undefined) path.push(marker)
    const current: Line = { path, shared: kept }
    if (child === undefined) {
      state.lines.push(current)
      state.current = current
      return id
    }
    model.known.push(child)
    model.sessions.set(child, { current, lines: [current], family: state.family, position: 0 })
    return child
  })

const choose = (state: Session | undefined, among: number): EntryId | undefined => {
  const all = [...new Set(state?.lines.flatMap(({ path }) => path.map(({ id }) => id)))]
  return all[among % Math.max(1, all.length)]
}

/** The branch that is meant by an entry: the one that goes on, or any other if they all have the same to take along. */
const holding = ({ current, lines }: Session, entry: EntryId): Line | undefined => {
  const having = [current, ...lines].filter(({ path }) => path.some(({ id }) => id === entry))
  if (having[0] === current) return current
  const cuts = new Set(having.map(({ path }) => cutAt(path, entry)))
  return cuts.size === 1 ? having[0] : undefined
}
const cutAt = (path: ReadonlyArray<Stored>, entry: EntryId): string =>
  path
    .slice(
      0,
      Window.keptBy(
        path,
        path.findIndex(({ id }) => id === entry)
      )
    )
    .map(({ id }) => id)
    .join()

/** Whether the store says of a session what the model says. */
const check = (store: Store, model: Model, id: SessionId) =>
  Effect.gen(function* () {
    const state = model.sessions.get(id)
    const path = state?.current.path ?? []
    const entries = yield* store.entries(id)
    assert.deepStrictEqual(entries, path)
    const window = yield* store.read(id)
    assert.deepStrictEqual(window, Window.project(path, window.position))
    assert.deepStrictEqual(yield* store.live(id), Window.live(path))
    if (state === undefined) {
      assert.strictEqual(window.position, 0)
      assert.deepStrictEqual(yield* store.branches(id), [])
      return
    }
    assert.isAtLeast(window.position, Math.max(1, state.position))
    state.position = window.position
    const { entries: count, preview } = yield* store.info(id)
    assert.deepStrictEqual([count, preview], [path.length, previewOf(path)])
    checkBranches(model, id, state, yield* store.branches(id))
  })

const checkBranches = (
  model: Model,
  id: SessionId,
  state: Session,
  found: ReadonlyArray<ContextStore.Branch>
): void => {
  const own = found.filter(({ session }) => session === id)
  assert.deepStrictEqual(
    own.map(({ entries, isCurrent, last, preview }) => ({ entries, isCurrent, last, preview })),
    state.lines.map((line) => {
      const { path, shared } = line
      return {
        entries: path.length - shared,
        isCurrent: line === state.current,
        last: path.length === shared ? undefined : path[path.length - 1]?.id,
        preview: previewOf(path.slice(shared))
      }
    })
  )
  for (const [index, { parent }] of found.entries()) {
    if (parent === undefined) continue
    const place = found.findIndex((branch) => branch.id === parent.branch)
    assert.isTrue(place >= 0 && place < index, "parents stand before their children")
  }
  own.forEach(({ parent }, index) => {
    const line = state.lines[index]
    const last = line?.path[line.shared - 1]?.id
    if (state.family.isWhole) assert.strictEqual(parent?.entry, last)
    else assert.include([undefined, last], parent?.entry)
  })
  if (!state.family.isWhole) return
  const related = [...model.sessions].flatMap(([session, { family }]) => (family === state.family ? [session] : []))
  assert.deepStrictEqual([...new Set(found.map(({ session }) => session))].sort(), related.sort())
}

const previewOf = (path: ReadonlyArray<Stored>): string =>
  path.map((entry) => Window.preview(entry)).find((preview) => preview !== "") ?? ""
