/**
 * The end of the process, also when its terminal has gone before it: Node aborts where it cannot give back a terminal that is
 * no longer there, and leaves a dump of its memory.
 */
import { isatty } from "node:tty"

/** Whether there is a terminal that Node would give back. */
const hadTerminal = isatty(0) || isatty(1) || isatty(2)

/** Ends it now. Without its terminal it ends as by the hang-up that has taken it. */
export const exit = (code: number): void => {
  if (!hadTerminal || isatty(0) || isatty(1) || isatty(2)) process.exit(code)
  process.removeAllListeners("SIGHUP")
  process.kill(process.pid, "SIGHUP")
}
