/**
 * What type tests say: that two types are the same. The compiler is the test runner; `npm run typecheck` runs these files
 * together with everything else, and nothing here exists at run time.
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/** Whether two types are the same, `any` being nothing but `any`. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for `true`. */
export const holds = <_ extends true>(): void => {}

/** What an effect or a stream needs. */
export type Needs<T> =
  T extends Stream.Stream<infer _A, infer _E, infer R>
    ? R
    : T extends Effect.Effect<infer _A, infer _E, infer R>
      ? R
      : never

/** How an effect or a stream fails. */
export type Fails<T> =
  T extends Stream.Stream<infer _A, infer E, infer _R>
    ? E
    : T extends Effect.Effect<infer _A, infer E, infer _R>
      ? E
      : never
