/**
 * From toolkits of any kind to one registry that the loop can look calls up in: `@effect/ai` toolkits, toolkits with
 * handlers, toolkits that an Effect builds at run time, and tools that carry their handler. What never changes about a
 * tool (its JSON schema, its decoder) is derived once per tool and kept.
 */
import * as AiTool from "@effect/ai/Tool"
import type * as AiToolkit from "@effect/ai/Toolkit"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type { ToolInfo } from "../guard/Guard.ts"
import type { ToolSpec } from "../transport/Transport.ts"
import * as Execution from "./Execution.ts"
import * as Handling from "./Handling.ts"
import * as Bounds from "./internal/bounds.ts"
import * as Tool from "./Tool.ts"
import * as ToolResult from "./ToolResult.ts"

/**
 * A toolkit in any of the forms that `@effect/ai` knows: with its handlers in the context, with its handlers inside, or
 * built by an effect.
 *
 * @category models
 * @since 0.1.0
 */
// biome-ignore lint/suspicious/noExplicitAny: a toolkit is invariant in its tools, so only `any` accepts every toolkit
export type Any = AiToolkit.WithHandler<any> | Effect.Effect<AiToolkit.WithHandler<any>, any, any>

/**
 * Where tools come from.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = Any | Tool.WithHandler<unknown> | Tool.Living<unknown>

/**
 * What a toolkit needs: its handlers, if they are in the context, and what those need.
 *
 * @category models
 * @since 0.1.0
 */
export type Requirements<T> =
  T extends Effect.Effect<AiToolkit.WithHandler<infer Tools>, infer _E, infer R>
    ? R | AiTool.Requirements<Tools[keyof Tools]>
    : T extends AiToolkit.WithHandler<infer Tools>
      ? AiTool.Requirements<Tools[keyof Tools]>
      : never

