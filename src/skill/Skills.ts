/**
 * Skills: folders with a `SKILL.md`, in the open format of Agent Skills, that tell a model how to go about a certain task.
 * The model is shown their names and what they are for, and reads the rest when it needs it. They are looked for anew
 * whenever they are asked for, so that one that is written while a session lives is there in its next run.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Discovery from "./internal/discovery.ts"
import * as Files from "./internal/files.ts"
import type * as Model from "./internal/model.ts"
import * as Words from "./internal/words.ts"

/**
 * A skill that can be activated: its front matter, where it is, and its scripts.
 *
 * **Details**
 *
 * - `folder` is absolute and without links on its way; `file` is its `SKILL.md` by the path that it was found at.
 * - `allowedTools` is what the author names under `allowed-tools`. It is told to the model and enforces nothing.
 * - Values of `metadata` are texts, as they are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Skill extends Model.Skill {}

/**
 * A file directly below `scripts/` that a tool stands for, named `{skill}__{file}` without the file's ending.
 *
 * **Details**
 *
 * - `path` is relative to the skill's folder, with forward slashes; `file` is absolute and without links.
 *
 * @category models
 * @since 0.1.0
 */
export interface Script extends Model.Script {}

/**
 * What is wrong with a skill, in which file and line.
 *
 * **Details**
 *
 * - `kind`: the skill is left out (`invalid`), is there all the same (`warning`), or another of its name goes before it
 *   (`shadowed`).
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem extends Model.Problem {}

/**
 * The skills that there are, by name, and the problems of those that are not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Catalog extends Model.Catalog {}

/**
 * A skill that was activated.
 *
 * **Details**
 *
 * - `instructions`: what follows the front matter; `{baseDir}` in it is the skill's folder.
 * - `files`: its other files, by their path in the folder; at most 200, five folders deep, hidden ones left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Activated {
  readonly skill: Skill
  readonly instructions: string
  readonly files: ReadonlyArray<string>
}

const Reason = Schema.Union(
  Schema.TaggedStruct("Unknown", { names: Schema.Array(Schema.String), known: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("Invalid", { name: Schema.String, problems: Schema.Array(Schema.String) }),
  Schema.TaggedStruct("File", { name: Schema.String, path: Schema.String, problem: Schema.String })
)

/**
 * A skill could not be used: there is none of the name, its `SKILL.md` is invalid, or a file of it cannot be read or run.
 *
 * @category errors
 * @since 0.1.0
 */
export class SkillError extends Schema.TaggedError<SkillError>()("SkillError", { reason: Reason }) {
  override get message(): string {
    return messageOf(this.reason)
  }
}

/**
 * What skills do.
 *
 * @category services
 * @since 0.1.0
 */
export interface Service {
  /** What there is now. Never fails: what cannot be read is a problem. The same object as long as nothing has changed. */
  readonly catalog: Effect.Effect<Catalog>
  /** The instructions of a skill as they are now. Never those from before an edit that made it invalid. */
  readonly activate: (name: string) => Effect.Effect<Activated, SkillError>
  /** The text of a file of a skill, by its path in the skill's folder; nothing outside of that is ever read. */
  readonly read: (name: string, path: string) => Effect.Effect<string, SkillError>
  /** The scripts of a skill as they are now, by name. */
  readonly scripts: (name: string) => Effect.Effect<ReadonlyArray<Script>, SkillError>
}

/**
 * The skills in use.
 *
 * @category services
 * @since 0.1.0
 */
export class Skills extends Context.Tag("axonal/skill/Skills")<Skills, Service>() {}

/**
 * Runs a script of a skill with these arguments, without input, and answers what the model reads of it.
 *
 * @category models
 * @since 0.1.0
 */
export type RunScript = (script: Script, arguments_: ReadonlyArray<string>) => Effect.Effect<string, SkillError>

/**
 * Runs no script, and says why.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refusing: RunScript = ({ path, skill }) =>
  fileError(
    skill,
    path,
    `scripts do not run here, for want of a sandbox: read it with ${Words.readName}, or do without it`
  )

/**
 * How scripts of skills are run: they are not, unless provided.
 *
 * **Details**
 *
 * - A call is interrupted after 30 seconds.
 * - Scripts that do run are tools from elsewhere, which the default guard asks a person about.
 *
 * @category references
 * @since 0.1.0
 */
