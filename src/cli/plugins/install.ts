/**
 * Installs packages into the user's folder for plugins, and removes them, by running npm.
 */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Effect from "effect/Effect"
import * as PrivateFile from "../../internal/privateFile.ts"
import type { Environment } from "../environment.ts"
import { SetupError } from "../errors.ts"
import { oneLine } from "../internal/words.ts"

/**
 * Installs a package and answers its name. Without its install scripts, unless they are asked for.
 *
 * **Details**
 *
 * - `spec`: what `npm install` takes. A path is meant from the current folder; of a folder, a copy is installed.
 * - Peers of plugins are not fetched: this installation and its Effect are linked into the folder, so that plugins use them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const install = (
  folder: string,
  spec: string,
  options: { readonly scripts: boolean; readonly environment: Environment }
): Effect.Effect<string, SetupError> =>
  Effect.gen(function* () {
    yield* attempt(() => prepare(folder))
    const before = yield* attempt(() => dependenciesOf(folder))
    const wanted = /^\.{1,2}([/\\]|$)/.test(spec) || existsSync(resolve(spec)) ? resolve(spec) : spec
    const scripts = options.scripts ? "--no-ignore-scripts" : "--ignore-scripts"
    const quiet = ["--save", "--no-audit", "--no-fund"]
    yield* npm(folder, ["install", scripts, ...own, ...quiet, "--", wanted], options.environment)
    yield* attempt(() => linkPeers(folder))
    const after = yield* attempt(() => dependenciesOf(folder))
    const changed = Object.keys(after).find((name) => after[name] !== before[name])
    // The same again: known by its name, or by the path that it was installed from.
    const same = Object.keys(after).find(
      (name) => wanted === name || wanted.startsWith(`${name}@`) || resolve(folder, pathOf(after[name])) === wanted
    )
    const name = changed ?? same
    return name ?? (yield* new SetupError({ message: `npm installed ${spec}, and nothing new is there.` }))
  }).pipe((installing) => alone(folder, installing))

/**
 * Removes a package, and answers whether it was there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uninstall = (folder: string, name: string, environment: Environment): Effect.Effect<boolean, SetupError> =>
  Effect.flatMap(
    attempt(() => Object.hasOwn(dependenciesOf(folder), name)),
    (isThere) =>
      isThere
        ? alone(
            folder,
            npm(
              folder,
              ["uninstall", "--ignore-scripts", ...own, "--no-audit", "--no-fund", "--", name],
              environment
            ).pipe(Effect.zipRight(attempt(() => linkPeers(folder))), Effect.as(true))
          )
        : Effect.succeed(false)
  )

// internal

/** Peers are ours to give, and a folder is copied, because what is linked would look for its peers where it is linked to. */
const own = ["--legacy-peer-deps", "--install-links"] as const

/** What plugins share with this installation. */
const peers = ["effect", "@effect/ai", "@effect/platform"] as const

/** Links what plugins share into their folder, unless something is there. npm takes links away that it does not know. */
const linkPeers = (folder: string): void => {
  // The same two folders up from the sources, from the modules and from the bundle.
  const root = fileURLToPath(new URL("../../", import.meta.url))
  // Sources that nobody has built have nothing for plugins.
  if (!existsSync(join(root, "dist", "index.js"))) return
  const { resolve: find } = createRequire(join(root, "package.json"))
  const link = (name: string, target: string): void => {
    const at = join(folder, "node_modules", name)
    if (existsSync(at)) return
    mkdirSync(dirname(at), { recursive: true })
    rmSync(at, { force: true })
    symlinkSync(target, at, "junction")
  }
  link("axonal", root)
  for (const name of peers) link(name, dirname(find(`${name}/package.json`)))
}

/** Of several at the same time one after the other: npm itself keeps none from changing what another one reads. */
const alone = <A>(folder: string, work: Effect.Effect<A, SetupError>): Effect.Effect<A, SetupError> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => {
    const failed = ({ message }: PrivateFile.FileProblem) => new SetupError({ message })
    return PrivateFile.make(files, join(folder, "package.json"), failed).locked(work)
  }).pipe(Effect.provide(NodeFileSystem.layer))

const attempt = <A>(evaluate: () => A): Effect.Effect<A, SetupError> =>
  Effect.try({
    try: evaluate,
    catch: (cause) =>
      new SetupError({ message: `the folder for plugins cannot be used: ${oneLine(String(cause))}`, cause })
  })

/** A package of its own, so that npm does not look for one in the folders above. */
const prepare = (folder: string): void => {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const manifest = join(folder, "package.json")
  if (!existsSync(manifest)) writeFileSync(manifest, `${JSON.stringify({ private: true }, undefined, 2)}\n`)
}

const dependenciesOf = (folder: string): Readonly<Record<string, string>> => {
  const file = join(folder, "package.json")
  const value: unknown = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}
  const found = typeof value === "object" && value !== null && "dependencies" in value ? value.dependencies : {}
  return Object.fromEntries(Object.entries(found ?? {}).map(([name, spec]) => [name, String(spec)]))
}

const pathOf = (spec = ""): string => spec.replace(/^file:/, "")

const npm = (folder: string, args: ReadonlyArray<string>, environment: Environment): Effect.Effect<void, SetupError> =>
  Effect.async<void, SetupError>((resume, signal) => {
    // On Windows npm is a script for the shell, which would read what was typed once more.
    const [command, ...first] =
      process.platform === "win32"
        ? [process.execPath, join(dirname(process.execPath), "node_modules", "npm", "bin", "npm-cli.js")]
        : ["npm"]
    const child = spawn(command ?? "npm", [...first, ...args], {
      cwd: folder,
      env: environment,
      signal,
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-20_000)
    })
    const fail = (why: string) => resume(new SetupError({ message: `npm ${args[0]} failed: ${why}` }))
    child.once("error", (error) => fail(`${oneLine(error.message)}. Is npm installed?`))
    child.once("close", (code) => (code === 0 ? resume(Effect.void) : fail(reasonOf(said) || `exit code ${code}.`)))
  })

/** The lines of npm that say what was wrong, without where its log is. */
const reasonOf = (said: string): string =>
  oneLine(
    said
      .split("\n")
      .flatMap((line) => /^npm (?:error|ERR!) (?!A complete log|\s*\/)(.+)$/.exec(line)?.[1] ?? [])
      .slice(0, 6)
      .join(" ")
  ).slice(0, 500)
