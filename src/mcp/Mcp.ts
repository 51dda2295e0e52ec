/**
 * The port to servers of the Model Context Protocol: what they offer, calls of their tools, what they know and how they are.
 * Agents take their tools by `tools`, which follows servers that change theirs. What servers may ask of us is answered by
 * `Sampling` and `Elicitation`, which are off unless provided. `McpClient` is the adapter.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Message } from "../domain/Message.ts"
import type { ResultContent } from "../domain/Part.ts"
import * as Tool from "../tool/Tool.ts"

/**
 * How a server is used, whatever the way to it.
 *
 * **Details**
 *
 * - `enabled`: false leaves it alone; its status says so.
 * - `trusted`: believes the server when it says that a tool only reads. Otherwise every call asks, unless a guard says more.
 * - `allow`: tools that need not ask, by the names that the server gives them; `"*"` is all of them.
 * - `include`, `exclude`: which tools there are, by the names that the server gives them.
 * - `roots`: folders or URLs that the server is told to work in.
 * - `connectTimeout` (30 seconds) bounds an attempt to connect, reading its tools included. `timeout` (60 seconds) is how long
 *   a request may go without an answer or progress, `patience` (10 seconds) how long it waits for a connection.
 * - `idle` (never): when an unused connection is closed. It is opened again by the next use.
 * - `retries` (5): attempts after the first one, with pauses that double, before the next use has to try.
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly enabled?: boolean | undefined
  readonly trusted?: boolean | undefined
  readonly allow?: ReadonlyArray<string> | undefined
  readonly include?: ReadonlyArray<string> | undefined
  readonly exclude?: ReadonlyArray<string> | undefined
  readonly roots?: ReadonlyArray<string> | undefined
  readonly connectTimeout?: Duration.DurationInput | undefined
  readonly timeout?: Duration.DurationInput | undefined
  readonly patience?: Duration.DurationInput | undefined
  readonly idle?: Duration.DurationInput | undefined
  readonly retries?: number | undefined
}

/**
 * A text that may be a secret.
 *
 * @category models
 * @since 0.1.0
 */
export type Secret = string | Redacted.Redacted

/**
 * A program of this machine, spoken to by its standard input and output.
 *
 * **Details**
 *
 * - `env`: its variables besides those that every program needs (`PATH`, `HOME` and the like). It gets no others of ours.
 *
 * @category models
 * @since 0.1.0
 */
export interface ProgramServer extends Usage {
  readonly command: string
  readonly args?: ReadonlyArray<string> | undefined
  readonly env?: Readonly<Record<string, Secret>> | undefined
  readonly cwd?: string | undefined
  readonly url?: undefined
  readonly channel?: undefined
}

/**
 * A server behind a URL.
 *
 * **Details**
 *
 * - `transport`: streamable HTTP (`"http"`), the older one (`"sse"`), or the first that the server knows (absent).
 * - `headers`: go with every request. With an `authorization` among them nobody logs in.
 * - `oauth`: a client that was registered by hand, and the scope to ask for. Without, the server registers one.
 *
 * @category models
 * @since 0.1.0
 */
export interface HttpServer extends Usage {
  readonly url: string
  readonly transport?: "http" | "sse" | undefined
  readonly headers?: Readonly<Record<string, Secret>> | undefined
  readonly oauth?:
    | {
        readonly clientId?: string | undefined
        readonly clientSecret?: Redacted.Redacted | undefined
        readonly scope?: string | undefined
      }
    | undefined
  readonly command?: undefined
  readonly channel?: undefined
}

/**
 * Messages of the protocol to and fro, as JSON. The stream ends when the server is gone.
 *
 * @category models
 * @since 0.1.0
 */
export interface Channel {
  readonly send: (message: unknown) => Effect.Effect<void, unknown>
  readonly receive: Stream.Stream<unknown, unknown>
}

/**
 * A server on any other way, in this process for one. Opened anew for every connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChannelServer extends Usage {
  readonly channel: Effect.Effect<Channel, unknown, Scope.Scope>
  readonly command?: undefined
  readonly url?: undefined
}

/**
 * A server, by exactly one of `command`, `url` and `channel`.
 *
 * @category models
 * @since 0.1.0
 */
