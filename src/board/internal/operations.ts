/**
 * What a board does, over whatever keeps it. Every change looks, checks the rules, and then puts what is new; nothing is
 * put before all is checked.
 */
import * as Effect from "effect/Effect"
import { present } from "../../internal/present.ts"
import type { Driver, Reading, Writing } from "./driver.ts"
import type { Claim, Held, NewNote, NewTask, Note, Stored, Task, TaskChange, TaskFilter } from "./model.ts"
import { Refusal } from "./model.ts"
import * as Rules from "./rules.ts"

export interface ClaimOptions {
  readonly worker: string
  readonly role?: string | undefined
  readonly leaseMillis: number
}

export type Operations<F> = ReturnType<typeof make<F>>

export const make = <F>(driver: Driver<F>) => {
  const post = (board: string, tasks: ReadonlyArray<NewTask>, by: string | undefined) =>
    tasks.length === 0
      ? Effect.succeed<ReadonlyArray<Task>>([])
      : driver.write(board, (writing) =>
          Effect.gen(function* () {
            const added = yield* adding(writing, tasks, by)
            yield* writing.put(added)
            yield* writing.link(added)
            return yield* shown(writing, added)
          })
        )

  const get = (board: string, id: string) =>
    driver.read(board, (reading) => Effect.flatMap(one(reading, id), (task) => showOne(reading, task)))

  const list = (board: string, filter: TaskFilter) =>
    driver.read(board, (reading) =>
      Effect.map(reading.all, (kept) => {
        const tasks = new Map(kept.map((task) => [task.id, Rules.at(task, reading.now)]))
        const all = Array.from(tasks.values(), Rules.viewing(tasks))
        return all.filter(wanted(filter)).slice(0, filter.limit ?? all.length)
      })
    )

  const update = (board: string, id: string, change: TaskChange) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        const task = yield* one(writing, id)
        const wrong = Rules.problem(change)
        if (wrong !== undefined) return yield* refuse("Invalid", wrong, [id])
        const changed = merged(task, change)
        if (change.dependsOn === undefined) return yield* putOne(writing, changed)
        if (task.state !== "open") return yield* refuse("Ended", notOpen(task), [id])
        const known = yield* knownOf(writing, [changed])
        yield* acyclic(writing, changed)
        const waiting = waitingOf(changed, (dependency) => known.get(dependency))
        const [first] = yield* putAll(writing, [{ ...changed, waiting }, ...(yield* behind(writing, [id]))])
        yield* writing.link([changed])
        return yield* showOne(writing, first ?? changed)
      })
    )

  const claim = (board: string, id: string, options: ClaimOptions) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        const task = yield* one(writing, id)
        if (task.state === "claimed" && task.held !== undefined) {
          return yield* refuse("Taken", taken(task.held.worker, id), [id])
        }
        if (Rules.isEnded(task)) return yield* refuse("Ended", `task ${id} is ${task.state} already`, [id])
        if (task.assignee !== undefined && !namesOf(options).includes(task.assignee)) {
          return yield* refuse("Taken", `task ${id} is for ${task.assignee}; claim another one`, [id])
        }
        const view = yield* showOne(writing, task)
        if (view.waitsFor.length > 0) return yield* refuse("Blocked", blocked(view), [id])
        return yield* claimed(writing, board, task, options)
      })
    )

  const claimNext = (board: string, tag: string | undefined, options: ClaimOptions) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        yield* sweep(writing)
        const task = yield* writing.ready({ tag, names: namesOf(options) })
        return task === undefined ? undefined : yield* claimed(writing, board, task, options)
      })
    )

  /** Changes a task that this claim still holds. */
  const holding = (
    { board, task: { id }, token }: Claim,
    change: (task: Stored, held: NonNullable<Stored["held"]>, now: number) => Stored
  ) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        const task = yield* one(writing, id)
        const { held } = task
        if (held === undefined || held.token !== token) return yield* Effect.fail(Rules.lost(task, token))
        return yield* settle(writing, change(task, held, writing.now))
      })
    )

  const renew = (claim: Claim, leaseMillis = claim.leaseMillis) =>
    Effect.map(
      holding(claim, (task, held, now) => ({ ...task, held: { ...held, leaseMillis, expiresAt: now + leaseMillis } })),
      (task): Claim => ({ ...claim, leaseMillis, task, expiresAt: task.claim?.until ?? claim.expiresAt })
    )

  const complete = (claim: Claim, value: unknown) =>
    Effect.suspend(() => {
      const result = Rules.plain(value)
      if (result === Rules.invalidResult) return refuse("Invalid", notJson(claim.task.id), [claim.task.id])
      const done = holding(claim, (task, { token, worker }, now) =>
        Rules.ended(task, "done", { result, endedBy: worker, endedAt: now, endedWith: token })
      )
      return Effect.catchIf(done, isLost, (error) =>
        Effect.flatMap(
          driver.read(claim.board, (reading) =>
            Effect.flatMap(one(reading, claim.task.id), (task) =>
              Effect.map(showOne(reading, task), (view) => ({ view, isMine: task.endedWith === claim.token }))
            )
          ),
          // Whoever did not hear of its success may complete again.
          ({ isMine, view }) => (isMine ? Effect.succeed(view) : Effect.fail(error))
        )
      )
    })

  const fail = (claim: Claim, reason: string, final: boolean) =>
    holding(claim, (task, { worker }, now) => Rules.failedOnce(task, reason, worker, now, final))

  const release = (claim: Claim) =>
    holding(claim, ({ held: _, ...task }) => ({ ...task, state: "open", attempts: task.attempts - 1 }))

  const cancel = (board: string, id: string, reason: string | undefined, by: string | undefined) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        const task = yield* one(writing, id)
        if (task.state === "cancelled") return yield* showOne(writing, task)
        if (Rules.isEnded(task)) return yield* refuse("Ended", `task ${id} is ${task.state} already`, [id])
        return yield* settle(writing, Rules.ended(task, "cancelled", { reason, endedBy: by, endedAt: writing.now }))
      })
    )

  const reopen = (board: string, id: string) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        const task = yield* one(writing, id)
        if (task.state === "done") return yield* refuse("Ended", `task ${id} is done; post another one`, [id])
        if (!Rules.isEnded(task)) return yield* showOne(writing, task)
        const known = yield* knownOf(writing, [task])
        const open = Rules.reopened(
          task,
          waitingOf(task, (dependency) => known.get(dependency))
        )
        const [first] = yield* putAll(writing, [open, ...(yield* behind(writing, [id]))])
        return yield* showOne(writing, first ?? open)
      })
    )

  const claims = (board: string, worker: string) =>
    driver.read(board, (reading) =>
      Effect.gen(function* () {
        const tasks = (yield* reading.heldBy(worker)).map((task) => Rules.at(task, reading.now))
        const views = yield* shown(reading, tasks)
        return views.flatMap((view, index) => {
          const held = tasks[index]?.held
          return held === undefined ? [] : [claimOf(board, view, held)]
        })
      })
    )

  const addNote = (board: string, { author, tags = [], task, text }: NewNote) =>
    driver.write(board, (writing) =>
      Effect.gen(function* () {
        if (Rules.isBlank(text)) return yield* refuse("Invalid", "the note has no text; give it one")
        if (task !== undefined) yield* one(writing, task)
        const revision = writing.next()
        const note: Note = {
          ...{ id: `n${revision}`, author, text, tags: [...new Set(tags)], at: writing.now, revision },
          ...present({ task })
        }
        yield* writing.addNote(note)
        return note
      })
    )

  const notes = (board: string, task: string | undefined) => driver.read(board, (reading) => reading.notes(0, task))

  const remove = (board: string) => driver.write(board, (writing) => writing.erase)

  /** Puts down that leases ran out, so that whoever watches is told. */
  const tend = (board: string) => driver.write(board, sweep)

  /** Tasks as they are now, in the order of the ids. */
  const views = (board: string, ids: ReadonlyArray<string>) =>
    driver.read(board, (reading) => Effect.flatMap(each(reading, ids), (tasks) => shown(reading, tasks)))

  const changedAfter = (board: string, revision: number) =>
    driver.read(board, (reading) =>
      Effect.gen(function* () {
        const tasks = yield* reading.changedAfter(revision)
        const shownTasks = yield* shown(
          reading,
          tasks.map((task) => Rules.at(task, reading.now))
        )
        return { tasks: shownTasks, notes: yield* reading.notes(revision) }
      })
    )

  return {
    ...{ post, get, list, update, claim, claimNext, renew, complete, fail, release, cancel, reopen, claims },
    ...{ addNote, notes, remove, tend, views, changedAfter, pulse: driver.pulse, changed: driver.changed }
  }
}

