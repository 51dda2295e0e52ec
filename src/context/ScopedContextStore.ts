/**
 * A context store that holds the sessions of one owner and no others: whatever belongs to somebody else, or to nobody,
 * is as if it did not exist. What is kept, and where, is left to the store below.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SessionId } from "../domain/Ids.ts"
import type { Branch, Ownership, Service, SessionInfo, StoreError } from "./ContextStore.ts"
import { ContextStore, failure } from "./ContextStore.ts"
import { Identity } from "./Identity.ts"
import * as SessionQueue from "./internal/sessionQueue.ts"
import * as Storage from "./internal/storage.ts"
import * as Window from "./Window.ts"

/**
 * Whose sessions a store is about.
 *
 * **Details**
 *
 * - `tenant`: the organisation. Without it, the owner's sessions of every tenant; give it wherever two tenants may have
 *   owners of the same name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  readonly owner: string
  readonly tenant?: string | undefined
}

/**
 * Narrows a store to the sessions of an owner, who is asked for anew by each operation.
 *
 * **Details**
 *
 * - Reads of another's session answer what they answer for one that does not exist; clearing and removing do nothing;
 *   what needs a session fails with `NotFound`. Its id stays taken: appending to it and locking it fail with `NotFound`.
 * - New sessions become the owner's, whatever an append says. Listings, searches and pruning that ask for another owner or
 *   tenant find nothing.
 * - Whose a session is, is looked up before each operation on it, and by reads once more behind it. Operations on one
 *   session take turns, together with those of all narrowed views of the same store.
 * - When nobody is asking, nothing exists, and nothing can be made.
 *
 * **Gotchas**
 *
 * Who holds the store below may do anything. When a session is removed there, and made anew by another owner, in the very
 * moment in which its owner writes to it, the two may meet; ids that are minted never do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (store: Service, owner: Effect.Effect<Owner | undefined>): Service => {
  const his = ownershipOf(store)
  const turns = turnsOf(store)

  /** For whom is asking, after those who are busy with the session. */
  const asked = <A>(
    id: SessionId,
    use: (who: Owner) => Effect.Effect<A, StoreError>,
    absent: Effect.Effect<A, StoreError>
  ) =>
    Effect.flatMap(owner, (who) =>
      who === undefined ? absent : Effect.scoped(Effect.zipRight(turns.take(id, "wait"), use(who)))
    )
  const own = <A>(id: SessionId, use: Effect.Effect<A, StoreError>, absent: Effect.Effect<A, StoreError>) =>
    asked(id, (who) => his(who, id, use, absent), absent)
  /** What was read is his if the session is still his behind it. */
  const seen = <A>(id: SessionId, look: Effect.Effect<A, StoreError>, absent: Effect.Effect<A, StoreError>) => {
    const again = (who: Owner) => Effect.flatMap(look, (result) => his(who, id, Effect.succeed(result), absent))
    return asked(id, (who) => his(who, id, again(who), absent), absent)
  }
  const within = <A>(query: Ownership, use: (narrowed: Ownership) => Effect.Effect<A, StoreError>, nothing: A) =>
    Effect.flatMap(owner, (who) => {
      const narrowed = who && narrow(who, query)
      return narrowed === undefined ? Effect.succeed(nothing) : use(narrowed)
    })

  return {
    append: (id, entries, options = {}) =>
      asked(id, (who) => append(store, who, id, entries, options, attempts), missing("append", id, nobody)),
    read: (id) => seen(id, store.read(id), Effect.succeed(Window.empty)),
    live: (id) => seen(id, store.live(id), Effect.succeed([])),
    entries: (id) => seen(id, store.entries(id), Effect.succeed([])),
    entry: (id, entry) => seen(id, store.entry(id, entry), missing("entry", id)),
    info: (id) =>
      asked(
        id,
        (who) =>
          Effect.flatMap(find(store, who, id), (found) => (isHis(found) ? Effect.succeed(found) : missing("info", id))),
        missing("info", id)
      ),
    update: (id, change) => own(id, store.update(id, change), missing("update", id)),
    fork: (id, at) => own(id, store.fork(id, at), missing("fork", id)),
    rewind: (id, to) => own(id, store.rewind(id, to), missing("rewind", id)),
    branches: (id) =>
      asked(
        id,
        (who) =>
          his(
            who,
            id,
            Effect.flatMap(store.branches(id), (all) => keep(store, who, all)),
            Effect.succeed([])
          ),
        Effect.succeed([])
      ),
    clear: (id) => own(id, store.clear(id), Effect.void),
    remove: (id) => own(id, store.remove(id), Effect.void),
    prune: (options) => within(options, (narrowed) => store.prune({ ...options, ...narrowed }), 0),
    list: (query = {}) => within(query, (narrowed) => store.list({ ...query, ...narrowed }), { sessions: [] }),
    search: (text, query = {}) =>
      within(query, (narrowed) => store.search(text, { ...query, ...narrowed }), { hits: [] }),
    lock: (id, onBusy) =>
      Effect.flatMap(owner, (who) => (who === undefined ? missing("lock", id, nobody) : lock(store, who, id, onBusy)))
  }
}

