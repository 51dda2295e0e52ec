/**
 * One agent's turn at a conversation that several agents share: the tools by which it hands the conversation over, what it
 * is told of the others, and whether its run ended with an answer or with a handoff. `Handoff` says who comes next.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { StoreError } from "../context/ContextStore.ts"
import { ContextStore } from "../context/ContextStore.ts"
import type { SessionId } from "../domain/Ids.ts"
import { RunId } from "../domain/Ids.ts"
import type * as Message from "../domain/Message.ts"
import * as Messages from "../domain/Message.ts"
import * as Part from "../domain/Part.ts"
import * as Usage from "../domain/Usage.ts"
import * as Tool from "../tool/Tool.ts"
import * as ToolResult from "../tool/ToolResult.ts"
import { Activities } from "./Activities.ts"
import type { Definition } from "./Definition.ts"
import type * as Output from "./Output.ts"
import * as Result from "./Result.ts"
import * as Runnable from "./Runnable.ts"
import * as Views from "./Views.ts"

/**
 * An agent of a handoff: who it is there, and to whom it may hand over.
 *
 * **Details**
 *
 * - `guidance`: what it is told of the handoff besides its instructions; nothing when blank, a standard text when absent.
 * - `within`: gives its runs services of their own; absent when it has none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly name: string
  readonly definition: Definition
  readonly targets: ReadonlyArray<Target>
  readonly guidance: string | undefined
  readonly within: (<A>(work: Effect.Effect<A, unknown, unknown>) => Effect.Effect<A, unknown, unknown>) | undefined
}

/**
 * One to whom the conversation may go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly name: string
  readonly description: string | undefined
}

/**
 * When an agent has the conversation.
 *
 * **Details**
 *
 * - `from`: who handed it over within this run; absent for the first. `left`: how many more handoffs the run may have.
 *
 * @category models
 * @since 0.1.0
 */
export interface Visit {
  readonly from: string | undefined
  readonly left: number
  readonly max: number
}

/**
 * What a visit came to: an answer, or a handoff with what the next agent is told.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | { readonly _tag: "Answered"; readonly output: unknown }
  | { readonly _tag: "Passed"; readonly to: string; readonly note: string }

/**
 * The name of the tool that hands over to this agent.
 *
 * @category converters
 * @since 0.1.0
 */
export const toolName = (name: string): string => `transfer_to_${name.replace(/[^a-zA-Z0-9_-]/g, "_")}`

/**
 * Makes what runs a member for a visit. With `isLast`, it has to answer by itself.
 *
 * @category constructors
 * @since 0.1.0
 */
export const turn = (
  member: Member,
  visit: Visit,
  isLast = false
): Runnable.Runner<Message.Input, Step, unknown, unknown> => {
  const { name, within } = member
  const definition = isLast ? alone(member) : among(member)
  const behavior = Views.behavior(definition)
  const targets = isLast ? none : new Map(member.targets.map((target) => [toolName(target.name), target.name]))
  return Runnable.make(name, definition.description, {
    identity: member.definition,
    execute: (begin, sink) =>
      Effect.gen(function* () {
        const { resume, session } = begin
        const left = resume === undefined || session === undefined ? undefined : yield* leftBehind(targets, session)
        if (left !== undefined && session !== undefined) return yield* ended(name, session, left)
        const baton: Baton["Type"] = { ...visit, name, to: undefined }
        const run = Effect.provideService(behavior.execute({ ...begin, name }, sink), Baton, baton)
        const result = yield* within === undefined ? run : within(run)
        return stepped(result, result.reason === "completed" ? passedIn(targets, result.messages.at(-1)) : undefined)
      }),
    restore: ({ output, value }) => {
      if (!isKept(value)) return Effect.dieMessage("A handoff reads an answer that it did not keep")
      if (value.passed !== undefined) return Effect.succeed<Step>({ _tag: "Passed", ...value.passed })
      const given = "answered" in value ? { output, value: value.answered } : { output }
      return Effect.map(behavior.restore?.(given) ?? Effect.succeed(output), answered)
    }
  })
}

