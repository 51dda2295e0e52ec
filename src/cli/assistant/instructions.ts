/**
 * What the agent is told: who it is, what it can do, of its sandbox only when it runs something there, and what people have
 * written down for it.
 */
import type { Capability, ModelInfo } from "../../domain/ModelInfo.ts"
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { Settings } from "../settings.ts"

/**
 * The instructions. They do not change while nothing else does: vendors cache what requests begin with.
 *
 * **Details**
 *
 * - `model`: what is known of the one that is told. Of one that nothing is known of, nothing is said.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  { guidance, instructions, tools }: Pick<Settings, "guidance" | "instructions" | "tools">,
  { description }: Pick<Sandbox.Service, "description">,
  model?: Pick<ModelInfo, "capabilities"> | undefined
): string => {
  const looks = tools === "none" ? "" : "Look at files before you speak about them, several at once where you can. "
  const where = tools === "all" ? ` ${description}` : ""
  const self = `You are axonal, an assistant in a terminal. ${abilities[tools]}${sensesOf(model)}${looks}`
  return [
    `${self}Answer briefly and in plain text.${where}`,
    ...guidance.map(({ path, text }) => `Instructions from ${path}:\n\n${text}`),
    ...instructions
  ].join("\n\n")
}

// internal

const abilities: Readonly<Record<Settings["tools"], string>> = {
  none: "",
  reading:
    "You can list, find, read and search the files of the current folder and do arithmetic; you cannot change anything. ",
  all:
    "You can read and change the files of the current folder, run commands and programs, and do arithmetic; a person is " +
    "asked before you change or run anything. "
}

const senses: ReadonlyArray<readonly [Capability, string]> = [
  ["image-input", "see pictures"],
  ["file-input", "read PDF files"],
  ["audio-input", "hear sound"],
  ["video-input", "watch films"]
]

const sensesOf = (model: Pick<ModelInfo, "capabilities"> | undefined): string => {
  const capabilities = model?.capabilities
  if (capabilities === undefined) return ""
  const words = (wanted: boolean) =>
    senses.flatMap(([capability, word]) => (capabilities.includes(capability) === wanted ? [word] : []))
  const [can, cannot] = [words(true), words(false)]
  const parts = [
    ...(can.length === 0 ? [] : [`can ${listed(can, "and")}`]),
    ...(cannot.length === 0 ? [] : [`cannot ${listed(cannot, "or")}`])
  ]
  return `You ${parts.join("; you ")}. `
}

const listed = (words: ReadonlyArray<string>, last: string): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`
