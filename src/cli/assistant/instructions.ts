/**
 * What the agent is told: who it is, what it can do, and of its sandbox only when it runs something there.
 */
import type * as Sandbox from "../../sandbox/Sandbox.ts"
import type { Settings } from "../settings.ts"

/**
 * The instructions. They do not change while nothing else does: vendors cache what requests begin with.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = ({ tools }: Settings, { description }: Sandbox.Service): string => {
  const looks = tools === "none" ? "" : "Look at files before you speak about them, several at once where you can. "
  const where = tools === "all" ? ` ${description}` : ""
  return `You are axonal, an assistant in a terminal. ${abilities[tools]}${looks}Answer briefly and in plain text.${where}`
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
