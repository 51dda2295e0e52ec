/**
 * A timer that looks again: when it goes off it asks how much time is left, and is set anew or expires. So what pushes
 * the deadline back, a delta for instance, costs nothing but a number.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/**
 * Sets an alarm and answers how to take it back. `left` is how many milliseconds are left, none when it is time.
 *
 * **Details**
 *
 * - A sleeping fiber costs 25 us more than a timer of JavaScript and is kept for clocks that are not the real one.
 * - More milliseconds than a timer can wait for (24 days) from the beginning are no alarm at all.
 *
 * @category constructors
 * @since 0.1.0
 */
export const set = (
  clock: Clock.Clock,
  left: () => number,
  expire: Effect.Effect<unknown>
): Effect.Effect<() => void> =>
  Effect.suspend(() => {
    const first = left()
    if (!(first <= longestTimer)) return Effect.succeed(() => {})
    if (clock === realClock) {
      const check = (): void => {
        const millis = left()
        if (millis <= 0) Effect.runFork(expire)
        else timer = setTimeout(check, Math.min(millis, longestTimer))
      }
      let timer = setTimeout(check, first)
      return Effect.succeed(() => clearTimeout(timer))
    }
    const sleep = (millis: number): Effect.Effect<unknown> =>
      Effect.flatMap(clock.sleep(Duration.millis(millis)), () => {
        const more = left()
        return more <= 0 ? expire : sleep(more)
      })
    return Effect.map(
      Effect.forkDaemon(Effect.interruptible(sleep(first))),
      (fiber) => () => fiber.unsafeInterruptAsFork(fiber.id())
    )
  })

const realClock = Context.get(DefaultServices.liveServices, Clock.Clock)

/** What a timer of JavaScript can wait for: 24 days. */
const longestTimer = 2 ** 31 - 1
