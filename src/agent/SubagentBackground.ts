/**
 * Tools with which an agent has others work in the background: start, list, read, cancel and await. What is started belongs
 * to the run, is told to it when it ends, and ends with it.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ContextStore } from "../context/ContextStore.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Message from "../domain/Message.ts"
import * as Check from "../internal/options.ts"
import * as Tool from "../tool/Tool.ts"
import { ToolContext } from "../tool/ToolContext.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import * as Nesting from "./Nesting.ts"
import * as Call from "./SubagentCall.ts"
import * as Options from "./SubagentOptions.ts"
import * as Roster from "./SubagentRoster.ts"

/**
 * How agents work in the background.
 *
 * **Details**
 *
 * - `concurrency`: how many work at once; 8. Those beyond wait until another one has ended. `maxAgents`: how many one run may
 *   start; 32.
 * - `maxDepth`: how many runs may stand below the root; 5. `needsApproval`: whether a person is asked before one is started.
 *
 * @category models
 * @since 0.1.0
 */
export interface BackgroundOptions extends Pick<Options.Options, "maxDepth" | "needsApproval"> {
  readonly concurrency?: number | undefined
  readonly maxAgents?: number | undefined
}

/**
 * Makes the tools: `start_agent`, `list_agents`, `read_agent`, `cancel_agent`, `await_agents`.
 *
 * **Details**
 *
 * - An agent that ends while nobody awaits it is told to the run before its next turn, once.
 * - With an approver that answers later, `await_agents` waits with those that wait for a person, and the run with it:
 *   `Agent.resume` then goes on with all that it awaits, each in its session, `<session>/<id>`.
 * - Each run has its own agents. When it ends, those that still work are interrupted.
 * - Errors: throws when there are no agents, when two have the same name, and for numbers out of range.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const Entries extends ReadonlyArray<Options.Entry>>(
  entries: Entries,
  options: BackgroundOptions = {}
): ReadonlyArray<Tool.WithHandler<Options.Needs<Entries[number]> | ContextStore>> => {
  const { concurrency = 8, maxAgents = 32, needsApproval } = options
  Check.whole("Subagent option concurrency", concurrency, 1)
  Check.whole("Subagent option maxAgents", maxAgents, 1)
  const agents = Options.menuOf(entries)
  const { maxDepth } = Options.termsOf(options, "")
  const rosters = rostersOf(concurrency)
  const start = Tool.make(
    "start_agent",
    {
      description:
        "Has another agent work in the background, and answers with its id. You are told when it has finished.",
      parameters: { agent: Options.agentParameter(agents), task: Options.task },
      needsApproval
    },
    ({ agent, task }) =>
      Effect.gen(function* () {
        const nesting = yield* Nesting.Nesting
        const { call, session } = yield* ToolContext
        const roster = rosters(nesting)
        const runner = Options.runnerOf(agents, agent)
        yield* Call.refused(Call.refusalOf(runner, nesting, maxDepth))
        if (nesting.scope === undefined) return yield* Call.refused("There is no run that an agent could belong to.")
        const full = `This run has started ${maxAgents} agents, and may not start more. Do this part yourself.`
        yield* Call.refused(roster.members.size >= maxAgents ? full : undefined)
        const id = `${agent}-${call.replace(/^call_/, "")}`
        const member = yield* Roster.member({ id, agent, task, session: sessionOf(session, id) })
        yield* Roster.start(roster, member, runner, nesting.scope)
        return { id, status: member.status }
      })
  )
  const list = Tool.make(
    "list_agents",
    { description: "Lists the agents that you have started, and how it is with them.", readOnly: true },
    () =>
      Effect.map(Nesting.Nesting, (nesting) =>
        [...rosters(nesting).members.values()].map(({ agent, id, status, task }) => ({ id, agent, status, task }))
      )
  )
  const read = Tool.make(
    "read_agent",
    {
      description: "Reads what an agent has come to: its answer, or its last words while it works.",
      parameters: { id },
      readOnly: true
    },
    ({ id }) =>
      Effect.gen(function* () {
        const [member] = yield* found(rosters(yield* Nesting.Nesting), [id])
        const { turn } = yield* ToolContext
        if (Roster.hasEnded(member)) return Roster.report(member, turn)
        const { messages } = yield* Effect.mapError((yield* ContextStore).read(member.session), Call.unstored)
        // It may have ended meanwhile.
        const last = messages.findLast(({ role }) => role === "assistant")
        return { ...Roster.report(member, turn), lastWords: last === undefined ? "" : Message.toText(last) }
      })
  )
  const cancel = Tool.make(
    "cancel_agent",
    { description: "Ends an agent that is still at work.", parameters: { id } },
    ({ id }) =>
      Effect.gen(function* () {
        const [member] = yield* found(rosters(yield* Nesting.Nesting), [id])
        yield* Roster.cancel(member)
        return Roster.report(member, (yield* ToolContext).turn)
      })
  )
  const wait = Tool.make(
    "await_agents",
    {
      description: "Waits for agents, and answers with what they have come to.",
      parameters: { ids: Schema.Array(id), mode, seconds }
    },
    ({ ids, mode = "all", seconds }) =>
      Effect.gen(function* () {
        const nesting = yield* Nesting.Nesting
        const roster = rosters(nesting)
        if (nesting.resume !== undefined) return yield* rejoin(agents, roster, [...new Set(ids)], nesting.resume)
        const members = yield* found(roster, [...new Set(ids)])
        const { turn } = yield* ToolContext
        return yield* Roster.awaiting(roster, members, mode, (ended) =>
          Effect.map(inTime(ended, seconds), (isInTime) => {
            const waits = isInTime ? waitsOf(members, mode) : undefined
            const reports = members.map((member) => Roster.report(member, turn))
            return waits === undefined ? reports : ToolResult.waiting(waits)
          })
        )
      })
  )
  return [start, list, read, cancel, wait].map((tool) => Options.offered(tool, maxDepth))
}

// internal

const id = Schema.String.annotations({ description: "The id that start_agent has answered" })

const mode = Schema.optional(
  Schema.Literal("all", "any").annotations({ description: "Whether to wait for all of them (the default), or for any" })
)

const seconds = Schema.optional(
  Schema.Number.pipe(Schema.nonNegative()).annotations({
    description: "How long to wait at most; without end unless given"
  })
)

const sessionOf = (session: SessionId, id: string): SessionId =>
  SessionId.make(`${session}/${id}`, { disableValidation: true })

/** The agents of each run, by its scope. */
const rostersOf = (concurrency: number): ((nesting: Nesting.Service) => Roster.Roster) => {
  const rosters = new WeakMap<object, Roster.Roster>()
  return ({ scope }) => {
    const run: object = scope ?? {}
    const known = rosters.get(run)
    if (known !== undefined) return known
    const made = { scope, members: new Map(), permits: Effect.unsafeMakeSemaphore(concurrency) }
    rosters.set(run, made)
    return made
  }
}

