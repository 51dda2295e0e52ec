/**
 * Recorded responses of real vendors, and what any correct client must make of them. They are other people's data and
 * not part of this project: they are read from `AXONAL_WIRE`, or from `../shared/wire` beside the project.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs"
import type { IncomingMessage, Server, ServerResponse } from "node:http"
import { createServer } from "node:http"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Delta } from "../../src/domain/Delta.ts"
import type * as Part from "../../src/domain/Part.ts"
import type { Usage } from "../../src/domain/Usage.ts"
import type { Pull } from "../../src/transport/Transport.ts"
import type { TransportError } from "../../src/transport/TransportError.ts"

export const folder = process.env.AXONAL_WIRE ?? fileURLToPath(new URL("../../../shared/wire", import.meta.url))
export const isPresent = existsSync(folder)

export interface Expected {
  readonly outcome: "ok" | "error" | "incomplete"
  readonly id: string | null
  readonly text: string | null
  readonly refusal: string | null
  readonly reasoning: string
  readonly opaque: ReadonlyArray<{
    readonly kind: string
    readonly length: number
    readonly sha256: string
    readonly alsoSha256?: string
  }>
  readonly toolCalls: ReadonlyArray<{
    readonly id: string | null
    readonly name: string
    readonly arguments: unknown
    readonly argumentsText: string
    readonly kind?: "function" | "custom"
  }>
  readonly providerTools: ReadonlyArray<{
    readonly type: string
    readonly input: unknown
    readonly status?: string | null
    readonly id?: string
    readonly name?: string
    readonly errorCode?: string | null
  }>
  readonly finish: { readonly reason: string | null; readonly detail?: string | null; readonly native?: string | null }
  readonly tokens: {
    readonly input: number | null
    readonly output: number | null
    readonly cacheRead: number | null
    readonly cacheWrite: number | null
    readonly reasoning: number | null
  }
  readonly citations: { readonly count: number; readonly urls: ReadonlyArray<string> }
  readonly media?: ReadonlyArray<{ readonly kind: string; readonly length: number; readonly sha256: string }>
  readonly textParts?: ReadonlyArray<string>
  readonly reasoningParts?: ReadonlyArray<string>
  readonly itemTypes?: ReadonlyArray<string>
  readonly blockTypes?: ReadonlyArray<string>
  readonly usage?: unknown
  readonly error: null | {
    readonly where: "http" | "stream" | "body"
    readonly status: number | null
    readonly type: string | null
    readonly code: string | number | null
    readonly message: string
    readonly retryAfter?: string | null
  }
}

export interface Case {
  readonly name: string
  readonly provider: string
  readonly model: string
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  readonly body: Uint8Array
  readonly splitOffsets: ReadonlyArray<number>
  readonly expected: Expected
}

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))
const list = (path: string): ReadonlyArray<string> => (existsSync(path) ? readdirSync(path) : [])

/** Headers that describe the recording's own transfer and not the body. */
const transfer = new Set(["transfer-encoding", "content-length", "content-encoding", "connection", "keep-alive"])

/** All cases of one API, by name. Empty where the recordings are absent. */
export const cases = (api: string): ReadonlyArray<Case> =>
  ["open", "open-extra"].flatMap((split) =>
    list(join(folder, split)).flatMap((provider) =>
      list(join(folder, split, provider)).flatMap((name) => {
        const path = join(folder, split, provider, name)
        const meta = json(join(path, "meta.json"))
        if (meta.api !== api) return []
        const offsets: ReadonlyArray<ReadonlyArray<number>> = Object.values(meta.splitOffsets ?? {})
        return {
          name: `${provider}/${name}`,
          provider,
          model: meta.model ?? "unknown",
          status: meta.http?.status ?? 200,
          headers: Object.fromEntries(
            Object.entries<string>(meta.http?.headers ?? {}).filter(([header]) => !transfer.has(header))
          ),
          body: new Uint8Array(readFileSync(join(path, meta.file))),
          splitOffsets: [...new Set(offsets.flat())].sort((left, right) => left - right),
          expected: json(join(path, "expected.json"))
        }
      })
    )
  )

/** A body cut at the given positions. */
export const cut = (body: Uint8Array, offsets: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  const inside = offsets.filter((offset) => offset > 0 && offset < body.length)
  return [0, ...inside].map((start, index) => body.subarray(start, inside[index] ?? body.length))
}

/** A body in pieces of one byte. */
export const bytes = (body: Uint8Array): ReadonlyArray<Uint8Array> =>
  Array.from(body, (_, index) => body.subarray(index, index + 1))

/** What came out of a transport: everything it yielded, and the error it ended with. */
export interface Seen {
  readonly deltas: ReadonlyArray<Delta>
  readonly error: TransportError | undefined
}

