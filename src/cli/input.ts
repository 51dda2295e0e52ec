/**
 * What a run is asked: the prompt argument, standard input, or both. A pipe that stays open without a word does not hold
 * a run up that has a prompt already.
 */

import { fstatSync } from "node:fs"
import * as Effect from "effect/Effect"
import type { Input } from "../domain/Message.ts"
import type { File, Text } from "../domain/Part.ts"
import { text } from "../domain/Part.ts"
import { UsageError } from "./errors.ts"

const most = 1_000_000
const patienceMillis = 200

/**
 * The input of a single run.
 *
 * **Details**
 *
 * - Standard input is the prompt when there is no other, and context behind the prompt when there is. `files` stand behind
 *   both.
 * - Of more than a million characters the rest is left out, and the model is told so.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  prompt: string | undefined,
  input: NodeJS.ReadStream,
  files: ReadonlyArray<Text | File> = []
): Effect.Effect<Input, UsageError> =>
  Effect.flatMap(
    Effect.promise(() => piped(input, prompt !== undefined)),
    (context): Effect.Effect<Input, UsageError> => {
      const rest = context.trim()
      const asked = prompt ?? rest
      if (asked === "") return Effect.fail(new UsageError({ message: "there is no prompt: give one, or pipe one in" }))
      const more = prompt === undefined || rest === "" ? files : [text(`<stdin>\n${rest}\n</stdin>`), ...files]
      return Effect.succeed(more.length === 0 ? asked : [text(asked), ...more])
    }
  )

// internal

/** What stands at the other end of standard input. Parents that spawn us without a thought leave an idle socket there. */
const kind = (input: NodeJS.ReadStream): "none" | "certain" | "perhaps" => {
  if (input.isTTY === true) return "none"
  try {
    const info = fstatSync(0)
    return info.isFile() || info.isFIFO() ? "certain" : "perhaps"
  } catch {
    return "none"
  }
}

const piped = (input: NodeJS.ReadStream, optional: boolean): Promise<string> =>
  new Promise((resolve) => {
    const source = kind(input)
    if (source === "none") return resolve("")
    let text = ""
    const finish = () => {
      clearTimeout(timer)
      input.removeAllListeners("data").pause()
      resolve(text.length <= most ? text : `${text.slice(0, most)}\n[the rest of standard input is left out]`)
    }
    const timer = optional && source === "perhaps" ? setTimeout(finish, patienceMillis) : undefined
    input.setEncoding("utf8")
    input.on("data", (chunk: string) => {
      clearTimeout(timer)
      text += chunk
      if (text.length > most) finish()
    })
    input.once("end", finish).once("error", finish)
  })