// internal

const refuse = (reason: Refusal["reason"], message: string, tasks?: ReadonlyArray<string>) =>
  Effect.fail(new Refusal(reason, message, tasks))

const isLost = (error: unknown): error is Refusal => error instanceof Refusal && error.reason === "LeaseLost"

const namesOf = ({ role, worker }: ClaimOptions): ReadonlyArray<string> =>
  role === undefined ? [worker] : [worker, role]

const taken = (worker: string, id: string): string =>
  `${worker} works on task ${id}; claim another one, or wait until it is free`

const blocked = ({ id, stuckOn, waitsFor }: Task): string =>
  stuckOn.length > 0
    ? `task ${id} waits in vain for ${stuckOn.join(", ")}; reopen what failed, or change its dependencies`
    : `task ${id} waits for ${waitsFor.join(", ")}; claim one of these first`

const notOpen = ({ id, state }: Stored): string =>
  `task ${id} is ${state === "claimed" ? "in progress" : state}; only what nobody has begun can change its dependencies`

const notJson = (id: string): string =>
  `the result of task ${id} cannot be written as JSON; give texts, numbers, records`

const missing = (ids: ReadonlyArray<string>) =>
  refuse("NotFound", `there is no task ${ids.join(", ")} on this board; list the tasks to see their ids`, ids)

