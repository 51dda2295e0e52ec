// Checks with TypeScript 5.9, as strictly as an application may, that the built package can be consumed: every public
// module is imported, the declarations in dist/ are checked themselves, and so are the examples against them.
import { existsSync, readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import ts from "typescript59"

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "")
const list = (folder, pattern) =>
  existsSync(`${root}/${folder}`)
    ? readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
        .filter((file) => pattern.test(file))
        .sort()
    : []

const declarations = list("dist", /\.d\.ts$/)
if (declarations.length === 0) {
  console.error("ts59: nothing in dist/, run npm run build first")
  process.exit(1)
}

const names = declarations
  .map((file) => file.slice(0, -".d.ts".length))
  .filter((module) => !/(^|\/)(internal\/|main$)/.test(module))
  .map((module) => (module === "index" ? "axonal" : `axonal/${module.replace(/^testing\/index$/, "testing")}`))

// The file exists in memory only. Its imports resolve through the package's own name, and so through `exports`.
const consumer = `${root}/consumer.ts`
const text = names.map((name, index) => `import * as M${index} from "${name}"\nexport { M${index} }\n`).join("")

const options = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  // Ours are checked below one by one; those of other packages are theirs.
  skipLibCheck: false,
  noEmit: true
}
const host = ts.createCompilerHost(options)
const { fileExists, readFile, getSourceFile } = host
host.fileExists = (file) => file === consumer || fileExists(file)
host.readFile = (file) => (file === consumer ? text : readFile(file))
host.getSourceFile = (file, version, ...rest) =>
  file === consumer ? ts.createSourceFile(file, text, version) : getSourceFile(file, version, ...rest)

const examples = list("examples", /\.ts$/).map((file) => `${root}/examples/${file}`)
const program = ts.createProgram([consumer, ...examples], options, host)
const ours = program
  .getSourceFiles()
  .filter(({ fileName }) => fileName.startsWith(`${root}/`) && !fileName.includes("/node_modules/"))
const problems = [
  ...program.getOptionsDiagnostics(),
  ...program.getGlobalDiagnostics(),
  ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])
]
if (problems.length > 0) {
  console.error(ts.formatDiagnostics(problems, { ...host, getCurrentDirectory: () => root }))
  process.exit(1)
}
console.log(`ts59: TypeScript ${ts.version} accepts ${names.length} modules and ${examples.length} examples`)