/**
 * How building a toolkit may fail.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure<T> = T extends Effect.Effect<infer _A, infer E, infer _R> ? E : never

/**
 * A tool that is ready to be called.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  /** What it was made of: for those who show tools to others than models. */
  readonly tool: AiTool.Any
  readonly spec: ToolSpec
  readonly info: ToolInfo
  readonly timeout: Duration.DurationInput | undefined
  readonly concurrency: number | undefined
  readonly exclusive: boolean
  readonly bound: number
  readonly fatal: boolean
  readonly endsRun: boolean
  readonly maxCalls: number | undefined
  /** Present and true when the model is not told of it. */
  readonly isHidden?: boolean | undefined
  /** Arguments as JSON to what the handler takes: defaults filled in, unknown keys gone. */
  readonly decode: (input: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
  /** The way back, for guards and events. */
  readonly encode: (parameters: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
  /** Runs the handler, within its time and as often as its schedule says. Absent for tools that only the vendor runs. */
  readonly execute: Execution.Execute | undefined
}

/**
 * The tools of a run, by name, and as the model sees them.
 *
 * **Details**
 *
 * - `follow`: brings both to what living tools are there now; absent when there can be none.
 *
 * @category models
 * @since 0.1.0
 */
export interface Registry {
  readonly entries: ReadonlyMap<string, Entry>
  readonly specs: ReadonlyArray<ToolSpec>
  readonly follow?: Effect.Effect<void> | undefined
}

/**
 * Resolves toolkits to a registry, looking their handlers up in the context. When two tools have the same name, the last
 * one wins.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (sources: ReadonlyArray<Source>): Effect.Effect<Registry, unknown> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<never>()
    const parts: Array<ReadonlyArray<Entry>> = []
    const living = new Map<number, { readonly asked: Tool.Living["living"]; known: ReadonlyArray<Carried> }>()
    for (const source of sources) {
      if (isLiving(source)) {
        const known = yield* ask(source)
        living.set(parts.length, { asked: ask(source), known })
        parts.push(yield* carried(known))
      } else if (isCarried(source)) parts.push(yield* carried([source]))
      else if (isToolkit(source)) parts.push(ofToolkit(source, context))
      else parts.push(ofBuilt(yield* built(source)))
    }
    if (living.size === 0) return assembled(parts)
    const registry = { ...assembled(parts), follow: Effect.void }
    registry.follow = Effect.gen(function* () {
      let isChanged = false
      for (const [index, source] of living) {
        const now = yield* source.asked
        if (now === source.known) continue
        source.known = now
        parts[index] = yield* carried(now)
        isChanged = true
      }
      if (isChanged) Object.assign(registry, assembled(parts))
    })
    return registry
  })

/** @internal A registry without tools. */
export const empty: Registry = { entries: new Map(), specs: [] }

// internal

type Carried = Tool.WithHandler<unknown>

const isLiving = (source: Source): source is Tool.Living<unknown> => "living" in source

// What the effect needs is part of the agent's `R`.
const ask = ({ living }: Tool.Living<unknown>) => living as Tool.Living["living"]

const carried = (tools: ReadonlyArray<Carried>): Effect.Effect<ReadonlyArray<Entry>> =>
  Effect.forEach(tools, ({ handler, offered, tool }) => {
    const entry = ofTool(tool, directly(tool, handler, undefined), handler)
    return offered === undefined
      ? Effect.succeed(entry)
      : Effect.map(offered, (isOffered) => (isOffered ? entry : { ...entry, isHidden: true }))
  })

const ofToolkit = (toolkit: AiToolkit.Any, context: Context.Context<never>): ReadonlyArray<Entry> =>
  Object.values<AiTool.Any>(toolkit.tools).map((tool) => {
    const found = handlerIn(tool, context)
    return ofTool(tool, found && directly(tool, found.handler, found.context), found ?? tool)
  })

const ofBuilt = (toolkit: AiToolkit.WithHandler<Record<string, AiTool.Any>>): ReadonlyArray<Entry> =>
  Object.values<AiTool.Any>(toolkit.tools).map((tool) => ofTool(tool, throughToolkit(tool, toolkit), toolkit))

const assembled = (parts: ReadonlyArray<ReadonlyArray<Entry>>): Registry => {
  const entries = new Map<string, Entry>()
  for (const part of parts) for (const entry of part) entries.set(entry.info.name, entry)
  return { entries, specs: Array.from(entries.values()).flatMap(({ isHidden, spec }) => (isHidden ? [] : [spec])) }
}

// Toolkits of `@effect/ai` 0.37 do not carry its `TypeId`, whatever their type says.
const isToolkit = (source: Source): source is Any & AiToolkit.Any => "tools" in source && "toLayer" in source

const isCarried = (source: Source): source is Tool.WithHandler<unknown> => "tool" in source && "handler" in source

// What the effect needs and how it fails is part of the agent's `R` and `E`.
const built = (source: Any): Effect.Effect<AiToolkit.WithHandler<Record<string, AiTool.Any>>, unknown> =>
  Effect.isEffect(source) ? (source as Effect.Effect<never, unknown>) : Effect.succeed(source)

type Static = Omit<Entry, "execute"> & {
  readonly attempts: Execution.Options
  readonly encodeSuccess: (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
  readonly encodeFailure: (value: unknown) => Effect.Effect<unknown, ParseResult.ParseError>
}

const statics = new WeakMap<AiTool.Any, Static>()

const annotation = <I, S>(tool: AiTool.Any, tag: Context.Tag<I, S>): S | undefined =>
  // Provider-defined tools of `@effect/ai` have no annotations at all, whatever their type says.
  tool.annotations === undefined ? undefined : Option.getOrUndefined(Context.getOption(tool.annotations, tag))

// `getOption` would answer a reference with its default; only what was said counts.
const said = <S>(tool: AiTool.Any, key: string): S | undefined => tool.annotations?.unsafeMap.get(key) as S | undefined

// Tools of `@effect/ai` are typed by `Schema.Any`; their services are part of the agent's `R` and in the context.
const closed = (schema: unknown): Schema.Schema<unknown, unknown> => schema as Schema.Schema<unknown, unknown>

const isEmptyParameters = (schema: unknown): boolean => schema === AiTool.EmptyParams

const decodeOptions = { errors: "all", onExcessProperty: "ignore" } as const

const staticOf = (tool: AiTool.Any): Static => {
  const known = statics.get(tool)
  if (known !== undefined) return known
  const none = isEmptyParameters(tool.parametersSchema)
  const parameters = closed(tool.parametersSchema)
  const encode = none ? () => Effect.succeed({}) : Schema.encodeUnknown(parameters)
  const attempts = {
    timeout: annotation(tool, Tool.Timeout),
    retry: annotation(tool, Tool.Retry),
    cache: annotation(tool, Tool.Cache),
    encode
  }
  Bounds.check(tool.name, {
    ...attempts,
    concurrency: annotation(tool, Tool.Concurrency),
    resultBound: annotation(tool, Tool.ResultBound),
    maxCalls: annotation(tool, Tool.MaxCalls),
    readOnly: said<boolean>(tool, AiTool.Readonly.key),
    idempotent: said<boolean>(tool, AiTool.Idempotent.key)
  })
  const made: Static = {
    attempts,
    tool,
    spec: specOf(tool),
    info: {
      name: tool.name,
      origin: annotation(tool, Tool.Origin) ?? "application",
      readOnly: said<boolean>(tool, AiTool.Readonly.key),
      destructive: said<boolean>(tool, AiTool.Destructive.key),
      needsApproval: annotation(tool, Tool.NeedsApproval)
    },
    timeout: attempts.timeout,
    concurrency: annotation(tool, Tool.Concurrency),
    exclusive: annotation(tool, Tool.Exclusive) ?? false,
    bound: annotation(tool, Tool.ResultBound) ?? ToolResult.defaultBound,
    fatal: annotation(tool, Tool.Fatal) ?? false,
    endsRun: annotation(tool, Tool.EndsRun) ?? false,
    maxCalls: annotation(tool, Tool.MaxCalls),
    decode: none ? () => Effect.succeed({}) : Schema.decodeUnknown(parameters, decodeOptions),
    encode,
    encodeSuccess: Schema.encodeUnknown(closed(tool.successSchema)),
    encodeFailure: Schema.encodeUnknown(closed(tool.failureSchema))
  }
  statics.set(tool, made)
  return made
}

// A struct of no fields would be described as anything but null, which some vendors refuse.
const hasNoFields = ({ ast }: Schema.Schema.All): boolean =>
  AST.isTypeLiteral(ast) && ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0

const noParameters = { type: "object", properties: {}, additionalProperties: false }

const specOf = (tool: AiTool.Any): ToolSpec => {
  const description = tool.description ?? AiTool.getDescriptionFromSchemaAst(tool.parametersSchema.ast)
  const parameters = tool.parametersSchema
  const none = isEmptyParameters(parameters) || hasNoFields(parameters)
  const schema =
    annotation(tool, Tool.InputSchema) ?? (none ? noParameters : AiTool.getJsonSchemaFromSchemaAst(parameters.ast))
  // Handed to hooks and transports for as long as the program runs, so nobody may change it.
  const inputSchema = frozen<object>(JSON.parse(JSON.stringify(schema)))
  const spec: ToolSpec = { name: tool.name, description, inputSchema }
  return isProviderDefined(tool)
    ? { ...spec, provider: { id: tool.id, name: tool.providerName, args: tool.args } }
    : spec
}

const frozen = <A>(value: A): A => {
  if (typeof value === "object" && value !== null) for (const item of Object.values(value)) frozen(item)
  return Object.freeze(value)
}

const isProviderDefined = (tool: AiTool.Any): tool is AiTool.AnyProviderDefined => AiTool.isProviderDefined(tool)

/** `owner` is whose results a cache may keep: one handler, with the services that it was made with. */
const ofTool = (tool: AiTool.Any, execute: Execution.Execute | undefined, owner: object): Entry => {
  const { attempts, encodeFailure: _, encodeSuccess: __, ...entry } = staticOf(tool)
  return { ...entry, execute: execute && Execution.within(execute, attempts, owner) }
}

const directly = (
  tool: AiTool.Any,
  handler: Handling.Handler,
  context: Context.Context<never> | undefined
): Execution.Execute => {
  const { encodeFailure, encodeSuccess } = staticOf(tool)
  const succeeded = (value: unknown): Effect.Effect<Execution.Executed> => {
    if (value === Handling.nothing) return Effect.succeed(Handling.nothing)
    if (!ToolResult.isAnswer(value)) return Effect.map(Effect.orDie(encodeSuccess(value)), ok)
    if (value.value === undefined) return Effect.succeed({ failed: false, value: undefined, answer: value })
    return Effect.map(Effect.orDie(encodeSuccess(value.value)), (encoded) => ({
      failed: false,
      value: encoded,
      answer: value
    }))
  }
  return (parameters) => {
    const run = Effect.matchEffect(Handling.call(handler, parameters), {
      onSuccess: succeeded,
      onFailure: (error) =>
        tool.failureSchema === Schema.Never
          ? Effect.fail(error)
          : Effect.matchEffect(encodeFailure(error), {
              onSuccess: (value) => Effect.succeed({ failed: true, value }),
              onFailure: () => Effect.fail(error)
            })
    })
    return context === undefined ? run : Effect.mapInputContext(run, (now) => Context.merge(context, now))
  }
}

const ok = (value: unknown): Execution.Executed => ({ failed: false, value })

const handlerIn = (tool: AiTool.Any, context: Context.Context<never>): AiTool.Handler<string> | undefined =>
  context.unsafeMap.get(tool.id) as AiTool.Handler<string> | undefined

// biome-ignore lint/suspicious/noExplicitAny: see `Any`
const throughToolkit = (tool: AiTool.Any, toolkit: AiToolkit.WithHandler<any>): Execution.Execute | undefined => {
  if (isProviderDefined(tool) && !tool.requiresHandler) return undefined
  const { encode } = staticOf(tool)
  return (parameters) =>
    Effect.flatMap(
      Effect.orDie(encode(parameters)),
      // `handle` decodes for itself, so it gets the encoded arguments, whatever its type says.
      (encoded) =>
        Effect.map(
          Handling.spanless(
            toolkit.handle(tool.name, encoded as never) as Effect.Effect<AiTool.HandlerResult<AiTool.Any>, unknown>
          ),
          (result) => ({ failed: result.isFailure, value: result.encodedResult })
        )
    )
}
