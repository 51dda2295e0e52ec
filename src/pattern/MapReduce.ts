/**
 * An input in pieces: it is split, a runner works on each piece, and the outputs are made one. For what is too long for one
 * model, or for the same work on many things.
 */
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Composite from "../agent/Composite.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import * as Branches from "./Branches.ts"

/**
 * What becomes of one item: its output, or with `"collect"` either that or how it failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Mapped<Out, E, OnFailure extends Branches.OnFailure> = "collect" extends OnFailure
  ? Either.Either<Out, Branches.Failed<E | StoreError>>
  : Out

/**
 * Makes a runner that splits its input, runs another on each item, and makes one output of theirs.
 *
 * **Details**
 *
 * - `split`: a function or a runner. A function is called again when the run goes on, and has to come to the same.
 * - `map`: runs on each item, in a session of its own. The number of the item, from 0, is its `at`.
 * - `reduce`: a function of the outputs and the input, or a runner that takes the outputs. They are in the order of the items,
 *   and there may be none.
 * - `concurrency`: how many items are worked on at once; 8 unless given.
 * - `onFailure`: `"interrupt"` (the default): the first item that fails ends the others and the run. `"collect"`: the others go
 *   on, and `reduce` gets an `Either` for each item; an item that a limit or a guard ended has failed.
 * - Resumed, items that have outputs are not run again; those that failed or were cut short are.
 * - Errors: those of the runners; with `"collect"` not those of `map`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <
  In,
  Item,
  Out,
  E,
  R,
  Reduced,
  SplitE = never,
  SplitR = never,
  ReduceE = never,
  ReduceR = never,
  OnFailure extends Branches.OnFailure = "interrupt"
>(
  name: string,
  options: Branches.Options & {
    readonly onFailure?: OnFailure | undefined
    readonly split: ((input: In) => ReadonlyArray<Item>) | Runnable.Runner<In, ReadonlyArray<Item>, SplitE, SplitR>
    readonly map: Runnable.Runner<Item, Out, E, R>
    readonly reduce:
      | ((outputs: ReadonlyArray<Mapped<Out, E, OnFailure>>, input: In) => Reduced)
      | Runnable.Runner<ReadonlyArray<Mapped<Out, E, OnFailure>>, Reduced, ReduceE, ReduceR>
  }
): Runnable.Runner<
  In,
  Reduced,
  StoreError | SplitE | ReduceE | ("collect" extends OnFailure ? never : E),
  R | SplitR | ReduceR | ContextStore
> => {
  Branches.check(`MapReduce ${JSON.stringify(name)}`, options)
  const { concurrency = 8, map, onFailure, reduce, split } = options
  const runner = Composite.make(name, options, (input: In, parts) =>
    Effect.gen(function* () {
      const items = typeof split === "function" ? split(input) : (yield* parts.run("split", split, input)).output
      const works = items.map((item, index) => {
        const at = `${index}`
        const output = Effect.map(parts.run(at, map, item), (result): unknown => result.output)
        return onFailure === "collect" ? Branches.collected(at, output) : output
      })
      const outputs = yield* Composite.all<unknown, unknown, R>(works, { concurrency })
      // What each item came to is what the options say of failures.
      const mapped = outputs as ReadonlyArray<Mapped<Out, E, OnFailure>>
      return typeof reduce === "function"
        ? { output: reduce(mapped, input) }
        : yield* parts.run("reduce", reduce, mapped)
    })
  )
  return Runnable.make(name, options.description, runner.behavior)
}