/**
 * What an agent that does not see the handoff itself is told of it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const told = (note: string): Message.Message => Messages.user([{ ...Part.text(note), meta: toldMeta }])

/**
 * The messages without the handoffs in them, and what was told of these: no filter has to know of them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const without = (
  messages: ReadonlyArray<Message.Message>,
  names: ReadonlyArray<string>
): ReadonlyArray<Message.Message> => {
  const tools = new Set(names.map(toolName))
  const isOther = (part: Part.Part) =>
    part.type === "tool-call" || part.type === "tool-result"
      ? !tools.has(part.name)
      : part.type !== "text" || !isTold(part)
  return messages.flatMap((message) => {
    if (message.parts.every(isOther)) return [message]
    const parts = message.parts.filter(isOther)
    return parts.some(({ type }) => type !== "reasoning") ? [{ ...message, parts }] : []
  })
}

// internal

const toldMeta = { axonal: { handoff: true } }

const isTold = Schema.is(Schema.Struct({ meta: Schema.Struct({ axonal: Schema.Struct({ handoff: Schema.Boolean }) }) }))

const none: ReadonlyMap<string, string> = new Map()

/** Who has the conversation, and where it goes: what the tools of a run share. */
class Baton extends Context.Reference<Baton>()("axonal/agent/Transfer", {
  defaultValue: (): Visit & { readonly name: string; to: string | undefined } => ({
    ...{ from: undefined, left: 0, max: 0, name: "nobody", to: undefined }
  })
}) {}

class NotHandedOver extends Data.TaggedError("NotHandedOver")<{ readonly message: string }> {}

/** The definition of a member as it is while it may hand over. */
const among = ({ definition, guidance, name, targets }: Member): Definition => ({
  ...definition,
  sources: [...definition.sources, ...targets.map(tool)],
  additions: [...definition.additions, Effect.succeed(guidance ?? standard(name, targets))],
  output: definition.output && orPassed(definition.output)
})

/** The definition of a member that has to answer. */
const alone = ({ definition, name }: Member): Definition => ({
  ...definition,
  additions: [...definition.additions, Effect.succeed(`${shares(name)} ${theirs} ${finish}`)]
})

const shares = (name: string) => `You are ${name}, one of several agents that share one conversation with a user.`

const theirs =
  "What the assistant said before may have been said by another agent, and calls in the conversation may be of tools that you do not have."

const finish = "The conversation cannot be handed over any more: answer the user yourself, with what there is."

const standard = (name: string, targets: ReadonlyArray<Target>): string =>
  targets.length === 0
    ? `${shares(name)} ${theirs}`
    : [
        `${shares(name)} The others:`,
        ...targets.map(({ description, name }) => `- ${name}${description === undefined ? "" : `: ${description}`}`),
        `When one of them is better suited, call its tool (${targets.map(({ name }) => toolName(name)).join(", ")}) at once, without announcing it, and give the reason: what was found out and what is left to do. Otherwise answer the user yourself.`,
        theirs
      ].join("\n")

const tool = ({ description, name: to }: Target): Tool.WithHandler =>
  Tool.make(
    toolName(to),
    {
      description: `Hands the conversation over to ${to}, who answers the user from then on.${
        description === undefined ? "" : ` ${to}: ${description}`
      }`,
      parameters: {
        reason: Schema.optional(
          Schema.String.annotations({ description: `Why, what was found out, and what is left to do for ${to}` })
        )
      }
    },
    ({ reason }) =>
      Effect.flatMap(Baton, (baton) => {
        if (baton.to !== undefined) {
          const message = `The conversation goes to ${baton.to} already, and to one agent at a time. ${baton.to} may hand it on.`
          return Effect.fail(new NotHandedOver({ message }))
        }
        baton.to = to
        return Effect.succeed(
          ToolResult.make({
            value: { handoff: to },
            model: baton.left > 0 ? noteOf(baton, to, reason) : refusalOf(baton, to),
            ends: { reason: `handed over to ${to}${because(reason)}` }
          })
        )
      })
  )

