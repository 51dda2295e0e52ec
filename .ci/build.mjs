// Builds the package: modules and declarations into dist/, the command line bundled into dist/bin/.
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

const root = fileURLToPath(new URL("..", import.meta.url))
process.chdir(root)

const hasSources = existsSync("src") && readdirSync("src", { recursive: true }).some((file) => file.endsWith(".ts"))
if (!hasSources) {
  console.log("build: no sources under src/ yet, nothing to build")
  process.exit(0)
}

// A module that was removed must not live on in the package.
rmSync("dist", { recursive: true, force: true })

// By path, because a second TypeScript is installed for the consumer check and both bring a `tsc`.
const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", ".ci/tsconfig.build.json"], {
  stdio: "inherit"
})
if (tsc.status !== 0) {
  process.exit(tsc.status ?? 1)
}

// The command line is shipped as its bundle alone.
rmSync("dist/cli", { recursive: true, force: true })

const entry = "src/cli/main.ts"
if (!existsSync(entry)) {
  console.log(`build: ${entry} does not exist yet, the command line is not bundled`)
  process.exit(0)
}

/**
 * Everything the command line needs is inside its bundle, except better-sqlite3: that is a native addon, built on the
 * user's machine, and sessions that are not stored do without it. Here it becomes a module that says how to get it.
 */
const nativeSqlite = {
  name: "native-sqlite",
  setup(builder) {
    builder.onResolve({ filter: /^better-sqlite3$/ }, () => ({ path: "better-sqlite3", namespace: "native-sqlite" }))
    builder.onLoad({ filter: /.*/, namespace: "native-sqlite" }, () => ({
      loader: "js",
      contents: `
        import { createRequire } from "node:module"
        let Database
        try {
          Database = createRequire(import.meta.url)("better-sqlite3")
        } catch (cause) {
          throw new Error(
            "Stored sessions need the package better-sqlite3. Install it beside axonal: npm install --global better-sqlite3",
            { cause }
          )
        }
        export default Database
      `
    }))
  }
}

const out = "dist/bin"
const { metafile } = await build({
  entryPoints: { axonal: entry },
  outdir: out,
  bundle: true,
  // What `import()` reaches becomes a file of its own and costs nothing before it is used.
  splitting: true,
  chunkNames: "[name]-[hash]",
  format: "esm",
  platform: "node",
  target: "node20",
  // Short files start faster; names stay, for readable stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: "eof",
  metafile: true,
  logLevel: "warning",
  // Optional native accelerators of the HTTP and file-watching packages, each with a fallback of its own; and peers of
  // sandboxes, native too, which say themselves how they are installed.
  external: ["bufferutil", "utf-8-validate", "msgpackr-extract", "@parcel/watcher", "dockerode", "node-pty"],
  plugins: [nativeSqlite],
  // CommonJS packages inside the bundle call `require` for Node's own modules.
  banner: {
    js: 'import { createRequire as __axonalRequire } from "node:module";const require = __axonalRequire(import.meta.url);'
  }
})

/** The files loaded before the first line runs: the entry and what it imports statically. */
const startup = new Set()
const visit = (file) => {
  if (startup.has(file)) return
  startup.add(file)
  for (const { path, kind, external } of metafile.outputs[file].imports) {
    if (kind === "import-statement" && !external) visit(path)
  }
}
visit(`${out}/axonal.js`)

const inputs = [...startup].flatMap((file) => Object.keys(metafile.outputs[file].inputs))
if (inputs.includes("native-sqlite:better-sqlite3")) {
  console.error("build: the command line loads better-sqlite3 at start; reach the SQL store through import() only")
  process.exit(1)
}

const bin = `${out}/axonal.js`
const code = readFileSync(bin, "utf8")
writeFileSync(bin, code.startsWith("#!") ? code : `#!/usr/bin/env node\n${code}`)
chmodSync(bin, 0o755)

const bytes = [...startup].reduce((sum, file) => sum + metafile.outputs[file].bytes, 0)
console.log(`build: ${bin}, ${Math.round(bytes / 1024)} kB loaded at start`)
