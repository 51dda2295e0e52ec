/**
 * The life of one server: connected when it is wanted, again when it was lost, ever more slowly when that fails, and closed
 * when nobody has used it for long. Whoever uses it meanwhile waits, but not for ever. What it has is remembered.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import type { Prompt, Resource } from "../Mcp.ts"
import type { Failure } from "./clientFailure.ts"
import { failure, isPassing } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import type { ToolTold } from "./clientListing.ts"
import * as Listing from "./clientListing.ts"
import type { About, Connection } from "./clientModel.ts"
import { isForgotten } from "./clientModel.ts"

/** How a server is reached, and its times. */
export interface Settings {
  readonly name: string
  /** Opens a connection whose notifications go to the function. */
  readonly open: (
    notified: (method: string, params: Json) => Effect.Effect<void>
  ) => Effect.Effect<Connection, Failure, Scope.Scope>
  readonly connectTimeout: Duration.DurationInput
  /** How long its tools are waited for before it has been there; as long as it takes when absent. */
  readonly wait: Duration.DurationInput | undefined
  /** How long a use waits for a connection. */
  readonly patience: Duration.DurationInput
  readonly idle: Duration.DurationInput
  readonly retries: number
  readonly notified: (method: string, params: Json) => Effect.Effect<void>
}

/** How a server is. */
export interface State {
  readonly is: "connecting" | "connected" | "disconnected" | "error"
  readonly problem: Failure | undefined
  readonly about: About | undefined
  readonly tools: ReadonlyArray<ToolTold>
  /** What is wrong with what it offers. */
  readonly complaints: ReadonlyArray<string>
}

/** What a server has besides tools. */
export interface Lists {
  readonly resources: ReadonlyArray<Resource>
  readonly templates: ReadonlyArray<Resource>
  readonly prompts: ReadonlyArray<Prompt>
}

/** A server that is looked after. */
export interface Server {
  /** Uses the connection, which is opened if need be. */
  readonly use: <A>(work: (connection: Connection) => Effect.Effect<A, Failure>) => Effect.Effect<A, Failure>
  /** The tools there were when they were last heard of, once the first attempt to connect is over, or has lasted for `wait`. */
  readonly tools: Effect.Effect<ReadonlyArray<ToolTold>>
  /** What a list was when it was last read; read when nobody knows. */
  readonly remembered: <Name extends keyof Lists>(
    name: Name,
    read: (connection: Connection) => Effect.Effect<Lists[Name], Failure>
  ) => Effect.Effect<Lists[Name], Failure>
  readonly disconnect: Effect.Effect<void>
  readonly state: Effect.Effect<State>
}

/** Looks after a server until the scope closes. `changed` hears of every change of its state. */
export const make = (settings: Settings, changed: Effect.Effect<void>): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const self: Self = {
      settings,
      changed,
      scope,
      first: yield* Deferred.make<void>(),
      listing: yield* Effect.makeSemaphore(1),
      state: { is: "connecting", problem: undefined, about: undefined, tools: [], complaints: [] },
      open: undefined,
      opening: undefined,
      losses: 0,
      isClosed: false,
      isStale: false,
      lists: {}
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => (self.isClosed = true)))
    yield* start(self, 0)
    if (settings.wait !== undefined) {
      yield* Effect.forkIn(Effect.zipRight(Effect.sleep(settings.wait), Deferred.succeed(self.first, undefined)), scope)
    }
    return {
      use: (work) => use(self, work),
      tools: Effect.zipRight(Deferred.await(self.first), tools(self)),
      remembered: (name, read) => remembered(self, name, read),
      disconnect: disconnect(self),
      state: Effect.sync(() => self.state)
    }
  })

// internal

interface Open {
  readonly connection: Connection
  readonly scope: Scope.CloseableScope
  readonly sinceMillis: number
  using: number
  usedMillis: number
}

interface Opening {
  readonly outcome: Deferred.Deferred<Open, Failure>
  readonly fiber: Fiber.RuntimeFiber<void>
}

interface Self {
  readonly settings: Settings
  readonly changed: Effect.Effect<void>
  readonly scope: Scope.Scope
  /** Completes when the first attempt has succeeded or failed. */
  readonly first: Deferred.Deferred<void>
  readonly listing: Effect.Semaphore
  state: State
  open: Open | undefined
  opening: Opening | undefined
  /** How often in a row it was lost soon after it was there. */
  losses: number
  isClosed: boolean
  /** Whether the tools have changed since they were read. */
  isStale: boolean
  lists: { readonly [Name in keyof Lists]?: Lists[Name] | undefined }
}

