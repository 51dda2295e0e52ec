/**
 * What a model reads of a command: what it wrote, both ends of it if that is long, and how it ended.
 */
import * as Duration from "effect/Duration"
import type { Exit } from "../../sandbox/Sandbox.ts"
import { plainText } from "./terminalText.ts"

/** Whether the command ran to an end of its own, whatever that was. */
export const isEnd = ({ reason }: Exit): boolean => reason === "exited" || reason === "signalled"

/** A result of these words. */
export const told = (output: string, exit: Exit, limits: { readonly timeMillis?: number | undefined }): string => {
  const plain = plainText(output).trimEnd()
  const notes = [
    ...(exit.cutBytes > 0 ? [`${exit.cutBytes} bytes that it wrote after that were not read`] : []),
    ...ending(exit, limits.timeMillis)
  ]
  const ends = notes.map((note) => `[${note}]`).join("\n")
  if (plain === "") return ends === "" ? "(It wrote nothing.)" : ends
  return ends === "" ? plain : `${plain}\n${ends}`
}

/** How it ended, unless it went well. */
export const ending = (
  { code, durationMillis, reason, signal }: Exit,
  timeMillis?: number | undefined
): ReadonlyArray<string> => {
  switch (reason) {
    case "exited":
      return code === 0 ? [] : [`exit code ${code}`]
    case "signalled":
      return [`ended by ${signal ?? "a signal"}`]
    case "timed-out":
      return [
        `timed out after ${seconds(timeMillis ?? durationMillis)}; it and all that it started were ended. ` +
          "Give it more time, or start it in the background"
      ]
    case "killed":
      return ["it was ended, with all that it started"]
    case "out-of-memory":
      return ["it used more memory than it may, and was ended"]
    case "too-many-processes":
      return ["it started more processes than it may, and was ended with them"]
  }
}

/** A time in words, as in `2 s` or `1.5 min`. */
export const seconds = (millis: number): string => Duration.format(Duration.millis(Math.round(millis)))
