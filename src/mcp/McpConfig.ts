/**
 * Servers from the files that people already have: `mcp.json` of the user and of the project, in the forms of the programs
 * that read them. What it answers are the options of `McpClient.layer`, and all problems at once; a server with a mistake
 * keeps no other from being used.
 */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { wordsOf } from "./internal/clientFailure.ts"
import type { Problem as Found, Settings, Source } from "./internal/configServers.ts"
import { serversOf } from "./internal/configServers.ts"
import * as Text from "./internal/configText.ts"
import type * as Mcp from "./Mcp.ts"

/**
 * Where servers are looked for, and which of the project's are used.
 *
 * **Details**
 *
 * - `project`: the folder of the project, whose `files` are read; the current one by default, none with `false`.
 * - `user`: the user's own file. Default `axonal/mcp.json` in `XDG_CONFIG_HOME` or in `.config` of the home; none with `false`.
 * - `trust`: servers of the project that may be used, by name, or `"all"`. None by default: files of a project may be written
 *   by anybody, and a server is a program.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly project?: string | false | undefined
  readonly user?: string | false | undefined
  readonly trust?: ReadonlyArray<string> | "all" | undefined
}

/**
 * Something in a file that is not as it should be. A server with an error is not used; a warning changes nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem extends Found {}

/**
 * What the files say.
 *
 * **Details**
 *
 * - `unused`: servers that are not to be used, with why: switched off, of the project and not trusted, with a mistake.
 * - `files`: those that were there.
 *
 * @category models
 * @since 0.1.0
 */
export interface Loaded {
  readonly servers: Readonly<Record<string, Mcp.ProgramServer | Mcp.HttpServer>>
  readonly unused: ReadonlyArray<{
    readonly server: string
    readonly reason: "Disabled" | "Untrusted" | "Malformed"
    readonly message: string
  }>
  readonly problems: ReadonlyArray<Problem>
  readonly files: ReadonlyArray<string>
}

/**
 * The files of a project, the later ones counting more.
 *
 * @category constructors
 * @since 0.1.0
 */
export const files: ReadonlyArray<string> = [
  ".vscode/mcp.json",
  ".cursor/mcp.json",
  "mcp.json",
  ".mcp.json",
  ".axonal/mcp.json"
]

/**
 * Reads the servers of the user and of the project.
 *
 * **Details**
 *
 * - A trusted server of the project stands for the user's own of the same name; one that is not trusted does not.
 * - `${NAME}`, `${env:NAME}` and `${NAME:-otherwise}` are filled in from configuration, the environment by default;
 *   `${workspaceFolder}` and `${userHome}` are known.
 * - Errors: none. A file that cannot be read is a problem.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (options: Options = {}): Effect.Effect<Loaded, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const home = (yield* variable("HOME")) || (yield* variable("USERPROFILE"))
    const config = (yield* variable("XDG_CONFIG_HOME")) || (home === "" ? "" : `${home}/.config`)
    const user = options.user ?? (config === "" ? false : `${config}/axonal/mcp.json`)
    const project = options.project ?? "."
    const folder = project === false ? "" : yield* Effect.orElseSucceed(fs.realPath(project), () => project)
    const paths = [
      ...(user === false ? [] : [{ file: user, isForeign: false }]),
      ...(project === false ? [] : files.map((file) => ({ file: `${folder}/${file}`, isForeign: true })))
    ]
    const known = { workspaceFolder: folder, userHome: home, pathSeparator: "/", "/": "/" }
    const texts = yield* Effect.forEach(paths, (path) =>
      Effect.map(textOf(fs, path.file), (text) => ({ ...path, ...text }))
    )
    const merging = new Merging(options.trust ?? [])
    for (const { file, isForeign, problem, text } of texts) {
      if (problem !== undefined) merging.problems.push(problem)
      if (text === undefined) continue
      const environment = yield* environmentOf(text)
      merging.add({ file, text, isForeign, environment, known })
    }
    return merging.loaded()
  })

/**
 * A problem in one line: its file, server and field, and what is wrong.
 *
 * @category converters
 * @since 0.1.0
 */
