/**
 * What is known of a skill once its `SKILL.md` is read, and of those that could not be.
 */

/** A file below `scripts/` that is offered as a tool. */
export interface Script {
  readonly skill: string
  /** The name of its tool: the skill's name, `__`, and the file's name without what follows its dot. */
  readonly tool: string
  /** From the skill's folder, with forward slashes. */
  readonly path: string
  /** The absolute path, without links on its way. */
  readonly file: string
}

/** The front matter, every value as it is written. */
export interface FrontMatter {
  readonly name: string
  readonly description: string
  readonly license: string | undefined
  readonly compatibility: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  readonly allowedTools: ReadonlyArray<string>
}

export interface Skill extends FrontMatter {
  readonly scope: "project" | "home"
  /** The absolute path of its folder, without links on its way. */
  readonly folder: string
  /** Its `SKILL.md`, by the path that it was found at. */
  readonly file: string
  readonly scripts: ReadonlyArray<Script>
}

export interface Problem {
  /** `invalid`: the skill is left out. `warning`: it is there. `shadowed`: another of its name goes before it. */
  readonly kind: "invalid" | "warning" | "shadowed"
  readonly skill: string | undefined
  readonly file: string
  /** From 1 on; absent when it is about the whole file, or about a folder. */
  readonly line: number | undefined
  readonly problem: string
}

export interface Catalog {
  readonly skills: ReadonlyArray<Skill>
  readonly problems: ReadonlyArray<Problem>
}

/** The letters, digits and single hyphens that a name is made of. */
export const isName = (text: string): boolean => text.length <= longestName && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text)

export const longestName = 64
export const longestDescription = 1024
export const longestCompatibility = 500
/** Of all front matter: what is longer belongs below it. */
export const longestMatter = 16 * 1024
/** Of a `SKILL.md`, in bytes. */
export const largestSkill = 128 * 1024
/** Of a file that a model reads, in bytes. */
export const largestFile = 1024 * 1024
/** Of what one folder of skills may have. */
export const mostSkills = 500
/** How many files of a skill are named when it is activated, and how deep they are looked for. */
export const mostFiles = 200
export const deepest = 5