/**
 * Layer that narrows the store below to one owner.
 *
 * **Details**
 *
 * - Errors: throws a `TypeError` when the owner or the tenant is blank.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (owner: Owner): Layer.Layer<ContextStore, never, ContextStore> => {
  for (const [field, name] of Object.entries(owner)) {
    if (name !== undefined && name.trim() === "") throw new TypeError(`${field} must be a non-empty string`)
  }
  return layerOf(Effect.succeed(owner))
}

/**
 * Layer that narrows the store below to whoever is asking: the `Identity` of the fiber that calls, its user and tenant.
 *
 * **When to use**
 *
 * Use when one store serves many people, each run under an `Identity` of its own. Give code that may provide an `Identity`
 * itself, and is not to be trusted with all sessions, a `layer` instead.
 *
 * **Gotchas**
 *
 * Where a run has no `Identity`, a handler of a tool has the one that its layer was built with, if there was one.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerIdentity: Layer.Layer<ContextStore, never, ContextStore> = Layer.suspend(() =>
  layerOf(
    Effect.map(Identity, ({ tenant, userId }) =>
      userId === undefined || userId.trim() === "" ? undefined : { owner: userId, tenant }
    )
  )
)

// internal

/** How often an append looks again that says nothing of the position it follows, while others write to the session. */
const attempts = 16

const nobody = "there is nobody to act for; provide an Identity with a userId"

const taken = "the id is that of a session of somebody else; choose another one"

type Found = SessionInfo | "others" | undefined

const layerOf = (owner: Effect.Effect<Owner | undefined>): Layer.Layer<ContextStore, never, ContextStore> =>
  Layer.effect(
    ContextStore,
    Effect.map(ContextStore, (store) => make(store, owner))
  )

/** Those who are busy with a session of a store, through whichever view of it. */
const turnsOf = (store: Service): SessionQueue.SessionQueue<SessionId> => {
  const known = turns.get(store) ?? SessionQueue.make<SessionId>()
  turns.set(store, known)
  return known
}
const turns = new WeakMap<Service, SessionQueue.SessionQueue<SessionId>>()

const missing = (operation: string, id: SessionId, message: string = Storage.noSession) =>
  Effect.suspend(() => Effect.fail(failure(operation, id, "NotFound", message)))

const isHis = (found: Found): found is SessionInfo => found !== undefined && found !== "others"

const find = (store: Service, who: Owner, id: SessionId): Effect.Effect<Found, StoreError> =>
  store.info(id).pipe(
    Effect.map((info) =>
      info.owner === who.owner && (who.tenant === undefined || info.tenant === who.tenant) ? info : "others"
    ),
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.succeed(undefined)
    )
  )

const ownershipOf =
  (store: Service) =>
  <A>(who: Owner, id: SessionId, use: Effect.Effect<A, StoreError>, absent: Effect.Effect<A, StoreError>) =>
    Effect.flatMap(find(store, who, id), (found) => (isHis(found) ? use : absent))

/** What an operation may be about; nothing when it asks for others. */
const narrow = (who: Owner, query: Ownership): Ownership | undefined =>
  (query.owner ?? who.owner) !== who.owner || (query.tenant ?? who.tenant) !== (who.tenant ?? query.tenant)
    ? undefined
    : { owner: who.owner, tenant: who.tenant ?? query.tenant }

/**
 * Appends to what is his, or to nothing. The position is that of before the look at whose it is, so that a session that
 * came or went in between is noticed by the store.
 */
const append = (
  store: Service,
  who: Owner,
  id: SessionId,
  entries: Parameters<Service["append"]>[1],
  options: NonNullable<Parameters<Service["append"]>[2]>,
  left: number
): Effect.Effect<number, StoreError> =>
  Effect.gen(function* () {
    // As for one that does not exist: nothing is written, and nothing is said.
    const refused = entries.length === 0 && !options.after ? Effect.succeed(0) : missing("append", id, taken)
    // What is another's is not even read: what is wrong with it is not said either.
    const first = options.after === undefined ? yield* find(store, who, id) : undefined
    if (first === "others") return yield* refused
    const after = options.after ?? (first === undefined ? 0 : (yield* store.read(id)).position)
    const before = yield* find(store, who, id)
    if (before === "others") return yield* refused
    const belongs = { owner: who.owner, tenant: who.tenant ?? options.tenant, chat: options.chat }
    const position = yield* store.append(id, entries, { ...belongs, after })
    // Somebody else may have begun it with entries of the same ids, so that there was nothing to write.
    const isTaken = before === undefined && (yield* find(store, who, id)) === "others"
    return isTaken ? yield* missing("append", id, taken) : position
  }).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "Conflict",
      (conflict) =>
        options.after === undefined && left > 1
          ? append(store, who, id, entries, options, left - 1)
          : Effect.flatMap(find(store, who, id), (found) =>
              found === "others" ? missing("append", id, taken) : Effect.fail(conflict)
            )
    )
  )

/** Takes a session that is his, or free, and lets it go at once if it became another's meanwhile. */
const lock = (store: Service, who: Owner, id: SessionId, onBusy: Parameters<Service["lock"]>[1]) => {
  const look = Effect.flatMap(find(store, who, id), (found) =>
    found === "others" ? missing("lock", id, taken) : Effect.void
  )
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      yield* restore(look)
      const held = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      yield* restore(Effect.zipRight(Scope.extend(store.lock(id, onBusy), held), look)).pipe(
        Effect.onError((cause) => Scope.close(held, Exit.failCause(cause)))
      )
    })
  )
}

/** The branches that are his. Sessions that are related belong to one owner; should a store know better, they are cut off. */
const keep = (store: Service, who: Owner, all: ReadonlyArray<Branch>) =>
  Effect.gen(function* () {
    const sessions = [...new Set(all.map(({ session }) => session))]
    const mine = new Set(yield* Effect.filter(sessions, (session) => Effect.map(find(store, who, session), isHis)))
    const kept = all.filter(({ session }) => mine.has(session))
    const ids = new Set(kept.map(({ id }) => id))
    return kept.map(
      ({ parent, ...branch }): Branch =>
        parent !== undefined && ids.has(parent.branch) ? { ...branch, parent } : branch
    )
  })
