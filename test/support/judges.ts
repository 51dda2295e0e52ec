/**
 * Judging models that are played, for the tests of guards that ask one.
 */
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Message from "../../src/domain/Message.ts"
import type * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import type * as Transport from "../../src/transport/Transport.ts"
import * as Calls from "./calls.ts"

const { text } = ScriptedTransport

export const callOf = (input: unknown, about: Partial<Guard.Call> = {}): Guard.Call =>
  Calls.callOf("shell", input, about)

/** What a request asks: its code, and the line between the marks. */
export const askedIn = (request: Transport.Request) => {
  const question = Message.toText(request.messages[1] ?? Message.user(""))
  const [, code = "", line = ""] = /<call-(\w+)>\n(.*)\n<\/call-\1>/.exec(question) ?? []
  return { question, code, line, call: JSON.parse(line) }
}

export type Form = "json" | "text"

export const modelOf = (form: Form) =>
  form === "json" ? { model: { capabilities: ["structured-output" as const] } } : {}

/** A judge that says this of a call. */
export const judgeOf = (say: (input: unknown) => readonly [verdict: string, category: string], form: Form = "text") =>
  ScriptedTransport.make((request) => {
    const { call, code } = askedIn(request)
    const [verdict, category] = say(call.arguments)
    return [
      text(
        form === "json"
          ? JSON.stringify({ reason: "why", category, verdict, code })
          : `${code} ${verdict} ${category}: why`
      )
    ]
  }, modelOf(form))

/** A judge whose answer is what follows its code. */
export const saying = (steps: (code: string) => ReadonlyArray<ScriptedTransport.Step>) =>
  ScriptedTransport.make((request) => steps(askedIn(request).code))

export const byCommand = (input: unknown): readonly [string, string] => {
  const command = JSON.stringify(input) ?? ""
  return command.includes("rm")
    ? ["DENY", "files"]
    : command.includes("curl")
      ? ["RISKY", "network"]
      : ["SAFE", "other"]
}

export const quiet = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Logger.replace(Logger.defaultLogger, Logger.none))

export const policy = "Reading is allowed."

export const unjudged: Guard.Verdict = {
  _tag: "Deny",
  reason: "it could not be judged, and what could not be judged does not run"
}
