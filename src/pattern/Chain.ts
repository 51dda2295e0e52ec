/**
 * Runners one after the other: the output of each is the input of the next. For work whose parts are known beforehand, each
 * with instructions, tools and a history of its own.
 */
import * as Effect from "effect/Effect"
import * as Composite from "../agent/Composite.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import * as Branches from "./Branches.ts"

/**
 * The links of a chain: at least one.
 *
 * @category models
 * @since 0.1.0
 */
export type Links = readonly [Runnable.Any, ...ReadonlyArray<Runnable.Any>]

/**
 * What stands, in an error of the compiler, for a link that does not take what the one before it results in.
 *
 * @category models
 * @since 0.1.0
 */
export interface DoesNotTakeTheOutputBefore<out Place, out Given, in Taken> {
  readonly place: Place
  readonly given: Given
  readonly taken: (input: Taken) => void
}

/**
 * The links, of which those are replaced that do not take what the one before them results in.
 *
 * @category models
 * @since 0.1.0
 */
export type Linked<L extends Links> = {
  readonly [At in keyof L]: At extends keyof Before<L> ? Link<Before<L>[At], L[At], At> : L[At]
}

/**
 * Makes a chain: a runner of which each link gets the output of the one before it.
 *
 * **Details**
 *
 * - Takes what the first link takes, and results in what the last results in; `answeredBy` is who answered there.
 * - A link that does not take the output before it is an error of the compiler at its place. `Runner.mapInput` and
 *   `Runner.map` fit them together; agents take text.
 * - Each link has a session of its own; only outputs go from one to the next. Their events have the link's name as `at` in
 *   their path, and `name-2` for the second of a name.
 * - A link that ends otherwise than completed ends the chain in the same way. Resumed, the chain goes on at that link.
 * - Errors: those of the links. Without links it throws a `TypeError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <const L extends Links>(
  name: string,
  links: L & Linked<L>,
  options: { readonly description?: string | undefined } = {}
): Runnable.Runner<
  Runnable.Input<L[0]>,
  Runnable.Output<L extends readonly [...infer _, infer Last] ? Last : never>,
  Runnable.Failure<L[number]> | StoreError,
  Runnable.Requirements<L[number]> | ContextStore
> => {
  const [first, ...rest] = Branches.list(`Chain ${JSON.stringify(name)}`, links)
  const chain = Composite.make(name, options, (input: unknown, parts) =>
    Effect.gen(function* () {
      let before = yield* parts.run(first.at, first.runner, input)
      for (const { at, runner } of rest) before = yield* parts.run(at, runner, before.output)
      return before
    })
  )
  return Runnable.make(name, options.description, chain.behavior)
}

// internal

/** At each place what stands before it; before the first there is what anything takes. */
type Before<L extends Links> = readonly [Runnable.Runner<never, never>, ...L]

// While the compiler is still inferring, a link is any runner: one that takes `never` is not looked at.
type Link<Before, Next, Place> = [Runnable.Input<Next>] extends [never]
  ? Next
  : [Runnable.Output<Before>] extends [Runnable.Input<Next>]
    ? Next
    : DoesNotTakeTheOutputBefore<Place, Runnable.Output<Before>, Runnable.Input<Next>>
