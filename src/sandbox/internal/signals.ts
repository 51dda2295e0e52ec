/**
 * Signals that are told by a code, as shells do: 128 and their number.
 */
import { constants } from "node:os"
import type { Ended } from "./running.ts"

/** How a command ended, with the signal that its code stands for. */
export const bySignal = (ended: Ended): Ended => {
  const { code } = ended
  const found = Object.entries(constants.signals).find(([, number]) => number + 128 === code)
  return found === undefined ? ended : { ...ended, code: undefined, signal: found[0] }
}