export class ScriptRunner extends Context.Reference<ScriptRunner>()("axonal/skill/ScriptRunner", {
  defaultValue: () => refusing
}) {}

/**
 * Where skills are looked for, and which of them are used.
 *
 * **Details**
 *
 * - `project`: where the folders of the project begin; the current folder. `home`: those of the person; `HOME` or
 *   `USERPROFILE` of the configuration. `false` leaves either out.
 * - `folders`: below the project, then below home; the earlier goes before the later. An absolute one is looked at once,
 *   with the project's. `.axonal/skills`, `.agents/skills` and `.claude/skills` unless set.
 * - `allow`: names of skills; all when absent, none when empty. `deny`: names that are left out of those.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly project?: string | false | undefined
  readonly home?: string | false | undefined
  readonly folders?: ReadonlyArray<string> | undefined
  readonly allow?: ReadonlyArray<string> | undefined
  readonly deny?: ReadonlyArray<string> | undefined
}

/**
 * The conventional folders, in the order in which they go before each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const conventional: ReadonlyArray<string> = [".axonal/skills", ".agents/skills", ".claude/skills"]

/**
 * Makes the skills below some folders.
 *
 * **Details**
 *
 * - Errors: a name in `allow` that no skill has, valid or not, fails with `Unknown` and all of these names.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<Service, SkillError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const system = { files: yield* FileSystem.FileSystem, path: yield* Path.Path }
    const look = yield* Discovery.make(system, yield* locationsOf(options))
    const all = over(system, look)
    const allowed = options.allow === undefined ? all : yield* narrow(all, options.allow)
    const denied = new Set(options.deny)
    return denied.size === 0 ? allowed : only(allowed, (name) => !denied.has(name))
  })

/**
 * The same skills, but only these: for an agent that is to have fewer than the one that it works for.
 *
 * **Details**
 *
 * - Errors: names that are not among the skills fail with `Unknown`, which names them.
 *
 * @category combinators
 * @since 0.1.0
 */
export const narrow: {
  (allow: ReadonlyArray<string>): (self: Service) => Effect.Effect<Service, SkillError>
  (self: Service, allow: ReadonlyArray<string>): Effect.Effect<Service, SkillError>
} = dual(2, (self: Service, allow: ReadonlyArray<string>) =>
  Effect.flatMap(self.catalog, ({ problems, skills }) => {
    const invalid = problems.flatMap(({ kind, skill }) => (kind === "invalid" && skill !== undefined ? [skill] : []))
    const known = skills.map(({ name }) => name)
    const names = allow.filter((name) => !known.includes(name) && !invalid.includes(name))
    if (names.length > 0) return new SkillError({ reason: { _tag: "Unknown", names, known } })
    const allowed = new Set(allow)
    return Effect.succeed(only(self, (name) => allowed.has(name)))
  })
)