/** Opens and pulls to the end. Asserts nothing but that no array is empty. */
export const collect = <R>(open: Effect.Effect<Pull, TransportError, R>): Effect.Effect<Seen, never, R> =>
  Effect.gen(function* () {
    const opened = yield* Effect.either(open)
    if (Either.isLeft(opened)) return { deltas: [], error: opened.left }
    const deltas: Array<Delta> = []
    while (true) {
      const pulled = yield* Effect.either(opened.right)
      if (Either.isLeft(pulled)) return { deltas, error: Option.getOrUndefined(pulled.left) }
      if (pulled.right.length === 0) return yield* Effect.dieMessage("A pull gave an empty array.")
      deltas.push(...pulled.right)
    }
  })

/** Says what is wrong with the order of deltas, or nothing. */
export const disorder = (deltas: ReadonlyArray<Delta>): ReadonlyArray<string> => {
  const open = new Map<number, string>()
  const seen = new Set<number>()
  const wrong: Array<string> = []
  deltas.forEach((delta, at) => {
    if (delta._tag === "ResponseStart" && at > 0) wrong.push("ResponseStart is not first")
    if (delta._tag === "PartStart") {
      if (seen.has(delta.index)) wrong.push(`part ${delta.index} starts twice`)
      seen.add(delta.index)
      open.set(delta.index, delta.kind)
    }
    if ("delta" in delta) {
      if (delta.delta === "") wrong.push("an empty delta")
      const kinds = { TextDelta: "text", ReasoningDelta: "reasoning", ToolInputDelta: "tool-call" }
      if (open.get(delta.index) !== kinds[delta._tag]) wrong.push(`${delta._tag} outside of its part ${delta.index}`)
    }
    if (delta._tag === "PartEnd") {
      if (open.get(delta.index) !== delta.part.type) wrong.push(`part ${delta.index} ends as something else`)
      open.delete(delta.index)
    }
    if (delta._tag === "Finish") {
      if (open.size > 0) wrong.push(`parts ${[...open.keys()]} do not end`)
      if (at !== deltas.length - 1) wrong.push("Finish is not last")
    }
  })
  return wrong
}

/** The parts of an answer in order. */
export const parts = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Part.Part> =>
  deltas.flatMap((delta) => (delta._tag === "PartEnd" ? [delta.part] : []))

/** The deltas with neighbours of one part joined, so that answers cut differently compare equal. */
export const joined = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Delta> => {
  const out: Array<Delta> = []
  for (const delta of deltas) {
    const last = out[out.length - 1]
    if (
      last !== undefined &&
      "delta" in last &&
      "delta" in delta &&
      last._tag === delta._tag &&
      last.index === delta.index
    ) {
      out[out.length - 1] = { ...last, delta: last.delta + delta.delta }
    } else out.push(delta)
  }
  return out
}

/** The text of all deltas with this tag. */
export const written = (deltas: ReadonlyArray<Delta>, tag: "TextDelta" | "ReasoningDelta"): string =>
  deltas.map((delta) => (delta._tag === tag ? delta.delta : "")).join("")

/** The usage an answer ended with. */
export const usage = (deltas: ReadonlyArray<Delta>): Usage | undefined => {
  const last = deltas[deltas.length - 1]
  return last?._tag === "Finish" ? last.usage : undefined
}

/** What arrived at a test server. */
export interface Received {
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
  /** Succeeds when the client hung up before the answer was complete. */
  readonly disconnected: Promise<void>
}

/** A server on a free port that answers every request with the function, for the time of the scope. */
export const server = (answer: (response: ServerResponse, received: Received) => void) =>
  Effect.acquireRelease(
    Effect.async<{ readonly url: string; readonly requests: Array<Received>; readonly server: Server }>((resume) => {
      const requests: Array<Received> = []
      const server = createServer((request, response) => {
        const disconnected = new Promise<void>((resolve) => {
          response.on("close", () => {
            if (!response.writableFinished) resolve()
          })
        })
        let body = ""
        request.setEncoding("utf8")
        request.on("data", (piece) => {
          body += piece
        })
        request.on("end", () => {
          const received = { url: request.url ?? "", headers: request.headers, body, disconnected }
          requests.push(received)
          answer(response, received)
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}/v1`, requests, server }))
      })
    }),
    ({ server }) =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

/** Writes pieces one by one, each after the socket took the one before. */
export const write = (response: ServerResponse, pieces: Iterable<Uint8Array | string>): void => {
  const iterator = pieces[Symbol.iterator]()
  const step = (): void => {
    const next = iterator.next()
    if (next.done === true) response.end()
    else response.write(next.value, () => setImmediate(step))
  }
  step()
}

/** Server-sent events of JSON values, closed by the end marker. */
export const events = (...values: ReadonlyArray<unknown>): string =>
  [...values.map((value) => JSON.stringify(value)), "[DONE]"].map((data) => `data: ${data}\n\n`).join("")