export type Server = ProgramServer | HttpServer | ChannelServer

/**
 * Why a server was of no use.
 *
 * **Details**
 *
 * - `NotInstalled`: the SDK is missing. `Unknown`: there is no such server, tool or prompt. `Disabled`, `Untrusted`: it is not
 *   to be used. `Unavailable`: it cannot be reached or started. `Unauthorized`: somebody has to log in. `TimedOut`: it was
 *   silent for too long. `Disconnected`: it went away in between; what it was asked may have been done. `Refused`: it said no.
 *   `Malformed`: what it said was none of the protocol. `Closed`: the client has been closed.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Struct({
  _tag: Schema.Literal(
    "NotInstalled",
    "Unknown",
    "Disabled",
    "Untrusted",
    "Unavailable",
    "Unauthorized",
    "TimedOut",
    "Disconnected",
    "Refused",
    "Malformed",
    "Closed"
  ),
  message: Schema.String,
  code: Schema.optional(Schema.Finite),
  permanent: Schema.optional(Schema.Boolean)
})
export interface Reason extends Schema.Schema.Type<typeof Reason> {}

const advice: { readonly [Tag in Reason["_tag"]]?: string } = {
  Unavailable: "Check that it runs, and how it is configured.",
  TimedOut: "Try again, or allow more time.",
  Disconnected: "It is connected again by the next use. What it was asked may have been done.",
  Malformed: "See how it is configured; it may be no server of this protocol."
}

/**
 * A server could not be used, or said no.
 *
 * @category errors
 * @since 0.1.0
 */
export class McpError extends Schema.TaggedError<McpError>()("McpError", { server: Schema.String, reason: Reason }) {
  /** Whether the same may succeed later. What a server said no to may not, and neither does what needs a person first. */
  get isRetryable(): boolean {
    const { _tag, permanent } = this.reason
    return permanent !== true && (_tag === "Unavailable" || _tag === "TimedOut" || _tag === "Disconnected")
  }
  override get message(): string {
    const { _tag, message } = this.reason
    const words = /[.!?]$/.test(message) ? message : `${message}.`
    return `${this.server}: ${_tag}: ${words} ${advice[_tag] ?? ""}`.trimEnd()
  }
}

/**
 * How a server is now.
 *
 * **Details**
 *
 * - `is`: `"disconnected"` is one that was closed for being idle, or went away and is connected again.
 * - `problem`: why it is in error, was lost, or is not used. `complaints`: what is wrong with what it offers.
 * - `title`, `version`, `instructions`: its own words, once it has been there. They are nobody's instructions.
 *
 * @category models
 * @since 0.1.0
 */
export interface Status {
  readonly server: string
  readonly is: "connecting" | "connected" | "disconnected" | "error" | "disabled" | "untrusted"
  readonly problem?: McpError | undefined
  readonly complaints: ReadonlyArray<string>
  readonly title?: string | undefined
  readonly version?: string | undefined
  readonly instructions?: string | undefined
  /** The names of its tools: what models call them, and what the server does. */
  readonly tools: ReadonlyArray<{ readonly name: string; readonly tool: string }>
}

/**
 * What a call of a tool came to. `structured` is the structured value of the result, which is among the content, too.
 *
 * @category models
 * @since 0.1.0
 */
export interface Called {
  readonly failed: boolean
  readonly content: ReadonlyArray<ResultContent>
  readonly structured: unknown
}

/**
 * How one call is made. `timeout` replaces the server's.
 *
 * @category models
 * @since 0.1.0
 */
