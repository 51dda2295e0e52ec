/**
 * `axonal plugins`: which plugins there are and why one is not loaded, installing and allowing them, and finding out what
 * is wrong with one.
 */
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import { nearest } from "../../internal/nearest.ts"
import * as Found from "../../plugin/Found.ts"
import type { PluginError } from "../../plugin/PluginError.ts"
import * as Plugins from "../../plugin/Plugins.ts"
import * as UserFile from "../../plugin/UserFile.ts"
import type { Environment } from "../environment.ts"
import { SetupError, UsageError } from "../errors.ts"
import { jsonLine, oneLine, plural } from "../internal/words.ts"
import type { Options } from "./args.ts"
import { help, parse } from "./args.ts"
import * as Host from "./host.ts"
import * as Install from "./install.ts"

/**
 * Runs the command. Fails when something is broken that is allowed, or nobody allowed what was installed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError> => {
  const parsed = parse(args)
  if (parsed._tag === "Invalid") return new UsageError({ message: parsed.message, see: "axonal plugins --help" })
  if (parsed._tag === "Help") return print(help)
  const { options } = parsed
  switch (options.action) {
    case "list":
      return list(options)
    case "doctor":
      return doctor(options)
    case "add":
      return options.project ? allowInProject(options) : add(options, environment)
    case "remove":
      return remove(options, environment)
  }
}

// internal

type Changing = Extract<Options, { readonly action: "add" | "remove" }>

const find = (options: Options, more: Found.Options = {}) =>
  Effect.provide(Found.find({ user: Host.folderOf(options), ...more }), Host.files)

const list = (options: Options) =>
  Effect.flatMap(find(options), ({ found, problems }) => {
    if (options.json) return print(found.map((plugin) => jsonLine(rowOf(plugin))).join(""))
    const others = problems.filter(({ plugin }) => !found.some(({ name }) => name === plugin))
    const none = found.length === 0 && others.length === 0
    const rows = [...found.map(lineOf), ...others.map((problem) => `missing  ${oneLine(problem.message)}\n`)]
    return print(none ? "There are no plugins. axonal plugins add NAME installs one.\n" : rows.join(""))
  })

const rowOf = (plugin: Found.Found) => ({
  name: plugin.name,
  version: plugin.version,
  source: plugin.source,
  folder: plugin.folder,
  state: plugin.state,
  brings: Object.fromEntries(Found.kindsOf(plugin).map((kind) => [kind, namesOf(plugin, kind)])),
  ...(plugin.problem === undefined ? undefined : { reason: plugin.problem.reason, problem: plugin.problem.detail })
})

const namesOf = ({ contributions }: Found.Found, kind: string): ReadonlyArray<string> =>
  contributions.flatMap((contribution) => (contribution.kind === kind ? [contribution.name] : []))

const bringsOf = (plugin: Found.Found): string =>
  Found.kindsOf(plugin)
    .map((kind) => `${kind} ${namesOf(plugin, kind).join(" ")}`)
    .join(", ")

const titleOf = ({ name, version }: Found.Found): string => oneLine(version === undefined ? name : `${name} ${version}`)

const lineOf = (plugin: Found.Found): string =>
  `${plugin.state.padEnd(8)} ${titleOf(plugin)} (${plugin.source}) ${whyOf(plugin)}\n`

const whyOf = (plugin: Found.Found): string => {
  const brings = bringsOf(plugin)
  switch (plugin.state) {
    case "ready":
      return brings
    case "shadowed":
      return `${brings}: another of its name goes before it`
    case "blocked":
      return `${brings}: axonal plugins add ${plugin.name}${plugin.source === "project" ? " --project" : ""} allows it`
    case "broken":
      return oneLine(plugin.problem?.detail ?? "")
  }
}

const doctor = (options: Options) =>
  Effect.gen(function* () {
    const plugins = yield* Plugins.Plugins
    const checked = yield* plugins.check
    const problems = yield* plugins.problems
    const worked = checked.filter(({ problem }) => problem === undefined)
    if (options.json) {
      yield* print(problems.map((problem) => jsonLine(problemOf(problem))).join(""))
    } else {
      const told = problems.map(({ message }) => `broken   ${oneLine(message)}\n`)
      yield* print(
        [...worked.map(({ kind, name, plugin }) => `ok       ${plugin} ${kind} ${name}\n`), ...told].join("")
      )
      for (const plugin of plugins.found) if (!plugin.isAllowed) yield* print(lineOf(plugin))
    }
    if (problems.length > 0)
      return yield* new SetupError({ message: `${plural(problems.length, "problem")} with plugins.` })
    if (!options.json && plugins.found.length === 0) yield* print("There are no plugins.\n")
  }).pipe(Effect.provide(Host.layer(options)))

const problemOf = ({ contribution, detail, plugin, reason, settings }: PluginError) => ({
  ...{ plugin, contribution, reason, detail, settings }
})

const add = (options: Changing, environment: Environment) =>
  Effect.gen(function* () {
    const folder = Host.folderOf(options)
    // By the name of what is there and was not allowed npm may find somebody else's package.
    const there = yield* find(options, { project: false })
    const waiting = there.found.find(({ name, state }) => name === options.name && state === "blocked")
    if (waiting !== undefined && !options.scripts) return yield* allow(options, waiting, undefined)
    const name = yield* Install.install(folder, options.name, { scripts: options.scripts, environment })
    const { found } = yield* find(options, { project: false, allow: { user: [name] } })
    const plugin = found.find((plugin) => plugin.name === name)
    if (plugin === undefined || plugin.state === "broken") {
      // It may have been there before and allowed, as another version.
      yield* change(options, (file) => UserFile.forbid(file, name))
      yield* Install.uninstall(folder, name, environment)
      const why = plugin?.problem?.detail ?? "it is not there after its installation"
      return yield* new SetupError({ message: `${name} is not installed: ${oneLine(why)}.` })
    }
    yield* allow(options, plugin, undefined)
  })

const allowInProject = (options: Changing) =>
  Effect.gen(function* () {
    const { found } = yield* find(options, { user: false })
    const plugin = found.find(({ name }) => name === options.name)
    if (plugin === undefined) return yield* notInProject(options.name)
    if (plugin.state === "broken") {
      return yield* new SetupError({ message: `${options.name} is broken: ${oneLine(plugin.problem?.detail ?? "")}.` })
    }
    yield* allow(options, plugin, plugin.root)
  })

const notInProject = (name: string) =>
  new SetupError({ message: `there is no plugin ${name} in the node_modules of this folder or above it.` })

const allow = (options: Changing, plugin: Found.Found, project: string | undefined) =>
  Effect.gen(function* () {
    const where = project === undefined ? "" : ` in ${oneLine(project)}`
    yield* print(`${titleOf(plugin)} brings ${bringsOf(plugin)}\n  from ${oneLine(plugin.folder)}\n`)
    if (!options.yes && !(yield* agreed(`Its code will run as your own. Allow it${where}? [y/N] `))) {
      return yield* new SetupError({
        message: `${plugin.name} is not allowed${where}, and not loaded. --yes allows it.`
      })
    }
    yield* change(options, (file) => UserFile.allow(file, plugin.name, project))
    yield* print(`${plugin.name} is allowed${where}.\n`)
  })

const remove = (options: Changing, environment: Environment) =>
  Effect.gen(function* () {
    const { name } = options
    if (options.project) {
      const { found } = yield* find(options, { user: false })
      const roots = found.flatMap((plugin) => (plugin.name === name ? [plugin.root] : []))
      if (roots.length === 0) return yield* notInProject(name)
      yield* change(options, (file) => roots.reduce((file, root) => UserFile.forbid(file, name, root), file))
      return yield* print(`${name} is forbidden in ${roots.join(" and ")}.\n`)
    }
    const folder = Host.folderOf(options)
    let wasAllowed = false
    yield* change(options, (file) => {
      wasAllowed = file.allow?.includes(name) === true
      return UserFile.forbid(file, name)
    })
    const wasThere = yield* Install.uninstall(folder, name, environment)
    if (!wasAllowed && !wasThere) {
      const { found } = yield* find(options, { project: false })
      const near = nearest(
        name,
        found.map((plugin) => plugin.name)
      )
      const hint = near === undefined ? "" : `, did you mean ${near}?`
      return yield* new SetupError({ message: `there is no plugin ${oneLine(name)} of your own${hint || "."}` })
    }
    yield* print(`${oneLine(name)} is removed.\n`)
  })

const change = (options: Options, edit: (file: UserFile.UserFile) => UserFile.UserFile) =>
  UserFile.change(Host.folderOf(options), edit).pipe(
    Effect.mapError(({ message }) => new SetupError({ message: `${oneLine(message)}.` })),
    Effect.provide(Host.files)
  )

/** Nobody at a terminal has not agreed. */
const agreed = (question: string): Effect.Effect<boolean> =>
  process.stdin.isTTY === true
    ? Effect.async((resume) => {
        const reader = createInterface({ input: process.stdin, output: process.stderr })
        reader.question(question, (answer) => resume(Effect.succeed(/^y(es)?$/i.test(answer.trim()))))
        reader.once("close", () => resume(Effect.succeed(false)))
        return Effect.sync(() => reader.close())
      })
    : Effect.succeed(false)

const print = (text: string) => Effect.sync(() => void process.stdout.write(text))
