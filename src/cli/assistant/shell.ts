/**
 * `!command`: a command that the person runs themselves, in the sandbox and without being asked. Its output is news as it
 * comes, and goes to the model with the person's next words.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Collecting from "../../internal/outputEnds.ts"
import * as Sandbox from "../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"
import { lasting, oneLine } from "../internal/words.ts"
import type { Conversation } from "./conversation.ts"
import * as Notes from "./notes.ts"

/**
 * Runs a command to its end, whatever that is. Interrupting it ends the command and all that it started. Of none it says how.
 *
 * **Details**
 *
 * - Its input is at its end. Of its output a million characters are shown, and the model gets 16 KiB: the beginning and the
 *   end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (command: string, conversation: Conversation): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (command === "") return Effect.sync(() => conversation.tell({ _tag: "Note", text: howTo, kind: "info" }))
    const id = ++count
    const kept = Collecting.ends(keptBytes)
    let room = shownCharacters
    const show = (text: string): void => {
      if (text === "" || room <= 0) return
      const shown = text.slice(0, room)
      room -= shown.length
      const more = room > 0 ? "" : "\n[more is not shown]\n"
      conversation.tell({ _tag: "ShellDelta", id, text: `${shown}${more}` })
    }
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
    conversation.tell({ _tag: "ShellStart", id, command })
    const ran = Effect.scoped(
      Effect.gen(function* () {
        const started = yield* conversation.assistant.undo.sandbox.exec(command)
        yield* Sandbox.forEachOutput(started, (pieces) =>
          Effect.sync(() => {
            for (const { bytes, from } of pieces) {
              kept.add(bytes)
              show(decoders[from].decode(bytes, { stream: true }))
            }
          })
        )
        return yield* started.exit
      })
    )
    return Effect.asVoid(
      Effect.onExit(Effect.exit(Effect.interruptible(ran)), (outer) =>
        Effect.sync(() => {
          const { isOk, outcome } = Exit.isSuccess(outer) ? endOf(outer.value) : stopped
          conversation.tell({ _tag: "ShellEnd", id, outcome, isOk })
          conversation.join(toText(command, kept.text(), outcome))
        })
      )
    )
  })

/**
 * What the model gets of a command.
 *
 * @category converters
 * @since 0.1.0
 */
export const toText = (command: string, output: string, outcome: string): string =>
  `${opening}\n$ ${command}\n${output}${output === "" || output.endsWith("\n") ? "" : "\n"}[${outcome}]\n${closing}`

/**
 * The command of such a text, when it is one, also as the note that it has become: so that stored messages are shown as what
 * was typed.
 *
 * @category converters
 * @since 0.1.0
 */
export const fromText = (part: string): { readonly command: string; readonly output: string } | undefined => {
  const text = Notes.fromText(part) ?? part
  if (!text.startsWith(`${opening}\n$ `) || !text.endsWith(`\n${closing}`)) return undefined
  const inner = text.slice(opening.length + 3, -closing.length - 1)
  const [command = "", ...output] = inner.split("\n")
  return { command, output: output.join("\n") }
}

// internal

const howTo = "! and a command runs that command, as in !git status"

const keptBytes = 16 * 1024
const shownCharacters = 1_000_000
const opening = "<person-ran-a-command>"
const closing = "</person-ran-a-command>"

/** Tells commands of this process apart. */
let count = 0

const stopped = { isOk: false, outcome: "stopped" }

const endOf = (exit: Exit.Exit<Sandbox.Exit, SandboxError>): typeof stopped => {
  if (Exit.isFailure(exit)) {
    const problem = exit.cause._tag === "Fail" ? exit.cause.error.message : "it could not be run"
    return { isOk: false, outcome: oneLine(problem) }
  }
  const { code, durationMillis, reason, signal } = exit.value
  const time = lasting(durationMillis)
  return reason === "exited"
    ? { isOk: code === 0, outcome: `exit code ${code ?? 0}, ${time}` }
    : { isOk: false, outcome: `${signal ?? reason}, ${time}` }
}