type Found = readonly [Roster.Member, ...ReadonlyArray<Roster.Member>]

const found = ({ members }: Roster.Roster, ids: ReadonlyArray<string>): Effect.Effect<Found, Call.SubagentFailed> => {
  const [first, ...rest] = ids.flatMap((id) => members.get(id) ?? [])
  const unknown = ids.filter((id) => !members.has(id))
  if (first !== undefined && unknown.length === 0) return Effect.succeed([first, ...rest])
  const known = members.size === 0 ? "It has started none." : `Its agents are: ${[...members.keys()].join(", ")}.`
  const message =
    unknown.length === 0
      ? `Name at least one agent. ${known}`
      : `This run has no agent ${unknown.join(", ")}; agents end with the run that started them. ${known}`
  return Effect.fail(new Call.SubagentFailed({ message }))
}

/** Whether it ended before the time was over. */
const inTime = (ended: Effect.Effect<void>, seconds: number | undefined): Effect.Effect<boolean> =>
  seconds === undefined
    ? Effect.as(ended, true)
    : Effect.timeoutTo(ended, { duration: seconds * 1000, onSuccess: () => true, onTimeout: () => false })

/** What persons are asked by these agents, when nothing else is left to wait for. */
const waitsOf = (members: ReadonlyArray<Roster.Member>, mode: "all" | "any"): ToolResult.Waits | undefined => {
  const waits = members.flatMap((member) => member.waits ?? [])
  const [first] = waits
  if (first === undefined || (mode === "any" && waits.length < members.length)) return undefined
  return { session: first.session, questions: waits.flatMap(({ questions }) => questions) }
}

/**
 * Goes on with agents that an earlier run awaited, which has ended meanwhile: those that have answered answer at once, those
 * that wait go on with the answers of the person, and those that were cut short go on where they stopped.
 */
const rejoin = (agents: Options.Menu, roster: Roster.Roster, ids: ReadonlyArray<string>, { decided }: Nesting.Resume) =>
  Effect.gen(function* () {
    const store = yield* ContextStore
    const { session, turn } = yield* ToolContext
    const members = yield* Effect.forEach(
      ids,
      (id) =>
        Effect.gen(function* () {
          const agent = agentOf(agents, id)
          const member = yield* Roster.member({ id, agent, task: "", session: sessionOf(session, id) })
          roster.members.set(id, member)
          const { position } = yield* Effect.mapError(store.read(member.session), Call.unstored)
          const begun = "It had not begun when the run ended that started it. Start it again."
          const work =
            position === 0
              ? Effect.fail(new Call.SubagentFailed({ message: begun }))
              : Call.run(Options.runnerOf(agents, agent), {
                  ...{ input: undefined, session: member.session },
                  resume: { decided, isRoot: false }
                })
          const exit = yield* Effect.exit(work)
          yield* Roster.conclude(member, exit)
          return member
        }),
      { concurrency: "unbounded" }
    )
    const waits = waitsOf(members, "all")
    const reports = members.map((member) => Roster.report(member, turn))
    return waits === undefined ? reports : ToolResult.waiting(waits)
  })

/** The agent of an id: the longest name that it begins with. */
const agentOf = (agents: Options.Menu, id: string): string => {
  const names = [...agents.keys()].filter((name) => id.startsWith(`${name}-`))
  return names.reduce((longest, name) => (name.length > longest.length ? name : longest), "")
}
