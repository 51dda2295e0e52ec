/**
 * One runner of several, chosen by what the input is: by a model, by a runner of your own, by a function. The one that is
 * chosen answers; the others cost nothing.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Agent from "../agent/Agent.ts"
import * as Bracket from "../agent/Bracket.ts"
import * as Composite from "../agent/Composite.ts"
import * as Runnable from "../agent/Runnable.ts"
import type { ContextStore, StoreError } from "../context/ContextStore.ts"
import type * as Message from "../domain/Message.ts"
import * as Check from "../internal/options.ts"
import type { Settings, Transport } from "../transport/Transport.ts"
import type * as Branches from "./Branches.ts"
import { beside } from "./internal/places.ts"
import * as Prompt from "./internal/prompt.ts"

/**
 * The routes of a router, by name.
 *
 * @category models
 * @since 0.1.0
 */
export type Routes = Readonly<Record<string, Runnable.Any>>

const TypeId = "~axonal/pattern/Router/ByModel"

/**
 * How a model chooses.
 *
 * **Details**
 *
 * - `instructions`: what it is told besides the names of the routes and what they are for. `settings`: of its request.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByModelOptions {
  readonly instructions?: string | undefined
  readonly settings?: Settings | undefined
}

/**
 * That a model chooses, by the descriptions of the routes. Made by `byModel`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ByModel extends ByModelOptions {
  readonly [TypeId]: typeof TypeId
}

/**
 * A choice of your own: a function of the input, or a runner whose output is the name of a route. An agent with
 * `Schema.Literal` of the names as its output is one of which the compiler knows that they exist.
 *
 * @category models
 * @since 0.1.0
 */
export type Choice<In, Name extends string, E, R> =
  | Runnable.Runner<In, Name, E, R>
  | ((input: In) => Name | Effect.Effect<Name, E, R>)

/**
 * What stands, in an error of the compiler, for a choice that may name what is no route.
 *
 * @category models
 * @since 0.1.0
 */
export interface NoSuchRoute<out Name> {
  readonly noSuchRoute: Name
}

/**
 * Any choice of text, and one of nothing but names of routes. With a fallback, any.
 *
 * @category models
 * @since 0.1.0
 */
export type Known<Name extends string, Names, Fallback> = [Fallback] extends [never]
  ? string extends Name
    ? unknown
    : [Name] extends [Names]
      ? unknown
      : NoSuchRoute<Exclude<Name, Names>>
  : unknown

/**
 * How to make a router.
 *
 * **Details**
 *
 * - `routes`: by name. Upper and lower case and white space in names make no difference.
 * - `fallback`: what runs when no route was named; without one the run fails with `UnknownRoute`.
 * - `session`: whether a route remembers what it was asked in this session before (`"continued"`, the default), or not
 *   (`"own"`). No route knows what others were asked. Whatever chooses never remembers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<R extends Routes, Fallback> {
  readonly description?: string | undefined
  readonly routes: R
  readonly fallback?: (Fallback & Runnable.Runner<NoInfer<Branches.Input<R>>, unknown, unknown, unknown>) | undefined
  readonly session?: "continued" | "own" | undefined
}

/**
 * A router of these routes, whose choice fails with `E` and needs `Needs`.
 *
 * @category models
 * @since 0.1.0
 */
export type Router<R extends Routes, Fallback, E, Needs> = Runnable.Runner<
  Branches.Input<R>,
  Branches.AnyOutput<R> | Runnable.Output<Fallback>,
  Branches.Failure<R> | ([Fallback] extends [never] ? UnknownRoute : Runnable.Failure<Fallback>) | E | StoreError,
  Branches.Requirements<R> | Runnable.Requirements<Fallback> | Needs | ContextStore
>

/**
 * What was chosen is no route, and the router has no fallback.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownRoute extends Schema.TaggedError<UnknownRoute>()("UnknownRoute", {
  router: Schema.String,
  route: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const [route, ...known] = [this.route.slice(0, 200), ...this.known].map((name) => JSON.stringify(name))
    return (
      `Router ${this.router} has no route ${route}; it has ${known.join(", ")}. ` +
      "Give it a fallback, or have the choice made with a Schema.Literal of these names as its output."
    )
  }
}

/**
 * Has a model choose, by the names of the routes and the descriptions of their runners.
 *
 * @category constructors
 * @since 0.1.0
 */
export const byModel = (options: ByModelOptions = {}): ByModel => ({ ...options, [TypeId]: TypeId })

