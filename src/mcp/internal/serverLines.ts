/**
 * Messages as lines of JSON, one after the other: cut out of the bytes that come in, checked for being messages at all, and
 * handed on. What is none is answered at once, as the protocol wants it, and harms no other message.
 */
import type { Transport } from "./serverSdk.ts"

/** Messages in lines. `push` takes what has come in, `transport` is the library's view of it. */
export interface Lines {
  readonly transport: Transport
  readonly push: (bytes: Uint8Array) => void
}

/** Longer messages are refused without being read. */
const maxLine = 10 * 1024 * 1024

/** How lines are written, and which values are messages. `write` answers when more may be written. */
export interface Options {
  readonly write: (line: string) => Promise<void>
  readonly close: () => void
  /** The protocol's word on what is a message; what it passes over in silence has to be refused here. */
  readonly isMessage: (value: unknown) => boolean
}

/** Makes lines of a way to write them. */
export const make = ({ close, isMessage, write }: Options): Lines => {
  const decoder = new TextDecoder()
  const batches = new Set<Batch>()
  let rest: Array<string> = []
  let length = 0
  let isSkipping = false
  let isOpen = true
  let version: string | undefined
  const send = (message: unknown): Promise<void> => (isOpen ? write(`${JSON.stringify(message)}\n`) : Promise.resolve())
  const refuse = (code: number, message: string, id: unknown = null): void => {
    void send(refusal(code, message, id))
  }
  // The library's own type of messages is wider than what it was given, and it looks again.
  const receive = (message: object) => transport.onmessage?.(message as never)

  const problemOf = (value: unknown): string | undefined => shapeOf(value) ?? (isMessage(value) ? undefined : unknown)

  const one = (value: unknown): void => {
    const problem = problemOf(value)
    if (problem !== undefined) refuse(-32600, problem, idOf(value))
    else if (typeof value === "object" && value !== null) receive(value)
  }

  /** Answers to a batch go together, once all are there. Later versions of the protocol have none. */
  const many = (values: ReadonlyArray<unknown>): void => {
    if (version !== undefined && version > lastWithBatches) {
      refuse(-32600, `Invalid Request: there are no batches in version ${version}`)
      return
    }
    if (values.length === 0 || values.length > maxBatch) {
      refuse(-32600, `Invalid Request: a batch has 1 to ${maxBatch} messages`)
      return
    }
    const problems = values.flatMap((value) => {
      const problem = problemOf(value)
      return problem === undefined ? [] : [refusal(-32600, problem, idOf(value))]
    })
    const messages = values.filter((value) => problemOf(value) === undefined)
    const batch: Batch = { waits: new Set(messages.flatMap(requestId)), answers: problems }
    if (batch.waits.size > 0) batches.add(batch)
    else if (problems.length > 0) void send(problems)
    for (const message of messages) if (typeof message === "object" && message !== null) receive(message)
  }

  const line = (text: string): void => {
    if (text.trim() === "") return
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      refuse(-32700, "Parse error: the line is not JSON")
      return
    }
    for (const batch of cancelled(value, batches)) void settle(batch)
    if (Array.isArray(value)) many(value)
    else one(value)
  }

  const settle = (batch: Batch): Promise<void> => {
    if (batch.waits.size > 0) return Promise.resolve()
    batches.delete(batch)
    return batch.answers.length === 0 ? Promise.resolve() : send(batch.answers)
  }

  const push = (bytes: Uint8Array): void => {
    let text = decoder.decode(bytes, { stream: true })
    for (;;) {
      const end = text.indexOf("\n")
      if (end < 0) break
      const whole = rest.length === 0 ? text.slice(0, end) : rest.join("") + text.slice(0, end)
      if (!isSkipping) line(whole)
      ;[rest, length, isSkipping] = [[], 0, false]
      text = text.slice(end + 1)
    }
    if (text === "" || isSkipping) return
    rest.push(text)
    length += text.length
    if (length <= maxLine) return
    ;[rest, length, isSkipping] = [[], 0, true]
    refuse(-32600, `Invalid Request: a message has at most ${maxLine} characters`)
  }

  const transport: Transport = {
    start: () => Promise.resolve(),
    send: (message) => {
      const { id, method, result }: { id?: unknown; method?: unknown; result?: unknown } = message
      if (typeof result === "object" && result !== null && "protocolVersion" in result) {
        version = String(result.protocolVersion)
      }
      const batch = method !== undefined ? undefined : [...batches].find(({ waits }) => waits.has(id))
      if (batch === undefined) return send(message)
      batch.waits.delete(id)
      batch.answers.push(message)
      return settle(batch)
    },
    close: () => {
      if (!isOpen) return Promise.resolve()
      isOpen = false
      transport.onclose?.()
      close()
      return Promise.resolve()
    }
  }
  return { transport, push }
}

// internal

const maxBatch = 100
const lastWithBatches = "2025-03-26"

interface Batch {
  /** The requests that have no answer yet. */
  readonly waits: Set<unknown>
  readonly answers: Array<unknown>
}

const refusal = (code: number, message: string, id: unknown) => ({ jsonrpc: "2.0", id, error: { code, message } })

const isId = (id: unknown): id is string | number => typeof id === "string" || Number.isInteger(id)

const idOf = (value: unknown): string | number | null =>
  typeof value === "object" && value !== null && "id" in value && isId(value.id) ? value.id : null

const requestId = (value: unknown): ReadonlyArray<string | number> => {
  const id = typeof value === "object" && value !== null && "method" in value ? idOf(value) : null
  return id === null ? [] : [id]
}

const unknown = 'Invalid Request: "id", "_meta" or another field is not as the protocol has it'

/** Why a value is no message, as far as its shape tells. */
const shapeOf = (value: unknown): string | undefined => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "Invalid Request: not an object"
  if (!("jsonrpc" in value) || value.jsonrpc !== "2.0") return 'Invalid Request: "jsonrpc" must be "2.0"'
  if ("id" in value && !isId(value.id)) return 'Invalid Request: "id" must be a text or a whole number'
  if ("method" in value) {
    if (typeof value.method !== "string") return 'Invalid Request: "method" must be a text'
    const params = "params" in value ? value.params : {}
    return typeof params === "object" && params !== null && !Array.isArray(params)
      ? undefined
      : 'Invalid Request: "params" must be an object'
  }
  return "id" in value && ("result" in value || "error" in value)
    ? undefined
    : "Invalid Request: neither a call nor an answer"
}

/** The batches with a request that is never answered, because it is taken back; without it. */
const cancelled = (value: unknown, batches: ReadonlySet<Batch>): ReadonlyArray<Batch> => {
  if (batches.size === 0 || typeof value !== "object" || value === null) return []
  if (!("method" in value) || value.method !== "notifications/cancelled" || !("params" in value)) return []
  const { params } = value
  if (typeof params !== "object" || params === null || !("requestId" in params)) return []
  const { requestId } = params
  return [...batches].filter(({ waits }) => waits.delete(requestId))
}
