/**
 * Of the settings of a project that nobody has vouched for, what makes nothing wider than the user has it. A checkout may
 * ask for more care, and for no more power.
 */
import { millisOf } from "../args.ts"
import type { Config } from "./config.ts"

/**
 * Settings of which any may be missing.
 *
 * @category models
 * @since 0.1.0
 */
export type Settings = { readonly [Key in keyof Config]?: Config[Key] | undefined }

/**
 * What of it counts, and the keys of what does not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stricter {
  readonly config: Settings
  readonly dropped: ReadonlyArray<string>
}

/**
 * What an untrusted project may say.
 *
 * **Details**
 *
 * - Words to the model and how it answers count: files of the project are read anyway. So do lower limits, fewer tools, a
 *   narrower sandbox, and rules that ask or deny.
 * - `isWithin`: whether a path, as the file has it, leads into the project.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stricter = (project: Settings, user: Settings, isWithin: (path: string) => boolean): Stricter => {
  const { mcp, rules } = project
  const config: Settings = {
    ...project,
    // An address or the name of a key would send what is said, or a secret, where the project wants it.
    model: project.model !== undefined && /@|;\s*key\s*=/i.test(project.model) ? undefined : project.model,
    baseUrl: undefined,
    offline: only(true, project.offline),
    maxTokens: lower(project.maxTokens, user.maxTokens),
    maxTurns: lower(project.maxTurns, user.maxTurns ?? usualTurns),
    maxCost: lower(project.maxCost, user.maxCost),
    timeout: isShorter(project.timeout, user.timeout) ? project.timeout : undefined,
    tools: narrower(["none", "reading", "all"], project.tools, user.tools ?? "reading"),
    sandbox: project.sandbox === "bubblewrap" && (user.sandbox ?? "local") === "local" ? "bubblewrap" : undefined,
    permission: narrower(["plan", "ask", "yolo"], project.permission, user.permission ?? "ask"),
    agentsFile: only(false, project.agentsFile),
    instructionFiles: some(project.instructionFiles?.filter(isWithin)),
    // They may bring scripts.
    skills: undefined,
    agents: undefined,
    save: only(false, project.save),
    dataDir: undefined,
    mcp: mcp === undefined ? undefined : { ...(mcp.enabled === false ? { enabled: false } : {}), ...offOf(mcp.off) },
    // What it finds safe is no longer asked about.
    guard: undefined,
    rules: some(rules?.filter(({ verdict }) => verdict !== "allow").map(ofNoKind))
  }
  const counted = new Map(Object.entries(config))
  const dropped = Object.entries(project).flatMap(([name, value]) =>
    JSON.stringify(counted.get(name)) === JSON.stringify(value) ? [] : [name]
  )
  return { config, dropped }
}

// internal

/** What it asks about is of no kind that "always" could be said to. */
const ofNoKind = ({ category: _, ...rule }: NonNullable<Settings["rules"]>[number]) => rule

/** As many as a run has when nobody says. */
const usualTurns = 50

const only = (wanted: boolean, value: boolean | undefined): boolean | undefined =>
  value === wanted ? wanted : undefined

/** A number that is not above the user's. */
const lower = (value: number | undefined, own: number | undefined): number | undefined =>
  value !== undefined && value <= (own ?? Number.POSITIVE_INFINITY) ? value : undefined

const isShorter = (time: string | undefined, own: string | undefined): boolean =>
  time !== undefined && (own === undefined || (millisOf(time) ?? 0) <= (millisOf(own) ?? 0))

const narrower = <A extends string>(narrowFirst: ReadonlyArray<A>, value: A | undefined, own: A): A | undefined =>
  value !== undefined && narrowFirst.indexOf(value) <= narrowFirst.indexOf(own) ? value : undefined

const some = <A>(list: ReadonlyArray<A> | undefined): ReadonlyArray<A> | undefined =>
  list === undefined || list.length === 0 ? undefined : list

const offOf = (off: ReadonlyArray<string> | undefined) => (off === undefined ? {} : { off })
