/**
 * What a run goes by, once flags, environment and files have been read: every choice is made, and where nobody made one,
 * here.
 */
import * as Effect from "effect/Effect"
import * as Approving from "./approval.ts"
import type { Options, Permission } from "./args.ts"
import type { SetupError, UsageError } from "./errors.ts"
import * as Hands from "./internal/hands.ts"

/**
 * The choices.
 *
 * **Details**
 *
 * - `problems`: what is wrong with files of settings and does not keep a run from going ahead, a line each.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends Omit<Options, "tools" | "sandbox" | "permission"> {
  readonly tools: Hands.Which
  readonly sandbox: Hands.Place
  readonly permission: Permission
  readonly problems: ReadonlyArray<string>
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
    problems: []
  }))
