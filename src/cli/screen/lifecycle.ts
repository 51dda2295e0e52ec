/**
 * What ends or interrupts the process that the screen belongs to: signals, a stop by the shell, what nobody caught. Whatever
 * it is, the terminal is given back whole.
 */
import { exitCodes } from "../errors.ts"
import { exit } from "../internal/exit.ts"

/**
 * Listens until what this answers is called.
 *
 * **Details**
 *
 * - `leave` is asked to end well, with the exit code; a second signal ends at once. `broken` is told what nobody caught.
 *
 * @category constructors
 * @since 0.1.0
 */
export const listen = (on: {
  readonly leave: (code: number) => void
  readonly broken: (error: unknown) => void
  readonly suspend: () => void
}): (() => void) => {
  let asked = false
  const ask = (code: number) => (): void => {
    if (asked) exit(code)
    asked = true
    on.leave(code)
  }
  // A terminal that goes says so in several ways, of which none is a second request.
  const gone = (): void => {
    if (!asked) ask(exitCodes.hangup)()
  }
  const handlers: ReadonlyArray<readonly [NodeJS.Signals, () => void]> = [
    ["SIGINT", ask(exitCodes.interrupted)],
    ["SIGTERM", ask(exitCodes.terminated)],
    ["SIGHUP", gone],
    ["SIGTSTP", on.suspend]
  ]
  for (const [signal, handler] of handlers) process.on(signal, handler)
  process.on("uncaughtException", on.broken)
  process.on("unhandledRejection", on.broken)
  process.stdout.on("error", gone)
  process.stdin.on("end", gone)
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler)
    process.off("uncaughtException", on.broken)
    process.off("unhandledRejection", on.broken)
    process.stdout.off("error", gone)
    process.stdin.off("end", gone)
  }
}

/**
 * Hears what is written to standard error, which would otherwise stand in the middle of the screen, until what this answers
 * is called.
 *
 * @category constructors
 * @since 0.1.0
 */
export const overhear = (hear: (text: string) => void): (() => void) => {
  const { stderr } = process
  const { write } = stderr
  stderr.write = (chunk: Uint8Array | string, ...rest: ReadonlyArray<unknown>): boolean => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8")
    if (text.trim() !== "") hear(text.trimEnd())
    const written = rest.find((each) => typeof each === "function")
    if (written !== undefined) queueMicrotask(() => written())
    return true
  }
  return () => {
    stderr.write = write
  }
}

/**
 * Gives the terminal back to the shell, and takes it again when the person returns.
 *
 * **Details**
 *
 * - Where no shell takes it, the process is not stopped, and the screen is there again at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suspend = (leave: () => void, enter: () => void): void => {
  leave()
  const kept = process.listeners("SIGTSTP")
  for (const listener of kept) process.off("SIGTSTP", listener)
  let isBack = false
  const back = (): void => {
    if (isBack) return
    isBack = true
    process.off("SIGCONT", back)
    for (const listener of kept) process.on("SIGTSTP", listener)
    enter()
  }
  process.on("SIGCONT", back)
  // All of the job, as the terminal itself would: also what started us.
  process.kill(0, "SIGTSTP")
  setTimeout(back, 200)
}
