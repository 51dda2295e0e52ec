/**
 * The last messages of a connection over HTTP, so that a client whose stream broke off reads on where it was.
 */
import type { EventStore } from "./serverSdk.ts"

/** How much is kept: whatever is reached first. */
export interface Bounds {
  readonly events: number
  readonly characters: number
}

/** Keeps events in the order in which they are written; the oldest go first. */
export const make = ({ characters, events: most }: Bounds): EventStore => {
  let events: Array<Kept> = []
  let [next, size] = [0, 0]
  return {
    storeEvent: (stream, message) => {
      const id = `${stream}/${next++}`
      const length = JSON.stringify(message).length
      events.push({ id, stream, message, length })
      size += length
      let gone = 0
      while (gone < events.length - 1 && (events.length - gone > most || size > characters)) {
        size -= events[gone++]?.length ?? 0
      }
      if (gone > 0) events = events.slice(gone)
      return Promise.resolve(id)
    },
    getStreamIdForEventId: (id) => Promise.resolve(events.find((event) => event.id === id)?.stream),
    replayEventsAfter: async (last, { send }) => {
      const from = events.findIndex(({ id }) => id === last)
      const stream = events[from]?.stream ?? ""
      // What marks the beginning of a stream is no message.
      const missed = events.slice(from + 1).filter((event) => event.stream === stream && "jsonrpc" in event.message)
      for (const { id, message } of missed) // It came from whom it goes to.
        await send(id, message as never)
      return stream
    }
  }
}

// internal

interface Kept {
  readonly id: string
  readonly stream: string
  readonly message: object
  readonly length: number
}
