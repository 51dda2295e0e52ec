/**
 * Folders of packages as package managers make them, with plugins that import the real `axonal` and `effect`.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as HttpClient from "@effect/platform/HttpClient"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import type * as Importer from "axonal/plugin/Importer"
import * as Plugins from "axonal/plugin/Plugins"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { build } from "esbuild"
import { afterAll } from "vitest"
import { root } from "../support/sources.ts"

/** What plugins may use: real files, and a client that reaches nobody. */
export const services = Layer.mergeAll(
  NodeFileSystem.layer,
  NodePath.layer,
  Layer.succeed(
    HttpClient.HttpClient,
    HttpClient.make(() => Effect.die("no network in tests"))
  )
)

const made: Array<string> = []

/** A folder that is removed after the test file, without links on its way. */
export const folder = (): string => {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "axonal-plugins-")))
  made.push(path)
  return path
}

/** Removes what the test file made behind it. Call at the top of the file. */
export const cleanUp = (): void => {
  afterAll(() => {
    for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
  })
}

/** Writes files below a folder: texts as they are, anything else as JSON. */
export const write = (folder: string, files: Readonly<Record<string, unknown>>): void => {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content))
  }
}

/** What every healthy package.json has. */
export const fits = { axonal: "^0.1.0", effect: "^3.22.0" }

/** Installs a plugin: the field `axonal` of its package.json, and its files. */
export const install = (
  root: string,
  name: string,
  axonal: unknown,
  files: Readonly<Record<string, unknown>> = {},
  more: object = {}
): string => {
  const path = join(root, "node_modules", name)
  const manifest = { name, version: "1.0.0", type: "module", peerDependencies: fits, axonal, ...more }
  write(path, { "package.json": manifest, ...files })
  return path
}

/** Makes `axonal` and its peers be found from a folder. The sources are bundled, what they share is shared. */
export const provideAxonal = async (folder: string): Promise<void> => {
  const home = join(folder, "node_modules")
  await build({
    absWorkingDir: root,
    entryPoints: ["plugin/Plugin", "agent/Agent", "guard/Guard", "hook/Hooks", "tool/ToolSelector"]
      .concat(["context/ContextStore", "transport/Transport", "tool/ToolResult"])
      .map((name) => ({ in: `src/${name}.ts`, out: name })),
    outdir: join(home, "axonal", "dist"),
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error"
  })
  write(join(home, "axonal"), {
    "package.json": { name: "axonal", version: "0.1.0", type: "module", exports: { "./*": "./dist/*.js" } }
  })
  mkdirSync(join(home, "@effect"), { recursive: true })
  for (const name of ["effect", "@effect/ai", "@effect/platform"]) {
    symlinkSync(join(root, "node_modules", name), join(home, name), "dir")
  }
}

/** A module that exports one contribution by default. The namespaces of Effect and Axonal that it may need are there. */
export const exporting = (expression: string): string => `
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Agent from "axonal/agent/Agent"
import * as ContextStore from "axonal/context/ContextStore"
import * as Guard from "axonal/guard/Guard"
import * as Hooks from "axonal/hook/Hooks"
import * as Plugin from "axonal/plugin/Plugin"
import * as ToolSelector from "axonal/tool/ToolSelector"
import * as Transport from "axonal/transport/Transport"
export default ${expression}
`

/** A module with one read-only tool that answers a text. */
export const toolModule = (name: string, answer = "ok"): string =>
  exporting(`Plugin.tools({ make: () => Effect.succeed([
    Agent.tool("${name}", { success: Schema.String, readOnly: true }, () => Effect.succeed("${answer}"))
  ]) })`)

/** Counts imports, and makes them as the engine does. */
export const counting = () => {
  const urls: Array<string> = []
  const load: Importer.Import = (url) => {
    urls.push(url)
    return import(/* @vite-ignore */ url)
  }
  return { urls, load }
}

/** Plugins of a project of which all are allowed, and nothing else. */
export const ofProject = (project: string, options: Plugins.Options = {}) =>
  Plugins.make({ project, user: false, allow: { project: "all" }, ...options })
