/**
 * What people and models are told of skills: problems in a line each, the catalog, and a skill that was activated.
 */
import { head, whole } from "../../internal/texts.ts"
import type { Problem, Skill } from "./model.ts"

/** The names of the tools that a catalog speaks of. */
export const activateName = "activate_skill"
export const readName = "read_skill_file"

/** The file and line of a problem, what it means for the skill, and what it is. */
export const lineOf = ({ file, kind, line, problem, skill }: Problem): string => {
  const what = skill === undefined ? "its skills are" : "the skill is"
  const effect = kind === "invalid" ? `${what} left out: ` : ""
  return `${file}${line === undefined ? "" : `:${line}`}: ${effect}${problem}`
}

/** The part of a prompt that tells of skills, the same text for the same skills. Empty when there are none. */
export const catalog = (skills: ReadonlyArray<Skill>): string =>
  skills.length === 0
    ? ""
    : [
        "Skills are instructions for certain tasks, written by people who know them. When a task is one that a skill is" +
          ` for, call ${activateName} with its name before you begin, and do as it says; files that it speaks of are read with` +
          ` ${readName}. Do so again when its instructions are no longer in this conversation. These are the skills:`,
        "<skills>",
        ...skills.map(({ description, name }) => `<skill name="${name}">${escaped(description)}</skill>`),
        "</skills>"
      ].join("\n")

/** What a model reads of a skill that it activates. */
export const activated = (
  { allowedTools, compatibility, name, scripts }: Skill,
  instructions: string,
  files: ReadonlyArray<string>
): string =>
  [
    `<skill name="${name}">`,
    instructions === "" ? "(This skill has no instructions.)" : instructions,
    "</skill>",
    ...(files.length === 0 ? [] : [`Its files, for ${readName}: ${files.join(", ")}`]),
    ...(scripts.length === 0
      ? []
      : [`Its scripts are tools: ${scripts.map(({ path, tool }) => `${tool} (${path})`).join(", ")}`]),
    ...(allowedTools.length === 0 ? [] : [`It is made for these tools: ${allowedTools.join(", ")}`]),
    ...(compatibility === undefined ? [] : [`What it needs: ${compatibility}`])
  ].join("\n")

/** How long a page is, in characters. */
export const longestPage = 30_000

/** A page of a text from an offset on, and where the next one begins. */
export const page = (text: string, offset: number): string => {
  const from = whole(text, offset)
  const shown = head(text.slice(from), longestPage)
  const to = from + shown.length
  if (from === 0 && to === text.length) return text
  const next = to < text.length ? `; read on with offset ${to}` : ""
  return `[Characters ${from} to ${to} of ${text.length}${next}]\n${shown}`
}

// internal

/** In one line, and nothing in it that ends the list. */
const escaped = (text: string): string =>
  text.replace(/\s+/g, " ").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
