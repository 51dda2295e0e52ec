/**
 * The assistant, put together: a model, tools, a sandbox, sessions and permissions, of which each run takes how they stand.
 * Both faces of a conversation and the single answer are made of it.
 */

import { join } from "node:path"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Agent from "../../agent/Agent.ts"
import type * as Output from "../../agent/Output.ts"
import * as Compaction from "../../context/Compaction.ts"
import type * as ContextStore from "../../context/ContextStore.ts"
import * as Identity from "../../context/Identity.ts"
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { SessionId } from "../../domain/Ids.ts"
import type { Input } from "../../domain/Message.ts"
import * as Approval from "../../guard/Approval.ts"
import * as Guard from "../../guard/Guard.ts"
import * as PathGuard from "../../guard/PathGuard.ts"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import * as AskUser from "../../toolbox/AskUser.ts"
import * as Models from "../../transport/Models.ts"
import { Transport } from "../../transport/Transport.ts"
import type { SetupError, UsageError } from "../errors.ts"
import * as SandboxOf from "../sandbox.ts"
import * as Sessions from "../sessions/sessions.ts"
import type { Settings } from "../settings.ts"
import { transportOf } from "../transports.ts"
import type { Choice } from "../vendors.ts"
import * as Vendors from "../vendors.ts"
import * as Instructions from "./instructions.ts"
import * as Knobs from "./knobs.ts"
import * as Notes from "./notes.ts"
import * as Parts from "./parts/parts.ts"
import * as Permissions from "./permissions/permissions.ts"
import * as Plan from "./plan.ts"
import * as Store from "./store.ts"
import * as Undo from "./undo/undo.ts"

/**
 * Why the model that was chosen cannot be had.
 *
 * @category errors
 * @since 0.1.0
 */
export type Problem = SetupError | ConfigError

/**
 * What runs of the assistant need.
 *
 * @category models
 * @since 0.1.0
 */
export type Needs = Parts.Needs

/**
 * Who is asked: about calls, and what the model wants to know.
 *
 * @category models
 * @since 0.1.0
 */
export interface Person {
  /** Whether anybody can be asked; yes unless it says no. */
  readonly isThere?: boolean | undefined
  readonly approval: Approval.Service
  readonly respond: AskUser.Service
}

/**
 * How a run is begun.
 *
 * @category models
 * @since 0.1.0
 */
export interface Begin {
  readonly session: SessionId
  readonly person: Person
  readonly stopSignal?: Effect.Effect<void> | undefined
  /** What the answer has to be, if not any text. */
  readonly output?: Output.Output<string> | undefined
}

/**
 * The assistant.
 *
 * **Details**
 *
 * - `folder`: where it works, and whose sessions it goes on with. `database`: the file of sessions, when they are kept.
 * - `compaction`: how conversations are shortened; absent where no model can summarise.
 *
 * @category models
 * @since 0.1.0
 */
export interface Assistant {
  readonly settings: Settings
  readonly folder: string
  readonly database: string | undefined
  readonly knobs: Knobs.Service
  readonly parts: Parts.Parts
  readonly undo: Undo.Service
  readonly permissions: Permissions.Service
  readonly compaction: () => Compaction.Service | undefined
  /** The agent as the next run would have it. */
  readonly agent: () => Agent.Agent<string, never, Parts.Needs>
  /** Does something with the sessions, the sandbox and the model in use. */
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Problem, Exclude<R, Needs>>
  /** Makes the transport to a model that may be chosen, so that what keeps it from being had is known before. */
  readonly prepare: (choice: Choice) => Effect.Effect<void, Problem>
  /** Watches a run, which belongs to the stream. */
  readonly stream: (input: Input, begin: Begin) => Stream.Stream<AgentEvent, Agent.AgentError | Problem>
  /** Starts a run that can be spoken to while it works. */
  readonly start: (input: Input, begin: Begin) => Effect.Effect<Agent.Handle, Problem, Scope.Scope>
}

