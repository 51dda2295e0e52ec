/**
 * A process that begins a run which waits for a person, goes on with one, or says something else. Arguments: what to do,
 * the file of the store, and the answers as JSON. It writes what the run came to as one line of JSON, and every payment
 * into a file beside the store; one that is `stuck` is made and never confirmed.
 */
import { appendFileSync, writeSync } from "node:fs"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Agent from "../../src/agent/Agent.ts"
import * as SqlContextStore from "../../src/context/SqlContextStore.ts"
import { layerSqlite } from "../../src/context/SqliteContextStore.ts"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Part from "../../src/domain/Part.ts"
import * as Approval from "../../src/guard/Approval.ts"
import * as Guard from "../../src/guard/Guard.ts"
import * as ScriptedTransport from "../../src/testing/ScriptedTransport.ts"
import { call, text } from "../../src/testing/ScriptedTransport.ts"

const [, , task = "", filename = "", answers = "[]"] = process.argv
const session = SessionId.make("shared")

const pay = Agent.tool("pay", { parameters: { to: Schema.String } }, ({ to }) =>
  Effect.sync(() => appendFileSync(`${filename}.paid`, `${to}\n`)).pipe(
    Effect.zipRight(
      to === "stuck"
        ? Effect.zipRight(
            Effect.sync(() => writeSync(1, "stuck\n")),
            Effect.never
          )
        : Effect.succeed("paid")
    )
  )
)
const agent = Agent.make("clerk", { tools: [pay] })

/** Pays two, and tells what it was told of it. */
const model = ScriptedTransport.layer(({ messages }) => {
  const told = messages.flatMap(({ parts }) => parts).flatMap((part) => (part.type === "tool-result" ? [part] : []))
  if (told.length === 0) return [call("1", "pay", { to: "Ann" }), call("2", "pay", { to: "stuck" })]
  return [text(told.map(({ content, outcome }) => `${outcome} ${Part.contentToText(content)}`).join("|"))]
})

const runs: Readonly<Record<string, () => ReturnType<typeof Agent.run<string, never, never>>>> = {
  begin: () => Agent.run(agent, "go", { session }),
  say: () => Agent.run(agent, "what now?", { session }),
  resume: () => Effect.orDie(Agent.resume(agent, session, JSON.parse(answers)))
}

// A fiber that waits for ever keeps no process alive.
const alive = setInterval(() => {}, 1000)

Effect.runPromise(
  Effect.flatMap(runs[task]?.() ?? Effect.dieMessage(`no such task: ${task}`), ({ pending, reason, text }) =>
    Effect.sync(() => writeSync(1, `${JSON.stringify({ reason, text, pending })}\n`))
  ).pipe(
    Effect.provide(
      Layer.mergeAll(
        model,
        layerSqlite({ filename }),
        Guard.layer(Guard.make(({ tool }) => Effect.succeed(Guard.Ask(`${tool.name} costs money`, "money")))),
        Approval.layerSuspend
      )
    ),
    Effect.provideService(SqlContextStore.LeaseDuration, Duration.seconds(5)),
    Effect.ensuring(Effect.sync(() => clearInterval(alive)))
  )
).catch((error) => {
  process.stderr.write(`${error}\n`)
  process.exitCode = 1
})