/** A connection that held for so long was not in vain. */
const steadyMillis = 60_000

const become = (self: Self, state: Partial<State>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.state = { ...self.state, ...state }
    return self.changed
  })

const closed = ({ settings }: Self): Failure => failure("Closed", `The client of ${settings.name} has been closed.`)

/** Half a second that doubles with every attempt, up to half a minute, less up to half of it by chance. */
const pause = (attempt: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (chance) =>
    Effect.sleep(Math.round(Math.min(30_000, 500 * 2 ** attempt) * (1 - chance / 2)))
  )

const start = (self: Self, attempt: number, before: Effect.Effect<void> = Effect.void): Effect.Effect<Opening> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const outcome = yield* Deferred.make<Open, Failure>()
      const fiber = yield* Effect.forkIn(
        Effect.interruptible(Effect.zipRight(before, attempts(self, outcome, attempt))),
        self.scope
      )
      const opening: Opening = { outcome, fiber }
      self.opening = opening
      return opening
    })
  )

/** Runs go on without the tools of a server that is not there, so that nobody might see why. */
const missed = ({ settings }: Self, { message }: Failure): Effect.Effect<void> =>
  Effect.logWarning(`The server ${settings.name} cannot be reached, and its tools are not there: ${message}`)

/** Tries to connect until that succeeds, will not succeed, or has failed too often. */
const attempts = (self: Self, outcome: Deferred.Deferred<Open, Failure>, attempt: number): Effect.Effect<void> =>
  become(self, { is: "connecting" }).pipe(
    Effect.zipRight(openOnce(self)),
    Effect.matchEffect({
      onSuccess: (open) => Deferred.succeed(outcome, open),
      onFailure: (problem) =>
        Effect.zipRight(
          Effect.zipRight(attempt === 0 ? missed(self, problem) : Effect.void, become(self, { is: "error", problem })),
          isPassing(problem) && attempt < self.settings.retries
            ? Deferred.succeed(self.first, undefined).pipe(
                Effect.zipRight(pause(attempt)),
                Effect.zipRight(attempts(self, outcome, attempt + 1))
              )
            : Effect.zipRight(
                Effect.sync(() => (self.opening = undefined)),
                Deferred.fail(outcome, problem)
              )
        )
    }),
    Effect.ensuring(Deferred.succeed(self.first, undefined)),
    Effect.onInterrupt(() => Deferred.fail(outcome, closed(self))),
    Effect.asVoid
  )

const openOnce = (self: Self): Effect.Effect<Open, Failure> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(self.scope, ExecutionStrategy.sequential)
      const { connectTimeout, open, name } = self.settings
      const within = Effect.timeoutFail(
        Effect.flatMap(Scope.extend(open(notified(self)), scope), (connection) =>
          Effect.map(listed(self, connection), (tools) => ({ connection, tools }))
        ),
        {
          duration: connectTimeout,
          onTimeout: () =>
            failure("TimedOut", `${name} was not ready within ${Duration.format(Duration.decode(connectTimeout))}.`)
        }
      )
      const { connection, tools } = yield* Effect.onError(restore(within), (cause) =>
        Scope.close(scope, Exit.failCause(cause))
      )
      const now = yield* Clock.currentTimeMillis
      const there: Open = { connection, scope, sinceMillis: now, using: 0, usedMillis: now }
      self.open = there
      self.opening = undefined
      self.isStale = false
      self.lists = {}
      yield* become(self, { is: "connected", problem: undefined, about: connection.about, ...tools })
      yield* Effect.forkIn(
        Effect.flatMap(Effect.interruptible(connection.ended), (why) => lose(self, there, why)),
        self.scope
      )
      yield* Effect.forkIn(Effect.interruptible(idling(self, there)), self.scope)
      return there
    })
  )

/** The tools of a connection; the very same as before if they are no other. */
const listed = (self: Self, connection: Connection): Effect.Effect<Pick<State, "tools" | "complaints">, Failure> => {
  if (!("tools" in connection.about.capabilities)) return Effect.succeed({ tools: [], complaints: [] })
  return Effect.map(Listing.tools(connection, { timeout: self.settings.connectTimeout }), ({ items, problems }) => ({
    tools: JSON.stringify(items) === JSON.stringify(self.state.tools) ? self.state.tools : items,
    complaints: problems
  }))
}

const notified =
  (self: Self) =>
  (method: string, params: Json): Effect.Effect<void> => {
    if (method === "notifications/tools/list_changed") self.isStale = true
    if (method === "notifications/resources/list_changed") self.lists = { prompts: self.lists.prompts }
    if (method === "notifications/prompts/list_changed") self.lists = { ...self.lists, prompts: undefined }
    return self.settings.notified(method, params)
  }

