/**
 * Programs that tests start as processes of their own, the command line among them. Each is bundled once for all test
 * files and runs that have the same sources, and what the engine compiled of it is kept beside it: so a start takes a
 * sixth of a second, where loading the sources takes more than one.
 */
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { execFile, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BuildOptions } from "esbuild"
import { build } from "esbuild"

const root = fileURLToPath(new URL("../..", import.meta.url))

/**
 * Runs a bundle with what was compiled of it before. The first process leaves that for the next ones: once everything is
 * loaded, because it may be killed, and again when it ends by itself and has run more.
 */
const loader = `
const { existsSync, readFileSync, renameSync, writeFileSync } = require("node:fs")
const { createRequire } = require("node:module")
const { Script } = require("node:vm")
process.argv.splice(1, 1)
const bundle = process.argv[1]
const compiled = bundle + ".compiled"
const isFirst = !existsSync(compiled)
const script = new Script("(function (require, module, exports, __filename) {" + readFileSync(bundle, "utf8") + "\\n})", {
  filename: bundle,
  cachedData: isFirst ? undefined : readFileSync(compiled)
})
const keep = () => {
  writeFileSync(compiled + process.pid, script.createCachedData())
  renameSync(compiled + process.pid, compiled)
}
const module_ = { exports: {} }
script.runInThisContext()(createRequire(bundle), module_, module_.exports, bundle)
if (isFirst) {
  keep()
  process.once("exit", keep)
}
`

/** Everything that a bundle may contain: whatever of it changes, bundles are made anew. */
const digest = (): string => {
  const hash = createHash("sha256").update(loader)
  const files = ["src", "examples", "test/support", "test/examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => join(folder, name))
  )
  for (const file of ["package-lock.json", ...files.sort()]) {
    if (statSync(join(root, file)).isFile()) hash.update(`${file}\0`).update(readFileSync(join(root, file)))
  }
  return hash.digest("hex").slice(0, 16)
}

/** Below node_modules, so that a bundle finds the SQLite driver as an installed command line does. */
const cache = join(root, "node_modules", ".cache", "axonal-tests")
const hourMillis = 3_600_000
let home: string | undefined

/** The folder of the bundles of today's sources. Those that no run can be using any more are removed. */
const folder = (): string => {
  if (home !== undefined) return home
  home = join(cache, digest())
  mkdirSync(home, { recursive: true })
  for (const other of readdirSync(cache).map((name) => join(cache, name))) {
    const age = Date.now() - (statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? 0)
    if (other !== home && age > hourMillis) rmSync(other, { recursive: true, force: true })
  }
  return home
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  minifyWhitespace: true,
  minifySyntax: true,
  // The first is native, the next load with a path of their own, the last are accelerators that may be missing.
  external: [
    ...["better-sqlite3", "node-llama-cpp", "node-pty", "dockerode"],
    ...["bufferutil", "utf-8-validate", "msgpackr-extract", "@parcel/watcher"]
  ],
  logLevel: "error"
}

const made = new Map<string, Promise<string>>()

/** Makes a folder once: another process that makes it at the same time does not meet half of it. */
const once = (name: string, make: (draft: string) => Promise<unknown>): Promise<string> => {
  const path = join(folder(), name)
  const known = made.get(path)
  if (known !== undefined) return known
  const making = (async () => {
    if (existsSync(path)) return path
    const draft = `${path}-${process.pid}`
    mkdirSync(draft)
    // The command line reads its version from here.
    cpSync(join(root, "package.json"), join(draft, "package.json"))
    await make(draft)
    try {
      renameSync(draft, path)
    } catch (error) {
      if (!existsSync(path)) throw error
      rmSync(draft, { recursive: true })
    }
    return path
  })()
  made.set(path, making)
  return making
}

/** The environment of this process, without certificates: Node reads them at every start, and nobody here needs them. */
export const environment = (): NodeJS.ProcessEnv => ({ ...process.env, NODE_EXTRA_CA_CERTS: "" })

/** A program that runs for less than a second gains nothing from optimised code, nor from collecting its garbage. */
const brief = ["--no-opt", "--min-semi-space-size=16"]

/**
 * The arguments of Node that run a program, known by its path from the root; its own go behind them. `first` are those of
 * a first process, for a program that loads more than it begins with: what that one ran has been compiled for the others.
 */
export const program = async (entry: string, first?: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const commandOf = (home: string) => [...brief, join(home, "load.cjs"), join(home, "dist/bin/program.cjs")]
  const home = await once(entry.replaceAll(/\W/g, "-"), async (draft) => {
    await build({
      ...common,
      entryPoints: [entry],
      outfile: join(draft, "dist/bin/program.cjs"),
      format: "cjs",
      supported: { "dynamic-import": false },
      define: { "import.meta.url": "__url" },
      banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' }
    })
    writeFileSync(join(draft, "load.cjs"), loader)
    if (first === undefined) return
    const env = { ...environment(), XDG_DATA_HOME: join(draft, "data") }
    await promisify(execFile)(process.execPath, [...commandOf(draft), ...first], { env })
  })
  return commandOf(home)
}

/** The command line as it is shipped: modules, of which those are loaded that are needed. */
export const shipped = async (): Promise<ReadonlyArray<string>> => {
  const home = await once("shipped", (draft) =>
    build({
      ...common,
      entryPoints: { axonal: "src/cli/main.ts" },
      outdir: join(draft, "dist/bin"),
      splitting: true,
      format: "esm",
      banner: { js: 'import { createRequire as __r } from "node:module";const require = __r(import.meta.url);' }
    })
  )
  return [join(home, "dist/bin/axonal.js")]
}

/** Starts a program. It is killed when the scope closes. */
export const start = (
  entry: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<ChildProcessWithoutNullStreams, never, Scope.Scope> =>
  Effect.flatMap(
    Effect.promise(() => program(entry)),
    (command) =>
      Effect.acquireRelease(
        Effect.sync(() => spawn(process.execPath, [...command, ...args], { env: environment() })),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
  )
