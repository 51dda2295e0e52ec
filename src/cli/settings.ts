/**
 * What a run goes by, once flags, environment and files have been read: every choice is made, and where nobody made one,
 * here.
 */
import * as Effect from "effect/Effect"
import type * as Rules from "../guard/Rules.ts"
import * as Approving from "./approval.ts"
import type { Options, Permission } from "./args.ts"
import { millisOf } from "./args.ts"
import type { Guidance } from "./assistant/agentsFile.ts"
import * as AgentsFile from "./assistant/agentsFile.ts"
import * as Files from "./config/files.ts"
import type { Loaded } from "./config/load.ts"
import type { SetupError } from "./errors.ts"
import { UsageError } from "./errors.ts"
import * as Hands from "./internal/hands.ts"

/**
 * The choices.
 *
 * **Details**
 *
 * - `problems`: what is to be told about files of settings and does not keep a run from going ahead, a line each.
 * - `said`: where what has a flag was asked for, if not by the flag.
 * - `project`: the folder whose files say more about the project; `isTrusted`: whether the user vouches for them.
 * - `rules`: what is allowed, asked about and denied by name and arguments, besides what `permission` says; the strictest
 *   counts. `guardModel`: a model that judges calls.
 * - `instructions`: more of them, each a text. `guidance`: the AGENTS.md files.
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
  readonly said: { readonly baseUrl: string | undefined; readonly offline: string | undefined }
  readonly project: string
  readonly isTrusted: boolean
  readonly rules: Rules.Rules | undefined
  readonly guardModel: string | undefined
  readonly instructions: ReadonlyArray<string>
  readonly guidance: ReadonlyArray<Guidance>
  readonly skills: ReadonlyArray<string>
  readonly agents: ReadonlyArray<string>
  readonly mcp: {
    readonly isOn: boolean
    readonly off: ReadonlyArray<string>
    readonly trust: ReadonlyArray<string> | "all"
  }
}

/**
 * Resolves them: flags win over the environment, which wins over the project's file, which wins over the user's.
 *
 * **Details**
 *
 * - `folder`: the current one, without links.
 * - Errors: mistakes of the files, all at once, and of the environment.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  options: Options,
  environment: Readonly<Record<string, string | undefined>>,
  folder: string
): Effect.Effect<Settings, UsageError | SetupError> =>
  Effect.gen(function* () {
    const found = Files.find(environment, folder)
    const loaded = yield* loadedOf(found, environment)
    const { instructions, isTrusted, notes, settings } = loaded
    const read = (name: string): string | undefined => environment[name]?.trim() || undefined
    const hands = { tools: read("AXONAL_TOOLS"), sandbox: read("AXONAL_SANDBOX") }
    const problem = Hands.problemOf(hands)
    if (problem !== undefined) return yield* new UsageError({ message: problem.replace(/^--(\w+)/, variableOf) })
    const tools = options.tools ?? named(hands.tools, Hands.whichOf) ?? settings.tools
    const model = options.model ?? read("AXONAL_MODEL") ?? settings.model
    // Who names a model or a server does not want to be without.
    const names = options.model ?? options.baseUrl ?? read("AXONAL_MODEL")
    const offline = options.offline || (settings.offline === true && names === undefined)
    const baseUrl = options.baseUrl ?? (read("OPENAI_BASE_URL") === undefined ? settings.baseUrl : undefined)
    const isGuided = settings.agentsFile !== false
    const guided = isGuided ? AgentsFile.read(environment, folder) : { guidance: [], problems: [] }
    return {
      ...options,
      offline,
      model: offline ? options.model : model,
      baseUrl: offline ? options.baseUrl : baseUrl,
      thinking: options.thinking ?? read("AXONAL_THINKING") ?? settings.thinking,
      temperature: options.temperature ?? settings.temperature,
      maxTokens: options.maxTokens ?? settings.maxTokens,
      maxTurns: options.maxTurns ?? settings.maxTurns,
      maxCostUsd: options.maxCostUsd ?? settings.maxCost,
      timeoutMillis: options.timeoutMillis ?? named(settings.timeout, millisOf),
      // Where nobody can be asked, tools that ask would only be refused.
      tools: tools ?? (Approving.isTerminal() ? "all" : "reading"),
      sandbox: options.sandbox ?? Hands.placeOf(hands.sandbox ?? settings.sandbox),
      permission: options.permission ?? settings.permission ?? "ask",
      dataDir: options.dataDir ?? settings.dataDir,
      save: options.save && (settings.save !== false || options.continue || options.fork),
      compact: options.compact && settings.compact !== false,
      color: options.color && settings.color !== false,
      plain: options.plain || settings.plain === true,
      problems: [...notes, ...guided.problems],
      said: {
        baseUrl: options.baseUrl === undefined ? "baseUrl of your settings" : undefined,
        offline: options.offline ? undefined : "your settings"
      },
      project: found.folder,
      isTrusted,
      rules: settings.rules === undefined ? undefined : { rules: settings.rules },
      guardModel: settings.guard?.model,
      instructions,
      guidance: guided.guidance,
      skills: settings.skills ?? [],
      agents: settings.agents ?? [],
      mcp: {
        isOn: settings.mcp?.enabled !== false,
        off: settings.mcp?.off ?? [],
        trust: settings.mcp?.trust ?? (isTrusted ? "all" : [])
      }
    }
  })

// internal

/** Nothing is loaded for those who have no files. */
const loadedOf = (
  found: Files.Found,
  environment: Readonly<Record<string, string | undefined>>
): Effect.Effect<Loaded, UsageError> =>
  found.user.length === 0 && found.project.length === 0 && !Files.mayBeTrusted(environment, found.folder)
    ? Effect.succeed({ settings: {}, instructions: [], isTrusted: false, notes: [] })
    : Effect.flatMap(
        Effect.promise(() => import("./config/load.ts")),
        ({ load }) => load(found, environment)
      )

const named = <A>(text: string | undefined, read: (text: string) => A): A | undefined =>
  text === undefined ? undefined : read(text)

const variableOf = (_flag: string, name: string): string => `AXONAL_${name.toUpperCase()}`