/** Tasks as they are at this time, in the order of the ids. */
const each = <F>(reading: Reading<F>, ids: ReadonlyArray<string>) =>
  Effect.flatMap(reading.load(ids), (tasks) => {
    const known = new Map(tasks.map((task) => [task.id, Rules.at(task, reading.now)]))
    const unknown = [...new Set(ids)].filter((id) => !known.has(id))
    return unknown.length > 0 ? missing(unknown) : Effect.succeed(ids.flatMap((id) => known.get(id) ?? []))
  })

const one = <F>(reading: Reading<F>, id: string): Effect.Effect<Stored, F | Refusal> =>
  Effect.flatMap(each(reading, [id]), ([task]) => (task === undefined ? missing([id]) : Effect.succeed(task)))

/** How many levels of tasks that wait are looked up one by one before the whole board is. */
const levels = 4

/** Looks up what the tasks wait for, however far away it is, and shows them. */
const viewing = <F>(reading: Reading<F>, tasks: ReadonlyArray<Stored>): Effect.Effect<(task: Stored) => Task, F> =>
  Effect.gen(function* () {
    const known = new Map(tasks.map((task) => [task.id, task]))
    let last: ReadonlyArray<Stored> = tasks
    for (let level = 0; last.length > 0; level++) {
      const ids = new Set(last.flatMap(({ dependsOn, state }) => (state === "open" ? dependsOn : [])))
      const wanted = [...ids].filter((id) => !known.has(id))
      if (wanted.length === 0) break
      const found = yield* level < levels ? reading.load(wanted) : reading.all
      last = found.flatMap((task) => (known.has(task.id) ? [] : Rules.at(task, reading.now)))
      for (const task of last) known.set(task.id, task)
    }
    return Rules.viewing(known)
  })

const shown = <F>(reading: Reading<F>, tasks: ReadonlyArray<Stored>): Effect.Effect<ReadonlyArray<Task>, F> =>
  Effect.map(viewing(reading, tasks), (view) => tasks.map(view))

