/**
 * A shell in a container that stays and answers requests, one after another: starting a program by the engine takes a hundred
 * times as long. It is a process like others there, which a command may end; whoever asks finds out.
 */
import { randomBytes } from "node:crypto"
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SandboxError } from "../SandboxError.ts"
import { native } from "./confinedNames.ts"
import { unavailable } from "./containerEngine.ts"
import * as Stream from "./containerStream.ts"

/** An answer: its parts, and the word that it ended with. */
export interface Answer {
  readonly status: string
  readonly parts: ReadonlyArray<Buffer>
}

export interface Request {
  readonly name: string
  /** Empty words are words. Paths may have any bytes but NUL. */
  readonly words: ReadonlyArray<string | number>
  /** What is written once the shell answers `+`. */
  readonly input?: Uint8Array | undefined
  /** An answer that is longer ends the shell. */
  readonly mostBytes?: number | undefined
  /** So does one that does not come in that time; two minutes. */
  readonly mostMillis?: number | undefined
}

export interface Shell {
  /** Whether it can still be asked. It cannot once a request was broken off. */
  readonly isOpen: () => boolean
  /** Fails with `Broken` when the shell ends before it has answered. */
  readonly ask: (request: Request) => Effect.Effect<Answer, Broken>
}

/** The shell has ended, and what it was asked may have been done or not. */
export class Broken {
  readonly _tag = "Broken"
  /** What it said last, which is the engine's complaint when it has not started at all. */
  readonly words: string
  constructor(words: string) {
    this.words = words
  }
}

/** Starts a shell with that script. */
export const open = (box: Stream.Box, script: string): Effect.Effect<Shell, SandboxError, Scope.Scope> =>
  Effect.map(
    Stream.start(box, "/bin/sh", {
      words: ["/bin/sh", "-c", script],
      environment: { LC_ALL: "C", TZ: "UTC0" },
      folder: "/",
      hasInput: true
    }),
    ({ stream }) => make(stream)
  )

/** What to do about a shell that has ended. */
export const brokenOff = (operation: string, subject: string, { words }: Broken): SandboxError =>
  unavailable(
    operation,
    subject,
    words === ""
      ? "what sees to it in the container was ended, by a command or with the container; try again"
      : `no shell runs in the container (${words}); its image needs /bin/sh, and the container room for a process`
  )

// internal

const make = (stream: Duplex): Shell => {
  const unframe = Stream.unframe(false)
  let isOpen = true
  let hasAnswered = false
  let last = ""
  let waiting: ((piece: Buffer | undefined) => void) | undefined

  const close = (): void => {
    isOpen = false
    waiting?.(undefined)
    stream.destroy()
  }
  stream.on("data", (bytes: Buffer) => {
    for (const piece of unframe(bytes)) {
      if (!hasAnswered) last = (last + Buffer.from(piece.bytes).toString()).slice(-mostWords)
      if (piece.from === "stdout") waiting?.(Buffer.from(piece.bytes))
    }
  })
  stream.once("end", close)
  stream.once("close", close)

  const ask = (request: Request): Effect.Effect<Answer, Broken> =>
    Effect.async((resume) => {
      const broken = (): void => resume(Effect.fail(new Broken(hasAnswered ? "" : last.trim())))
      if (!isOpen) return broken()
      const word = randomBytes(16).toString("hex")
      const end = new RegExp(`${word}=([^\\n]*)\\n$`)
      let pieces: Array<Buffer> = []
      let length = 0
      let tail = ""
      let isSent = false
      const late = setTimeout(close, request.mostMillis ?? mostMillis)
      waiting = (piece) => {
        if (piece === undefined) {
          clearTimeout(late)
          return broken()
        }
        pieces.push(piece)
        length += piece.length
        if (length > (request.mostBytes ?? mostBytes)) return close()
        tail = (tail + piece.toString("latin1")).slice(-mostTail)
        const found = end.exec(tail)
        if (found === null) return
        hasAnswered = true
        const [whole, status = ""] = found
        if (status === "+" && request.input !== undefined) {
          pieces = []
          length = 0
          tail = ""
          isSent = true
          stream.write(request.input)
          return
        }
        waiting = undefined
        clearTimeout(late)
        const all = split(Buffer.concat(pieces).subarray(0, length - whole.length), Buffer.from(word))
        // Without anything to wait for the readiness for input comes with the rest.
        const parts = request.input === undefined ? all : all.filter((part) => part.toString() !== "=+\n")
        // It has not read all of its input, and takes the rest for requests, or has ended for that.
        if (isSent && status === "sys") close()
        resume(Effect.succeed({ status, parts }))
      }
      stream.write(lineOf(word, request))
      return Effect.sync(() => {
        waiting = undefined
        clearTimeout(late)
        close()
      })
    })

  return { isOpen: () => isOpen, ask }
}

const mostBytes = 1024 * 1024
const mostMillis = 120_000
const mostTail = 128
const mostWords = 1000

/** The parts of an answer, each of which begins with the word. */
const split = (bytes: Buffer, word: Buffer): ReadonlyArray<Buffer> => {
  const parts: Array<Buffer> = []
  for (let at = bytes.indexOf(word); at >= 0; ) {
    const next = bytes.indexOf(word, at + word.length)
    parts.push(bytes.subarray(at + word.length, next < 0 ? bytes.length : next))
    at = next
  }
  return parts
}

const lineOf = (word: string, { name, words }: Request): Buffer =>
  Buffer.concat([
    Buffer.from(`T=${word} && ${name}`),
    ...words.map((one) => {
      const bytes = Buffer.from(native(String(one))).toString("latin1")
      return Buffer.from(` '${bytes.replaceAll("'", "'\\''").replaceAll("\n", `'"$nl"'`)}'`, "latin1")
    }),
    Buffer.from("\n")
  ])
