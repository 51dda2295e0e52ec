/**
 * The tools for files, commands and programs, over whatever sandbox is provided. Each has a module of its own; this one puts
 * them together, says what each does with paths and commands for guards, and tells a model where it works.
 */
import * as Effect from "effect/Effect"
import type * as CommandGuard from "../guard/CommandGuard.ts"
import * as PathGuard from "../guard/PathGuard.ts"
import * as Check from "../internal/options.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import type * as Tool from "../tool/Tool.ts"
import * as EditFile from "./EditFile.ts"
import * as ListFiles from "./ListFiles.ts"
import * as PatchFile from "./PatchFile.ts"
import * as ReadFile from "./ReadFile.ts"
import * as RunCode from "./RunCode.ts"
import * as SearchFiles from "./SearchFiles.ts"
import * as Shell from "./Shell.ts"
import * as WriteFile from "./WriteFile.ts"

/**
 * The tools that there are. The jobs of `shell` have tools of their own, which come with it.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = (typeof names)[number]

const names = [
  ...(["read_file", "list_files", "find_files", "search_files"] as const),
  ...(["write_file", "edit_file", "patch_file", "apply_patch", "shell", "run_code"] as const)
] as const

/**
 * Which tools, and how each is set up.
 *
 * **Details**
 *
 * - `only`: the tools to have; all unless set. `Toolbox.reading` are those that change nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly only?: ReadonlyArray<Name> | undefined
  readonly readFile?: ReadFile.Options | undefined
  readonly writeFile?: WriteFile.Options | undefined
  readonly editFile?: EditFile.Options | undefined
  readonly patchFile?: PatchFile.Options | undefined
  readonly applyPatch?: PatchFile.Options | undefined
  readonly listFiles?: ListFiles.Options | undefined
  readonly searchFiles?: SearchFiles.Options | undefined
  readonly shell?: Shell.Options | undefined
  readonly runCode?: RunCode.Options | undefined
}

/**
 * The names of the tools that change nothing, for `only`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reading: ReadonlyArray<Name> = ["read_file", "list_files", "find_files", "search_files"]

/**
 * Makes the tools, for the `tools` of an agent.
 *
 * **Details**
 *
 * - Those that read are read-only; those that write, and those that run something, are destructive: the default guard asks.
 * - Errors: a name in `only` that is none throws, as does an option that is out of bounds.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): ReadonlyArray<Tool.WithHandler<Sandbox.Sandbox>> => {
  const { only = names } = options
  for (const name of only) Check.oneOf("Toolbox option only", name, names)
  return only.flatMap((name) => made[name](options))
}

/**
 * The path arguments of tools, for `tools` of `PathGuard`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const paths = (tools: ReadonlyArray<Tool.WithHandler<unknown>>): Readonly<Record<string, PathGuard.ToolPaths>> =>
  PathGuard.pathsOf(...tools.map(({ tool }) => tool))

/**
 * Where the tools of this kit have commands, for `tools` of `CommandGuard`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const commands: Readonly<Record<string, CommandGuard.Field>> = Shell.commands

/**
 * What a model should know of the sandbox, for `Agent.addInstructions`: where it works, and what is there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const instructions: Effect.Effect<string, never, Sandbox.Sandbox> = Effect.map(
  Sandbox.Sandbox,
  ({ description, folder }) =>
    `Your tools for files and commands work in a sandbox. Its working folder is ${folder}. ${description}`
)

// internal

const made: Readonly<Record<Name, (options: Options) => ReadonlyArray<Tool.WithHandler<Sandbox.Sandbox>>>> = {
  read_file: ({ readFile }) => [ReadFile.make(readFile)],
  list_files: ({ listFiles }) => [ListFiles.list(listFiles)],
  find_files: ({ listFiles }) => [ListFiles.find(listFiles)],
  search_files: ({ searchFiles }) => [SearchFiles.make(searchFiles)],
  write_file: ({ writeFile }) => [WriteFile.make(writeFile)],
  edit_file: ({ editFile }) => [EditFile.make(editFile)],
  patch_file: ({ patchFile }) => [PatchFile.lines(patchFile)],
  apply_patch: ({ applyPatch }) => [PatchFile.diffs(applyPatch)],
  shell: ({ shell }) => Shell.make(shell),
  run_code: ({ runCode }) => [RunCode.make(runCode)]
}