/**
 * What a prompt says of the skills that there are now: names, what they are for, and how to activate one. Empty when there
 * are none.
 *
 * **Details**
 *
 * - Give it to an agent as instructions that are an effect, so that each run begins with what there is then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const instructions: Effect.Effect<string, never, Skills> = Effect.map(
  Effect.flatMap(Skills, ({ catalog }) => catalog),
  ({ skills }) => Words.catalog(skills)
)

/**
 * Layer of the skills below some folders.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<Skills, SkillError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(Skills, make(options))

// internal

const messageOf = (reason: typeof Reason.Type): string => {
  switch (reason._tag) {
    case "Unknown": {
      const names = reason.names.map((name) => JSON.stringify(name)).join(", ")
      const known = reason.known.length === 0 ? "There are no skills." : `There are: ${reason.known.join(", ")}.`
      return `There is no skill ${names}. ${known}`
    }
    case "Invalid":
      return `The skill ${reason.name} cannot be used until it is mended: ${reason.problems.join("; ")}.`
    case "File":
      return `The file ${JSON.stringify(reason.path)} of the skill ${reason.name}: ${reason.problem}.`
  }
}

const fileError = (name: string, path: string, problem: string): SkillError =>
  new SkillError({ reason: { _tag: "File", name, path, problem } })

const locationsOf = (options: Options): Effect.Effect<ReadonlyArray<Discovery.Location>, never, Path.Path> =>
  Effect.gen(function* () {
    const path = yield* Path.Path
    const { folders = conventional, project = "." } = options
    if (folders.some((folder) => folder.trim() === "")) {
      return yield* Effect.die(
        new TypeError("Skills option folders must not have a blank name: write . for the project")
      )
    }
    const home = options.home ?? Option.getOrElse(yield* ownHome, () => false as const)
    const below = (scope: Skill["scope"], root: string | false): ReadonlyArray<Discovery.Location> =>
      folders.flatMap((folder) => {
        if (path.isAbsolute(folder)) return scope === "project" ? [{ scope, folder: path.resolve(folder) }] : []
        return root === false || root === "" ? [] : [{ scope, folder: path.resolve(root, folder) }]
      })
    const seen = new Set<string>()
    return [...below("project", project), ...below("home", home)].filter(
      ({ folder }) => !seen.has(folder) && seen.add(folder)
    )
  })

const ownHome: Effect.Effect<Option.Option<string>> = Config.string("HOME").pipe(
  Config.orElse(() => Config.string("USERPROFILE")),
  Effect.option
)

const over = (system: Files.System, look: Effect.Effect<Discovery.Found>): Service => {
  const find = (name: string): Effect.Effect<{ readonly skill: Skill; readonly body: string }, SkillError> =>
    Effect.flatMap(look, ({ bodies, catalog }) => {
      const skill = catalog.skills.find((skill) => skill.name === name)
      if (skill !== undefined) return Effect.succeed({ skill, body: bodies.get(name) ?? "" })
      const problems = catalog.problems.filter((problem) => problem.kind === "invalid" && problem.skill === name)
      if (problems.length === 0) return unknown(catalog, name)
      return new SkillError({ reason: { _tag: "Invalid", name, problems: problems.map(Words.lineOf) } })
    })
  return {
    catalog: Effect.map(look, ({ catalog }) => catalog),
    activate: (name) =>
      Effect.flatMap(find(name), ({ body, skill }) =>
        Effect.map(Files.list(system, skill.folder), (files) => ({
          skill,
          instructions: body.replaceAll("{baseDir}", () => skill.folder),
          files
        }))
      ),
    read: (name, path) =>
      Effect.flatMap(find(name), ({ skill }) =>
        Effect.mapError(Files.read(system, skill.folder, path), (problem) => fileError(name, path, problem))
      ),
    scripts: (name) => Effect.map(find(name), ({ skill }) => skill.scripts)
  }
}

const unknown = ({ skills }: Catalog, name: string): SkillError =>
  new SkillError({ reason: { _tag: "Unknown", names: [name], known: skills.map((skill) => skill.name) } })

/** The skills whose names are wanted. The others might as well not be there. */
const only = (self: Service, isWanted: (name: string) => boolean): Service => {
  const narrowed = new WeakMap<Catalog, Catalog>()
  const catalog = Effect.map(self.catalog, (all) => {
    const known = narrowed.get(all)
    if (known !== undefined) return known
    const made: Catalog = {
      skills: all.skills.filter(({ name }) => isWanted(name)),
      problems: all.problems.filter(({ skill }) => skill === undefined || isWanted(skill))
    }
    narrowed.set(all, made)
    return made
  })
  const missing = (name: string) => Effect.flatMap(catalog, (catalog) => unknown(catalog, name))
  const among = <A>(name: string, effect: Effect.Effect<A, SkillError>): Effect.Effect<A, SkillError> =>
    isWanted(name)
      ? Effect.catchTag(effect, "SkillError", (error) => (error.reason._tag === "Unknown" ? missing(name) : error))
      : missing(name)
  return {
    catalog,
    activate: (name) => among(name, self.activate(name)),
    read: (name, path) => among(name, self.read(name, path)),
    scripts: (name) => among(name, self.scripts(name))
  }
}