/** The connection is gone: it is closed, and another one opened unless they do not last. */
const lose = (self: Self, open: Open, why: Failure): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      if (self.open !== open) return
      self.open = undefined
      self.losses = (yield* Clock.currentTimeMillis) - open.sinceMillis < steadyMillis ? self.losses + 1 : 1
      const isHopeless = self.losses > self.settings.retries
      yield* become(self, { is: isHopeless ? "error" : "disconnected", problem: why })
      // The next connection does not wait for the end of this one.
      yield* Effect.forkIn(Scope.close(open.scope, Exit.void), self.scope)
      if (isHopeless || self.isClosed || self.opening !== undefined) return
      yield* start(self, self.losses - 1, self.losses > 1 ? pause(self.losses - 2) : Effect.void)
    })
  )

const close = (self: Self, open: Open): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      if (self.open !== open) return Effect.void
      self.open = undefined
      return Effect.zipRight(
        Scope.close(open.scope, Exit.void),
        become(self, { is: "disconnected", problem: undefined })
      )
    })
  )

/** Closes the connection when it has not been used for long. */
const idling = (self: Self, open: Open): Effect.Effect<void> => {
  const most = Duration.toMillis(self.settings.idle)
  if (!Number.isFinite(most)) return Effect.void
  return Effect.flatMap(Clock.currentTimeMillis, (now) => {
    if (self.open !== open) return Effect.void
    const left = open.using > 0 ? most : open.usedMillis + most - now
    return left > 0 ? Effect.zipRight(Effect.sleep(left), idling(self, open)) : close(self, open)
  })
}

const disconnect = (self: Self): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { open, opening } = self
    self.opening = undefined
    return Effect.zipRight(
      opening === undefined ? Effect.void : Fiber.interrupt(opening.fiber),
      open === undefined ? become(self, { is: "disconnected", problem: undefined }) : close(self, open)
    )
  })

/** The connection there is, or the one that is being opened. */
const current = (self: Self): Effect.Effect<Open, Failure> =>
  Effect.suspend(() => {
    if (self.isClosed) return Effect.fail(closed(self))
    if (self.open !== undefined) return Effect.succeed(self.open)
    const opening = self.opening === undefined ? start(self, 0) : Effect.succeed(self.opening)
    return Effect.flatMap(opening, ({ outcome }) =>
      Effect.timeoutFail(Deferred.await(outcome), { duration: self.settings.patience, onTimeout: () => late(self) })
    )
  })

const late = ({ settings, state }: Self): Failure => {
  const why = state.problem === undefined ? "" : ` ${state.problem.message}`
  return failure("Unavailable", `${settings.name} is not connected; it is tried again in the background.${why}`)
}

const use = <A>(
  self: Self,
  work: (connection: Connection) => Effect.Effect<A, Failure>,
  again = true
): Effect.Effect<A, Failure> =>
  Effect.flatMap(current(self), (open) =>
    Effect.acquireUseRelease(
      Effect.sync(() => open.using++),
      () => work(open.connection),
      () =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          open.using--
          open.usedMillis = now
        })
    ).pipe(
      // A server that does not know its session any more has done nothing of what it was asked.
      Effect.catchIf(isForgotten, (why) =>
        Effect.zipRight(lose(self, open, why), again ? use(self, work, false) : Effect.fail(why))
      )
    )
  )

const tools = (self: Self): Effect.Effect<ReadonlyArray<ToolTold>> =>
  Effect.suspend(() => {
    if (!self.isStale || self.open === undefined) return Effect.succeed(self.state.tools)
    const { connection } = self.open
    const read = Effect.suspend(() => {
      if (!self.isStale) return Effect.void
      self.isStale = false
      return Effect.matchEffect(listed(self, connection), {
        onSuccess: (tools) => become(self, tools),
        onFailure: ({ message }) => Effect.logWarning(`${self.settings.name} did not tell its tools: ${message}`)
      })
    })
    return Effect.map(self.listing.withPermits(1)(read), () => self.state.tools)
  })

const remembered = <Name extends keyof Lists>(
  self: Self,
  name: Name,
  read: (connection: Connection) => Effect.Effect<Lists[Name], Failure>
): Effect.Effect<Lists[Name], Failure> =>
  Effect.suspend(() => {
    const known = self.lists[name]
    if (known !== undefined) return Effect.succeed<Lists[Name]>(known)
    return Effect.tap(use(self, read), (list) =>
      Effect.sync(() => {
        self.lists = { ...self.lists, [name]: list }
      })
    )
  })