/**
 * Makes a router: a runner that has one of its routes answer.
 *
 * **Details**
 *
 * - `route`: chooses by the same input that the route then gets. What it chose is remembered: a run that goes on later does
 *   not choose again.
 * - The result is that of the route, and so is `answeredBy`. Events have the route's name as `at` in their path.
 * - A choice that ends otherwise than completed ends the run in the same way, and so does a route.
 * - Errors: those of the choice and of the routes, and `UnknownRoute`. No routes at all, and names that differ in nothing but
 *   case and white space, throw a `TypeError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  <const R extends Routes, const Fallback extends Runnable.Any = never>(
    name: string,
    options: Options<R, Fallback> & { readonly route: ByModel }
  ): Router<R, Fallback, Agent.AgentError, Transport>
  <
    const R extends Routes,
    const Name extends string,
    const Fallback extends Runnable.Any = never,
    E = never,
    N = never
  >(
    name: string,
    options: Options<R, Fallback> & {
      readonly route: Choice<Branches.Input<R>, Name, E, N> & Known<Name, keyof R, Fallback>
    }
  ): Router<R, Fallback, E, N>
} = (name: string, options: Options<Routes, Runnable.Any> & { readonly route: AnyChoice }) => {
  const { description, fallback, route, routes, session = "continued" } = options
  const of = `Router ${JSON.stringify(name)}`
  Check.oneOf(`${of}: session`, session, ["continued", "own"])
  const names = Object.keys(routes)
  const known = new Map(names.map((one) => [plain(one), one]))
  if (names.length === 0) throw new TypeError(`${of} has no routes`)
  if (known.size < names.length)
    throw new TypeError(`${of} has names that are the same but for case: ${names.join(", ")}`)
  const missing = names.find((one) => typeof routes[one]?.name !== "string")
  if (missing !== undefined) throw new TypeError(`${of}: route ${JSON.stringify(missing)} is no runner`)
  const taken = new Set(names)
  const choose = choiceOf(route, routes, fallback !== undefined, beside("choice", taken))
  const elsewhere = beside("fallback", taken)
  const router = Composite.make(name, { description }, (input: never, parts) =>
    Effect.gen(function* () {
      const chosen = String(yield* choose(input, parts))
      const found = known.get(plain(chosen)) ?? known.get(bare(chosen))
      const runner = found === undefined ? fallback : routes[found]
      if (runner === undefined) return yield* new UnknownRoute({ router: name, route: chosen, known: names })
      const { answeredBy, output, text } = yield* parts.run(found ?? elsewhere, runner, input, { session })
      return { output, text, answeredBy }
    })
  )
  return Runnable.make(name, description, router.behavior)
}

// internal

type AnyChoice = ByModel | Choice<never, string, unknown, unknown>

/** A name without what makes no difference. */
const plain = (name: string): string => name.normalize("NFC").toLowerCase().replace(/\s+/g, "")

/** What models put around a name: quotes, marks of emphasis, a full stop. */
const bare = (name: string): string => plain(name).replace(/^["'`*_]+|["'`*_.!]+$/g, "")

const choiceOf = (
  route: AnyChoice,
  routes: Routes,
  hasFallback: boolean,
  at: string
): ((input: never, parts: Composite.Parts) => Effect.Effect<string, unknown, unknown>) => {
  if (typeof route === "function") {
    return (input, parts) =>
      parts.remember(
        at,
        Effect.suspend(() => {
          const chosen = route(input)
          return Effect.isEffect(chosen) ? chosen : Effect.succeed(chosen)
        })
      )
  }
  if (!(TypeId in route)) return (input, parts) => Effect.map(parts.run(at, route, input), ({ output }) => output)
  const agent = sorter(route, routes, hasFallback)
  return (input, parts) => Effect.map(parts.run(at, agent, asked(input)), ({ text }) => text)
}

const sorter = ({ instructions, settings }: ByModel, routes: Routes, hasFallback: boolean): Agent.Agent =>
  Agent.make("choice", {
    settings,
    instructions: [
      "You choose who is to do a task; you do not do it yourself. You can choose one of these:",
      ...Object.entries(routes).map(([name, { description }]) =>
        description === undefined ? `- ${name}` : `- ${name}: ${description}`
      ),
      ...(instructions === undefined ? [] : [instructions]),
      `Answer with the name and nothing else.${hasFallback ? " If none of them fits, answer: none" : ""}`
    ].join("\n")
  })

/** The input as one reads it who is to choose. */
const asked = (input: unknown): Message.Input =>
  Prompt.shown(
    typeof input === "string" ? input : Bracket.messagesOf(input),
    "Who is to do it? Answer with the name alone."
  )
