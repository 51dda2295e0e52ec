/**
 * Words of the person as blocks. What they ran themselves, and told the model of, is shown as that.
 */
import type { Message } from "../../../domain/Message.ts"
import { toText } from "../../../domain/Message.ts"
import type { How } from "../../assistant/conversation.ts"
import * as Notes from "../../assistant/notes.ts"
import * as Shell from "../../assistant/shell.ts"
import type { Block, Words } from "./block.ts"
import { fold } from "./block.ts"

/**
 * The words of a message.
 *
 * @category converters
 * @since 0.1.0
 */
export const wordsOf = (message: Message, how: How | undefined): Words => ({
  _tag: "Words",
  text: toText(message),
  files: message.parts.flatMap((part) => (part.type === "file" ? [{ ...part, data: { text: "" } }] : [])),
  how,
  fold: fold()
})

/**
 * A message as it was said: commands, then words.
 *
 * @category converters
 * @since 0.1.0
 */
export const blocksOf = (message: Message, how: How | undefined): ReadonlyArray<Block> => {
  const commands = message.parts.flatMap((part) => {
    const ran = part.type === "text" ? Shell.fromText(part.text) : undefined
    return ran === undefined ? [] : [{ part, ran }]
  })
  const isCommand = new Set<unknown>(commands.map(({ part }) => part))
  const isNote = (part: Message["parts"][number]) => part.type === "text" && Notes.fromText(part.text) !== undefined
  const parts = message.parts.filter((part) => !isCommand.has(part) && !isNote(part))
  const words = wordsOf({ ...message, parts }, how)
  return [
    ...commands.map(({ ran: { command, output } }): Block => {
      const lines = output.split("\n")
      const outcome = lines.pop()?.replace(/^\[(.*)\]$/, "$1") ?? ""
      const isOk = /^exit code 0\b/.test(outcome)
      return { _tag: "Shell", id: 0, command, output: lines.join("\n"), outcome, isOk, fold: fold() }
    }),
    ...(words.text === "" && words.files.length === 0 ? [] : [words])
  ]
}
