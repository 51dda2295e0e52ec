/**
 * Answers that were given before, by the whole request.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Delta } from "../../../domain/Delta.ts"
import type { ModelInfo } from "../../../domain/ModelInfo.ts"
import type { Request } from "../../../domain/Request.ts"
import { canonical } from "../../../domain/Request.ts"
import * as Usage from "../../../domain/Usage.ts"
import * as Newest from "../../../internal/newest.ts"
import type { Pull, Service } from "./port.ts"
import { atLeast, ended, finishOf } from "./port.ts"

export interface CacheOptions {
  /** How many answers are kept. */
  readonly capacity: number
  /** How long each of them is. */
  readonly timeToLive: Duration.DurationInput
}

interface Answer {
  readonly deltas: ReadonlyArray<Delta>
  readonly expires: number
}

export const cache = <E>(service: Service<E>, options: CacheOptions): Service<E> => {
  const capacity = atLeast("capacity", options.capacity, 1)
  const timeToLiveMillis = Duration.toMillis(options.timeToLive)
  /** The least recently used first. */
  const answers = new Map<string, Answer>()

  const find = (key: string, now: number): ReadonlyArray<Delta> | undefined => {
    const answer = answers.get(key)
    if (answer === undefined) return undefined
    answers.delete(key)
    if (answer.expires <= now) return undefined
    answers.set(key, answer)
    return answer.deltas
  }

  const store = (key: string, deltas: ReadonlyArray<Delta>): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Newest.keep(answers, key, { deltas, expires: now + timeToLiveMillis }, capacity)
    )

  const recorded = (pull: Pull<E>, key: string): Pull<E> => {
    const arrived: Array<ReadonlyArray<Delta>> = []
    return Effect.flatMap(pull, (deltas) => {
      arrived.push(deltas)
      const finish = finishOf(deltas)
      if (finish?.reason !== "stop" && finish?.reason !== "tool-calls") return Effect.succeed(deltas)
      return Effect.as(store(key, joined(arrived.flat())), deltas)
    })
  }

  return {
    model: service.model,
    open: (request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const key = keyOf(service.model, request)
        const known = find(key, now)
        return known === undefined
          ? Effect.map(service.open(request), (pull) => recorded(pull, key))
          : Effect.succeed(replayed(known))
      })
  }
}

// internal

const keyOf = ({ id, vendor }: ModelInfo, request: Request): string => JSON.stringify([vendor, id, canonical(request)])

const replayed = <E>(deltas: ReadonlyArray<Delta>): Pull<E> => {
  let over = false
  return Effect.suspend((): Pull<E> => {
    if (over) return ended
    over = true
    return Effect.succeed(deltas)
  })
}

/** Pieces that follow each other are one, and the answer costs nothing. */
const joined = (deltas: ReadonlyArray<Delta>): ReadonlyArray<Delta> => {
  const out: Array<Delta> = []
  let pieces: Array<string> = []
  deltas.forEach((delta, position) => {
    if (delta._tag === "Finish") {
      const { axonal, ...meta } = delta.meta ?? {}
      out.push({ ...delta, usage: Usage.zero, meta: { ...meta, axonal: { ...asObject(axonal), cached: true } } })
    } else if ("delta" in delta) {
      pieces.push(delta.delta)
      const next = deltas[position + 1]
      if (next?._tag === delta._tag && next.index === delta.index) return
      out.push({ ...delta, delta: pieces.join("") })
      pieces = []
    } else out.push(delta)
  })
  return out
}

const asObject = (value: unknown): object => (typeof value === "object" && value !== null ? value : {})
