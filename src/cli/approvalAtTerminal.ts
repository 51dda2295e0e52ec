/**
 * The person at the terminal, asked about calls. The answer of a run is on standard output, so that questions go to standard
 * error.
 */
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Approval from "../guard/Approval.ts"
import * as TerminalApproval from "../guard/TerminalApproval.ts"
import type { Show } from "./approval.ts"
import { toLines } from "./assistant/preview/lines.ts"

/**
 * Makes the approver. Ctrl-C at a question is the signal. `show` finds out what a call would do.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (show?: Show): Effect.Effect<Approval.Service, never, Scope.Scope> =>
  Effect.map(
    NodeTerminal.make(({ key }) => {
      if (key.ctrl && key.name === "c") process.emit("SIGINT")
      return key.ctrl && (key.name === "c" || key.name === "d")
    }),
    (terminal) =>
      TerminalApproval.make(
        {
          ...terminal,
          isTTY: Effect.succeed(true),
          display: (text) => Effect.sync(() => process.stderr.write(text))
        },
        { show: show && (({ call }) => Effect.map(show(call), toLines)) }
      )
  )
