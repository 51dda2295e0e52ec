/**
 * A guard of paths. It knows the folders that an agent may read and write, follows every path argument to where it
 * leads, lets calls inside go ahead with the path it judged, and asks a person about the rest, once per folder.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Approval from "./Approval.ts"
import * as Guard from "./Guard.ts"
import * as Paths from "./internal/paths.ts"
import * as Grants from "./internal/pathsGrants.ts"
import * as Judgement from "./internal/pathsJudgement.ts"
import { annotated } from "./internal/pathsSchema.ts"
import { isUnanswered } from "./internal/unanswered.ts"

/**
 * A folder, or a file, and what may be done in it.
 *
 * **Details**
 *
 * - `write` is also to read; `none` refuses both, without asking.
 * - Of several roots that hold a path the innermost decides.
 *
 * @category models
 * @since 0.1.0
 */
export interface Root {
  readonly path: string
  readonly access: "read" | "write" | "none"
}

/**
 * What a tool does with a path argument.
 *
 * **Details**
 *
 * - `read`, `write`: with the file that the path leads to.
 * - `entry`: changes the name itself, as removing and renaming do. A link in that place is not followed.
 * - `folder`: works there, and may write. Relative paths in the call's other arguments begin there.
 * - `none`: the argument is no path, though its name looks like one.
 *
 * @category models
 * @since 0.1.0
 */
export type Use = "read" | "write" | "entry" | "folder" | "none"

/**
 * The path arguments of a tool: names of fields, with dots into objects, and `*` for every item of a list or key.
 *
 * @category models
 * @since 0.1.0
 */
export type ToolPaths = Readonly<Record<string, Use>>

/**
 * How a path guard is set up.
 *
 * **Details**
 *
 * - `roots`: relative ones begin at `base`. They may not exist yet.
 * - `base`: where relative paths begin; the first root that is not `none` when absent.
 * - `home`: what `~` stands for. Without it paths that begin with `~` are refused.
 * - `tools`: the path arguments of each tool by its name. Of a tool that is not named here, and of arguments that are not
 *   named, whatever looks like a path is asked about.
 * - `remembers`: `every` answer (default), or those that are `marked` with `remember`, whatever else that covers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly roots: ReadonlyArray<Root>
  readonly base?: string | undefined
  readonly home?: string | undefined
  readonly tools?: Readonly<Record<string, ToolPaths>> | undefined
  readonly remembers?: "every" | "marked" | undefined
}

/**
 * What a person has said about a folder and all that is in it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Grant {
  readonly session: string
  readonly folder: string
  readonly access: "read" | "write"
  readonly granted: boolean
}

/**
 * A path guard: a guard, and the way for answers to reach it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service extends Guard.Service {
  /**
   * Has an approver's answers remembered: what a person says about a path holds for all of its folder, in this session.
   * The question says so. A no for want of a person is about its call only. Questions of other guards pass through
   * unchanged.
   */
  readonly remembering: (approval: Approval.Service) => Approval.Service
  /** Remembers an answer that came another way, as to `Agent.resume`. */
  readonly decided: (call: Guard.Call, decision: Approval.Decision) => Effect.Effect<void>
  /** What people have said so far, oldest first. */
  readonly grants: Effect.Effect<ReadonlyArray<Grant>>
}

/**
 * A root, base or home that means no folder.
 *
 * @category errors
 * @since 0.1.0
 */
export class PathGuardError extends Schema.TaggedError<PathGuardError>()("PathGuardError", {
  path: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `The path guard cannot be set up with ${JSON.stringify(this.path)}: ${this.problem}.`
  }
}

/**
 * The annotation by which a schema says what its tool does with a path: a `Use`.
 *
 * @category annotations
 * @since 0.1.0
 */
export const UseAnnotation: unique symbol = Symbol.for("axonal/guard/PathGuard/Use")

