/**
 * What contributions have to come to, kind by kind: each check takes what a plugin made and answers it as what it is, or
 * says what is wrong with it. Plugins come from elsewhere, and not all of them were compiled against these types.
 */
import * as AiTool from "@effect/ai/Tool"
import type * as AiToolkit from "@effect/ai/Toolkit"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as ContextStore from "../context/ContextStore.ts"
import type * as Guard from "../guard/Guard.ts"
import type * as Hooks from "../hook/Hooks.ts"
import * as Tool from "../tool/Tool.ts"
import * as Toolkit from "../tool/Toolkit.ts"
import type * as ToolSelector from "../tool/ToolSelector.ts"
import type * as Transport from "../transport/Transport.ts"
import type * as Plugin from "./Plugin.ts"

/**
 * Tools with their handlers, marked as coming from elsewhere, whatever the plugin says of that.
 *
 * **Details**
 *
 * - Errors: one tool that is none, or that no registry takes, and none is taken.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tools = (value: unknown): Effect.Effect<ReadonlyArray<Tool.WithHandler>, string> => {
  const carried = Array.isArray(value) ? Array.from<unknown>(value) : isToolkit(value) ? ofToolkit(value) : undefined
  if (carried === undefined) return Effect.fail("it made no list of tools and no toolkit with handlers")
  return Effect.forEach(carried, tool)
}

/**
 * A guard.
 *
 * @category constructors
 * @since 0.1.0
 */
export const guard = (value: unknown): Effect.Effect<Guard.Service, string> =>
  has<Guard.Service>(value, ["check"]) ? Effect.succeed(value) : Effect.fail("it made no guard: check is missing")

/**
 * Hooks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hooks = (value: unknown): Effect.Effect<Hooks.Service, string> =>
  isHooks(value) ? Effect.succeed(value) : Effect.fail("it made no hooks: they are a record of functions")

/**
 * A selector of tools.
 *
 * @category constructors
 * @since 0.1.0
 */
export const selector = (value: unknown): Effect.Effect<ToolSelector.Service, string> =>
  has<ToolSelector.Service>(value, ["select", "sources"])
    ? Effect.succeed(value)
    : Effect.fail("it made no selector: select or sources is missing")

/**
 * A context store.
 *
 * @category constructors
 * @since 0.1.0
 */
export const store = (value: unknown): Effect.Effect<ContextStore.Service, string> =>
  has<ContextStore.Service>(value, storeMethods)
    ? Effect.succeed(value)
    : Effect.fail(`it made no context store: that has ${storeMethods.join(", ")}`)

/**
 * How transports are made.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTransport = (value: unknown): Effect.Effect<Plugin.MakeTransport, string> =>
  isMake(value) ? Effect.succeed(value) : Effect.fail("it made no function from a model to a layer")

/**
 * A transport.
 *
 * @category constructors
 * @since 0.1.0
 */
export const transport = (value: unknown): Effect.Effect<Transport.Service, string> =>
  has<Transport.Service>(value, ["open"]) && typeof value.model === "object"
    ? Effect.succeed(value)
    : Effect.fail("its layer made no transport: model or open is missing")

/**
 * A command.
 *
 * @category constructors
 * @since 0.1.0
 */
export const command = (value: unknown): Effect.Effect<Plugin.Command, string> =>
  has<Plugin.Command>(value, ["run"]) && typeof value.description === "string"
    ? Effect.succeed(value)
    : Effect.fail("it made no command: run or description is missing")

// internal

const storeMethods = [
  ...(["append", "branches", "clear", "entries", "entry", "fork", "info", "list", "live", "lock"] as const),
  ...(["prune", "read", "remove", "rewind", "search", "update"] as const)
]

type Methods<A> = { readonly [Key in keyof A]: A[Key] extends (...parameters: never) => unknown ? Key : never }[keyof A]

const has = <A>(value: unknown, methods: ReadonlyArray<Methods<A>>): value is A =>
  typeof value === "object" && value !== null && methods.every((name) => typeof Reflect.get(value, name) === "function")

const isHooks = (value: unknown): value is Hooks.Service =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((hook) => hook === undefined || typeof hook === "function")

const isMake = (value: unknown): value is Plugin.MakeTransport => typeof value === "function"

// biome-ignore lint/suspicious/noExplicitAny: a toolkit is invariant in its tools, so only `any` accepts every toolkit
type AnyToolkit = AiToolkit.WithHandler<any>

const isToolkit = (value: unknown): value is AnyToolkit =>
  has<AnyToolkit>(value, ["handle"]) && typeof value.tools === "object" && value.tools !== null

/** `handle` decodes for itself, so it gets the arguments as a model writes them. */
const ofToolkit = ({ handle, tools }: AnyToolkit): ReadonlyArray<unknown> =>
  Object.values<AiTool.Any>(tools).map((tool) => ({
    tool,
    handler: (parameters: unknown) =>
      Effect.gen(function* () {
        const encoded = yield* Effect.orDie(Schema.encodeUnknown(Schema.asSchema(tool.parametersSchema))(parameters))
        const { isFailure, result } = yield* handle(tool.name, encoded)
        return isFailure ? yield* Effect.fail(result) : result
      })
  }))

/** One that cannot say whether it is offered is not. */
const asked = ({ offered }: Tool.WithHandler): Effect.Effect<boolean> | undefined =>
  offered === undefined ? undefined : Effect.catchAllCause(offered, () => Effect.succeed(false))

interface Annotatable {
  readonly annotate: <I, S>(tag: Context.Tag<I, S>, value: S) => AiTool.Any
}

const isAnnotatable = (tool: object): tool is Annotatable & AiTool.Any => has<Annotatable>(tool, ["annotate"])

const tool = (value: unknown): Effect.Effect<Tool.WithHandler, string> =>
  Effect.gen(function* () {
    if (!has<Tool.WithHandler>(value, ["handler"]) || typeof value.tool !== "object" || value.tool === null) {
      return yield* Effect.fail("it made something that is no tool with a handler: use Agent.tool")
    }
    const name = typeof value.tool.name === "string" ? value.tool.name : ""
    if (!/^[\w.-]{1,128}$/.test(name)) {
      return yield* Effect.fail(`it made a tool that is called ${JSON.stringify(value.tool.name)}, which is no name`)
    }
    if (!isAnnotatable(value.tool) || AiTool.isProviderDefined(value.tool)) {
      return yield* Effect.fail(`its tool ${name} has no handler here: only its vendor runs it`)
    }
    const made = { tool: value.tool.annotate(Tool.Origin, "external"), handler: value.handler, offered: asked(value) }
    // What a run would die of when it takes the tool up.
    return yield* Effect.matchCauseEffect(Toolkit.resolve([{ ...made, offered: undefined }]), {
      onSuccess: () => Effect.succeed(made),
      onFailure: (cause) => Effect.fail(`its tool ${name} is not right: ${String(Cause.squash(cause))}`.slice(0, 300))
    })
  })
