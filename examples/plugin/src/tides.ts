/**
 * The water at a station, hour by hour. A real plugin would ask a service for it, with the key.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

/** Metres above the chart at an hour of the day. */
export const levelAt = (station: string, hour: number, key: Redacted.Redacted): Effect.Effect<number, string> =>
  Redacted.value(key) === "expired"
    ? Effect.fail("the key has expired")
    : Effect.succeed(Math.round(20 + 15 * Math.sin((hour + station.length) / 2)) / 10)