/**
 * Makes the schema of a path argument that says what is done with it, to be found by `pathsOf`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const path = (use: Use): Schema.SchemaClass<string> => Schema.String.annotations({ [UseAnnotation]: use })

/**
 * Reads the path arguments of tools from the annotations of their parameters, for `Options.tools`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const pathsOf = (
  ...tools: ReadonlyArray<{ readonly name: string; readonly parametersSchema: Schema.Schema.All }>
): Readonly<Record<string, ToolPaths>> =>
  Object.fromEntries(
    tools.map(({ name, parametersSchema }) => [
      name,
      Object.fromEntries(
        annotated(parametersSchema.ast, UseAnnotation).flatMap(([field, use]) => (isUse(use) ? [[field, use]] : []))
      )
    ])
  )

/**
 * Makes a path guard.
 *
 * **Details**
 *
 * - Links and `..` are resolved before a path is judged, of paths that do not exist too, and the call goes ahead with the
 *   absolute path that was judged. A path with two readings is refused: control and invisible characters, backslashes
 *   where `/` separates, characters that stand for dots or slashes, percent signs that hide them, another's `~`.
 * - Outside of the roots: `Ask`, with the category `path:read:<folder>` or `path:write:<folder>` when it is about one
 *   folder. That is the path itself if it is a folder or lies at the root, otherwise its parent.
 * - What looks like a path in an argument that is not declared: `Ask`, with the category `path:tool:<name>`.
 * - Grants are kept in this process, for the session in which they were given, of the last 1,000 sessions.
 *
 * **Gotchas**
 *
 * Between verdict and use another process can put a link where a folder was; hard links and mounts cannot be seen. What
 * must hold against programs that run at the same time needs a sandbox.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<Service, PathGuardError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const setup = yield* prepared(options)
    const grants = yield* Ref.make(Grants.none)

    const check = (call: Guard.Call): Effect.Effect<Guard.Verdict> =>
      Effect.flatMap(Judgement.judged(setup, call.tool.name, call.input), (judgement) =>
        Effect.map(Ref.get(grants), (known) => verdict(setup, known, call, judgement))
      )

    /** What an answer to a call would be about. A call that would run with other paths than it shows is not remembered. */
    const atStake = (call: Guard.Call): Effect.Effect<ReadonlyArray<Judgement.Want>> =>
      Effect.zipWith(Judgement.judged(setup, call.tool.name, call.input), Ref.get(grants), (judgement, known) =>
        judgement._tag === "Judged" && judgement.input === call.input && judgement.unclear.length === 0
          ? outside(setup, known, call, judgement)
          : []
      )
    const record = (
      wants: ReadonlyArray<Judgement.Want>,
      call: Guard.Call,
      answer: Approval.Answer
    ): Effect.Effect<void> => {
      if (Approval.isLater(answer) || isUnanswered(answer)) return Effect.void
      if (answer.approved && answer.input !== undefined) return Effect.void
      if (options.remembers === "marked" && answer.remember === undefined) return Effect.void
      const { approved: granted } = answer
      const said = wants.map(({ access, folder }) => ({ session: call.session, folder, access, granted }))
      return Ref.update(grants, (known) => said.reduce(Grants.add, known))
    }
    const remembering = (approval: Approval.Service): Approval.Service => ({
      ask: (question) =>
        Effect.flatMap(atStake(question.call), (wants) => {
          if (wants.length === 0) return approval.ask(question)
          const reason = options.remembers === "marked" ? question.reason : `${question.reason} (${scope(wants)})`
          return Effect.tap(approval.ask({ ...question, reason }), (answer) => record(wants, question.call, answer))
        })
    })
    const decided: Service["decided"] = (call, decision) =>
      Effect.flatMap(atStake(call), (wants) => record(wants, call, decision))

    return { check, remembering, decided, grants: Effect.map(Ref.get(grants), (known) => [...known.values()].flat()) }
  })

