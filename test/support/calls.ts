/**
 * Calls as guards are shown them, and questions as approvers are.
 */
import * as Effect from "effect/Effect"
import { CallId, RunId, SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import type * as Guard from "../../src/guard/Guard.ts"

/** What is different about a call. */
type About = Partial<Omit<Guard.Call, "tool">> & { readonly tool?: Partial<Guard.ToolInfo> }

export const callOf = (name: string, input: unknown = {}, { tool, ...about }: About = {}): Guard.Call => ({
  id: CallId.make("call"),
  tool: { name, origin: "application", ...tool },
  input,
  run: RunId.make("run"),
  session: SessionId.make("session"),
  agent: "agent",
  turn: 1,
  identity: {},
  ...about
})

export const question = (
  id: string,
  input: unknown = {},
  reason = "because",
  category?: string
): Approval.Question => ({
  call: callOf("rm", input, { id: CallId.make(id) }),
  reason,
  ...(category === undefined ? undefined : { category })
})

/** What an approver decides at once, or when it is time. */
export const ask = (question: Approval.Question): Effect.Effect<Approval.Decision> =>
  Effect.flatMap(Approval.Approval, (approval) =>
    Effect.flatMap(approval.ask(question), (answer) =>
      Approval.isLater(answer) ? Effect.dieMessage("the answer was put off") : Effect.succeed(answer)
    )
  )
