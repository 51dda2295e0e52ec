import { createRequire } from "node:module"
import { assert, describe, expect, it } from "@effect/vitest"
import { exportedTypes, readProject, root } from "./support/sources.ts"

const sources = readProject(["src"])
const modules = Object.keys(sources).map((path) => path.slice("src/".length, -".ts".length))
const internal = modules.filter((module) => /(^|\/)internal\//.test(module))
/** The command line is a program: it is run, and none of its modules is for others. */
const programs = modules.filter((module) => module.startsWith("cli/"))
const reachable = modules.filter((module) => !internal.includes(module) && !programs.includes(module))

/** The name under which an application imports a module. */
const publicName = (module: string): string =>
  module === "index" ? "axonal" : `axonal/${module.replace(/^testing\/index$/, "testing")}`

/** Node's own verdict on a subpath of this package. A module that is exported but not built counts as exported. */
const isExported = (name: string): boolean => {
  try {
    createRequire(`${root}/package.json`).resolve(name)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ERR_PACKAGE_PATH_NOT_EXPORTED"
  }
}

const describeModule = async (module: string): Promise<string> => {
  const values = Object.keys(await import(/* @vite-ignore */ `${root}/src/${module}.ts`))
  const types = exportedTypes(sources[`src/${module}.ts`] ?? "").map((name) => `type ${name}`)
  return [publicName(module), ...[...values.sort(), ...types.sort()].map((name) => `  ${name}`), ""].join("\n")
}

describe("exports", () => {
  it("the public names are the recorded ones", { timeout: 60_000 }, async () => {
    const described: Array<string> = []
    for (const module of reachable) {
      described.push(await describeModule(module))
    }
    // After a change that is meant: npx vitest run -u test/exports.test.ts, and an entry in CHANGELOG.md.
    await expect(described.join("\n")).toMatchFileSnapshot("./fixtures/public-names.txt")
  })

  it("every public module is exported", () => {
    assert.deepStrictEqual(
      reachable.map(publicName).filter((name) => !isExported(name)),
      []
    )
  })

  it("no internal module is exported", () => {
    // Node knows one `*` per pattern, so that package.json lists each folder: a new one must be added there.
    const folders = new Set(modules.filter((module) => module.includes("/")).map((module) => module.split("/")[0]))
    const hidden = ["internal/any", ...[...folders].map((folder) => `${folder}/internal/any`), ...internal, ...programs]
    assert.deepStrictEqual(hidden.map((module) => `axonal/${module}`).filter(isExported), [])
  })

  it("the bundled command line is not exported", () => {
    assert.isFalse(isExported("axonal/bin/axonal"))
  })
})