/**
 * Layer of a path guard that remembers what the approver answers: the approver in use, or nobody, is wrapped.
 *
 * **Details**
 *
 * - Provide the approver to it, with `Layer.provideMerge` when its other services are needed too.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<Guard.Guard | Approval.Approval, PathGuardError, FileSystem.FileSystem | Path.Path> =>
  Layer.effectContext(
    Effect.map(Effect.zip(make(options), Approval.Approval), ([guard, approval]) =>
      Context.make(Guard.Guard, guard).pipe(Context.add(Approval.Approval, guard.remembering(approval)))
    )
  )

// internal

const isUse = Schema.is(Schema.Literal("read", "write", "entry", "folder", "none"))

const scope = (wants: ReadonlyArray<Judgement.Want>): string => {
  const folders = Judgement.distinct(wants.map(({ access, folder }) => `${access} ${folder}`))
  return `the answer holds for this session and all that is in there: ${named(folders)}`
}

const maxNamed = 5

const prepared = (
  options: Options
): Effect.Effect<Judgement.Setup, PathGuardError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const system = { files: yield* FileSystem.FileSystem, path: yield* Path.Path, home: options.home }
    const { path } = system
    const located = (text: string, from: string): Effect.Effect<string, PathGuardError> =>
      Effect.mapError(
        text.trim() === ""
          ? Effect.fail("it is empty: write . for the current folder")
          : Effect.flatMap(Paths.spelled(system, text), (plain) => Paths.resolved(system, from, plain, true)),
        (problem) => new PathGuardError({ path: text, problem })
      )
    const first = options.base ?? options.roots.find(({ access }) => access !== "none")?.path ?? "."
    const base = yield* located(first, path.resolve("."))
    if (options.home !== undefined && !path.isAbsolute(options.home)) {
      return yield* new PathGuardError({ path: options.home, problem: "home is not an absolute path" })
    }
    const roots = yield* Effect.forEach(options.roots, ({ access, path: root }) =>
      Effect.map(
        located(root, options.base === undefined ? path.resolve(".") : base),
        (path): Root => ({ path, access })
      )
    )
    return {
      system,
      base,
      roots: Array.from(roots).sort((one, other) => other.path.length - one.path.length),
      tools: new Map(Object.entries(options.tools ?? {}).map(([name, fields]) => [name, Object.entries(fields)]))
    }
  })

/** What a call wants that neither a root nor a person has granted. */
const outside = (
  setup: Judgement.Setup,
  grants: Grants.Grants,
  call: Guard.Call,
  judgement: Judgement.Judgement
): ReadonlyArray<Judgement.Want & { readonly refused: boolean }> =>
  judgement._tag === "Wrong"
    ? []
    : judgement.wants.flatMap((want) => {
        const root = Judgement.rootAccess(setup, want.path)
        if (root === "none") return [{ ...want, refused: true }]
        if (root === "write" || root === want.access) return []
        const said = Grants.about(setup.system.path, grants, call.session, want.access, want.path)
        return said === true ? [] : [{ ...want, refused: said === false }]
      })

const verdict = (
  setup: Judgement.Setup,
  grants: Grants.Grants,
  call: Guard.Call,
  judgement: Judgement.Judgement
): Guard.Verdict => {
  const { name } = call.tool
  if (judgement._tag === "Wrong") return Guard.Deny(judgement.problem)
  const open = outside(setup, grants, call, judgement)
  const refused = open.find((want) => want.refused)
  if (refused !== undefined) return Guard.Deny(`nobody may ${refused.access} ${refused.path} here: do without it`)
  const input = judgement.input === call.input ? undefined : judgement.input
  const { unclear } = judgement
  if (open.length === 0 && unclear.length === 0) return input === undefined ? Guard.Allow : Guard.Rewrite(input)
  const wanted = Judgement.distinct(open.map(({ access, path }) => `${access} ${path}`))
  const reasons = [
    ...(wanted.length === 0 ? [] : [`${name} would ${named(wanted)}, outside of the folders it may use`]),
    ...(unclear.length === 0 ? [] : [`${name} was given what may be paths and is not declared: ${named(unclear)}`])
  ]
  const categories = Judgement.distinct([
    ...open.map(({ access, folder }) => `path:${access}:${folder}`),
    ...(unclear.length === 0 ? [] : [`path:tool:${name}`])
  ])
  const category = categories.length === 1 ? categories[0] : undefined
  return {
    _tag: "Ask",
    reason: reasons.join("; "),
    ...(category === undefined ? undefined : { category }),
    ...(input === undefined ? undefined : { input })
  }
}

const named = (texts: ReadonlyArray<string>): string =>
  texts.length <= maxNamed
    ? texts.join(", ")
    : `${texts.slice(0, maxNamed).join(", ")} and ${texts.length - maxNamed} more`