const showOne = <F>(reading: Reading<F>, task: Stored): Effect.Effect<Task, F> =>
  Effect.map(viewing(reading, [task]), (view) => view(task))

const putAll = <F>(writing: Writing<F>, tasks: ReadonlyArray<Stored>): Effect.Effect<ReadonlyArray<Stored>, F> => {
  const put = tasks.map((task) => ({ ...task, updatedAt: writing.now, revision: writing.next() }))
  return Effect.as(writing.put(put), put)
}

const putOne = <F>(writing: Writing<F>, task: Stored): Effect.Effect<Task, F> =>
  Effect.flatMap(putAll(writing, [task]), ([put]) => showOne(writing, put ?? task))

/** All that wait for these tasks, directly or through others: what is shown of them may be something else now. */
const behind = <F>(writing: Writing<F>, ids: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<Stored>, F> =>
  Effect.gen(function* () {
    const known = new Map<string, Stored>()
    for (let last = ids; last.length > 0; ) {
      const found = (yield* writing.dependents(last)).filter((task) => task.state === "open" && !known.has(task.id))
      for (const task of found) known.set(task.id, task)
      last = found.map(({ id }) => id)
    }
    return [...known.values()]
  })

/** Puts a task that changed, and those for which that means something. */
const settle = <F>(writing: Writing<F>, task: Stored): Effect.Effect<Task, F> =>
  Effect.gen(function* () {
    const [put] = yield* putAll(writing, [task])
    if (task.state === "done") {
      const dependents = (yield* writing.dependents([task.id])).filter(({ state }) => state === "open")
      yield* putAll(
        writing,
        dependents.map((dependent) => ({ ...dependent, waiting: dependent.waiting - 1 }))
      )
    } else if (Rules.isEnded(task)) yield* putAll(writing, yield* behind(writing, [task.id]))
    return yield* showOne(writing, put ?? task)
  })

const sweep = <F>(writing: Writing<F>): Effect.Effect<void, F> =>
  Effect.flatMap(writing.expired, (tasks) =>
    Effect.forEach(tasks, (task) => settle(writing, Rules.at(task, writing.now)), { discard: true })
  )

const claimed = <F>(writing: Writing<F>, board: string, task: Stored, { leaseMillis, worker }: ClaimOptions) =>
  Effect.gen(function* () {
    const held = {
      ...{ worker, token: crypto.randomUUID(), leaseMillis },
      ...{ since: writing.now, expiresAt: writing.now + leaseMillis }
    }
    const begun: Stored = { ...task, state: "claimed", attempts: task.attempts + 1, held }
    return claimOf(board, yield* putOne(writing, begun), held)
  })

const claimOf = (board: string, task: Task, { expiresAt, leaseMillis, token, worker }: Held): Claim => ({
  ...{ board, task, worker, token, leaseMillis, expiresAt }
})

/** The task with what is given of a change; an empty text takes away what may be absent. */
const merged = ({ assignee, detail, ...task }: Stored, change: TaskChange): Stored => ({
  ...task,
  title: change.title ?? task.title,
  priority: change.priority ?? task.priority,
  tags: [...new Set(change.tags ?? task.tags)],
  dependsOn: [...new Set(change.dependsOn ?? task.dependsOn)],
  maxAttempts: change.maxAttempts ?? task.maxAttempts,
  ...present({ detail: (change.detail ?? detail) || undefined, assignee: (change.assignee ?? assignee) || undefined })
})

type Known = (id: string) => Pick<Stored, "state"> | undefined

const waitingOf = ({ dependsOn }: Pick<Stored, "dependsOn">, known: Known): number =>
  dependsOn.filter((id) => known(id)?.state !== "done").length

/** What tasks depend on, on the board or among themselves. Refuses what is not there. */
const knownOf = <F>(reading: Reading<F>, tasks: ReadonlyArray<Stored>) =>
  Effect.gen(function* () {
    const known = new Map<string, Stored>(tasks.map((task) => [task.id, task]))
    const wanted = [...new Set(tasks.flatMap(({ dependsOn }) => dependsOn))].filter((id) => !known.has(id))
    for (const task of yield* reading.load(wanted)) known.set(task.id, task)
    const unknown = wanted.filter((id) => !known.has(id))
    if (unknown.length === 0) return known
    const who = tasks.filter(({ dependsOn }) => dependsOn.some((id) => unknown.includes(id))).map(({ id }) => id)
    const message = `${who.join(", ")} depends on ${unknown.join(", ")}, which is not on this board; post it as well, or before`
    return yield* refuse("UnknownDependency", message, unknown)
  })

const circular = (path: ReadonlyArray<string>) =>
  refuse("Cycle", `tasks depend on each other: ${path.join(" → ")}; leave one of these dependencies out`, path.slice(1))

/** Refuses new dependencies of a task that is there when they lead back to it. */
const acyclic = <F>(reading: Reading<F>, task: Stored) =>
  Effect.flatMap(reading.all, (all) => {
    const dependencies = new Map([...all, task].map(({ dependsOn, id }) => [id, dependsOn]))
    const path = Rules.cycle([task.id], (id) => dependencies.get(id) ?? [])
    return path === undefined ? Effect.void : circular(path)
  })

const adding = <F>(writing: Writing<F>, tasks: ReadonlyArray<NewTask>, by: string | undefined) =>
  Effect.gen(function* () {
    const wrong = tasks.map(Rules.problem).find((problem) => problem !== undefined)
    if (wrong !== undefined) return yield* refuse("Invalid", wrong)
    const named = tasks.flatMap(({ id }) => id ?? [])
    const seen = new Set<string>()
    const twice = named.filter((id) => seen.has(id) || !seen.add(id))
    const minted = yield* minting(writing, seen, tasks.length - named.length)
    const there = (yield* writing.load([...named])).map(({ id }) => id)
    const duplicates = [...new Set([...twice, ...there])]
    if (duplicates.length > 0) {
      return yield* refuse(
        "Duplicate",
        `there is a task ${duplicates.join(", ")} already; choose another id`,
        duplicates
      )
    }
    const ids = tasks.map(({ id }) => id ?? minted.shift() ?? "")
    const added = tasks.map((task, index): Stored => {
      const { assignee, dependsOn = [], detail, priority = 0, tags = [], title } = task
      const id = ids[index] ?? ""
      return {
        ...{ id, title, priority, tags: [...new Set(tags)], dependsOn: [...new Set(dependsOn)] },
        ...{ maxAttempts: task.maxAttempts ?? Rules.defaultMaxAttempts, state: "open", waiting: 0, attempts: 0 },
        ...present({ detail, assignee, createdBy: by }),
        ...{ createdAt: writing.now, updatedAt: writing.now },
        ...{ sequence: writing.posted + index + 1, revision: writing.next() }
      }
    })
    const own = new Map(added.map((task) => [task.id, task.dependsOn]))
    const path = Rules.cycle(own.keys(), (id) => own.get(id) ?? [])
    if (path !== undefined) return yield* circular(path)
    const known = yield* knownOf(writing, added)
    return added.map((task) => ({ ...task, waiting: waitingOf(task, (id) => known.get(id)) }))
  })

/** Short ids that nobody has: models repeat them without mistakes. */
const minting = <F>(writing: Writing<F>, named: ReadonlySet<string>, count: number) =>
  Effect.gen(function* () {
    const free: Array<string> = []
    for (let number = writing.posted + 1; free.length < count; ) {
      const some = Array.from({ length: count }, (_, index) => `t${number + index}`).filter((id) => !named.has(id))
      const there = new Set((yield* writing.load(some)).map(({ id }) => id))
      free.push(...some.filter((id) => !there.has(id)))
      number += count
    }
    return free
  })

const wanted =
  ({ assignee, status, tag, worker }: TaskFilter) =>
  (task: Task): boolean =>
    (status === undefined || (typeof status === "string" ? status === task.status : status.includes(task.status))) &&
    (tag === undefined || task.tags.includes(tag)) &&
    (worker === undefined || task.claim?.worker === worker) &&
    (assignee === undefined || task.assignee === assignee)