const because = (reason: string | undefined): string => (reason === undefined || reason === "" ? "" : `: ${reason}`)

const noteOf = ({ from, name }: Baton["Type"], to: string, reason: string | undefined): string => {
  const why = reason === undefined || reason === "" ? "" : ` The reason: ${reason}`
  const back =
    from === to
      ? ` You had handed it to ${name} just before: do not do so again for the same reason. Answer with what there is, or ask the user for what is missing.`
      : ""
  return `${name} has handed the conversation over to ${to}.${why}\n${to}, you have it now: go on with what the user wants.${back}`
}

const refusalOf = ({ max, name }: Baton["Type"], to: string): string =>
  `Not handed over to ${to}: the conversation has been handed over ${max} times since the user spoke, and that is the most. ${name}, answer the user yourself.`

/** The output of an agent, of which a handoff is none that would be invalid. */
const orPassed = (output: Output.Erased): Output.Erased => {
  /** Whether the run has just handed over, and this is not what the model wrote. */
  const unlessPassed =
    <A, E>(otherwise: (value: unknown) => Effect.Effect<A, E>) =>
    (value: unknown): Effect.Effect<unknown, E> =>
      Effect.flatMap(Baton, ({ to }) => (to === undefined ? otherwise(value) : Effect.succeed(value)))
  const { validate } = output
  return {
    ...output,
    decode: unlessPassed(output.decode),
    encode: unlessPassed(output.encode),
    // It is given what `decode` gave.
    validate: validate && unlessPassed((value) => validate(value as never))
  }
}

const answered = (output: unknown): Step => ({ _tag: "Answered", output })

/** What of a result is kept as its value, so that a run that goes on later knows what it came to. */
const Kept = Schema.Struct({
  passed: Schema.optional(Schema.Struct({ to: Schema.String, note: Schema.String })),
  answered: Schema.optional(Schema.Unknown)
})

const isKept = Schema.is(Kept)

type Passed = NonNullable<(typeof Kept.Type)["passed"]>

const stepped = (result: Result.Result<unknown>, passed: Passed | undefined): Result.Result<Step> => {
  if (result.reason !== "completed") return { ...result, output: undefined }
  return passed === undefined
    ? { ...result, output: answered(result.output), value: "value" in result ? { answered: result.value } : {} }
    : { ...result, output: { _tag: "Passed", ...passed }, value: { passed } }
}

/** The handoff that these results are of, if they are of one. */
const passedIn = (targets: ReadonlyMap<string, string>, message: Message.Message | undefined): Passed | undefined => {
  if (message?.role !== "tool") return undefined
  for (const part of message.parts) {
    const to = part.type === "tool-result" && part.outcome === "ok" ? targets.get(part.name) : undefined
    if (to !== undefined && part.type === "tool-result") return { to, note: Part.contentToText(part.content) }
  }
  return undefined
}

/** The handoff with which an earlier run ended that was cut short before anybody noted it. */
const leftBehind = (
  targets: ReadonlyMap<string, string>,
  session: SessionId
): Effect.Effect<Passed | undefined, StoreError, ContextStore> =>
  targets.size === 0
    ? Effect.succeed(undefined)
    : Effect.flatMap(ContextStore, (store) =>
        Effect.map(store.read(session), ({ messages }) => passedIn(targets, messages.at(-1)))
      )

/** The result of a run that had handed over before. */
const ended = (name: string, session: SessionId, passed: Passed): Effect.Effect<Result.Result<Step>> =>
  Effect.gen(function* () {
    const activities = yield* Activities
    const end = {
      ...{ agent: name, run: RunId.make(yield* activities.id("run")), turn: 0, output: passed.note },
      ...{ usage: Usage.zero, endedAtMillis: yield* activities.now }
    }
    return stepped({ ...Result.ofEnd(end, session), reason: "completed", output: undefined }, passed)
  })