export const describe = ({ field, file, problem, server }: Problem): string =>
  [`${file}:`, server, field, problem].filter((word) => word !== undefined).join(" ")

// internal

const variable = (name: string): Effect.Effect<string> => Effect.orElseSucceed(Config.string(name), () => "")

const environmentOf = (text: string): Effect.Effect<ReadonlyMap<string, string>> =>
  Effect.map(
    Effect.forEach(new Set(Text.names(text)), (name) =>
      Effect.map(Effect.option(Config.string(name)), (value) => [name, value] as const)
    ),
    (all) => new Map(all.flatMap(([name, value]) => (Option.isSome(value) ? [[name, value.value] as const] : [])))
  )

interface Read {
  readonly text?: string
  readonly problem?: Problem
}

const textOf = (fs: FileSystem.FileSystem, file: string): Effect.Effect<Read> =>
  Effect.match(Effect.zipRight(regular(fs, file), fs.readFileString(file)), {
    onSuccess: (text): Read => ({ text }),
    onFailure: (error): Read =>
      isAbsent(error)
        ? {}
        : {
            problem: {
              file,
              server: undefined,
              field: undefined,
              problem: `cannot be read: ${wordsOf(error)}`,
              severity: "error"
            }
          }
  })

/** A project may have a device or a pipe under this name, which would never end. */
const regular = (fs: FileSystem.FileSystem, file: string): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.flatMap(fs.stat(file), ({ type }) =>
    type === "File"
      ? Effect.void
      : new PlatformError.SystemError({
          ...{ module: "FileSystem", method: "readFileString", pathOrDescriptor: file },
          ...{ reason: "InvalidData", description: "it is no regular file" }
        })
  )

const isAbsent = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && (error.reason === "NotFound" || error.reason === "BadResource")

type Server = Mcp.ProgramServer | Mcp.HttpServer

/** The servers of all files, as far as they were read. */
class Merging {
  readonly problems: Array<Problem> = []
  readonly #trust: Options["trust"]
  readonly #files: Array<string> = []
  readonly #servers = new Map<string, { readonly server: Server; readonly file: string }>()
  readonly #unused = new Map<string, Loaded["unused"][number]>()

  constructor(trust: NonNullable<Options["trust"]>) {
    this.#trust = trust
  }

  add(source: Source): void {
    const { file } = source
    const { problems, servers } = serversOf(source)
    this.#files.push(file)
    this.problems.push(...problems)
    for (const [name, settings] of servers) {
      const before = this.#servers.get(name)
      const isTrusted = !source.isForeign || this.#trust === "all" || this.#trust?.includes(name) === true
      if (!isTrusted) {
        const message = `It stands in ${file}, which is the project's: name it in trust to have it used.`
        if (before === undefined) this.#unused.set(name, { server: name, reason: "Untrusted", message })
        else this.#warn(file, name, `is not trusted; the server of that name in ${before.file} is used`)
        continue
      }
      if (before !== undefined) this.#warn(file, name, `stands for the server of that name in ${before.file}`)
      this.#servers.delete(name)
      this.#unused.delete(name)
      const server = settings === undefined ? undefined : serverOf(settings)
      if (server !== undefined) this.#servers.set(name, { server, file })
      else this.#unused.set(name, { server: name, reason: "Malformed", message: this.#wordsOn(file, name) })
    }
  }

  loaded(): Loaded {
    return {
      servers: Object.fromEntries(Array.from(this.#servers, ([name, { server }]) => [name, server])),
      unused: [...this.#unused.values()],
      problems: this.problems,
      files: this.#files
    }
  }

  #warn(file: string, server: string, problem: string): void {
    this.problems.push({ file, server, field: undefined, problem, severity: "warning" })
  }

  #wordsOn(file: string, name: string): string {
    const wrong = this.problems.filter((it) => it.file === file && it.server === name && it.severity === "error")
    return wrong.map(describe).join("; ")
  }
}

const serverOf = ({
  command,
  headers,
  args,
  cwd,
  env,
  oauth,
  transport,
  url,
  ...usage
}: Settings): Server | undefined => {
  if (command !== undefined) return { ...usage, command, args, cwd, env }
  return url === undefined ? undefined : { ...usage, url, headers, oauth, transport }
}
