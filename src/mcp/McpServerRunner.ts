/**
 * Agents and other runners as tools of a server: a client writes an input and reads the answer. Which conversation a call
 * belongs to is the server's to say; a client never names a session of the store.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Runnable from "../agent/Runnable.ts"
import * as SubagentCall from "../agent/SubagentCall.ts"
import * as Settings from "../agent/SubagentOptions.ts"
import type { Service as Identity } from "../context/Identity.ts"
import { SessionId } from "../domain/Ids.ts"
import * as Tool from "../tool/Tool.ts"
import { ToolContext } from "../tool/ToolContext.ts"

/**
 * Which conversation a call of a runner goes on with.
 *
 * **Details**
 *
 * - `fresh`: each call begins one. `connection`: all calls of a connection go on with one, one after the other.
 * - `named`: the client gives it a name, and goes on with it by that name, also over another connection. Names are those of
 *   the identity of the client, so that nobody comes upon another's.
 *
 * @category models
 * @since 0.1.0
 */
export type Sessions = "fresh" | "connection" | "named"

/**
 * Any runner that takes text.
 *
 * @category models
 * @since 0.1.0
 */
export type Any = Runnable.Runner<string, unknown, unknown, unknown>

/**
 * Makes a tool of a runner.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = (runner: Any, sessions: Sessions): Tool.WithHandler => {
  const name = Settings.toolName(runner.name)
  const about = { description: runner.description }
  const made =
    sessions === "named"
      ? Tool.make(name, { ...about, parameters: { input: Input, session: Schema.optional(Name) } }, (given) =>
          run(runner, sessions, name, given.input, given.session)
        )
      : Tool.make(name, { ...about, parameters: { input: Input } }, ({ input }) => run(runner, sessions, name, input))
  return made
}

// internal

const Input = Schema.String.annotations({ description: "What it is asked" })
const Name = Schema.String.pipe(Schema.pattern(/^[A-Za-z0-9_.-]{1,64}$/)).annotations({
  description:
    "Goes on with the conversation of this name, or begins it. Letters, digits, and _ . -; without it, a new one."
})

const run = (runner: Any, sessions: Sessions, tool: string, input: string, name?: string) =>
  Effect.flatMap(ToolContext, ({ agent, call, identity, session }) =>
    SubagentCall.run(runner, {
      input,
      session: sessionOf(sessions, { tool, name, call, identity, session })
    }).pipe(
      // The way to where it failed begins with the server, of which its client knows.
      Effect.mapError(({ message }) => (message.startsWith(`${agent} > `) ? message.slice(agent.length + 3) : message))
    )
  )

const sessionOf = (
  sessions: Sessions,
  about: {
    readonly tool: string
    readonly name: string | undefined
    readonly call: string
    readonly identity: Identity
    readonly session: string
  }
): SessionId => {
  const { call, identity, name, session, tool } = about
  if (sessions === "connection") return SessionId.make(`${session}/${tool}`)
  if (name === undefined) return SessionId.make(`${session}/${call}`)
  const whose = [identity.tenant, identity.userId].map((part) => (part === undefined ? "-" : encodeURIComponent(part)))
  return SessionId.make(["mcp", ...whose, tool, name].join("/"))
}
