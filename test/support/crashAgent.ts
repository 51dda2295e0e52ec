/**
 * The agent of the tests of crashes, on both sides of the crash: it calls two tools at once, none to three times in a
 * row, before it answers. What it calls follows from what it was told, so that any process can go on.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"
import type { Request } from "../../src/transport/Transport.ts"

const look = Agent.tool("look", { description: "Looks", parameters: { at: Schema.Number } }, ({ at }) =>
  Effect.succeed(`seen ${at}`)
)

const agent = Agent.make("crash", { instructions: "Look, then tell.", tools: [look] })

/** The rounds of calls since somebody spoke, and how many there are to be. */
const roundsOf = ({ messages }: Request): readonly [done: number, wanted: number] => {
  const spoken = messages.findLastIndex(({ role }) => role === "user")
  const message = messages[spoken]
  return [
    messages.slice(spoken).filter(({ role }) => role === "tool").length,
    message === undefined ? 0 : Message.toText(message).length % 4
  ]
}

export const crashing = ScriptedTransport.layer((request, index) => {
  const [done, wanted] = roundsOf(request)
  return done < wanted
    ? [text("let me look"), call(`a${index}`, "look", { at: done }), call(`b${index}`, "look", { at: -done })]
    : [text("done")]
})

/** One run, when the session is free. */
export const say = (input: string, session: string) =>
  Agent.run(agent, input, { session: SessionId.make(session), onBusy: "wait" })
