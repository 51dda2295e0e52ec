/**
 * The body of an answer, decompressed and cut at a bound. Both the bytes that come and the bytes that they become are
 * counted while they do, so that neither an endless body nor one that swells is ever held. Nothing is read ahead.
 */
import type * as Http from "node:http"
import type { Duplex } from "node:stream"
import { pipeline } from "node:stream"
import * as Zlib from "node:zlib"
import type { Reason } from "./webReason.ts"

/** What stands between a socket and whoever reads. */
export interface Options {
  readonly most: number
  /** Makes the error that readers see. */
  readonly failed: (cause: unknown) => unknown
  /** Called once, when the last byte was read, or none will be. */
  readonly closed: () => void
}

/** That a body has more bytes than it may have. */
export class Overrun extends Error {}

/** The compressions of a body, or why it cannot be read. */
export const coding = (header: string | undefined): Coding | Reason => {
  const named = (header ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity")
  const [name = "identity"] = named
  const known = codings.get(name)
  return named.length > 1 || known === undefined
    ? {
        _tag: "Malformed",
        problem: `its body is compressed as ${JSON.stringify(header?.slice(0, 40))}, which is not understood`
      }
    : known
}

export type Coding = "identity" | "gzip" | "deflate" | "br"

/** What requests say of the compressions that are understood. */
export const accepted = "gzip, deflate, br"

/** The body as a stream that is read as it is pulled. */
export const stream = (
  incoming: Http.IncomingMessage,
  coding: Coding,
  { closed, failed, most }: Options
): ReadableStream<Uint8Array> => {
  const source: AsyncIterable<unknown> = coding === "identity" ? incoming : inflated(incoming, coding, most)
  const chunks = source[Symbol.asyncIterator]()
  let left = most
  let isOver = false
  const end = (): void => {
    closed()
    incoming.destroy()
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          if (isOver) throw new Overrun()
          const { done, value } = await chunks.next()
          if (done === true) {
            end()
            controller.close()
          } else if (value instanceof Uint8Array) {
            isOver = value.length > left
            const kept = isOver ? value.subarray(0, left) : value
            left -= kept.length
            if (kept.length === 0) throw new Overrun()
            controller.enqueue(kept)
          }
        } catch (cause) {
          end()
          controller.error(failed(cause))
        }
      },
      cancel: end
    },
    { highWaterMark: 0 }
  )
}

// internal

const codings: ReadonlyMap<string, Coding> = new Map([
  ["identity", "identity"],
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"]
])

async function* inflated(
  incoming: Http.IncomingMessage,
  coding: Exclude<Coding, "identity">,
  most: number
): AsyncGenerator<unknown> {
  let left = most
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of incoming) {
      if (!(chunk instanceof Uint8Array)) continue
      left -= chunk.length
      if (left < 0) throw new Overrun()
      yield chunk
    }
  }
  const bytes = counted()
  const first = await bytes.next()
  if (first.done === true) return
  async function* whole(first: Uint8Array): AsyncGenerator<Uint8Array> {
    yield first
    yield* bytes
  }
  // The outcome reaches whoever reads the last stage.
  yield* pipeline(whole(first.value), inflater(coding, first.value), () => undefined)
}

/** What is called deflate comes with a header, as it should, or without. */
const inflater = (coding: Exclude<Coding, "identity">, first: Uint8Array): Duplex => {
  if (coding === "gzip") return Zlib.createGunzip()
  if (coding === "br") return Zlib.createBrotliDecompress()
  return ((first[0] ?? 0) & 0x0f) === 8 ? Zlib.createInflate() : Zlib.createInflateRaw()
}
