/**
 * What a run goes by, once flags, environment and files have been read: every choice is made, and where nobody made one,
 * here.
 */
import * as Effect from "effect/Effect"
import type * as Rules from "../guard/Rules.ts"
import * as Approving from "./approval.ts"
import type { Options, Permission } from "./args.ts"
import type { SetupError, UsageError } from "./errors.ts"
import * as Hands from "./internal/hands.ts"

/**
 * The choices.
 *
 * **Details**
 *
 * - `problems`: what is to be told about files of settings and does not keep a run from going ahead, a line each.
 * - `rules`: what is allowed, asked about and denied by name and arguments, besides what `permission` says; the strictest
 *   counts. `guardModel`: a model that judges calls.
 * - `instructions`: more of them, each a text. `agentsFile`: whether AGENTS.md is read.
 * - `skills`, `agents`: folders besides the usual ones, absolute.
 * - `mcp`: whether servers are used, which are not, and which of the project's are.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends Omit<Options, "tools" | "sandbox" | "permission"> {
  readonly tools: Hands.Which
  readonly sandbox: Hands.Place
  readonly permission: Permission
  readonly problems: ReadonlyArray<string>
  readonly rules: Rules.Rules | undefined
  readonly guardModel: string | undefined
  readonly instructions: ReadonlyArray<string>
  readonly agentsFile: boolean
  readonly skills: ReadonlyArray<string>
  readonly agents: ReadonlyArray<string>
  readonly mcp: {
    readonly isOn: boolean
    readonly off: ReadonlyArray<string>
    readonly trust: ReadonlyArray<string> | "all"
  }
}

/**
 * Resolves them: flags win over the environment, which wins over files.
 *
 * **Details**
 *
 * - `folder`: where the files of the project are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  options: Options,
  _environment: Readonly<Record<string, string | undefined>>,
  _folder: string
): Effect.Effect<Settings, UsageError | SetupError> =>
  Effect.sync(() => ({
    ...options,
    // Where nobody can be asked, tools that ask would only be refused.
    tools: options.tools ?? (Approving.isTerminal() ? "all" : "reading"),
    sandbox: options.sandbox ?? Hands.placeOf(undefined),
    permission: options.permission ?? "ask",
    problems: [],
    rules: undefined,
    guardModel: undefined,
    instructions: [],
    agentsFile: true,
    skills: [],
    agents: [],
    mcp: { isOn: true, off: [], trust: [] }
  }))
