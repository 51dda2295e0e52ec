/**
 * The body of a response, read as cheaply as the HTTP client allows: what has arrived since the last read, as it came.
 * `HttpClientResponse.stream` costs about 100 us per response and 7 us per piece; the clients of `@effect/platform` keep
 * the web or Node stream behind it, and that is read directly. Any other response is read through its `stream`.
 */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * What one read gives: pieces in order, at least one; or `undefined`, the end.
 *
 * @category models
 * @since 0.1.0
 */
export type Read = ReadonlyArray<Uint8Array> | undefined

/**
 * A response body that is being read.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  /** What it is read from. */
  readonly kind: "node" | "web" | "stream"
  /** Everything that arrived since the last read; waits while that is nothing. `undefined` at the end, and ever after. */
  readonly read: Effect.Effect<Read, unknown>
  /** Since when a reader has been waiting, by the given clock; `undefined` while none is. */
  readonly waitingSince: () => number | undefined
  /** Discards what is left until the end, but no longer than this, so that the connection can be used again. */
  readonly drain: (millis: number) => Effect.Effect<void>
  /** Lets go of the connection, unless the body has ended. A waiting reader fails with the reason. */
  readonly close: (reason: unknown) => void
  /** Whether the last byte was seen. */
  readonly hasEnded: () => boolean
}

/** No more than this is buffered: then the socket has to wait. */
const highWaterBytes = 1 << 20

/** What was pushed and not yet read, and the one reader that may be waiting for more. */
class Inbox {
  private pieces: Array<Uint8Array> = []
  private bytes = 0
  private finished: Exit.Exit<undefined, unknown> | undefined
  private waiter: ((effect: Effect.Effect<Read, unknown>) => void) | undefined
  private drained: (() => void) | undefined
  private since: number | undefined
  private readonly now: () => number
  /** Asks the source for more. */
  request: () => void = () => {}
  /** Closes the source. */
  abandon: () => void = () => {}

  constructor(now: () => number) {
    this.now = now
  }

  readonly isFull = (): boolean => this.bytes > highWaterBytes
  readonly waitingSince = (): number | undefined => this.since
  readonly hasEnded = (): boolean => this.finished?._tag === "Success"

  readonly push = (piece: Uint8Array): void => {
    if (this.drained !== undefined) {
      this.request()
      return
    }
    if (this.finished !== undefined || piece.length === 0) return
    this.pieces.push(piece)
    this.bytes += piece.length
    this.wake()
  }

  readonly finish = (exit: Exit.Exit<undefined, unknown>): void => {
    this.finished ??= exit
    this.drained?.()
    this.wake()
  }

  readonly close = (reason: unknown): void => {
    if (this.finished !== undefined) return
    this.pieces = []
    this.finish(Exit.fail(reason))
    this.abandon()
  }

  readonly read: Effect.Effect<Read, unknown> = Effect.suspend(() => {
    if (this.pieces.length > 0) {
      const pieces = this.pieces
      this.pieces = []
      this.bytes = 0
      return Effect.succeed(pieces)
    }
    if (this.finished !== undefined) return this.finished
    return Effect.async<Read, unknown>((resume) => {
      this.waiter = resume
      this.since = this.now()
      this.request()
      return Effect.sync(() => {
        this.waiter = undefined
        this.since = undefined
      })
    })
  })

  readonly drain = (millis: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.pieces = []
      this.bytes = 0
      if (this.finished !== undefined) return Effect.void
      return Effect.async<void>((resume) => {
        // The time of the network, whatever clock the program runs on.
        const timer = setTimeout(() => this.drained?.(), millis)
        this.drained = () => {
          this.drained = undefined
          clearTimeout(timer)
          resume(Effect.void)
        }
        this.request()
        return Effect.sync(() => clearTimeout(timer))
      })
    })

  /** The reader goes on after the current callback, so all pieces of one socket read are taken together. */
  private wake(): void {
    const waiter = this.waiter
    if (waiter === undefined) return
    this.waiter = undefined
    this.since = undefined
    waiter(this.read)
  }
}

