/**
 * The screen of a conversation, from its first frame to its end. The frame is drawn before anything else is loaded; the
 * assistant comes to it.
 */
import { realpathSync } from "node:fs"
import { homedir } from "node:os"
import type { Options } from "../args.ts"
import * as Environment from "../environment.ts"
import { exitCodes } from "../errors.ts"
import { exit } from "../internal/exit.ts"
import { oneLine } from "../internal/words.ts"
import * as App from "./app.ts"
import * as Lifecycle from "./lifecycle.ts"
import * as Terminal from "./terminal.ts"
import * as Theme from "./theme.ts"
import * as Transcript from "./transcript/transcript.ts"

/**
 * Opens the screen, and answers the exit code once it is left. Never rejects.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = async (options: Options): Promise<number> => {
  const folder = realpathSync(process.cwd())
  const theme = Theme.ofTerminal({ color: options.color && Environment.hasColor(process.env, process.stdout) })
  let code: number | undefined
  const terminal = Terminal.make(`axonal · ${folder.split("/").at(-1) ?? ""}`)
  const app = App.make({
    terminal,
    theme,
    folder: folder.startsWith(`${homedir()}/`) ? `~${folder.slice(homedir().length)}` : folder,
    transcript: Transcript.make,
    now: Date.now,
    suspend: Lifecycle.suspend,
    exit: () => process.exit(exitCodes.interrupted)
  })
  const off = Lifecycle.listen({
    leave: (asked) => {
      code ??= asked
      app.face.leave()
    },
    broken: (error) => {
      unhear()
      app.stop()
      const what =
        error instanceof Error
          ? options.debug || Environment.isDebug(process.env)
            ? (error.stack ?? error.message)
            : error.message
          : String(error)
      process.stderr.write(`axonal: something went wrong inside: ${what} (AXONAL_DEBUG=1 shows where)\n`)
      process.exit(exitCodes.failed)
    },
    suspend: () => Lifecycle.suspend(app.stop, app.start)
  })
  const unhear = Lifecycle.overhear((text) => app.face.news({ _tag: "Note", text, kind: "warning" }))
  app.start()
  // What hangs while it is left does not hold the person up.
  void app.face.left.then(() => setTimeout(() => exit(code ?? exitCodes.failed), patienceMillis).unref())
  await app.drawn
  await new Promise((resolve) => setImmediate(resolve))
  const { run } = await import("./session.ts")
  const end = await run(options, folder, app.face)
  // A terminal that tells when keys are let go does so for the last one, too, and not to the shell.
  if (terminal.kittyProtocolActive) await terminal.drainInput(200, 30)
  off()
  unhear()
  app.stop()
  for (const words of app.unsent()) process.stderr.write(`axonal: these words were not sent: ${oneLine(words)}\n`)
  if (end.isPlain === true) return await (await import("../program.ts")).run({ ...options, plain: true })
  for (const line of end.lines) process.stderr.write(`${oneLine(line)}\n`)
  return code ?? end.code
}

// internal

const patienceMillis = 5000