/**
 * Puts it together, for as long as the scope lives.
 *
 * **Details**
 *
 * - `tell` is called with the model and with the file of sessions as soon as they are chosen, for what may have to be said of
 *   failures.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  settings: Settings,
  folder: string,
  tell: (facts: { readonly choice: Choice } | { readonly database: string | undefined }) => void
): Effect.Effect<Assistant, SetupError | UsageError | ContextStore.StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const parts = yield* Parts.make(settings, folder)
    const choice = yield* Vendors.choose(settings, process.env, parts.vendors)
    tell({ choice })
    const database = settings.save ? yield* Sessions.databaseFile(settings) : undefined
    tell({ database })
    const known = yield* Models.Models
    const knobs = Knobs.make(knobsOf(settings, choice))
    const undo = yield* Undo.make(yield* sandboxOf(settings, folder), {
      folder: settings.save ? join(Sessions.dataFolder(settings), "checkpoints") : undefined
    })
    const models = modelsOf(parts, scope)
    const permissions = Permissions.make(settings, knobs, {
      folder,
      declared: PathGuard.pathsOf(...parts.tools.map(({ tool }) => tool)),
      others: Context.get(parts.context, Guard.Guard),
      model: settings.guardModel === undefined ? undefined : judging(settings.guardModel, parts, models)
    })
    const fixed: Context.Context<Exclude<Parts.Needs, Transport>> = parts.context.pipe(
      Context.merge(yield* Layer.build(Store.layer(database))),
      Context.add(Sandbox.Sandbox, undo.sandbox),
      Context.add(Guard.Guard, permissions.guard)
    )
    const summarises = Compaction.make()
    const compaction = () => (knobs.get().choice._tag === "Offline" ? undefined : summarises)
    const plan = Plan.tool(knobs)
    const agent = (output?: Output.Output<string>) => {
      const { choice, maxTurns, off, settings: own } = knobs.get()
      const agent = parts.agent({
        instructions: Instructions.make(settings, undo.sandbox, aboutOf(choice, known)),
        off,
        settings: own,
        output,
        limits: { ...(maxTurns === undefined ? {} : { turns: maxTurns }), ...limitsOf(settings) }
      })
      return settings.tools === "none" || off.has(Plan.name) ? agent : Agent.withTools(agent, [plan])
    }
    /** Everything that stands in `Needs`. */
    const here = Effect.suspend(() => Effect.map(models(knobs.get().choice), (model) => Context.merge(fixed, model)))
    const around = ({ person, session }: Begin): Context.Context<never> => {
      const compacting = settings.compact ? compaction() : undefined
      const context = Context.make(Approval.Approval, permissions.asking(person.approval)).pipe(
        Context.add(AskUser.Respondent, person.respond),
        Context.add(Plan.IsThere, person.isThere !== false),
        Context.add(Identity.Identity, { userId: folder, chatId: session })
      )
      return compacting === undefined ? context : Context.add(context, Compaction.Compaction, compacting)
    }
    const told = (input: Input, { person, session }: Begin): Effect.Effect<Input> =>
      Effect.map(undo.news(session), (news) =>
        Notes.withNotes(input, [news, permissions.news(session, person.isThere !== false)])
      )
    const optionsOf = ({ session, stopSignal }: Begin) => ({ session, stopSignal, onBusy: "fail" }) as const
    const ready = (input: Input, begin: Begin) =>
      Effect.zip(Effect.zipLeft(here, undo.begin(begin.session)), told(input, begin))
    return {
      ...{ settings, folder, database, knobs, parts, undo, permissions, compaction },
      agent: () => agent(),
      within: (effect) => Effect.flatMap(here, (context) => Effect.provide(effect, context)),
      prepare: (choice) => Effect.asVoid(models(choice)),
      stream: (input, begin) =>
        Stream.unwrap(
          Effect.map(ready(input, begin), ([context, input]) =>
            Stream.provideSomeContext(
              Agent.stream(agent(begin.output), input, optionsOf(begin)),
              Context.merge(context, around(begin))
            )
          )
        ),
      start: (input, begin) =>
        Effect.flatMap(ready(input, begin), ([context, input]) =>
          Effect.provide(
            Agent.start(agent(begin.output), input, optionsOf(begin)),
            Context.merge(context, around(begin))
          )
        )
    }
  })

// internal

type Made = (choice: Choice) => Effect.Effect<Context.Context<Transport>, Problem>

/** What is known of a model, which may be nothing. */
const aboutOf = (choice: Choice, { find }: Models.Service) =>
  choice._tag === "Offline" ? undefined : find(choice.named.vendor.vendor ?? choice.named.vendor.name, choice.model)

/** The model that judges calls, which may be another one than the one that makes them. */
const judging = (model: string, { vendors }: Parts.Parts, models: Made) =>
  Vendors.choose({ model, baseUrl: undefined, offline: false }, process.env, vendors).pipe(
    Effect.flatMap(models),
    Effect.map(Context.get(Transport)),
    Effect.mapError((error) => ({ message: `the model that judges calls cannot be had: ${String(error)}` }))
  )

/** A transport is made once for each model that is used, and lives as long as the assistant. */
const modelsOf = ({ transports }: Parts.Parts, scope: Scope.Scope): Made => {
  const made = new Map<Choice, Context.Context<Transport>>()
  return (choice) => {
    const known = made.get(choice)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.gen(function* () {
      const transport = yield* transportOf(choice)
      const model = yield* Layer.buildWithScope(
        transports === undefined ? transport : Layer.provide(transport, transports),
        scope
      )
      made.set(choice, model)
      return model
    })
  }
}

const sandboxOf = (settings: Settings, folder: string): Effect.Effect<Sandbox.Service, SetupError, Scope.Scope> => {
  // Nothing has to be said of the usual one, so that nobody waits for it before there is a call.
  const isUsual = settings.sandbox.kind === "local" && settings.tools !== "all"
  return isUsual ? SandboxOf.later(folder) : SandboxOf.open(settings.sandbox, folder, "machine")
}

const knobsOf = (settings: Settings, choice: Choice): Knobs.Knobs => ({
  choice,
  settings: {
    ...(settings.temperature === undefined ? undefined : { temperature: settings.temperature }),
    ...(settings.maxTokens === undefined ? undefined : { maxOutputTokens: settings.maxTokens }),
    ...(settings.thinking === undefined ? undefined : { reasoningEffort: settings.thinking })
  },
  permission: settings.permission,
  off: new Set(),
  maxTurns: settings.maxTurns,
  debug: settings.debug
})

const limitsOf = ({ maxCostUsd, timeoutMillis }: Settings) => ({
  ...(maxCostUsd === undefined ? undefined : { costUsd: maxCostUsd }),
  ...(timeoutMillis === undefined ? undefined : { wallTime: timeoutMillis })
})