/**
 * Starts to read a response. Whoever opens it closes it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const open = (response: HttpClientResponse.HttpClientResponse, now: () => number): Effect.Effect<Body> =>
  Effect.suspend(() => {
    const inbox = new Inbox(now)
    const source: unknown = "source" in response ? response.source : undefined
    const inner: unknown = typeof source === "object" && source !== null && "body" in source ? source.body : undefined
    const body = (kind: Body["kind"]): Body => ({
      kind,
      read: inbox.read,
      waitingSince: inbox.waitingSince,
      drain: inbox.drain,
      close: inbox.close,
      hasEnded: inbox.hasEnded
    })
    const readable = isReadable(source) ? source : isReadable(inner) ? inner : undefined
    if (readable !== undefined) {
      fromReadable(inbox, readable)
      return Effect.succeed(body("node"))
    }
    if (isWebStream(inner) && !inner.locked) {
      fromWebStream(inbox, inner)
      return Effect.succeed(body("web"))
    }
    return Effect.as(fromStream(inbox, response), body("stream"))
  })

// internal

/** What is needed of a Node stream; `node:*` is not imported here. */
interface Readable {
  readonly on: (event: string, listener: (value: unknown) => void) => unknown
  readonly pause: () => unknown
  readonly resume: () => unknown
  readonly destroy: () => unknown
}

const isReadable = (value: unknown): value is Readable =>
  typeof value === "object" &&
  value !== null &&
  ["on", "pause", "resume", "destroy", "pipe"].every((name) => name in value) &&
  !("destroyed" in value && value.destroyed === true)

const isWebStream = (value: unknown): value is ReadableStream<Uint8Array> =>
  typeof value === "object" && value !== null && "getReader" in value && "locked" in value

const fromReadable = (inbox: Inbox, readable: Readable): void => {
  let paused = false
  inbox.request = () => {
    if (!paused) return
    paused = false
    readable.resume()
  }
  inbox.abandon = () => readable.destroy()
  readable.on("end", () => inbox.finish(Exit.succeed(undefined)))
  readable.on("error", (error) => inbox.finish(Exit.fail(error)))
  readable.on("close", () => inbox.finish(Exit.fail(new Error("The connection was closed."))))
  readable.on("data", (piece) => {
    // A client that set an encoding would hand out strings; none of Effect's does.
    inbox.push(typeof piece === "string" ? new TextEncoder().encode(piece) : (piece as Uint8Array))
    if (!paused && inbox.isFull()) {
      paused = true
      readable.pause()
    }
  })
}

const fromWebStream = (inbox: Inbox, stream: ReadableStream<Uint8Array>): void => {
  const reader = stream.getReader()
  let reading = false
  inbox.request = () => {
    if (reading) return
    reading = true
    reader.read().then(
      ({ value, done }) => {
        reading = false
        if (done) inbox.finish(Exit.succeed(undefined))
        else if (value.length === 0) inbox.request()
        else inbox.push(value)
      },
      (error) => inbox.finish(Exit.fail(error))
    )
  }
  // A stream that has failed already refuses to be cancelled, which is as good.
  inbox.abandon = () => void reader.cancel().catch(() => {})
}

const fromStream = (inbox: Inbox, response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> => {
  const asked = Effect.async<void>((resume) => {
    inbox.request = () => resume(Effect.void)
  })
  return Effect.withFiberRuntime((fiber) =>
    Effect.map(
      Effect.forkDaemon(
        Effect.matchCause(
          Stream.runForEachChunk(response.stream, (chunk) =>
            Effect.suspend(() => {
              Chunk.forEach(chunk, inbox.push)
              return inbox.isFull() ? asked : Effect.void
            })
          ),
          {
            onFailure: (cause) => {
              const error = Option.getOrUndefined(Cause.failureOption(cause))
              // A response without a body is an empty one.
              if (error?.reason === "EmptyBody") inbox.finish(Exit.succeed(undefined))
              else inbox.finish(error === undefined ? Exit.failCause(cause) : Exit.fail(error))
            },
            onSuccess: () => inbox.finish(Exit.succeed(undefined))
          }
        )
      ),
      (pump) => {
        inbox.abandon = () => pump.unsafeInterruptAsFork(fiber.id())
      }
    )
  )
}
