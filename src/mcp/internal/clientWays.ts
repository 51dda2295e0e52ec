/**
 * From how a server is configured to a connection with it: its program, its URL, or any other way.
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Login } from "./clientAuth.ts"
import { bearerOf } from "./clientAuth.ts"
import type { Channel } from "./clientChannel.ts"
import { transportOf } from "./clientChannel.ts"
import type { Way } from "./clientConnection.ts"
import * as Connecting from "./clientConnection.ts"
import type { Failure } from "./clientFailure.ts"
import { failure, wordsOf } from "./clientFailure.ts"
import * as Http from "./clientHttp.ts"
import type { Answers, Connection } from "./clientModel.ts"
import * as Process from "./clientProcess.ts"
import type { Sdk } from "./clientSdk.ts"
import { load } from "./clientSdk.ts"

/** A text that may be a secret. */
type Secret = string | Redacted.Redacted

/** How a server is reached. */
export type Target =
  | {
      readonly _tag: "Program"
      readonly command: string
      readonly args: ReadonlyArray<string>
      readonly env: Readonly<Record<string, Secret>>
      readonly folder: string | undefined
      readonly executor: CommandExecutor.CommandExecutor | undefined
      /** What every program is given of our environment. */
      readonly inherited: Readonly<Record<string, string>>
    }
  | {
      readonly _tag: "Url"
      readonly url: string
      readonly kind: "http" | "sse" | undefined
      readonly headers: Readonly<Record<string, Secret>>
      readonly fetch: typeof globalThis.fetch
      readonly login: Login | undefined
    }
  | {
      readonly _tag: "Channel"
      readonly open: Effect.Effect<
        {
          readonly send: (message: unknown) => Effect.Effect<void, unknown>
          readonly receive: Stream.Stream<unknown, unknown>
        },
        unknown,
        Scope.Scope
      >
    }

/** Variables that programs need to run at all. None of them is a secret. */
export const inheritedNames: ReadonlyArray<string> = [
  ...["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TMPDIR"],
  ...["APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROCESSOR_ARCHITECTURE", "PROGRAMFILES"],
  ...["SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "USERNAME", "USERPROFILE"]
]

/** Bytes of one message. */
const largest = 32 * 1024 * 1024

/** Opens a connection. */
export const open = (target: Target, answers: Answers): Effect.Effect<Connection, Failure, Scope.Scope> =>
  Effect.flatMap(load, (sdk) => {
    switch (target._tag) {
      case "Program":
        return onChannel(sdk, program(target), answers)
      case "Channel":
        return onChannel(sdk, other(target.open), answers)
      case "Url":
        return onUrl(sdk, target, answers)
    }
  })

// internal

const value = (secret: Secret): string => (Redacted.isRedacted(secret) ? Redacted.value(secret) : secret)

const values = (secrets: Readonly<Record<string, Secret>>): Record<string, string> =>
  Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, value(secret)]))

const onChannel = (
  sdk: Sdk,
  channel: Effect.Effect<Channel, Failure, Scope.Scope>,
  answers: Answers
): Effect.Effect<Connection, Failure, Scope.Scope> =>
  Effect.flatMap(channel, (channel) =>
    Connecting.open(
      sdk,
      (whenEnded) => Effect.map(transportOf(sdk, channel, whenEnded), (transport): Way => ({ transport })),
      answers
    )
  )

const program = ({ args, command, env, executor, folder, inherited }: Extract<Target, { _tag: "Program" }>) =>
  executor === undefined
    ? Effect.fail<Failure>({
        _tag: "Unavailable",
        permanent: true,
        message:
          "Programs cannot be started here: provide a CommandExecutor, as NodeContext.layer of @effect/platform-node has it"
      })
    : Process.open(executor, {
        command,
        args,
        environment: { ...inherited, ...values(env) },
        folder,
        grace: "1 second",
        largest
      })

const other = (opened: Extract<Target, { _tag: "Channel" }>["open"]): Effect.Effect<Channel, Failure, Scope.Scope> => {
  const failed = (error: unknown) => failure("Unavailable", wordsOf(error))
  return Effect.map(Effect.mapError(opened, failed), ({ receive, send }) => ({
    send: (message) => Effect.mapError(send(message), failed),
    receive: Stream.mapError(receive, failed),
    why: Effect.succeed("the connection was closed")
  }))
}

const onUrl = (
  sdk: Sdk,
  target: Extract<Target, { _tag: "Url" }>,
  answers: Answers
): Effect.Effect<Connection, Failure, Scope.Scope> => {
  const headers = values(target.headers)
  const by = (kind: "http" | "sse") =>
    Connecting.open(
      sdk,
      (whenEnded) =>
        Http.wayOf(
          sdk,
          {
            url: new URL(target.url),
            headers,
            kind,
            largest,
            fetch: target.fetch,
            bearer: target.login === undefined ? undefined : bearerOf(target.login)
          },
          whenEnded
        ),
      answers
    )
  if (target.kind !== undefined) return by(target.kind)
  // What the first attempt has opened is closed before the second.
  const first = Effect.flatMap(Effect.scope, (scope) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Scope.fork(scope, ExecutionStrategy.sequential), (own) =>
        Effect.onError(restore(Scope.extend(by("http"), own)), (cause) => Scope.close(own, Exit.failCause(cause)))
      )
    )
  )
  return Effect.catchIf(first, Http.isOld, (why) => Effect.mapError(by("sse"), () => why))
}
