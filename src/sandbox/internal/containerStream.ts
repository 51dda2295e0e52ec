/**
 * Programs that the engine starts in a container, and what comes and goes between them and us. What they write is taken from the
 * connection only while there is room for it, so that they wait for a slow reader.
 */
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Output } from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Engine } from "./containerEngine.ts"
import { ask } from "./containerEngine.ts"

/** A container that runs. */
export interface Box {
  readonly engine: Engine
  readonly id: string
  readonly user: string | undefined
  readonly folder: string
}

export interface Program {
  readonly words: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly folder: string
  readonly hasInput: boolean
  readonly terminal?: { readonly columns: number; readonly rows: number } | undefined
}

export interface Started {
  readonly stream: Duplex
  /** Whether it runs, and its exit code if not. */
  readonly state: Effect.Effect<{ readonly running: boolean; readonly code: number | undefined }, SandboxError>
  readonly resize: (size: { readonly columns: number; readonly rows: number }) => Effect.Effect<void, SandboxError>
}

/** Starts a program. The connection to it is closed with the scope; it itself may go on. */
export const start = (
  { engine, id, user }: Box,
  subject: string,
  { environment, folder, hasInput, terminal, words }: Program
): Effect.Effect<Started, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    const exec = yield* ask(engine, "exec", subject, (options) =>
      engine.docker.getContainer(id).exec({
        ...options,
        Cmd: [...words],
        Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        WorkingDir: folder,
        ...(user === undefined ? {} : { User: user }),
        AttachStdin: hasInput,
        AttachStdout: true,
        AttachStderr: true,
        Tty: terminal !== undefined
      })
    )
    const stream = yield* Effect.acquireRelease(
      ask(engine, "exec", subject, (options) =>
        exec.start({ ...options, hijack: true, stdin: true, Tty: terminal !== undefined })
      ),
      (stream) => Effect.sync(() => stream.destroy())
    )
    // What went wrong shows as an end that came too early.
    stream.on("error", () => {})
    return {
      stream,
      state: Effect.map(
        ask(engine, "exec", subject, (options) => exec.inspect(options)),
        ({ ExitCode, Running }) => ({ running: Running, code: ExitCode ?? undefined })
      ),
      resize: ({ columns, rows }) =>
        ask(engine, "exec", subject, (options) => exec.resize({ ...options, h: rows, w: columns }))
    }
  })

/** Takes the pieces of both outputs out of the frames that the engine sends them in, wherever these are cut. */
export const unframe = (isTerminal: boolean): ((bytes: Buffer) => ReadonlyArray<Output>) => {
  if (isTerminal) return (bytes) => [{ from: "stdout", bytes }]
  const header = Buffer.alloc(headerBytes)
  let headed = 0
  let left = 0
  return (bytes) => {
    const pieces: Array<Output> = []
    for (let at = 0; at < bytes.length; ) {
      if (left === 0) {
        const taken = bytes.copy(header, headed, at, at + headerBytes - headed)
        at += taken
        headed += taken
        if (headed < headerBytes) break
        headed = 0
        left = header.readUInt32BE(4)
      } else {
        const piece = bytes.subarray(at, at + left)
        at += piece.length
        left -= piece.length
        pieces.push({ from: header[0] === 2 ? "stderr" : "stdout", bytes: piece })
      }
    }
    return pieces
  }
}

// internal

const headerBytes = 8
