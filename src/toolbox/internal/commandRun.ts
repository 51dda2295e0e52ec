/**
 * Runs a command for a tool: what it writes is shown as it comes, until that is a lot, and both ends of it are kept.
 */
import * as Effect from "effect/Effect"
import * as Ends from "../../internal/outputEnds.ts"
import type { Command, ExecOptions, Exit, Output } from "../../sandbox/Sandbox.ts"
import { forEachOutput, Sandbox } from "../../sandbox/Sandbox.ts"
import type { SandboxError } from "../../sandbox/SandboxError.ts"
import { ToolContext } from "../../tool/ToolContext.ts"

/** What was written, in the order in which it was, and how the command ended. */
export interface Ran {
  readonly output: string
  readonly exit: Exit
}

/** Runs it to its end. Interrupting this ends the command and all that it started. */
export const run = (
  command: Command,
  options: ExecOptions,
  keepBytes: number
): Effect.Effect<Ran, SandboxError, Sandbox> =>
  Effect.scoped(
    Effect.gen(function* () {
      const sandbox = yield* Sandbox
      const { progress } = yield* ToolContext
      const started = yield* sandbox.exec(command, options)
      const ends = Ends.ends(keepBytes)
      const show = showing()
      const whole = wholeCharacters(ends.add)
      yield* forEachOutput(started, (pieces) => {
        const texts: Array<string> = []
        for (const output of pieces) {
          whole.add(output)
          texts.push(show(output))
        }
        const text = texts.join("")
        return text === "" ? Effect.void : progress(text)
      })
      whole.end()
      return { output: ends.text(), exit: yield* started.exit }
    })
  )

/**
 * What to show of output as it comes: everything until that is a lot, and then only how much there is, a line for each
 * megabyte. Whoever watches keeps what is shown.
 */
export const showing = (): ((output: Output) => string) => {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  let [shown, bytes, told] = [0, 0, 0]
  return (output) => {
    bytes += output.bytes.length
    if (shown < mostShown) {
      const text = decoders[output.from].decode(output.bytes, { stream: true })
      shown += Math.max(output.bytes.length, leastShown)
      told = bytes
      return shown < mostShown ? text : `${text}\n[… more, which is not shown …]\n`
    }
    if (bytes - told < megabyte) return ""
    told = bytes
    return `[… ${Math.floor(bytes / megabyte)} MB so far …]\n`
  }
}

/** Hands on what comes from either output so that no character has some of the other output in it. */
const wholeCharacters = (hand: (bytes: Uint8Array) => void) => {
  const halves: Record<Output["from"], Uint8Array | undefined> = { stdout: undefined, stderr: undefined }
  const end = (from: Output["from"]): void => {
    const half = halves[from]
    if (half !== undefined) hand(half)
    halves[from] = undefined
  }
  return {
    add: ({ bytes, from }: Output): void => {
      end(from)
      const whole = Ends.withoutHalfEnd(bytes)
      if (whole.length < bytes.length) halves[from] = bytes.slice(whole.length)
      if (whole.length > 0) hand(whole)
    },
    end: (): void => {
      end("stdout")
      end("stderr")
    }
  }
}

const megabyte = 1024 * 1024

const mostShown = 256 * 1024

/** What one piece counts for at least, since each is kept with what is known of it. */
const leastShown = 64
