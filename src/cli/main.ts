/**
 * The command line's entry. It answers what needs no agent by itself and loads the rest only then, because a person
 * who asks for help should not wait for a runtime.
 */
import { readFileSync } from "node:fs"
import type { Options, Parsed } from "./args.ts"
import { commands, help, parse } from "./args.ts"
import { isCapable } from "./environment.ts"
import { exit } from "./internal/exit.ts"

const version = (): string => {
  // The same two steps up from the sources, from the modules and from the bundle.
  const text: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"))
  return typeof text === "object" && text !== null && "version" in text ? String(text.version) : "unknown"
}

const helpOf = async (command: Extract<Parsed, { readonly _tag: "Help" }>["of"]): Promise<string> => {
  if (command === undefined) return help
  if (command === "init" || command === "doctor" || command === "trust") {
    return (await import("./setup/args.ts")).help[command]
  }
  if (command === "mcp") return (await import("./mcp/args.ts")).help
  if (command === "plugins") return (await import("./plugins/args.ts")).help
  return command === "run" ? (await import("./run/args.ts")).help : (await import("./sessions/args.ts")).help
}

/** A first word that could be the command of a plugin. Most prompts are texts of several words. */
const ofPlugin = async ([name = "", ...args]: ReadonlyArray<string>): Promise<number | undefined> =>
  /^[a-z][a-z0-9-]*$/i.test(name) && !commands.some((command) => command === name)
    ? (await import("./plugins/contributed.ts")).run(name, args)
    : undefined

/** A conversation at a terminal that can show more than lines. */
const isOnScreen = ({ files, interactive, json, outputSchema, plain, prompt }: Options): boolean =>
  (interactive || prompt === undefined) &&
  !json &&
  !plain &&
  // These are refused, in words for which no screen is needed.
  files.length === 0 &&
  outputSchema === undefined &&
  process.stdin.isTTY === true &&
  isCapable(process.env, process.stdout)

const main = async (): Promise<number> => {
  const args = process.argv.slice(2)
  const parsed = parse(args)
  const code = await ofPlugin(args)
  if (code !== undefined) return code
  switch (parsed._tag) {
    case "Help":
      process.stdout.write(await helpOf(parsed.of))
      return 0
    case "Version":
      process.stdout.write(`${version()}\n`)
      return 0
    case "Invalid":
      process.stderr.write(`axonal: ${parsed.message}${parsed.message.endsWith("?") ? "" : "."} Try axonal --help.\n`)
      return 2
    case "Command": {
      const { run } = await import("./command.ts")
      return await run(parsed.name, parsed.args)
    }
    case "Run": {
      if (isOnScreen(parsed.options)) return await (await import("./screen/main.ts")).open(parsed.options)
      const { run } = await import("./program.ts")
      return await run(parsed.options)
    }
  }
}

// Whoever reads our output may leave (`| head`). Until a run listens for that itself, it means: quietly stop. An output
// that is lost otherwise, as on a full disk, is a failure.
let lost = 0
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE" && lost === 0) {
    lost = 1
    process.stderr.write(`axonal: standard output cannot be written (${error.code ?? error.message}).\n`)
  }
  if (process.stdout.listenerCount("error") === 1) exit(lost)
})
process.stderr.on("error", () => {})

void main().then((code) => {
  // Idle connections and a terminal that is still open must not keep the process; what was written must get out.
  process.stdout.write("", () => setImmediate(() => exit(code === 0 ? lost : code)))
})
