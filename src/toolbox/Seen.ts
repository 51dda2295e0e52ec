/**
 * What sessions have seen of files: the version that a model was last shown, so that it changes no file that it does not
 * know, and one after another for those who change the same file at once.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { LineChange } from "./internal/diffRender.ts"

/**
 * A file of a sandbox, as one session sees it.
 *
 * **Details**
 *
 * - `sandbox`: the service itself. `path`: absolute.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly sandbox: object
  readonly session: string
  readonly path: string
}

/**
 * What a session has seen of a file.
 *
 * **Details**
 *
 * - `text`: what it was then, of small texts, to tell what has changed since.
 * - `turn`, `changes`: what calls of that turn have changed before. Their model had not seen it when it wrote them: its line
 *   numbers are those of before.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sight {
  readonly version: string
  readonly text?: string | undefined
  readonly turn?: string | undefined
  readonly changes?: ReadonlyArray<ReadonlyArray<LineChange>> | undefined
}

/**
 * Keeps what was seen.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** What a session last saw of a file; nothing if it never did, or long ago. */
  readonly last: (place: Place) => Effect.Effect<Sight | undefined>
  /** Keeps what a session has seen of a file, instead of what it saw before. */
  readonly saw: (place: Place, sight: Sight) => Effect.Effect<void>
  /** Has an effect wait for all that are at work on one of these files, and others for it. */
  readonly alone: (
    sandbox: object,
    paths: ReadonlyArray<string>
  ) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * Makes a place for what was seen.
 *
 * **Details**
 *
 * - Kept in this process for as long as a sandbox lives: the last 10,000 files, and of 256 of them the text, if it has at
 *   most 65,536 characters.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Service => {
  const kept = new WeakMap<object, Kept>()
  const of = (sandbox: object): Kept => {
    const found = kept.get(sandbox) ?? { sights: new Map(), texts: new Map(), locks: new Map() }
    kept.set(sandbox, found)
    return found
  }
  return {
    last: ({ path, sandbox, session }) =>
      Effect.sync(() => {
        const { sights, texts } = of(sandbox)
        const key = keyOf(session, path)
        const sight = sights.get(key)
        return sight === undefined ? undefined : { ...sight, text: texts.get(key) }
      }),
    saw: ({ path, sandbox, session }, { text, ...sight }) =>
      Effect.sync(() => {
        const { sights, texts } = of(sandbox)
        const key = keyOf(session, path)
        put(sights, key, sight, 10_000)
        texts.delete(key)
        if (text !== undefined && text.length <= 65_536) put(texts, key, text, 256)
      }),
    alone: (sandbox, paths) => (effect) => {
      const { locks } = of(sandbox)
      // In one order for all, so that no two wait for each other.
      return [...new Set(paths)].sort().reduceRight((inner, path) => locked(locks, path, inner), effect)
    }
  }
}

/**
 * What was seen in this process, unless another one is provided.
 *
 * @category references
 * @since 0.1.0
 */
export class Seen extends Context.Reference<Seen>()("axonal/toolbox/Seen", { defaultValue: make }) {}

// internal

interface Kept {
  readonly sights: Map<string, Omit<Sight, "text">>
  readonly texts: Map<string, string>
  readonly locks: Locks
}

type Locks = Map<string, { readonly lock: Effect.Semaphore; users: number }>

const keyOf = (session: string, path: string): string => `${session}\n${path}`

/** The oldest goes when there are too many. */
const put = <A>(all: Map<string, A>, key: string, value: A, most: number): void => {
  all.delete(key)
  all.set(key, value)
  const [oldest] = all.size > most ? all.keys() : []
  if (oldest !== undefined) all.delete(oldest)
}

const locked = <A, E, R>(locks: Locks, path: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const found = locks.get(path) ?? { lock: Effect.unsafeMakeSemaphore(1), users: 0 }
      locks.set(path, found)
      found.users++
      return found
    }),
    ({ lock }) => lock.withPermits(1)(effect),
    (found) => Effect.sync(() => --found.users === 0 && locks.delete(path))
  )