export interface CallOptions {
  readonly timeout?: Duration.DurationInput | undefined
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

/**
 * How far a call has come, in the server's own units.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly progress?: number | undefined
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/**
 * A resource of a server. Of a template, `uri` has places to fill in, as in `file:///{path}`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resource {
  readonly uri: string
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly mediaType?: string | undefined
  readonly size?: number | undefined
}

/**
 * A prompt of a server, and what it wants to know.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prompt {
  readonly name: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly arguments: ReadonlyArray<{
    readonly name: string
    readonly description?: string | undefined
    readonly required: boolean
  }>
}

/**
 * What a value is completed for: an argument of a prompt, or a place in a template of resources.
 *
 * @category models
 * @since 0.1.0
 */
export interface Completion {
  readonly of: { readonly prompt: string } | { readonly template: string }
  readonly argument: string
  readonly value: string
  /** Arguments that are known already. */
  readonly known?: Readonly<Record<string, string>> | undefined
}

/**
 * What a server wrote to its log, or that a resource has changed that was asked to be watched.
 *
 * @category models
 * @since 0.1.0
 */
export type Notice =
  | { readonly _tag: "Log"; readonly server: string; readonly level: string; readonly data: unknown }
  | { readonly _tag: "ResourceChanged"; readonly server: string; readonly uri: string }

/**
 * How a person logs in to a server.
 *
 * **Details**
 *
 * - `redirectUrl`: where the browser comes back to. `show`: what is done with the address at which the person agrees.
 * - `answer`: the address that they were sent back to, or the code in it. `state` is in that address and in no other.
 * - `timeout`: how long they may take. Default 5 minutes.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoginOptions {
  readonly redirectUrl: string
  readonly show: (url: string) => Effect.Effect<void>
  readonly answer: (state: string) => Effect.Effect<string>
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * What is done with servers. Whatever needs a connection opens one, and waits for it within the server's `patience`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Service {
  /** All servers, those that are not used included, in the order in which they were given. */
  readonly status: Effect.Effect<ReadonlyArray<Status>>
  /** The same: as it is now, and again after every change. */
  readonly changes: Stream.Stream<ReadonlyArray<Status>>
  /**
   * The tools of all servers that have been there, once each has been tried; the same array as long as nothing changes. A
   * server that is in error has those it had last, and its calls say what is wrong.
   */
  readonly tools: Effect.Effect<ReadonlyArray<Tool.WithHandler>>
  /** Calls a tool by the server's own name for it. Interruption cancels it at the server. */
  readonly call: (
    server: string,
    tool: string,
    input: Readonly<Record<string, unknown>>,
    options?: CallOptions
  ) => Effect.Effect<Called, McpError>
  /** Empty for a server that has none. */
  readonly resources: (server: string) => Effect.Effect<ReadonlyArray<Resource>, McpError>
  /** Empty for a server that has none. */
  readonly templates: (server: string) => Effect.Effect<ReadonlyArray<Resource>, McpError>
  readonly read: (server: string, uri: string) => Effect.Effect<ReadonlyArray<ResultContent>, McpError>
  /** Has the server tell of changes of a resource as `notices`, as long as the scope lasts. */
  readonly watch: (server: string, uri: string) => Effect.Effect<void, McpError, Scope.Scope>
  /** Empty for a server that has none. */
  readonly prompts: (server: string) => Effect.Effect<ReadonlyArray<Prompt>, McpError>
  readonly prompt: (
    server: string,
    prompt: string,
    values?: Readonly<Record<string, string>>
  ) => Effect.Effect<ReadonlyArray<Message>, McpError>
  /** What a value may go on as. Empty for a server that does not complete. */
  readonly complete: (server: string, completion: Completion) => Effect.Effect<ReadonlyArray<string>, McpError>
  /** How much a server writes to its log. */
  readonly logLevel: (server: string, level: string) => Effect.Effect<void, McpError>
  /** What servers tell from now on. */
  readonly notices: Stream.Stream<Notice>
  /** Connects, if it is not, and waits for it. */
  readonly connect: (server: string) => Effect.Effect<void, McpError>
  /** Closes the connection. The next use opens another one; nothing happens when there is none. */
  readonly disconnect: (server: string) => Effect.Effect<void, McpError>
  /** Logs a person in; the login is kept in `Tokens` and used from the next request on. */
  readonly login: (server: string, options: LoginOptions) => Effect.Effect<void, McpError>
  /** Forgets a login; answers whether there was one. */
  readonly logout: (server: string) => Effect.Effect<boolean, McpError>
}

/**
 * The servers of an application.
 *
 * @category services
 * @since 0.1.0
 */
export class Mcp extends Context.Tag("axonal/mcp/Mcp")<Mcp, Service>() {}

/**
 * The tools of all servers, for the `tools` of an agent. What a server changes is there in the next turn.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tools: Tool.Living<Mcp> = Tool.living(Effect.flatMap(Mcp, (mcp) => mcp.tools))
